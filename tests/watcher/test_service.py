"""The real watcher, end to end: a root, a socket, restarts, and what it says when it can't."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runtime.actions.identity import identify
from runtime.store.presence import announce, watcher_at_work
from runtime.store.record import advance
from tests.support import records
from tests.support.containers import wait_until
from tests.support.forked import NOBODY
from tests.support.needs import needs
from tests.support.records import LATER, NOW, commit, prune_all
from tests.support.watching import SOURCES, TIMEOUT_S, Answer, short
from watcher.config import find_settings
from watcher.instance import EX_TEMPFAIL
from watcher.service import serve

if TYPE_CHECKING:
    from typing import TextIO

    from runtime.store.record import Process, Record
    from runtime.store.store import Store
    from tests.support.watching import Watcher


def publish(store: Store, container_id: str = "web", now: str = NOW) -> Record:
    """A new life in our own hands, as a `create` at work has it."""
    return records.publish(store, container_id, annotations={"team": "red"}, maker=identify(os.getpid()), now=now)


def run(store: Store, process: Process, container_id: str = "web") -> Record:
    """A running container whose first process that is."""
    publish(store, container_id)
    commit(store, container_id, process=process, pid=process["pid"])
    commit(store, container_id, status="created", happenings=("created",))
    return commit(store, container_id, status="running", happenings=("started",))


def retire(store: Store, container_id: str = "web") -> None:
    with store.action(container_id), store.locked(container_id) as held:
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("deleted",)))


def test_a_life_is_told_from_its_birth_to_its_end(store, watcher, child):
    process = child()
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        run(store, process.identity)
        assert [short(event) for event in stream.events(2)] == ["created", "started"]
        process.end(7)
        stopped = stream.event()
        assert (short(stopped), stopped["data"]["exit"]["code"]) == ("stopped", 7)
        retire(store)
        assert short(stream.event()) == "deleted"


def test_who_comes_late_gets_the_snapshot_first(store, watcher, child):
    run(store, child().identity, "a")
    run(store, child().identity, "b")
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        assert [(event["subject"], short(event)) for event in stream.events(2)] == [
            ("a", "snapshot"),
            ("b", "snapshot"),
        ]
        commit(store, "a", happenings=("updated",))
        assert short(stream.event()) == "updated"


def test_a_restart_goes_on_where_the_cursor_was(store, watcher, child):
    first = watcher()
    with contextlib.closing(first.get("/v1/events")) as stream:
        run(store, child().identity)
        created = stream.event()
    assert first.end() == (0, "")
    commit(store, happenings=("updated",))
    with contextlib.closing(watcher().get(f"/v1/events?after={created['cursor']}")) as stream:
        following = stream.events(2)
    assert [short(event) for event in following] == ["started", "updated"]
    assert [event["sequence"] for event in following] == [f"{number:020}" for number in (2, 3)]


def test_a_watcher_that_was_killed_loses_nothing(store, watcher, child):
    first = watcher()
    with contextlib.closing(first.get("/v1/events")) as stream:
        run(store, child().identity)
        cursor = stream.events(2)[-1]["cursor"]
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    commit(store, happenings=("updated",))
    with contextlib.closing(watcher().get(f"/v1/events?after={cursor}")) as stream:
        assert short(stream.event()) == "updated"


def test_what_was_pruned_and_told_is_no_gap_however_the_watcher_ended(store, watcher, monkeypatch):
    """Killed before its first tick, too; and what the wall clock says of it all doesn't count."""
    first = watcher()
    with contextlib.closing(first.get("/v1/events")) as stream:
        publish(store, "told", now="2999-01-01T00:00:00.000000000Z")
        retire(store, "told")
        cursor = stream.event()["cursor"]
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    prune_all(store, monkeypatch)
    second = watcher()
    publish(store)
    retire(store)
    with contextlib.closing(second.get(f"/v1/events?after={cursor}")) as stream:
        assert short(stream.event()) == "deleted"


def test_what_was_pruned_and_never_told_is_one_gap(store, watcher, monkeypatch):
    first = watcher()
    cursor = first.get("/v1/events").headers["Runf-Cursor"]
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    publish(store)
    retire(store)
    prune_all(store, monkeypatch)
    assert watcher().end(signal.SIGKILL)[0] == -signal.SIGKILL
    last = watcher()
    publish(store)
    retire(store)
    with contextlib.closing(last.get(f"/v1/events?after={cursor}")) as stream:
        assert [short(each) for each in stream.events(2)] == ["gap", "deleted"]


