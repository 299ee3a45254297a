"""Reading takes no lock and names what is broken; changing happens under the lock, on what is read there."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import BadIdentifier, BadRecord, ContainerBusy, ContainerExists, NoSuchContainer
from runtime.kernel import files
from runtime.store import lock
from runtime.store.consistency import find_contradictions
from runtime.store.reading import RECORD_LIMIT_BYTES
from runtime.store.record import advance, exec_started, execs_ended, serialize
from runtime.store.store import Store, open_store
from tests.support.forked import NOBODY, as_user, in_child, needs_root
from tests.support.records import LATER, NOW, PRIVATE, commit, exit_of, first_record, process_of, publish, retire
from tests.support.renames import Commits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def public() -> Iterator[Store]:
    """A root that everybody can reach and read; pytest's own directories let nobody through."""
    with tempfile.TemporaryDirectory(prefix="runf-test-") as place:
        os.chmod(place, 0o755)
        opened = Store(f"{place}/containers", make=True, public=True)
        yield opened
        opened.close()


NEWS: dict[str, Any] = {"finished": NOW, "precision": "exact", "now": LATER}


def reason(store: Store, container_id: str = "web") -> str:
    """Why the record is bad."""
    with pytest.raises(BadRecord) as caught:
        store.read(container_id)
    assert caught.value.container_id == container_id
    return caught.value.reason


