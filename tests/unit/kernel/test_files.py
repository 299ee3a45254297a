"""Files that need no privilege."""

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.kernel import files
from tests.support.forked import failure


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


class TestOpenat2:
    def test_a_file_is_opened_and_closed_at_exec(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"text")
        fd = files.openat2(directory, "file", os.O_RDONLY)
        try:
            assert os.read(fd, 9) == b"text"
            assert not os.get_inheritable(fd)
        finally:
            os.close(fd)

    def test_a_file_is_made_with_its_mode(self, directory: int, tmp_path: Path) -> None:
        os.close(files.openat2(directory, "made", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600

    def test_a_name_that_is_no_utf8_is_found(self, directory: int, tmp_path: Path) -> None:
        name = os.fsdecode(b"\xff")
        (tmp_path / name).touch()
        os.close(files.openat2(directory, name, os.O_RDONLY))

    def test_no_symlink_is_followed_where_none_may_be(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "file").touch()
        (tmp_path / "link").symlink_to("real")
        os.close(files.openat2(directory, "link/file", os.O_RDONLY))
        told = failure(lambda: files.openat2(directory, "link/file", os.O_RDONLY, resolve=files.RESOLVE_NO_SYMLINKS))
        assert told == [errno.ELOOP, "openat2(link/file): Too many levels of symbolic links"]

    @pytest.mark.parametrize("path", ["..", "/etc", "in/../..", "out/x"])
    def test_nothing_above_is_reached_from_beneath(self, directory: int, tmp_path: Path, path: str) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "out").symlink_to("/etc")
        told = failure(lambda: files.openat2(directory, path, os.O_PATH, resolve=files.RESOLVE_BENEATH))
        assert told == [errno.EXDEV, f"openat2({path}): Invalid cross-device link"]

    @pytest.mark.parametrize("path", ["/in", "../../in", "absolute", "upwards"])
    def test_in_a_root_every_way_ends_inside(self, directory: int, tmp_path: Path, path: str) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "absolute").symlink_to("/in")
        (tmp_path / "upwards").symlink_to("../../../in")
        fd = files.openat2(directory, path, os.O_PATH | os.O_DIRECTORY, resolve=files.RESOLVE_IN_ROOT)
        try:
            assert os.path.samestat(os.fstat(fd), (tmp_path / "in").stat())
        finally:
            os.close(fd)

    def test_renames_elsewhere_do_not_fail_a_way_upwards(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "a").touch()
        renaming = os.fork()
        if renaming == 0:
            while True:
                os.rename(tmp_path / "a", tmp_path / "b")
                os.rename(tmp_path / "b", tmp_path / "a")
        try:
            for _ in range(5000):
                os.close(files.openat2(directory, "in/../in/../in", os.O_PATH, resolve=files.RESOLVE_IN_ROOT))
        finally:
            os.kill(renaming, signal.SIGKILL)
            os.waitpid(renaming, 0)

    def test_no_magic_link_is_followed(self, directory: int) -> None:
        path = f"/proc/self/fd/{directory}"
        told = failure(lambda: files.openat2(directory, path, os.O_PATH, resolve=files.RESOLVE_NO_MAGICLINKS))
        assert told == [errno.ELOOP, f"openat2({path}): Too many levels of symbolic links"]

    def test_no_mount_is_crossed(self, directory: int) -> None:
        root = os.open("/", os.O_PATH)
        try:
            told = failure(lambda: files.openat2(root, "proc/self", os.O_PATH, resolve=files.RESOLVE_NO_XDEV))
        finally:
            os.close(root)
        assert told == [errno.EXDEV, "openat2(proc/self): Invalid cross-device link"]

    def test_a_fifo_without_a_reader_says_so_at_once(self, directory: int, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "gate")
        told = failure(lambda: files.openat2(directory, "gate", os.O_WRONLY | os.O_NONBLOCK))
        assert told[0] == errno.ENXIO


