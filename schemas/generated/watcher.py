"""Generated from schemas/watcher.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['allow_remote', 'host_names', 'journal', 'listen', 'one_root', 'read_only', 'root', 'socket', 'subscribers'])
_KEYS2 = frozenset(['segment_bytes', 'segments'])
_KEYS3 = frozenset(['queue'])


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if not document.keys() <= _KEYS1:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    if 'root' in document:
        value1 = document['root']
        if type(value1) is not str:
            raise Invalid("/root", 'must be a string')
        if not value1.startswith('/'):
            raise Invalid("/root", 'must match ^/')
    if 'socket' in document:
        value2 = document['socket']
        if type(value2) is not str:
            raise Invalid("/socket", 'must be a string')
        if not value2.startswith('/'):
            raise Invalid("/socket", 'must match ^/')
    if 'listen' in document:
        value3 = document['listen']
        if type(value3) is not list:
            raise Invalid("/listen", 'must be an array')
        for index4, value5 in enumerate(value3):
            if type(value5) is not str:
                raise Invalid(f"/listen/{index4}", 'must be a string')
            if len(value5) < 1:
                raise Invalid(f"/listen/{index4}", 'must have at least 1 characters')
    if 'allow_remote' in document:
        value6 = document['allow_remote']
        if not ((value6 is True or value6 is False)):
            raise Invalid("/allow_remote", 'must be true or false')
    if 'host_names' in document:
        value7 = document['host_names']
        if type(value7) is not list:
            raise Invalid("/host_names", 'must be an array')
        for index8, value9 in enumerate(value7):
            if type(value9) is not str:
                raise Invalid(f"/host_names/{index8}", 'must be a string')
            if len(value9) < 1:
                raise Invalid(f"/host_names/{index8}", 'must have at least 1 characters')
            if len(value9) > 253:
                raise Invalid(f"/host_names/{index8}", 'must have at most 253 characters')
    if 'one_root' in document:
        value10 = document['one_root']
        if not ((value10 is True or value10 is False)):
            raise Invalid("/one_root", 'must be true or false')
    if 'read_only' in document:
        value11 = document['read_only']
        if not ((value11 is True or value11 is False)):
            raise Invalid("/read_only", 'must be true or false')
    if 'journal' in document:
        value12 = document['journal']
        if type(value12) is not dict:
            raise Invalid("/journal", 'must be an object')
        if not value12.keys() <= _KEYS2:
            raise Invalid("/journal", f"has no member {', '.join(sorted(value12.keys() - _KEYS2))}")
        if 'segment_bytes' in value12:
            value13 = value12['segment_bytes']
            if type(value13) is not int:
                raise Invalid("/journal/segment_bytes", 'must be an integer')
            if value13 < 4096:
                raise Invalid("/journal/segment_bytes", 'must be at least 4096')
        if 'segments' in value12:
            value14 = value12['segments']
            if type(value14) is not int:
                raise Invalid("/journal/segments", 'must be an integer')
            if value14 < 2:
                raise Invalid("/journal/segments", 'must be at least 2')
            if value14 > 10000:
                raise Invalid("/journal/segments", 'must be at most 10000')
    if 'subscribers' in document:
        value15 = document['subscribers']
        if type(value15) is not dict:
            raise Invalid("/subscribers", 'must be an object')
        if not value15.keys() <= _KEYS3:
            raise Invalid("/subscribers", f"has no member {', '.join(sorted(value15.keys() - _KEYS3))}")
        if 'queue' in value15:
            value16 = value15['queue']
            if type(value16) is not int:
                raise Invalid("/subscribers/queue", 'must be an integer')
            if value16 < 1:
                raise Invalid("/subscribers/queue", 'must be at least 1')
            if value16 > 1000000:
                raise Invalid("/subscribers/queue", 'must be at most 1000000')
