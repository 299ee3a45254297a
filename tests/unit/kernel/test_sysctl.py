"""Names of kernel parameters, and where they are written."""

import errno
import os
from pathlib import Path

import pytest

from runtime.kernel.sysctl import sysctl_parts, write_sysctl
from tests.support.forked import failure


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("kernel.shmmax", ("kernel", "shmmax")),
        ("kernel/shmmax", ("kernel", "shmmax")),
        ("net.ipv4.conf.eth0/1.forwarding", ("net", "ipv4", "conf", "eth0.1", "forwarding")),
        ("net/ipv4/conf/eth0.1/forwarding", ("net", "ipv4", "conf", "eth0.1", "forwarding")),
        ("plain", ("plain",)),
        ("", ("",)),
    ],
)
def test_the_first_separator_decides(name: str, parts: tuple[str, ...]) -> None:
    assert sysctl_parts(name) == parts


def test_a_parameter_that_does_not_exist_is_enoent() -> None:
    assert failure(lambda: write_sysctl(("kernel", "nothing"), "1"))[0] == errno.ENOENT


def test_nothing_is_written_where_proc_is_no_procfs(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "x").write_text("before")
    told = failure(lambda: write_sysctl(("x",), "after", str(tmp_path)))
    assert told == [errno.ENOTDIR, f"{tmp_path}/sys/x does not lie on procfs"]
    assert (tmp_path / "sys" / "x").read_text() == "before"


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "x").symlink_to("/proc/self/oom_score_adj")
    assert failure(lambda: write_sysctl(("x",), "1000", str(tmp_path)))[0] == errno.ELOOP


@pytest.mark.parametrize("part", ["..", ".", "", "a/b"])
def test_no_part_leads_elsewhere(part: str) -> None:
    before = Path("/proc/self/oom_score_adj").read_text()
    told = failure(lambda: write_sysctl(("net", part, "..", "self", "oom_score_adj"), "1000"))
    assert told == [errno.EINVAL, f"net/{part}/../self/oom_score_adj is no name of a kernel parameter"]
    assert Path("/proc/self/oom_score_adj").read_text() == before


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    failure(lambda: write_sysctl(("kernel", "nothing"), "1"))
    failure(lambda: write_sysctl(("x",), "1", str(tmp_path)))
    assert os.listdir("/proc/self/fd") == before
