"""Generated from schemas/usage.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['cpuSeconds', 'cpuSystemSeconds', 'cpuUserSeconds', 'id', 'instance', 'memoryBytes', 'memoryLimitBytes', 'oomKills', 'root', 'tasks', 'time', 'workingSetBytes'])


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if len(document) == 12:
        try:
            value1 = document['root']
            value2 = document['id']
            value3 = document['instance']
            value4 = document['time']
            value5 = document['cpuSeconds']
            value6 = document['cpuUserSeconds']
            value7 = document['cpuSystemSeconds']
            value8 = document['memoryBytes']
            value9 = document['workingSetBytes']
            value10 = document['memoryLimitBytes']
            value11 = document['tasks']
            value12 = document['oomKills']
        except KeyError:
            raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}") from None
    elif not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    else:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    if type(value1) is not str:
        raise Invalid("/root", 'must be a string')
    if not value1.startswith('/'):
        raise Invalid("/root", 'must match ^/')
    if type(value2) is not str:
        raise Invalid("/id", 'must be a string')
    if type(value3) is not str:
        raise Invalid("/instance", 'must be a string')
    if len(value3) != 32 or value3.strip('0123456789abcdef'):
        raise Invalid("/instance", f'must match ^[0-9a-f]{{32}}$')
    if type(value4) is not str:
        raise Invalid("/time", 'must be a string')
    if len(value4) != 30 or value4[10] != 'T' or value4[19] != '.' or value4[29] != 'Z' or (value4[0:10]).strip('0123456789-') or (value4[11:19]).strip('0123456789:') or (value4[20:29]).strip('0123456789'):
        raise Invalid("/time", f'must match ^[0-9-]{{10}}T[0-9:]{{8}}[.][0-9]{{9}}Z$')
    if not ((type(value5) is int or type(value5) is float) or value5 is None):
        raise Invalid("/cpuSeconds", 'must be a number or null')
    if (type(value5) is int or type(value5) is float):
        if value5 < 0:
            raise Invalid("/cpuSeconds", 'must be at least 0')
    if not ((type(value6) is int or type(value6) is float) or value6 is None):
        raise Invalid("/cpuUserSeconds", 'must be a number or null')
    if (type(value6) is int or type(value6) is float):
        if value6 < 0:
            raise Invalid("/cpuUserSeconds", 'must be at least 0')
    if not ((type(value7) is int or type(value7) is float) or value7 is None):
        raise Invalid("/cpuSystemSeconds", 'must be a number or null')
    if (type(value7) is int or type(value7) is float):
        if value7 < 0:
            raise Invalid("/cpuSystemSeconds", 'must be at least 0')
    if not (type(value8) is int or value8 is None):
        raise Invalid("/memoryBytes", 'must be an integer or null')
    if type(value8) is int:
        if value8 < 0:
            raise Invalid("/memoryBytes", 'must be at least 0')
    if not (type(value9) is int or value9 is None):
        raise Invalid("/workingSetBytes", 'must be an integer or null')
    if type(value9) is int:
        if value9 < 0:
            raise Invalid("/workingSetBytes", 'must be at least 0')
    if not (type(value10) is int or value10 is None):
        raise Invalid("/memoryLimitBytes", 'must be an integer or null')
    if type(value10) is int:
        if value10 < 0:
            raise Invalid("/memoryLimitBytes", 'must be at least 0')
    if not (type(value11) is int or value11 is None):
        raise Invalid("/tasks", 'must be an integer or null')
    if type(value11) is int:
        if value11 < 0:
            raise Invalid("/tasks", 'must be at least 0')
    if not (type(value12) is int or value12 is None):
        raise Invalid("/oomKills", 'must be an integer or null')
    if type(value12) is int:
        if value12 < 0:
            raise Invalid("/oomKills", 'must be at least 0')
