"""The file of compiled modules that the installed commands import from."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_build import COLD, compile_modules
from runtime.hot import FILE_NAME
from runtime.store.record import serialize
from schemas.generated.state_text import PATTERN
from tests.properties.test_state_validator import FULL

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHER = """
import json, marshal, os, sys
home, *names = sys.argv[1:]
sys.path.insert(0, home)
fd = os.open(f"{home}/hot.{sys.implementation.cache_tag}", 0)
begun = {}
exec(marshal.loads(os.pread(fd, 20480, 0)), begun)
begun["begin"](home, fd)
for name in names:
    __import__(name)
print(json.dumps({name: sys.modules[name].__spec__.origin for name in names}))
"""
NAMES = ("runtime.cli.entry", "runtime.actions.context", "runtime.cli.commands.state")
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


def test_every_module_is_in_it_but_those_that_nobody_waits_for(home: Path) -> None:
    argv = [sys.executable, "-IS", "-c", LAUNCHER + "print(marshal.loads(begun['REST'])[-1])", str(home)]
    index = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.partition("\n")[2]
    files = [path for top in ("runtime", "schemas") for path in (REPOSITORY / top).rglob("*.py")]
    names = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__") for path in files}
    assert {line.split()[0] for line in index.splitlines() if line} == names - set(COLD)


def test_what_a_command_needs_is_there_before_it_is_executed(home: Path) -> None:
    """So importlib, which gives a module its spec, is asked for the command's own module alone."""
    told = 'print([sorted(n for n, m in sys.modules.items() if n[:8] == "runtime." and not m.__spec__), '
    told += 'sys.modules["runtime.actions"].inspect is sys.modules["runtime.actions.inspect"]])'
    argv = [sys.executable, "-IS", "-c", LAUNCHER + told, str(home), *NAMES]
    made, is_member = ast.literal_eval(
        subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()[1]
    )
    assert {"runtime.actions.inspect", "runtime.kernel.files", "runtime.store"} <= set(made)
    assert is_member


def test_a_module_that_fails_leaves_nothing_behind(home: Path) -> None:
    broken = "import runtime.jsontext as j; del sys.modules['runtime.jsontext'], sys.modules['_json']"
    broken += "; sys.modules['_json'] = None"
    again = """
try:
    import runtime.cli.commands.state
except ImportError:
    print("runtime.jsontext" in sys.modules, "runtime.cli.commands.state" in sys.modules)
"""
    argv = [sys.executable, "-IS", "-c", f"{LAUNCHER}\n{broken}{again}", str(home), "runtime.cli.entry"]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()[1] == "False False"


def test_os_is_the_thin_one_until_the_standard_library_wants_it(home: Path) -> None:
    looks = """
import os
thin = os, os.path.join("a", "b")
import string
import os
print([thin[0] is os, *thin[1:], os.walk.__module__, os.path.os is os, thin[0].walk is os.walk])
"""
    argv = [sys.executable, "-IS", "-X", "utf8", "-c", LAUNCHER.rsplit("\n", 2)[0] + looks, str(home)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout == "[False, 'a/b', 'os', True, True]\n"


def test_the_expression_for_records_is_there_as_re_compiles_it(home: Path) -> None:
    told = "from runtime.cli import quick; print(quick.matcher(quick.CODE, quick.GROUPS)(open(text).read()).groups())"
    text = home / "text"
    text.write_bytes(serialize(FULL))  # type: ignore[arg-type]
    source = LAUNCHER.replace("home, *names", "home, text, *names", 1) + told
    argv = [sys.executable, "-IS", "-c", source, str(home), str(text)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found = re.fullmatch(PATTERN, text.read_text())
    assert found is not None
    assert done.stdout.splitlines()[1] == str(found.groups())