def spoil(place: Path, how: str) -> None:
    """Make of the state.json at ``place`` what nobody should take for a record."""
    text = place.read_bytes()
    place.unlink()
    match how:
        case "link":
            (place.parent / "real.json").write_bytes(text)
            place.symlink_to("real.json")
        case "fifo":
            os.mkfifo(place)
        case "directory":
            place.mkdir()
        case "foreign":
            place.write_bytes(text)
            os.chown(place, NOBODY, -1)
        case "large":
            place.write_bytes(text + b" " * RECORD_LIMIT_BYTES)
        case "empty":
            place.touch()
        case "half":
            place.write_bytes(text[: len(text) // 2])
        case "invalid":
            place.write_text(json.dumps({**json.loads(text), "pid": -1}))
        case "another":
            place.write_bytes(serialize(first_record("other")))
        case "missing":
            pass


SPOILED = {
    "link": "state.json can't be read: Too many levels of symbolic links",
    "fifo": "state.json is not a regular file",
    "directory": "state.json is not a regular file",
    "foreign": f"state.json belongs to uid {NOBODY}, and the root does not",
    "large": "state.json is larger than 1 MiB",
    "empty": "a value is missing at line 1, column 1",
    "half": "",
    "invalid": "/pid: must be at least 0",
    "another": 'it is that of "other"',
    "missing": "web/state.json is missing",
}


@pytest.mark.parametrize("how", [pytest.param(how, marks=needs_root if how == "foreign" else ()) for how in SPOILED])
def test_what_is_no_record_is_refused_and_passed_over(store: Store, root: Path, how: str) -> None:
    good = publish(store, "good")
    publish(store)
    spoil(root / "web" / "state.json", how)
    assert SPOILED[how] in reason(store)
    found = dict(store.scan())
    assert found["good"] == good
    assert isinstance(found["web"], BadRecord)
    for take in (store.locked, store.try_locked, store.action):
        with pytest.raises(BadRecord):
            take("web")
    assert not store.commit_exit("web", "0" * 32, exit=exit_of(0), **NEWS)
    store.discard("web")
    assert sorted(os.listdir(root)) == [".deleted", ".staging", "good"]
    assert os.listdir(root / ".staging") == [".sweep"]
    publish(store)


def test_a_refusal_leaves_no_fd_behind(store: Store, root: Path) -> None:
    publish(store)
    spoil(root / "web" / "state.json", "invalid")
    before = os.listdir("/proc/self/fd")
    for call in (store.read, store.locked, store.try_locked, store.action):
        with pytest.raises(BadRecord):
            call("web")
    list(store.scan())
    assert os.listdir("/proc/self/fd") == before


def test_what_does_not_exist_is_named(store: Store) -> None:
    calls: list[Callable[[str], object]] = [store.read, store.locked, store.try_locked, store.action, store.discard]
    for call in calls:
        with pytest.raises(NoSuchContainer, match='container "web" does not exist'):
            call("web")


def test_an_id_is_checked_before_it_is_joined_to_a_path(store: Store, root: Path) -> None:
    calls: list[Callable[[str], object]] = [store.read, store.locked, store.try_locked, store.action, store.discard]
    for container_id in ("..", ".staging", "a/b", ""):
        for call in calls:
            with pytest.raises(BadIdentifier):
                call(container_id)
        with pytest.raises(BadIdentifier):
            store.publish({**first_record(), "id": container_id}, PRIVATE, ())
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]


def test_containers_are_told_in_the_order_of_their_ids(store: Store) -> None:
    published = {name: publish(store, name) for name in ("c", "a", "B", "+")}
    assert list(store.scan()) == [(name, published[name]) for name in ("+", "B", "a", "c")]


def test_a_stray_file_in_the_root_is_named_and_passed_over(store: Store, root: Path) -> None:
    good = publish(store)
    (root / "stray").touch()
    (root / "lost+found").mkdir()
    found = dict(store.scan())
    assert found.pop("web") == good
    assert {name: isinstance(each, BadRecord) for name, each in found.items()} == {"stray": True, "lost+found": True}


def test_a_name_that_no_id_can_have_is_told_on_one_line(store: Store, root: Path) -> None:
    (root / "a\nb\x1b").mkdir()
    os.mkdir(os.fsencode(root) + b"/\xff")
    for _, fault in store.scan():
        assert isinstance(fault, BadRecord)
        assert str(fault).isprintable()


def test_too_many_open_files_make_no_record_unreadable(store: Store) -> None:
    publish(store)

    def read_without_fds() -> int | None:
        limit = len(os.listdir("/proc/self/fd")) - 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        opened = []
        try:
            while True:
                opened.append(os.dup(0))
        except OSError:
            pass
        try:
            store.read("web")
        except OSError as error:
            return error.errno
        return None

    assert in_child(read_without_fds) == errno.EMFILE


def test_reading_takes_no_lock(store: Store) -> None:
    record = publish(store)
    with store.action("web"), store.locked("web"):
        assert store.read("web") == record
        assert list(store.scan()) == [("web", record)]


@needs_root
def test_whom_the_roots_mode_lets_in_can_read_and_no_more(public: Store) -> None:
    record = publish(public)

    def look() -> list[object]:
        reader = Store(public.root, make=False)
        found: list[object] = [reader.read("web")["instance"]]
        for name in ("lock", "action", "config.json", "gate", "spare"):
            found.append(os.access(f"{public.root}/web/{name}", os.R_OK))
        return found

    assert in_child(as_user(look)) == [record["instance"], False, False, False, False, False]


@needs_root
def test_a_reader_who_may_not_lock_is_told_so(public: Store) -> None:
    publish(public)

    def lock_it() -> str:
        try:
            Store(public.root, make=False).locked("web")
        except PermissionError as error:
            return type(error).__name__
        return "locked"

    assert in_child(as_user(lock_it)) == "PermissionError"


def test_what_was_read_before_the_lock_does_not_count(store: Store) -> None:
    before = publish(store)
    now = commit(store, pid=7)
    with store.locked("web") as held:
        assert held.record == now != before


def test_a_commit_raises_the_generation_by_one_and_each_happening_keeps_its_own_id(store: Store, root: Path) -> None:
    """However many steps the record was made in: a follower of renames sees no hole."""
    publish(store)
    before = commit(store, status="created", happenings=("created",), pid=4242, process=process_of(4242))
    first, second = process_of(7), process_of(8)
    with Commits(root, "web") as seen, store.action("web"), store.locked("web") as held:
        held.commit(exec_started(held.record, first, now=LATER))
        record = exec_started(held.record, second, now=LATER)
        record = advance(record, now=LATER, happenings=("updated",))
        record = execs_ended(record, record, [(first, exit_of(1))], now=LATER)
        record = advance(record, now=LATER, status="stopped", happenings=("stopped",))
        held.retire(advance(record, now=LATER, happenings=("deleted",)))
        last = held.record
        assert seen.generations() == [before["generation"] + 1, before["generation"] + 2]
    generation = before["generation"] + 2
    assert list(store.last_records()) == [last]
    assert last["generation"] == generation
    assert list(find_contradictions(last)) == []
    assert last["transitions"][:2] == before["transitions"]
    told = [(each["type"], each["generation"], each["n"]) for each in last["transitions"][2:]]
    assert told == [("updated", generation, 1), ("stopped", generation, 3), ("deleted", generation, 4)]
    moments = [moment for each in last["execs"] for moment in (each["started"], each["ended"]) if moment]
    places = [(moment["generation"], moment["n"]) for moment in moments]
    assert places == [(generation - 1, 0), (generation, 2), (generation, 0)]


def test_a_try_for_a_held_lock_gives_up_at_once(store: Store) -> None:
    publish(store)
    with store.locked("web"):
        assert store.try_locked("web") is None


def test_a_lock_is_released_once(store: Store) -> None:
    publish(store)
    held = store.locked("web")
    held.release()
    fd = os.open("/dev/null", os.O_RDONLY)
    held.release()
    os.fstat(fd)
    os.close(fd)


def test_a_commit_goes_to_the_directory_that_was_opened(store: Store, root: Path) -> None:
    publish(store)
    with store.locked("web") as held:
        (root / "web").rename(root / "moved")
        (root / "web").mkdir()
        held.commit({**held.record, "generation": 2})
    assert not (root / "web" / "state.json").exists()
    assert json.loads((root / "moved" / "state.json").read_text())["generation"] == 2


def test_an_exit_is_recorded_for_the_life_it_belongs_to(store: Store) -> None:
    first = publish(store)
    retire(store)
    second = publish(store)
    assert store.commit_exit("web", first["instance"], exit=exit_of(3), **NEWS)
    assert store.read("web") == second
    (last,) = store.last_records()
    assert not isinstance(last, BadRecord)
    assert (last["instance"], last["exit"]) == (first["instance"], exit_of(3))


def test_an_exit_rises_once_from_unknown_to_known(store: Store) -> None:
    instance = publish(store)["instance"]
    commit(store, status="running", happenings=("started",))
    happened = [store.commit_exit("web", instance, exit=exit_of(code), **NEWS) for code in (None, None, 3, 4, None)]
    assert happened == [True, False, True, False, False]
    record = store.read("web")
    assert record["exit"] == exit_of(3)
    assert [each["type"] for each in record["transitions"]] == ["creating", "started", "stopped", "exit"]


def test_what_is_known_of_memory_stays_when_the_code_becomes_known(store: Store) -> None:
    instance = publish(store)["instance"]
    commit(store, status="running", happenings=("started",))
    store.commit_exit("web", instance, exit={**exit_of(None), "oomKilled": True}, **NEWS)
    store.commit_exit("web", instance, exit=exit_of(3), **NEWS)
    assert store.read("web")["exit"] == {**exit_of(3), "oomKilled": True}


def test_an_exit_of_a_life_that_never_was_is_no_news(store: Store) -> None:
    publish(store)
    assert not store.commit_exit("web", "0" * 32, exit=exit_of(0), **NEWS)
    assert not store.commit_exit("other", "0" * 32, exit=exit_of(0), **NEWS)


@pytest.mark.parametrize("name", ["lock", "action"])
def test_a_container_without_a_lock_is_named_and_can_be_removed(store: Store, root: Path, name: str) -> None:
    publish(store)
    (root / "web" / name).unlink()
    take: Callable[[str], object] = store.action if name == "action" else store.locked
    with pytest.raises(BadRecord, match=f"web/{name} is missing"):
        take("web")
    store.discard("web")
    publish(store)


def test_a_container_that_can_be_read_after_all_is_not_discarded(store: Store) -> None:
    record = publish(store)
    with pytest.raises(ContainerBusy):
        store.discard("web")
    assert store.read("web") == record


def test_a_discard_waits_for_who_holds_the_lock(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    with store.locked("web"):
        spoil(root / "web" / "state.json", "empty")
        monkeypatch.setattr("runtime.store.store.ACTION_WAIT_S", 0)
        with pytest.raises(ContainerBusy, match=f"process {os.getpid()} acts on it"):
            store.discard("web")
    store.discard("web")


def test_a_life_that_begins_while_another_ends_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path led into a directory that was pruned by then, and the id lives again: neither gone nor broken."""
    record = publish(store)
    real = files.openat2
    missed = [1]

    def openat2(*arguments: Any, **options: Any) -> int:
        if missed and arguments[1] == "web/state.json":
            missed.pop()
            raise FileNotFoundError(errno.ENOENT, "no such file")
        return real(*arguments, **options)

    monkeypatch.setattr(files, "openat2", openat2)
    assert store.read("web") == record


def test_private_files_are_read_without_following_links(store: Store, root: Path, tmp_path: Path) -> None:
    publish(store)
    assert store.read_file("web", "config.json") == b"{}"
    (tmp_path / "secret").write_text("secret")
    (root / "web" / "config.json").unlink()
    (root / "web" / "config.json").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        store.read_file("web", "config.json")


def test_a_root_that_is_not_there_opens_as_none(root: Path) -> None:
    assert open_store(str(root)) is None


def test_an_existing_root_opens(store: Store, root: Path) -> None:
    record = publish(store)
    opened = open_store(str(root))
    assert opened is not None
    assert opened.read("web") == record
    opened.close()


def test_long_roots_and_ids_work(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 100] * 5)
    store = Store(str(deep / "containers"), make=True)
    container_id = "x" * 200
    record = publish(store, container_id)
    assert store.read(container_id) == record
    commit(store, container_id)
    retire(store, container_id)
    store.close()


def test_the_text_of_a_record_is_for_people_too(store: Store, root: Path) -> None:
    publish(store, annotations={"a": "grün\n"})
    text = (root / "web" / "state.json").read_text()
    assert text.startswith('{\n  "ociVersion": "')
    assert text.endswith("}\n")
    assert text.isascii()
    assert stat.S_ISREG((root / "web" / "state.json").stat().st_mode)


def test_the_second_of_two_creates_is_told_that_the_id_exists(store: Store) -> None:
    publish(store)
    with pytest.raises(ContainerExists) as caught:
        publish(store)
    assert caught.value.container_id == "web"
    assert lock.holder(store.fds.root, "web", "action") is None
