"""How the watcher answers: JSON on one line, refusals too, and nothing for those whom a browser sends without asking.

Over TCP a web page anywhere could have its reader's browser ask us: so a name in the Host header must be one of ours
(DNS rebinding needs a name), and what another site's page asks for is refused.
Source: RFC 9110 7.2 (Host), W3C Fetch Metadata Request Headers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

from aiohttp import web

from runtime.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOCAL = "localhost"
# whoever takes nothing of an answer for that long gets no more of it: what is left would stay in memory
STUCK_S = 60.0
ELSEWHERE = ("cross-site", "same-site")
FORBIDDEN, MISDIRECTED = 403, 421

_log = logging.getLogger(__name__)


def compact(document: Any) -> bytes:
    """As JSON without a needless byte."""
    return json.dumps(document, separators=(",", ":")).encode()


def answer(document: object, *, status: int = 200) -> web.Response:
    """A whole answer, with a line feed at its end for terminals."""
    return web.Response(status=status, body=compact(document) + b"\n", content_type="application/json")


def problem(status: int, error: str, hint: str) -> web.Response:
    """A refusal: what is wrong, and what to do."""
    return answer({"error": error, "hint": hint}, status=status)


class Piecemeal:
    """An answer that goes out in pieces, of which each must be taken within ``stuck_s``, or the connection ends."""

    def __init__(self, request: web.Request, response: web.StreamResponse, stuck_s: float) -> None:
        self._request = request
        self._response = response
        self._stuck_s = stuck_s

    async def write(self, piece: bytes) -> None:
        """Hand it on; an empty one gives others their turn.  ConnectionError: the reader has gone, or is stuck."""
        if not piece:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(self._stuck_s):
                await self._response.write(piece)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionAbortedError(f"nothing was read for {self._stuck_s:g} seconds") from None

    async def write_array(self, pieces: Iterable[bytes]) -> None:
        """A JSON array; each piece holds some of its entries, with commas between them."""
        begin = b"["
        for piece in pieces:
            await self.write(piece and begin + piece)
            begin = b"," if piece else begin
        await self.write(b"]\n" if begin == b"," else b"[]\n")


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as JSON, and no traceback for anybody."""
    try:
        return await handler(request)
    except UsageFault as fault:
        return problem(400, fault.message, fault.hint)
    except web.HTTPMethodNotAllowed as error:
        refusal = problem(405, f"{request.method} is not possible here", "the watcher only tells: use GET")
        refusal.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return refusal
    except web.HTTPException as error:
        return problem(error.status, f"{request.path}: {error.reason.lower()}", "GET /openapi.json tells what there is")
    except ConnectionError:
        raise  # the reader has gone
    except Exception as error:
        _log.error("%s %s: %s: %s", request.method, request.path, type(error).__name__, error)
        return problem(500, f"internal error: {type(error).__name__}", "the watcher's log may tell more")


def guard(names: Collection[str]) -> Any:
    """The middleware that refuses what other sites send; ``names`` are host names of ours beside localhost."""
    ours = {LOCAL, *(name.lower() for name in names)}

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_tcp(request):
            return await handler(request)
        # who sends none is no browser
        name = host_name(request.headers.get("Host") or LOCAL)
        if name not in ours and not _is_address(name):
            hint = "use the address, or name the host in watcher.toml: host_names"
            return problem(MISDIRECTED, f"{name!r} is not a name of this watcher", hint)
        if _is_foreign(request):
            return problem(FORBIDDEN, "a page of another site asks", "open the watcher's own page")
        return await handler(request)

    return refuse


def _is_tcp(request: web.Request) -> bool:
    connection = request.get_extra_info("socket")
    return connection is None or connection.family != socket.AF_UNIX


def host_name(host: str) -> str:
    """A Host header without its port, and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_foreign(request: web.Request) -> bool:
    """A link to us may be followed; what else comes from there would be for the page there."""
    fetched = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    if request.headers.get("Sec-Fetch-Site") in ELSEWHERE and fetched:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and origin != f"http://{request.headers.get('Host')}"
