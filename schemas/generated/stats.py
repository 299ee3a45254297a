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
    for index15, value16 in enumerate(value):
        if type(value16) is not int:
            raise Invalid(f"{pointer}/{index15}", 'must be an integer')
        if value16 < 0:
            raise Invalid(f"{pointer}/{index15}", 'must be at least 0')
        if value16 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index15}", 'must be at most 18446744073709551615')


def _stall(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if len(value) == 4:
        try:
            value27 = value['avg10']
            value28 = value['avg60']
            value29 = value['avg300']
            value30 = value['total']
        except KeyError:
            raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS8 - value.keys()))}") from None
    elif not value.keys() >= _KEYS8:
        raise Invalid(f"{pointer}", f"lacks {', '.join(sorted(_KEYS8 - value.keys()))}")
    else:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS8))}")
    if not ((type(value27) is int or type(value27) is float)):
        raise Invalid(f"{pointer}/avg10", 'must be a number')
    if value27 < 0:
        raise Invalid(f"{pointer}/avg10", 'must be at least 0')
    if value27 > 100:
        raise Invalid(f"{pointer}/avg10", 'must be at most 100')
    if not ((type(value28) is int or type(value28) is float)):
        raise Invalid(f"{pointer}/avg60", 'must be a number')
    if value28 < 0:
        raise Invalid(f"{pointer}/avg60", 'must be at least 0')
    if value28 > 100:
        raise Invalid(f"{pointer}/avg60", 'must be at most 100')
    if not ((type(value29) is int or type(value29) is float)):
        raise Invalid(f"{pointer}/avg300", 'must be a number')
    if value29 < 0:
        raise Invalid(f"{pointer}/avg300", 'must be at least 0')
    if value29 > 100:
        raise Invalid(f"{pointer}/avg300", 'must be at most 100')
    if type(value30) is not int:
        raise Invalid(f"{pointer}/total", 'must be an integer')
    if value30 < 0:
        raise Invalid(f"{pointer}/total", 'must be at least 0')
    if value30 > 18446744073709551615:
        raise Invalid(f"{pointer}/total", 'must be at most 18446744073709551615')


def _pressure(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() <= _KEYS7:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS7))}")
    if 'some' in value:
        value26 = value['some']
        _stall(value26, f"{pointer}/some")
    if 'full' in value:
        value31 = value['full']
        _stall(value31, f"{pointer}/full")


def _amount(value: object, pointer: str) -> None:
    if type(value) is not dict:
        raise Invalid(f"{pointer}", 'must be an object')
    if not value.keys() <= _KEYS11:
        raise Invalid(f"{pointer}", f"has no member {', '.join(sorted(value.keys() - _KEYS11))}")
    if 'limit' in value:
        value45 = value['limit']
        if type(value45) is not int:
            raise Invalid(f"{pointer}/limit", 'must be an integer')
        if value45 < 0:
            raise Invalid(f"{pointer}/limit", 'must be at least 0')
        if value45 > 18446744073709551615:
            raise Invalid(f"{pointer}/limit", 'must be at most 18446744073709551615')
    if 'usage' in value:
        value46 = value['usage']
        if type(value46) is not int:
            raise Invalid(f"{pointer}/usage", 'must be an integer')
        if value46 < 0:
            raise Invalid(f"{pointer}/usage", 'must be at least 0')
        if value46 > 18446744073709551615:
            raise Invalid(f"{pointer}/usage", 'must be at most 18446744073709551615')
    if 'max' in value:
        value47 = value['max']
        if type(value47) is not int:
            raise Invalid(f"{pointer}/max", 'must be an integer')
        if value47 < 0:
            raise Invalid(f"{pointer}/max", 'must be at least 0')
        if value47 > 18446744073709551615:
            raise Invalid(f"{pointer}/max", 'must be at most 18446744073709551615')
    if 'failcnt' in value:
        value48 = value['failcnt']
        if type(value48) is not int:
            raise Invalid(f"{pointer}/failcnt", 'must be an integer')
        if value48 < 0:
            raise Invalid(f"{pointer}/failcnt", 'must be at least 0')
        if value48 > 18446744073709551615:
            raise Invalid(f"{pointer}/failcnt", 'must be at most 18446744073709551615')


