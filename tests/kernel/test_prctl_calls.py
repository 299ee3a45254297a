"""What a process says of itself with prctl(2); each time in a forked child."""

from __future__ import annotations

import errno
import os
import select
import signal

import pytest

from runtime.kernel import process
from runtime.kernel.capabilities import get_capabilities
from tests.support.forked import NOBODY, as_user, failure, in_child, needs_root


@needs_root
@pytest.mark.parametrize("is_dumpable", [True, False])
def test_who_is_not_dumpable_shows_nothing_to_its_own_user(is_dumpable: bool) -> None:
    def look() -> list[object]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            process.set_dumpable(is_dumpable)
            os.write(writing, b"x")
            signal.pause()
        os.read(reading, 1)
        try:
            os.readlink(f"/proc/{pid}/exe")
            seen = True
        except PermissionError:
            seen = False
        owner = os.stat(f"/proc/{pid}/fd").st_uid
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return [seen, owner == os.getuid()]

    assert in_child(as_user(look)) == [is_dumpable, is_dumpable]


def test_no_new_privs_is_for_good() -> None:
    def give_up() -> list[str]:
        process.set_no_new_privs()
        lines = open("/proc/self/status").read().split("\n")
        return [line for line in lines if line.startswith("NoNewPrivs")]

    assert in_child(give_up) == ["NoNewPrivs:\t1"]


@needs_root
@pytest.mark.parametrize("keeps", [True, False])
def test_capabilities_survive_a_change_of_user_where_they_are_kept(keeps: bool) -> None:
    def change() -> list[bool]:
        process.set_keepcaps(keeps)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return [bool(mask) for mask in get_capabilities()[:2]]

    assert in_child(change) == [False, keeps]


@pytest.mark.parametrize("is_subreaper", [True, False])
def test_orphans_come_to_a_subreaper(is_subreaper: bool) -> None:
    def reap() -> bool:
        process.set_child_subreaper(is_subreaper)
        reading, writing = os.pipe()
        middle = os.fork()
        if middle == 0:
            parent = process.pidfd_open(os.getpid())  # opened here: it may be gone before its child looks for it
            if os.fork() == 0:
                select.select([parent], [], [], 10)
                os.write(writing, b"%d" % os.getppid())
                os._exit(0)
            os._exit(0)
        os.waitpid(middle, 0)
        return int(os.read(reading, 99)) == os.getpid()

    assert in_child(reap) is is_subreaper


def test_the_parents_end_is_signalled() -> None:
    def orphan() -> str:
        process.set_child_subreaper(True)
        reading, writing = os.pipe()
        middle = os.fork()
        if middle == 0:
            ready, ready_end = os.pipe()
            if os.fork() == 0:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
                process.set_pdeathsig(signal.SIGUSR1)
                os.write(ready_end, b"x")
                caught = signal.sigtimedwait({signal.SIGUSR1}, 10)
                os.write(writing, b"nothing came" if caught is None else b"signalled")
                os._exit(0)
            os.read(ready, 1)
            os._exit(0)
        return os.read(reading, 99).decode()

    assert in_child(orphan) == "signalled"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("runf", "runf"), ("", ""), ("a b)", "a b)"), ("x" * 99, "x" * 15), ("\u00e4" * 9, "\u00e4" * 7)],
)
def test_the_name_is_what_ps_shows(name: str, shown: str) -> None:
    def rename() -> str:
        process.set_name(name)
        return open("/proc/self/comm", errors="ignore").read()

    assert in_child(rename) == shown + "\n"


def test_a_failure_names_the_option() -> None:
    told = failure(lambda: process.set_pdeathsig(65))
    assert told == [errno.EINVAL, "prctl(PR_SET_PDEATHSIG): Invalid argument"]
