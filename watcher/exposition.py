"""PURE: the text format that Prometheus scrapes, version 0.0.4.

    # HELP name what it says         escaped: backslash, line feed
    # TYPE name gauge
    name{label="value"} 1.5          label values escaped: backslash, line feed, quote

A family is rendered in pieces, so that one of many thousand samples keeps nobody waiting: a library that builds an
object for each sample takes a hundred megabytes for ten thousand containers, and as many times as long.
Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """One metric by its whole name, and what it says; the name of a counter ends in _total."""

    name: str
    kind: Kind
    help: str


def head(family: Family) -> str:
    """What comes before the samples."""
    text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {family.name} {text}\n# TYPE {family.name} {family.kind}\n"


def labels(pairs: Mapping[str, str]) -> str:
    """``{a="b",c="d"}`` with all that is escaped; empty without a pair."""
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in pairs.items()) + "}"


def escaped(value: str) -> str:
    """A label's value as it stands between quotes."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def with_label(text: str, name: str, value: str) -> str:
    """What ``labels`` made, and one more."""
    return f'{text[:-1]},{name}="{escaped(value)}"}}' if text else labels({name: value})


def sample(name: str, text: str, value: float) -> str:
    """One line; ``text`` is what ``labels`` made."""
    return f"{name}{text} {value!r}\n"


def family_of(family: Family, samples: Iterable[tuple[str, float]]) -> str:
    """A small family at once: its head and (labels, value) each; empty without a sample."""
    lines = "".join([sample(family.name, text, value) for text, value in samples])
    return head(family) + lines if lines else ""


def histogram(family: Family, bounds: Sequence[float], counts: Sequence[int], total: float) -> str:
    """``counts`` are those of each bucket by itself, the last one for what is above all ``bounds``."""
    lines, so_far = [head(family)], 0
    for bound, count in zip([*map(repr, bounds), "+Inf"], counts, strict=True):
        so_far += count
        lines.append(sample(f"{family.name}_bucket", labels({"le": bound}), so_far))
    lines.append(sample(f"{family.name}_sum", "", total))
    lines.append(sample(f"{family.name}_count", "", so_far))
    return "".join(lines)
