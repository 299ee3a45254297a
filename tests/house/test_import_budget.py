"""What the commands that machines call may import, in the installed form: imports are most of a command's time."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hatch_build import compile_modules
from runtime.cli.table import all_commands
from runtime.sandbox import features
from tests.support.containers import make_container_bundle
from tests.support.needs import why_missing

REPOSITORY = Path(__file__).parents[2]
PYTHON = (sys.executable, "-IS", "-X", "utf8", "-c")
# runs a launcher, and writes down what is loaded once the command, though none of its children, ends
TELLER = """
import posix, sys
before, own, leave = set(sys.modules), posix.getpid(), posix._exit
def tell(status):
    if posix.getpid() == own:
        new = set(sys.modules) - before
        searched = [f"{name} searched" for name in new if name[:7] == "runtime" and sys.modules[name].__spec__]
        posix.write(told, "\\n".join([*new, *searched]).encode())
    leave(status)
posix._exit = tell
told = posix.open(sys.argv[1], posix.O_WRONLY | posix.O_CLOEXEC)
sys.argv[:2] = []
__file__ = sys.argv[0]
exec(compile(open(__file__, "rb").read(), __file__, "exec"))
"""
# each costs next to nothing: they are built in, small shared objects, or what file names need; os is the thin one
CHEAP = {
    *("_collections", "_ctypes", "_json", "_sre", "_stat", "_struct", "errno", "fcntl", "gc"),
    *("genericpath", "os", "os.path", "posixpath", "select", "stat"),
}
# a filter's key, the listener, device owners, whose subordinate ids an ordinary user has, terminals
OF_MAKING = {"_sha2", "_sha256", "_socket", "grp", "pwd", "termios"}
MAKING = {"create", "exec", "run"}
# the packages that a command which only looks has no use for
HEAVY = ("runtime.sandbox", "runtime.spec", "runtime.cgroups.manager", "schemas.generated.config")
LOOKING = {"list", "state", "wait"}
# how many modules of ours a command may load for a default container; `create` has more on v2, and more where an
# interpreter sets the container up, as an ordinary user's
MODULES = {"state": 45, "list": 48, "start": 50, "create": 114, "state at a glance": 3, "list at a glance": 3}
NOT_MEASURED = {
    "events": "ends when something else does",
    "register": "is called by another runtime, once for each container",
    "unregister": "as register",
}


class Installed:
    """The launcher and the packages as the wheel lays them out; ``imports`` has what each command loaded."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.launcher = place / "bin/runf"
        self.imports: dict[str, set[str]] = {}
        self.searched: dict[str, set[str]] = {}
        home = place / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/runf"
        for package in ("runtime", "schemas"):
            shutil.copytree(REPOSITORY / package, home / package, ignore=shutil.ignore_patterns("__pycache__"))
        name, content = compile_modules()
        (home / name).write_bytes(content)
        self.launcher.parent.mkdir()
        shutil.copy(REPOSITORY / "launchers/runf", self.launcher)

    def __call__(self, command: str, *words: str, known_as: str = "") -> None:
        """Run a command that must succeed."""
        root = str(self.place / "root")
        lines = loaded_by(str(self.launcher), "runf", "--root", root, command, *words)
        self.imports[known_as or command] = {line for line in lines if " " not in line}
        self.searched[known_as or command] = {line.split()[0] for line in lines if " " in line}

    def live(self) -> None:
        """One life, and a short one."""
        self("create", "--bundle", make_container_bundle(self.place / "long", "sleep", "1000"), "one")
        self("state", "one", known_as="state at a glance")
        self("state", "one", "one", known_as="state")
        self("list", known_as="list at a glance")
        self("list", "--format", "json", known_as="list")
        self("start", "one")
        self("features")
        if why_missing("root") is None and why_missing("cgroups") is None:
            self("update", "--pids-limit", "100", "one")
            self("ps", "one")
            self("pause", "one")
            self("resume", "one")
        self("exec", "one", "true")
        self("kill", "one", "KILL")
        self("run", "--keep", "--bundle", make_container_bundle(self.place / "short", "true"), "two")
        self("wait", "two")
        self("delete", "two")
        pid_file = self.place / "pid"
        self("create", "--bundle", str(self.place / "short"), "--pid-file", str(pid_file), "two")
        pidfd = os.pidfd_open(int(pid_file.read_text()))
        self("start", "two")
        select.select([pidfd], (), ())
        os.close(pidfd)
        self("delete", "two", known_as="delete of one that has ended")


