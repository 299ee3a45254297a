"""A real Chromium without a window, driven over its debugging pipe.

One JSON message after the other, each ended by a NUL, on fds 3 (to it) and 4 (from it): no port, no library.
Source: Chrome DevTools Protocol; chromium --remote-debugging-pipe.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE_S = 60
ITS_FDS = (3, 4)
ABOVE = 10
# whatever runs before the page: what its policy refuses, and its mistakes
LISTENER = """
window.troubles = [];
addEventListener("securitypolicyviolation", event => troubles.push(`${event.violatedDirective}: ${event.blockedURI}`));
addEventListener("error", event => troubles.push(String(event.message)));
addEventListener("unhandledrejection", event => troubles.push(String(event.reason)));
"""


class Browser:
    """One page; ``close`` ends the browser."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 800) -> None:
        self._number = 0
        their_input, self._out = os.pipe()
        self._in, their_output = os.pipe()
        self._rest = b""
        self._pid = _start(their_input, their_output, profile)
        self._profile = profile
        self._session: str | None = None
        try:
            self._begin(width, height)
        except BaseException:
            self.close()
            raise

    def _begin(self, width: int, height: int) -> None:
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")
        self._ask("Page.addScriptToEvaluateOnNewDocument", source=LISTENER)
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def close(self) -> None:
        """Nothing of it stays."""
        os.close(self._in)
        os.close(self._out)  # which is how it is told to end
        os.waitpid(self._pid, 0)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url: str) -> None:
        """Begin to load a page."""
        self._ask("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """What the expression of JavaScript gives."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> Any:
        """Look at each frame until the expression gives something; that."""
        looking = f"new Promise(done => {{ const look = () => {{ const found = ({condition}); "
        looking += "found ? done(found) : setTimeout(look, 20); }; look(); })"
        return self.evaluate(looking)

    def prefer(self, scheme: str) -> None:
        """``light`` or ``dark``."""
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path) -> None:
        """What is seen, as PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._until(lambda found: found.get("id") == self._number)

    def _until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            while b"\0" in self._rest:
                text, _, self._rest = self._rest.partition(b"\0")
                found = json.loads(text)
                if is_it(found):
                    assert "error" not in found, found["error"]
                    result: dict[str, Any] = found["result"]
                    return result
            ready, _, _ = select.select([self._in], [], [], DEADLINE_S)
            assert ready, "the browser does not answer"
            chunk = os.read(self._in, 1 << 16)
            assert chunk, "the browser has ended"
            self._rest += chunk


def _start(its_input: int, its_output: int, profile: Path) -> int:
    """Its pid; the two fds, which are closed here, have fixed numbers there."""
    argv = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    argv += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ABOVE) for fd in (its_input, its_output)]
    actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in zip(high, ITS_FDS, strict=True)]
    try:
        return os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    finally:
        for fd in (*high, its_input, its_output):
            os.close(fd)
