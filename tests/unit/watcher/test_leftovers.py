"""A watcher that starts removes the directories of watchers whose root is gone, and touches nothing else."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import ExitStack
from pathlib import Path

import filelock
import pytest

from runtime.store import address
from tests.support.forked import NOBODY, needs_root
from watcher import instance, leftovers
from watcher.config import Settings
from watcher.instance import AlreadyFollowed, single_instance
from watcher.leftovers import name_root, sweep


class Place:
    """``run`` as the default root's directory, and roots beside it."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path
        self.default = str(tmp_path / "run" / "containers")
        self.own = self.make("own")

    def private(self, root: str) -> Path:
        return Path(address.private_directory(str(self.path / root), self.default))

    def make(self, root: str, *, is_there: bool = True) -> Path:
        """What a watcher of that root has left; whether the root is there."""
        (self.path / root).mkdir()
        private = self.private(root)
        (private / "journal").mkdir(parents=True)
        (private / "journal" / "epoch").write_text("0123456789abcdef")
        (private / leftovers.LOCK).touch()
        name_root(private, str(self.path / root))
        if not is_there:
            (self.path / root).rmdir()
        return private

    def sweep(self) -> set[Path]:
        """What is there then."""
        sweep(self.own)
        return set(self.own.parent.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_directory_of_a_root_that_is_gone_goes(place: Place) -> None:
    place.make("gone", is_there=False)
    there = place.make("there")
    assert place.sweep() == {place.own, there}
    assert (there / "journal" / "epoch").exists()


def test_our_own_stays_though_its_root_is_not_made_yet(place: Place) -> None:
    (place.path / "own").rmdir()
    assert place.sweep() == {place.own}


def test_one_that_a_watcher_holds_stays(place: Place) -> None:
    used = place.make("used", is_there=False)
    with (used / leftovers.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert place.sweep() == {place.own, used}
    assert place.sweep() == {place.own}


def test_what_a_sweeper_that_died_has_put_aside_goes(place: Place) -> None:
    gone = place.make("gone", is_there=False)
    gone.rename(f"{gone}{leftovers.GONE_SUFFIX}")
    assert place.sweep() == {place.own}


def test_one_that_does_not_say_or_does_not_say_rightly_whose_it_is_stays(place: Place) -> None:
    silent, wrong = place.make("silent", is_there=False), place.make("wrong", is_there=False)
    (silent / leftovers.ROOT).unlink()
    (wrong / leftovers.ROOT).unlink()
    (wrong / leftovers.ROOT).symlink_to(place.path / "nowhere")
    assert place.sweep() == {place.own, silent, wrong}


def test_one_without_a_lock_stays(place: Place) -> None:
    begun = place.make("begun", is_there=False)
    (begun / leftovers.LOCK).unlink()
    assert place.sweep() == {place.own, begun}


@pytest.mark.parametrize("name", ["0123456789abcdeg", "0123456789abcde", "0123456789abcdef0", "x.gone", "notes"])
def test_what_is_named_otherwise_stays(place: Place, name: str) -> None:
    other = place.own.parent / name
    place.make("gone", is_there=False).rename(other)
    assert place.sweep() == {place.own, other}


@pytest.mark.parametrize("suffix", ["", leftovers.GONE_SUFFIX])
def test_a_link_is_not_followed(place: Place, suffix: str) -> None:
    gone = place.make("gone", is_there=False)
    elsewhere = place.path / "elsewhere"
    gone.rename(elsewhere)
    link = Path(f"{gone}{suffix}")
    link.symlink_to(elsewhere)
    assert place.sweep() == {place.own, link}
    assert (elsewhere / "journal" / "epoch").exists()


def test_links_in_one_that_goes_are_not_followed(place: Place) -> None:
    gone = place.make("gone", is_there=False)
    kept = place.path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (gone / "journal" / "link").symlink_to(kept)
    assert place.sweep() == {place.own}
    assert (kept / "file").exists()


@pytest.mark.parametrize("which", ["one", "all"])
def test_where_others_could_write_nothing_is_touched(place: Place, which: str) -> None:
    gone = place.make("gone", is_there=False)
    changed = gone if which == "one" else gone.parent
    changed.chmod(0o770)
    assert place.sweep() == {place.own, gone}


@needs_root
@pytest.mark.parametrize("which", ["one", "all"])
def test_what_is_somebody_elses_is_not_touched(place: Place, which: str) -> None:
    gone = place.make("gone", is_there=False)
    os.chown(gone if which == "one" else gone.parent, NOBODY, NOBODY)
    assert place.sweep() == {place.own, gone}


def settings(place: Place, root: str) -> Settings:
    return Settings(root=str(place.path / root), socket="", private=place.private(root), machine="m")


def test_who_starts_names_the_root_and_sweeps(place: Place) -> None:
    place.make("gone", is_there=False)
    with single_instance(settings(place, "new")):
        new = place.private("new")
        assert os.readlink(new / leftovers.ROOT) == str(place.path / "new")
        assert set(place.own.parent.iterdir()) == {place.own, new}
    (place.path / "new").symlink_to(place.path / "own")  # its real path is another one by now
    name_root(new, str(place.path / "new"))
    assert os.readlink(new / leftovers.ROOT) == str(place.path / "own")


def test_who_was_given_the_lock_of_a_directory_that_went_begins_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both opened the lock; the sweeper was first, and the directory is gone when it lets the lock go."""
    private = place.make("gone", is_there=False)
    real = filelock.FileLock.acquire
    swept = []

    def acquire(lock: filelock.FileLock, **options: float) -> object:
        taken = real(lock, **options)
        if not swept:
            swept.append(private.rename(f"{private}{leftovers.GONE_SUFFIX}"))
        return taken

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with single_instance(settings(place, "gone")):
        assert private.is_dir()
        with pytest.raises(AlreadyFollowed), single_instance(settings(place, "gone")):
            pass


def test_a_sweeper_at_work_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    private = place.make("gone", is_there=False)
    pauses = []
    with ExitStack() as held:
        lock = held.enter_context((private / leftovers.LOCK).open())
        fcntl.flock(lock, fcntl.LOCK_EX)

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            held.close()

        monkeypatch.setattr(instance.time, "sleep", pause)
        with single_instance(settings(place, "gone")):
            assert len(pauses) == 1


def test_two_who_start_and_sweep_at_once_end_well(place: Place) -> None:
    faults: list[BaseException] = []

    def begin_often(root: str) -> None:
        try:
            for _ in range(50):
                with single_instance(settings(place, root)):
                    pass
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=begin_often, args=(root,)) for root in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
