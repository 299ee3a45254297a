"""Coverage-guided fuzzing of one target: python -m tests.fuzz.run TARGET [options of libFuzzer]; without one, a list.

Every input that reaches new code goes into the target's corpus, which the tests replay.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["runtime", "schemas", "watcher"]):
    from tests.fuzz.targets import TARGETS, seeds

CORPUS = Path(__file__).parent / "corpus"


def main(arguments: list[str]) -> None:
    """Fuzz the target that the first argument names, or list them; the rest is libFuzzer's."""
    if len(arguments) == 1:
        print(*TARGETS, sep="\n")
        return
    name = arguments[1]
    kept = CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds()[name]):
        place = kept / f"seed-{index}"
        if not place.exists():
            place.write_bytes(seed)
    atheris.Setup([arguments[0], *arguments[2:], str(kept)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
