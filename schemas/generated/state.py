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
    if len(value) == 3:
        try:
            value31 = value['code']
            value32 = value['signal']
            value33 = value['oomKilled']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS3 - value.keys()))}") from None
    elif not value.keys() >= _KEYS3:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS3 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS3))}")
    if not (type(value31) is int or value31 is None):
        raise Invalid(f"{pointer}/code", 'must be an integer or null')
    if type(value31) is int:
        if value31 < 0:
            raise Invalid(f"{pointer}/code", 'must be at least 0')
        if value31 > 255:
            raise Invalid(f"{pointer}/code", 'must be at most 255')
    if not (type(value32) is int or value32 is None):
        raise Invalid(f"{pointer}/signal", 'must be an integer or null')
    if type(value32) is int:
        if value32 < 1:
            raise Invalid(f"{pointer}/signal", 'must be at least 1')
        if value32 > 64:
            raise Invalid(f"{pointer}/signal", 'must be at most 64')
    if not ((value33 is True or value33 is False) or value33 is None):
        raise Invalid(f"{pointer}/oomKilled", 'must be true or false or null')


def _process(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if len(value) == 5:
        try:
            value34 = value['pid']
            value35 = value['startTime']
            value36 = value['bootId']
            value37 = value['pidNamespace']
            value38 = value['timeNamespace']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS4 - value.keys()))}") from None
    elif not value.keys() >= _KEYS4:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS4 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS4))}")
    if type(value34) is not int:
        raise Invalid(f"{pointer}/pid", 'must be an integer')
    if value34 < 1:
        raise Invalid(f"{pointer}/pid", 'must be at least 1')
    if value34 > 4194304:
        raise Invalid(f"{pointer}/pid", 'must be at most 4194304')
    if type(value35) is not int:
        raise Invalid(f"{pointer}/startTime", 'must be an integer')
    if value35 < 0:
        raise Invalid(f"{pointer}/startTime", 'must be at least 0')
    if type(value36) is not str:
        raise Invalid(f"{pointer}/bootId", 'must be a string')
    if len(value36) != 36 or value36.strip('0123456789abcdef-'):
        raise Invalid(f"{pointer}/bootId", f'must match ^[0-9a-f-]{{36}}$')
    if type(value37) is not int:
        raise Invalid(f"{pointer}/pidNamespace", 'must be an integer')
    if value37 < 1:
        raise Invalid(f"{pointer}/pidNamespace", 'must be at least 1')
    if type(value38) is not int:
        raise Invalid(f"{pointer}/timeNamespace", 'must be an integer')
    if value38 < 1:
        raise Invalid(f"{pointer}/timeNamespace", 'must be at least 1')


