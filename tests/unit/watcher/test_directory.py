"""Two watches tell births, commits and deaths."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.store import layout
from tests.support.children import wait_readable
from tests.support.records import commit, publish, retire
from watcher.directory import Directory, commit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.store import Store

INSTANCE = "0123456789abcdef0123456789abcdef"
QUEUE_LIMIT = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def directory(store: Store) -> Iterator[Directory]:
    watched = Directory(store.fds)
    yield watched
    watched.close()


def test_nothing_has_been_seen_at_first(directory):
    assert directory.read() == (set(), {}, False, False)


def test_a_publication_says_to_look_at_the_id(store, directory):
    publish(store, "web")
    assert directory.read().ids == {"web"}


def test_a_commit_says_which_life_has_come_to_which_generation(store, directory):
    record = publish(store, "web")
    directory.read()
    commit(store, "web", pid=5)
    assert directory.read() == (set(), {("web", record["instance"]): 2}, False, False)


def test_of_several_commits_the_newest_generation_counts(store, directory):
    record = publish(store, "web")
    for _ in range(3):
        commit(store, "web", pid=5)
    assert directory.read().lives == {("web", record["instance"]): 4}


def test_it_can_be_read_piece_by_piece(store, directory):
    lives = [publish(store, container_id)["instance"] for container_id in ("one", "two")]
    directory.read()
    commit(store, "one", pid=5)
    commit(store, "two", pid=5)
    one_event = 16 + 64  # its head, and its name of one.<instance>.2 padded with NULs
    assert list(directory.read(one_event).lives) == [("one", lives[0])]
    assert list(directory.read(one_event).lives) == [("two", lives[1])]
    assert directory.read(one_event).lives == {}


def test_the_fd_becomes_readable_by_a_commit(store, directory):
    publish(store, "web")
    directory.read()
    assert not wait_readable(directory.fd, timeout_ms=0)
    commit(store, "web", pid=5)
    assert wait_readable(directory.fd)


def test_a_deletion_names_the_id_and_the_life(store, directory):
    record = publish(store, "web")
    directory.read()
    retire(store, "web")
    look = directory.read()
    assert (look.ids, set(look.lives)) == ({"web"}, {("web", record["instance"])})


def test_two_lives_of_one_id_are_told_apart(store, directory):
    first = publish(store, "web")
    retire(store, "web")
    second = publish(store, "web")
    commit(store, "web", pid=5)
    assert set(directory.read().lives) == {("web", first["instance"]), ("web", second["instance"])}


def test_an_id_with_dots_is_kept_whole(store, directory):
    record = publish(store, "a.b.0")
    commit(store, "a.b.0", pid=5)
    assert directory.read().lives == {("a.b.0", record["instance"]): 2}


def test_names_with_a_leading_dot_are_nobodys_container(store, directory):
    os.mkdir(".new", dir_fd=store.fds.staging)
    os.rename(".new", ".new", src_dir_fd=store.fds.staging, dst_dir_fd=store.fds.root)
    assert directory.read().ids == set()


def test_an_overflow_says_to_look_at_everything(store, directory):
    """The queue holds so many; the kernel adds one event that says that more happened."""
    for name in ("a", "b"):
        os.mkdir(name, dir_fd=store.fds.root)
    for _ in range(int(QUEUE_LIMIT.read_text()) // 2 + 1):
        os.rename("a", "c", src_dir_fd=store.fds.root, dst_dir_fd=store.fds.root)
        os.rename("c", "a", src_dir_fd=store.fds.root, dst_dir_fd=store.fds.root)
    look = directory.read()
    assert (look.everything, look.overflowed, directory.is_gone) == (True, True, False)


def test_after_an_overflow_events_go_on(store, directory):
    test_an_overflow_says_to_look_at_everything(store, directory)
    publish(store, "web")
    assert directory.read() == ({"web"}, {}, False, False)


def test_a_root_that_was_removed_is_gone(store, directory):
    shutil.rmtree(store.root)
    look = directory.read()
    assert (look.everything, look.overflowed, directory.is_gone) == (True, False, True)


def test_a_root_that_was_moved_is_gone(store, directory):
    os.rename(store.root, store.root + ".away")
    directory.read()
    assert directory.is_gone


def test_what_is_watched_is_the_opened_root_wherever_its_path_leads(store):
    os.rename(store.root, store.root + ".away")
    os.makedirs(f"{store.root}/{layout.STAGING}")
    watched = Directory(store.fds)
    publish(store, "web")
    assert watched.read().ids == {"web"}
    watched.close()


@pytest.mark.parametrize(
    "name",
    [
        f"{INSTANCE}.making",
        f"{INSTANCE}.gone",
        ".sweep",
        f".{INSTANCE}.3",
        f"web.{INSTANCE}",
        f"web.{INSTANCE}.x",
        f"web.{INSTANCE}.²",
        f"web.{INSTANCE[:-1]}.3",
        f"web.{INSTANCE.upper()}.3",
        "web",
    ],
)
def test_what_else_lies_in_staging_is_no_commit(name):
    assert commit_of(name) is None


def test_a_commits_name_is_taken_apart_from_its_end():
    assert commit_of(f"a.{INSTANCE}.1.{INSTANCE}.12") == (f"a.{INSTANCE}.1", INSTANCE, 12)
