"""A command that may open few files says so in one line, whatever it was about to open or to load."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

# the interpreter starts with four; with the last of these any command does all of its work
LIMITS = range(4, 27)


def with_fds(runf: Runf, number: int, *words: str) -> CompletedProcess[str]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return runf(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard)))


def check(done: CompletedProcess[str]) -> None:
    if done.returncode == 0:
        assert done.stderr == ""
    else:
        line, rest = done.stderr.split("\n", 1)
        assert (line[:6], rest) == ("runf: ", ""), done.stderr
        assert "internal error" not in line


@pytest.mark.needs("containers")
def test_each_command_with_few_fds_ends_well_or_in_one_line(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "one")
    refused = set()
    for number in LIMITS:
        for words in (("state", "one"), ("list",), ("ps", "one"), ("features",)):
            done = with_fds(runf, number, *words)
            check(done)
            refused |= {words[0]} if "Too many open files" in done.stderr else set()
    assert refused >= {"state", "list"}, "the limits are too high, and this test proves nothing"


@pytest.mark.needs("containers")
def test_a_create_with_few_fds_leaves_nothing(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    statuses = []
    for number in LIMITS:
        done = with_fds(runf, number, "create", "-b", path, "one")
        check(done)
        statuses.append(done.returncode)
        check(with_fds(runf, number, "delete", "--force", "one"))
        runf.ok("delete", "--force", "one")
        assert not (runf.root / "one").exists()
    assert statuses[0] != 0
