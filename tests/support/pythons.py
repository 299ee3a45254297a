"""Every Python of the machine that runf runs on, and runf as it would be installed for one of them."""

from __future__ import annotations

import functools
import glob
import shutil
import subprocess
import sys
from pathlib import Path

from hatch_build import LINK, bound_launcher, lean_start

REPOSITORY = Path(__file__).parents[2]
PLACES = ("/usr/bin", "/usr/local/bin", f"{Path.home()}/.pyenv/versions/*/bin")
OLDEST = (3, 11)
# hatchling only gives the class that the build hook is derived from, and another Python may lack it
COMPILE = """
import sys, types
parts = "hatchling.builders.hooks.plugin.interface".split(".")
for number in range(1, len(parts) + 1):
    name = ".".join(parts[:number])
    sys.modules[name] = types.ModuleType(name)
sys.modules[name].BuildHookInterface = object
sys.path.insert(0, sys.argv[1])
from hatch_build import compile_modules
name, content = compile_modules()
open(f"{sys.argv[2]}/{name}", "wb").write(content)
"""


@functools.cache
def pythons() -> list[str]:
    """One interpreter for each version; the one that runs the tests is always among them."""
    found = {sys.version_info[:3]: sys.executable}
    for path in sorted(path for place in PLACES for path in glob.glob(f"{place}/python3.[0-9][0-9]")):
        version = _version(path)
        if version is not None and version[:2] >= OLDEST:
            found.setdefault(version, path)
    return [path for _, path in sorted(found.items())]


def _version(path: str) -> tuple[int, ...] | None:
    asked = "import sys; print(*sys.version_info[:3])"
    done = subprocess.run([path, "-IS", "-c", asked], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def installed_with(python: str, place: Path, *, is_bound: bool = False) -> str:
    """The command ``runf`` of an installation at ``place``, with the file of compiled modules, as the wheel lays it.

    With ``is_bound`` its launcher names that Python, as ``make install`` has it.
    """
    version = _version(python)
    assert version is not None
    home = place / "lib" / f"python{version[0]}.{version[1]}" / "site-packages" / "runf"
    for package in ("runtime", "schemas"):
        shutil.copytree(REPOSITORY / package, home / package, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([python, "-IS", "-c", COMPILE, str(REPOSITORY), str(home)], check=True)
    (place / "bin").mkdir()
    (place / "bin" / "python3").symlink_to(python)
    launcher = place / "bin" / "runf"
    bound = bound_launcher(str(place / LINK)) if is_bound else None
    if bound is not None:
        (place / LINK).parent.mkdir()
        (place / LINK).symlink_to(python)
        for name, text in lean_start(python).items():
            (place / LINK).with_name(name).write_text(text)
    launcher.write_text(bound or (REPOSITORY / "launchers" / "runf").read_text())
    launcher.chmod(0o755)
    return str(launcher)
