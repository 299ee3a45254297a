"""Capabilities, limits: what a forked child takes from itself is gone."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from runtime.kernel import capabilities, limits, process
from runtime.sandbox.capabilities import CapabilityPlan, limit_bounding
from tests.support.forked import (
    NOBODY,
    as_user,
    enter_user_namespace,
    failure,
    in_child,
    needs_root,
    needs_user_namespaces,
)

CHOWN = capabilities.NUMBERS["CAP_CHOWN"]
KILL = capabilities.NUMBERS["CAP_KILL"]
BPF = capabilities.NUMBERS["CAP_BPF"]  # above 31: in the second half of the masks
FIELDS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def status() -> dict[str, int]:
    lines = open("/proc/self/status").read().split("\n")
    pairs = (line.split(":\t") for line in lines if line.startswith(FIELDS))
    return {name: int(mask, 16) for name, mask in pairs}


@needs_root
def test_the_three_sets_are_set_in_both_halves() -> None:
    permitted, effective, inheritable = 1 << CHOWN | 1 << KILL | 1 << BPF, 1 << BPF, 1 << KILL | 1 << BPF

    def change() -> object:
        capabilities.set_capabilities(effective, permitted, inheritable)
        found = status()
        return [capabilities.get_capabilities(), found["CapEff"], found["CapPrm"], found["CapInh"]]

    masks = [effective, permitted, inheritable]
    assert in_child(change) == [masks, *masks]


@needs_root
def test_what_was_given_up_cannot_be_had_again() -> None:
    def change() -> object:
        capabilities.set_capabilities(1 << KILL, 1 << KILL, 0)
        return failure(lambda: capabilities.set_capabilities(1 << KILL, 1 << KILL | 1 << CHOWN, 0))

    assert in_child(change) == [errno.EPERM, "capset: Operation not permitted"]


@needs_root
def test_nothing_is_effective_that_is_not_permitted() -> None:
    def change() -> object:
        return failure(lambda: capabilities.set_capabilities(1 << KILL, 0, 0))[0]

    assert in_child(change) == errno.EPERM


@needs_root
def test_a_capability_leaves_the_bounding_set_for_good() -> None:
    def change() -> list[object]:
        before = status()["CapBnd"]
        capabilities.drop_bounding(CHOWN)
        capabilities.drop_bounding(BPF)
        capabilities.drop_bounding(BPF)  # again: nothing changes
        gone = before ^ status()["CapBnd"]
        return [gone == 1 << CHOWN | 1 << BPF, capabilities.in_bounding(CHOWN), capabilities.in_bounding(KILL)]

    assert in_child(change) == [True, False, True]


@needs_root
def test_only_what_is_in_the_bounding_set_needs_the_right_to_be_taken_out() -> None:
    plan = CapabilityPlan(1 << KILL, 0, 0, 0, 0)

    def change() -> list[object]:
        everything = status()["CapBnd"]
        capabilities.set_capabilities(0, 0, 0)
        refused = failure(lambda: limit_bounding(plan))[0]
        return [refused, status()["CapBnd"] == everything]

    def change_what_is_limited() -> int:
        limit_bounding(plan)
        capabilities.set_capabilities(0, 0, 0)
        limit_bounding(plan)
        return status()["CapBnd"]

    assert in_child(change) == [errno.EPERM, True]
    assert in_child(change_what_is_limited) == 1 << KILL


def test_an_ordinary_user_may_not_drop_any() -> None:
    told = in_child(as_user(lambda: failure(lambda: capabilities.drop_bounding(CHOWN))))
    assert told == [errno.EPERM, f"prctl(PR_CAPBSET_DROP, {CHOWN}): Operation not permitted"]


@needs_root
def test_ambient_ones_survive_the_change_of_user_and_the_execve() -> None:
    def change() -> str:
        process.set_keepcaps(True)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        mask = 1 << KILL | 1 << BPF
        capabilities.set_capabilities(mask, mask, mask)
        capabilities.raise_ambient(KILL)
        capabilities.raise_ambient(BPF)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(writing, 1)
            os.execv("/bin/grep", ["grep", "CapEff", "/proc/self/status"])
        os.waitpid(pid, 0)
        return os.read(reading, 99).decode()

    assert in_child(change) == f"CapEff:\t{1 << KILL | 1 << BPF:016x}\n"


@needs_root
def test_an_ambient_one_must_be_inheritable() -> None:
    told = in_child(lambda: failure(lambda: capabilities.raise_ambient(KILL)))
    assert told == [errno.EPERM, f"prctl(PR_CAP_AMBIENT_RAISE, {KILL}): Operation not permitted"]


@needs_root
def test_the_ambient_set_can_be_emptied() -> None:
    def change() -> list[int]:
        effective, permitted, _ = capabilities.get_capabilities()
        capabilities.set_capabilities(effective, permitted, 1 << KILL)
        capabilities.raise_ambient(KILL)
        raised = status()["CapAmb"]
        capabilities.clear_ambient()
        return [raised, status()["CapAmb"]]

    assert in_child(change) == [1 << KILL, 0]


@needs_root
def test_securebits_are_set_and_read() -> None:
    def change() -> list[object]:
        capabilities.set_securebits(0b101111)
        return [capabilities.get_securebits(), failure(lambda: capabilities.set_securebits(0))]

    assert in_child(change) == [0b101111, [errno.EPERM, "prctl(PR_SET_SECUREBITS): Operation not permitted"]]


@needs_user_namespaces
def test_in_a_user_namespace_all_are_had_and_can_be_given_up() -> None:
    def change() -> list[object]:
        nothing = capabilities.get_capabilities()
        enter_user_namespace(0)
        everything = capabilities.get_capabilities()[0] == (1 << capabilities.last_cap() + 1) - 1
        capabilities.drop_bounding(CHOWN)
        capabilities.set_capabilities(1 << KILL, 1 << KILL, 0)
        return [nothing, everything, capabilities.in_bounding(CHOWN), capabilities.get_capabilities()]

    assert in_child(as_user(change)) == [[0, 0, 0], True, False, [1 << KILL, 1 << KILL, 0]]


class TestLimits:
    def test_the_numbers_are_those_of_the_standard_library(self) -> None:
        known = {name: number for name, number in vars(resource).items() if name.startswith("RLIMIT_")}
        shared = known.keys() & limits.NUMBERS.keys()
        assert {name: limits.NUMBERS[name] for name in shared} == {name: known[name] for name in shared}
        assert sorted(limits.NUMBERS.values()) == list(range(16))

    def test_both_limits_are_set(self) -> None:
        def change() -> object:
            limits.set_limit(limits.NUMBERS["RLIMIT_NOFILE"], 100, 200)
            return resource.getrlimit(resource.RLIMIT_NOFILE)

        assert in_child(change) == [100, 200]

    @pytest.mark.needs("unlimited files")
    @pytest.mark.parametrize("unlimited", [-1, (1 << 64) - 1])
    def test_no_limit_is_minus_one_or_all_bits(self, unlimited: int) -> None:
        def change() -> object:
            limits.set_limit(limits.NUMBERS["RLIMIT_FSIZE"], 65536, unlimited)
            lowered = resource.getrlimit(resource.RLIMIT_FSIZE)
            limits.set_limit(limits.NUMBERS["RLIMIT_FSIZE"], unlimited, unlimited)
            return [lowered, resource.getrlimit(resource.RLIMIT_FSIZE)]

        assert in_child(change) == [[65536, -1], [-1, -1]]

    def test_a_value_above_two_to_the_63_is_kept(self) -> None:
        value = (1 << 63) + 5

        def change() -> str:
            limits.set_limit(limits.NUMBERS["RLIMIT_CORE"], 0, 0)
            limits.set_limit(limits.NUMBERS["RLIMIT_FSIZE"], value, value)
            lines = open("/proc/self/limits").read().split("\n")
            return next(line for line in lines if line.startswith("Max file size"))

        assert str(value) in in_child(change)

    def test_a_soft_limit_above_the_hard_one_is_refused(self) -> None:
        told = in_child(lambda: failure(lambda: limits.set_limit(limits.NUMBERS["RLIMIT_NOFILE"], 2, 1)))
        assert told == [errno.EINVAL, "prlimit(7, 2, 1): Invalid argument"]

    def test_an_ordinary_user_raises_no_hard_limit(self) -> None:
        def change() -> object:
            limits.set_limit(limits.NUMBERS["RLIMIT_NOFILE"], 100, 100)
            return failure(lambda: limits.set_limit(limits.NUMBERS["RLIMIT_NOFILE"], 100, 101))

        assert in_child(as_user(change)) == [errno.EPERM, "prlimit(7, 100, 101): Operation not permitted"]
