"""What changes a process is done in a forked one, which tells its result."""

from __future__ import annotations

import json
import os
import select
import signal
import traceback
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_S = 60
NOBODY = 65534


needs_root = pytest.mark.needs("root")
needs_user_namespaces = pytest.mark.needs("user namespaces")


def in_child(action: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> Any:
    """What ``action`` returns in a forked child, through JSON; its traceback is the failure where it raises."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _report(action, writing)
    os.close(writing)
    try:
        answer = _read_all(reading, deadline_s)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)  # it ends anyway, unless it hangs
        _, status = os.waitpid(pid, 0)
    assert answer, f"the child ended without a result, wait status {status}"
    result = json.loads(answer)
    assert "raised" not in result, result["raised"]
    return result["returned"]


def _report(action: Callable[[], object], writing: int) -> None:
    try:
        result = {"returned": action()}
    except BaseException:  # whatever it is, the parent shows it
        result = {"raised": traceback.format_exc()}
    try:
        os.write(writing, json.dumps(result).encode())
    finally:
        os._exit(0)


def _read_all(fd: int, deadline_s: float) -> bytes:
    chunks = []
    while select.select([fd], [], [], deadline_s)[0]:
        chunk = os.read(fd, 65536)
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks)


def as_user(action: Callable[[], object], uid: int = NOBODY) -> Callable[[], object]:
    """``action`` without root: for root, as ``uid``; for anybody else, as themselves."""

    def act() -> object:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            _be_dumpable()
        return action()

    return act


def _be_dumpable() -> None:
    """A change of user makes /proc/self root's, and then nobody could write its own uid_map."""
    from runtime.kernel.process import set_dumpable

    set_dumpable(True)


def failure(action: Callable[[], object]) -> list[Any]:
    """Errno and text of the OSError that ``action`` raises."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - errno and text are what the caller compares
        action()
    return [caught.value.errno, caught.value.strerror]


def exit_status_of(pid: int) -> int:
    """Wait for a child: its exit code, negative the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_namespaces(flags: int, action: Callable[[], object]) -> Any:
    """What ``action`` returns in new namespaces, as their first process where a pid namespace is among them."""
    from runtime.kernel.process import unshare

    def enter() -> object:
        if os.geteuid() == 0:
            unshare(flags)
        else:
            enter_user_namespace(flags)
        return in_child(action)

    return in_child(enter)


def enter_user_namespace(flags: int) -> None:
    """New namespaces with a user namespace around them, in which we are root and nobody else exists."""
    from runtime.kernel.process import CLONE_NEWUSER, unshare

    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
