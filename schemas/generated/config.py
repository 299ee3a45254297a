"""Generated from schemas/config.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['ociVersion', 'process', 'root'])
_KEYS2 = frozenset(['path'])
_KEYS3 = frozenset(['destination'])
_KEYS4 = frozenset(['containerID', 'hostID', 'size'])
_KEYS5 = frozenset(['args', 'cwd'])
_KEYS6 = frozenset(['height', 'width'])
_KEYS7 = frozenset(['gid', 'uid'])
_KEYS8 = frozenset(['hard', 'soft', 'type'])
_KEYS9 = frozenset(['policy'])
_KEYS10 = frozenset(['class'])
_KEYS11 = frozenset(['type'])
_KEYS12 = frozenset(['path', 'type'])
_KEYS13 = frozenset(['allow'])
_KEYS14 = frozenset(['major', 'minor'])
_KEYS15 = frozenset(['major', 'minor', 'rate'])
_KEYS16 = frozenset(['limit', 'pageSize'])
_KEYS17 = frozenset(['name', 'priority'])
_KEYS18 = frozenset(['defaultAction'])
_KEYS19 = frozenset(['action', 'names'])
_KEYS20 = frozenset(['index', 'op', 'value'])
_KEYS21 = frozenset(['domain'])
_KEYS22 = frozenset(['mode'])


def _strings(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index12, value13 in enumerate(value):
        if type(value13) is not str:
            raise Invalid(f"{pointer}/{index12}", 'must be a string')


def _idMappings(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index15, value16 in enumerate(value):
        if type(value16) is not dict:
            raise Invalid(f"{pointer}/{index15}", 'must be an object')
        if not value16.keys() >= _KEYS4:
            raise Invalid(f"{pointer}/{index15}", f"lacks {', '.join(sorted(_KEYS4 - value16.keys()))}")
        value17 = value16['containerID']
        if type(value17) is not int:
            raise Invalid(f"{pointer}/{index15}/containerID", 'must be an integer')
        if value17 < 0:
            raise Invalid(f"{pointer}/{index15}/containerID", 'must be at least 0')
        if value17 > 4294967295:
            raise Invalid(f"{pointer}/{index15}/containerID", 'must be at most 4294967295')
        value18 = value16['hostID']
        if type(value18) is not int:
            raise Invalid(f"{pointer}/{index15}/hostID", 'must be an integer')
        if value18 < 0:
            raise Invalid(f"{pointer}/{index15}/hostID", 'must be at least 0')
        if value18 > 4294967295:
            raise Invalid(f"{pointer}/{index15}/hostID", 'must be at most 4294967295')
        value19 = value16['size']
        if type(value19) is not int:
            raise Invalid(f"{pointer}/{index15}/size", 'must be an integer')
        if value19 < 1:
            raise Invalid(f"{pointer}/{index15}/size", 'must be at least 1')
        if value19 > 4294967295:
            raise Invalid(f"{pointer}/{index15}/size", 'must be at most 4294967295')


def _mount(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() >= _KEYS3:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS3 - value.keys()))}")
    value8 = value['destination']
    if type(value8) is not str:
        raise Invalid(f"{pointer}/destination", 'must be a string')
    if len(value8) < 1:
        raise Invalid(f"{pointer}/destination", 'must have at least 1 characters')
    if len(value8) > 4096:
        raise Invalid(f"{pointer}/destination", 'must have at most 4096 characters')
    if 'type' in value:
        value9 = value['type']
        if type(value9) is not str:
            raise Invalid(f"{pointer}/type", 'must be a string')
    if 'source' in value:
        value10 = value['source']
        if type(value10) is not str:
            raise Invalid(f"{pointer}/source", 'must be a string')
    if 'options' in value:
        value11 = value['options']
        _strings(value11, f"{pointer}/options")
    if 'uidMappings' in value:
        value14 = value['uidMappings']
        _idMappings(value14, f"{pointer}/uidMappings")
    if 'gidMappings' in value:
        value20 = value['gidMappings']
        _idMappings(value20, f"{pointer}/gidMappings")


def _scheduler(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() >= _KEYS9:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS9 - value.keys()))}")
    value53 = value['policy']
    if not (type(value53) is str and value53 in ('SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', 'SCHED_ISO', 'SCHED_IDLE', 'SCHED_DEADLINE')):
        raise Invalid(f"{pointer}/policy", 'must be "SCHED_OTHER" or "SCHED_FIFO" or "SCHED_RR" or "SCHED_BATCH" or "SCHED_ISO" or "SCHED_IDLE" or "SCHED_DEADLINE"')
    if 'nice' in value:
        value54 = value['nice']
        if type(value54) is not int:
            raise Invalid(f"{pointer}/nice", 'must be an integer')
        if value54 < -2147483648:
            raise Invalid(f"{pointer}/nice", 'must be at least -2147483648')
        if value54 > 2147483647:
            raise Invalid(f"{pointer}/nice", 'must be at most 2147483647')
    if 'priority' in value:
        value55 = value['priority']
        if type(value55) is not int:
            raise Invalid(f"{pointer}/priority", 'must be an integer')
        if value55 < -2147483648:
            raise Invalid(f"{pointer}/priority", 'must be at least -2147483648')
        if value55 > 2147483647:
            raise Invalid(f"{pointer}/priority", 'must be at most 2147483647')
    if 'flags' in value:
        value56 = value['flags']
        if type(value56) is not list:
            raise Invalid(f"{pointer}/flags", 'must be an array')
        for index57, value58 in enumerate(value56):
            if not (type(value58) is str and value58 in ('SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN', 'SCHED_FLAG_KEEP_POLICY', 'SCHED_FLAG_KEEP_PARAMS', 'SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX')):
                raise Invalid(f"{pointer}/flags/{index57}", 'must be "SCHED_FLAG_RESET_ON_FORK" or "SCHED_FLAG_RECLAIM" or "SCHED_FLAG_DL_OVERRUN" or "SCHED_FLAG_KEEP_POLICY" or "SCHED_FLAG_KEEP_PARAMS" or "SCHED_FLAG_UTIL_CLAMP_MIN" or "SCHED_FLAG_UTIL_CLAMP_MAX"')
    if 'runtime' in value:
        value59 = value['runtime']
        if type(value59) is not int:
            raise Invalid(f"{pointer}/runtime", 'must be an integer')
        if value59 < 0:
            raise Invalid(f"{pointer}/runtime", 'must be at least 0')
        if value59 > 18446744073709551615:
            raise Invalid(f"{pointer}/runtime", 'must be at most 18446744073709551615')
    if 'deadline' in value:
        value60 = value['deadline']
        if type(value60) is not int:
            raise Invalid(f"{pointer}/deadline", 'must be an integer')
        if value60 < 0:
            raise Invalid(f"{pointer}/deadline", 'must be at least 0')
        if value60 > 18446744073709551615:
            raise Invalid(f"{pointer}/deadline", 'must be at most 18446744073709551615')
    if 'period' in value:
        value61 = value['period']
        if type(value61) is not int:
            raise Invalid(f"{pointer}/period", 'must be an integer')
        if value61 < 0:
            raise Invalid(f"{pointer}/period", 'must be at least 0')
        if value61 > 18446744073709551615:
            raise Invalid(f"{pointer}/period", 'must be at most 18446744073709551615')


def _process(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() >= _KEYS5:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS5 - value.keys()))}")
    if 'terminal' in value:
        value22 = value['terminal']
        if not ((value22 is True or value22 is False)):
            raise Invalid(f"{pointer}/terminal", 'must be true or false')
    if 'consoleSize' in value:
        value23 = value['consoleSize']
        if type(value23) is not dict:
            raise Invalid(f"{pointer}/consoleSize", 'must be an object')
        if not value23.keys() >= _KEYS6:
            raise Invalid(f"{pointer}/consoleSize", f"lacks {', '.join(sorted(_KEYS6 - value23.keys()))}")
        value24 = value23['height']
        if type(value24) is not int:
            raise Invalid(f"{pointer}/consoleSize/height", 'must be an integer')
        if value24 < 0:
            raise Invalid(f"{pointer}/consoleSize/height", 'must be at least 0')
        if value24 > 18446744073709551615:
            raise Invalid(f"{pointer}/consoleSize/height", 'must be at most 18446744073709551615')
        value25 = value23['width']
        if type(value25) is not int:
            raise Invalid(f"{pointer}/consoleSize/width", 'must be an integer')
        if value25 < 0:
            raise Invalid(f"{pointer}/consoleSize/width", 'must be at least 0')
        if value25 > 18446744073709551615:
            raise Invalid(f"{pointer}/consoleSize/width", 'must be at most 18446744073709551615')
    value26 = value['cwd']
    if type(value26) is not str:
        raise Invalid(f"{pointer}/cwd", 'must be a string')
    if len(value26) < 1:
        raise Invalid(f"{pointer}/cwd", 'must have at least 1 characters')
    if len(value26) > 4096:
        raise Invalid(f"{pointer}/cwd", 'must have at most 4096 characters')
    if 'env' in value:
        value27 = value['env']
        _strings(value27, f"{pointer}/env")
    value28 = value['args']
    _strings(value28, f"{pointer}/args")
    if 'user' in value:
        value29 = value['user']
        if type(value29) is not dict:
            raise Invalid(f"{pointer}/user", 'must be an object')
        if not value29.keys() >= _KEYS7:
            raise Invalid(f"{pointer}/user", f"lacks {', '.join(sorted(_KEYS7 - value29.keys()))}")
        value30 = value29['uid']
        if type(value30) is not int:
            raise Invalid(f"{pointer}/user/uid", 'must be an integer')
        if value30 < 0:
            raise Invalid(f"{pointer}/user/uid", 'must be at least 0')
        if value30 > 4294967294:
            raise Invalid(f"{pointer}/user/uid", 'must be at most 4294967294')
        value31 = value29['gid']
        if type(value31) is not int:
            raise Invalid(f"{pointer}/user/gid", 'must be an integer')
        if value31 < 0:
            raise Invalid(f"{pointer}/user/gid", 'must be at least 0')
        if value31 > 4294967294:
            raise Invalid(f"{pointer}/user/gid", 'must be at most 4294967294')
        if 'umask' in value29:
            value32 = value29['umask']
            if type(value32) is not int:
                raise Invalid(f"{pointer}/user/umask", 'must be an integer')
            if value32 < 0:
                raise Invalid(f"{pointer}/user/umask", 'must be at least 0')
            if value32 > 511:
                raise Invalid(f"{pointer}/user/umask", 'must be at most 511')
        if 'additionalGids' in value29:
            value33 = value29['additionalGids']
            if type(value33) is not list:
                raise Invalid(f"{pointer}/user/additionalGids", 'must be an array')
            for index34, value35 in enumerate(value33):
                if type(value35) is not int:
                    raise Invalid(f"{pointer}/user/additionalGids/{index34}", 'must be an integer')
                if value35 < 0:
                    raise Invalid(f"{pointer}/user/additionalGids/{index34}", 'must be at least 0')
                if value35 > 4294967294:
                    raise Invalid(f"{pointer}/user/additionalGids/{index34}", 'must be at most 4294967294')
    if 'rlimits' in value:
        value36 = value['rlimits']
        if type(value36) is not list:
            raise Invalid(f"{pointer}/rlimits", 'must be an array')
        for index37, value38 in enumerate(value36):
            if type(value38) is not dict:
                raise Invalid(f"{pointer}/rlimits/{index37}", 'must be an object')
            if not value38.keys() >= _KEYS8:
                raise Invalid(f"{pointer}/rlimits/{index37}", f"lacks {', '.join(sorted(_KEYS8 - value38.keys()))}")
            value39 = value38['type']
            if not (type(value39) is str and value39 in ('RLIMIT_AS', 'RLIMIT_CORE', 'RLIMIT_CPU', 'RLIMIT_DATA', 'RLIMIT_FSIZE', 'RLIMIT_LOCKS', 'RLIMIT_MEMLOCK', 'RLIMIT_MSGQUEUE', 'RLIMIT_NICE', 'RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_RSS', 'RLIMIT_RTPRIO', 'RLIMIT_RTTIME', 'RLIMIT_SIGPENDING', 'RLIMIT_STACK')):
                raise Invalid(f"{pointer}/rlimits/{index37}/type", 'must be "RLIMIT_AS" or "RLIMIT_CORE" or "RLIMIT_CPU" or "RLIMIT_DATA" or "RLIMIT_FSIZE" or "RLIMIT_LOCKS" or "RLIMIT_MEMLOCK" or "RLIMIT_MSGQUEUE" or "RLIMIT_NICE" or "RLIMIT_NOFILE" or "RLIMIT_NPROC" or "RLIMIT_RSS" or "RLIMIT_RTPRIO" or "RLIMIT_RTTIME" or "RLIMIT_SIGPENDING" or "RLIMIT_STACK"')
            value40 = value38['soft']
            if type(value40) is not int:
                raise Invalid(f"{pointer}/rlimits/{index37}/soft", 'must be an integer')
            if value40 < 0:
                raise Invalid(f"{pointer}/rlimits/{index37}/soft", 'must be at least 0')
            if value40 > 18446744073709551615:
                raise Invalid(f"{pointer}/rlimits/{index37}/soft", 'must be at most 18446744073709551615')
            value41 = value38['hard']
            if type(value41) is not int:
                raise Invalid(f"{pointer}/rlimits/{index37}/hard", 'must be an integer')
            if value41 < 0:
                raise Invalid(f"{pointer}/rlimits/{index37}/hard", 'must be at least 0')
            if value41 > 18446744073709551615:
                raise Invalid(f"{pointer}/rlimits/{index37}/hard", 'must be at most 18446744073709551615')
    if 'capabilities' in value:
        value42 = value['capabilities']
        if type(value42) is not dict:
            raise Invalid(f"{pointer}/capabilities", 'must be an object')
        if 'bounding' in value42:
            value43 = value42['bounding']
            _strings(value43, f"{pointer}/capabilities/bounding")
        if 'effective' in value42:
            value44 = value42['effective']
            _strings(value44, f"{pointer}/capabilities/effective")
        if 'inheritable' in value42:
            value45 = value42['inheritable']
            _strings(value45, f"{pointer}/capabilities/inheritable")
        if 'permitted' in value42:
            value46 = value42['permitted']
            _strings(value46, f"{pointer}/capabilities/permitted")
        if 'ambient' in value42:
            value47 = value42['ambient']
            _strings(value47, f"{pointer}/capabilities/ambient")
    if 'noNewPrivileges' in value:
        value48 = value['noNewPrivileges']
        if not ((value48 is True or value48 is False)):
            raise Invalid(f"{pointer}/noNewPrivileges", 'must be true or false')
    if 'oomScoreAdj' in value:
        value49 = value['oomScoreAdj']
        if type(value49) is not int:
            raise Invalid(f"{pointer}/oomScoreAdj", 'must be an integer')
        if value49 < -1000:
            raise Invalid(f"{pointer}/oomScoreAdj", 'must be at least -1000')
        if value49 > 1000:
            raise Invalid(f"{pointer}/oomScoreAdj", 'must be at most 1000')
    if 'apparmorProfile' in value:
        value50 = value['apparmorProfile']
        if type(value50) is not str:
            raise Invalid(f"{pointer}/apparmorProfile", 'must be a string')
    if 'selinuxLabel' in value:
        value51 = value['selinuxLabel']
        if type(value51) is not str:
            raise Invalid(f"{pointer}/selinuxLabel", 'must be a string')
    if 'scheduler' in value:
        value52 = value['scheduler']
        _scheduler(value52, f"{pointer}/scheduler")
    if 'ioPriority' in value:
        value62 = value['ioPriority']
        if type(value62) is not dict:
            raise Invalid(f"{pointer}/ioPriority", 'must be an object')
        if not value62.keys() >= _KEYS10:
            raise Invalid(f"{pointer}/ioPriority", f"lacks {', '.join(sorted(_KEYS10 - value62.keys()))}")
        value63 = value62['class']
        if not (type(value63) is str and value63 in ('IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE')):
            raise Invalid(f"{pointer}/ioPriority/class", 'must be "IOPRIO_CLASS_RT" or "IOPRIO_CLASS_BE" or "IOPRIO_CLASS_IDLE"')
        if 'priority' in value62:
            value64 = value62['priority']
            if type(value64) is not int:
                raise Invalid(f"{pointer}/ioPriority/priority", 'must be an integer')
            if value64 < 0:
                raise Invalid(f"{pointer}/ioPriority/priority", 'must be at least 0')
            if value64 > 7:
                raise Invalid(f"{pointer}/ioPriority/priority", 'must be at most 7')
    if 'execCPUAffinity' in value:
        value65 = value['execCPUAffinity']
        if type(value65) is not dict:
            raise Invalid(f"{pointer}/execCPUAffinity", 'must be an object')
        if 'initial' in value65:
            value66 = value65['initial']
            if type(value66) is not str:
                raise Invalid(f"{pointer}/execCPUAffinity/initial", 'must be a string')
        if 'final' in value65:
            value67 = value65['final']
            if type(value67) is not str:
                raise Invalid(f"{pointer}/execCPUAffinity/final", 'must be a string')


def _hooks(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index72, value73 in enumerate(value):
        if type(value73) is not dict:
            raise Invalid(f"{pointer}/{index72}", 'must be an object')
        if not value73.keys() >= _KEYS2:
            raise Invalid(f"{pointer}/{index72}", f"lacks {', '.join(sorted(_KEYS2 - value73.keys()))}")
        value74 = value73['path']
        if type(value74) is not str:
            raise Invalid(f"{pointer}/{index72}/path", 'must be a string')
        if len(value74) < 1:
            raise Invalid(f"{pointer}/{index72}/path", 'must have at least 1 characters')
        if len(value74) > 4096:
            raise Invalid(f"{pointer}/{index72}/path", 'must have at most 4096 characters')
        if 'args' in value73:
            value75 = value73['args']
            _strings(value75, f"{pointer}/{index72}/args")
        if 'env' in value73:
            value76 = value73['env']
            _strings(value76, f"{pointer}/{index72}/env")
        if 'timeout' in value73:
            value77 = value73['timeout']
            if type(value77) is not int:
                raise Invalid(f"{pointer}/{index72}/timeout", 'must be an integer')
            if value77 < 1:
                raise Invalid(f"{pointer}/{index72}/timeout", 'must be at least 1')
            if value77 > 9223372036854775807:
                raise Invalid(f"{pointer}/{index72}/timeout", 'must be at most 9223372036854775807')


def _texts(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    for key84, value85 in value.items():
        if type(value85) is not str:
            raise Invalid(f"{pointer}/{escape(key84)}", 'must be a string')


def _device(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() >= _KEYS12:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS12 - value.keys()))}")
    value102 = value['type']
    if not (type(value102) is str and value102 in ('c', 'b', 'u', 'p')):
        raise Invalid(f"{pointer}/type", 'must be "c" or "b" or "u" or "p"')
    value103 = value['path']
    if type(value103) is not str:
        raise Invalid(f"{pointer}/path", 'must be a string')
    if len(value103) < 1:
        raise Invalid(f"{pointer}/path", 'must have at least 1 characters')
    if len(value103) > 4096:
        raise Invalid(f"{pointer}/path", 'must have at most 4096 characters')
    if 'major' in value:
        value104 = value['major']
        if type(value104) is not int:
            raise Invalid(f"{pointer}/major", 'must be an integer')
        if value104 < 0:
            raise Invalid(f"{pointer}/major", 'must be at least 0')
        if value104 > 4095:
            raise Invalid(f"{pointer}/major", 'must be at most 4095')
    if 'minor' in value:
        value105 = value['minor']
        if type(value105) is not int:
            raise Invalid(f"{pointer}/minor", 'must be an integer')
        if value105 < 0:
            raise Invalid(f"{pointer}/minor", 'must be at least 0')
        if value105 > 1048575:
            raise Invalid(f"{pointer}/minor", 'must be at most 1048575')
    if 'fileMode' in value:
        value106 = value['fileMode']
        if type(value106) is not int:
            raise Invalid(f"{pointer}/fileMode", 'must be an integer')
        if value106 < 0:
            raise Invalid(f"{pointer}/fileMode", 'must be at least 0')
        if value106 > 4294967295:
            raise Invalid(f"{pointer}/fileMode", 'must be at most 4294967295')
    if 'uid' in value:
        value107 = value['uid']
        if type(value107) is not int:
            raise Invalid(f"{pointer}/uid", 'must be an integer')
        if value107 < 0:
            raise Invalid(f"{pointer}/uid", 'must be at least 0')
        if value107 > 4294967294:
            raise Invalid(f"{pointer}/uid", 'must be at most 4294967294')
    if 'gid' in value:
        value108 = value['gid']
        if type(value108) is not int:
            raise Invalid(f"{pointer}/gid", 'must be an integer')
        if value108 < 0:
            raise Invalid(f"{pointer}/gid", 'must be at least 0')
        if value108 > 4294967294:
            raise Invalid(f"{pointer}/gid", 'must be at most 4294967294')


def _throttles(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index156, value157 in enumerate(value):
        if type(value157) is not dict:
            raise Invalid(f"{pointer}/{index156}", 'must be an object')
        if not value157.keys() >= _KEYS15:
            raise Invalid(f"{pointer}/{index156}", f"lacks {', '.join(sorted(_KEYS15 - value157.keys()))}")
        value158 = value157['major']
        if type(value158) is not int:
            raise Invalid(f"{pointer}/{index156}/major", 'must be an integer')
        if value158 < 0:
            raise Invalid(f"{pointer}/{index156}/major", 'must be at least 0')
        if value158 > 4294967295:
            raise Invalid(f"{pointer}/{index156}/major", 'must be at most 4294967295')
        value159 = value157['minor']
        if type(value159) is not int:
            raise Invalid(f"{pointer}/{index156}/minor", 'must be an integer')
        if value159 < 0:
            raise Invalid(f"{pointer}/{index156}/minor", 'must be at least 0')
        if value159 > 4294967295:
            raise Invalid(f"{pointer}/{index156}/minor", 'must be at most 4294967295')
        value160 = value157['rate']
        if type(value160) is not int:
            raise Invalid(f"{pointer}/{index156}/rate", 'must be an integer')
        if value160 < 0:
            raise Invalid(f"{pointer}/{index156}/rate", 'must be at least 0')
        if value160 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index156}/rate", 'must be at most 18446744073709551615')


def _resources(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if 'devices' in value:
        value115 = value['devices']
        if type(value115) is not list:
            raise Invalid(f"{pointer}/devices", 'must be an array')
        for index116, value117 in enumerate(value115):
            if type(value117) is not dict:
                raise Invalid(f"{pointer}/devices/{index116}", 'must be an object')
            if not value117.keys() >= _KEYS13:
                raise Invalid(f"{pointer}/devices/{index116}", f"lacks {', '.join(sorted(_KEYS13 - value117.keys()))}")
            value118 = value117['allow']
            if not ((value118 is True or value118 is False)):
                raise Invalid(f"{pointer}/devices/{index116}/allow", 'must be true or false')
            if 'type' in value117:
                value119 = value117['type']
                if not (type(value119) is str and value119 in ('a', 'b', 'c')):
                    raise Invalid(f"{pointer}/devices/{index116}/type", 'must be "a" or "b" or "c"')
            if 'major' in value117:
                value120 = value117['major']
                if type(value120) is not int:
                    raise Invalid(f"{pointer}/devices/{index116}/major", 'must be an integer')
                if value120 < -1:
                    raise Invalid(f"{pointer}/devices/{index116}/major", 'must be at least -1')
                if value120 > 4294967295:
                    raise Invalid(f"{pointer}/devices/{index116}/major", 'must be at most 4294967295')
            if 'minor' in value117:
                value121 = value117['minor']
                if type(value121) is not int:
                    raise Invalid(f"{pointer}/devices/{index116}/minor", 'must be an integer')
                if value121 < -1:
                    raise Invalid(f"{pointer}/devices/{index116}/minor", 'must be at least -1')
                if value121 > 4294967295:
                    raise Invalid(f"{pointer}/devices/{index116}/minor", 'must be at most 4294967295')
            if 'access' in value117:
                value122 = value117['access']
                if type(value122) is not str:
                    raise Invalid(f"{pointer}/devices/{index116}/access", 'must be a string')
                if not 1 <= len(value122) <= 3 or value122.strip('rwm'):
                    raise Invalid(f"{pointer}/devices/{index116}/access", f'must match ^[rwm]{{1,3}}$')
    if 'memory' in value:
        value123 = value['memory']
        if type(value123) is not dict:
            raise Invalid(f"{pointer}/memory", 'must be an object')
        if 'limit' in value123:
            value124 = value123['limit']
            if type(value124) is not int:
                raise Invalid(f"{pointer}/memory/limit", 'must be an integer')
            if value124 < -1:
                raise Invalid(f"{pointer}/memory/limit", 'must be at least -1')
            if value124 > 9223372036854775807:
                raise Invalid(f"{pointer}/memory/limit", 'must be at most 9223372036854775807')
        if 'reservation' in value123:
            value125 = value123['reservation']
            if type(value125) is not int:
                raise Invalid(f"{pointer}/memory/reservation", 'must be an integer')
            if value125 < -1:
                raise Invalid(f"{pointer}/memory/reservation", 'must be at least -1')
            if value125 > 9223372036854775807:
                raise Invalid(f"{pointer}/memory/reservation", 'must be at most 9223372036854775807')
        if 'swap' in value123:
            value126 = value123['swap']
            if type(value126) is not int:
                raise Invalid(f"{pointer}/memory/swap", 'must be an integer')
            if value126 < -1:
                raise Invalid(f"{pointer}/memory/swap", 'must be at least -1')
            if value126 > 9223372036854775807:
                raise Invalid(f"{pointer}/memory/swap", 'must be at most 9223372036854775807')
        if 'kernel' in value123:
            value127 = value123['kernel']
            if type(value127) is not int:
                raise Invalid(f"{pointer}/memory/kernel", 'must be an integer')
            if value127 < -1:
                raise Invalid(f"{pointer}/memory/kernel", 'must be at least -1')
            if value127 > 9223372036854775807:
                raise Invalid(f"{pointer}/memory/kernel", 'must be at most 9223372036854775807')
        if 'kernelTCP' in value123:
            value128 = value123['kernelTCP']
            if type(value128) is not int:
                raise Invalid(f"{pointer}/memory/kernelTCP", 'must be an integer')
            if value128 < -1:
                raise Invalid(f"{pointer}/memory/kernelTCP", 'must be at least -1')
            if value128 > 9223372036854775807:
                raise Invalid(f"{pointer}/memory/kernelTCP", 'must be at most 9223372036854775807')
        if 'swappiness' in value123:
            value129 = value123['swappiness']
            if type(value129) is not int:
                raise Invalid(f"{pointer}/memory/swappiness", 'must be an integer')
            if value129 < 0:
                raise Invalid(f"{pointer}/memory/swappiness", 'must be at least 0')
            if value129 > 18446744073709551615:
                raise Invalid(f"{pointer}/memory/swappiness", 'must be at most 18446744073709551615')
        if 'disableOOMKiller' in value123:
            value130 = value123['disableOOMKiller']
            if not ((value130 is True or value130 is False)):
                raise Invalid(f"{pointer}/memory/disableOOMKiller", 'must be true or false')
        if 'useHierarchy' in value123:
            value131 = value123['useHierarchy']
            if not ((value131 is True or value131 is False)):
                raise Invalid(f"{pointer}/memory/useHierarchy", 'must be true or false')
        if 'checkBeforeUpdate' in value123:
            value132 = value123['checkBeforeUpdate']
            if not ((value132 is True or value132 is False)):
                raise Invalid(f"{pointer}/memory/checkBeforeUpdate", 'must be true or false')
    if 'cpu' in value:
        value133 = value['cpu']
        if type(value133) is not dict:
            raise Invalid(f"{pointer}/cpu", 'must be an object')
        if 'shares' in value133:
            value134 = value133['shares']
            if type(value134) is not int:
                raise Invalid(f"{pointer}/cpu/shares", 'must be an integer')
            if value134 < 0:
                raise Invalid(f"{pointer}/cpu/shares", 'must be at least 0')
            if value134 > 18446744073709551615:
                raise Invalid(f"{pointer}/cpu/shares", 'must be at most 18446744073709551615')
        if 'quota' in value133:
            value135 = value133['quota']
            if type(value135) is not int:
                raise Invalid(f"{pointer}/cpu/quota", 'must be an integer')
            if value135 < -9223372036854775808:
                raise Invalid(f"{pointer}/cpu/quota", 'must be at least -9223372036854775808')
            if value135 > 9223372036854775807:
                raise Invalid(f"{pointer}/cpu/quota", 'must be at most 9223372036854775807')
        if 'burst' in value133:
            value136 = value133['burst']
            if type(value136) is not int:
                raise Invalid(f"{pointer}/cpu/burst", 'must be an integer')
            if value136 < 0:
                raise Invalid(f"{pointer}/cpu/burst", 'must be at least 0')
            if value136 > 18446744073709551615:
                raise Invalid(f"{pointer}/cpu/burst", 'must be at most 18446744073709551615')
        if 'period' in value133:
            value137 = value133['period']
            if type(value137) is not int:
                raise Invalid(f"{pointer}/cpu/period", 'must be an integer')
            if value137 < 0:
                raise Invalid(f"{pointer}/cpu/period", 'must be at least 0')
            if value137 > 18446744073709551615:
                raise Invalid(f"{pointer}/cpu/period", 'must be at most 18446744073709551615')
        if 'realtimeRuntime' in value133:
            value138 = value133['realtimeRuntime']
            if type(value138) is not int:
                raise Invalid(f"{pointer}/cpu/realtimeRuntime", 'must be an integer')
            if value138 < -9223372036854775808:
                raise Invalid(f"{pointer}/cpu/realtimeRuntime", 'must be at least -9223372036854775808')
            if value138 > 9223372036854775807:
                raise Invalid(f"{pointer}/cpu/realtimeRuntime", 'must be at most 9223372036854775807')
        if 'realtimePeriod' in value133:
            value139 = value133['realtimePeriod']
            if type(value139) is not int:
                raise Invalid(f"{pointer}/cpu/realtimePeriod", 'must be an integer')
            if value139 < 0:
                raise Invalid(f"{pointer}/cpu/realtimePeriod", 'must be at least 0')
            if value139 > 18446744073709551615:
                raise Invalid(f"{pointer}/cpu/realtimePeriod", 'must be at most 18446744073709551615')
        if 'cpus' in value133:
            value140 = value133['cpus']
            if type(value140) is not str:
                raise Invalid(f"{pointer}/cpu/cpus", 'must be a string')
        if 'mems' in value133:
            value141 = value133['mems']
            if type(value141) is not str:
                raise Invalid(f"{pointer}/cpu/mems", 'must be a string')
        if 'idle' in value133:
            value142 = value133['idle']
            if type(value142) is not int:
                raise Invalid(f"{pointer}/cpu/idle", 'must be an integer')
            if value142 < -9223372036854775808:
                raise Invalid(f"{pointer}/cpu/idle", 'must be at least -9223372036854775808')
            if value142 > 9223372036854775807:
                raise Invalid(f"{pointer}/cpu/idle", 'must be at most 9223372036854775807')
    if 'pids' in value:
        value143 = value['pids']
        if type(value143) is not dict:
            raise Invalid(f"{pointer}/pids", 'must be an object')
        if 'limit' in value143:
            value144 = value143['limit']
            if type(value144) is not int:
                raise Invalid(f"{pointer}/pids/limit", 'must be an integer')
            if value144 < -9223372036854775808:
                raise Invalid(f"{pointer}/pids/limit", 'must be at least -9223372036854775808')
            if value144 > 9223372036854775807:
                raise Invalid(f"{pointer}/pids/limit", 'must be at most 9223372036854775807')
    if 'blockIO' in value:
        value145 = value['blockIO']
        if type(value145) is not dict:
            raise Invalid(f"{pointer}/blockIO", 'must be an object')
        if 'weight' in value145:
            value146 = value145['weight']
            if type(value146) is not int:
                raise Invalid(f"{pointer}/blockIO/weight", 'must be an integer')
            if value146 < 0:
                raise Invalid(f"{pointer}/blockIO/weight", 'must be at least 0')
            if value146 > 65535:
                raise Invalid(f"{pointer}/blockIO/weight", 'must be at most 65535')
        if 'leafWeight' in value145:
            value147 = value145['leafWeight']
            if type(value147) is not int:
                raise Invalid(f"{pointer}/blockIO/leafWeight", 'must be an integer')
            if value147 < 0:
                raise Invalid(f"{pointer}/blockIO/leafWeight", 'must be at least 0')
            if value147 > 65535:
                raise Invalid(f"{pointer}/blockIO/leafWeight", 'must be at most 65535')
        if 'weightDevice' in value145:
            value148 = value145['weightDevice']
            if type(value148) is not list:
                raise Invalid(f"{pointer}/blockIO/weightDevice", 'must be an array')
            for index149, value150 in enumerate(value148):
                if type(value150) is not dict:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}", 'must be an object')
                if not value150.keys() >= _KEYS14:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}", f"lacks {', '.join(sorted(_KEYS14 - value150.keys()))}")
                value151 = value150['major']
                if type(value151) is not int:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/major", 'must be an integer')
                if value151 < 0:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/major", 'must be at least 0')
                if value151 > 4294967295:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/major", 'must be at most 4294967295')
                value152 = value150['minor']
                if type(value152) is not int:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/minor", 'must be an integer')
                if value152 < 0:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/minor", 'must be at least 0')
                if value152 > 4294967295:
                    raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/minor", 'must be at most 4294967295')
                if 'weight' in value150:
                    value153 = value150['weight']
                    if type(value153) is not int:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/weight", 'must be an integer')
                    if value153 < 0:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/weight", 'must be at least 0')
                    if value153 > 65535:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/weight", 'must be at most 65535')
                if 'leafWeight' in value150:
                    value154 = value150['leafWeight']
                    if type(value154) is not int:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/leafWeight", 'must be an integer')
                    if value154 < 0:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/leafWeight", 'must be at least 0')
                    if value154 > 65535:
                        raise Invalid(f"{pointer}/blockIO/weightDevice/{index149}/leafWeight", 'must be at most 65535')
        if 'throttleReadBpsDevice' in value145:
            value155 = value145['throttleReadBpsDevice']
            _throttles(value155, f"{pointer}/blockIO/throttleReadBpsDevice")
        if 'throttleWriteBpsDevice' in value145:
            value161 = value145['throttleWriteBpsDevice']
            _throttles(value161, f"{pointer}/blockIO/throttleWriteBpsDevice")
        if 'throttleReadIOPSDevice' in value145:
            value162 = value145['throttleReadIOPSDevice']
            _throttles(value162, f"{pointer}/blockIO/throttleReadIOPSDevice")
        if 'throttleWriteIOPSDevice' in value145:
            value163 = value145['throttleWriteIOPSDevice']
            _throttles(value163, f"{pointer}/blockIO/throttleWriteIOPSDevice")
    if 'hugepageLimits' in value:
        value164 = value['hugepageLimits']
        if type(value164) is not list:
            raise Invalid(f"{pointer}/hugepageLimits", 'must be an array')
        for index165, value166 in enumerate(value164):
            if type(value166) is not dict:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}", 'must be an object')
            if not value166.keys() >= _KEYS16:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}", f"lacks {', '.join(sorted(_KEYS16 - value166.keys()))}")
            value167 = value166['pageSize']
            if type(value167) is not str:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}/pageSize", 'must be a string')
            value168 = value166['limit']
            if type(value168) is not int:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}/limit", 'must be an integer')
            if value168 < 0:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}/limit", 'must be at least 0')
            if value168 > 18446744073709551615:
                raise Invalid(f"{pointer}/hugepageLimits/{index165}/limit", 'must be at most 18446744073709551615')
    if 'network' in value:
        value169 = value['network']
        if type(value169) is not dict:
            raise Invalid(f"{pointer}/network", 'must be an object')
        if 'classID' in value169:
            value170 = value169['classID']
            if type(value170) is not int:
                raise Invalid(f"{pointer}/network/classID", 'must be an integer')
            if value170 < 0:
                raise Invalid(f"{pointer}/network/classID", 'must be at least 0')
            if value170 > 4294967295:
                raise Invalid(f"{pointer}/network/classID", 'must be at most 4294967295')
        if 'priorities' in value169:
            value171 = value169['priorities']
            if type(value171) is not list:
                raise Invalid(f"{pointer}/network/priorities", 'must be an array')
            for index172, value173 in enumerate(value171):
                if type(value173) is not dict:
                    raise Invalid(f"{pointer}/network/priorities/{index172}", 'must be an object')
                if not value173.keys() >= _KEYS17:
                    raise Invalid(f"{pointer}/network/priorities/{index172}", f"lacks {', '.join(sorted(_KEYS17 - value173.keys()))}")
                value174 = value173['name']
                if type(value174) is not str:
                    raise Invalid(f"{pointer}/network/priorities/{index172}/name", 'must be a string')
                if len(value174) < 1:
                    raise Invalid(f"{pointer}/network/priorities/{index172}/name", 'must have at least 1 characters')
                value175 = value173['priority']
                if type(value175) is not int:
                    raise Invalid(f"{pointer}/network/priorities/{index172}/priority", 'must be an integer')
                if value175 < 0:
                    raise Invalid(f"{pointer}/network/priorities/{index172}/priority", 'must be at least 0')
                if value175 > 4294967295:
                    raise Invalid(f"{pointer}/network/priorities/{index172}/priority", 'must be at most 4294967295')
    if 'rdma' in value:
        value176 = value['rdma']
        if type(value176) is not dict:
            raise Invalid(f"{pointer}/rdma", 'must be an object')
        for key177, value178 in value176.items():
            if type(value178) is not dict:
                raise Invalid(f"{pointer}/rdma/{escape(key177)}", 'must be an object')
            if 'hcaHandles' in value178:
                value179 = value178['hcaHandles']
                if type(value179) is not int:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaHandles", 'must be an integer')
                if value179 < 0:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaHandles", 'must be at least 0')
                if value179 > 4294967295:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaHandles", 'must be at most 4294967295')
            if 'hcaObjects' in value178:
                value180 = value178['hcaObjects']
                if type(value180) is not int:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaObjects", 'must be an integer')
                if value180 < 0:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaObjects", 'must be at least 0')
                if value180 > 4294967295:
                    raise Invalid(f"{pointer}/rdma/{escape(key177)}/hcaObjects", 'must be at most 4294967295')
    if 'unified' in value:
        value181 = value['unified']
        _texts(value181, f"{pointer}/unified")


def _seccomp(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() >= _KEYS18:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS18 - value.keys()))}")
    value184 = value['defaultAction']
    if not (type(value184) is str and value184 in ('SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE', 'SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY')):
        raise Invalid(f"{pointer}/defaultAction", 'must be "SCMP_ACT_KILL" or "SCMP_ACT_KILL_PROCESS" or "SCMP_ACT_KILL_THREAD" or "SCMP_ACT_TRAP" or "SCMP_ACT_ERRNO" or "SCMP_ACT_TRACE" or "SCMP_ACT_ALLOW" or "SCMP_ACT_LOG" or "SCMP_ACT_NOTIFY"')
    if 'defaultErrnoRet' in value:
        value185 = value['defaultErrnoRet']
        if type(value185) is not int:
            raise Invalid(f"{pointer}/defaultErrnoRet", 'must be an integer')
        if value185 < 0:
            raise Invalid(f"{pointer}/defaultErrnoRet", 'must be at least 0')
        if value185 > 4294967295:
            raise Invalid(f"{pointer}/defaultErrnoRet", 'must be at most 4294967295')
    if 'architectures' in value:
        value186 = value['architectures']
        _strings(value186, f"{pointer}/architectures")
    if 'flags' in value:
        value187 = value['flags']
        if type(value187) is not list:
            raise Invalid(f"{pointer}/flags", 'must be an array')
        for index188, value189 in enumerate(value187):
            if not (type(value189) is str and value189 in ('SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')):
                raise Invalid(f"{pointer}/flags/{index188}", 'must be "SECCOMP_FILTER_FLAG_TSYNC" or "SECCOMP_FILTER_FLAG_LOG" or "SECCOMP_FILTER_FLAG_SPEC_ALLOW" or "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"')
    if 'listenerPath' in value:
        value190 = value['listenerPath']
        if type(value190) is not str:
            raise Invalid(f"{pointer}/listenerPath", 'must be a string')
    if 'listenerMetadata' in value:
        value191 = value['listenerMetadata']
        if type(value191) is not str:
            raise Invalid(f"{pointer}/listenerMetadata", 'must be a string')
    if 'syscalls' in value:
        value192 = value['syscalls']
        if type(value192) is not list:
            raise Invalid(f"{pointer}/syscalls", 'must be an array')
        for index193, value194 in enumerate(value192):
            if type(value194) is not dict:
                raise Invalid(f"{pointer}/syscalls/{index193}", 'must be an object')
            if not value194.keys() >= _KEYS19:
                raise Invalid(f"{pointer}/syscalls/{index193}", f"lacks {', '.join(sorted(_KEYS19 - value194.keys()))}")
            value195 = value194['names']
            if type(value195) is not list:
                raise Invalid(f"{pointer}/syscalls/{index193}/names", 'must be an array')
            if len(value195) < 1:
                raise Invalid(f"{pointer}/syscalls/{index193}/names", 'must have at least 1 items')
            for index196, value197 in enumerate(value195):
                if type(value197) is not str:
                    raise Invalid(f"{pointer}/syscalls/{index193}/names/{index196}", 'must be a string')
                if len(value197) < 1:
                    raise Invalid(f"{pointer}/syscalls/{index193}/names/{index196}", 'must have at least 1 characters')
            value198 = value194['action']
            if not (type(value198) is str and value198 in ('SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE', 'SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY')):
                raise Invalid(f"{pointer}/syscalls/{index193}/action", 'must be "SCMP_ACT_KILL" or "SCMP_ACT_KILL_PROCESS" or "SCMP_ACT_KILL_THREAD" or "SCMP_ACT_TRAP" or "SCMP_ACT_ERRNO" or "SCMP_ACT_TRACE" or "SCMP_ACT_ALLOW" or "SCMP_ACT_LOG" or "SCMP_ACT_NOTIFY"')
            if 'errnoRet' in value194:
                value199 = value194['errnoRet']
                if type(value199) is not int:
                    raise Invalid(f"{pointer}/syscalls/{index193}/errnoRet", 'must be an integer')
                if value199 < 0:
                    raise Invalid(f"{pointer}/syscalls/{index193}/errnoRet", 'must be at least 0')
                if value199 > 4294967295:
                    raise Invalid(f"{pointer}/syscalls/{index193}/errnoRet", 'must be at most 4294967295')
            if 'args' in value194:
                value200 = value194['args']
                if type(value200) is not list:
                    raise Invalid(f"{pointer}/syscalls/{index193}/args", 'must be an array')
                for index201, value202 in enumerate(value200):
                    if type(value202) is not dict:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}", 'must be an object')
                    if not value202.keys() >= _KEYS20:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}", f"lacks {', '.join(sorted(_KEYS20 - value202.keys()))}")
                    value203 = value202['index']
                    if type(value203) is not int:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/index", 'must be an integer')
                    if value203 < 0:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/index", 'must be at least 0')
                    if value203 > 4294967295:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/index", 'must be at most 4294967295')
                    value204 = value202['value']
                    if type(value204) is not int:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/value", 'must be an integer')
                    if value204 < 0:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/value", 'must be at least 0')
                    if value204 > 18446744073709551615:
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/value", 'must be at most 18446744073709551615')
                    if 'valueTwo' in value202:
                        value205 = value202['valueTwo']
                        if type(value205) is not int:
                            raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/valueTwo", 'must be an integer')
                        if value205 < 0:
                            raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/valueTwo", 'must be at least 0')
                        if value205 > 18446744073709551615:
                            raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/valueTwo", 'must be at most 18446744073709551615')
                    value206 = value202['op']
                    if not (type(value206) is str and value206 in ('SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ')):
                        raise Invalid(f"{pointer}/syscalls/{index193}/args/{index201}/op", 'must be "SCMP_CMP_NE" or "SCMP_CMP_LT" or "SCMP_CMP_LE" or "SCMP_CMP_EQ" or "SCMP_CMP_GE" or "SCMP_CMP_GT" or "SCMP_CMP_MASKED_EQ"')


def _paths(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index209, value210 in enumerate(value):
        if type(value210) is not str:
            raise Invalid(f"{pointer}/{index209}", 'must be a string')
        if len(value210) < 1:
            raise Invalid(f"{pointer}/{index209}", 'must have at least 1 characters')
        if len(value210) > 4096:
            raise Invalid(f"{pointer}/{index209}", 'must have at most 4096 characters')


def _linux(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if 'namespaces' in value:
        value87 = value['namespaces']
        if type(value87) is not list:
            raise Invalid(f"{pointer}/namespaces", 'must be an array')
        for index88, value89 in enumerate(value87):
            if type(value89) is not dict:
                raise Invalid(f"{pointer}/namespaces/{index88}", 'must be an object')
            if not value89.keys() >= _KEYS11:
                raise Invalid(f"{pointer}/namespaces/{index88}", f"lacks {', '.join(sorted(_KEYS11 - value89.keys()))}")
            value90 = value89['type']
            if not (type(value90) is str and value90 in ('pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time')):
                raise Invalid(f"{pointer}/namespaces/{index88}/type", 'must be "pid" or "network" or "mount" or "ipc" or "uts" or "user" or "cgroup" or "time"')
            if 'path' in value89:
                value91 = value89['path']
                if type(value91) is not str:
                    raise Invalid(f"{pointer}/namespaces/{index88}/path", 'must be a string')
                if len(value91) < 1:
                    raise Invalid(f"{pointer}/namespaces/{index88}/path", 'must have at least 1 characters')
                if len(value91) > 4096:
                    raise Invalid(f"{pointer}/namespaces/{index88}/path", 'must have at most 4096 characters')
    if 'uidMappings' in value:
        value92 = value['uidMappings']
        _idMappings(value92, f"{pointer}/uidMappings")
    if 'gidMappings' in value:
        value93 = value['gidMappings']
        _idMappings(value93, f"{pointer}/gidMappings")
    if 'timeOffsets' in value:
        value94 = value['timeOffsets']
        if type(value94) is not dict:
            raise Invalid(f"{pointer}/timeOffsets", 'must be an object')
        for key95, value96 in value94.items():
            if type(value96) is not dict:
                raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}", 'must be an object')
            if 'secs' in value96:
                value97 = value96['secs']
                if type(value97) is not int:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/secs", 'must be an integer')
                if value97 < -9223372036854775808:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/secs", 'must be at least -9223372036854775808')
                if value97 > 9223372036854775807:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/secs", 'must be at most 9223372036854775807')
            if 'nanosecs' in value96:
                value98 = value96['nanosecs']
                if type(value98) is not int:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/nanosecs", 'must be an integer')
                if value98 < 0:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/nanosecs", 'must be at least 0')
                if value98 > 4294967295:
                    raise Invalid(f"{pointer}/timeOffsets/{escape(key95)}/nanosecs", 'must be at most 4294967295')
    if 'devices' in value:
        value99 = value['devices']
        if type(value99) is not list:
            raise Invalid(f"{pointer}/devices", 'must be an array')
        for index100, value101 in enumerate(value99):
            _device(value101, f"{pointer}/devices/{index100}")
    if 'netDevices' in value:
        value109 = value['netDevices']
        if type(value109) is not dict:
            raise Invalid(f"{pointer}/netDevices", 'must be an object')
        for key110, value111 in value109.items():
            if type(value111) is not dict:
                raise Invalid(f"{pointer}/netDevices/{escape(key110)}", 'must be an object')
            if 'name' in value111:
                value112 = value111['name']
                if type(value112) is not str:
                    raise Invalid(f"{pointer}/netDevices/{escape(key110)}/name", 'must be a string')
    if 'cgroupsPath' in value:
        value113 = value['cgroupsPath']
        if type(value113) is not str:
            raise Invalid(f"{pointer}/cgroupsPath", 'must be a string')
        if len(value113) > 4096:
            raise Invalid(f"{pointer}/cgroupsPath", 'must have at most 4096 characters')
    if 'resources' in value:
        value114 = value['resources']
        _resources(value114, f"{pointer}/resources")
    if 'sysctl' in value:
        value182 = value['sysctl']
        _texts(value182, f"{pointer}/sysctl")
    if 'seccomp' in value:
        value183 = value['seccomp']
        _seccomp(value183, f"{pointer}/seccomp")
    if 'rootfsPropagation' in value:
        value207 = value['rootfsPropagation']
        if not (type(value207) is str and value207 in ('shared', 'slave', 'private', 'unbindable', 'rshared', 'rslave', 'rprivate', 'runbindable')):
            raise Invalid(f"{pointer}/rootfsPropagation", 'must be "shared" or "slave" or "private" or "unbindable" or "rshared" or "rslave" or "rprivate" or "runbindable"')
    if 'maskedPaths' in value:
        value208 = value['maskedPaths']
        _paths(value208, f"{pointer}/maskedPaths")
    if 'readonlyPaths' in value:
        value211 = value['readonlyPaths']
        _paths(value211, f"{pointer}/readonlyPaths")
    if 'mountLabel' in value:
        value212 = value['mountLabel']
        if type(value212) is not str:
            raise Invalid(f"{pointer}/mountLabel", 'must be a string')
    if 'personality' in value:
        value213 = value['personality']
        if type(value213) is not dict:
            raise Invalid(f"{pointer}/personality", 'must be an object')
        if not value213.keys() >= _KEYS21:
            raise Invalid(f"{pointer}/personality", f"lacks {', '.join(sorted(_KEYS21 - value213.keys()))}")
        value214 = value213['domain']
        if not (type(value214) is str and value214 in ('LINUX', 'LINUX32')):
            raise Invalid(f"{pointer}/personality/domain", 'must be "LINUX" or "LINUX32"')
        if 'flags' in value213:
            value215 = value213['flags']
            _strings(value215, f"{pointer}/personality/flags")
    if 'intelRdt' in value:
        value216 = value['intelRdt']
        if type(value216) is not dict:
            raise Invalid(f"{pointer}/intelRdt", 'must be an object')
        if 'closID' in value216:
            value217 = value216['closID']
            if type(value217) is not str:
                raise Invalid(f"{pointer}/intelRdt/closID", 'must be a string')
        if 'schemata' in value216:
            value218 = value216['schemata']
            _strings(value218, f"{pointer}/intelRdt/schemata")
        if 'l3CacheSchema' in value216:
            value219 = value216['l3CacheSchema']
            if type(value219) is not str:
                raise Invalid(f"{pointer}/intelRdt/l3CacheSchema", 'must be a string')
        if 'memBwSchema' in value216:
            value220 = value216['memBwSchema']
            if type(value220) is not str:
                raise Invalid(f"{pointer}/intelRdt/memBwSchema", 'must be a string')
        if 'enableMonitoring' in value216:
            value221 = value216['enableMonitoring']
            if not ((value221 is True or value221 is False)):
                raise Invalid(f"{pointer}/intelRdt/enableMonitoring", 'must be true or false')
    if 'memoryPolicy' in value:
        value222 = value['memoryPolicy']
        if type(value222) is not dict:
            raise Invalid(f"{pointer}/memoryPolicy", 'must be an object')
        if not value222.keys() >= _KEYS22:
            raise Invalid(f"{pointer}/memoryPolicy", f"lacks {', '.join(sorted(_KEYS22 - value222.keys()))}")
        value223 = value222['mode']
        if not (type(value223) is str and value223 in ('MPOL_DEFAULT', 'MPOL_BIND', 'MPOL_INTERLEAVE', 'MPOL_WEIGHTED_INTERLEAVE', 'MPOL_PREFERRED', 'MPOL_PREFERRED_MANY', 'MPOL_LOCAL')):
            raise Invalid(f"{pointer}/memoryPolicy/mode", 'must be "MPOL_DEFAULT" or "MPOL_BIND" or "MPOL_INTERLEAVE" or "MPOL_WEIGHTED_INTERLEAVE" or "MPOL_PREFERRED" or "MPOL_PREFERRED_MANY" or "MPOL_LOCAL"')
        if 'nodes' in value222:
            value224 = value222['nodes']
            if type(value224) is not str:
                raise Invalid(f"{pointer}/memoryPolicy/nodes", 'must be a string')
        if 'flags' in value222:
            value225 = value222['flags']
            if type(value225) is not list:
                raise Invalid(f"{pointer}/memoryPolicy/flags", 'must be an array')
            for index226, value227 in enumerate(value225):
                if not (type(value227) is str and value227 in ('MPOL_F_NUMA_BALANCING', 'MPOL_F_RELATIVE_NODES', 'MPOL_F_STATIC_NODES')):
                    raise Invalid(f"{pointer}/memoryPolicy/flags/{index226}", 'must be "MPOL_F_NUMA_BALANCING" or "MPOL_F_RELATIVE_NODES" or "MPOL_F_STATIC_NODES"')


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    value1 = document['ociVersion']
    if type(value1) is not str:
        raise Invalid("/ociVersion", 'must be a string')
    if len(value1) < 1:
        raise Invalid("/ociVersion", 'must have at least 1 characters')
    if len(value1) > 256:
        raise Invalid("/ociVersion", 'must have at most 256 characters')
    value2 = document['root']
    if type(value2) is not dict:
        raise Invalid("/root", 'must be an object')
    if not value2.keys() >= _KEYS2:
        raise Invalid("/root", f"lacks {', '.join(sorted(_KEYS2 - value2.keys()))}")
    value3 = value2['path']
    if type(value3) is not str:
        raise Invalid("/root/path", 'must be a string')
    if len(value3) < 1:
        raise Invalid("/root/path", 'must have at least 1 characters')
    if len(value3) > 4096:
        raise Invalid("/root/path", 'must have at most 4096 characters')
    if 'readonly' in value2:
        value4 = value2['readonly']
        if not ((value4 is True or value4 is False)):
            raise Invalid("/root/readonly", 'must be true or false')
    if 'mounts' in document:
        value5 = document['mounts']
        if type(value5) is not list:
            raise Invalid("/mounts", 'must be an array')
        for index6, value7 in enumerate(value5):
            _mount(value7, f"/mounts/{index6}")
    value21 = document['process']
    _process(value21, f"/process")
    if 'hostname' in document:
        value68 = document['hostname']
        if type(value68) is not str:
            raise Invalid("/hostname", 'must be a string')
    if 'domainname' in document:
        value69 = document['domainname']
        if type(value69) is not str:
            raise Invalid("/domainname", 'must be a string')
    if 'hooks' in document:
        value70 = document['hooks']
        if type(value70) is not dict:
            raise Invalid("/hooks", 'must be an object')
        if 'prestart' in value70:
            value71 = value70['prestart']
            _hooks(value71, f"/hooks/prestart")
        if 'createRuntime' in value70:
            value78 = value70['createRuntime']
            _hooks(value78, f"/hooks/createRuntime")
        if 'createContainer' in value70:
            value79 = value70['createContainer']
            _hooks(value79, f"/hooks/createContainer")
        if 'startContainer' in value70:
            value80 = value70['startContainer']
            _hooks(value80, f"/hooks/startContainer")
        if 'poststart' in value70:
            value81 = value70['poststart']
            _hooks(value81, f"/hooks/poststart")
        if 'poststop' in value70:
            value82 = value70['poststop']
            _hooks(value82, f"/hooks/poststop")
    if 'annotations' in document:
        value83 = document['annotations']
        _texts(value83, f"/annotations")
    if 'linux' in document:
        value86 = document['linux']
        _linux(value86, f"/linux")
    if 'vm' in document:
        value228 = document['vm']
        if type(value228) is not dict:
            raise Invalid("/vm", 'must be an object')
