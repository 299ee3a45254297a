"""What /proc tells, from texts and from this very process."""

import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.kernel import procfs
from runtime.kernel.procfs import CgroupLine, IdMap, MountInfo

GONE = (1 << 22) - 1  # no pid reaches pid_max's limit
FIELDS = "S 1 " + " ".join(str(number) for number in range(5, 53))


def stat_text(comm: str, fields: str = FIELDS) -> str:
    return f"77 ({comm}) {fields}\n"


class TestStat:
    def test_the_fields_are_where_the_manual_says(self) -> None:
        found = procfs.parse_stat(stat_text("sh"))
        # field n holds n; 9 are flags, 20 counts threads, 22 is the start time, 52 the exit code (proc_pid_stat(5))
        assert found == procfs.ProcStat(
            pid=77, comm="sh", state="S", ppid=1, start_time=22, exit_code=52, threads=20, flags=9
        )

    @pytest.mark.parametrize("comm", ["", " ", "a b", "(sd-pam)", ") S 1 2 3", "a\nb", "((", "))", ") R (", "\udcff"])
    def test_a_name_may_be_anything(self, comm: str) -> None:
        found = procfs.parse_stat(stat_text(comm))
        assert (found.comm, found.state, found.start_time) == (comm, "S", 22)

    @pytest.mark.parametrize(
        "text", ["", "77", "77 sh S 1", "77 (sh", "77 (sh) S 1 2\n", "x (sh) " + FIELDS, "77 (sh) S x " + FIELDS[4:]]
    )
    def test_anything_else_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"stat|literal"):
            procfs.parse_stat(text)

    def test_a_live_process_is_read(self) -> None:
        found = procfs.stat("/proc", os.getpid())
        assert found is not None
        assert (found.pid, found.ppid, found.state) == (os.getpid(), os.getppid(), "R")
        assert procfs.start_time("/proc", "self") == found.start_time > 0

    def test_a_process_that_is_gone_is_none(self) -> None:
        assert procfs.stat("/proc", GONE) is None
        assert procfs.start_time("/proc", GONE) is None

    def test_an_empty_file_is_a_process_that_is_gone(self, tmp_path: Path) -> None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "stat").touch()
        assert procfs.stat(str(tmp_path), 7) is None

    def test_a_process_that_ends_between_open_and_read_is_none(self) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        directory = os.open(f"/proc/{pid}", os.O_PATH)
        try:
            os.waitpid(pid, 0)
            assert procfs.stat(f"/proc/self/fd/{directory}", ".") is None
        finally:
            os.close(directory)

    def test_a_zombie_has_its_wait_status_in_the_last_field(self) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            found = procfs.stat("/proc", pid)
            assert found is not None
            assert (found.state, found.exit_code) == ("Z", 3 << 8)
            assert procfs.has_ended(found)
        finally:
            os.waitpid(pid, 0)


def parsed(state: str, threads: int) -> procfs.ProcStat:
    fields = FIELDS.split()
    fields[0], fields[17] = state, str(threads)
    return procfs.parse_stat(stat_text("sh", " ".join(fields)))


@pytest.mark.parametrize("state", ["R", "S", "D", "T", "t", "I"])
def test_a_process_in_any_other_state_has_not_ended(state: str) -> None:
    assert not procfs.has_ended(parsed(state, 1))


@pytest.mark.parametrize("state", ["Z", "X", "x"])
@pytest.mark.parametrize("threads", [0, 1])
def test_a_zombie_has_ended(state: str, threads: int) -> None:
    assert procfs.has_ended(parsed(state, threads))


def test_a_first_thread_that_ended_before_the_others_is_no_end() -> None:
    assert not procfs.has_ended(parsed("Z", 2))


def test_who_ends_is_exiting_before_it_has_ended() -> None:
    dying = parsed("R", 1)._replace(flags=procfs.PF_EXITING | 0x400000)
    assert procfs.is_exiting(dying)
    assert not procfs.has_ended(dying)
    assert procfs.is_exiting(parsed("Z", 1))
    assert not procfs.is_exiting(parsed("S", 1)._replace(flags=0x400000))


