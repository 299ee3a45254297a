"""Last records are kept for a while, counted when they go, and hold nothing private."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import BadRecord
from runtime.kernel import clock, procfs
from runtime.store import deleted, staging
from tests.support.records import LATER, NOW, commit, exit_of, publish, retire

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.store.store import Store

HOUR_NS = 3600 * 10**9
MINUTE_NS = 60 * 10**9


class Time:
    """CLOCK_BOOTTIME and the boot id, as a test wants them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boottime_ns = 10**9
        self.boot_id = "boot one"
        monkeypatch.setattr(clock, "boottime_ns", lambda: self.boottime_ns)
        monkeypatch.setattr(procfs, "boot_id", lambda proc: self.boot_id)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time, in the test's hands."""
    return Time(monkeypatch)


def live(store: Store, container_id: str = "web") -> str:
    """A short life; its instance."""
    publish(store, container_id)
    return retire(store, container_id)["instance"]


def kept(store: Store) -> set[str]:
    return {name for name in os.listdir(store.fds.deleted) if not name.startswith(".")}


def test_a_retired_life_keeps_its_last_record_and_nothing_private(store: Store, root: Path) -> None:
    publish(store)
    last = retire(store)
    place = root / ".deleted" / last["instance"]
    assert sorted(os.listdir(place)) == ["lock", "retired", "state.json"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert modes == {"lock": 0o600, "retired": 0o600, "state.json": 0o644}
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert list(store.last_records()) == [last]
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]
    assert os.listdir(root / ".staging") == [".sweep"]


@pytest.mark.usefixtures("tight_umask")
def test_what_is_told_about_last_records_is_public(store: Store, root: Path) -> None:
    live(store)
    assert stat.S_IMODE((root / ".deleted" / ".pruned").stat().st_mode) == 0o644


def test_an_id_is_free_once_its_life_was_retired(store: Store) -> None:
    first = live(store)
    second = publish(store)
    assert store.read("web") == second
    assert first != second["instance"]
    assert kept(store) == {first}


def test_the_note_of_a_retirement_tells_boot_and_boottime(store: Store, root: Path, time: Time) -> None:
    instance = live(store)
    note = json.loads((root / ".deleted" / instance / "retired").read_text())
    assert note == {"bootId": "boot one", "boottimeNs": 10**9}


def test_an_exit_may_become_known_after_the_retirement(store: Store, root: Path) -> None:
    instance = live(store)
    before = next(store.last_records())
    assert isinstance(before, dict)
    news: dict[str, Any] = {"finished": NOW, "precision": "exact", "now": LATER}
    assert store.commit_exit("web", instance, exit=exit_of(3), **news)
    assert not store.commit_exit("web", instance, exit=exit_of(4), **news)
    after = next(store.last_records())
    assert isinstance(after, dict)
    assert after["exit"] == exit_of(3)
    assert (after["generation"], after["finished"]) == (before["generation"] + 1, NOW)
    assert after["transitions"][-1]["type"] == "exit"


def test_last_records_are_kept_for_an_hour(store: Store, time: Time) -> None:
    old = live(store, "old")
    time.boottime_ns += HOUR_NS - 1
    young = live(store, "young")
    assert kept(store) == {old, young}
    time.boottime_ns += MINUTE_NS
    last = live(store, "last")
    assert kept(store) == {young, last}


