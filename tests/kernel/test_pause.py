"""What a pause or resume that can't be committed leaves: the processes as they were."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from runtime.actions.pause import pause, resume
from runtime.cgroups import frozen, manager
from runtime.errors import CgroupFault, Fault
from runtime.store.record import advance, ended
from runtime.store.store import Held
from tests.support.boxes import Box
from tests.support.cgroups import Groups
from tests.support.needs import needs
from tests.support.records import LATER, NOW, exit_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs("root", "cgroups")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    groups = Groups()
    try:
        made = Box(tmp_path, groups)
        yield made
        made.store.close()
    finally:
        groups.clean_up()


def refuse_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    def commit_nothing(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Held, "commit", commit_nothing)


def test_a_pause_that_cannot_be_committed_is_taken_back(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_commits(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        pause(box.context, "web")
    assert frozen.is_frozen(box.cgroup) is False
    assert box.record["status"] == "running"


def test_a_resume_that_cannot_be_committed_is_taken_back(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    pause(box.context, "web")
    refuse_commits(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        resume(box.context, "web")
    assert frozen.is_frozen(box.cgroup) is True
    assert box.record["status"] == "paused"


def test_a_container_whose_end_is_committed_meanwhile_is_not_left_frozen(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = manager.freeze

    def freeze_and_end(cgroup: object) -> None:
        freeze(cgroup)  # type: ignore[arg-type]
        with box.store.locked("web") as held:
            gone = ended(held.record, exit=exit_of(0), finished=NOW, precision="exact", now=LATER)
            held.commit(gone or held.record)

    monkeypatch.setattr(manager, "freeze", freeze_and_end)
    with pytest.raises(Fault, match="stopped before it could become paused"):
        pause(box.context, "web")
    assert frozen.is_frozen(box.cgroup) is False


def test_without_a_freezer_nothing_tells_and_pause_says_so(box: Box) -> None:
    with box.store.locked("web") as held:
        held.commit(advance(held.record, now=LATER, linux={"cgroup": None, "namespaces": {}}))
    assert frozen.is_frozen(None) is None
    with pytest.raises(CgroupFault, match="the container has no freezer cgroup"):
        pause(box.context, "web")


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_that_is_on_no_cgroupfs_tells_nothing(tmp_path: Path, version: int) -> None:
    name, text = ("freezer.state", "FROZEN\n") if version == 1 else ("cgroup.events", "populated 1\nfrozen 1\n")
    (tmp_path / name).write_text(text)
    claimed = {"paths": {"freezer" if version == 1 else "unified": str(tmp_path)}}
    assert frozen.is_frozen(claimed) is None
    os.unlink(tmp_path / name)
    os.mkfifo(tmp_path / name)
    assert frozen.is_frozen(claimed) is None


def test_a_link_to_a_cgroup_is_followed_by_nobody(box: Box, tmp_path: Path) -> None:
    manager.freeze(box.cgroup)
    kind = "unified" if "unified" in box.cgroup["paths"] else "freezer"
    (tmp_path / "link").symlink_to(box.cgroup["paths"][kind])
    assert frozen.is_frozen({"paths": {kind: box.cgroup["paths"][kind]}}) is True
    assert frozen.is_frozen({"paths": {kind: str(tmp_path / "link")}}) is None
