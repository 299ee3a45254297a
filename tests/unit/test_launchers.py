"""How the installed command finds its Python and its modules, from wherever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hatch_build import bound_launcher
from tests.support.pythons import installed_with

if TYPE_CHECKING:
    from pathlib import Path

TRAP = "raise SystemExit('a module of the working directory was executed')\n"


@pytest.fixture(params=[False, True], ids=["found by sh", "named"])
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return installed_with(sys.executable, tmp_path / "installed", is_bound=request.param)


def version_by(path: str, *, cwd: Path, **environ: str) -> str:
    done = subprocess.run(
        [path, "--version"], cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.partition(" ")[0]


def test_it_is_called_by_its_path_by_its_name_and_through_links(launcher: str, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/relative").symlink_to("../installed/bin/runf")
    (tmp_path / "links/another").symlink_to("relative")
    (tmp_path / "links/whole").symlink_to(launcher)
    path = f"{tmp_path / 'links'}:{tmp_path / 'installed/bin'}:{os.environ['PATH']}"
    for words in (launcher, "links/relative", "./links/another", "links/whole", "runf", "another"):
        assert version_by(words, cwd=tmp_path, PATH=path) == "runf"


def test_nothing_of_the_working_directory_or_the_environment_runs(launcher: str, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("json", "os", "marshal", "runtime", "sitecustomize", "encodings"):
        (trap / f"{name}.py").write_text(TRAP)
    environ = {"PYTHONPATH": str(trap), "PYTHONHOME": str(trap), "PYTHONSTARTUP": str(trap / "json.py")}
    assert version_by(launcher, cwd=trap, **environ) == "runf"


@pytest.mark.parametrize("interpreter", ["", "python3", "/with a space/python3", "/" + "long/" * 60 + "python3"])
def test_what_a_first_line_cannot_name_is_left_to_the_shell(interpreter: str) -> None:
    assert bound_launcher(interpreter) is None


def test_a_first_line_has_one_word_of_options() -> None:
    launcher = bound_launcher("/opt/runf/bin/python3")
    assert launcher is not None
    assert launcher.startswith("#!/opt/runf/bin/python3 -ISXutf8\n")
    assert "exec " not in launcher  # nothing of the shell's half
