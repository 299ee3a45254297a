"""The file of compiled modules that the installed commands import from."""

import json
import marshal
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_build import COLD, compile_modules
from runtime.hot import FILE_NAME, HEAD_BYTES

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHER = """
import json, marshal, os, sys
home, *names = sys.argv[1:]
sys.path.insert(0, home)
code, index, places = marshal.loads(open(f"{home}/hot.{sys.implementation.cache_tag}", "rb").read(16384))
space = {"__name__": "runtime.hot"}
exec(code, space)
space["install"](home, index, places)
for name in names:
    __import__(name)
print(json.dumps({name: sys.modules[name].__spec__.origin for name in names}))
"""
FILES = """
for name in names:
    print(sys.modules[name].__file__)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What an installation has: the modules as files, and compiled in one."""
    for package in ("runtime", "schemas"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    name, content = compile_modules()
    (tmp_path / name).write_bytes(content)
    return tmp_path


def origins(home: Path, *names: str) -> dict[str, str]:
    argv = [sys.executable, "-IS", "-c", LAUNCHER, str(home), *names]
    found: dict[str, str] = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return found


def test_modules_come_from_the_file(home: Path) -> None:
    names = ("runtime.cli.entry", "runtime.sandbox", "schemas.generated.state")
    assert origins(home, *names) == dict.fromkeys(names, FILE_NAME)


def test_a_module_knows_where_its_own_file_lies(home: Path) -> None:
    argv = [sys.executable, "-IS", "-c", LAUNCHER + FILES, str(home), "schemas", "runtime.packages"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == [str(home / "schemas/__init__.py"), str(home / "runtime/packages.py")]


def test_a_module_that_is_not_in_the_file_comes_from_its_own(home: Path) -> None:
    (home / "runtime/cli/late.py").write_text("")
    assert origins(home, "runtime.cli.late") == {"runtime.cli.late": str(home / "runtime/cli/late.py")}


def test_every_module_is_in_it_but_those_that_nobody_waits_for() -> None:
    _, content = compile_modules()
    _, index, _ = marshal.loads(content[:HEAD_BYTES])
    files = [path for top in ("runtime", "schemas") for path in (REPOSITORY / top).rglob("*.py")]
    names = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__") for path in files}
    assert index.keys() == names - set(COLD)
