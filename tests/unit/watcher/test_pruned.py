"""Lives that were pruned: a gap where one went that nobody had told of, and no gap where all were told.

pruned                                         what tells that all were told
while no watcher was at work                   the newest that went is one that the last watcher told of,
                                               or it is where that one noted to be
while one follows                              as many went as it had told of
by a command that died in the middle           those that it left are counted, and not gone yet
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.store import deleted
from tests.support.looks import create, told
from tests.support.records import commit, prune_all, retire
from watcher.diff import Known, known_from
from watcher.snapshot import EVERYTHING, Gap, Snapshot

if TYPE_CHECKING:
    from runtime.store.record import Record
    from runtime.store.store import Store

NOBODY_FOLLOWED = [("", "gap")]
NONE_YET = ""


def live(store: Store, container_id: str = "web") -> Record:
    """A whole life; its last record."""
    create(store, container_id)
    return retire(store, container_id)


def prune_but(store: Store, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Remove the oldest last records, so that so many are kept."""
    with monkeypatch.context() as patch:
        patch.setattr(deleted, "COUNT_LIMIT", kept)  # small enough that an eighth of it is none
        deleted.prune(store.fds)
    assert len(names(store)) == kept


def die_in_prune(store: Store, monkeypatch: pytest.MonkeyPatch, gone: int) -> None:
    """Whoever prunes them all is killed when so many have gone."""
    removed = []

    def rename_or_die(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if src_dir_fd == store.fds.deleted:
            if len(removed) == gone:
                raise KeyboardInterrupt
            removed.append(source)
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    rename = os.rename
    with monkeypatch.context() as patch:
        patch.setattr(deleted, "COUNT_LIMIT", -1)
        patch.setattr(os, "rename", rename_or_die)
        with pytest.raises(KeyboardInterrupt):
            deleted.prune(store.fds)


def names(store: Store) -> list[str]:
    return [name for name in os.listdir(store.fds.deleted) if not name.startswith(".")]


def restarted(store: Store, *lasts: Record, pruned_until: str | None = NONE_YET) -> Snapshot:
    """The snapshot of a watcher whose predecessor has told of these lives."""
    made = Snapshot(store)
    made.restore({last["instance"]: known_from(last) for last in lasts}, pruned_until=pruned_until)
    return made


def look(snapshot: Snapshot) -> list[tuple[str, str]]:
    return told(list(snapshot.refresh(EVERYTHING)))


def gaps(snapshot: Snapshot) -> list[tuple[str, int | None]]:
    """What letting go of pruned lives tells, looking again and again."""
    return [(gap.subject, gap.missed) for _ in range(3) for gap in snapshot.forget_pruned()]


class TestNobodyFollowed:
    def test_a_life_that_nobody_has_told_of_is_a_gap_once(self, store, monkeypatch):
        last = live(store)
        prune_all(store, monkeypatch)
        again = restarted(store)
        assert look(again) == NOBODY_FOLLOWED
        assert again.pruned_until == last["instance"]
        assert look(again) == gaps(again) == []
        assert look(restarted(store, pruned_until=again.pruned_until)) == []

    def test_lives_that_were_told_are_none_though_their_watcher_noted_nothing_since(self, store, monkeypatch):
        lasts = [live(store, name) for name in "abc"]
        prune_all(store, monkeypatch)
        assert look(restarted(store, *lasts)) == []

    def test_it_is_a_gap_if_only_the_newest_was_not_told(self, store, monkeypatch):
        lasts = [live(store, name) for name in "abc"]
        prune_all(store, monkeypatch)
        assert look(restarted(store, *lasts[:2])) == NOBODY_FOLLOWED

    def test_those_that_are_kept_are_told_and_the_gap_comes_before_them(self, store, monkeypatch):
        lasts = [live(store, name) for name in "abc"]
        prune_but(store, monkeypatch, 1)
        kept = lasts[2]["instance"]
        assert look(restarted(store, lasts[0])) == [
            *NOBODY_FOLLOWED,
            (kept, "created"),
            (kept, "stopped"),
            (kept, "deleted"),
        ]

    def test_they_are_told_in_the_order_in_which_they_will_go(self, store):
        for name in ("late", "early"):
            create(store, name)
        lasts = [retire(store, name)["instance"] for name in ("early", "late")]
        assert [instance for instance, kind in look(restarted(store)) if kind == "deleted"] == lasts

    def test_what_an_earlier_watcher_noted_is_no_gap(self, store, monkeypatch):
        last = live(store)
        prune_all(store, monkeypatch)
        assert look(restarted(store, pruned_until=last["instance"])) == []

    def test_a_watcher_that_begins_reports_none(self, store, monkeypatch):
        live(store)
        prune_all(store, monkeypatch)
        begun = Snapshot(store)
        assert look(begun) == []
        assert begun.pruned_until is not None

    def test_what_was_told_of_another_root_counts_where_it_lies(self, store, monkeypatch):
        last = live(store)
        prune_all(store, monkeypatch)
        again = Snapshot(store)
        again.restore({}, pruned_until=NONE_YET, told={last["instance"]: known_from(last)})
        assert look(again) == []

    def test_a_known_life_that_left_is_a_gap_of_its_own(self, store, monkeypatch):
        create(store)
        record = commit(store, status="stopped", happenings=("stopped",))
        retire(store)
        prune_all(store, monkeypatch)
        again = restarted(store, record)
        assert look(again) == [("web", "gap")]
        assert look(again) == gaps(again) == []

    def test_a_known_life_that_cannot_be_read_is_none(self, store):
        create(store)
        record = store.read("web")
        Path(store.root, "web", "state.json").write_text("{")
        again = restarted(store, record)
        assert look(again) == gaps(again) == []

    @pytest.mark.parametrize(("told_of", "expected"), [(1, NOBODY_FOLLOWED), (2, NOBODY_FOLLOWED), (3, [])])
    def test_of_a_prune_that_was_broken_off_the_oldest_that_is_left_tells(self, store, monkeypatch, told_of, expected):
        lasts = [live(store, name) for name in "abcd"]
        die_in_prune(store, monkeypatch, gone=2)
        assert sorted(names(store)) == sorted(each["instance"] for each in lasts[2:])
        again = restarted(store, *lasts[:told_of])
        assert [each for each in look(again) if each[1] == "gap"] == expected
        assert again.pruned_until == NONE_YET  # the newest is still there


class TestWhileOneFollows:
    def test_lives_that_were_told_are_no_gap(self, store, looks, monkeypatch):
        create(store)
        looks.all()
        retire(store)
        looks.all()
        prune_all(store, monkeypatch)
        assert gaps(looks.snapshot) == []
        assert looks.snapshot.known() == {}

    def test_lives_that_went_before_anybody_looked_are_counted(self, store, looks, monkeypatch):
        for name in "ab":
            live(store, name)
        prune_all(store, monkeypatch)
        looks.directory.read()
        assert gaps(looks.snapshot) == [("", 2)]

    def test_only_those_are_counted_that_were_not_told(self, store, looks, monkeypatch):
        live(store, "told")
        looks.all()
        live(store, "missed")
        prune_all(store, monkeypatch)
        live(store, "waits")
        assert gaps(looks.snapshot) == [("", 1)]
        assert [kind for _, kind in looks.types()] == ["created", "stopped", "deleted"]
        prune_all(store, monkeypatch)
        assert gaps(looks.snapshot) == []

    def test_a_life_whose_departure_was_told_before_it_left_is_no_gap(self, store, looks, monkeypatch):
        """Its last commit was read, and by the next look it had left and was pruned."""
        create(store)
        commit(store, status="stopped", happenings=("stopped", "deleted"))
        looks.all()
        retire_as_it_is(store)
        prune_all(store, monkeypatch)
        assert looks.types() == []
        assert gaps(looks.snapshot) == []

    def test_a_life_that_was_known_and_went_unseen_is_one_gap(self, store, looks, monkeypatch):
        create(store)
        looks.all()
        retire(store)
        prune_all(store, monkeypatch)
        assert looks.types() == [("web", "gap")]
        assert gaps(looks.snapshot) == []

    def test_a_container_that_somebody_removed_hides_no_later_gap(self, store, looks, monkeypatch):
        create(store)
        looks.all()
        Path(store.root, "web").rename(f"{store.root}.elsewhere")
        assert looks.types() == [("web", "gap")]
        assert gaps(looks.snapshot) == []
        live(store)
        prune_all(store, monkeypatch)
        looks.directory.read()
        assert gaps(looks.snapshot) == [("", 1)]

    @pytest.mark.parametrize("gone", [0, 1, 2])
    def test_what_a_prune_that_died_has_left_is_counted_once(self, store, looks, monkeypatch, gone):
        for name in "abc":
            live(store, name)
        looks.all()
        die_in_prune(store, monkeypatch, gone)
        assert gaps(looks.snapshot) == []
        live(store, "d")
        looks.all()
        prune_all(store, monkeypatch)
        assert gaps(looks.snapshot) == []
        assert deleted.read_pruned(store.fds)["count"] == 4

    def test_a_watcher_that_starts_beside_a_broken_prune_misses_what_goes_later(self, store, monkeypatch):
        lasts = [live(store, name) for name in "abc"]
        die_in_prune(store, monkeypatch, gone=1)
        again = restarted(store, *lasts)
        assert look(again) == []
        live(store, "missed")
        prune_all(store, monkeypatch)
        assert gaps(again) == [("", 1)]

    @pytest.mark.parametrize("is_under_way", [False, True])
    def test_what_goes_on_going_while_one_that_starts_counts_is_no_gap(self, store, monkeypatch, is_under_way):
        lasts = [live(store, name) for name in "abcd"]
        if is_under_way:
            die_in_prune(store, monkeypatch, gone=1)
        again = restarted(store, *lasts)
        read, rest = deleted.read_gone, iter([lambda: prune_all(store, monkeypatch)])

        def read_while_it_goes_on(*args):
            found = read(*args)
            next(rest, lambda: None)()
            return found

        monkeypatch.setattr(deleted, "read_gone", read_while_it_goes_on)
        assert look(again) == []
        assert gaps(again) == []

    def test_what_is_pruned_while_everything_is_read_for_the_first_time_is_counted(self, store, monkeypatch):
        lasts = [live(store, name) for name in "ab"]
        again = restarted(store, lasts[0])
        reading = iter(again.refresh(EVERYTHING))
        with monkeypatch.context() as patch:
            patch.setattr(again, "_scan", lambda: prune_all(store, monkeypatch) or {})
            found = list(reading)
        assert [(each.subject, each.missed) for each in found if isinstance(each, Gap)] == [("", 1)]

    def test_more_lives_than_are_remembered_are_no_gap(self, store, looks, monkeypatch):
        monkeypatch.setattr("watcher.snapshot.LASTS_LIMIT", 2)
        for name in "abcd":
            live(store, name)
        looks.all()
        prune_all(store, monkeypatch)
        assert gaps(looks.snapshot) == []

    def test_how_far_it_is_told_is_noted_only_once_all_have_gone(self, store, looks, monkeypatch):
        lasts = [live(store, name) for name in "ab"]
        looks.all()
        assert looks.snapshot.pruned_until == NONE_YET
        die_in_prune(store, monkeypatch, gone=1)
        looks.snapshot.forget_pruned()
        assert looks.snapshot.pruned_until == NONE_YET
        prune_all(store, monkeypatch)
        looks.snapshot.forget_pruned()
        assert looks.snapshot.pruned_until == lasts[1]["instance"]


def retire_as_it_is(store: Store) -> None:
    """Its last commit was made before."""
    with store.action("web"), store.locked("web") as held:
        deleted.retire(store.fds, held._dir_fd, "web", held.record["instance"])


def test_a_known_life_of_which_more_was_announced_is_no_longer_restored(store, monkeypatch):
    """What a restart took up is told from again; ``Known`` of an older generation makes no gap."""
    last = live(store)
    again = Snapshot(store)
    again.restore({last["instance"]: Known("web", 1)}, pruned_until=NONE_YET)
    assert [kind for _, kind in look(again)] == ["created", "stopped", "deleted"]
    prune_all(store, monkeypatch)
    assert gaps(again) == []
