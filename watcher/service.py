"""The watcher at work: one event loop that polls the follower and serves the sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from runtime.errors import Fault, UnknownBoot
from runtime.kernel import procfs
from watcher.counts import Counts
from watcher.exits import kernel_tells_after_reaping
from watcher.hub import Hub
from watcher.instance import open_root, single_instance
from watcher.journal import Journal
from watcher.kept import Kept
from watcher.logs import log_lines
from watcher.manager import inherited, is_at_work, notify, reloading, watchdog_s
from watcher.outputs import tcp, unixsocket
from watcher.outputs.http import Service
from watcher.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.store.store import Store
    from watcher.config import Settings
    from watcher.events import Event
    from watcher.manager import Inherited

TICK_S = 5.0
SHUTDOWN_S = 1.0
# what SIGHUP can change; the rest is decided when the watcher starts
RELOADED = ("segment_bytes", "segments", "queue")

_log = logging.getLogger(__name__)


def serve(settings: Settings, reread: Callable[[], Settings]) -> None:
    """Follow the root and serve the sockets until SIGTERM or SIGINT; SIGHUP takes the settings from ``reread``.

    Fault.
    """
    log_lines()
    raise_file_limit()
    kernel_tells_after_reaping()  # it forks: now, while there is but one thread
    given = inherited(os.environ)
    with single_instance(settings), open_root(settings) as store:
        asyncio.run(_serve(settings, reread, store, given))


def raise_file_limit() -> None:
    """Some fds for each container: take as many as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: Settings, reread: Callable[[], Settings], store: Store, given: Inherited) -> None:
    """Everything that must be let go again is closed in the opposite order."""
    with contextlib.ExitStack() as stack:
        journal = Journal(
            settings.private / "journal", segment_bytes=settings.segment_bytes, segments=settings.segments
        )
        stack.callback(journal.close)
        counts = Counts()
        hub = Hub(journal, limit=settings.queue, counts=counts)

        def publish(events: list[Event]) -> None:
            hub.publish(journal.append(events), events)
            counts.take(events, now_s=time.time())

        roots = Roots(
            store,
            machine=settings.machine,
            commits=not settings.read_only,
            default_root=settings.announced_beside,
            on_events=publish,
            kept=Kept(given.kept, is_at_work=is_at_work(os.environ)),
        )
        stack.callback(roots.close)
        roots.start(lambda: dict(journal.known), lambda: journal.pruned_until)
        _let_go_of_pruned(roots, journal)
        if not procfs.boot_id(store.proc):
            _log.warning("no end of a process can be told: %s", UnknownBoot(store.proc))
        places = _listen(settings, store, given.sockets, stack)
        service = Service(roots, journal, hub, source=settings.source, counts=counts, host_names=settings.host_names)
        runner = web.AppRunner(service.application(), access_log=None, handler_cancellation=True)
        await runner.setup()
        try:
            for listener in places.values():
                await web.SockSite(runner, listener, shutdown_timeout=SHUTDOWN_S).start()
            turn = Turn(roots, journal, hub)
            await turn.until_told(
                f"following {settings.root}, {', '.join(places)}",
                lambda: _reload(settings, reread, journal, hub),
            )
        finally:
            notify("STOPPING=1")
            hub.close()
            await runner.cleanup()


def _let_go_of_pruned(roots: Roots, journal: Journal) -> None:
    """Note how far what was pruned is told, and only then forget it: one of both knows each life at any time."""
    if journal.follow(roots.pruned_until()):
        journal.forget(roots.lives())


def _listen(
    settings: Settings, store: Store, given: list[socket.socket], stack: contextlib.ExitStack
) -> dict[str, socket.socket]:
    """By what people call them: the sockets that we were started with, and those of the settings beside them."""
    for each in given:
        stack.enter_context(each)
    found = {}
    if not any(each.family == socket.AF_UNIX for each in given):
        group = os.fstat(store.fds.root).st_gid
        opened = stack.enter_context(unixsocket.listening(settings.socket, group=group))
        found[f"socket {settings.socket}"] = opened
    for each in [*given, *(stack.enter_context(tcp.listening(address)) for address in settings.listen)]:
        name = each.getsockname()
        found[f"socket {name}" if isinstance(name, str) else f"http://{tcp.shown(name)}/"] = each
    return found


def _reload(settings: Settings, reread: Callable[[], Settings], journal: Journal, hub: Hub) -> None:
    """Take up what may change while we work; a file that is wrong changes nothing."""
    try:
        found = reread()
    except Fault as fault:
        _log.error("nothing is reloaded: %s", fault)
        return
    journal.segment_bytes, journal.segments_limit, hub.limit = (getattr(found, name) for name in RELOADED)
    others = [name for name in settings._fields if name not in RELOADED]
    changed = [name for name in others if getattr(found, name) != getattr(settings, name)]
    if changed:
        _log.warning("reloaded, but for what needs a new start: %s", ", ".join(changed))
    else:
        _log.info("reloaded")


class Turn:
    """What the event loop does beside serving: it handles what the followers' fds tell, and ticks."""

    def __init__(self, roots: Roots, journal: Journal, hub: Hub) -> None:
        self._roots = roots
        self._journal = journal
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[None] = self._loop.create_future()

    async def until_told(self, ready: str, reload: Callable[[], None]) -> None:
        """Go on until a signal ends it, or a fault, which is raised here."""
        roots, loop = self._roots, self._loop
        roots.listen, roots.forget = self._listen, loop.remove_reader
        roots.later = lambda delay_s, act: loop.call_later(delay_s, self._guarded, act)
        for fd in roots.fds():
            self._listen(fd)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._finish)
        loop.add_signal_handler(signal.SIGHUP, self._reload, reload)
        tasks = [loop.create_task(self._tick_for_ever())]
        wanted_s = watchdog_s(os.environ)
        if wanted_s is not None:
            tasks.append(loop.create_task(_live_for_ever(wanted_s / 2)))
        _log.info("%s", ready)
        notify(f"READY=1\n{self._status()}")
        try:
            await self._stopped
        finally:
            for task in tasks:
                task.cancel()
            for fd in roots.fds():
                loop.remove_reader(fd)
            roots.forget = lambda fd: None

    def _listen(self, fd: int) -> None:
        self._loop.add_reader(fd, self._guarded, partial(self._roots.handle, fd))

    def _finish(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # a watcher that can't go on must say so and end, not sit there deaf
            if not self._stopped.done():
                self._stopped.set_exception(error)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._guarded(self._tick)

    def _tick(self) -> None:
        self._roots.tick()
        _let_go_of_pruned(self._roots, self._journal)
        notify(self._status())

    def _reload(self, reload: Callable[[], None]) -> None:
        notify(reloading())
        self._guarded(reload)
        notify("READY=1")

    def _status(self) -> str:
        followers = self._roots.followers.values()
        containers = sum(len(each.snapshot) for each in followers)
        return f"STATUS={containers} containers in {len(followers)} roots, {len(self._hub)} subscribers"


async def _live_for_ever(pause_s: float) -> None:
    """A loop that is stuck doesn't come here, and is ended by the service manager."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(pause_s)
