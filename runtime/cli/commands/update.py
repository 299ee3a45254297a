"""runf update."""

from __future__ import annotations

import os

from runtime.actions.update import update
from runtime.errors import Fault, UsageFault
from runtime.spec.resources import check_resources, parse_resources
from runtime.spec.warnings import find_resource_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed

PLACE = "config.json#/linux/resources"  # where a fault sees what we were given in another way
STDIN = "-"
LIMIT_BYTES = 4 << 20
UNITS = "kmgtp"  # powers of 1024, as Docker and runc count
FACTORS: dict[str, int] = {"": 1, "b": 1}
FACTORS |= {f"{unit}{end}": 1024**power for power, unit in enumerate(UNITS, 1) for end in ("", "b", "ib")}
UNLIMITED = -1
SCHEMAS = {"l3-cache-schema": "l3CacheSchema", "mem-bw-schema": "memBwSchema"}  # members of linux.intelRdt


def run(context: Context, parsed: Parsed) -> int:
    """Limit the container as the options, or the JSON document that they name, ask for."""
    options: dict[str, Any] = parsed.options
    given = {name: value for name, value in options.items() if value is not None}
    source = given.pop("resources", None)
    schemas = {member: given.pop(option) for option, member in SCHEMAS.items() if option in given}
    if source is not None and given:
        raise UsageFault(f"--resources and --{next(iter(given))} were both given", hint="put all of it into one")
    try:
        asked = _of_options(given) if source is None else parse_resources(_read(source), _name(source))
        update(context, parsed.arguments[0], asked, schemas)
        warnings = [_renamed(text, source) for text in find_resource_warnings(asked)]
    except Fault as fault:
        fault.message = _renamed(fault.message, source)
        raise
    if warnings:
        from runtime.cli.report import tell_warnings  # only a command with something to say pays for it

        tell_warnings(warnings, parsed.globals, prints=True)
    return 0


def _renamed(text: str, source: str | None) -> str:
    """``text`` with its place as the caller has it: the option, or the member of the document."""
    if source is not None:
        return text.replace(PLACE, f"{_name(source)}#")
    for option, member in SCHEMAS.items():
        text = text.replace(f"config.json#/linux/intelRdt/{member}:", f"--{option}:")
    for option, (section, member, _) in OPTIONS.items():
        text = text.replace(f"{PLACE}/{section}/{member}:", f"--{option}:")
    return text


def _name(source: str) -> str:
    return "resources" if source == STDIN else source


def _read(source: str) -> bytes:
    """All of the file, which may be a pipe, or of standard input."""
    fd = 0
    try:
        if source != STDIN:
            fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        chunks = []
        size = 0
        while size <= LIMIT_BYTES and (chunk := os.read(fd, LIMIT_BYTES)):
            chunks.append(chunk)
            size += len(chunk)
    except OSError as error:
        raise Fault(f"{source}: the resources can't be read: {error.strerror}") from error
    finally:
        if fd > 0:
            os.close(fd)
    if size > LIMIT_BYTES:
        raise Fault(f"{source}: larger than {LIMIT_BYTES >> 20} MiB", hint="name a file with resources alone")
    return b"".join(chunks)


def _of_options(given: dict[str, str]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for option, text in given.items():
        section, member, read = OPTIONS[option]
        found.setdefault(section, {})[member] = read(option, text)
    return check_resources(found)


def _number(option: str, text: str) -> int:
    digits = text[1:] if text[:1] == "-" else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(1 << 64))):
        raise UsageFault(f"--{option}: {text!r} is no number", hint="write digits alone")
    return int(text)


def _bytes(option: str, text: str) -> int:
    """``512m``, ``1.5GiB``, ``4096``; -1 is no limit."""
    if text == str(UNLIMITED):
        return UNLIMITED
    number = text.rstrip("bBiI" + UNITS + UNITS.upper())
    factor = FACTORS.get(text[len(number) :].lower())
    whole, point, fraction = number.partition(".")
    is_number = number.isascii() and whole.isdigit() and (fraction.isdigit() or not point)
    if factor is None or not is_number or len(number) > len(str(1 << 64)):
        raise UsageFault(f"--{option}: {text!r} is no size", hint="write bytes, or as in 512m, 1.5g; -1 for no limit")
    return int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)


def _text(_: str, text: str) -> str:
    return text


# option: section and member of linux.resources, and what reads the option's text
OPTIONS: dict[str, tuple[str, str, Callable[[str, str], Any]]] = {
    "blkio-weight": ("blockIO", "weight", _number),
    "cpu-period": ("cpu", "period", _number),
    "cpu-quota": ("cpu", "quota", _number),
    "cpu-burst": ("cpu", "burst", _number),
    "cpu-share": ("cpu", "shares", _number),
    "cpu-rt-period": ("cpu", "realtimePeriod", _number),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime", _number),
    "cpu-idle": ("cpu", "idle", _number),
    "cpuset-cpus": ("cpu", "cpus", _text),
    "cpuset-mems": ("cpu", "mems", _text),
    "memory": ("memory", "limit", _bytes),
    "memory-reservation": ("memory", "reservation", _bytes),
    "memory-swap": ("memory", "swap", _bytes),
    "kernel-memory": ("memory", "kernel", _bytes),
    "kernel-memory-tcp": ("memory", "kernelTCP", _bytes),
    "pids-limit": ("pids", "limit", _number),
}
