"""What ``list`` prints of a record, read off its text: checked there, and not decoded.

Only where the installation has the expression for that (schemas/texts.py, hatch_build.py), and for a text as we write
it; whatever else is met is decoded and validated, with the same outcome.
"""

from __future__ import annotations

from schemas.generated import state_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Match
    from typing import NamedTuple

    Matcher = Callable[[str], Match[str] | None]
else:
    from runtime.values import NamedTuple


class Glance(NamedTuple):
    """Members of a valid record as texts; those of the process are None where there is none, and so is ``maker``.

    ``maker`` and ``starter`` are "null" where there is none.
    """

    id: str
    pid: str
    status: str
    bundle: str
    created: str
    owner: str
    process_pid: str | None
    boot_id: str | None
    pid_namespace: str | None
    time_namespace: str | None
    maker: str
    starter: str


_NAMES = (
    *("id", "pid", "status", "bundle", "created", "owner"),
    *("process/pid", "process/bootId", "process/pidNamespace", "process/timeNamespace", "maker", "starter"),
)
_UNICODE = 32  # re.UNICODE
_WANTED = [state_text.GROUPS.index(name) + 1 for name in _NAMES]


def matcher() -> Matcher | None:
    """What matches a whole text; None where only ``re`` could make it, whose import costs as much as the command."""
    if not state_text.CODE:
        return None
    import _sre  # type: ignore[import-not-found]  # few commands come here, and no stub knows it

    code = memoryview(state_text.CODE).cast("I").tolist()
    groups = len(state_text.GROUPS)
    found: Matcher = _sre.compile(None, _UNICODE, code, groups, {}, (None,) * (groups + 1)).fullmatch
    return found


def glance(match: Matcher, data: bytes) -> Glance | None:
    """What the text tells; None where it must be decoded."""
    if not data.isascii():
        return None
    found = match(str(data, "ascii"))
    return None if found is None else tuple.__new__(Glance, found.group(*_WANTED))