class TestMountinfo:
    LINE = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue"

    def test_a_line_of_the_manual(self) -> None:
        assert procfs.parse_mountinfo(self.LINE + "\n") == [
            MountInfo(
                36, 35, "/mnt1", "/mnt2", "rw,noatime", ("master:1", "shared:2"), "ext3", "/dev/root",
                "rw,errors=continue",
            )
        ]  # fmt: skip

    def test_no_optional_field_and_an_empty_source(self) -> None:
        (found,) = procfs.parse_mountinfo("1 0 0:5 / /x rw - tmpfs  rw\n")
        assert (found.optional, found.fstype, found.source, found.super_options) == ((), "tmpfs", "", "rw")

    def test_escapes_are_resolved_in_root_mount_point_and_source(self) -> None:
        (found,) = procfs.parse_mountinfo("1 0 0:5 /a\\040b /c\\011d\\012e\\134f rw - fuse.x it\\040is rw")
        assert (found.root, found.mount_point, found.source) == ("/a b", "/c\td\ne\\f", "it is")

    @pytest.mark.parametrize("character", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\xa0"])
    def test_a_mount_point_with_what_only_unicode_calls_a_line_or_a_space(self, character: str) -> None:
        text = f"1 0 0:5 / /a{character}b rw - tmpfs none rw\n"
        assert [each.mount_point for each in procfs.parse_mountinfo(text)] == [f"/a{character}b"]

    @pytest.mark.parametrize(
        "text", ["1", "1 0 0:5 / /x rw", "1 0 0:5 / /x - tmpfs none rw", "1 0 0:5 / /x rw - tmpfs"]
    )
    def test_anything_else_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="mountinfo"):
            procfs.parse_mountinfo(text)

    def test_our_own_mounts_have_one_root(self) -> None:
        mounts = procfs.mounts("/proc")
        assert "/proc" in {each.mount_point for each in mounts if each.fstype == "proc"}
        assert len({each.mount_id for each in mounts}) == len(mounts)

    def test_only_those_of_one_type_are_asked_for(self, tmp_path: Path) -> None:
        (tmp_path / "self").mkdir()
        odd = "2 1 0:6 / /x\x0b\\040-\\040tmpfs\\040 rw - ext4 none rw"
        (tmp_path / "self/mountinfo").write_text(
            f"1 0 0:5 / /t rw - tmpfs none rw\n{odd}\n3 1 0:7 / /u rw - tmpfs2 t rw\n"
        )
        assert [each.mount_id for each in procfs.mounts(str(tmp_path), fstype="tmpfs")] == [1]
        assert [each.mount_id for each in procfs.mounts(str(tmp_path))] == [1, 2, 3]

    def test_a_process_that_is_gone_has_none(self) -> None:
        assert procfs.mounts("/proc", GONE) == []


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\\040b", "a b"),
        ("\\134040", "\\040"),
        ("\\0401", " 1"),
        ("\\04", "\\04"),
        ("\\999", "\\999"),
        ("\\\u0663\u0664\u0660", "\\\u0663\u0664\u0660"),
        ("\\00\u00b2", "\\00\u00b2"),
        ("end\\", "end\\"),
    ],
)
def test_three_octal_digits_are_an_escape_and_nothing_else_is(escaped: str, text: str) -> None:
    assert procfs.unescape(escaped) == text


class TestCgroup:
    def test_lines_of_both_versions(self) -> None:
        text = "12:cpu,cpuacct:/a\n1:name=systemd:/b c\n0::/d\n"
        assert procfs.parse_cgroup(text) == [
            CgroupLine(12, ("cpu", "cpuacct"), "/a"),
            CgroupLine(1, ("name=systemd",), "/b c"),
            CgroupLine(0, (), "/d"),
        ]

    @pytest.mark.parametrize("path", ["/", "/a:b", "/a::b", "/../x", "/a\rb", "/a\x85b", "/gone (deleted)"])
    def test_a_path_may_hold_colons_and_carriage_returns(self, path: str) -> None:
        assert procfs.parse_cgroup(f"0::{path}\n") == [CgroupLine(0, (), path)]

    def test_anything_else_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="unpack"):
            procfs.parse_cgroup("0:/x\n")

    def test_ours_are_absolute_and_gone_ones_none(self) -> None:
        assert all(line.path.startswith("/") for line in procfs.cgroup_paths("/proc"))
        assert procfs.cgroup_paths("/proc", GONE) == []


