"""Who may import whom: import-linter holds the contracts of pyproject.toml, and each package is under one."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
OUTSIDE = {"__main__", "begin", "hot", "thin_os"}  # they start the layers, and are imported by none


def contracts() -> list[dict[str, list[str]]]:
    found: list[dict[str, list[str]]] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"][
        "importlinter"
    ]["contracts"]
    return found


def test_the_contracts_are_kept() -> None:
    argv = [sys.executable, "-c", LINT, "--no-cache"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(contracts())} kept, 0 broken." in done.stdout


def test_every_part_of_the_runtime_has_a_layer() -> None:
    layers = next(contract["layers"] for contract in contracts() if "layers" in contract)
    placed = {name.strip().removeprefix("runtime.") for line in layers for name in line.split("|")}
    there = {path.stem for path in (REPOSITORY / "runtime").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert there - OUTSIDE - {"__init__", "__pycache__"} == placed
