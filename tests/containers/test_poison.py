"""Nothing of an image or a bundle runs as us, on any Python of the machine.

The bundle's directory is the working directory, the environment names it wherever Python looks, and both it and the
image hold a trap under the name of each module of the library, in the image also at the very place of the real one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel.files import F_GET_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.pythons import installed_with, pythons

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSYBOX = shutil.which("busybox")
needs_busybox = pytest.mark.needs("root", "program:busybox")
LIBRARIES = ("libnss_files.so.2", "libnss_dns.so.2", "libnss_trap.so.2", "libnss_compat.so.2", "libc.so.6")
TRAP_LIBRARY = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void spring(void) { close(open("%s", O_CREAT | O_WRONLY, 0644)); }
"""
# tells each event that means that something is loaded, once the gate has closed the imports of its process
AUDIT = """
import os, sys
def watch(event, arguments):
    if not sys.meta_path and event in ("import", "exec", "compile", "marshal.loads", "ctypes.dlopen"):
        os.write(2, ("AUDIT %s %r\\n" % (event, arguments)).encode())
sys.addaudithook(watch)
"""


class Installed(Runf):
    """The commands of another program than the tests' own."""

    def __init__(self, place: Path, *program: str) -> None:
        super().__init__(place)
        self.program = program

    def argv(self, *words: str) -> list[str]:
        return [*self.program, "--root", str(self.root), *words]


class Trap:
    """A module that leaves a mark when it is executed, on the host or in the image, whichever is the root then."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        self.rootfs = bundle / "rootfs"
        self.mark = Path("/var/tmp") / f"runf-poisoned-{bundle.parent.name}"
        self.code = f"import os\nos.close(os.open({str(self.mark)!r}, os.O_CREAT | os.O_WRONLY, 0o644))\n"
        self.code += "raise SystemExit(99)\n"

    def set_everywhere(self, python: str) -> None:
        asked = "import sys, os; print(os.path.dirname(os.__file__)); print(*sys.stdlib_module_names)"
        told = subprocess.run([python, "-IS", "-c", asked], check=True, capture_output=True, text=True).stdout
        library, names = told.splitlines()
        places = [
            self.bundle,
            self.rootfs,
            Path(f"{self.rootfs}{library}"),
            Path(f"{self.rootfs}{library}/lib-dynload"),
        ]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            for name in (*names.split(), "sitecustomize", "usercustomize", "click", "runtime", "schemas"):
                if name in ("encodings", "json", "runtime", "schemas"):
                    (place / name).mkdir(exist_ok=True)
                    (place / name / "__init__.py").write_text(self.code)
                else:
                    (place / f"{name}.py").write_text(self.code)

    def set_libraries(self) -> None:
        """In the image, as what a look-up of a user or a host would load; and what the loader itself would."""
        source = self.bundle / "trap.c"
        source.write_text(TRAP_LIBRARY % self.mark)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(self.bundle / "trap.so"), str(source)], check=True)
        for place in ("lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"):
            (self.rootfs / place).mkdir(parents=True, exist_ok=True)
            for name in LIBRARIES:
                shutil.copy(self.bundle / "trap.so", self.rootfs / place / name)
        (self.rootfs / "etc").mkdir(exist_ok=True)
        (self.rootfs / "etc" / "nsswitch.conf").write_text("passwd: trap files\ngroup: trap files\nhosts: trap dns\n")
        (self.rootfs / "etc" / "ld.so.preload").write_text("/lib/libnss_trap.so.2\n")

    def environment(self) -> dict[str, str]:
        names = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONPLATLIBDIR")
        here = str(self.bundle)
        return {
            **os.environ,
            **dict.fromkeys(names, here),
            "PYTHONSTARTUP": f"{here}/json/__init__.py",
            "PYTHONBREAKPOINT": "json.trap",
            "PYTHONINSPECT": "1",
            "PYTHONWARNINGS": "error::json.Trap",
            "PYTHONIOENCODING": "json",
        }

    def has_sprung(self) -> bool:
        return self.mark.exists() or Path(f"{self.rootfs}{self.mark}").exists()

    def clear(self) -> None:
        self.mark.unlink(missing_ok=True)


@pytest.fixture
def trap(bundle: Path) -> Iterator[Trap]:
    """Around an image of busybox, whose program may write anywhere in it."""
    made = Trap(bundle)
    yield made
    made.clear()


def busybox_bundle(trap: Trap, *args: str, hook: str = "", user: int = 0) -> str:
    """A bundle with an image of its own; its program finds ``echo`` and the like as busybox's."""

    def change(config: dict[str, Any]) -> None:
        config["root"]["readonly"] = False
        kept = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/sys")
        config["mounts"] = [each for each in config["mounts"] if each["destination"] in kept]
        config["process"]["user"] = {"uid": user, "gid": user, "additionalGids": [user + 1]}
        if hook:
            entry = {"path": "/bin/sh", "args": ["sh", "-c", hook]}
            config["hooks"] = {"startContainer": [entry], "createContainer": [entry]}

    path = make_container_bundle(trap.bundle, *args, change=change)
    for place in ("bin", "proc", "dev", "sys", "etc", "var/tmp"):
        (trap.rootfs / place).mkdir(parents=True, exist_ok=True)
    (trap.rootfs / "var" / "tmp").chmod(0o777)
    assert BUSYBOX is not None
    shutil.copy(BUSYBOX, trap.rootfs / "bin" / "busybox")
    (trap.rootfs / "bin" / "sh").unlink(missing_ok=True)
    (trap.rootfs / "bin" / "sh").symlink_to("busybox")
    return path