class TestIdMap:
    def test_lines_have_three_numbers(self) -> None:
        text = "         0       1000          1\n         1     100000      65536\n"
        assert procfs.parse_id_map(text) == [IdMap(0, 1000, 1), IdMap(1, 100000, 65536)]
        assert procfs.parse_id_map("") == []

    @pytest.mark.parametrize(("uid", "outer"), [(0, 1000), (1, 100000), (65536, 165535), (65537, 65537)])
    def test_the_outer_uid_follows_the_map(self, tmp_path: Path, uid: int, outer: int) -> None:
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "uid_map").write_text("0 1000 1\n1 100000 65536\n")
        assert procfs.outer_uid(str(tmp_path), uid) == outer

    def test_the_map_of_a_process_that_is_gone_is_empty(self) -> None:
        assert procfs.id_map("/proc", GONE, "gid") == []


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


class TestNamespaces:
    def test_a_child_shares_ours(self, sleeper: subprocess.Popen[bytes]) -> None:
        ours = procfs.namespaces("/proc", "self")
        assert procfs.namespaces("/proc", sleeper.pid) == ours
        assert {"mnt", "pid", "user", "net", "uts", "ipc"} <= ours.keys()
        assert not any(kind.endswith("_for_children") for kind in ours)

    def test_an_inode_is_that_of_the_namespace_file(self) -> None:
        assert procfs.namespace_inode("/proc", "self", "pid") == os.stat("/proc/self/ns/pid").st_ino

    def test_unknown_kinds_and_processes_that_are_gone_have_none(self) -> None:
        assert procfs.namespace_inode("/proc", "self", "flavour") is None
        assert procfs.namespace_inode("/proc", GONE, "pid") is None
        assert procfs.namespaces("/proc", GONE) == {}

    def test_the_initial_user_namespace_is_known_by_its_inode(self, tmp_path: Path) -> None:
        is_initial = os.stat("/proc/self/ns/user").st_ino == 0xEFFFFFFD
        assert procfs.is_initial_user_namespace("/proc") is is_initial
        (tmp_path / "self" / "ns").mkdir(parents=True)
        (tmp_path / "self" / "ns" / "user").touch()
        assert not procfs.is_initial_user_namespace(str(tmp_path))

    def test_a_kernel_without_user_namespaces_has_only_the_initial_one(self, tmp_path: Path) -> None:
        assert procfs.is_initial_user_namespace(str(tmp_path))


class TestInnermostPid:
    def status(self, tmp_path: Path, text: str) -> str:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "status").write_text(text, newline="")
        return str(tmp_path)

    def test_the_last_of_nspid_counts(self, tmp_path: Path) -> None:
        assert procfs.innermost_pid(self.status(tmp_path, "Name:\tsh\nNSpid:\t7\t3\t1\n"), 7) == 1

    def test_a_process_cannot_forge_it_with_its_name(self, tmp_path: Path) -> None:
        proc = self.status(tmp_path, "Name:\ta\rNSpid:\t99\nNSpid:\t7\t1\n")
        assert procfs.innermost_pid(proc, 7) == 1

    def test_ours_is_our_pid_and_one_that_is_gone_has_none(self) -> None:
        assert procfs.innermost_pid("/proc", os.getpid()) == os.getpid()
        assert procfs.innermost_pid("/proc", GONE) == 0


def test_a_thread_has_its_process_and_one_that_is_gone_has_none() -> None:
    with ThreadPoolExecutor(1) as threads:
        thread = threads.submit(threading.get_native_id).result()
        assert thread != os.getpid()
        assert procfs.thread_group("/proc", thread) == os.getpid()
    assert procfs.thread_group("/proc", GONE) is None


def test_the_boot_id_has_36_characters_and_stays() -> None:
    assert len(procfs.boot_id("/proc")) == 36
    assert procfs.boot_id("/proc") == procfs.boot_id("/proc")


def test_without_a_boot_id_the_text_is_empty(tmp_path: Path) -> None:
    assert procfs.boot_id(str(tmp_path)) == ""


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_bytes(b"0::/\xff\n")
    assert [os.fsencode(line.path) for line in procfs.cgroup_paths(str(tmp_path), 7)] == [b"/\xff"]
