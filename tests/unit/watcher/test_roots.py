"""Several roots under one watcher."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runtime.actions.identity import identify
from runtime.errors import Fault
from runtime.store.announced import announce
from runtime.store.presence import announce as announce_watcher
from runtime.store.presence import watcher_at_work
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support import records
from tests.support.children import wait_readable
from tests.support.records import LATER, NOW, commit, prune_all
from watcher.diff import Known
from watcher.events import Event, root_of
from watcher.roots import Roots


class World:
    """A default root, others beside it, and what a watcher of all of them tells."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.default = str(place / "run/containers")
        self.events: list[Event] = []
        self.listened: set[int] = set()
        (place / "run").mkdir(mode=0o755)
        self.own = Store(self.default, make=True)
        self.roots: Roots | None = None

    def watch(
        self,
        *,
        commits: bool = True,
        known: dict[str, Known] | None = None,
        pruned_until: dict[str, str] | None = None,
    ) -> Roots:
        roots = Roots(self.own, machine="m", commits=commits, default_root=self.default, on_events=self.events.extend)
        roots.listen, roots.forget = self.listened.add, self.listened.discard
        self.roots = roots
        roots.start(lambda: known or {}, lambda: pruned_until or {})
        self.listened.update(roots.fds())
        return roots

    def other(self, name: str) -> Store:
        """Another root, announced as the commands do."""
        store = Store(str(self.place / name), make=True)
        announce(store.root, self.default)
        return store

    def told(self) -> list[tuple[str, str, str]]:
        """(root, id, type) of each event so far."""
        assert self.roots is not None
        while ready := wait_readable(*self.listened, timeout_ms=0):
            for fd in ready:
                self.roots.handle(fd)
        return [(root_of(each["source"]), each["subject"], each["type"].split(".")[3]) for each in self.events]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    if made.roots is not None:
        made.roots.close()
    made.own.close()


def publish(store: Store, container_id: str = "web") -> str:
    """A container that is created; its instance."""
    me = identify(os.getpid())
    record = records.publish(store, container_id, maker=me, now=NOW)
    commit(store, container_id, status="created", happenings=("created",), process=me, pid=me["pid"])
    return record["instance"]


def retire(store: Store, container_id: str = "web") -> None:
    with store.action(container_id), store.locked(container_id) as held:
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("deleted",)))


def test_what_lies_in_an_announced_root_is_told_with_its_source(world: World) -> None:
    with closing(world.other("docker")) as docker:
        publish(world.own)
        publish(docker)
        world.watch()
        assert world.told() == [(world.default, "web", "created"), (docker.root, "web", "created")]


def test_a_root_that_is_announced_later_is_followed_from_then_on(world: World) -> None:
    world.watch()
    with closing(world.other("docker")) as docker:
        publish(docker)
        assert world.told() == [(docker.root, "web", "created")]
        assert watcher_at_work(docker.fds.root)


def test_an_announced_root_that_is_not_made_yet_is_followed_once_it_is(world: World) -> None:
    path = world.place / "late"
    path.mkdir(mode=0o755)
    announce(str(path), world.default)
    roots = world.watch()
    assert list(roots.followers) == [world.default]
    with closing(Store(str(path), make=True)) as late:
        publish(late)
        roots.tick()
        assert world.told() == [(str(path), "web", "created")]


def test_a_root_that_is_removed_ends_nothing_but_itself(world: World) -> None:
    with closing(world.other("docker")) as docker:
        roots = world.watch()
        fds = set(roots.followers[docker.root].fds())
        shutil.rmtree(docker.root)
        world.told()
    assert list(roots.followers) == [world.default]
    assert not fds & world.listened
    publish(world.own)
    assert world.told() == [(world.default, "web", "created")]


def test_the_own_root_is_not_done_without(world: World) -> None:
    world.watch()
    shutil.rmtree(world.default)
    with pytest.raises(Fault, match="was removed"):
        world.told()


def test_a_root_that_others_may_write_is_passed_over_and_named(world: World) -> None:
    with closing(world.other("planted")) as planted:
        os.chmod(planted.root, 0o777)
        publish(planted)
        roots = world.watch()
        assert world.told() == []
        assert roots.refused == {planted.root: f"{planted.root} is writable by others"}


def test_a_root_with_a_watcher_of_its_own_is_read_and_not_written(world: World) -> None:
    with closing(world.other("docker")) as docker:
        presence = announce_watcher(docker.fds.root)
        try:
            publish(docker)
            roots = world.watch()
            assert world.told() == [(docker.root, "web", "created")]
            assert len(roots.followers[docker.root].fds()) == 1  # inotify, and no pidfds
        finally:
            os.close(presence)


def test_who_only_reads_writes_nowhere(world: World) -> None:
    with closing(world.other("docker")) as docker:
        publish(docker)
        world.watch(commits=False)
        assert world.told() == [(docker.root, "web", "created")]
        assert not watcher_at_work(docker.fds.root)


@pytest.mark.parametrize("where", ["own", "other"])
def test_a_restart_tells_each_life_in_its_own_root_and_no_gap(world: World, where: str) -> None:
    with closing(world.other("docker")) as docker:
        instances = {"own": publish(world.own), "other": publish(docker)}
        told = {instance: Known("web", 2, 2) for instance in instances.values()}
        retire({"own": world.own, "other": docker}[where])
        world.watch(known=told)
        expected = {"own": world.default, "other": docker.root}[where]
        assert world.told() == [(expected, "web", "deleted")]


@pytest.mark.parametrize("where", ["own", "other"])
@pytest.mark.parametrize("was_told", [True, False])
def test_a_restart_tells_of_a_gap_in_the_root_where_lives_were_pruned_untold(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str, was_told: bool
) -> None:
    with closing(world.other("docker")) as docker:
        pruned = {"own": world.own, "other": docker}[where]
        instance = publish(pruned)
        retire(pruned)
        prune_all(pruned, monkeypatch)
        told = {instance: Known("web", 3, 3, has_left=True)} if was_told else {}
        roots = world.watch(known=told, pruned_until={world.default: "", docker.root: ""})
        expected = {"own": world.default, "other": docker.root}[where]
        assert world.told() == ([] if was_told else [(expected, "", "gap")])
        roots.tick()
        assert roots.pruned_until() == {world.default: "", docker.root: "", expected: instance}


def test_all_lives_are_kept_in_mind(world: World) -> None:
    with closing(world.other("docker")) as docker:
        instances = {publish(world.own), publish(docker)}
        assert world.watch().lives() == instances
