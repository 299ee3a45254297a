"""Where ``exec --cgroup`` leads."""

from __future__ import annotations

import pytest

from runtime.cgroups.joining import EVERYWHERE, open_entry, parse_subgroups
from runtime.errors import CgroupFault, UsageFault


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ((), {}),
        (("inner",), {EVERYWHERE: "inner"}),
        (("/a/b",), {EVERYWHERE: "a/b"}),
        (("cpu,memory:a", "pids:b", "c"), {"cpu": "a", "memory": "a", "pids": "b", EVERYWHERE: "c"}),
    ],
)
def test_a_place_is_for_all_controllers_or_for_those_named(texts: tuple[str, ...], found: dict[str, str]) -> None:
    assert parse_subgroups(texts) == found


@pytest.mark.parametrize("texts", [("a", "b"), ("cpu:a", "cpu:b"), ("cpu,cpu:a",)])
def test_a_place_that_is_named_twice_is_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(UsageFault, match="was named before"):
        parse_subgroups(texts)


def test_a_container_without_a_cgroup_has_none_below_it() -> None:
    assert open_entry(None, {}) == (0, (), None, ())
    with pytest.raises(CgroupFault, match="has no cgroup of its own"):
        open_entry(None, {EVERYWHERE: "inner"})


@pytest.mark.parametrize("name", ["pids", "unified"])
def test_a_controller_that_the_container_lacks_is_told(name: str) -> None:
    cgroup = {"version": 2, "paths": {"unified": "/sys/fs/cgroup/x"}, "scope": None}
    with pytest.raises(CgroupFault, match=f"the container has no {name} cgroup"):
        open_entry(cgroup, {name: "inner"})