class TestRenameat2:
    def test_a_rename_without_flags_replaces(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "new").write_text("new")
        (tmp_path / "old").write_text("old")
        files.renameat2(directory, "old", directory, "new")
        assert [each.name for each in tmp_path.iterdir()] == ["new"]
        assert (tmp_path / "new").read_text() == "old"

    @pytest.mark.parametrize("kind", ["file", "empty directory", "dangling link"])
    def test_noreplace_leaves_what_is_there(self, directory: int, tmp_path: Path, kind: str) -> None:
        (tmp_path / "old").mkdir()
        if kind == "file":
            (tmp_path / "new").touch()
        elif kind == "empty directory":
            (tmp_path / "new").mkdir()
        else:
            (tmp_path / "new").symlink_to("nowhere")
        told = failure(lambda: files.renameat2(directory, "old", directory, "new", files.RENAME_NOREPLACE))
        assert told == [errno.EEXIST, "rename(old, new): File exists"]
        assert (tmp_path / "old").is_dir()

    def test_noreplace_renames_where_nothing_is(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir()
        files.renameat2(directory, "old", directory, "new", files.RENAME_NOREPLACE)
        assert [each.name for each in tmp_path.iterdir()] == ["new"]

    def test_exchange_swaps(self, directory: int, tmp_path: Path) -> None:
        (tmp_path / "one").write_text("1")
        (tmp_path / "two").write_text("2")
        files.renameat2(directory, "one", directory, "two", files.RENAME_EXCHANGE)
        assert (tmp_path / "one").read_text() == "2"
        assert (tmp_path / "two").read_text() == "1"


class TestMemory:
    def test_sealed_memory_can_be_read_and_never_changed(self) -> None:
        fd = files.memfd_create("test", files.MFD_CLOEXEC | files.MFD_ALLOW_SEALING)
        try:
            os.write(fd, b"code")
            seals = files.F_SEAL_SEAL | files.F_SEAL_SHRINK | files.F_SEAL_GROW | files.F_SEAL_WRITE
            files.seal(fd, seals)
            assert fcntl.fcntl(fd, files.F_GET_SEALS) == seals
            assert failure(lambda: os.pwrite(fd, b"x", 0))[0] == errno.EPERM
            assert failure(lambda: os.ftruncate(fd, 0))[0] == errno.EPERM
            assert failure(lambda: files.seal(fd, files.F_SEAL_FUTURE_WRITE))[0] == errno.EPERM
            assert os.pread(fd, 9, 0) == b"code"
            assert not os.get_inheritable(fd)
        finally:
            os.close(fd)

    def test_wrong_flags_are_named_with_the_call(self) -> None:
        told = failure(lambda: files.memfd_create("test", 1 << 30))
        assert told == [errno.EINVAL, "memfd_create(test): Invalid argument"]


def test_preallocated_blocks_are_real(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "spare", os.O_RDWR | os.O_CREAT)
    try:
        files.fallocate(fd, 65536)
        assert os.fstat(fd).st_size == 65536
        assert os.fstat(fd).st_blocks * 512 >= 65536
    finally:
        os.close(fd)


def test_what_has_no_blocks_cannot_be_preallocated() -> None:
    reading, writing = os.pipe()
    try:
        assert failure(lambda: files.fallocate(writing, 4096))[0] == errno.ESPIPE
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(
    ("path", "magic"), [("/proc/self/stat", files.PROC_SUPER_MAGIC), ("/dev/pts", files.DEVPTS_SUPER_MAGIC)]
)
def test_a_file_system_is_known_by_its_magic(path: str, magic: int) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        assert files.statfs_type(fd) == magic
    finally:
        os.close(fd)


def test_memory_lies_on_tmpfs() -> None:
    fd = files.memfd_create("test", files.MFD_CLOEXEC)
    try:
        assert files.statfs_type(fd) == 0x01021994  # TMPFS_MAGIC of linux/magic.h
    finally:
        os.close(fd)


def test_a_path_fd_is_enough_for_the_type() -> None:
    fd = os.open("/proc", os.O_PATH)
    try:
        assert files.statfs_type(fd) == files.PROC_SUPER_MAGIC
    finally:
        os.close(fd)


def test_a_closed_fd_has_no_type() -> None:
    assert failure(lambda: files.statfs_type(1 << 20)) == [errno.EBADF, "fstatfs(1048576): Bad file descriptor"]
