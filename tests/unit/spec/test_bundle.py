"""Reading a bundle: what comes out, and what is said of one that does not fit."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from runtime.errors import Fault, SpecFault
from runtime.spec.bundle import CONFIG_LIMIT_BYTES, parse_config, read_bundle
from tests.support.bundles import make_bundle, make_config, write_config

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bundle_is_read_with_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bundle(tmp_path / "b", args=["true"])
    monkeypatch.chdir(tmp_path)

    bundle = read_bundle("b")

    assert bundle.path == str(tmp_path / "b")
    assert bundle.rootfs == str(tmp_path / "b" / "rootfs")
    assert bundle.config["process"]["args"] == ["true"]
    assert bundle.raw == (tmp_path / "b" / "config.json").read_bytes()


def test_the_text_that_was_read_parses_to_the_same_config(tmp_path: Path) -> None:
    bundle = read_bundle(str(make_bundle(tmp_path)))

    assert parse_config(bundle.raw, bundle.path) == bundle.config


def test_the_root_is_named_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "rootfs").symlink_to("../image")
    write_config(tmp_path / "b", make_config())

    assert read_bundle(str(tmp_path / "b")).rootfs == str(tmp_path / "image")


def test_an_absolute_root_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    make_bundle(tmp_path / "b", root={"path": str(tmp_path / "image")})

    assert read_bundle(str(tmp_path / "b")).rootfs == str(tmp_path / "image")


def test_another_config_can_be_named(tmp_path: Path) -> None:
    make_bundle(tmp_path / "b", args=["true"])
    (tmp_path / "other").mkdir()
    write_config(tmp_path / "other", make_config(["false"]))

    bundle = read_bundle(str(tmp_path / "b"), config=str(tmp_path / "other" / "config.json"))

    assert bundle.config["process"]["args"] == ["false"]
    assert bundle.path == str(tmp_path / "b")


def test_a_broken_config_is_named_by_its_own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bundle(tmp_path / "b")
    (tmp_path / "other.json").write_text("{")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SpecFault) as caught:
        read_bundle("b", config="other.json")

    assert caught.value.message.startswith(f"{tmp_path}/other.json: not JSON")


def test_a_bundle_that_is_no_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="not a directory; name a directory"):
        read_bundle(str(tmp_path / "missing"))


def test_a_missing_config_is_named_with_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"config\.json: no such file or directory; `runf spec`"):
        read_bundle(str(tmp_path))


def test_a_missing_root_is_a_fault_of_the_config(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    (tmp_path / "rootfs").rmdir()

    with pytest.raises(SpecFault) as caught:
        read_bundle(str(tmp_path))

    assert caught.value.pointer == "/root/path"
    assert str(tmp_path / "rootfs") in caught.value.hint


def test_a_config_that_is_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(Fault, match="not a regular file"):
        read_bundle(str(tmp_path))


def test_a_config_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()

    with pytest.raises(Fault, match="not a regular file"):
        read_bundle(str(tmp_path))


def test_a_config_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b" " * (CONFIG_LIMIT_BYTES + 1))

    with pytest.raises(Fault, match="larger than 4 MiB"):
        read_bundle(str(tmp_path))


def test_a_config_of_just_the_bound_is_read(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    text = (tmp_path / "config.json").read_bytes()
    (tmp_path / "config.json").write_bytes(text.ljust(CONFIG_LIMIT_BYTES))

    assert len(read_bundle(str(tmp_path)).raw) == CONFIG_LIMIT_BYTES


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    before = os.listdir("/proc/self/fd")

    read_bundle(str(tmp_path))

    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b"{} {}"])
def test_what_is_not_json_is_refused_with_the_file_that_holds_it(raw: bytes) -> None:
    with pytest.raises(SpecFault, match=r"^/b/config\.json: not JSON: ") as caught:
        parse_config(raw, "/b")

    assert caught.value.pointer == ""


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"x"'])
def test_a_config_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(SpecFault) as caught:
        parse_config(raw, "/b")

    assert caught.value.pointer == ""


def test_deep_nesting_is_no_crash() -> None:
    raw = b'{"ociVersion": "1.0.0", "extra": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    with pytest.raises(SpecFault):
        parse_config(raw, "/b")


def test_a_whole_number_in_another_spelling_becomes_an_integer() -> None:
    raw = json.dumps(make_config(process={"oomScoreAdj": 7})).replace('"oomScoreAdj": 7', '"oomScoreAdj": 0.7e1')

    score = parse_config(raw.encode(), "/b")["process"]["oomScoreAdj"]

    assert score == 7
    assert isinstance(score, int)


def test_a_fraction_in_a_member_that_nobody_defined_is_left_alone() -> None:
    config = {**make_config(), "extra": [1.5, 2.0]}

    assert parse_config(json.dumps(config).encode(), "/b") == config


def test_a_fault_of_the_schema_stays_on_one_line() -> None:
    raw = json.dumps(make_config(process={"terminal": "a\nb\x1b[31m"})).encode()

    with pytest.raises(SpecFault) as caught:
        parse_config(raw, "/b")

    assert str(caught.value).isprintable()