def loaded_by(*words: str) -> set[str]:
    """The modules that a command line of the launcher loads, beyond those of the bare interpreter."""
    with tempfile.NamedTemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as said:
        argv = [*PYTHON, TELLER, told.name, *words]
        null = subprocess.DEVNULL  # no pipes: a container that lives on would keep them open
        done = subprocess.run(argv, stdin=null, stdout=null, stderr=said, check=False, timeout=60)
        said.seek(0)
        assert done.returncode == 0, said.read()
        return set(told.read().splitlines())


@pytest.fixture(scope="module")
def imports(installed: Installed) -> dict[str, set[str]]:
    """For each command that was run."""
    return installed.imports


@pytest.fixture(scope="module")
def installed() -> Installed:
    """Each command has been run in it."""
    place = Path(tempfile.mkdtemp(prefix="runf-"))
    place.chmod(0o755)
    made = Installed(place)
    try:
        made.live()
    finally:
        for container_id in ("one", "two"):
            made("delete", "--force", container_id)
        shutil.rmtree(place)
    return made


@pytest.mark.needs("containers")
def test_a_hot_command_imports_only_what_is_cheap(imports: dict[str, set[str]]) -> None:
    ours = ("runtime", "schemas")
    foreign = {name: {each for each in found if each.split(".")[0] not in ours} for name, found in imports.items()}
    allowed = {name: CHEAP | (OF_MAKING if name in MAKING else set()) for name in imports}
    assert {name: found - allowed[name] for name, found in foreign.items() if found - allowed[name]} == {}


@pytest.mark.needs("containers")
def test_a_command_that_only_looks_loads_nothing_that_acts(imports: dict[str, set[str]]) -> None:
    heavy = {name: {each for each in imports[name] if each.startswith(HEAVY)} for name in LOOKING}
    assert {name: found for name, found in heavy.items() if found} == {}


@pytest.mark.needs("containers")
def test_importlib_is_asked_for_the_modules_that_the_entry_names(installed: Installed) -> None:
    """What these need has been made before (runtime/hot.py); each search costs as much as a small module."""
    asked = ("runtime.cli.entry", "runtime.actions.context", "runtime.cli.commands.state")
    assert installed.searched["state"] == {"runtime", "runtime.cli", "runtime.actions", *asked}


@pytest.mark.needs("containers")
def test_a_container_is_started_and_deleted_without_ctypes(imports: dict[str, set[str]]) -> None:
    assert "_ctypes" in imports["create"]
    assert not [name for name in ("start", "delete of one that has ended") if "_ctypes" in imports[name]]


@pytest.mark.needs("containers")
def test_a_default_container_is_made_without_what_few_ask_for(imports: dict[str, set[str]]) -> None:
    rare = {f"runtime.sandbox.{name}" for name in features.__all__} | {
        "runtime.kernel.libseccomp",
        "runtime.actions.notify",
    }
    assert imports["create"] & rare == set()


@pytest.mark.needs("containers")
def test_a_command_keeps_to_its_number_of_modules(imports: dict[str, set[str]]) -> None:
    ours = {name: sum(each.startswith(("runtime", "schemas")) for each in imports[name]) for name in MODULES}
    assert {name: number for name, number in ours.items() if number > MODULES[name]} == {}


@pytest.mark.needs("root", "cgroups", "containers")
def test_every_hot_command_is_measured(imports: dict[str, set[str]]) -> None:
    hot = {command.name for command in all_commands() if command.hot}
    assert hot - imports.keys() == set(NOT_MEASURED), "run it in Installed.live, or say why not in NOT_MEASURED"
