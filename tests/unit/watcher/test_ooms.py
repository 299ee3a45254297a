"""Which containers' memory is watched, and how often that is tried."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from tests.support.records import first_record
from watcher import ooms as module
from watcher.ooms import Ooms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.record import Record
    from runtime.store.store import Store

CGROUP = {"version": 2, "paths": {"unified": "/sys/fs/cgroup/none"}, "scope": None}


@pytest.fixture
def ooms(store: Store) -> Iterator[Ooms]:
    opened = Ooms(store, later=lambda delay_s, act: None)
    yield opened
    opened.close()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The cgroups that somebody tried to watch, all in vain."""
    found: list[object] = []
    monkeypatch.setattr(module, "watch_oom", found.append)
    return found


def record(status: str, **members: object) -> Record:
    return {
        **first_record("web"),
        "instance": "0" * 32,
        "status": status,
        "linux": {"cgroup": CGROUP, "namespaces": {}},
        **members,
    }  # type: ignore[typeddict-item]


def test_where_nothing_can_be_watched_the_next_record_costs_no_try(ooms, tried):
    ooms.follow(record("created"))
    ooms.follow(record("created", generation=3))
    assert tried == [CGROUP]


def test_it_is_tried_again_once_the_status_has_changed(ooms, tried):
    ooms.follow(record("created"))
    ooms.follow(record("running"))
    assert tried == [CGROUP, CGROUP]


def test_it_is_tried_again_after_a_while(ooms, tried):
    ooms.follow(record("created"))
    ooms.retry()
    ooms.follow(record("created"))
    assert tried == [CGROUP, CGROUP]


def test_without_an_fd_left_the_others_are_followed_all_the_same(store):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = Ooms(store, later=lambda delay_s, act: None)
    try:
        lowest_free = os.open("/", os.O_PATH)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
        opened.follow(record("created", linux={"cgroup": {**CGROUP, "paths": {"unified": "/"}}, "namespaces": {}}))
        assert len(opened) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        opened.close()


@pytest.mark.parametrize("status", ["creating", "stopped"])
def test_what_does_not_live_is_not_tried(ooms, tried, status):
    ooms.follow(record(status))
    assert tried == []


def test_what_has_no_cgroup_is_not_tried(ooms, tried):
    ooms.follow(record("running", linux={"cgroup": None, "namespaces": {}}))
    assert tried == []
