"""Generated from schemas/state.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['annotations', 'bundle', 'created', 'execs', 'execsDropped', 'exit', 'fault', 'finished', 'finishedPrecision', 'generation', 'id', 'instance', 'linux', 'maker', 'ociVersion', 'owner', 'pid', 'process', 'rootfs', 'runtime', 'schemaVersion', 'started', 'starter', 'status', 'transitions', 'transitionsDropped'])
_KEYS2 = frozenset(['name', 'version'])
_KEYS3 = frozenset(['code', 'oomKilled', 'signal'])
_KEYS4 = frozenset(['bootId', 'pid', 'pidNamespace', 'startTime', 'timeNamespace'])
_KEYS5 = frozenset(['cgroup', 'namespaces'])
_KEYS6 = frozenset(['cgroup', 'namespaces', 'oomKills'])
_KEYS7 = frozenset(['paths', 'scope', 'version'])
_KEYS8 = frozenset(['generation', 'n', 'status', 'time', 'type'])
_KEYS9 = frozenset(['ended', 'exit', 'process', 'started'])
_KEYS10 = frozenset(['generation', 'n', 'time'])
_DIGITS = bytes.maketrans(b"123456789", b"000000000")


def _exit(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS3:
        if not value.keys() >= _KEYS3:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS3 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS3))}")
    value22 = value['code']
    if not (type(value22) is int or value22 is None):
        raise Invalid(f"{pointer}/code", 'must be an integer or null')
    if type(value22) is int:
        if value22 < 0:
            raise Invalid(f"{pointer}/code", 'must be at least 0')
        if value22 > 255:
            raise Invalid(f"{pointer}/code", 'must be at most 255')
    value23 = value['signal']
    if not (type(value23) is int or value23 is None):
        raise Invalid(f"{pointer}/signal", 'must be an integer or null')
    if type(value23) is int:
        if value23 < 1:
            raise Invalid(f"{pointer}/signal", 'must be at least 1')
        if value23 > 64:
            raise Invalid(f"{pointer}/signal", 'must be at most 64')
    value24 = value['oomKilled']
    if not ((value24 is True or value24 is False) or value24 is None):
        raise Invalid(f"{pointer}/oomKilled", 'must be true or false or null')


def _process(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS4:
        if not value.keys() >= _KEYS4:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS4 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS4))}")
    value26 = value['pid']
    if type(value26) is not int:
        raise Invalid(f"{pointer}/pid", 'must be an integer')
    if value26 < 1:
        raise Invalid(f"{pointer}/pid", 'must be at least 1')
    if value26 > 4194304:
        raise Invalid(f"{pointer}/pid", 'must be at most 4194304')
    value27 = value['startTime']
    if type(value27) is not int:
        raise Invalid(f"{pointer}/startTime", 'must be an integer')
    if value27 < 0:
        raise Invalid(f"{pointer}/startTime", 'must be at least 0')
    value28 = value['bootId']
    if type(value28) is not str:
        raise Invalid(f"{pointer}/bootId", 'must be a string')
    if len(value28) != 36 or value28.strip('0123456789abcdef-'):
        raise Invalid(f"{pointer}/bootId", f'must match ^[0-9a-f-]{{36}}$')
    value29 = value['pidNamespace']
    if type(value29) is not int:
        raise Invalid(f"{pointer}/pidNamespace", 'must be an integer')
    if value29 < 1:
        raise Invalid(f"{pointer}/pidNamespace", 'must be at least 1')
    value30 = value['timeNamespace']
    if type(value30) is not int:
        raise Invalid(f"{pointer}/timeNamespace", 'must be an integer')
    if value30 < 1:
        raise Invalid(f"{pointer}/timeNamespace", 'must be at least 1')


def _happening(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS10:
        if not value.keys() >= _KEYS10:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS10 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS10))}")
    value59 = value['generation']
    if type(value59) is not int:
        raise Invalid(f"{pointer}/generation", 'must be an integer')
    if value59 < 1:
        raise Invalid(f"{pointer}/generation", 'must be at least 1')
    value60 = value['n']
    if type(value60) is not int:
        raise Invalid(f"{pointer}/n", 'must be an integer')
    if value60 < 0:
        raise Invalid(f"{pointer}/n", 'must be at least 0')
    value61 = value['time']
    if type(value61) is not str:
        raise Invalid(f"{pointer}/time", 'must be a string')
    if value61.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
        raise Invalid(f"{pointer}/time", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if document.keys() != _KEYS1:
        if not document.keys() >= _KEYS1:
            raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    value1 = document['schemaVersion']
    if not (type(value1) is str and value1 == '1.0'):
        raise Invalid("/schemaVersion", 'must be "1.0"')
    value2 = document['ociVersion']
    if type(value2) is not str:
        raise Invalid("/ociVersion", 'must be a string')
    if len(value2) < 1:
        raise Invalid("/ociVersion", 'must have at least 1 characters')
    if len(value2) > 64:
        raise Invalid("/ociVersion", 'must have at most 64 characters')
    value3 = document['id']
    if type(value3) is not str:
        raise Invalid("/id", 'must be a string')
    if not 1 <= len(value3) <= 200 or value3.strip('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-'):
        raise Invalid("/id", f'must match ^[A-Za-z0-9_+.-]{{1,200}}$')
    value4 = document['instance']
    if type(value4) is not str:
        raise Invalid("/instance", 'must be a string')
    if len(value4) != 32 or value4.strip('0123456789abcdef'):
        raise Invalid("/instance", f'must match ^[0-9a-f]{{32}}$')
    value5 = document['generation']
    if type(value5) is not int:
        raise Invalid("/generation", 'must be an integer')
    if value5 < 1:
        raise Invalid("/generation", 'must be at least 1')
    value6 = document['status']
    if not (type(value6) is str and value6 in ('creating', 'created', 'running', 'paused', 'stopped')):
        raise Invalid("/status", 'must be "creating" or "created" or "running" or "paused" or "stopped"')
    value7 = document['pid']
    if type(value7) is not int:
        raise Invalid("/pid", 'must be an integer')
    if value7 < 0:
        raise Invalid("/pid", 'must be at least 0')
    if value7 > 4194304:
        raise Invalid("/pid", 'must be at most 4194304')
    value8 = document['bundle']
    if type(value8) is not str:
        raise Invalid("/bundle", 'must be a string')
    if len(value8) > 4096:
        raise Invalid("/bundle", 'must have at most 4096 characters')
    if not value8.startswith('/'):
        raise Invalid("/bundle", 'must match ^/')
    value9 = document['rootfs']
    if type(value9) is not str:
        raise Invalid("/rootfs", 'must be a string')
    if len(value9) > 4096:
        raise Invalid("/rootfs", 'must have at most 4096 characters')
    if not value9.startswith('/'):
        raise Invalid("/rootfs", 'must match ^/')
    value10 = document['owner']
    if type(value10) is not str:
        raise Invalid("/owner", 'must be a string')
    if len(value10) < 1:
        raise Invalid("/owner", 'must have at least 1 characters')
    if len(value10) > 256:
        raise Invalid("/owner", 'must have at most 256 characters')
    value11 = document['annotations']
    if type(value11) is not dict:
        raise Invalid("/annotations", 'must be an object')
    for key12, value13 in value11.items():
        if type(value13) is not str:
            raise Invalid(f"/annotations/{escape(key12)}", 'must be a string')
    value14 = document['runtime']
    if type(value14) is not dict:
        raise Invalid("/runtime", 'must be an object')
    if value14.keys() != _KEYS2:
        if not value14.keys() >= _KEYS2:
            raise Invalid("/runtime", f"lacks {', '.join(sorted(_KEYS2 - value14.keys()))}")
        raise Invalid("/runtime", f"has no member {', '.join(sorted(value14.keys() - _KEYS2))}")
    value15 = value14['name']
    if type(value15) is not str:
        raise Invalid("/runtime/name", 'must be a string')
    if len(value15) < 1:
        raise Invalid("/runtime/name", 'must have at least 1 characters')
    if len(value15) > 64:
        raise Invalid("/runtime/name", 'must have at most 64 characters')
    value16 = value14['version']
    if not (type(value16) is str or value16 is None):
        raise Invalid("/runtime/version", 'must be a string or null')
    if type(value16) is str:
        if len(value16) > 64:
            raise Invalid("/runtime/version", 'must have at most 64 characters')
    value17 = document['created']
    if type(value17) is not str:
        raise Invalid("/created", 'must be a string')
    if value17.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
        raise Invalid("/created", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    value18 = document['started']
    if value18 is not None:
        if type(value18) is not str:
            raise Invalid("/started", 'must be a string')
        if value18.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid("/started", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    value19 = document['finished']
    if value19 is not None:
        if type(value19) is not str:
            raise Invalid("/finished", 'must be a string')
        if value19.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid("/finished", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    value20 = document['finishedPrecision']
    if not (type(value20) is str and value20 in ('exact', 'observed') or value20 is None):
        raise Invalid("/finishedPrecision", 'must be "exact" or "observed" or null')
    value21 = document['exit']
    _exit(value21, f"/exit")
    value25 = document['process']
    if value25 is not None:
        _process(value25, f"/process")
    value31 = document['maker']
    if value31 is not None:
        _process(value31, f"/maker")
    value32 = document['starter']
    if value32 is not None:
        _process(value32, f"/starter")
    value33 = document['fault']
    if not (type(value33) is str or value33 is None):
        raise Invalid("/fault", 'must be a string or null')
    if type(value33) is str:
        if len(value33) > 4096:
            raise Invalid("/fault", 'must have at most 4096 characters')
    value34 = document['linux']
    if type(value34) is not dict:
        raise Invalid("/linux", 'must be an object')
    if not value34.keys() >= _KEYS5:
        raise Invalid("/linux", f"lacks {', '.join(sorted(_KEYS5 - value34.keys()))}")
    if not value34.keys() <= _KEYS6:
        raise Invalid("/linux", f"has no member {', '.join(sorted(value34.keys() - _KEYS6))}")
    value35 = value34['cgroup']
    if value35 is not None:
        if type(value35) is not dict:
            raise Invalid("/linux/cgroup", 'must be an object')
        if value35.keys() != _KEYS7:
            if not value35.keys() >= _KEYS7:
                raise Invalid("/linux/cgroup", f"lacks {', '.join(sorted(_KEYS7 - value35.keys()))}")
            raise Invalid("/linux/cgroup", f"has no member {', '.join(sorted(value35.keys() - _KEYS7))}")
        value36 = value35['version']
        if not (type(value36) is int and value36 in (1, 2)):
            raise Invalid("/linux/cgroup/version", 'must be 1 or 2')
        value37 = value35['paths']
        if type(value37) is not dict:
            raise Invalid("/linux/cgroup/paths", 'must be an object')
        for key38, value39 in value37.items():
            if type(value39) is not str:
                raise Invalid(f"/linux/cgroup/paths/{escape(key38)}", 'must be a string')
            if len(value39) > 4096:
                raise Invalid(f"/linux/cgroup/paths/{escape(key38)}", 'must have at most 4096 characters')
            if not value39.startswith('/'):
                raise Invalid(f"/linux/cgroup/paths/{escape(key38)}", 'must match ^/')
        value40 = value35['scope']
        if not (type(value40) is str or value40 is None):
            raise Invalid("/linux/cgroup/scope", 'must be a string or null')
        if type(value40) is str:
            if len(value40) > 256:
                raise Invalid("/linux/cgroup/scope", 'must have at most 256 characters')
    value41 = value34['namespaces']
    if type(value41) is not dict:
        raise Invalid("/linux/namespaces", 'must be an object')
    for key42, value43 in value41.items():
        if type(value43) is not int:
            raise Invalid(f"/linux/namespaces/{escape(key42)}", 'must be an integer')
        if value43 < 1:
            raise Invalid(f"/linux/namespaces/{escape(key42)}", 'must be at least 1')
    if 'oomKills' in value34:
        value44 = value34['oomKills']
        if type(value44) is not int:
            raise Invalid("/linux/oomKills", 'must be an integer')
        if value44 < 1:
            raise Invalid("/linux/oomKills", 'must be at least 1')
    value45 = document['transitions']
    if type(value45) is not list:
        raise Invalid("/transitions", 'must be an array')
    if len(value45) > 64:
        raise Invalid("/transitions", 'must have at most 64 items')
    for index46, value47 in enumerate(value45):
        if type(value47) is not dict:
            raise Invalid(f"/transitions/{index46}", 'must be an object')
        if value47.keys() != _KEYS8:
            if not value47.keys() >= _KEYS8:
                raise Invalid(f"/transitions/{index46}", f"lacks {', '.join(sorted(_KEYS8 - value47.keys()))}")
            raise Invalid(f"/transitions/{index46}", f"has no member {', '.join(sorted(value47.keys() - _KEYS8))}")
        value48 = value47['generation']
        if type(value48) is not int:
            raise Invalid(f"/transitions/{index46}/generation", 'must be an integer')
        if value48 < 1:
            raise Invalid(f"/transitions/{index46}/generation", 'must be at least 1')
        value49 = value47['n']
        if type(value49) is not int:
            raise Invalid(f"/transitions/{index46}/n", 'must be an integer')
        if value49 < 0:
            raise Invalid(f"/transitions/{index46}/n", 'must be at least 0')
        value50 = value47['time']
        if type(value50) is not str:
            raise Invalid(f"/transitions/{index46}/time", 'must be a string')
        if value50.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid(f"/transitions/{index46}/time", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
        value51 = value47['type']
        if not (type(value51) is str and value51 in ('creating', 'created', 'started', 'paused', 'resumed', 'updated', 'checkpointed', 'stopped', 'exit', 'deleted', 'oom', 'failed')):
            raise Invalid(f"/transitions/{index46}/type", 'must be "creating" or "created" or "started" or "paused" or "resumed" or "updated" or "checkpointed" or "stopped" or "exit" or "deleted" or "oom" or "failed"')
        value52 = value47['status']
        if not (type(value52) is str and value52 in ('creating', 'created', 'running', 'paused', 'stopped')):
            raise Invalid(f"/transitions/{index46}/status", 'must be "creating" or "created" or "running" or "paused" or "stopped"')
    value53 = document['transitionsDropped']
    if type(value53) is not int:
        raise Invalid("/transitionsDropped", 'must be an integer')
    if value53 < 0:
        raise Invalid("/transitionsDropped", 'must be at least 0')
    value54 = document['execs']
    if type(value54) is not list:
        raise Invalid("/execs", 'must be an array')
    if len(value54) > 32:
        raise Invalid("/execs", 'must have at most 32 items')
    for index55, value56 in enumerate(value54):
        if type(value56) is not dict:
            raise Invalid(f"/execs/{index55}", 'must be an object')
        if value56.keys() != _KEYS9:
            if not value56.keys() >= _KEYS9:
                raise Invalid(f"/execs/{index55}", f"lacks {', '.join(sorted(_KEYS9 - value56.keys()))}")
            raise Invalid(f"/execs/{index55}", f"has no member {', '.join(sorted(value56.keys() - _KEYS9))}")
        value57 = value56['process']
        _process(value57, f"/execs/{index55}/process")
        value58 = value56['started']
        _happening(value58, f"/execs/{index55}/started")
        value62 = value56['ended']
        if value62 is not None:
            _happening(value62, f"/execs/{index55}/ended")
        value63 = value56['exit']
        _exit(value63, f"/execs/{index55}/exit")
    value64 = document['execsDropped']
    if type(value64) is not int:
        raise Invalid("/execsDropped", 'must be an integer')
    if value64 < 0:
        raise Invalid("/execsDropped", 'must be at least 0')
