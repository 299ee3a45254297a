"""Whatever a document holds, all that is explained is so, and create's one fault is among it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given

from runtime.errors import SpecFault, Unsupported
from runtime.spec.bundle import parse_config
from runtime.spec.explain import find_all_faults
from schemas.explain import explain
from schemas.generated import config as generated
from schemas.invalid import Invalid
from tests.support.config_strategies import mutated_configs

if TYPE_CHECKING:
    from collections.abc import Callable


def fault_of(act: Callable[[], object]) -> Invalid | SpecFault | Unsupported | None:
    try:
        act()
    except (Invalid, SpecFault, Unsupported) as fault:
        return fault
    return None


@given(mutated_configs())
def test_the_generated_validators_fault_is_one_of_those_that_are_explained(document: Any) -> None:
    breaches = explain("config", document)
    first = fault_of(lambda: generated.validate(document))
    if first is None:
        assert breaches == []
    else:
        assert first.pointer in {breach.pointer for breach in breaches}


@given(mutated_configs())
def test_what_create_refuses_is_among_the_faults_and_what_it_accepts_has_none(document: Any) -> None:
    raw = json.dumps(document).encode()
    told = [(type(fault), fault.pointer) for fault in find_all_faults(json.loads(raw), raw)]
    first = fault_of(lambda: parse_config(raw, "/bundle"))
    if first is None:
        assert told == []
    else:
        assert (type(first), first.pointer) in told
