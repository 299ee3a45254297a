"""validate finds out what it was given, and tells all that is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions.validate import Finding, validate
from runtime.errors import Fault
from runtime.store import layout
from runtime.store.store import Store
from tests.support.bundles import make_bundle, make_config, write_config
from tests.support.records import first_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one container, whose frozen configuration is a sound one."""
    path = tmp_path / "root"
    store = Store(str(path), make=True)
    store.publish(first_record(), {"config.json": json.dumps(make_config()).encode()}, ()).release()
    store.close()
    return path


def lines(path: Path) -> list[str]:
    return [finding.line().replace(str(path), "PATH") for finding in validate(str(path))]


def spoil(path: Path, **members: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def test_nothing_is_told_of_what_is_sound(bundle: Path, root: Path) -> None:
    for path in (bundle, bundle / "config.json", root, root / "web", root / "web" / "state.json"):
        assert lines(path) == []


def test_all_faults_of_a_bundle_are_told_a_line_each(bundle: Path) -> None:
    write_config(bundle, make_config(process={"cwd": "tmp", "oomScoreAdj": 1001}, root={"path": "absent"}))

    assert lines(bundle) == [
        "PATH/config.json#/process/oomScoreAdj: must be at most 1000; `runf spec` writes a valid config.json",
        'PATH/config.json#/process/cwd: "tmp" is not absolute; write an absolute path such as "/tmp"',
        'PATH/config.json#/root/path: "absent" is not a directory; make the directory PATH/absent, or name another',
    ]


def test_what_is_only_warned_of_is_no_error(bundle: Path) -> None:
    write_config(bundle, make_config(process={"capabilities": {"bounding": ["CAP_X"]}}))
    (finding,) = validate(str(bundle))

    assert (finding.level, finding.pointer) == ("warning", "/process/capabilities/bounding/0")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("[]", "must be an object"), ("", "not JSON")])
def test_what_is_no_configuration_is_told_as_such(bundle: Path, text: str, words: str) -> None:
    (bundle / "config.json").write_text(text)
    (line,) = lines(bundle / "config.json")

    assert line.startswith(f"PATH: {words}")


def test_a_file_of_another_name_is_a_configuration(bundle: Path) -> None:
    other = (bundle / "config.json").rename(bundle / "other.json")
    spoil(other, hostname=3)

    assert [finding.pointer for finding in validate(str(other))] == ["/hostname"]


def test_records_and_frozen_configurations_of_a_root_are_told(root: Path) -> None:
    spoil(root / "web" / "state.json", pid=-1)
    spoil(root / "web" / "config.json", hostname=3)

    wanted = [("web/state.json", "/pid"), ("web/config.json", "/hostname")]
    for path in (root, root / "web"):
        found = [(finding.path.removeprefix(f"{root}/"), finding.pointer) for finding in validate(str(path))]
        assert found == wanted


def test_a_record_in_a_file_is_told(root: Path) -> None:
    spoil(root / "web" / layout.STATE, generation=0)

    assert [finding.pointer for finding in validate(str(root / "web" / layout.STATE))] == ["/generation"]


def test_what_is_none_of_these_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="neither a bundle, a container's directory, nor a state root"):
        validate(str(tmp_path))
    with pytest.raises(Fault, match="no such file or directory"):
        validate(str(tmp_path / "absent"))


def test_a_line_stays_a_line() -> None:
    assert Finding("/a\nb", "/x\ty", "is wrong").line() == "/a\\u000ab#/x\\u0009y: is wrong"
