"""Completion in the shells themselves."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.needs import require

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

ASK = {
    "bash": (
        'source <(runf completion bash); COMP_WORDS=({words} "{last}"); COMP_CWORD={place}; _runf_completion runf; '
        'printf "%s\\n" "${{COMPREPLY[@]}}"'
    ),
    # what zsh's completion system would be told
    "zsh": (
        "compdef() {{ :; }}; compadd() {{ print -l -- $completions; }}; "
        "_describe() {{ print -l -- ${{completions_with_descriptions%%:*}}; }}; "
        'source <(runf completion zsh); words=({words} "{last}"); CURRENT=${{#words}}; _runf_completion; true'
    ),
    "fish": 'runf completion fish | source; complete --do-complete "{words} {last}" | cut -f1',
}


def complete(runf: Program, tmp_path: Path, shell: str, words: str, last: str) -> list[str]:
    require(f"program:{shell}")
    launcher = tmp_path / "bin" / "runf"
    launcher.parent.mkdir(exist_ok=True)
    launcher.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in runf.argv[:3]) + ' "$@"\n')
    launcher.chmod(0o755)
    script = ASK[shell].format(words=words, last=last, place=len(words.split()))
    environ = {**os.environ, "PATH": f"{launcher.parent}:{os.environ['PATH']}", "RUNF_ROOT": str(runf.root)}
    done = subprocess.run([shell, "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("shell", list(ASK))
def test_a_shell_completes_commands(runf: Program, tmp_path: Path, shell: str) -> None:
    assert complete(runf, tmp_path, shell, "runf", "sta") == ["start", "state"]


@pytest.mark.parametrize("shell", list(ASK))
def test_a_shell_completes_ids_of_the_root(runf: Program, tmp_path: Path, shell: str) -> None:
    for container_id in ("web-1", "web-2", "other"):
        assert runf("run", "-d", "--bundle", runf.bundle("true"), container_id).returncode == 0
    assert complete(runf, tmp_path, shell, "runf state", "web") == ["web-1", "web-2"]
    assert complete(runf, tmp_path, shell, f"runf --root {tmp_path}/none state", "web") == []


@pytest.mark.parametrize("shell", list(ASK))
def test_a_shell_completes_options_and_their_choices(runf: Program, tmp_path: Path, shell: str) -> None:
    assert complete(runf, tmp_path, shell, "runf run", "--no-s") == ["--no-subreaper"]
    assert complete(runf, tmp_path, shell, "runf list --format", "j") == ["json"]