def test_last_records_are_looked_at_once_a_minute_at_most(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    time.boottime_ns = 2 * HOUR_NS
    live(store, "a")
    monkeypatch.setattr(deleted, "AGE_LIMIT_NS", 0)
    time.boottime_ns += MINUTE_NS - 1
    live(store, "b")
    assert len(kept(store)) == 2
    time.boottime_ns += 1
    live(store, "c")
    assert len(kept(store)) == 1


def test_a_jump_of_the_wall_clock_empties_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    instance = live(store)
    monkeypatch.setattr(clock, "now", lambda: "2099-01-01T00:00:00.000000000Z")
    time.boottime_ns += MINUTE_NS
    deleted.prune(store.fds)
    assert kept(store) == {instance}


def test_a_record_of_another_boot_is_as_old_as_this_one_at_least(store: Store, time: Time) -> None:
    time.boottime_ns = 5 * HOUR_NS
    instance = live(store)
    time.boot_id = "boot two"
    time.boottime_ns = HOUR_NS - 1
    deleted.prune(store.fds)
    assert kept(store) == {instance}
    time.boottime_ns = HOUR_NS + MINUTE_NS
    deleted.prune(store.fds)
    assert kept(store) == set()


def test_no_more_than_the_limit_are_kept_and_the_oldest_go(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    monkeypatch.setattr(deleted, "COUNT_LIMIT", 16)
    lives = []
    for number in range(40):
        time.boottime_ns += 1
        lives.append(live(store, f"c{number}"))
        assert len(kept(store)) <= 16
    found = kept(store)
    assert found == set(lives[-len(found) :])
    assert deleted.read_pruned(store.fds)["count"] == 40 - len(found)


def test_beyond_the_limit_not_each_retirement_looks_at_all_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    monkeypatch.setattr(deleted, "COUNT_LIMIT", 16)
    looks = []
    real = deleted._prune

    def look(*arguments: Any) -> list[str]:
        looks.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(deleted, "_prune", look)
    for number in range(18):
        live(store, f"c{number}")
    assert len(looks) == 2  # the first ever, and the one that met the limit
    assert len(kept(store)) == 15


def test_a_file_system_that_counts_no_links_is_listed(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    monkeypatch.setattr(deleted, "COUNT_LIMIT", 1)
    monkeypatch.setattr(deleted, "_SELF_AND_PARENT_LINKS", 1000)
    for name in ("a", "b", "c"):
        time.boottime_ns += 1
        live(store, name)
    assert len(kept(store)) == 1


def test_what_was_pruned_is_counted_with_its_newest_finish(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    monkeypatch.setattr(deleted, "COUNT_LIMIT", 1)
    lives = []
    for number, finished in enumerate([NOW, LATER, NOW]):
        time.boottime_ns += 1
        publish(store, f"c{number}")
        commit(store, f"c{number}", status="stopped", finished=finished, finishedPrecision="exact")
        lives.append(retire(store, f"c{number}")["instance"])
    assert deleted.read_pruned(store.fds) == {
        "count": 2,
        "newestFinished": LATER,
        "newestRetired": {"bootId": "boot one", "boottimeNs": time.boottime_ns - 1},
        "newestInstance": lives[1],
        "checked": {"bootId": "boot one", "boottimeNs": time.boottime_ns},
    }


def test_nothing_pruned_is_told_as_nothing(store: Store) -> None:
    assert deleted.read_pruned(store.fds) == {
        "count": 0,
        "newestFinished": None,
        "newestRetired": None,
        "newestInstance": None,
        "checked": None,
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"count": "many"}', '{"count": 1, "newestFinished": null, "checked": 3}', "\xff"]
)
def test_a_broken_count_is_begun_anew(store: Store, root: Path, text: str) -> None:
    (root / ".deleted" / ".pruned").write_bytes(text.encode("latin-1"))
    assert deleted.read_pruned(store.fds)["count"] == 0
    live(store)
    assert json.loads((root / ".deleted" / ".pruned").read_text())["count"] == 0


def test_a_count_that_is_no_file_is_none(store: Store, root: Path) -> None:
    os.mkfifo(root / ".deleted" / ".pruned")
    assert deleted.read_pruned(store.fds)["count"] == 0
    live(store)
    assert (root / ".deleted" / ".pruned").is_file()


def test_records_are_counted_before_they_go(store: Store, monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    live(store)
    time.boottime_ns += 2 * HOUR_NS

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "remove_tree", die)
    with pytest.raises(KeyboardInterrupt):
        deleted.prune(store.fds)
    assert deleted.read_pruned(store.fds)["count"] == 1


def test_what_a_prune_that_died_has_counted_is_not_counted_again_and_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    """Some of what it counted it left; later there are not too many any more, and the boot is another one."""
    lives = []
    for number in range(4):
        time.boottime_ns += 1
        lives.append(live(store, f"c{number}"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(deleted, "COUNT_LIMIT", 1)
        patch.setattr(staging, "remove_tree", die)
        with pytest.raises(KeyboardInterrupt):
            deleted.prune(store.fds)
    assert deleted.read_pruned(store.fds)["count"] == 3
    assert deleted.read_gone(store.fds) == (1, None, lives[1], set(lives[1:]))
    time.boot_id = "boot two"
    last = live(store)
    assert kept(store) == {lives[3], last}
    assert deleted.read_pruned(store.fds)["count"] == 3
    assert deleted.read_gone(store.fds) == (3, lives[2], None, {lives[3], last})


def test_two_commands_never_prune_at_once(store: Store, time: Time) -> None:
    instance = live(store)
    time.boottime_ns += 2 * HOUR_NS
    sweep_fd = staging.try_sweep_lock(store.fds)
    assert sweep_fd is not None
    deleted.prune(store.fds)
    assert kept(store) == {instance}
    os.close(sweep_fd)
    deleted.prune(store.fds)
    assert kept(store) == set()


def test_a_record_without_its_note_gets_one_and_ages_too(store: Store, root: Path, time: Time) -> None:
    instance = live(store)
    (root / ".deleted" / instance / "retired").write_text("{")
    time.boottime_ns += 2 * HOUR_NS
    deleted.prune(store.fds)
    assert kept(store) == {instance}
    time.boottime_ns += HOUR_NS + MINUTE_NS
    deleted.prune(store.fds)
    assert kept(store) == set()


def test_what_an_interrupted_retirement_left_private_is_removed_by_the_next_prune(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    publish(store)
    with monkeypatch.context() as patch:
        patch.setattr(deleted, "_remove_private", die)
        with pytest.raises(KeyboardInterrupt):
            retire(store)
    (instance,) = kept(store)
    left = set(os.listdir(root / ".deleted" / instance))
    assert {"action", "spare"} <= left
    assert "config.json" not in left, "it holds environment and arguments"
    deleted.prune(store.fds)
    assert sorted(os.listdir(root / ".deleted" / instance)) == ["lock", "retired", "state.json"]


def test_pruning_fails_no_retirement(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(deleted, "_prune", fail)
    live(store)
    assert len(kept(store)) == 1


def test_an_unreadable_last_record_is_named_and_passed_over(store: Store, root: Path) -> None:
    good, bad = live(store, "good"), live(store, "bad")
    (root / ".deleted" / bad / "state.json").write_text("{")
    found = list(store.last_records())
    assert [each.container_id for each in found if isinstance(each, BadRecord)] == [bad]
    assert [each["instance"] for each in found if not isinstance(each, BadRecord)] == [good]
    assert not store.commit_exit("bad", bad, exit=exit_of(0), finished=NOW, precision="exact", now=NOW)


def test_a_pruned_life_learns_no_exit(store: Store, time: Time) -> None:
    instance = live(store)
    time.boottime_ns += 2 * HOUR_NS
    deleted.prune(store.fds)
    assert not store.commit_exit("web", instance, exit=exit_of(0), finished=NOW, precision="exact", now=NOW)
