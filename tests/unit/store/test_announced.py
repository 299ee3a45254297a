"""The links to the other roots of a host."""

import hashlib
import os
from pathlib import Path

import pytest

from runtime.store.announced import announce, directory, others, trusted_others


@pytest.fixture
def default(tmp_path: Path) -> str:
    return str(tmp_path / "run/opencontainer/containers")


@pytest.fixture
def other(tmp_path: Path) -> str:
    (tmp_path / "other").mkdir(mode=0o755)
    return str(tmp_path / "other")


def links(default: str) -> dict[str, str]:
    place = Path(directory(default))
    return {link.name: os.readlink(link) for link in place.iterdir()} if place.exists() else {}


def test_another_root_is_announced_by_a_digest_of_its_path(tmp_path: Path, default: str, other: str) -> None:
    Path(default).parent.parent.mkdir()
    announce(other, default)
    announce(other, default)
    assert links(default) == {hashlib.sha256(other.encode()).hexdigest()[:32]: other}


def test_the_real_path_counts(tmp_path: Path, default: str, other: str) -> None:
    Path(default).parent.parent.mkdir()
    (tmp_path / "alias").symlink_to(other)
    announce(str(tmp_path / "alias"), default)
    assert others(default) == [other]


def test_the_default_root_is_not_announced(default: str) -> None:
    Path(default).mkdir(parents=True)
    announce(default, default)
    assert links(default) == {}


def test_a_link_whose_root_has_gone_is_removed(default: str, other: str) -> None:
    Path(default).mkdir(parents=True)
    announce(other, default)
    os.rmdir(other)
    assert others(default) == []
    assert links(default) == {}


def test_without_any_announcement_there_are_no_others(default: str) -> None:
    assert others(default) == []


def test_what_is_no_link_is_left_alone(default: str, other: str) -> None:
    Path(directory(default)).mkdir(parents=True)
    Path(directory(default), "note").touch()
    announce(other, default)
    assert others(default) == [other]
    assert Path(directory(default), "note").exists()


def test_a_root_that_somebody_else_could_have_planted_is_told_apart(default: str, other: str) -> None:
    Path(default).mkdir(parents=True)
    announce(other, default)
    os.chmod(other, 0o777)
    assert trusted_others(default) == ([], [(other, f"{other} is writable by others")])
    os.chmod(other, 0o755)
    assert trusted_others(default) == ([other], [])
