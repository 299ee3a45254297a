"""``runf-watcher --follow``: the snapshot and the events on stdout, without socket, journal or commits."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from typing import TYPE_CHECKING

from runtime.errors import Fault
from runtime.store.store import Store
from watcher.filters import make_event_filter
from watcher.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watcher.config import Settings
    from watcher.events import Event

TICK_MS = 5000


def follow(settings: Settings, query: Sequence[tuple[str, str]] = ()) -> None:
    """Print what the filters of ``query`` leave, until the reader goes away or a signal comes.

    BrokenPipeError, where writing finds out first; Fault.
    """
    if sys.stdout is None:
        raise Fault("there is nowhere to print: stdout is closed")
    output = sys.stdout.fileno()
    wants = make_event_filter(query)
    is_started = False

    def show(events: list[Event]) -> None:
        if is_started:  # what the records told before is in the snapshot
            _write(output, filter(wants, events))

    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store(settings.root, make=True)))
        follower = Follower(store, commits=False, source=settings.source, on_events=show)
        stack.callback(follower.close)
        follower.start()
        is_started = True
        _write(output, filter(wants, follower.snapshot_events()))
        _follow_until_unread(follower, output)


def _follow_until_unread(follower: Follower, output: int) -> None:
    poll = select.poll()
    for fd in follower.fds():
        poll.register(fd, select.POLLIN)
    poll.register(output, 0)  # POLLERR and POLLHUP come unasked when the reader closes its end
    while True:
        ready = [fd for fd, _ in poll.poll(TICK_MS)]
        if output in ready:
            return
        for fd in ready:
            follower.handle(fd)
        if not ready:
            follower.tick()


def _write(output: int, events: Iterable[Event]) -> None:
    view = memoryview("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events).encode())
    while view:
        view = view[os.write(output, view) :]
