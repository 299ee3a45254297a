"""Standard output that is closed, full, or can't spell what is printed."""

from __future__ import annotations

import io

import pytest

from runtime.cli.output import write
from runtime.errors import Fault


def test_a_closed_stdout_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(Fault, match="standard output is closed"):
        write("text")


def test_a_full_device_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(Fault, match="the answer can't be printed: No space left on device"):
            write("text")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()


def test_letters_that_the_locale_lacks_are_escaped_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    write("é\n")
    assert stream.buffer.getvalue() == b"\\xe9\n"