def test_a_cursor_of_another_journal_is_gone(watcher):
    answer = watcher().get("/v1/events?after=0123456789abcdef.7")
    assert answer.status == 410
    assert answer.document()["error"] == "the cursor 0123456789abcdef.7 leads nowhere any more"


def test_a_second_watcher_of_a_root_ends_with_75_and_one_line(store, watcher, launch):
    watcher()
    assert launch("--socket", f"{store.root}.sock").wait() == (
        EX_TEMPFAIL,
        f"runf-watcher: another runf-watcher follows {store.root}; one is enough: ask that one\n",
    )


def test_one_that_commits_from_elsewhere_is_found_by_its_lock_in_the_root(store, launch):
    presence = announce(store.fds.root)
    try:
        assert launch().wait()[0] == EX_TEMPFAIL
    finally:
        os.close(presence)


def test_commands_see_that_it_is_at_work_and_that_it_has_ended(store, watcher):
    watching = watcher()
    assert watcher_at_work(store.fds.root)
    watching.end()
    assert not watcher_at_work(store.fds.root)


def test_one_that_only_reads_writes_nothing_to_the_root(store, watcher, child):
    process = child()
    record = run(store, process.identity)
    before = sorted(os.listdir(store.root))
    watching = watcher("--read-only")
    process.end(7)
    with contextlib.closing(watching.get("/v1/events")) as stream:
        assert short(stream.event()) == "snapshot"
        commit(store, happenings=("updated",))
        assert stream.event()["data"]["status"] == "running"
    assert store.read("web")["exit"] == record["exit"]
    assert (sorted(os.listdir(store.root)), watcher_at_work(store.fds.root)) == (before, False)


def test_its_socket_is_for_the_group_of_the_root_and_leaves_with_it(store, watcher):
    watching = watcher()
    found = os.stat(watching.socket)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert found.st_gid == os.stat(store.root).st_gid
    assert stat.S_IMODE(watching.private.stat().st_mode) == 0o700
    assert watching.end() == (0, "")
    assert not os.path.exists(watching.socket)


def test_the_socket_of_a_dead_watcher_is_replaced(watcher):
    first = watcher()
    first.end(signal.SIGKILL)
    assert os.path.exists(first.socket)
    assert watcher().get("/healthz").status == 200


def test_a_socket_that_answers_is_left_alone(store, watcher, launch, tmp_path):
    path = str(tmp_path / "s")
    watching = watcher("--socket", path)
    other = launch("--socket", path, root=f"{store.root}2")
    assert other.wait() == (
        1,
        f"runf-watcher: another process listens on {path}; name another socket with --socket\n",
    )
    assert watching.get("/healthz").status == 200


def test_what_is_no_socket_is_left_alone(launch, tmp_path):
    (tmp_path / "s").write_text("precious")
    status, text = launch("--socket", str(tmp_path / "s")).wait()
    assert (status, text) == (
        1,
        f"runf-watcher: {tmp_path}/s is there already, and is no socket; name another with --socket\n",
    )
    assert (tmp_path / "s").read_text() == "precious"


def test_a_socket_may_lie_deeper_than_an_address_is_long(watcher, tmp_path):
    path = tmp_path / ("d" * 100) / "watcher.sock"
    watching = watcher("--socket", str(path))
    assert watching.get("/healthz").status == 200
    watching.end()
    assert not path.exists()


def test_a_name_that_is_too_long_for_any_address_is_one_line(launch, tmp_path):
    status, text = launch("--socket", str(tmp_path / ("s" * 200))).wait()
    assert status == 1
    assert text == f"runf-watcher: the socket {tmp_path}/{'s' * 200} can't be made: AF_UNIX path too long; " + (
        "name another with --socket\n"
    )


def test_a_root_that_is_not_there_is_made(store, launch):
    watching = launch(root=f"{store.root}/../other")
    watching.wait_ready()
    assert sorted(os.listdir(f"{store.root}/../other")) == [".deleted", ".pidfds", ".staging", ".watcher"]


def test_a_root_that_others_may_write_is_only_read(store, launch):
    os.chmod(store.root, 0o777)
    assert launch().wait() == (
        1,
        f"runf-watcher: the state root {store.root} could be somebody else's work: {store.root} is writable by "
        "others; --read-only follows it without writing there\n",
    )
    assert launch("--read-only").wait_ready().startswith("runf-watcher: following ")


