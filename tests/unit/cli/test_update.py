"""From the options of update to linux.resources, and how it refuses what it is given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cli import argv, entry
from runtime.cli.commands import update as command
from runtime.errors import SpecFault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the action was asked for, each time."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(command, "update", lambda _context, _id, resources, schemas: seen.append(resources | schemas))
    return seen


def update(*words: str) -> int:
    return entry.answer(["/bin/runf", "--root", "/nowhere", "update", *words, "web"])


def test_every_option_has_its_member(asked: list[dict[str, Any]]) -> None:
    words = "--blkio-weight 300 --cpu-period 100000 --cpu-quota -1 --cpu-burst 0 --cpu-share 512 --cpu-rt-period 7"
    words += " --cpu-rt-runtime -1 --cpu-idle 1 --cpuset-cpus 0-3 --cpuset-mems 0 --memory 1g --memory-reservation 1m"
    words += " --memory-swap -1 --kernel-memory-tcp 2k --pids-limit -1"
    assert update(*words.split()) == 0
    assert asked == [
        {
            "blockIO": {"weight": 300},
            "cpu": {
                "period": 100000,
                "quota": -1,
                "burst": 0,
                "shares": 512,
                "realtimePeriod": 7,
                "realtimeRuntime": -1,
                "idle": 1,
                "cpus": "0-3",
                "mems": "0",
            },
            "memory": {"limit": 1 << 30, "reservation": 1 << 20, "swap": -1, "kernelTCP": 2048},
            "pids": {"limit": -1},
        }
    ]


def test_the_fast_reader_takes_negative_numbers_as_values() -> None:
    parsed = argv.read(["update", "--cpu-quota", "-1", "--memory=-1", "web"])
    assert parsed is not None
    assert (parsed.options["cpu-quota"], parsed.options["memory"], parsed.arguments) == ("-1", "-1", ("web",))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("5b", 5),
        ("1k", 1 << 10),
        ("1K", 1 << 10),
        ("512m", 512 << 20),
        ("512MB", 512 << 20),
        ("2GiB", 2 << 30),
        ("1.5g", 3 << 29),
        ("0.5t", 1 << 39),
        ("1p", 1 << 50),
        ("-1", -1),
    ],
)
def test_a_size_may_have_a_unit(asked: list[dict[str, Any]], text: str, size: int) -> None:
    assert update("--memory", text) == 0
    assert asked == [{"memory": {"limit": size}}]


@pytest.mark.parametrize(
    "text", ["", "m", "1x", "1kk", "1i", "-2", "1.m", ".5m", "1e3", "\u0661m", "1 m", "9" * 30, "0x10"]
)
def test_what_is_no_size_is_refused(asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert update("--memory", text) == 1
    assert asked == []
    assert capsys.readouterr().err.startswith(f"runf: --memory: {text!r} is no size; ")


@pytest.mark.parametrize("text", ["", "x", "1.5", "--5", "- 1", "1k", "\u0663", "9" * 30])
def test_what_is_no_number_is_refused(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert update("--cpu-quota", text) == 1
    assert asked == []
    assert capsys.readouterr().err.startswith(f"runf: --cpu-quota: {text!r} is no number; ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cpu-share", "-5"), "runf: --cpu-share: must be at least 0; correct it there\n"),
        (("--blkio-weight", "70000"), "runf: --blkio-weight: must be at most 65535; correct it there\n"),
        (
            ("--memory", "2g", "--memory-swap", "1g"),
            "runf: --memory-swap: 1073741824 is below memory.limit, 2147483648; it limits memory and swap together: "
            "raise it, or lower memory.limit\n",
        ),
        (
            ("-r", "-", "--memory", "1g"),
            "runf: --resources and --memory were both given; put all of it into one\n",
        ),
        (("-r", "/nowhere"), "runf: /nowhere: the resources can't be read: No such file or directory\n"),
        (("-r", "/"), "runf: /: the resources can't be read: Is a directory\n"),
    ],
)
def test_a_refusal_names_the_option(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert update(*words) == 1
    assert asked == []
    assert capsys.readouterr().err == told


def test_a_document_may_be_a_file_or_a_pipe(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text('{"pids": {"limit": 5}}')
    assert update("--resources", str(tmp_path / "limits.json")) == 0
    reading, writing = os.pipe()
    os.write(writing, b'{"pids": {"limit": 6}}')
    os.close(writing)
    assert update(f"--resources=/proc/self/fd/{reading}") == 0
    os.close(reading)
    assert asked == [{"pids": {"limit": 5}}, {"pids": {"limit": 6}}]


def test_a_document_that_is_too_large_is_refused(
    asked: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "limits.json").write_text(" " * (command.LIMIT_BYTES + 1))
    assert update("-r", str(tmp_path / "limits.json")) == 1
    assert "larger than 4 MiB" in capsys.readouterr().err
    assert asked == []


def test_a_fault_in_a_document_names_its_member(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "limits.json"
    path.write_text('{"memory": {"limit": "1g"}}')
    assert update("-r", str(path)) == 1
    assert capsys.readouterr().err == f"runf: {path}#/memory/limit: must be an integer; correct it there\n"


def test_a_fault_of_the_action_names_what_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise SpecFault("/linux/resources/cpu/burst", "5 is above the quota, 3")

    monkeypatch.setattr(command, "update", refuse)
    assert update("--cpu-burst", "5") == 1
    assert capsys.readouterr().err == "runf: --cpu-burst: 5 is above the quota, 3\n"


def test_a_limit_that_linux_no_longer_has_is_warned_of(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert update("--kernel-memory", "1m") == 0
    assert asked == [{"memory": {"kernel": 1 << 20}}]
    assert capsys.readouterr().err == (
        "runf: warning: --kernel-memory: ignored, since Linux counts kernel memory into memory.limit\n"
    )


def test_shares_of_caches_and_bandwidth_go_beside_the_resources(asked: list[dict[str, Any]]) -> None:
    assert update("--l3-cache-schema", "L3:0=f", "--mem-bw-schema", "MB:0=20", "--pids-limit", "7") == 0
    assert asked == [{"pids": {"limit": 7}, "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20"}]
