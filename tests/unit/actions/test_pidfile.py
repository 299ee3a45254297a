"""The pid file."""

import os
from pathlib import Path

import pytest

from runtime.actions.pidfile import write_pid_file
from runtime.errors import Fault


def test_it_holds_the_decimal_pid_and_no_newline(tmp_path: Path) -> None:
    write_pid_file(str(tmp_path / "pid"), 4194303)
    assert (tmp_path / "pid").read_bytes() == b"4194303"


def test_nothing_else_is_left_in_the_directory(tmp_path: Path) -> None:
    write_pid_file(str(tmp_path / "pid"), 1)
    assert os.listdir(tmp_path) == ["pid"]


def test_an_older_file_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("1234567890")
    opened = os.open(tmp_path / "pid", os.O_RDONLY)
    try:
        write_pid_file(str(tmp_path / "pid"), 7)
        assert os.read(opened, 99) == b"1234567890"  # who has it open reads one or the other, never a mixture
    finally:
        os.close(opened)
    assert (tmp_path / "pid").read_bytes() == b"7"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "pid").symlink_to("target")
    write_pid_file(str(tmp_path / "pid"), 7)
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "pid").is_symlink()


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pid_file("pid", 7)
    assert (tmp_path / "pid").read_bytes() == b"7"


def test_what_a_killed_command_left_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "rename", lambda *_: pytest.fail("killed here"))
    with pytest.raises(pytest.fail.Exception):
        write_pid_file(str(tmp_path / "pid"), 6)
    assert len(os.listdir(tmp_path)) == 1
    monkeypatch.undo()
    write_pid_file(str(tmp_path / "pid"), 7)
    assert (tmp_path / "pid").read_bytes() == b"7"


def test_a_longest_name_still_has_room(tmp_path: Path) -> None:
    name = "p" * 255
    write_pid_file(str(tmp_path / name), 7)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/pid", "No such file or directory"), ("file/pid", "Not a directory")]
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / name)
    with pytest.raises(Fault) as caught:
        write_pid_file(path, 7)
    assert caught.value.message == f"cannot write the pid file {path}: {reason}"
    assert caught.value.hint == "name a writable place"


def test_a_directory_in_the_way_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    with pytest.raises(Fault, match="Is a directory"):
        write_pid_file(str(tmp_path / "pid"), 7)
    assert os.listdir(tmp_path) == ["pid"]
