"""Properties of a scope that annotations ask for."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.actions.features import UNIT_PROPERTIES
from runtime.cgroups import annotated
from runtime.errors import SpecFault


def asked(**named: str) -> tuple[tuple[str, str, Any], ...]:
    return annotated.asked_properties({f"org.systemd.property.{name}": text for name, text in named.items()})


def test_each_is_a_property_in_their_order_and_others_are_nothing() -> None:
    annotations = {
        "org.systemd.property.CollectMode": "'inactive'",
        "org.systemd.properties": "no",
        "org.systemd.property.MemoryHigh": "uint64 1000",
    }
    assert annotated.asked_properties(annotations) == (
        ("CollectMode", "s", "inactive"),
        ("MemoryHigh", "t", 1000),
    )


@pytest.mark.parametrize(
    ("text", "microseconds"), [("5", 5_000_000), ("uint64 5", 5_000_000), ("0.25", 250_000), ("0", 0)]
)
def test_seconds_become_the_microseconds_that_systemd_takes(text: str, microseconds: int) -> None:
    assert asked(TimeoutStopSec=text) == (("TimeoutStopUSec", "t", microseconds),)


def test_a_name_of_which_seconds_are_a_part_stays() -> None:
    assert asked(CPUQuotaPerSecUSec="uint64 7", FOOSec="uint64 7") == (
        ("CPUQuotaPerSecUSec", "t", 7),
        ("FOOSec", "t", 7),
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("", "1", "'' is no property of a unit"),
        ("ab", "1", "'ab' is no property of a unit"),
        ("Memory.High", "1", "'Memory.High' is no property of a unit"),
        ("Mémoire", "1", "'Mémoire' is no property of a unit"),
        ("Slice", "'system.slice'", "what decides where the container is can't be changed"),
        ("PIDs", "[uint32 1]", "what decides where the container is can't be changed"),
        ("CollectMode", "inactive", "a value is expected at character 1, where it has 'inactive'"),
        ("TimeoutStopSec", "'5s'", "seconds are a number"),
        ("TimeoutStopSec", "true", "seconds are a number"),
        ("TimeoutStopSec", "-1", "-1 seconds are not between 0 and 18446744073709"),
        ("TimeoutStopSec", "1e300", "1e+300 seconds are not between 0 and 18446744073709"),
    ],
)
def test_one_that_can_not_be_had_is_refused_with_its_pointer(name: str, text: str, reason: str) -> None:
    with pytest.raises(SpecFault) as caught:
        annotated.asked_properties({f"org.systemd.property.{name}": text})
    assert (caught.value.pointer, caught.value.reason) == (f"/annotations/org.systemd.property.{name}", reason)


def test_what_is_asked_for_overrules_what_would_be_set() -> None:
    ours = [("Description", "s", "container one"), ("TasksMax", "t", 5)]
    assert annotated.overruled(ours, (("TasksMax", "t", 7), ("CollectMode", "s", "inactive"))) == [
        ("Description", "s", "container one"),
        ("TasksMax", "t", 7),
        ("CollectMode", "s", "inactive"),
    ]


def test_features_tell_of_their_prefix() -> None:
    assert annotated.PREFIX == UNIT_PROPERTIES
