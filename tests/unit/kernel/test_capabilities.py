"""Names and masks of capabilities."""

import errno
import re
from pathlib import Path

import pytest

from runtime.kernel import capabilities
from tests.support.forked import failure

HEADER = Path("/usr/include/linux/capability.h")


def status_mask(field: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().split("\n") if line.startswith(field))
    return int(line.split()[1], 16)


def test_numbers_follow_the_names() -> None:
    assert capabilities.NUMBERS["CAP_CHOWN"] == 0
    assert capabilities.NUMBERS["CAP_SYS_ADMIN"] == 21
    assert capabilities.NUMBERS["CAP_CHECKPOINT_RESTORE"] == 40
    assert len(capabilities.NUMBERS) == len(capabilities.NAMES) == 41


@pytest.mark.needs(f"file:{HEADER}")
def test_the_names_are_those_of_the_kernel() -> None:
    found = {name: int(number) for name, number in re.findall(r"#define\s+(CAP_\w+)\s+(\d+)\s", HEADER.read_text())}
    assert found == capabilities.NUMBERS


def test_this_kernel_knows_no_capability_that_lacks_a_name() -> None:
    assert capabilities.last_cap() <= len(capabilities.NAMES) - 1


def test_the_highest_number_is_read_from_the_given_proc(tmp_path: Path) -> None:
    (tmp_path / "sys" / "kernel").mkdir(parents=True)
    (tmp_path / "sys" / "kernel" / "cap_last_cap").write_text("37\n")
    assert capabilities.last_cap(str(tmp_path)) == 37


def test_our_sets_are_those_of_proc() -> None:
    assert capabilities.get_capabilities() == (status_mask("CapEff"), status_mask("CapPrm"), status_mask("CapInh"))


@pytest.mark.parametrize("name", ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_MAC_OVERRIDE", "CAP_BPF"])
def test_the_bounding_set_is_that_of_proc(name: str) -> None:
    number = capabilities.NUMBERS[name]
    assert capabilities.in_bounding(number) is bool(status_mask("CapBnd") >> number & 1)


def test_a_number_that_the_kernel_does_not_know_is_einval() -> None:
    told = failure(lambda: capabilities.in_bounding(capabilities.last_cap() + 1))
    assert told == [errno.EINVAL, f"prctl(PR_CAPBSET_READ, {capabilities.last_cap() + 1}): Invalid argument"]


def test_securebits_are_read() -> None:
    assert capabilities.get_securebits() >= 0
