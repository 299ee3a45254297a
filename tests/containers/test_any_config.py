"""Whatever a config.json holds, create ends in a container or in one clear line, and leaves nothing behind.

`make fuzz-create` tries thousands.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from runtime.spec.default import default_config
from tests.support.config_strategies import creatable_configs, mutated_configs
from tests.support.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def trials() -> Iterator[Trials]:
    with closing(Trials()) as found:
        yield found


@pytest.mark.needs("root")
def test_any_config_ends_in_a_container_or_in_one_clear_line(trials: Trials, in_full: bool) -> None:
    # each example is a container or half of one: shrinking would take longer than reading what was found

    @settings(
        max_examples=5000 if in_full else 40,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],
    )
    @given(mutated_configs(creatable_configs()))
    def attempt(config: Any) -> None:
        answer = trials.create(config)
        fault = answer["fault"]
        event("a container" if fault is None else "a fault")
        assert answer["left"] == []
        assert fault is None or (fault and "\n" not in fault and "internal error" not in fault)

    attempt()


@pytest.mark.needs("root")
def test_a_sound_config_becomes_a_container(trials: Trials) -> None:
    config = default_config(rootless=False, uid=0, gid=0, host_userland=True, terminal=False)
    assert trials.create(config) == {"fault": None, "left": []}


@pytest.mark.needs("root")
def test_what_a_trial_leaves_is_seen(trials: Trials) -> None:
    """The test of the test: a hook leaves a process, which no create would."""
    config: Any = default_config(rootless=False, uid=0, gid=0, host_userland=True, terminal=False)
    script = "sleep 600 > /dev/null 2>&1 & exit 1"
    config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    answer = trials.create(config)
    assert "config.json#/hooks/createRuntime/0" in answer["fault"]
    assert [what.split()[0] for what in answer["left"]] == ["process"]