def test_the_trap_springs_where_python_is_started_the_usual_way(trap: Trap) -> None:
    trap.set_everywhere(sys.executable)
    environment = {**os.environ, "PYTHONPATH": str(trap.bundle)}
    done = subprocess.run([sys.executable, "-c", "import json"], cwd=trap.bundle, env=environment, check=False)
    assert done.returncode != 0
    assert trap.has_sprung()


@needs_busybox
@pytest.mark.parametrize("is_bound", [False, True], ids=["found by sh", "named"])
@pytest.mark.parametrize("python", pythons())
def test_no_module_of_an_image_or_a_bundle_runs_as_us(
    runf: Runf, trap: Trap, python: str, is_bound: bool, tmp_path: Path
) -> None:
    installed = Installed(runf.place, installed_with(python, tmp_path / "installed", is_bound=is_bound))

    def carry_out(*words: str) -> subprocess.CompletedProcess[str]:
        return installed(*words, cwd=trap.bundle, env=trap.environment())

    busybox_bundle(trap, "sh", "-c", "echo hello", user=1000)
    trap.set_everywhere(python)
    ran = carry_out("run", "one")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hello\n", "")
    busybox_bundle(trap, "sh", "-c", "while :; do sleep 1; done", hook="true")
    expected = {
        ("run", "--detach", "two"): (0, ""),
        ("state", "two"): (0, ""),
        ("list",): (0, ""),
        ("list", "--format", "json"): (0, ""),
        ("pause", "two"): (0, ""),
        ("resume", "two"): (0, ""),
        ("delete", "two"): (1, 'cannot delete container "two": it is running'),
        ("delete", "--force", "two"): (0, ""),
        ("state", "nobody"): (1, "does not exist"),
    }
    for words, (status, told) in expected.items():
        done = carry_out(*words)
        assert done.returncode == status, (words, done.stderr)
        assert told in done.stderr
    broken = {
        ("/nosuch-\N{EURO SIGN}",): ("no such file or directory", ""),
        ("sh",): ("exited with status 3", "printf '\\377\\344'; exit 3"),
    }
    for args, (told, hook) in broken.items():
        busybox_bundle(trap, *args, hook=hook)
        failed = carry_out("create", "three")
        assert failed.returncode == 1
        assert told in failed.stderr
    assert not trap.has_sprung()


@needs_busybox
@pytest.mark.needs("program:cc")
@pytest.mark.parametrize("python", pythons())
def test_no_library_of_an_image_is_loaded_by_us(runf: Runf, trap: Trap, python: str, tmp_path: Path) -> None:
    installed = Installed(runf.place, installed_with(python, tmp_path / "installed"))
    busybox_bundle(trap, "sh", "-c", "echo hello", hook="true", user=1000)
    trap.set_libraries()
    done = installed("run", "one", cwd=trap.bundle)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    assert not trap.has_sprung()


@needs_busybox
@pytest.mark.parametrize("python", pythons())
def test_nothing_is_loaded_once_the_gate_is_closed(runf: Runf, trap: Trap, python: str) -> None:
    source = Path(__file__).parents[2]
    entry = f"{AUDIT}\nsys.path.insert(0, {str(source)!r})\nfrom runtime.cli.entry import main\nmain(sys.argv)"
    audited = Installed(runf.place, python, "-IS", "-c", entry)
    for hook, status in (("", 0), ("exit 0", 0), ("printf '\\377'; exit 1", 1)):
        done = audited("run", "-b", busybox_bundle(trap, "sh", "-c", "echo hello", hook=hook, user=1000), "one")
        assert "AUDIT" not in done.stderr
        assert done.returncode == status, done.stderr


