"""Every failure is one line, on stderr and in the log, whatever stands in it."""

from __future__ import annotations

import errno
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli.report import message_of, one_line, report, tell_progress, warn
from runtime.errors import Fault, NoSuchContainer

if TYPE_CHECKING:
    from pathlib import Path


def options(**given: object) -> dict[str, object]:
    return {"log": None, "log-format": "text", "debug": False, **given}


def test_a_fault_is_one_line_on_stderr_and_gives_its_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    class Special(Fault):
        exit_status = 75

    assert report(Special("it broke", hint="mend it"), options()) == 75
    assert capsys.readouterr().err == "runf: it broke; mend it\n"


def test_the_json_log_holds_one_object_of_level_message_and_time(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    assert report(NoSuchContainer("x1"), options(log=str(log), **{"log-format": "json"})) == 1
    entry = json.loads(log.read_text())
    assert entry.pop("time").endswith("Z")
    assert entry == {"level": "error", "msg": 'container "x1" does not exist'}
    assert log.read_text().count("\n") == 1


def test_the_text_log_is_as_logrus_writes_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    report(NoSuchContainer("x1"), options(log=str(log)))
    expected = r'time="[0-9T:.-]+Z" level=error msg="container \\"x1\\" does not exist"\n'
    assert re.fullmatch(expected, log.read_text())


def test_progress_goes_into_the_log_or_else_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    tell_progress("it goes on", options(log=str(log)))
    tell_progress("and on", options())
    assert 'level=debug msg="it goes on"' in log.read_text()
    assert re.fullmatch(r'time="[0-9T:.-]+Z" level=debug msg="and on"\n', capsys.readouterr().err)


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    report(Fault("it broke"), options(log=str(log)))
    assert log.read_text().startswith("before\ntime=")


def test_a_log_that_cannot_be_written_does_not_hide_the_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(Fault("it broke"), options(log=f"{tmp_path}/missing/log"))
    assert capsys.readouterr().err == (
        f"runf: warning: the log {tmp_path}/missing/log can't be written: No such file or directory\nrunf: it broke\n"
    )


def test_what_went_wrong_while_cleaning_up_follows_the_fault() -> None:
    fault = Fault("it broke")
    fault.add_note("the cgroup is still there")
    assert message_of(fault) == "it broke (the cgroup is still there)"


def test_an_os_error_names_the_file_and_the_reason() -> None:
    assert message_of(FileNotFoundError(errno.ENOENT, "No such file or directory", "/a")) == (
        "/a: No such file or directory"
    )
    assert message_of(OSError(errno.EPERM, "mount(proc): Operation not permitted")) == (
        "mount(proc): Operation not permitted"
    )


def test_a_lack_of_memory_is_no_internal_error() -> None:
    assert message_of(MemoryError()) == "out of memory; a limit of this process may be too small (ulimit -v)"


def test_an_internal_error_shows_its_traceback_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    report(KeyError("lost"), options())
    assert capsys.readouterr().err == (
        "runf: internal error: KeyError: 'lost'; please report this, with what `runf --debug` shows\n"
    )
    try:
        raise KeyError("lost")
    except KeyError as error:
        report(error, options(debug=True))
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.splitlines()[-1].startswith("runf: internal error: KeyError: 'lost'")


def test_a_fault_needs_no_traceback_even_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    report(Fault("it broke"), options(debug=True))
    assert capsys.readouterr().err == "runf: it broke\n"


def test_what_would_drive_a_terminal_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    warn("a\nb\x1b[2Jc\u202e\udcff é")
    assert capsys.readouterr().err == "runf: warning: a\\nb\\x1b[2Jc\\u202e\\udcff é\n"


@given(st.text())
def test_any_text_stays_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert not text.isprintable() or line == text


def test_a_closed_stderr_is_no_further_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert report(Fault("it broke"), options()) == 1
