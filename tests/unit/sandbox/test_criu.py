"""What criu is asked, and what it and its log tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import Fault, UsageFault
from runtime.sandbox import criu, criu_service, protobuf
from runtime.sandbox.criu import CriuOptions, Directories
from runtime.sandbox.mounts import plan_mounts
from runtime.sandbox.namespaces import plan_namespaces

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = CriuOptions(images="/i", work="/w")
DIRECTORIES = Directories(images_fd=8, work_fd=9)


def read(message: bytes) -> tuple[int | None, dict[int, list[Any]]]:
    """The kind of a request, and what it asks for: the values of each field, texts as text."""
    request = protobuf.decode(message)
    found: dict[int, list[Any]] = {}
    rest = protobuf.content(request, criu.REQ_OPTS) or b""
    while rest:
        # the first field is what decode finds in as little as can be decoded
        for size in range(2, len(rest) + 1):
            try:
                ((number, value),) = protobuf.decode(rest[:size]).items()
            except (protobuf.BadMessage, ValueError):
                continue
            found.setdefault(number, []).append(value if isinstance(value, int) else value.decode())
            rest = rest[size:]
            break
    return protobuf.integer(request, criu.REQ_TYPE), found


def dump_of(options: CriuOptions, *externals: str, **more: Any) -> tuple[int | None, dict[int, list[Any]]]:
    given = {"freezer": None, "network_inode": None, "has_terminal": False, **more}
    return read(criu.dump_request(options, DIRECTORIES, 7, externals, **given))


def test_a_dump_names_the_process_the_freezer_and_what_lies_outside() -> None:
    mounts = criu.mounts_of_dump(["/usr"])
    kind, asked = dump_of(OPTIONS, *mounts, "file[1:2f]", freezer="/c/one", network_inode=44)
    assert kind == criu.DUMP
    assert asked == {
        criu.IMAGES_DIR_FD: [8],
        criu.WORK_DIR_FD: [9],
        criu.LOG_LEVEL: [4],
        criu.LOG_FILE: ["dump.log"],
        criu.NOTIFY_SCRIPTS: [1],
        criu.MANAGE_CGROUPS_MODE: [3],
        criu.PID: [7],
        criu.FREEZE_CGROUP: ["/c/one"],
        criu.EXTERNAL: ["mnt[/usr]:/usr", "file[1:2f]", "net[44]:runf-network"],
    }


PAGES_AT_H9 = protobuf.encode([(criu.PS_ADDRESS, "h"), (criu.PS_PORT, 9)]).decode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"leave_running": True}, {criu.LEAVE_RUNNING: [1]}),
        ({"parent": "../a"}, {criu.PARENT_IMG: ["../a"], criu.TRACK_MEM: [1]}),
        ({"page_server": "h:9"}, {criu.PAGE_SERVER: [PAGES_AT_H9]}),
        ({"empty_namespaces": ("network", "network")}, {criu.EMPTY_NS: [0x40000000]}),
        ({"network_lock": "nftables"}, {criu.NETWORK_LOCK: [2]}),
        ({"flags": ("tcp-established", "tcp-skip-in-flight")}, {5: [1], 46: [1]}),
        ({"flags": tuple(criu.FLAGS)}, {number: [1] for number in (4, 5, 7, 8, 16, 18, 46, 48, 52)}),
        ({"manage_cgroups": "full"}, {criu.MANAGE_CGROUPS_MODE: [4]}),
        ({"manage_cgroups": "ignore"}, {criu.MANAGE_CGROUPS_MODE: [0]}),
    ],
)
def test_each_option_has_its_field(changes: dict[str, Any], expected: dict[int, list[Any]]) -> None:
    _, plain = dump_of(OPTIONS)
    assert dump_of(OPTIONS._replace(**changes)) == (criu.DUMP, {**plain, **expected})


def test_a_terminal_is_left_out_where_there_is_one() -> None:
    _, plain = dump_of(OPTIONS)
    assert dump_of(OPTIONS, has_terminal=True)[1] == {**plain, criu.ORPHAN_PTS_MASTER: [1]}


def test_with_lazy_pages_the_address_is_where_criu_looks_for_it() -> None:
    pages = OPTIONS._replace(page_server="h:9")
    assert criu.words(pages, 5) == ["criu", "swrk", "5"]
    assert criu.words(pages._replace(flags=("lazy-pages",)), 5) == ["criu", "--address", "h", "swrk", "5"]


def test_a_pre_dump_tracks_memory_and_leaves_all_running_anyway() -> None:
    kind, asked = dump_of(OPTIONS._replace(pre_dump=True, leave_running=True))
    assert kind == criu.PRE_DUMP
    assert asked[criu.TRACK_MEM] == [1]
    assert criu.LEAVE_RUNNING not in asked


def test_a_restore_finds_everything_again() -> None:
    kind, asked = read(
        criu.restore_request(
            OPTIONS._replace(lsm_profile="apparmor:a", lsm_mount_context="c"),
            DIRECTORIES,
            root="/b/rootfs",
            externals={"/usr": "/usr", "/proc/kcore": "/dev/null"},
            cgroup_roots=[("", "/one"), ("pids", "/two")],
            inherited={1: "pipe:[3]", 9: criu.NETWORK},
            has_terminal=True,
        )
    )
    assert kind == criu.RESTORE
    assert asked == {
        criu.IMAGES_DIR_FD: [8],
        criu.WORK_DIR_FD: [9],
        criu.LOG_LEVEL: [4],
        criu.LOG_FILE: ["restore.log"],
        criu.NOTIFY_SCRIPTS: [1],
        criu.MANAGE_CGROUPS_MODE: [3],
        criu.ORPHAN_PTS_MASTER: [1],
        criu.RST_SIBLING: [1],
        criu.ROOT: ["/b/rootfs"],
        criu.EXTERNAL: ["mnt[/usr]:/usr", "mnt[/proc/kcore]:/dev/null"],
        criu.CG_ROOT: ["\x12\x04/one", "\n\x04pids\x12\x04/two"],
        criu.INHERIT_FD: ["\n\x08pipe:[3]\x10\x01", "\n\x0crunf-network\x10\x09"],
        criu.LSM_PROFILE: ["apparmor:a"],
        criu.LSM_MOUNT_CONTEXT: ["c"],
    }


def test_an_answer_is_read() -> None:
    notify = protobuf.encode([(criu.NOTIFY_SCRIPT, "post-restore"), (criu.NOTIFY_PID, 7)])
    told = protobuf.encode([(criu.RESP_TYPE, criu.NOTIFY), (criu.RESP_SUCCESS, True), (criu.RESP_NOTIFY, notify)])
    assert criu.read_answer(told) == criu.Answer(criu.NOTIFY, True, stage="post-restore", pid=7)
    version = protobuf.encode([(criu.VERSION_MAJOR, 3), (criu.VERSION_MINOR, 17)])
    told = protobuf.encode([(criu.RESP_TYPE, criu.VERSION), (criu.RESP_SUCCESS, True), (criu.RESP_VERSION, version)])
    assert criu.read_answer(told).version == (3, 17)
    told = protobuf.encode([(criu.RESP_TYPE, criu.DUMP), (criu.RESP_SUCCESS, False), (criu.RESP_ERRMSG, "why")])
    assert criu.read_answer(told) == criu.Answer(criu.DUMP, False, error="why")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"", "an answer without a type, or without success"),
        (protobuf.encode([(criu.RESP_TYPE, criu.DUMP)]), "an answer without a type, or without success"),
        (protobuf.encode([(criu.RESP_TYPE, "x"), (criu.RESP_SUCCESS, True)]), "field 1 is no number"),
        (protobuf.encode([(criu.RESP_TYPE, 6), (criu.RESP_SUCCESS, True), (criu.RESP_NOTIFY, 1)]), "field 5 is a num"),
        (protobuf.encode([(criu.RESP_TYPE, 6), (criu.RESP_SUCCESS, True), (criu.RESP_NOTIFY, b"\x0a")]), "is cut off"),
        (b"\x08", "is cut off"),
    ],
)
def test_what_is_no_answer_is_refused(message: bytes, told: str) -> None:
    with pytest.raises(protobuf.BadMessage, match=told):
        criu.read_answer(message)


def test_binds_and_what_masks_files_lie_outside() -> None:
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "bind", "source": "data", "options": ["rbind"]},
    ]
    steps = plan_mounts({"mounts": mounts}, bundle="/b", namespaces=plan_namespaces({}, rootless=False))
    assert criu.external_mounts(steps, ["/proc/kcore"]) == {"/data": "/b/data", "/proc/kcore": "/dev/null"}


def test_cgroups_are_put_below_the_containers_own() -> None:
    v2 = {"version": 2, "paths": {"unified": "/sys/fs/cgroup/a/one"}, "scope": None}
    assert criu.cgroup_roots(v2, {"unified": "/sys/fs/cgroup"}) == [("", "/a/one")]
    v1 = {"version": 1, "paths": {"pids": "/c/pids/one", "cpu": "/c/cpu,cpuacct/one"}, "scope": None}
    assert criu.cgroup_roots(v1, {"pids": "/c/pids", "cpu": "/c/cpu,cpuacct"}) == [("pids", "/one"), ("cpu", "/one")]
    assert criu.cgroup_roots(None, {}) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"empty_namespaces": ("mount",)}, "--empty-ns mount: "),
        ({"network_lock": "ipchains"}, "--network-lock ipchains: "),
        ({"manage_cgroups": "hard"}, "--manage-cgroups-mode hard: "),
        ({"page_server": "host"}, "--page-server host is no ADDRESS:PORT"),
        ({"page_server": "host:x"}, "--page-server host:x is no ADDRESS:PORT"),
        ({"pre_dump": True, "flags": ("lazy-pages",)}, "--pre-dump and --lazy-pages"),
    ],
)
def test_what_criu_would_not_understand_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageFault) as caught:
        criu.check_options(OPTIONS._replace(**changes))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", "it wrote no log"),
        ("(00.1) one\n(00.2) two\n", "(00.2) two"),
        (
            "(00.1) ok\n(00.2) Error (criu/files.c:1): Can't lookup mount\n(00.3) Error (criu/dump.c:9): Dump failed\n",
            "Can't lookup mount",
        ),
    ],
)
def test_the_first_error_of_the_log_is_the_reason(log: str, told: str) -> None:
    assert criu.last_error(log) == told


def test_without_criu_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criu_service, "PLACES", ())
    with pytest.raises(Fault, match=r"criu is not installed, .*; apt install criu"):
        criu_service.find_criu({"PATH": "/nowhere:"})


def test_another_program_may_be_named(tmp_path: Path) -> None:
    mine = tmp_path / "my-criu"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert criu_service.find_criu({}, str(mine)) == str(mine)
    assert criu_service.find_criu({"PATH": str(tmp_path)}, "my-criu") == str(mine)
    with pytest.raises(Fault, match="--criu /nowhere/criu can't be executed"):
        criu_service.find_criu({}, "/nowhere/criu")
    with pytest.raises(Fault, match="my-criu is not installed"):
        criu_service.find_criu({"PATH": "/nowhere"}, "my-criu")