def test_the_audit_tells_of_what_is_loaded() -> None:
    code = f"{AUDIT}\nsys.meta_path.clear()\nexec('1')"
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    assert "AUDIT exec" in done.stderr


@needs_busybox
def test_what_waits_at_the_gate_is_sealed_memory_and_not_the_interpreter(runf: Runf, trap: Trap) -> None:
    runf.ok("create", "-b", busybox_bundle(trap, "sh"), "one")
    pid = runf.state("one")["pid"]
    with open(f"/proc/{pid}/exe", "rb") as file:
        seals = fcntl.fcntl(file, F_GET_SEALS)
    assert seals & (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == (
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
    )
    with pytest.raises(OSError, match="Text file busy"):
        open(f"/proc/{pid}/exe", "r+b")


@needs_busybox
def test_a_neighbour_in_the_pid_namespace_reaches_no_interpreter(runf: Runf, trap: Trap, tmp_path: Path) -> None:
    """A container whose interpreter waits, for a startContainer hook, in a namespace where another one runs as root."""
    look = "for p in /proc/[0-9]*; do echo $(cat $p/comm) $(readlink $p/exe || echo denied); (: >> $p/exe); done"
    script = f"cd /var/tmp; while [ ! -e stop ]; do ({look}) > new 2> err; mv new seen; done"
    runf.ok("run", "-d", "-b", busybox_bundle(trap, "sh", "-c", script), "neighbour")
    seen = trap.rootfs / "var" / "tmp" / "seen"
    pid = runf.state("neighbour")["pid"]
    interpreter = Path(os.readlink(f"/proc/{os.getpid()}/exe"))
    before = interpreter.stat().st_mtime_ns

    def join(config: dict[str, Any]) -> None:
        (own,) = (each for each in config["linux"]["namespaces"] if each["type"] == "pid")
        own["path"] = f"/proc/{pid}/ns/pid"
        config["hooks"] = {"startContainer": [{"path": "/usr/bin/true"}]}

    runf.ok("create", "-b", make_container_bundle(tmp_path, "sleep", "600", change=join), "one")
    waiting = Path(f"/proc/{runf.state('one')['pid']}/comm").read_text().strip()
    assert waiting.startswith("python")
    wait_until(lambda: f"{waiting} " in seen.read_text(), "the neighbour's look at it")
    assert {line for line in seen.read_text().splitlines() if line.startswith(waiting)} == {f"{waiting} denied"}
    assert interpreter.stat().st_mtime_ns == before
    (trap.rootfs / "var" / "tmp" / "stop").touch()


def test_foreign_fds_of_the_caller_do_not_arrive(runf: Runf, bundle: Path) -> None:
    opened = [os.open("/", os.O_RDONLY | os.O_DIRECTORY) for _ in range(20)] + list(os.pipe())
    path = make_container_bundle(bundle, "sh", "-c", "ls /proc/self/fd")
    try:
        done = runf("run", "-b", path, "one", pass_fds=opened)
    finally:
        for fd in opened:
            os.close(fd)
    assert done.returncode == 0
    assert len(done.stdout.split()) == 4  # 0, 1, 2, and what ls itself opens


def test_no_record_and_no_answer_holds_the_environment(runf: Runf, bundle: Path) -> None:
    secret = "hunter2-" + bundle.parent.name

    def change(config: dict[str, Any]) -> None:
        config["process"]["env"].append(f"TOKEN={secret}")
        config["process"]["args"] = ["sh", "-c", f"exit 3 # {secret}"]
        config["hooks"] = {"poststop": [{"path": "/usr/bin/true", "args": ["true"], "env": [f"TOKEN={secret}"]}]}

    path = make_container_bundle(bundle, "true", change=change)
    runf.ok("create", "-b", path, "one")
    answers = [runf.ok("state", "one"), runf.ok("list", "--format", "json"), json.dumps(runf.record("one"))]
    runf.ok("start", "one")
    wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
    answers += [runf.ok("state", "one")]
    runf.ok("delete", "one")
    answers += [json.dumps(each) for each in runf.last_records()]
    assert not any(secret in answer for answer in answers)
    kept = [file for file in runf.root.rglob("*") if file.is_file() and secret in file.read_text(errors="replace")]
    assert kept == []
