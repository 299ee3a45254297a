"""events: which options belong to the stream of all containers, and which to the statistics of one."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cli import entry
from runtime.cli.commands import events as command
from runtime.errors import UsageFault


def events(*words: str) -> int:
    return entry.answer(["/bin/runf", "--root", "/nowhere", "events", *words])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stats",), "runf: --stats is for one container; name its id\n"),
        (("--interval", "5s"), "runf: --interval is for one container; name its id\n"),
        (
            ("--text", "web"),
            "runf: --text is for the events of all containers; leave the id out, or filter them with --id\n",
        ),
        (
            ("--stats", "--id", "a", "web"),
            "runf: --id is for the events of all containers; leave the id out, or filter them with --id\n",
        ),
        (("--stats", "web"), 'runf: container "web" does not exist\n'),
        (("--interval", "x", "web"), "runf: --interval: 'x' is no duration; "),
    ],
)
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str) -> None:
    assert events(*words) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(told)
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("250ms", 0.25), ("1m30s", 90), ("1h", 3600), ("1.5s", 1.5), (".5s", 0.5), ("2", 2), ("5000us", 0.005)],
)
def test_durations_are_written_as_gos_programs_do(text: str, seconds: float) -> None:
    assert command.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "x", "5x", "-5s", "0s", "1..5s", "1e3s", "25h", "1ns", "5 s", "\u0663s", ".s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageFault, match=r"--interval: .* is no duration"):
        command.parse_duration(text)


def test_the_interval_of_runc_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(command, "follow", lambda _context, _id, **options: asked.update(options))
    assert events("web") == 0
    assert asked["interval_s"] == 5
