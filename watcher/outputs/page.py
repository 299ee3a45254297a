"""GET /: the live table for people, one file without anything from elsewhere.

Its script and its style are named to the browser by their hashes, and nothing else may run or be loaded there: what a
container's annotations hold stays text.  Source: W3C Content Security Policy Level 3.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).with_name("page.html")


async def page(request: web.Request) -> web.Response:
    """The page and what a browser must know of it."""
    body, policy = load()
    headers = {
        "Content-Security-Policy": policy,
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=body, headers=headers)


@cache
def load() -> tuple[bytes, str]:
    """The page, and its policy: this one script, this one style, data from ourselves."""
    body = PAGE.read_bytes()
    script, style = (_hash(body, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return body, policy


def _hash(body: bytes, tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>".encode(), body, re.DOTALL)
    if found is None:
        raise AssertionError(f"the page has no {tag}")
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1]).digest()).decode()}'"
