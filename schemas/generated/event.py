"""Generated from schemas/event.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['data', 'datacontenttype', 'dataschema', 'id', 'source', 'specversion', 'subject', 'time', 'type'])
_KEYS2 = frozenset(['cursor', 'data', 'datacontenttype', 'dataschema', 'id', 'sequence', 'source', 'specversion', 'subject', 'time', 'type'])
_DIGITS = bytes.maketrans(b"123456789", b"000000000")


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    if not document.keys() <= _KEYS2:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS2))}")
    value1 = document['specversion']
    if not (type(value1) is str and value1 == '1.0'):
        raise Invalid("/specversion", 'must be "1.0"')
    value2 = document['id']
    if type(value2) is not str:
        raise Invalid("/id", 'must be a string')
    if len(value2) < 1:
        raise Invalid("/id", 'must have at least 1 characters')
    if len(value2) > 128:
        raise Invalid("/id", 'must have at most 128 characters')
    value3 = document['source']
    if type(value3) is not str:
        raise Invalid("/source", 'must be a string')
    if len(value3) > 4200:
        raise Invalid("/source", 'must have at most 4200 characters')
    if not value3.startswith('/'):
        raise Invalid("/source", 'must match ^/')
    value4 = document['type']
    if not (type(value4) is str and value4 in ('org.runf.container.created.v1', 'org.runf.container.started.v1', 'org.runf.container.paused.v1', 'org.runf.container.resumed.v1', 'org.runf.container.updated.v1', 'org.runf.container.checkpointed.v1', 'org.runf.container.stopped.v1', 'org.runf.container.exit.v1', 'org.runf.container.deleted.v1', 'org.runf.container.failed.v1', 'org.runf.container.oom.v1', 'org.runf.container.exec.started.v1', 'org.runf.container.exec.ended.v1', 'org.runf.container.snapshot.v1', 'org.runf.watcher.gap.v1')):
        raise Invalid("/type", 'must be "org.runf.container.created.v1" or "org.runf.container.started.v1" or "org.runf.container.paused.v1" or "org.runf.container.resumed.v1" or "org.runf.container.updated.v1" or "org.runf.container.checkpointed.v1" or "org.runf.container.stopped.v1" or "org.runf.container.exit.v1" or "org.runf.container.deleted.v1" or "org.runf.container.failed.v1" or "org.runf.container.oom.v1" or "org.runf.container.exec.started.v1" or "org.runf.container.exec.ended.v1" or "org.runf.container.snapshot.v1" or "org.runf.watcher.gap.v1"')
    value5 = document['subject']
    if type(value5) is not str:
        raise Invalid("/subject", 'must be a string')
    if len(value5) > 200:
        raise Invalid("/subject", 'must have at most 200 characters')
    value6 = document['time']
    if type(value6) is not str:
        raise Invalid("/time", 'must be a string')
    if value6.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
        raise Invalid("/time", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    value7 = document['datacontenttype']
    if not (type(value7) is str and value7 == 'application/json'):
        raise Invalid("/datacontenttype", 'must be "application/json"')
    value8 = document['dataschema']
    if not (type(value8) is str and value8 in ('urn:runf:schema:state:1', 'urn:runf:schema:gap:1')):
        raise Invalid("/dataschema", 'must be "urn:runf:schema:state:1" or "urn:runf:schema:gap:1"')
    if 'sequence' in document:
        value9 = document['sequence']
        if type(value9) is not str:
            raise Invalid("/sequence", 'must be a string')
        if len(value9) != 20 or value9.strip('0123456789'):
            raise Invalid("/sequence", f'must match ^[0-9]{{20}}$')
    if 'cursor' in document:
        value10 = document['cursor']
        if type(value10) is not str:
            raise Invalid("/cursor", 'must be a string')
        if len(value10) < 1:
            raise Invalid("/cursor", 'must have at least 1 characters')
        if len(value10) > 64:
            raise Invalid("/cursor", 'must have at most 64 characters')
    value11 = document['data']
    if type(value11) is not dict:
        raise Invalid("/data", 'must be an object')