def test_a_root_that_is_removed_ends_it_with_one_line(store, watcher):
    watching = watcher()
    for name in (".staging/.sweep", ".watcher"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{store.root}/{name}")
    os.rmdir(f"{store.root}/.staging")
    assert watching.wait() == (
        1,
        f"runf-watcher: the state root {store.root} was removed; start the watcher anew\n",
    )


def test_the_end_of_the_watcher_ends_its_streams(watcher):
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        assert watching.end(signal.SIGINT) == (0, "")
        assert stream.line() == ""


def test_the_service_manager_is_told(watcher, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(TIMEOUT_S)
        watching = watcher(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert manager.recv(100).startswith(b"FDSTORE=1\nFDPOLL=0\nFDNAME=handover-")
        assert manager.recv(100) == b"READY=1\nSTATUS=0 containers in 1 roots, 0 subscribers"
        watching.end()
        assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--config", "/nowhere.toml"),
            "/nowhere.toml: no such file or directory; name an existing file",
        ),
        (("--nonsense",), "No such option"),
        (("--socket", "/proc/version/d/s"), "the socket /proc/version/d/s can't be made: Not a directory; name "),
    ],
)
def test_what_is_wrong_is_one_line(launch, options, text):
    status, said = launch(*options).wait()
    assert status == 1
    assert said.startswith(f"runf-watcher: {text}")
    assert said.count("\n") == 1


def output_of(following: Watcher) -> TextIO:
    assert following.process.stdout is not None
    return following.process.stdout


def test_follow_prints_the_snapshot_and_then_the_events(store, launch, child):
    run(store, child().identity)
    output = output_of(launch("--follow"))
    first = json.loads(output.readline())
    assert (short(first), "cursor" in first, "sequence" in first) == ("snapshot", False, False)
    commit(store, happenings=("updated",))
    assert short(json.loads(output.readline())) == "updated"


def test_follow_works_beside_a_watcher_and_leaves_nothing(store, watcher, launch, child):
    watching = watcher()
    process = child()
    run(store, process.identity)
    output = output_of(launch("--follow"))
    assert short(json.loads(output.readline())) == "snapshot"
    process.end(3)
    assert json.loads(output.readline())["data"]["exit"]["code"] == 3
    assert watching.get("/healthz").status == 200


def test_follow_ends_quietly_when_its_reader_goes(store, launch, child):
    run(store, child().identity)
    following = launch("--follow")
    output = output_of(following)
    output.readline()
    output.close()
    following.process.stdout = None
    assert following.wait() == (0, "")


def test_follow_serves_no_socket_and_keeps_no_journal(store, launch, child):
    run(store, child().identity)
    following = launch("--follow")
    output = output_of(following)
    output.readline()
    assert not following.private.exists()


def test_follow_without_anywhere_to_print_says_so(store):
    command = f"exec {sys.executable} -m watcher --follow --root {store.root} >&-"
    process = subprocess.Popen(["sh", "-c", command], cwd=SOURCES, stderr=subprocess.PIPE, text=True)
    _, text = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, text) == (1, "runf-watcher: there is nowhere to print: stdout is closed\n")


def test_follow_prints_only_what_its_filters_leave(store, launch, child):
    run(store, child().identity, "web")
    run(store, child().identity, "db")
    output = output_of(launch("--follow", "--filter", "prefix=w", "--filter", "type=updated"))
    assert (short(first := json.loads(output.readline())), first["subject"]) == ("snapshot", "web")
    for container_id in ("db", "web"):
        commit(store, container_id, happenings=("paused",))
        commit(store, container_id, happenings=("updated",))
    assert (short(event := json.loads(output.readline())), event["subject"]) == ("updated", "web")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--follow", "--filter", "typ=x"), "there is no filter 'typ'; there are id, prefix, "),
        (("--filter", "id=web"), "--filter is for --follow; a subscriber of the socket names its own filters"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(launch, options, text):
    status, said = launch(*options).wait()
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith(f"runf-watcher: {text}")


@needs("root")
def test_an_ordinary_user_follows_what_it_may_only_read(store, child, tmp_path):
    os.chmod(store.root, 0o755)
    own = tmp_path / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.geteuid() and directory.is_relative_to(os.environ["TMPDIR"]):
            directory.chmod(directory.stat().st_mode | 0o011)
    run(store, child().identity)
    settings = find_settings({"XDG_RUNTIME_DIR": str(own)}, root=store.root, socket=str(own / "s"), read_only=True)
    settings = settings._replace(private=own / "private")
    if (pid := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            serve(settings, lambda: settings)
        finally:
            os._exit(1)
    try:
        wait_until((own / "s").exists, "its socket", 3 * TIMEOUT_S)
        with contextlib.closing(Answer(str(own / "s"), "/v1/events")) as stream:
            assert short(stream.event()) == "snapshot"
            commit(store, happenings=("updated",))
            assert short(stream.event()) == "updated"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
