"""What a fuzzer once found, or needed to reach a piece of code, is tried again; `make fuzz` looks for more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, seeds

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_brings_no_parser_down(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs, f"{CORPUS / name} is empty"
    for path in inputs:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"by {path}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_what_a_parser_is_for(name: str) -> None:
    for seed in seeds()[name]:
        TARGETS[name](seed)
