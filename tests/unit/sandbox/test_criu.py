"""What criu is told, and what its log tells."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import Fault, UsageFault
from runtime.sandbox import criu, restoring
from runtime.sandbox.criu import CriuOptions
from runtime.sandbox.mounts import plan_mounts
from runtime.sandbox.namespaces import plan_namespaces

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = CriuOptions(images="/i", work="/w")
COMMON = ["--images-dir", "/i", "--work-dir", "/w", "--log-file"]


def following(words: list[str], word: str) -> list[str]:
    return [words[place + 1] for place, each in enumerate(words) if each == word]


def test_a_dump_names_the_process_the_freezer_and_what_lies_outside() -> None:
    mounts = criu.mounts_of_dump(["/usr"])
    words = criu.dump_words(OPTIONS, 7, [*mounts, "file[1:2f]"], freezer="/c/one", network_inode=44)
    assert words[:3] == ["dump", "--tree", "7"]
    assert words[3:8] == COMMON
    assert following(words, "--external") == ["mnt[/usr]:/usr", "file[1:2f]", "net[44]:runf-network"]
    assert following(words, "--freeze-cgroup") == ["/c/one"]
    assert "--manage-cgroups=soft" in words
    assert not {"--leave-running", "--track-mem"} & set(words)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"leave_running": True}, ["--leave-running"]),
        ({"parent": "../a"}, ["--prev-images-dir", "../a", "--track-mem"]),
        ({"page_server": "h:9"}, ["--page-server", "--address", "h", "--port", "9"]),
        ({"page_server": "h:9", "flags": ("lazy-pages",)}, ["--lazy-pages", "--address", "h", "--port", "9"]),
        ({"status_fd": 5}, ["--status-fd", "5"]),
        ({"empty_namespaces": ("network",)}, ["--empty-ns", "net"]),
        ({"network_lock": "nftables"}, ["--network-lock", "nftables"]),
        ({"flags": ("tcp-established", "tcp-skip-in-flight")}, ["--tcp-established", "--skip-in-flight"]),
        ({"flags": tuple(criu.FLAGS)}, list(criu.FLAGS.values())),
        ({"manage_cgroups": "full"}, ["--manage-cgroups=full"]),
    ],
)
def test_each_option_has_criu_s_word(changes: dict[str, Any], expected: list[str]) -> None:
    words = criu.dump_words(OPTIONS._replace(**changes), 7, [], freezer=None, network_inode=None)
    place = words.index(expected[0])
    assert words[place : place + len(expected)] == expected


def test_with_lazy_pages_criu_serves_them_itself() -> None:
    asked = OPTIONS._replace(page_server="h:9", flags=("lazy-pages",))
    assert "--page-server" not in criu.dump_words(asked, 7, [], freezer=None, network_inode=None)


def test_a_pre_dump_tracks_memory_and_leaves_all_running_anyway() -> None:
    asked = OPTIONS._replace(pre_dump=True, leave_running=True)
    words = criu.dump_words(asked, 7, [], freezer=None, network_inode=None)
    assert words[0] == "pre-dump"
    assert "--track-mem" in words
    assert "--leave-running" not in words


def test_a_restore_finds_everything_again() -> None:
    words = criu.restore_words(
        OPTIONS._replace(lsm_profile="apparmor:a", lsm_mount_context="c"),
        root="/b/rootfs",
        externals={"/usr": "/usr", "/proc/kcore": "/dev/null"},
        cgroup_roots=["/one"],
        inherited={1: "pipe:[3]", 9: criu.NETWORK},
        script="/w/restore.sh",
    )
    assert words[:3] == ["restore", "--restore-detached", "--restore-sibling"]
    assert following(words, "--external") == ["mnt[/usr]:/usr", "mnt[/proc/kcore]:/dev/null"]
    assert following(words, "--inherit-fd") == ["fd[1]:pipe:[3]", "fd[9]:runf-network"]
    assert [following(words, word) for word in ("--root", "--action-script", "--cgroup-root")] == [
        ["/b/rootfs"],
        ["/w/restore.sh"],
        ["/one"],
    ]
    assert [following(words, word) for word in ("--lsm-profile", "--lsm-mount-context")] == [["apparmor:a"], ["c"]]


@pytest.mark.parametrize(
    ("stage", "has_hooks", "word", "status"),
    [
        ("pre-restore", True, "", 0),
        ("setup-namespaces", False, "", 0),
        ("setup-namespaces", True, "go", 0),
        ("setup-namespaces", True, "", 1),
        ("post-restore", False, "go", 0),
        ("post-restore", False, "", 1),
    ],
)
def test_the_script_tells_the_pid_and_waits_for_the_word(
    tmp_path: Path, stage: str, has_hooks: bool, word: str, status: int
) -> None:
    place = tmp_path / "it's here"
    place.mkdir()
    (place / criu.TOLD).touch()
    (place / criu.GATE).write_text(f"{word}\n")
    script = place / "script"
    script.write_text(criu.script_text(str(place), has_hooks=has_hooks))
    environ = {"CRTOOLS_SCRIPT_ACTION": stage, "CRTOOLS_INIT_PID": "77"}
    assert subprocess.run(["sh", str(script)], env=environ, check=False).returncode == status
    is_asked = stage == "post-restore" or (stage == "setup-namespaces" and has_hooks)
    assert (place / criu.TOLD).read_text() == (f"{stage} 77\n" if is_asked else "")


def test_binds_and_what_masks_files_lie_outside() -> None:
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "bind", "source": "data", "options": ["rbind"]},
    ]
    steps = plan_mounts({"mounts": mounts}, bundle="/b", namespaces=plan_namespaces({}, rootless=False))
    assert criu.external_mounts(steps, ["/proc/kcore"]) == {"/data": "/b/data", "/proc/kcore": "/dev/null"}


def test_cgroups_are_put_below_the_containers_own() -> None:
    v2 = {"version": 2, "paths": {"unified": "/sys/fs/cgroup/a/one"}, "scope": None}
    assert criu.cgroup_roots(v2, {"unified": "/sys/fs/cgroup"}) == ["/a/one"]
    v1 = {"version": 1, "paths": {"pids": "/c/pids/one", "cpu": "/c/cpu,cpuacct/one"}, "scope": None}
    assert criu.cgroup_roots(v1, {"pids": "/c/pids", "cpu": "/c/cpu,cpuacct"}) == ["pids:/one", "cpu:/one"]
    assert criu.cgroup_roots(None, {}) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"empty_namespaces": ("mount",)}, "--empty-ns mount: "),
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
    monkeypatch.setattr(restoring, "PLACES", ())
    with pytest.raises(Fault, match=r"criu is not installed, .*; apt install criu"):
        restoring.find_criu({"PATH": "/nowhere:"})


def test_another_program_may_be_named(tmp_path: Path) -> None:
    mine = tmp_path / "my-criu"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert restoring.find_criu({}, str(mine)) == str(mine)
    assert restoring.find_criu({"PATH": str(tmp_path)}, "my-criu") == str(mine)
    with pytest.raises(Fault, match="--criu /nowhere/criu can't be executed"):
        restoring.find_criu({}, "/nowhere/criu")
    with pytest.raises(Fault, match="my-criu is not installed"):
        restoring.find_criu({"PATH": "/nowhere"}, "my-criu")
