"""Generated from schemas/stats.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape

_KEYS1 = frozenset(['id', 'type'])
_KEYS2 = frozenset(['data', 'id', 'type'])
_KEYS3 = frozenset(['blkio', 'cpu', 'cpuset', 'hugetlb', 'intel_rdt', 'memory', 'network_interfaces', 'pids'])
_KEYS4 = frozenset(['psi', 'throttling', 'usage'])
_KEYS5 = frozenset(['kernel', 'percpu', 'percpu_kernel', 'percpu_user', 'total', 'user'])
_KEYS6 = frozenset(['periods', 'throttledPeriods', 'throttledTime'])
_KEYS7 = frozenset(['full', 'some'])
_KEYS8 = frozenset(['avg10', 'avg300', 'avg60', 'total'])
_KEYS9 = frozenset(['cpu_exclusive', 'cpus', 'mem_exclusive', 'mem_hardwall', 'memory_migrate', 'memory_pressure', 'memory_spread_page', 'memory_spread_slab', 'mems', 'sched_load_balance', 'sched_relax_domain_level'])
_KEYS10 = frozenset(['cache', 'kernel', 'kernelTCP', 'psi', 'raw', 'swap', 'usage'])
_KEYS11 = frozenset(['failcnt', 'limit', 'max', 'usage'])
_KEYS12 = frozenset(['current', 'limit'])
_KEYS13 = frozenset(['ioMergedRecursive', 'ioQueueRecursive', 'ioServiceBytesRecursive', 'ioServiceTimeRecursive', 'ioServicedRecursive', 'ioTimeRecursive', 'ioWaitTimeRecursive', 'psi', 'sectorsRecursive'])
_KEYS14 = frozenset(['major', 'minor', 'value'])
_KEYS15 = frozenset(['major', 'minor', 'op', 'value'])
_KEYS16 = frozenset(['failcnt', 'max', 'usage'])
_KEYS17 = frozenset(['Name', 'RxBytes', 'RxDropped', 'RxErrors', 'RxPackets', 'TxBytes', 'TxDropped', 'TxErrors', 'TxPackets'])


def _counts(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index8, value9 in enumerate(value):
        if type(value9) is not int:
            raise Invalid(f"{pointer}/{index8}", 'must be an integer')
        if value9 < 0:
            raise Invalid(f"{pointer}/{index8}", 'must be at least 0')
        if value9 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index8}", 'must be at most 18446744073709551615')


def _stall(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if value.keys() != _KEYS8:
        if not value.keys() >= _KEYS8:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS8 - value.keys()))}")
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS8))}")
    value20 = value['avg10']
    if not ((type(value20) is int or type(value20) is float)):
        raise Invalid(f"{pointer}/avg10", 'must be a number')
    if value20 < 0:
        raise Invalid(f"{pointer}/avg10", 'must be at least 0')
    if value20 > 100:
        raise Invalid(f"{pointer}/avg10", 'must be at most 100')
    value21 = value['avg60']
    if not ((type(value21) is int or type(value21) is float)):
        raise Invalid(f"{pointer}/avg60", 'must be a number')
    if value21 < 0:
        raise Invalid(f"{pointer}/avg60", 'must be at least 0')
    if value21 > 100:
        raise Invalid(f"{pointer}/avg60", 'must be at most 100')
    value22 = value['avg300']
    if not ((type(value22) is int or type(value22) is float)):
        raise Invalid(f"{pointer}/avg300", 'must be a number')
    if value22 < 0:
        raise Invalid(f"{pointer}/avg300", 'must be at least 0')
    if value22 > 100:
        raise Invalid(f"{pointer}/avg300", 'must be at most 100')
    value23 = value['total']
    if type(value23) is not int:
        raise Invalid(f"{pointer}/total", 'must be an integer')
    if value23 < 0:
        raise Invalid(f"{pointer}/total", 'must be at least 0')
    if value23 > 18446744073709551615:
        raise Invalid(f"{pointer}/total", 'must be at most 18446744073709551615')


def _pressure(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() <= _KEYS7:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS7))}")
    if 'some' in value:
        value19 = value['some']
        _stall(value19, f"{pointer}/some")
    if 'full' in value:
        value24 = value['full']
        _stall(value24, f"{pointer}/full")


def _amount(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() <= _KEYS11:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS11))}")
    if 'limit' in value:
        value40 = value['limit']
        if type(value40) is not int:
            raise Invalid(f"{pointer}/limit", 'must be an integer')
        if value40 < 0:
            raise Invalid(f"{pointer}/limit", 'must be at least 0')
        if value40 > 18446744073709551615:
            raise Invalid(f"{pointer}/limit", 'must be at most 18446744073709551615')
    if 'usage' in value:
        value41 = value['usage']
        if type(value41) is not int:
            raise Invalid(f"{pointer}/usage", 'must be an integer')
        if value41 < 0:
            raise Invalid(f"{pointer}/usage", 'must be at least 0')
        if value41 > 18446744073709551615:
            raise Invalid(f"{pointer}/usage", 'must be at most 18446744073709551615')
    if 'max' in value:
        value42 = value['max']
        if type(value42) is not int:
            raise Invalid(f"{pointer}/max", 'must be an integer')
        if value42 < 0:
            raise Invalid(f"{pointer}/max", 'must be at least 0')
        if value42 > 18446744073709551615:
            raise Invalid(f"{pointer}/max", 'must be at most 18446744073709551615')
    if 'failcnt' in value:
        value43 = value['failcnt']
        if type(value43) is not int:
            raise Invalid(f"{pointer}/failcnt", 'must be an integer')
        if value43 < 0:
            raise Invalid(f"{pointer}/failcnt", 'must be at least 0')
        if value43 > 18446744073709551615:
            raise Invalid(f"{pointer}/failcnt", 'must be at most 18446744073709551615')


def _devices(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index56, value57 in enumerate(value):
        if type(value57) is not dict:
            raise Invalid(f"{pointer}/{index56}", 'must be an object')
        if not value57.keys() >= _KEYS14:
            raise Invalid(f"{pointer}/{index56}", f"lacks {', '.join(sorted(_KEYS14 - value57.keys()))}")
        if not value57.keys() <= _KEYS15:
            raise Invalid(f"{pointer}/{index56}", f"has no member {', '.join(sorted(value57.keys() - _KEYS15))}")
        value58 = value57['major']
        if type(value58) is not int:
            raise Invalid(f"{pointer}/{index56}/major", 'must be an integer')
        if value58 < 0:
            raise Invalid(f"{pointer}/{index56}/major", 'must be at least 0')
        if value58 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index56}/major", 'must be at most 18446744073709551615')
        value59 = value57['minor']
        if type(value59) is not int:
            raise Invalid(f"{pointer}/{index56}/minor", 'must be an integer')
        if value59 < 0:
            raise Invalid(f"{pointer}/{index56}/minor", 'must be at least 0')
        if value59 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index56}/minor", 'must be at most 18446744073709551615')
        if 'op' in value57:
            value60 = value57['op']
            if type(value60) is not str:
                raise Invalid(f"{pointer}/{index56}/op", 'must be a string')
            if len(value60) < 1:
                raise Invalid(f"{pointer}/{index56}/op", 'must have at least 1 characters')
        value61 = value57['value']
        if type(value61) is not int:
            raise Invalid(f"{pointer}/{index56}/value", 'must be an integer')
        if value61 < 0:
            raise Invalid(f"{pointer}/{index56}/value", 'must be at least 0')
        if value61 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index56}/value", 'must be at most 18446744073709551615')


def validate(document: object) -> None:
    """Raises Invalid unless ``document`` follows the schema."""
    if type(document) is not dict:
        raise Invalid("", 'must be an object')
    if not document.keys() >= _KEYS1:
        raise Invalid("", f"lacks {', '.join(sorted(_KEYS1 - document.keys()))}")
    if not document.keys() <= _KEYS2:
        raise Invalid("", f"has no member {', '.join(sorted(document.keys() - _KEYS2))}")
    value1 = document['type']
    if not (type(value1) is str and value1 in ('stats', 'oom')):
        raise Invalid("/type", 'must be "stats" or "oom"')
    value2 = document['id']
    if type(value2) is not str:
        raise Invalid("/id", 'must be a string')
    if not 1 <= len(value2) <= 200 or value2.strip('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-'):
        raise Invalid("/id", f'must match ^[A-Za-z0-9_+.-]{{1,200}}$')
    if 'data' in document:
        value3 = document['data']
        if type(value3) is not dict:
            raise Invalid("/data", 'must be an object')
        if value3.keys() != _KEYS3:
            if not value3.keys() >= _KEYS3:
                raise Invalid("/data", f"lacks {', '.join(sorted(_KEYS3 - value3.keys()))}")
            raise Invalid("/data", f"has no member {', '.join(sorted(value3.keys() - _KEYS3))}")
        value4 = value3['cpu']
        if type(value4) is not dict:
            raise Invalid("/data/cpu", 'must be an object')
        if not value4.keys() <= _KEYS4:
            raise Invalid("/data/cpu", f"has no member {', '.join(sorted(value4.keys() - _KEYS4))}")
        if 'usage' in value4:
            value5 = value4['usage']
            if type(value5) is not dict:
                raise Invalid("/data/cpu/usage", 'must be an object')
            if not value5.keys() <= _KEYS5:
                raise Invalid("/data/cpu/usage", f"has no member {', '.join(sorted(value5.keys() - _KEYS5))}")
            if 'total' in value5:
                value6 = value5['total']
                if type(value6) is not int:
                    raise Invalid("/data/cpu/usage/total", 'must be an integer')
                if value6 < 0:
                    raise Invalid("/data/cpu/usage/total", 'must be at least 0')
                if value6 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/total", 'must be at most 18446744073709551615')
            if 'percpu' in value5:
                value7 = value5['percpu']
                _counts(value7, f"/data/cpu/usage/percpu")
            if 'percpu_kernel' in value5:
                value10 = value5['percpu_kernel']
                _counts(value10, f"/data/cpu/usage/percpu_kernel")
            if 'percpu_user' in value5:
                value11 = value5['percpu_user']
                _counts(value11, f"/data/cpu/usage/percpu_user")
            if 'kernel' in value5:
                value12 = value5['kernel']
                if type(value12) is not int:
                    raise Invalid("/data/cpu/usage/kernel", 'must be an integer')
                if value12 < 0:
                    raise Invalid("/data/cpu/usage/kernel", 'must be at least 0')
                if value12 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/kernel", 'must be at most 18446744073709551615')
            if 'user' in value5:
                value13 = value5['user']
                if type(value13) is not int:
                    raise Invalid("/data/cpu/usage/user", 'must be an integer')
                if value13 < 0:
                    raise Invalid("/data/cpu/usage/user", 'must be at least 0')
                if value13 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/user", 'must be at most 18446744073709551615')
        if 'throttling' in value4:
            value14 = value4['throttling']
            if type(value14) is not dict:
                raise Invalid("/data/cpu/throttling", 'must be an object')
            if not value14.keys() <= _KEYS6:
                raise Invalid("/data/cpu/throttling", f"has no member {', '.join(sorted(value14.keys() - _KEYS6))}")
            if 'periods' in value14:
                value15 = value14['periods']
                if type(value15) is not int:
                    raise Invalid("/data/cpu/throttling/periods", 'must be an integer')
                if value15 < 0:
                    raise Invalid("/data/cpu/throttling/periods", 'must be at least 0')
                if value15 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/periods", 'must be at most 18446744073709551615')
            if 'throttledPeriods' in value14:
                value16 = value14['throttledPeriods']
                if type(value16) is not int:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be an integer')
                if value16 < 0:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be at least 0')
                if value16 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be at most 18446744073709551615')
            if 'throttledTime' in value14:
                value17 = value14['throttledTime']
                if type(value17) is not int:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be an integer')
                if value17 < 0:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be at least 0')
                if value17 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be at most 18446744073709551615')
        if 'psi' in value4:
            value18 = value4['psi']
            _pressure(value18, f"/data/cpu/psi")
        value25 = value3['cpuset']
        if type(value25) is not dict:
            raise Invalid("/data/cpuset", 'must be an object')
        if not value25.keys() <= _KEYS9:
            raise Invalid("/data/cpuset", f"has no member {', '.join(sorted(value25.keys() - _KEYS9))}")
        if 'cpus' in value25:
            value26 = value25['cpus']
            _counts(value26, f"/data/cpuset/cpus")
        if 'mems' in value25:
            value27 = value25['mems']
            _counts(value27, f"/data/cpuset/mems")
        if 'cpu_exclusive' in value25:
            value28 = value25['cpu_exclusive']
            if type(value28) is not int:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be an integer')
            if value28 < 0:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be at least 0')
            if value28 > 18446744073709551615:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be at most 18446744073709551615')
        if 'mem_hardwall' in value25:
            value29 = value25['mem_hardwall']
            if type(value29) is not int:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be an integer')
            if value29 < 0:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be at least 0')
            if value29 > 18446744073709551615:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be at most 18446744073709551615')
        if 'mem_exclusive' in value25:
            value30 = value25['mem_exclusive']
            if type(value30) is not int:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be an integer')
            if value30 < 0:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be at least 0')
            if value30 > 18446744073709551615:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be at most 18446744073709551615')
        if 'memory_migrate' in value25:
            value31 = value25['memory_migrate']
            if type(value31) is not int:
                raise Invalid("/data/cpuset/memory_migrate", 'must be an integer')
            if value31 < 0:
                raise Invalid("/data/cpuset/memory_migrate", 'must be at least 0')
            if value31 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_migrate", 'must be at most 18446744073709551615')
        if 'memory_spread_page' in value25:
            value32 = value25['memory_spread_page']
            if type(value32) is not int:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be an integer')
            if value32 < 0:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be at least 0')
            if value32 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be at most 18446744073709551615')
        if 'memory_spread_slab' in value25:
            value33 = value25['memory_spread_slab']
            if type(value33) is not int:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be an integer')
            if value33 < 0:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be at least 0')
            if value33 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be at most 18446744073709551615')
        if 'memory_pressure' in value25:
            value34 = value25['memory_pressure']
            if type(value34) is not int:
                raise Invalid("/data/cpuset/memory_pressure", 'must be an integer')
            if value34 < 0:
                raise Invalid("/data/cpuset/memory_pressure", 'must be at least 0')
            if value34 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_pressure", 'must be at most 18446744073709551615')
        if 'sched_load_balance' in value25:
            value35 = value25['sched_load_balance']
            if type(value35) is not int:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be an integer')
            if value35 < 0:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be at least 0')
            if value35 > 18446744073709551615:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be at most 18446744073709551615')
        if 'sched_relax_domain_level' in value25:
            value36 = value25['sched_relax_domain_level']
            if type(value36) is not int:
                raise Invalid("/data/cpuset/sched_relax_domain_level", 'must be an integer')
            if value36 < -1:
                raise Invalid("/data/cpuset/sched_relax_domain_level", 'must be at least -1')
        value37 = value3['memory']
        if type(value37) is not dict:
            raise Invalid("/data/memory", 'must be an object')
        if not value37.keys() <= _KEYS10:
            raise Invalid("/data/memory", f"has no member {', '.join(sorted(value37.keys() - _KEYS10))}")
        if 'cache' in value37:
            value38 = value37['cache']
            if type(value38) is not int:
                raise Invalid("/data/memory/cache", 'must be an integer')
            if value38 < 0:
                raise Invalid("/data/memory/cache", 'must be at least 0')
            if value38 > 18446744073709551615:
                raise Invalid("/data/memory/cache", 'must be at most 18446744073709551615')
        if 'usage' in value37:
            value39 = value37['usage']
            _amount(value39, f"/data/memory/usage")
        if 'swap' in value37:
            value44 = value37['swap']
            _amount(value44, f"/data/memory/swap")
        if 'kernel' in value37:
            value45 = value37['kernel']
            _amount(value45, f"/data/memory/kernel")
        if 'kernelTCP' in value37:
            value46 = value37['kernelTCP']
            _amount(value46, f"/data/memory/kernelTCP")
        if 'raw' in value37:
            value47 = value37['raw']
            if type(value47) is not dict:
                raise Invalid("/data/memory/raw", 'must be an object')
            for key48, value49 in value47.items():
                if type(value49) is not int:
                    raise Invalid(f"/data/memory/raw/{escape(key48)}", 'must be an integer')
                if value49 < 0:
                    raise Invalid(f"/data/memory/raw/{escape(key48)}", 'must be at least 0')
                if value49 > 18446744073709551615:
                    raise Invalid(f"/data/memory/raw/{escape(key48)}", 'must be at most 18446744073709551615')
        if 'psi' in value37:
            value50 = value37['psi']
            _pressure(value50, f"/data/memory/psi")
        value51 = value3['pids']
        if type(value51) is not dict:
            raise Invalid("/data/pids", 'must be an object')
        if not value51.keys() <= _KEYS12:
            raise Invalid("/data/pids", f"has no member {', '.join(sorted(value51.keys() - _KEYS12))}")
        if 'current' in value51:
            value52 = value51['current']
            if type(value52) is not int:
                raise Invalid("/data/pids/current", 'must be an integer')
            if value52 < 0:
                raise Invalid("/data/pids/current", 'must be at least 0')
            if value52 > 18446744073709551615:
                raise Invalid("/data/pids/current", 'must be at most 18446744073709551615')
        if 'limit' in value51:
            value53 = value51['limit']
            if type(value53) is not int:
                raise Invalid("/data/pids/limit", 'must be an integer')
            if value53 < 0:
                raise Invalid("/data/pids/limit", 'must be at least 0')
            if value53 > 18446744073709551615:
                raise Invalid("/data/pids/limit", 'must be at most 18446744073709551615')
        value54 = value3['blkio']
        if type(value54) is not dict:
            raise Invalid("/data/blkio", 'must be an object')
        if not value54.keys() <= _KEYS13:
            raise Invalid("/data/blkio", f"has no member {', '.join(sorted(value54.keys() - _KEYS13))}")
        if 'ioServiceBytesRecursive' in value54:
            value55 = value54['ioServiceBytesRecursive']
            _devices(value55, f"/data/blkio/ioServiceBytesRecursive")
        if 'ioServicedRecursive' in value54:
            value62 = value54['ioServicedRecursive']
            _devices(value62, f"/data/blkio/ioServicedRecursive")
        if 'ioQueueRecursive' in value54:
            value63 = value54['ioQueueRecursive']
            _devices(value63, f"/data/blkio/ioQueueRecursive")
        if 'ioServiceTimeRecursive' in value54:
            value64 = value54['ioServiceTimeRecursive']
            _devices(value64, f"/data/blkio/ioServiceTimeRecursive")
        if 'ioWaitTimeRecursive' in value54:
            value65 = value54['ioWaitTimeRecursive']
            _devices(value65, f"/data/blkio/ioWaitTimeRecursive")
        if 'ioMergedRecursive' in value54:
            value66 = value54['ioMergedRecursive']
            _devices(value66, f"/data/blkio/ioMergedRecursive")
        if 'ioTimeRecursive' in value54:
            value67 = value54['ioTimeRecursive']
            _devices(value67, f"/data/blkio/ioTimeRecursive")
        if 'sectorsRecursive' in value54:
            value68 = value54['sectorsRecursive']
            _devices(value68, f"/data/blkio/sectorsRecursive")
        if 'psi' in value54:
            value69 = value54['psi']
            _pressure(value69, f"/data/blkio/psi")
        value70 = value3['hugetlb']
        if type(value70) is not dict:
            raise Invalid("/data/hugetlb", 'must be an object')
        for key71, value72 in value70.items():
            if type(value72) is not dict:
                raise Invalid(f"/data/hugetlb/{escape(key71)}", 'must be an object')
            if not value72.keys() <= _KEYS16:
                raise Invalid(f"/data/hugetlb/{escape(key71)}", f"has no member {', '.join(sorted(value72.keys() - _KEYS16))}")
            if 'usage' in value72:
                value73 = value72['usage']
                if type(value73) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/usage", 'must be an integer')
                if value73 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/usage", 'must be at least 0')
                if value73 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/usage", 'must be at most 18446744073709551615')
            if 'max' in value72:
                value74 = value72['max']
                if type(value74) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/max", 'must be an integer')
                if value74 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/max", 'must be at least 0')
                if value74 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/max", 'must be at most 18446744073709551615')
            if 'failcnt' in value72:
                value75 = value72['failcnt']
                if type(value75) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/failcnt", 'must be an integer')
                if value75 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/failcnt", 'must be at least 0')
                if value75 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key71)}/failcnt", 'must be at most 18446744073709551615')
        value76 = value3['intel_rdt']
        if type(value76) is not dict:
            raise Invalid("/data/intel_rdt", 'must be an object')
        value77 = value3['network_interfaces']
        if value77 is not None:
            if type(value77) is not list:
                raise Invalid("/data/network_interfaces", 'must be an array')
            for index78, value79 in enumerate(value77):
                if type(value79) is not dict:
                    raise Invalid(f"/data/network_interfaces/{index78}", 'must be an object')
                if value79.keys() != _KEYS17:
                    if not value79.keys() >= _KEYS17:
                        raise Invalid(f"/data/network_interfaces/{index78}", f"lacks {', '.join(sorted(_KEYS17 - value79.keys()))}")
                    raise Invalid(f"/data/network_interfaces/{index78}", f"has no member {', '.join(sorted(value79.keys() - _KEYS17))}")
                value80 = value79['Name']
                if type(value80) is not str:
                    raise Invalid(f"/data/network_interfaces/{index78}/Name", 'must be a string')
                if len(value80) < 1:
                    raise Invalid(f"/data/network_interfaces/{index78}/Name", 'must have at least 1 characters')
                value81 = value79['RxBytes']
                if type(value81) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be an integer')
                if value81 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be at least 0')
                if value81 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be at most 18446744073709551615')
                value82 = value79['RxPackets']
                if type(value82) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be an integer')
                if value82 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be at least 0')
                if value82 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be at most 18446744073709551615')
                value83 = value79['RxErrors']
                if type(value83) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be an integer')
                if value83 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be at least 0')
                if value83 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be at most 18446744073709551615')
                value84 = value79['RxDropped']
                if type(value84) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be an integer')
                if value84 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be at least 0')
                if value84 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be at most 18446744073709551615')
                value85 = value79['TxBytes']
                if type(value85) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be an integer')
                if value85 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be at least 0')
                if value85 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be at most 18446744073709551615')
                value86 = value79['TxPackets']
                if type(value86) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be an integer')
                if value86 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be at least 0')
                if value86 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be at most 18446744073709551615')
                value87 = value79['TxErrors']
                if type(value87) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be an integer')
                if value87 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be at least 0')
                if value87 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be at most 18446744073709551615')
                value88 = value79['TxDropped']
                if type(value88) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be an integer')
                if value88 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be at least 0')
                if value88 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be at most 18446744073709551615')
