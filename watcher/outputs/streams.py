"""How events look on their way to a reader, and the short way to one that keeps up.

    NDJSON   an event a line
    SSE      the same line as `data:`, with the cursor as `id:`, for ``Accept: text/event-stream``

While a reader takes everything at once, what is published is written to its connection at once, too: its task sleeps
on, and what readers have in common is put together once for all. Where anything is left unsent, the task takes over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watcher.events import type_of
from watcher.hub import BATCH, BATCH_BYTES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from watcher.counts import Counts
    from watcher.hub import Published
    from watcher.journal import Numbered

    CursorAt = Callable[[int], str]

RETRY_MS = 1000


class Form(NamedTuple):
    """How a stream looks: ``show`` (cursor, line) gives the bytes of one event, ``bookmark`` those of a cursor.

    ``is_plain``: an event is its line.
    """

    content_type: str
    head: bytes
    show: Callable[[str | None, bytes], bytes]
    bookmark: Callable[[str], bytes]
    is_plain: bool = False

    def body(self, numbered: Iterable[Numbered], cursor_at: CursorAt) -> bytes:
        """All of these events, one after the other."""
        if self.is_plain:
            return b"\n".join([*[each.line for each in numbered], b""])
        return b"".join([self.show(cursor_at(each.sequence), each.line) for each in numbered])


def _show_sse(cursor: str | None, line: bytes) -> bytes:
    identity = "" if cursor is None else f"id: {cursor}\n"
    return f"{identity}event: {type_of(line)}\ndata: ".encode() + line + b"\n\n"


NDJSON = Form("application/x-ndjson", b"", lambda cursor, line: line + b"\n", lambda cursor: b"", is_plain=True)
# an id without data makes no event, and yet is where the client resumes from (HTML, 9.2.6)
SSE = Form(
    "text/event-stream",
    f"retry: {RETRY_MS}\n\n".encode(),
    _show_sse,
    lambda cursor: f": still here\nid: {cursor}\n\n".encode(),
)


class Straight:
    """The connection of a reader, as the hub sees it; ``is_chunked``: its response is (RFC 9112, 7.1).

    The server writes a response to the same transport, whole chunks at once: so nothing gets between.
    """

    def __init__(
        self, transport: asyncio.Transport, form: Form, cursor_at: CursorAt, counts: Counts, *, is_chunked: bool
    ) -> None:
        self._transport = transport
        self._counts = counts
        self._form = form
        self._cursor_at = cursor_at
        self._is_chunked = is_chunked
        self._kind = (form.content_type, is_chunked)

    def send(self, numbered: list[Numbered], published: Published) -> bool:
        """Write them, unless something written before is still unsent."""
        transport = self._transport
        if transport.get_write_buffer_size() or transport.is_closing():
            return False
        is_all = numbered is published.numbered
        transport.write(published.framed(self._kind, self._frame) if is_all else self._frame(numbered))
        self._counts.delivery_failures += transport.is_closing()  # the reader had gone
        return True

    def _frame(self, numbered: list[Numbered]) -> bytes:
        body = self._form.body(numbered, self._cursor_at)
        return b"%x\r\n%b\r\n" % (len(body), body) if self._is_chunked else body


def pieces(parts: Iterable[bytes], between: bytes) -> Iterator[bytes]:
    """As many as make one write that keeps nobody waiting; what a stuck reader leaves unread is hardly more.

    A piece is empty where so many parts were: then others get their turn.
    """
    piece: list[bytes] = []
    size = 0
    for number, part in enumerate(parts, 1):
        if part:
            piece.append(part)
            size += len(part)
        if size >= BATCH_BYTES or number % BATCH == 0:
            yield between.join(piece)
            piece, size = [], 0
    if piece:
        yield between.join(piece)
