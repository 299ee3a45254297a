"""A watcher before very many containers: what its start, its answers, its page and its memory cost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.lifecycle import Failed
from runtime.actions.context import own_root
from runtime.store import address
from tests.support.browser import Browser
from watcher.usages import FRESH_S

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = "document.querySelectorAll('tr.box').length"
SHOWN = 500  # the page shows no more rows than these


class Spent(NamedTuple):
    """Seconds by the clock, and those of the watcher on the processors."""

    wall: float
    cpu: float


class Watched:
    """``runf-watcher`` on one root, with a page on a port of its own."""

    def __init__(self, program: str, root: Path, *options: str) -> None:
        self.socket = str(root.parent / f"{root.name}.sock")
        self.private = Path(address.private_directory(str(root), own_root(os.environ)))
        began = time.monotonic()
        self.process = subprocess.Popen(
            [program, "--root", str(root), "--socket", self.socket, "--one-root", "--listen", "127.0.0.1:0", *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stderr.readline() if self.process.stderr else ""
        if "following" not in line:
            self.process.kill()
            raise Failed(f"the watcher did not start: {line}")
        self.started = Spent(time.monotonic() - began, self.cpu_s())
        self.page = "http://" + line.rpartition("http://")[2].strip()

    def cpu_s(self) -> float:
        """Of all its threads, to the nanosecond."""
        total = 0
        for path in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((path / "schedstat").read_text().split()[0])
        return total / 1e9

    def pss_mib(self) -> float:
        """Its proportional set size (proc(5), smaps_rollup)."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) / 1024

    def containers(self) -> Spent:
        """GET /v1/containers, every byte of it."""
        return self._spent(lambda: self._get("/v1/containers"))

    def states(self) -> dict[str, int]:
        """How many containers are in each state, as it tells them."""
        found: dict[str, int] = {}
        for each in json.loads(self._get("/v1/containers")):
            found[each["status"]] = found.get(each["status"], 0) + 1
        return found

    def metrics(self) -> Spent:
        """GET /metrics, with the cgroups read anew."""
        time.sleep(FRESH_S)
        return self._spent(lambda: self._get("/metrics"))

    def _get(self, target: str) -> bytes:
        """The whole body of an answer, however long it takes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            connection.sendall(f"GET {target} HTTP/1.0\r\nHost: runf\r\n\r\n".encode())
            parts = iter(lambda: connection.recv(1 << 20), b"")
            head, _, body = b"".join(parts).partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise Failed(f"GET {target}: {head.decode()}")
        return body

    def _spent(self, ask: Callable[[], object]) -> Spent:
        cpu_s, began = self.cpu_s(), time.monotonic()
        ask()
        wall_s = time.monotonic() - began
        return Spent(wall_s, self.cpu_s() - cpu_s)

    def page_s(self, number: int, place: Path) -> tuple[float, float]:
        """Seconds from asking for the page to its first row, and until the whole table stands there."""
        browser = Browser(place / "profile")
        try:
            began = time.monotonic()
            browser.open(self.page)
            browser.wait_for(f"{ROWS} > 0")
            first_s = time.monotonic() - began
            counted = f"document.getElementById('counts').innerText.startsWith('{number} ')"
            browser.wait_for(f"{ROWS} === {min(number, SHOWN)} && {counted}")
            return first_s, time.monotonic() - began
        finally:
            browser.close()

    def close(self) -> None:
        """End it, and forget what it keeps."""
        self.end()
        shutil.rmtree(self.private, ignore_errors=True)

    def end(self) -> None:
        """End it; the next one of this root goes on where it was."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
