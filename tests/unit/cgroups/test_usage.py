"""The few numbers that are asked for again and again, from the files of both versions."""

from __future__ import annotations

from runtime.cgroups.usage import Usage, of_v1, of_v2

V1 = {
    ("cpuacct", "cpuacct.usage"): "3000000000\n",
    ("cpuacct", "cpuacct.stat"): "user 200\nsystem 100\n",
    ("memory", "memory.usage_in_bytes"): "300\n",
    ("memory", "memory.stat"): "cache 200\ninactive_file 1\ntotal_inactive_file 50\n",
    ("memory", "memory.limit_in_bytes"): "9223372036854771712\n",
    ("pids", "pids.current"): "3\n",
}
V2 = {
    "cpu.stat": "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\n",
    "memory.current": "300\n",
    "memory.stat": "anon 100\nfile 200\ninactive_file 50\n",
    "memory.max": "max\n",
    "pids.current": "3\n",
}
EXPECTED = Usage(3.0, 2.0, 1.0, 300, 250, None, 3, 2)
UNKNOWN = Usage(None, None, None, None, None, None, None, None)


def read_v1(files: dict[tuple[str, str], str]):
    return lambda controller, file: files.get((controller, file))


def test_both_versions_tell_the_same():
    assert of_v1(read_v1(V1), 2) == EXPECTED
    assert of_v2(V2.get, 2) == EXPECTED


def test_a_limit_is_told():
    assert of_v1(read_v1({**V1, ("memory", "memory.limit_in_bytes"): "1000\n"}), 2).memory_limit_bytes == 1000
    assert of_v2({**V2, "memory.max": "1000\n"}.get, 2).memory_limit_bytes == 1000


def test_what_nothing_counts_is_unknown():
    assert of_v1(read_v1({}), None) == UNKNOWN
    assert of_v2({}.get, None) == UNKNOWN


def test_a_working_set_is_never_less_than_nothing():
    assert of_v1(read_v1({**V1, ("memory", "memory.usage_in_bytes"): "40\n"}), 2).working_set_bytes == 0
    assert of_v2({**V2, "memory.current": "40\n"}.get, 2).working_set_bytes == 0
