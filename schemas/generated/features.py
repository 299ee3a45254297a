"""Generated from schemas/features.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['annotations', 'hooks', 'linux', 'mountOptions', 'ociVersionMax', 'ociVersionMin', 'potentiallyUnsafeConfigAnnotations'])
_KEYS2 = frozenset(['apparmor', 'capabilities', 'cgroup', 'intelRdt', 'memoryPolicy', 'mountExtensions', 'namespaces', 'netDevices', 'seccomp', 'selinux'])
_KEYS3 = frozenset(['rdma', 'systemd', 'systemdUser', 'v1', 'v2'])
_KEYS4 = frozenset(['actions', 'archs', 'enabled', 'knownFlags', 'operators', 'supportedFlags'])
_KEYS5 = frozenset(['enabled'])
_KEYS6 = frozenset(['enabled', 'monitoring', 'schemata'])
_KEYS7 = frozenset(['flags', 'modes'])
_KEYS8 = frozenset(['idmap'])


def _names(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index4, value5 in enumerate(value):
        if type(value5) is not str:
            raise Invalid(f"{pointer}/{index4}", 'must be a string')
        if len(value5) < 1:
            raise Invalid(f"{pointer}/{index4}", 'must have at least 1 characters')
    if len(set(value)) != len(value):
        raise Invalid(f"{pointer}", 'must not repeat an item')


def _enabled(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS5:
        if not value.keys() >= _KEYS5:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS5 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS5))}")
    value28 = value['enabled']
    if not ((value28 is True or value28 is False)):
        raise Invalid(f"{pointer}/enabled", 'must be true or false')


def _linux(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS2:
        if not value.keys() >= _KEYS2:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS2 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS2))}")
    value12 = value['namespaces']
    _names(value12, f"{pointer}/namespaces")
    value13 = value['capabilities']
    _names(value13, f"{pointer}/capabilities")
    value14 = value['cgroup']
    if type(value14) is not dict:
        raise Invalid(f"{pointer}/cgroup", 'must be an object')
    if value14.keys() != _KEYS3:
        if not value14.keys() >= _KEYS3:
            raise Invalid(f"{pointer}/cgroup", f"lacks {', '.join(sorted(_KEYS3 - value14.keys()))}")
        raise Invalid(f"{pointer}/cgroup", f"has no member {', '.join(sorted(value14.keys() - _KEYS3))}")
    value15 = value14['v1']
    if not ((value15 is True or value15 is False)):
        raise Invalid(f"{pointer}/cgroup/v1", 'must be true or false')
    value16 = value14['v2']
    if not ((value16 is True or value16 is False)):
        raise Invalid(f"{pointer}/cgroup/v2", 'must be true or false')
    value17 = value14['systemd']
    if not ((value17 is True or value17 is False)):
        raise Invalid(f"{pointer}/cgroup/systemd", 'must be true or false')
    value18 = value14['systemdUser']
    if not ((value18 is True or value18 is False)):
        raise Invalid(f"{pointer}/cgroup/systemdUser", 'must be true or false')
    value19 = value14['rdma']
    if not ((value19 is True or value19 is False)):
        raise Invalid(f"{pointer}/cgroup/rdma", 'must be true or false')
    value20 = value['seccomp']
    if type(value20) is not dict:
        raise Invalid(f"{pointer}/seccomp", 'must be an object')
    if value20.keys() != _KEYS4:
        if not value20.keys() >= _KEYS4:
            raise Invalid(f"{pointer}/seccomp", f"lacks {', '.join(sorted(_KEYS4 - value20.keys()))}")
        raise Invalid(f"{pointer}/seccomp", f"has no member {', '.join(sorted(value20.keys() - _KEYS4))}")
    value21 = value20['enabled']
    if not ((value21 is True or value21 is False)):
        raise Invalid(f"{pointer}/seccomp/enabled", 'must be true or false')
    value22 = value20['actions']
    _names(value22, f"{pointer}/seccomp/actions")
    value23 = value20['operators']
    _names(value23, f"{pointer}/seccomp/operators")
    value24 = value20['archs']
    _names(value24, f"{pointer}/seccomp/archs")
    value25 = value20['knownFlags']
    _names(value25, f"{pointer}/seccomp/knownFlags")
    value26 = value20['supportedFlags']
    _names(value26, f"{pointer}/seccomp/supportedFlags")
    value27 = value['apparmor']
    _enabled(value27, f"{pointer}/apparmor")
    value29 = value['selinux']
    _enabled(value29, f"{pointer}/selinux")
    value30 = value['intelRdt']
    if type(value30) is not dict:
        raise Invalid(f"{pointer}/intelRdt", 'must be an object')
    if value30.keys() != _KEYS6:
        if not value30.keys() >= _KEYS6:
            raise Invalid(f"{pointer}/intelRdt", f"lacks {', '.join(sorted(_KEYS6 - value30.keys()))}")
        raise Invalid(f"{pointer}/intelRdt", f"has no member {', '.join(sorted(value30.keys() - _KEYS6))}")
    value31 = value30['enabled']
    if not ((value31 is True or value31 is False)):
        raise Invalid(f"{pointer}/intelRdt/enabled", 'must be true or false')
    value32 = value30['schemata']
    if not ((value32 is True or value32 is False)):
        raise Invalid(f"{pointer}/intelRdt/schemata", 'must be true or false')
    value33 = value30['monitoring']
    if not ((value33 is True or value33 is False)):
        raise Invalid(f"{pointer}/intelRdt/monitoring", 'must be true or false')
    value34 = value['memoryPolicy']
    if type(value34) is not dict:
        raise Invalid(f"{pointer}/memoryPolicy", 'must be an object')
    if value34.keys() != _KEYS7:
        if not value34.keys() >= _KEYS7:
            raise Invalid(f"{pointer}/memoryPolicy", f"lacks {', '.join(sorted(_KEYS7 - value34.keys()))}")
        raise Invalid(f"{pointer}/memoryPolicy", f"has no member {', '.join(sorted(value34.keys() - _KEYS7))}")
    value35 = value34['modes']
    _names(value35, f"{pointer}/memoryPolicy/modes")
    value36 = value34['flags']
    _names(value36, f"{pointer}/memoryPolicy/flags")
    value37 = value['mountExtensions']
    if type(value37) is not dict:
        raise Invalid(f"{pointer}/mountExtensions", 'must be an object')
    if value37.keys() != _KEYS8:
        if not value37.keys() >= _KEYS8:
            raise Invalid(f"{pointer}/mountExtensions", f"lacks {', '.join(sorted(_KEYS8 - value37.keys()))}")
        raise Invalid(f"{pointer}/mountExtensions", f"has no member {', '.join(sorted(value37.keys() - _KEYS8))}")
    value38 = value37['idmap']
    _enabled(value38, f"{pointer}/mountExtensions/idmap")
    value39 = value['netDevices']
    _enabled(value39, f"{pointer}/netDevices")


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if document.keys() != _KEYS1:
        if not document.keys() >= _KEYS1:
            raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    value1 = document['ociVersionMin']
    if type(value1) is not str:
        raise Invalid("/ociVersionMin", 'must be a string')
    if len(value1) < 1:
        raise Invalid("/ociVersionMin", 'must have at least 1 characters')
    value2 = document['ociVersionMax']
    if type(value2) is not str:
        raise Invalid("/ociVersionMax", 'must be a string')
    if len(value2) < 1:
        raise Invalid("/ociVersionMax", 'must have at least 1 characters')
    value3 = document['hooks']
    _names(value3, f"/hooks")
    value6 = document['mountOptions']
    _names(value6, f"/mountOptions")
    value7 = document['annotations']
    if type(value7) is not dict:
        raise Invalid("/annotations", 'must be an object')
    for key8, value9 in value7.items():
        if type(value9) is not str:
            raise Invalid(f"/annotations/{escape(key8)}", 'must be a string')
    value10 = document['potentiallyUnsafeConfigAnnotations']
    _names(value10, f"/potentiallyUnsafeConfigAnnotations")
    value11 = document['linux']
    _linux(value11, f"/linux")
