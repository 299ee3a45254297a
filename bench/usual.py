"""Which functions the usual commands call: what the installed file of modules has ready (hatch_build.py).

    python -m bench.usual       (as root and as an ordinary user, on cgroup v1 and v2)

runs them under a profiler, on the source tree, and adds what is new to launchers/usual.txt.  A function that isn't in
it costs a call some microseconds the first time; one too many costs each command one.  Names that are no more go.
"""

from __future__ import annotations

import ast
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
USUAL = HERE / "launchers/usual.txt"
BYTES = 1 << 20
REGIONS = 16  # one for each process of a command, which the fork gives away one after the other
# Shared memory outlasts execve and needs no descriptor, which a container's process would have to close.
RECORDER = """
import mmap, os, sys
home, path, regions, *words = sys.argv[1:]
sys.path.insert(0, home)
with open(path, "r+b") as file:
    shared = mmap.mmap(file.fileno(), 0)
size = len(shared) // int(regions)
seen, own, at = set(), 0, 0
def record(frame, event, _):
    global own, at
    code = frame.f_code
    if event != "call" or code in seen or not code.co_flags & 1:  # CO_OPTIMIZED: a function, not a class
        return
    seen.add(code)
    if own != os.getpid():
        own = os.getpid()
        at = next(each for each in range(0, len(shared), size) if not shared[each])
    line = f"{code.co_filename}:{code.co_qualname}\\n".encode()
    shared[at : at + len(line)] = line
    at += len(line)
from runtime.cli import entry
sys.setprofile(record)
entry.main(["runf", *words])
"""


def main() -> None:
    """Run the commands, and write the file."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("bench: needs busybox: apt install busybox-static")
    found = read_usual(USUAL.read_text() if USUAL.exists() else "")
    before = sum(map(len, found.values()))
    with tempfile.TemporaryDirectory() as place:
        for command, name in _record_all(Path(place), busybox):
            found.setdefault(name, set()).add(command)
    there = set(functions())
    USUAL.write_text("".join(f"{name}: {' '.join(sorted(found[name]))}\n" for name in sorted(found) if name in there))
    print(f"{sum(map(len, found.values()))} calls, {before} before, in {USUAL}")


def functions() -> Iterator[str]:
    """All that there are, by ``module:qualified name``."""
    for top in ("runtime", "schemas"):
        for path in sorted((HERE / top).rglob("*.py")):
            yield from (f"{_module(path)}:{name}" for name in _named(ast.parse(path.read_bytes()).body, ""))


def _named(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for each in body:
        if isinstance(each, ast.FunctionDef):
            yield f"{prefix}{each.name}"
        elif isinstance(each, ast.ClassDef):
            yield from _named(each.body, f"{prefix}{each.name}.")


def _module(path: Path) -> str:
    return ".".join(path.relative_to(HERE).with_suffix("").parts).removesuffix(".__init__")


def read_usual(text: str) -> dict[str, set[str]]:
    """The commands that call a function, by ``module:qualified name``."""
    lines = (line.rpartition(": ") for line in text.splitlines())
    return {name: set(commands.split()) for name, _, commands in lines}


def _record_all(place: Path, busybox: str) -> Iterator[tuple[str, str]]:
    bundle = _make_bundle(place, busybox)
    common = ("--root", str(place / "root"))
    of_bundle = ("--bundle", str(bundle), "--pid-file", str(place / "pid"))
    for words in (
        ("create", *of_bundle, "a"),
        ("state", "a"),
        ("start", "a"),
        ("list",),
        ("list", "--format", "json"),
        ("state", "a"),
        ("exec", "a", "/bin/true"),
        ("exec", "--detach", "--pid-file", str(place / "execpid"), "a", "/bin/true"),
        ("kill", "a", "KILL"),
        ("wait-for-end",),
        ("state", "a"),
        ("list",),
        ("delete", "a"),
        ("run", "--detach", *of_bundle, "a"),
        ("delete", "--force", "a"),
        ("run", *of_bundle, "b"),
    ):
        if words[0] == "wait-for-end":
            _wait(int((place / "pid").read_text()))
        else:
            if words[0] == "run" and "--detach" not in words:
                _set_program(bundle, "/bin/true")
            yield from ((words[0], name) for name in _record(place, (*common, *words)))


def _make_bundle(place: Path, busybox: str) -> Path:
    bundle = place / "bundle"
    programs = bundle / "rootfs/bin"
    programs.mkdir(parents=True)
    shutil.copy(busybox, programs / "busybox")
    for name in ("true", "sleep"):
        (programs / name).symlink_to("busybox")
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    subprocess.run([sys.executable, "-m", "runtime", "spec", *rootless, "--bundle", bundle], check=True, cwd=HERE)
    _set_program(bundle, "/bin/sleep", "600")
    return bundle


def _set_program(bundle: Path, *args: str) -> None:
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(terminal=False, args=args)
    path.write_text(json.dumps(config))


def _record(place: Path, words: tuple[str, ...]) -> Iterator[str]:
    """What one command and its processes call."""
    memory = place / "calls"
    memory.write_bytes(bytes(BYTES))
    argv = [sys.executable, "-IS", "-X", "utf8", "-c", RECORDER, str(HERE), str(memory), str(REGIONS), *words]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with memory.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as calls:
        text = calls[:].replace(b"\0", b"").decode()
    for line in text.splitlines():
        path, _, name = line.rpartition(":")
        if path.startswith(f"{HERE}/") and "<" not in name:
            yield f"{_module(Path(path))}:{name}"


def _wait(pid: int) -> None:
    while True:
        try:
            os.kill(pid, 0)
        except OSError:
            return
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return


if __name__ == "__main__":
    main()
