"""A foreground command that can't wait for its program any more leaves nothing behind that nobody relays for."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from runtime.actions import exec as adding
from runtime.actions import run as running
from runtime.actions.beginning import Request
from runtime.actions.context import find_context
from runtime.sandbox import relay
from runtime.spec.process_options import Changes
from tests.support.containers import Runf, make_container_bundle
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def can_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EMFILE, "signalfd: Too many open files")

    monkeypatch.setattr(relay, "wait_foreground", fail)


def error_of(act: Callable[[], object]) -> int | None:
    """The number that it fails with, in a process of its own."""

    def tell() -> int | None:
        try:
            act()
        except OSError as error:
            return error.errno
        return None

    number: int | None = in_child(tell)
    return number


def test_a_container_is_deleted(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    context = find_context(os.environ, root=str(runf.root))
    assert error_of(lambda: running.run(context, "one", Request(path))) == errno.EMFILE
    assert not (runf.root / "one").exists()
    assert [each["exit"]["signal"] for each in runf.last_records()] == [9]


def test_an_added_process_is_ended_and_its_end_is_on_record(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    context = find_context(os.environ, root=str(runf.root))
    request = adding.Request(changes=Changes(args=("sleep", "600")))
    assert error_of(lambda: adding.execute(context, "one", request)) == errno.EMFILE
    (only,) = runf.record("one")["execs"]
    assert (only["exit"]["code"], only["exit"]["signal"]) == (137, 9)
    assert not os.path.exists(f"/proc/{only['process']['pid']}")
    assert runf.record("one")["status"] == "running"
