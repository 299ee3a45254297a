"""System call numbers, against the kernel's own header where one is installed."""

import re
from pathlib import Path

import pytest

from runtime.kernel import numbers

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "generic": ("/usr/include/asm-generic/unistd.h",),
}
NEWER = {
    name.lower(): number
    for name, number in vars(numbers).items()
    if isinstance(number, int) and number >= 424 and name.isupper()
}


def header(kind: str) -> dict[str, int]:
    for path in HEADERS[kind]:
        if Path(path).exists():
            text = Path(path).read_text()
            return {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    pytest.skip(f"needs the kernel's headers: {HEADERS[kind][0]}")


@pytest.mark.parametrize(("kind", "table"), [("x86_64", numbers._X86_64), ("generic", numbers._GENERIC)])
def test_the_tables_are_those_of_the_kernel(kind: str, table: dict[str, int]) -> None:
    known = header(kind)
    newest = max(known.values())  # headers may be older than the calls that we know
    expected = {**table, **{name: number for name, number in NEWER.items() if number <= newest}}
    assert {name: known.get(name) for name in expected} == expected


def test_both_tables_name_the_same_calls() -> None:
    assert numbers._X86_64.keys() == numbers._GENERIC.keys()
