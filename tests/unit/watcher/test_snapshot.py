"""What a look at the directory adds to what is known."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from runtime.store import deleted
from runtime.store import store as store_module
from tests.support.looks import create, told
from tests.support.records import LATER, commit, exit_of, publish, retire
from watcher import snapshot as module
from watcher.diff import Known
from watcher.snapshot import EVERYTHING, Change, Gap, Snapshot, Walk

if TYPE_CHECKING:
    from runtime.store.store import Store

EXACT_TIME = "2026-01-31T23:59:59.250000000Z"


def test_an_empty_root_holds_nothing(looks):
    assert (list(looks.snapshot), looks.types()) == ([], [])


def test_a_new_container_is_told(store, looks):
    instance = create(store)
    assert looks.types() == [(instance, "created")]


def test_what_was_told_isnt_told_again(store, looks):
    create(store)
    looks.all()
    assert looks.types(EVERYTHING) == []


def test_quick_commits_are_each_told_in_order(store, looks):
    instance = create(store)
    commit(store, status="running", happenings=("started",))
    commit(store, status="stopped", happenings=("stopped",))
    assert looks.types() == [(instance, each) for each in ("created", "started", "stopped")]


def test_commits_that_are_known_already_cause_no_read(store, looks, monkeypatch):
    create(store)
    looks.all(EVERYTHING)
    look = looks.directory.read()._replace(ids=set())
    monkeypatch.setattr(store, "read_as", lambda *_: pytest.fail("an unchanged record was read"))
    assert looks.types(look) == []


def test_a_whole_life_between_two_looks_is_told(store, looks):
    instance = create(store)
    retire(store)
    assert looks.types() == [(instance, each) for each in ("created", "stopped", "deleted")]
    assert list(looks.snapshot) == []


def test_two_lives_of_one_id_are_told_one_after_the_other(store, looks):
    first = create(store)
    retire(store)
    second = create(store)
    assert looks.types() == [(first, each) for each in ("created", "stopped", "deleted")] + [(second, "created")]
    assert [record["instance"] for record in looks.snapshot] == [second]


def test_a_new_life_under_a_known_id_ends_the_old_one(store, looks):
    first = create(store)
    looks.all()
    retire(store)
    second = create(store)
    assert looks.types(EVERYTHING) == [(first, "stopped"), (first, "deleted"), (second, "created")]


LIFE = ("created", "stopped", "deleted")


def live(store: Store, container_id: str = "web") -> str:
    """A whole life; its instance."""
    instance = create(store, container_id)
    retire(store, container_id)
    return instance


def test_after_an_overflow_lives_of_one_id_are_told_in_their_order(store, looks):
    first = create(store)
    looks.all()
    retire(store)
    second, third = live(store), live(store)
    last = create(store)
    assert looks.types(EVERYTHING) == [
        *((first, each) for each in LIFE[1:]),
        *((instance, each) for instance in (second, third) for each in LIFE),
        (last, "created"),
    ]
    assert [record["instance"] for record in looks.snapshot] == [last]


def test_a_life_that_leaves_while_everything_is_read_is_told_once_and_is_not_current(store, looks, monkeypatch):
    instance = create(store)
    scan = store.scan_as

    def scan_and_lose(take):
        yield from list(scan(take))
        retire(store)

    monkeypatch.setattr(store, "scan_as", scan_and_lose)
    assert looks.types(EVERYTHING) == [(instance, each) for each in LIFE]
    assert list(looks.snapshot) == []


def test_a_life_that_began_since_the_look_waits_for_those_before_it(store, looks):
    first = create(store)
    looks.all()
    retire(store)
    look = looks.directory.read()
    second = live(store)
    third = create(store)
    assert looks.types(look) == [(first, each) for each in LIFE[1:]]
    assert looks.types() == [(second, each) for each in LIFE] + [(third, "created")]
    assert [record["instance"] for record in looks.snapshot] == [third]


def test_a_life_whose_maker_has_committed_nothing_yet_is_current(store, looks):
    publish(store)
    assert looks.types() == []
    assert [record["status"] for record in looks.snapshot] == ["creating"]


def test_a_departure_that_could_not_be_written_comes_before_the_next_life(store, looks, monkeypatch):
    create(store)
    looks.all()
    monkeypatch.setattr(store_module.Held, "commit", lambda *_: (_ for _ in ()).throw(OSError("full")))
    retire(store)
    monkeypatch.undo()
    second, third = live(store), create(store)
    assert looks.types() == [("web", "gap"), *((second, each) for each in LIFE), (third, "created")]


def test_overflow_finds_what_departed_unseen(store, looks):
    instance = create(store)
    retire(store)
    looks.directory.read()
    assert looks.types(EVERYTHING) == [(instance, each) for each in ("created", "stopped", "deleted")]


def test_an_exit_that_becomes_known_after_the_deletion_is_told(store, looks):
    instance = create(store)
    retire(store)
    looks.all()
    store.commit_exit("web", instance, exit=exit_of(7), finished=EXACT_TIME, precision="exact", now=LATER)
    assert looks.types() == [(instance, "exit")]


def test_an_exit_that_became_known_unseen_is_found_by_a_look_at_everything(store, looks):
    instance = create(store)
    retire(store)
    looks.all()
    store.commit_exit("web", instance, exit=exit_of(7), finished=EXACT_TIME, precision="exact", now=LATER)
    looks.directory.read()
    assert looks.types(EVERYTHING) == [(instance, "exit")]


def test_last_records_that_cant_change_arent_read_again(store, looks, monkeypatch):
    create(store)
    commit(store, status="stopped", exit=exit_of(0), happenings=("stopped",))
    with store.action("web"), store.locked("web") as held:
        held.retire({**held.record, "generation": held.record["generation"] + 1, "transitions": [
            *held.record["transitions"],
            {"generation": 4, "n": 0, "time": LATER, "type": "deleted", "status": "stopped"},
        ]})  # fmt: skip
    looks.all()
    monkeypatch.setattr(module, "read_as", lambda *_: pytest.fail("a final record was read again"))
    assert looks.types(EVERYTHING) == []


def test_a_walk_shows_what_was_there_when_it_began(store, looks):
    for container_id in ("a", "b", "c"):
        create(store, container_id)
    looks.all()
    walk = Walk(looks.snapshot)
    generations = [each.generation for each in looks.snapshot.kept()]
    retire(store, "b")
    commit(store, "c", happenings=("updated",))
    looks.all()
    assert [(each.id, each.generation) for each in walk] == list(zip("abc", generations, strict=True))


def test_a_walk_that_was_let_go_shows_the_rest_as_it_is_by_then(store, looks):
    for container_id in ("a", "b", "c"):
        create(store, container_id)
    looks.all()
    walk = Walk(looks.snapshot)
    steps = iter(walk)
    first = next(steps)
    walk.let_go()
    walk.let_go()
    retire(store, "b")
    changed = commit(store, "c", happenings=("updated",))
    create(store, "d")
    looks.all()
    assert first.id == "a"
    assert [(each.id, each.generation) for each in steps] == [("c", changed["generation"])]


def test_the_current_containers_are_listed_by_id(store, looks):
    for container_id in ("b", "a", "c"):
        create(store, container_id)
    looks.all()
    assert [record["id"] for record in looks.snapshot] == ["a", "b", "c"]


def test_a_record_is_found_by_its_id(store, looks):
    instance = create(store)
    looks.all()
    found = looks.snapshot.find("web")
    assert found is not None
    assert found["instance"] == instance
    assert looks.snapshot.find("other") is None


def break_record(store: Store, container_id: str = "web") -> None:
    """Overwrite the record in a way that nobody sees."""
    with open(f"{store.root}/{container_id}/state.json", "w") as file:
        file.write("{")


def test_an_unreadable_record_is_named_and_spoils_nothing(store, looks):
    create(store, "broken")
    break_record(store, "broken")
    instance = create(store, "web")
    assert looks.types() == [(instance, "created")]
    assert looks.snapshot.unreadable.keys() == {"broken"}


def test_a_container_that_became_unreadable_stays_as_it_was_known(store, looks):
    create(store)
    looks.all()
    break_record(store)
    assert looks.types(EVERYTHING) == []
    assert [record["id"] for record in looks.snapshot] == ["web"]


def test_a_record_that_can_be_read_again_is_no_longer_named(store, looks):
    create(store)
    with open(f"{store.root}/web/state.json") as file:
        text = file.read()
    break_record(store)
    looks.all(EVERYTHING)
    with open(f"{store.root}/web/state.json", "w") as file:
        file.write(text)
    looks.all(EVERYTHING)
    assert looks.snapshot.unreadable == {}


def test_an_unreadable_container_that_is_gone_is_no_longer_named(store, looks):
    create(store)
    break_record(store)
    looks.all(EVERYTHING)
    shutil.rmtree(f"{store.root}/web")
    looks.all(EVERYTHING)
    assert looks.snapshot.unreadable == {}


def test_a_container_that_vanished_without_a_last_record_is_a_gap(store, looks):
    create(store)
    looks.all()
    break_record(store)
    store.discard("web")
    assert looks.types() == [("web", "gap")]
    assert list(looks.snapshot) == []


def test_a_deletion_whose_last_commit_could_not_be_written_is_a_gap(store, looks):
    create(store)
    looks.all()
    with store.action("web") as action:
        deleted.retire(store.fds, action.dir_fd, "web", action.instance)
    assert looks.types() == [("web", "gap")]
    assert list(looks.snapshot) == []


def test_more_than_a_record_keeps_is_a_gap_before_the_rest(store, looks):
    instance = create(store)
    looks.all()
    for _ in range(70):
        commit(store, happenings=("updated",))
    changes = looks.all()
    assert told(changes) == [("web", "gap")] + [(instance, "updated")] * 64
    assert isinstance(changes[0], Gap)
    assert changes[0].missed == 6


def test_after_a_restart_only_what_is_new_is_told(store):
    instance = create(store)
    commit(store, status="running", happenings=("started",))
    restarted = Snapshot(store)
    restarted.restore({instance: Known("web", 2)})
    assert told(list(restarted.refresh(EVERYTHING))) == [(instance, "started")]


def test_after_a_restart_a_container_without_news_is_current(store):
    instance = create(store)
    restarted = Snapshot(store)
    restarted.restore({instance: Known("web", 2)})
    changes = list(restarted.refresh(EVERYTHING))
    assert [(change.record["instance"], change.happenings) for change in changes if isinstance(change, Change)] == [
        (instance, [])
    ]
    assert len(restarted) == 1


def test_after_a_restart_a_life_that_ended_meanwhile_is_told(store):
    instance = create(store)
    retire(store)
    restarted = Snapshot(store)
    restarted.restore({instance: Known("web", 2)})
    assert told(list(restarted.refresh(EVERYTHING))) == [(instance, "stopped"), (instance, "deleted")]


def test_after_a_restart_a_deletion_that_was_told_isnt_told_again(store):
    instance = create(store)
    last = retire(store)
    restarted = Snapshot(store)
    restarted.restore({instance: Known("web", last["generation"])})
    assert told(list(restarted.refresh(EVERYTHING))) == []


def test_a_last_record_of_unknown_exit_keeps_its_life_known(store, looks):
    instance = create(store)
    retire(store)
    looks.all()
    looks.snapshot.forget_pruned()
    assert looks.snapshot.known().keys() == {instance}