def _devices(value: object, pointer: str) -> None:
    if type(value) is not list:
        raise Invalid(f"{pointer}", 'must be an array')
    for index59, value60 in enumerate(value):
        if type(value60) is not dict:
            raise Invalid(f"{pointer}/{index59}", 'must be an object')
        if not value60.keys() >= _KEYS14:
            raise Invalid(f"{pointer}/{index59}", f"lacks {', '.join(sorted(_KEYS14 - value60.keys()))}")
        if not value60.keys() <= _KEYS15:
            raise Invalid(f"{pointer}/{index59}", f"has no member {', '.join(sorted(value60.keys() - _KEYS15))}")
        value61 = value60['major']
        if type(value61) is not int:
            raise Invalid(f"{pointer}/{index59}/major", 'must be an integer')
        if value61 < 0:
            raise Invalid(f"{pointer}/{index59}/major", 'must be at least 0')
        if value61 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index59}/major", 'must be at most 18446744073709551615')
        value62 = value60['minor']
        if type(value62) is not int:
            raise Invalid(f"{pointer}/{index59}/minor", 'must be an integer')
        if value62 < 0:
            raise Invalid(f"{pointer}/{index59}/minor", 'must be at least 0')
        if value62 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index59}/minor", 'must be at most 18446744073709551615')
        if 'op' in value60:
            value63 = value60['op']
            if type(value63) is not str:
                raise Invalid(f"{pointer}/{index59}/op", 'must be a string')
            if len(value63) < 1:
                raise Invalid(f"{pointer}/{index59}/op", 'must have at least 1 characters')
        value64 = value60['value']
        if type(value64) is not int:
            raise Invalid(f"{pointer}/{index59}/value", 'must be an integer')
        if value64 < 0:
            raise Invalid(f"{pointer}/{index59}/value", 'must be at least 0')
        if value64 > 18446744073709551615:
            raise Invalid(f"{pointer}/{index59}/value", 'must be at most 18446744073709551615')


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
        if len(value3) == 8:
            try:
                value4 = value3['cpu']
                value5 = value3['cpuset']
                value6 = value3['memory']
                value7 = value3['pids']
                value8 = value3['blkio']
                value9 = value3['hugetlb']
                value10 = value3['intel_rdt']
                value11 = value3['network_interfaces']
            except KeyError:
                raise Invalid("/data", f"lacks {', '.join(sorted(_KEYS3 - value3.keys()))}") from None
        elif not value3.keys() >= _KEYS3:
            raise Invalid("/data", f"lacks {', '.join(sorted(_KEYS3 - value3.keys()))}")
        else:
            raise Invalid("/data", f"has no member {', '.join(sorted(value3.keys() - _KEYS3))}")
        if type(value4) is not dict:
            raise Invalid("/data/cpu", 'must be an object')
        if not value4.keys() <= _KEYS4:
            raise Invalid("/data/cpu", f"has no member {', '.join(sorted(value4.keys() - _KEYS4))}")
        if 'usage' in value4:
            value12 = value4['usage']
            if type(value12) is not dict:
                raise Invalid("/data/cpu/usage", 'must be an object')
            if not value12.keys() <= _KEYS5:
                raise Invalid("/data/cpu/usage", f"has no member {', '.join(sorted(value12.keys() - _KEYS5))}")
            if 'total' in value12:
                value13 = value12['total']
                if type(value13) is not int:
                    raise Invalid("/data/cpu/usage/total", 'must be an integer')
                if value13 < 0:
                    raise Invalid("/data/cpu/usage/total", 'must be at least 0')
                if value13 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/total", 'must be at most 18446744073709551615')
            if 'percpu' in value12:
                value14 = value12['percpu']
                _counts(value14, f"/data/cpu/usage/percpu")
            if 'percpu_kernel' in value12:
                value17 = value12['percpu_kernel']
                _counts(value17, f"/data/cpu/usage/percpu_kernel")
            if 'percpu_user' in value12:
                value18 = value12['percpu_user']
                _counts(value18, f"/data/cpu/usage/percpu_user")
            if 'kernel' in value12:
                value19 = value12['kernel']
                if type(value19) is not int:
                    raise Invalid("/data/cpu/usage/kernel", 'must be an integer')
                if value19 < 0:
                    raise Invalid("/data/cpu/usage/kernel", 'must be at least 0')
                if value19 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/kernel", 'must be at most 18446744073709551615')
            if 'user' in value12:
                value20 = value12['user']
                if type(value20) is not int:
                    raise Invalid("/data/cpu/usage/user", 'must be an integer')
                if value20 < 0:
                    raise Invalid("/data/cpu/usage/user", 'must be at least 0')
                if value20 > 18446744073709551615:
                    raise Invalid("/data/cpu/usage/user", 'must be at most 18446744073709551615')
        if 'throttling' in value4:
            value21 = value4['throttling']
            if type(value21) is not dict:
                raise Invalid("/data/cpu/throttling", 'must be an object')
            if not value21.keys() <= _KEYS6:
                raise Invalid("/data/cpu/throttling", f"has no member {', '.join(sorted(value21.keys() - _KEYS6))}")
            if 'periods' in value21:
                value22 = value21['periods']
                if type(value22) is not int:
                    raise Invalid("/data/cpu/throttling/periods", 'must be an integer')
                if value22 < 0:
                    raise Invalid("/data/cpu/throttling/periods", 'must be at least 0')
                if value22 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/periods", 'must be at most 18446744073709551615')
            if 'throttledPeriods' in value21:
                value23 = value21['throttledPeriods']
                if type(value23) is not int:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be an integer')
                if value23 < 0:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be at least 0')
                if value23 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/throttledPeriods", 'must be at most 18446744073709551615')
            if 'throttledTime' in value21:
                value24 = value21['throttledTime']
                if type(value24) is not int:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be an integer')
                if value24 < 0:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be at least 0')
                if value24 > 18446744073709551615:
                    raise Invalid("/data/cpu/throttling/throttledTime", 'must be at most 18446744073709551615')
        if 'psi' in value4:
            value25 = value4['psi']
            _pressure(value25, f"/data/cpu/psi")
        if type(value5) is not dict:
            raise Invalid("/data/cpuset", 'must be an object')
        if not value5.keys() <= _KEYS9:
            raise Invalid("/data/cpuset", f"has no member {', '.join(sorted(value5.keys() - _KEYS9))}")
        if 'cpus' in value5:
            value32 = value5['cpus']
            _counts(value32, f"/data/cpuset/cpus")
        if 'mems' in value5:
            value33 = value5['mems']
            _counts(value33, f"/data/cpuset/mems")
        if 'cpu_exclusive' in value5:
            value34 = value5['cpu_exclusive']
            if type(value34) is not int:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be an integer')
            if value34 < 0:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be at least 0')
            if value34 > 18446744073709551615:
                raise Invalid("/data/cpuset/cpu_exclusive", 'must be at most 18446744073709551615')
        if 'mem_hardwall' in value5:
            value35 = value5['mem_hardwall']
            if type(value35) is not int:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be an integer')
            if value35 < 0:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be at least 0')
            if value35 > 18446744073709551615:
                raise Invalid("/data/cpuset/mem_hardwall", 'must be at most 18446744073709551615')
        if 'mem_exclusive' in value5:
            value36 = value5['mem_exclusive']
            if type(value36) is not int:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be an integer')
            if value36 < 0:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be at least 0')
            if value36 > 18446744073709551615:
                raise Invalid("/data/cpuset/mem_exclusive", 'must be at most 18446744073709551615')
        if 'memory_migrate' in value5:
            value37 = value5['memory_migrate']
            if type(value37) is not int:
                raise Invalid("/data/cpuset/memory_migrate", 'must be an integer')
            if value37 < 0:
                raise Invalid("/data/cpuset/memory_migrate", 'must be at least 0')
            if value37 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_migrate", 'must be at most 18446744073709551615')
        if 'memory_spread_page' in value5:
            value38 = value5['memory_spread_page']
            if type(value38) is not int:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be an integer')
            if value38 < 0:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be at least 0')
            if value38 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_spread_page", 'must be at most 18446744073709551615')
        if 'memory_spread_slab' in value5:
            value39 = value5['memory_spread_slab']
            if type(value39) is not int:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be an integer')
            if value39 < 0:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be at least 0')
            if value39 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_spread_slab", 'must be at most 18446744073709551615')
        if 'memory_pressure' in value5:
            value40 = value5['memory_pressure']
            if type(value40) is not int:
                raise Invalid("/data/cpuset/memory_pressure", 'must be an integer')
            if value40 < 0:
                raise Invalid("/data/cpuset/memory_pressure", 'must be at least 0')
            if value40 > 18446744073709551615:
                raise Invalid("/data/cpuset/memory_pressure", 'must be at most 18446744073709551615')
        if 'sched_load_balance' in value5:
            value41 = value5['sched_load_balance']
            if type(value41) is not int:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be an integer')
            if value41 < 0:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be at least 0')
            if value41 > 18446744073709551615:
                raise Invalid("/data/cpuset/sched_load_balance", 'must be at most 18446744073709551615')
        if 'sched_relax_domain_level' in value5:
            value42 = value5['sched_relax_domain_level']
            if type(value42) is not int:
                raise Invalid("/data/cpuset/sched_relax_domain_level", 'must be an integer')
            if value42 < -1:
                raise Invalid("/data/cpuset/sched_relax_domain_level", 'must be at least -1')
        if type(value6) is not dict:
            raise Invalid("/data/memory", 'must be an object')
        if not value6.keys() <= _KEYS10:
            raise Invalid("/data/memory", f"has no member {', '.join(sorted(value6.keys() - _KEYS10))}")
        if 'cache' in value6:
            value43 = value6['cache']
            if type(value43) is not int:
                raise Invalid("/data/memory/cache", 'must be an integer')
            if value43 < 0:
                raise Invalid("/data/memory/cache", 'must be at least 0')
            if value43 > 18446744073709551615:
                raise Invalid("/data/memory/cache", 'must be at most 18446744073709551615')
        if 'usage' in value6:
            value44 = value6['usage']
            _amount(value44, f"/data/memory/usage")
        if 'swap' in value6:
            value49 = value6['swap']
            _amount(value49, f"/data/memory/swap")
        if 'kernel' in value6:
            value50 = value6['kernel']
            _amount(value50, f"/data/memory/kernel")
        if 'kernelTCP' in value6:
            value51 = value6['kernelTCP']
            _amount(value51, f"/data/memory/kernelTCP")
        if 'raw' in value6:
            value52 = value6['raw']
            if type(value52) is not dict:
                raise Invalid("/data/memory/raw", 'must be an object')
            for key53, value54 in value52.items():
                if type(value54) is not int:
                    raise Invalid(f"/data/memory/raw/{escape(key53)}", 'must be an integer')
                if value54 < 0:
                    raise Invalid(f"/data/memory/raw/{escape(key53)}", 'must be at least 0')
                if value54 > 18446744073709551615:
                    raise Invalid(f"/data/memory/raw/{escape(key53)}", 'must be at most 18446744073709551615')
        if 'psi' in value6:
            value55 = value6['psi']
            _pressure(value55, f"/data/memory/psi")
        if type(value7) is not dict:
            raise Invalid("/data/pids", 'must be an object')
        if not value7.keys() <= _KEYS12:
            raise Invalid("/data/pids", f"has no member {', '.join(sorted(value7.keys() - _KEYS12))}")
        if 'current' in value7:
            value56 = value7['current']
            if type(value56) is not int:
                raise Invalid("/data/pids/current", 'must be an integer')
            if value56 < 0:
                raise Invalid("/data/pids/current", 'must be at least 0')
            if value56 > 18446744073709551615:
                raise Invalid("/data/pids/current", 'must be at most 18446744073709551615')
        if 'limit' in value7:
            value57 = value7['limit']
            if type(value57) is not int:
                raise Invalid("/data/pids/limit", 'must be an integer')
            if value57 < 0:
                raise Invalid("/data/pids/limit", 'must be at least 0')
            if value57 > 18446744073709551615:
                raise Invalid("/data/pids/limit", 'must be at most 18446744073709551615')
        if type(value8) is not dict:
            raise Invalid("/data/blkio", 'must be an object')
        if not value8.keys() <= _KEYS13:
            raise Invalid("/data/blkio", f"has no member {', '.join(sorted(value8.keys() - _KEYS13))}")
        if 'ioServiceBytesRecursive' in value8:
            value58 = value8['ioServiceBytesRecursive']
            _devices(value58, f"/data/blkio/ioServiceBytesRecursive")
        if 'ioServicedRecursive' in value8:
            value65 = value8['ioServicedRecursive']
            _devices(value65, f"/data/blkio/ioServicedRecursive")
        if 'ioQueueRecursive' in value8:
            value66 = value8['ioQueueRecursive']
            _devices(value66, f"/data/blkio/ioQueueRecursive")
        if 'ioServiceTimeRecursive' in value8:
            value67 = value8['ioServiceTimeRecursive']
            _devices(value67, f"/data/blkio/ioServiceTimeRecursive")
        if 'ioWaitTimeRecursive' in value8:
            value68 = value8['ioWaitTimeRecursive']
            _devices(value68, f"/data/blkio/ioWaitTimeRecursive")
        if 'ioMergedRecursive' in value8:
            value69 = value8['ioMergedRecursive']
            _devices(value69, f"/data/blkio/ioMergedRecursive")
        if 'ioTimeRecursive' in value8:
            value70 = value8['ioTimeRecursive']
            _devices(value70, f"/data/blkio/ioTimeRecursive")
        if 'sectorsRecursive' in value8:
            value71 = value8['sectorsRecursive']
            _devices(value71, f"/data/blkio/sectorsRecursive")
        if 'psi' in value8:
            value72 = value8['psi']
            _pressure(value72, f"/data/blkio/psi")
        if type(value9) is not dict:
            raise Invalid("/data/hugetlb", 'must be an object')
        for key73, value74 in value9.items():
            if type(value74) is not dict:
                raise Invalid(f"/data/hugetlb/{escape(key73)}", 'must be an object')
            if not value74.keys() <= _KEYS16:
                raise Invalid(f"/data/hugetlb/{escape(key73)}", f"has no member {', '.join(sorted(value74.keys() - _KEYS16))}")
            if 'usage' in value74:
                value75 = value74['usage']
                if type(value75) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/usage", 'must be an integer')
                if value75 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/usage", 'must be at least 0')
                if value75 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/usage", 'must be at most 18446744073709551615')
            if 'max' in value74:
                value76 = value74['max']
                if type(value76) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/max", 'must be an integer')
                if value76 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/max", 'must be at least 0')
                if value76 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/max", 'must be at most 18446744073709551615')
            if 'failcnt' in value74:
                value77 = value74['failcnt']
                if type(value77) is not int:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/failcnt", 'must be an integer')
                if value77 < 0:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/failcnt", 'must be at least 0')
                if value77 > 18446744073709551615:
                    raise Invalid(f"/data/hugetlb/{escape(key73)}/failcnt", 'must be at most 18446744073709551615')
        if type(value10) is not dict:
            raise Invalid("/data/intel_rdt", 'must be an object')
        if value11 is not None:
            if type(value11) is not list:
                raise Invalid("/data/network_interfaces", 'must be an array')
            for index78, value79 in enumerate(value11):
                if type(value79) is not dict:
                    raise Invalid(f"/data/network_interfaces/{index78}", 'must be an object')
                if len(value79) == 9:
                    try:
                        value80 = value79['Name']
                        value81 = value79['RxBytes']
                        value82 = value79['RxPackets']
                        value83 = value79['RxErrors']
                        value84 = value79['RxDropped']
                        value85 = value79['TxBytes']
                        value86 = value79['TxPackets']
                        value87 = value79['TxErrors']
                        value88 = value79['TxDropped']
                    except KeyError:
                        raise Invalid(f"/data/network_interfaces/{index78}", f"lacks {', '.join(sorted(_KEYS17 - value79.keys()))}") from None
                elif not value79.keys() >= _KEYS17:
                    raise Invalid(f"/data/network_interfaces/{index78}", f"lacks {', '.join(sorted(_KEYS17 - value79.keys()))}")
                else:
                    raise Invalid(f"/data/network_interfaces/{index78}", f"has no member {', '.join(sorted(value79.keys() - _KEYS17))}")
                if type(value80) is not str:
                    raise Invalid(f"/data/network_interfaces/{index78}/Name", 'must be a string')
                if len(value80) < 1:
                    raise Invalid(f"/data/network_interfaces/{index78}/Name", 'must have at least 1 characters')
                if type(value81) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be an integer')
                if value81 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be at least 0')
                if value81 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxBytes", 'must be at most 18446744073709551615')
                if type(value82) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be an integer')
                if value82 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be at least 0')
                if value82 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxPackets", 'must be at most 18446744073709551615')
                if type(value83) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be an integer')
                if value83 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be at least 0')
                if value83 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxErrors", 'must be at most 18446744073709551615')
                if type(value84) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be an integer')
                if value84 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be at least 0')
                if value84 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/RxDropped", 'must be at most 18446744073709551615')
                if type(value85) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be an integer')
                if value85 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be at least 0')
                if value85 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxBytes", 'must be at most 18446744073709551615')
                if type(value86) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be an integer')
                if value86 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be at least 0')
                if value86 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxPackets", 'must be at most 18446744073709551615')
                if type(value87) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be an integer')
                if value87 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be at least 0')
                if value87 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxErrors", 'must be at most 18446744073709551615')
                if type(value88) is not int:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be an integer')
                if value88 < 0:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be at least 0')
                if value88 > 18446744073709551615:
                    raise Invalid(f"/data/network_interfaces/{index78}/TxDropped", 'must be at most 18446744073709551615')
