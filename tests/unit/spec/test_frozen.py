"""The frozen copy of a config.json."""

from __future__ import annotations

import json

import pytest

from runtime.errors import SpecFault
from runtime.spec.bundle import parse_config
from runtime.spec.frozen import thaw_config
from tests.support.bundles import make_config


def test_a_frozen_config_is_what_create_saw() -> None:
    raw = json.dumps(make_config(process={"oomScoreAdj": 1.0})).encode()

    assert thaw_config(raw) == parse_config(raw, "/bundle")
    assert isinstance(thaw_config(raw)["process"]["oomScoreAdj"], int)


def test_a_damaged_copy_is_named_with_the_way_out() -> None:
    with pytest.raises(SpecFault, match="delete --force"):
        thaw_config(b'{"ociVersion": ')