def _happening(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if len(value) == 3:
        try:
            value62 = value['generation']
            value63 = value['n']
            value64 = value['time']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS10 - value.keys()))}") from None
    elif not value.keys() >= _KEYS10:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS10 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS10))}")
    if type(value62) is not int:
        raise Invalid(f"{pointer}/generation", 'must be an integer')
    if value62 < 1:
        raise Invalid(f"{pointer}/generation", 'must be at least 1')
    if type(value63) is not int:
        raise Invalid(f"{pointer}/n", 'must be an integer')
    if value63 < 0:
        raise Invalid(f"{pointer}/n", 'must be at least 0')
    if type(value64) is not str:
        raise Invalid(f"{pointer}/time", 'must be a string')
    if value64.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
        raise Invalid(f"{pointer}/time", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if len(document) == 26:
        try:
            value1 = document['schemaVersion']
            value2 = document['ociVersion']
            value3 = document['id']
            value4 = document['instance']
            value5 = document['generation']
            value6 = document['status']
            value7 = document['pid']
            value8 = document['bundle']
            value9 = document['rootfs']
            value10 = document['owner']
            value11 = document['annotations']
            value12 = document['runtime']
            value13 = document['created']
            value14 = document['started']
            value15 = document['finished']
            value16 = document['finishedPrecision']
            value17 = document['exit']
            value18 = document['process']
            value19 = document['maker']
            value20 = document['starter']
            value21 = document['fault']
            value22 = document['linux']
            value23 = document['transitions']
            value24 = document['transitionsDropped']
            value25 = document['execs']
            value26 = document['execsDropped']
        except KeyError:
            raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}") from None
    elif not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    else:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    if not (type(value1) is str and value1 == '1.0'):
        raise Invalid("/schemaVersion", 'must be "1.0"')
    if type(value2) is not str:
        raise Invalid("/ociVersion", 'must be a string')
    if len(value2) < 1:
        raise Invalid("/ociVersion", 'must have at least 1 characters')
    if len(value2) > 64:
        raise Invalid("/ociVersion", 'must have at most 64 characters')
    if type(value3) is not str:
        raise Invalid("/id", 'must be a string')
    if not 1 <= len(value3) <= 200 or value3.strip('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-'):
        raise Invalid("/id", f'must match ^[A-Za-z0-9_+.-]{{1,200}}$')
    if type(value4) is not str:
        raise Invalid("/instance", 'must be a string')
    if len(value4) != 32 or value4.strip('0123456789abcdef'):
        raise Invalid("/instance", f'must match ^[0-9a-f]{{32}}$')
    if type(value5) is not int:
        raise Invalid("/generation", 'must be an integer')
    if value5 < 1:
        raise Invalid("/generation", 'must be at least 1')
    if not (type(value6) is str and value6 in ('creating', 'created', 'running', 'paused', 'stopped')):
        raise Invalid("/status", 'must be "creating" or "created" or "running" or "paused" or "stopped"')
    if type(value7) is not int:
        raise Invalid("/pid", 'must be an integer')
    if value7 < 0:
        raise Invalid("/pid", 'must be at least 0')
    if value7 > 4194304:
        raise Invalid("/pid", 'must be at most 4194304')
    if type(value8) is not str:
        raise Invalid("/bundle", 'must be a string')
    if len(value8) > 4096:
        raise Invalid("/bundle", 'must have at most 4096 characters')
    if not value8.startswith('/'):
        raise Invalid("/bundle", 'must match ^/')
    if type(value9) is not str:
        raise Invalid("/rootfs", 'must be a string')
    if len(value9) > 4096:
        raise Invalid("/rootfs", 'must have at most 4096 characters')
    if not value9.startswith('/'):
        raise Invalid("/rootfs", 'must match ^/')
    if type(value10) is not str:
        raise Invalid("/owner", 'must be a string')
    if len(value10) < 1:
        raise Invalid("/owner", 'must have at least 1 characters')
    if len(value10) > 256:
        raise Invalid("/owner", 'must have at most 256 characters')
    if type(value11) is not dict:
        raise Invalid("/annotations", 'must be an object')
    for key27, value28 in value11.items():
        if type(value28) is not str:
            raise Invalid(f"/annotations/{escape(key27)}", 'must be a string')
    if type(value12) is not dict:
        raise Invalid("/runtime", 'must be an object')
    if len(value12) == 2:
        try:
            value29 = value12['name']
            value30 = value12['version']
        except KeyError:
            raise Invalid("/runtime", f"lacks {', '.join(sorted(_KEYS2 - value12.keys()))}") from None
    elif not value12.keys() >= _KEYS2:
        raise Invalid("/runtime", f"lacks {', '.join(sorted(_KEYS2 - value12.keys()))}")
    else:
        raise Invalid("/runtime", f"has no member {', '.join(sorted(value12.keys() - _KEYS2))}")
    if type(value29) is not str:
        raise Invalid("/runtime/name", 'must be a string')
    if len(value29) < 1:
        raise Invalid("/runtime/name", 'must have at least 1 characters')
    if len(value29) > 64:
        raise Invalid("/runtime/name", 'must have at most 64 characters')
    if not (type(value30) is str or value30 is None):
        raise Invalid("/runtime/version", 'must be a string or null')
    if type(value30) is str:
        if len(value30) > 64:
            raise Invalid("/runtime/version", 'must have at most 64 characters')
    if type(value13) is not str:
        raise Invalid("/created", 'must be a string')
    if value13.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
        raise Invalid("/created", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    if value14 is not None:
        if type(value14) is not str:
            raise Invalid("/started", 'must be a string')
        if value14.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid("/started", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    if value15 is not None:
        if type(value15) is not str:
            raise Invalid("/finished", 'must be a string')
        if value15.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid("/finished", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
    if not (type(value16) is str and value16 in ('exact', 'observed') or value16 is None):
        raise Invalid("/finishedPrecision", 'must be "exact" or "observed" or null')
    _exit(value17, f"/exit")
    if value18 is not None:
        _process(value18, f"/process")
    if value19 is not None:
        _process(value19, f"/maker")
    if value20 is not None:
        _process(value20, f"/starter")
    if not (type(value21) is str or value21 is None):
        raise Invalid("/fault", 'must be a string or null')
    if type(value21) is str:
        if len(value21) > 4096:
            raise Invalid("/fault", 'must have at most 4096 characters')
    if type(value22) is not dict:
        raise Invalid("/linux", 'must be an object')
    if not value22.keys() >= _KEYS5:
        raise Invalid("/linux", f"lacks {', '.join(sorted(_KEYS5 - value22.keys()))}")
    if not value22.keys() <= _KEYS6:
        raise Invalid("/linux", f"has no member {', '.join(sorted(value22.keys() - _KEYS6))}")
    value39 = value22['cgroup']
    if value39 is not None:
        if type(value39) is not dict:
            raise Invalid("/linux/cgroup", 'must be an object')
        if len(value39) == 3:
            try:
                value40 = value39['version']
                value41 = value39['paths']
                value42 = value39['scope']
            except KeyError:
                raise Invalid("/linux/cgroup", f"lacks {', '.join(sorted(_KEYS7 - value39.keys()))}") from None
        elif not value39.keys() >= _KEYS7:
            raise Invalid("/linux/cgroup", f"lacks {', '.join(sorted(_KEYS7 - value39.keys()))}")
        else:
            raise Invalid("/linux/cgroup", f"has no member {', '.join(sorted(value39.keys() - _KEYS7))}")
        if not (type(value40) is int and value40 in (1, 2)):
            raise Invalid("/linux/cgroup/version", 'must be 1 or 2')
        if type(value41) is not dict:
            raise Invalid("/linux/cgroup/paths", 'must be an object')
        for key43, value44 in value41.items():
            if type(value44) is not str:
                raise Invalid(f"/linux/cgroup/paths/{escape(key43)}", 'must be a string')
            if len(value44) > 4096:
                raise Invalid(f"/linux/cgroup/paths/{escape(key43)}", 'must have at most 4096 characters')
            if not value44.startswith('/'):
                raise Invalid(f"/linux/cgroup/paths/{escape(key43)}", 'must match ^/')
        if not (type(value42) is str or value42 is None):
            raise Invalid("/linux/cgroup/scope", 'must be a string or null')
        if type(value42) is str:
            if len(value42) > 256:
                raise Invalid("/linux/cgroup/scope", 'must have at most 256 characters')
    value45 = value22['namespaces']
    if type(value45) is not dict:
        raise Invalid("/linux/namespaces", 'must be an object')
    for key46, value47 in value45.items():
        if type(value47) is not int:
            raise Invalid(f"/linux/namespaces/{escape(key46)}", 'must be an integer')
        if value47 < 1:
            raise Invalid(f"/linux/namespaces/{escape(key46)}", 'must be at least 1')
    if 'oomKills' in value22:
        value48 = value22['oomKills']
        if type(value48) is not int:
            raise Invalid("/linux/oomKills", 'must be an integer')
        if value48 < 1:
            raise Invalid("/linux/oomKills", 'must be at least 1')
    if type(value23) is not list:
        raise Invalid("/transitions", 'must be an array')
    if len(value23) > 64:
        raise Invalid("/transitions", 'must have at most 64 items')
    for index49, value50 in enumerate(value23):
        if type(value50) is not dict:
            raise Invalid(f"/transitions/{index49}", 'must be an object')
        if len(value50) == 5:
            try:
                value51 = value50['generation']
                value52 = value50['n']
                value53 = value50['time']
                value54 = value50['type']
                value55 = value50['status']
            except KeyError:
                raise Invalid(f"/transitions/{index49}", f"lacks {', '.join(sorted(_KEYS8 - value50.keys()))}") from None
        elif not value50.keys() >= _KEYS8:
            raise Invalid(f"/transitions/{index49}", f"lacks {', '.join(sorted(_KEYS8 - value50.keys()))}")
        else:
            raise Invalid(f"/transitions/{index49}", f"has no member {', '.join(sorted(value50.keys() - _KEYS8))}")
        if type(value51) is not int:
            raise Invalid(f"/transitions/{index49}/generation", 'must be an integer')
        if value51 < 1:
            raise Invalid(f"/transitions/{index49}/generation", 'must be at least 1')
        if type(value52) is not int:
            raise Invalid(f"/transitions/{index49}/n", 'must be an integer')
        if value52 < 0:
            raise Invalid(f"/transitions/{index49}/n", 'must be at least 0')
        if type(value53) is not str:
            raise Invalid(f"/transitions/{index49}/time", 'must be a string')
        if value53.encode('ascii', 'replace').translate(_DIGITS) != b'0000-00-00T00:00:00.000000000Z':
            raise Invalid(f"/transitions/{index49}/time", f'must match ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{9}}Z$')
        if not (type(value54) is str and value54 in ('creating', 'created', 'started', 'paused', 'resumed', 'updated', 'checkpointed', 'stopped', 'exit', 'deleted', 'oom', 'failed')):
            raise Invalid(f"/transitions/{index49}/type", 'must be "creating" or "created" or "started" or "paused" or "resumed" or "updated" or "checkpointed" or "stopped" or "exit" or "deleted" or "oom" or "failed"')
        if not (type(value55) is str and value55 in ('creating', 'created', 'running', 'paused', 'stopped')):
            raise Invalid(f"/transitions/{index49}/status", 'must be "creating" or "created" or "running" or "paused" or "stopped"')
    if type(value24) is not int:
        raise Invalid("/transitionsDropped", 'must be an integer')
    if value24 < 0:
        raise Invalid("/transitionsDropped", 'must be at least 0')
    if type(value25) is not list:
        raise Invalid("/execs", 'must be an array')
    if len(value25) > 32:
        raise Invalid("/execs", 'must have at most 32 items')
    for index56, value57 in enumerate(value25):
        if type(value57) is not dict:
            raise Invalid(f"/execs/{index56}", 'must be an object')
        if len(value57) == 4:
            try:
                value58 = value57['process']
                value59 = value57['started']
                value60 = value57['ended']
                value61 = value57['exit']
            except KeyError:
                raise Invalid(f"/execs/{index56}", f"lacks {', '.join(sorted(_KEYS9 - value57.keys()))}") from None
        elif not value57.keys() >= _KEYS9:
            raise Invalid(f"/execs/{index56}", f"lacks {', '.join(sorted(_KEYS9 - value57.keys()))}")
        else:
            raise Invalid(f"/execs/{index56}", f"has no member {', '.join(sorted(value57.keys() - _KEYS9))}")
        _process(value58, f"/execs/{index56}/process")
        _happening(value59, f"/execs/{index56}/started")
        if value60 is not None:
            _happening(value60, f"/execs/{index56}/ended")
        _exit(value61, f"/execs/{index56}/exit")
    if type(value26) is not int:
        raise Invalid("/execsDropped", 'must be an integer')
    if value26 < 0:
        raise Invalid("/execsDropped", 'must be at least 0')
