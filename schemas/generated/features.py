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
    for index8, value9 in enumerate(value):
        if type(value9) is not str:
            raise Invalid(f"{pointer}/{index8}", 'must be a string')
        if len(value9) < 1:
            raise Invalid(f"{pointer}/{index8}", 'must have at least 1 characters')
    if len(set(value)) != len(value):
        raise Invalid(f"{pointer}", 'must not repeat an item')


def _enabled(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if len(value) == 1:
        try:
            value33 = value['enabled']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS5 - value.keys()))}") from None
    elif not value.keys() >= _KEYS5:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS5 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS5))}")
    if not ((value33 is True or value33 is False)):
        raise Invalid(f"{pointer}/enabled", 'must be true or false')


def _linux(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if len(value) == 10:
        try:
            value12 = value['namespaces']
            value13 = value['capabilities']
            value14 = value['cgroup']
            value15 = value['seccomp']
            value16 = value['apparmor']
            value17 = value['selinux']
            value18 = value['intelRdt']
            value19 = value['memoryPolicy']
            value20 = value['mountExtensions']
            value21 = value['netDevices']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS2 - value.keys()))}") from None
    elif not value.keys() >= _KEYS2:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS2 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS2))}")
    _names(value12, f"{pointer}/namespaces")
    _names(value13, f"{pointer}/capabilities")
    if type(value14) is not dict:
        raise Invalid(f"{pointer}/cgroup", 'must be an object')
    if len(value14) == 5:
        try:
            value22 = value14['v1']
            value23 = value14['v2']
            value24 = value14['systemd']
            value25 = value14['systemdUser']
            value26 = value14['rdma']
        except KeyError:
            raise Invalid(f"{pointer}/cgroup", f"lacks {', '.join(sorted(_KEYS3 - value14.keys()))}") from None
    elif not value14.keys() >= _KEYS3:
        raise Invalid(f"{pointer}/cgroup", f"lacks {', '.join(sorted(_KEYS3 - value14.keys()))}")
    else:
        raise Invalid(f"{pointer}/cgroup", f"has no member {', '.join(sorted(value14.keys() - _KEYS3))}")
    if not ((value22 is True or value22 is False)):
        raise Invalid(f"{pointer}/cgroup/v1", 'must be true or false')
    if not ((value23 is True or value23 is False)):
        raise Invalid(f"{pointer}/cgroup/v2", 'must be true or false')
    if not ((value24 is True or value24 is False)):
        raise Invalid(f"{pointer}/cgroup/systemd", 'must be true or false')
    if not ((value25 is True or value25 is False)):
        raise Invalid(f"{pointer}/cgroup/systemdUser", 'must be true or false')
    if not ((value26 is True or value26 is False)):
        raise Invalid(f"{pointer}/cgroup/rdma", 'must be true or false')
    if type(value15) is not dict:
        raise Invalid(f"{pointer}/seccomp", 'must be an object')
    if len(value15) == 6:
        try:
            value27 = value15['enabled']
            value28 = value15['actions']
            value29 = value15['operators']
            value30 = value15['archs']
            value31 = value15['knownFlags']
            value32 = value15['supportedFlags']
        except KeyError:
            raise Invalid(f"{pointer}/seccomp", f"lacks {', '.join(sorted(_KEYS4 - value15.keys()))}") from None
    elif not value15.keys() >= _KEYS4:
        raise Invalid(f"{pointer}/seccomp", f"lacks {', '.join(sorted(_KEYS4 - value15.keys()))}")
    else:
        raise Invalid(f"{pointer}/seccomp", f"has no member {', '.join(sorted(value15.keys() - _KEYS4))}")
    if not ((value27 is True or value27 is False)):
        raise Invalid(f"{pointer}/seccomp/enabled", 'must be true or false')
    _names(value28, f"{pointer}/seccomp/actions")
    _names(value29, f"{pointer}/seccomp/operators")
    _names(value30, f"{pointer}/seccomp/archs")
    _names(value31, f"{pointer}/seccomp/knownFlags")
    _names(value32, f"{pointer}/seccomp/supportedFlags")
    _enabled(value16, f"{pointer}/apparmor")
    _enabled(value17, f"{pointer}/selinux")
    if type(value18) is not dict:
        raise Invalid(f"{pointer}/intelRdt", 'must be an object')
    if len(value18) == 3:
        try:
            value34 = value18['enabled']
            value35 = value18['schemata']
            value36 = value18['monitoring']
        except KeyError:
            raise Invalid(f"{pointer}/intelRdt", f"lacks {', '.join(sorted(_KEYS6 - value18.keys()))}") from None
    elif not value18.keys() >= _KEYS6:
        raise Invalid(f"{pointer}/intelRdt", f"lacks {', '.join(sorted(_KEYS6 - value18.keys()))}")
    else:
        raise Invalid(f"{pointer}/intelRdt", f"has no member {', '.join(sorted(value18.keys() - _KEYS6))}")
    if not ((value34 is True or value34 is False)):
        raise Invalid(f"{pointer}/intelRdt/enabled", 'must be true or false')
    if not ((value35 is True or value35 is False)):
        raise Invalid(f"{pointer}/intelRdt/schemata", 'must be true or false')
    if not ((value36 is True or value36 is False)):
        raise Invalid(f"{pointer}/intelRdt/monitoring", 'must be true or false')
    if type(value19) is not dict:
        raise Invalid(f"{pointer}/memoryPolicy", 'must be an object')
    if len(value19) == 2:
        try:
            value37 = value19['modes']
            value38 = value19['flags']
        except KeyError:
            raise Invalid(f"{pointer}/memoryPolicy", f"lacks {', '.join(sorted(_KEYS7 - value19.keys()))}") from None
    elif not value19.keys() >= _KEYS7:
        raise Invalid(f"{pointer}/memoryPolicy", f"lacks {', '.join(sorted(_KEYS7 - value19.keys()))}")
    else:
        raise Invalid(f"{pointer}/memoryPolicy", f"has no member {', '.join(sorted(value19.keys() - _KEYS7))}")
    _names(value37, f"{pointer}/memoryPolicy/modes")
    _names(value38, f"{pointer}/memoryPolicy/flags")
    if type(value20) is not dict:
        raise Invalid(f"{pointer}/mountExtensions", 'must be an object')
    if len(value20) == 1:
        try:
            value39 = value20['idmap']
        except KeyError:
            raise Invalid(f"{pointer}/mountExtensions", f"lacks {', '.join(sorted(_KEYS8 - value20.keys()))}") from None
    elif not value20.keys() >= _KEYS8:
        raise Invalid(f"{pointer}/mountExtensions", f"lacks {', '.join(sorted(_KEYS8 - value20.keys()))}")
    else:
        raise Invalid(f"{pointer}/mountExtensions", f"has no member {', '.join(sorted(value20.keys() - _KEYS8))}")
    _enabled(value39, f"{pointer}/mountExtensions/idmap")
    _enabled(value21, f"{pointer}/netDevices")


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if len(document) == 7:
        try:
            value1 = document['ociVersionMin']
            value2 = document['ociVersionMax']
            value3 = document['hooks']
            value4 = document['mountOptions']
            value5 = document['annotations']
            value6 = document['potentiallyUnsafeConfigAnnotations']
            value7 = document['linux']
        except KeyError:
            raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}") from None
    elif not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    else:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS1))}")
    if type(value1) is not str:
        raise Invalid("/ociVersionMin", 'must be a string')
    if len(value1) < 1:
        raise Invalid("/ociVersionMin", 'must have at least 1 characters')
    if type(value2) is not str:
        raise Invalid("/ociVersionMax", 'must be a string')
    if len(value2) < 1:
        raise Invalid("/ociVersionMax", 'must have at least 1 characters')
    _names(value3, f"/hooks")
    _names(value4, f"/mountOptions")
    if type(value5) is not dict:
        raise Invalid("/annotations", 'must be an object')
    for key10, value11 in value5.items():
        if type(value11) is not str:
            raise Invalid(f"/annotations/{escape(key10)}", 'must be a string')
    _names(value6, f"/potentiallyUnsafeConfigAnnotations")
    _linux(value7, f"/linux")
