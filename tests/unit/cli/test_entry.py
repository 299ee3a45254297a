"""The way in: who answers a command line, and what becomes of what goes wrong."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime import SPEC_VERSION, VERSION
from runtime.cli import entry
from runtime.cli.version import program_name, version_text

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("word", ["--version", "-v"])
def test_the_version_is_told_under_the_name_that_we_are_called_by(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry.answer(["/usr/bin/runc", word]) == 0
    assert capsys.readouterr().out == f"runc version {VERSION}\ncommit: v{VERSION}\nspec: {SPEC_VERSION}\n"


@pytest.mark.parametrize(
    ("path", "name"), [("/usr/bin/runf", "runf"), ("runc", "runc"), ("./crun", "crun"), ("-c", "runf"), ("", "runf")]
)
def test_only_runc_and_crun_lend_us_their_names(path: str, name: str) -> None:
    assert program_name(path) == name
    assert version_text(name).startswith(f"{name} version {VERSION}\n")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Have ``list`` raise this."""

    def fail(error: BaseException) -> None:
        def listing(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("runtime.cli.commands.list.listing", listing)

    return fail


def answer(*words: str) -> int:
    return entry.answer(["/bin/runf", *words])


def test_an_interrupt_is_quiet_and_130(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(KeyboardInterrupt())
    assert answer("list") == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_gone_is_no_news(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(BrokenPipeError())
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(entry, "STANDARD_FDS", (0, writer, 2))
    assert answer("list") == 1
    assert capsys.readouterr().err == ""
    os.close(writer)


def test_another_pipe_that_broke_is_told(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(BrokenPipeError(32, "Broken pipe", "/run/x"))
    with open(os.devnull, "w") as read:
        monkeypatch.setattr(entry, "STANDARD_FDS", (0, read.fileno(), 2))
        assert answer("list") == 1
    assert capsys.readouterr().err == "runf: /run/x: Broken pipe\n"


def test_an_os_error_that_escapes_is_one_line(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(PermissionError(13, "Permission denied", "/run/x"))
    assert answer("list") == 1
    assert capsys.readouterr().err == "runf: /run/x: Permission denied\n"


def test_an_internal_error_is_one_line(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(ZeroDivisionError("by\nzero"))
    assert answer("list") == 1
    told = capsys.readouterr().err
    assert told.startswith("runf: internal error: ZeroDivisionError: by\\nzero; please report")
    assert told.count("\n") == 1


@pytest.mark.parametrize("words", [("list", "--bogus"), ("start", "nobody")])
def test_a_failed_command_is_one_object_in_the_log_also_where_the_command_line_is_wrong(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    log = tmp_path / "log.json"
    assert answer("--root", str(tmp_path / "root"), "--log", str(log), "--log-format", "json", *words) == 1
    assert json.loads(log.read_text())["level"] == "error"


def test_a_log_is_not_written_for_success(tmp_path: Path) -> None:
    assert answer("--root", str(tmp_path / "root"), "--log", str(tmp_path / "log"), "list", "-q") == 0
    assert (tmp_path / "log").read_text() == ""


def test_the_completion_variable_counts_only_where_nothing_was_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in {"_RUNF_COMPLETE": "bash_complete", "COMP_WORDS": "runf sta", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    answer("--root", str(tmp_path), "list", "-q")
    assert capsys.readouterr().out == ""
    assert answer() == 0
    assert capsys.readouterr().out == "plain,start\nplain,state\n"


def test_what_machines_call_never_loads_click() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from runtime.cli import entry\n"
        "entry.answer(['runf', '--root', '/nonexistent/root', 'list'])\n"
        "entry.answer(['runf', '--version'])\n"
        "sys.exit('click' in sys.modules or 'typing' in sys.modules or 're' in sys.modules)"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-IS", "-c", code]) == 0
