"""Hypothesis strategies for config.json: valid ones, and ones with something changed at random places."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from runtime.spec.default import default_config
from tests.support.bundles import overlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    Place = tuple[str | int, ...]

UINT32 = st.integers(0, (1 << 32) - 1)
UINT64 = st.integers(0, (1 << 64) - 1)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
LIMIT = st.integers(-1, (1 << 63) - 1)
USER_ID = st.integers(0, (1 << 32) - 2)

# text that can be passed on to the kernel: no NUL, no half of a surrogate pair
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
absolute_paths = words.map(lambda text: "/" + text)
environments = st.lists(st.builds("{}={}".format, words.filter(lambda name: "=" not in name), words), max_size=3)
hook_lists = st.lists(
    st.fixed_dictionaries(
        {"path": absolute_paths},
        optional={"args": st.lists(words, max_size=3), "env": environments, "timeout": st.integers(1, 600)},
    ),
    max_size=2,
)
RLIMITS = ("RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_STACK")


@st.composite
def _rlimits(draw: st.DrawFn) -> list[dict[str, Any]]:
    kinds = draw(st.lists(st.sampled_from(RLIMITS), unique=True))
    pairs = [sorted((draw(UINT64), draw(UINT64))) for _ in kinds]
    return [{"type": kind, "soft": soft, "hard": hard} for kind, (soft, hard) in zip(kinds, pairs, strict=True)]


@st.composite
def _memory(draw: st.DrawFn) -> dict[str, int]:
    """Swap, which counts memory too, is at least the limit; beside no limit there is none for it either."""
    memory = draw(st.dictionaries(st.sampled_from(["limit", "reservation", "swap"]), LIMIT))
    if "limit" in memory and memory.get("swap", 0) > 0:
        memory["swap"] = -1 if memory["limit"] == -1 else max(memory["limit"], memory["swap"])
    return memory


_processes = st.fixed_dictionaries(
    {"args": st.lists(words, min_size=1, max_size=3), "cwd": absolute_paths},
    optional={
        "terminal": st.booleans(),
        "consoleSize": st.fixed_dictionaries({"height": st.integers(0, 65535), "width": st.integers(0, 65535)}),
        "env": environments,
        "rlimits": _rlimits(),
        "noNewPrivileges": st.booleans(),
        "oomScoreAdj": st.integers(-1000, 1000),
        "apparmorProfile": st.just(""),
        "scheduler": st.one_of(
            st.fixed_dictionaries(
                {"policy": st.sampled_from(["SCHED_OTHER", "SCHED_BATCH"]), "nice": st.integers(-20, 19)}
            ),
            st.fixed_dictionaries(
                {"policy": st.sampled_from(["SCHED_FIFO", "SCHED_RR"]), "priority": st.integers(1, 99)}
            ),
            st.fixed_dictionaries({"policy": st.just("SCHED_DEADLINE"), "runtime": UINT64, "period": UINT64}),
        ),
        "ioPriority": st.fixed_dictionaries(
            {"class": st.sampled_from(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_IDLE"]), "priority": st.integers(0, 7)}
        ),
        "execCPUAffinity": st.dictionaries(st.sampled_from(["initial", "final"]), st.sampled_from(["", "0", "0-3,7"])),
        "capabilities": st.dictionaries(st.sampled_from(["bounding", "effective", "ambient"]), st.lists(words)),
    },
)
_mounts = st.one_of(
    st.fixed_dictionaries(
        {"destination": absolute_paths, "source": absolute_paths, "options": st.just(["rbind", "ro"])}
    ),
    st.fixed_dictionaries({"destination": words, "type": st.sampled_from(["tmpfs", "proc"])}),
    st.fixed_dictionaries({"destination": absolute_paths, "options": st.just(["rslave"])}),
    st.fixed_dictionaries(
        {
            "destination": absolute_paths,
            "source": absolute_paths,
            "options": st.just(["bind", "ridmap"]),
            "uidMappings": st.just([{"containerID": 0, "hostID": 1000, "size": 10}]),
            "gidMappings": st.just([{"containerID": 0, "hostID": 2000, "size": 10}]),
        }
    ),
)
_resources = st.fixed_dictionaries(
    {},
    optional={
        "memory": _memory(),
        "cpu": st.fixed_dictionaries({}, optional={"shares": UINT64, "quota": st.integers(-1, 0), "period": UINT64}),
        "pids": st.fixed_dictionaries({"limit": INT64}),
        "unified": st.dictionaries(st.sampled_from(["memory.high", "io.max", "x.y"]), words),
        "hugepageLimits": st.lists(
            st.fixed_dictionaries({"pageSize": st.sampled_from(["64KB", "2MB", "1GB"]), "limit": UINT64}), max_size=2
        ),
        "devices": st.lists(
            st.fixed_dictionaries(
                {"allow": st.booleans()},
                optional={"type": st.sampled_from("abc"), "major": st.integers(-1, 300), "access": st.just("rw")},
            ),
            max_size=3,
        ),
        "blockIO": st.fixed_dictionaries({}, optional={"weight": st.integers(0, 65535)}),
        "rdma": st.dictionaries(words, st.fixed_dictionaries({"hcaHandles": UINT32}), max_size=1),
    },
)
_linux = st.fixed_dictionaries(
    {},
    optional={
        "resources": _resources,
        "cgroupsPath": st.sampled_from(["", "/a/b", "a", "system.slice:runf:x"]),
        "sysctl": st.dictionaries(st.sampled_from(["kernel.shmmax", "kernel/msgmax", "fs.mqueue.msg_max"]), words),
        "maskedPaths": st.lists(absolute_paths, max_size=3),
        "memoryPolicy": st.sampled_from(
            [{"mode": "MPOL_LOCAL"}, {"mode": "MPOL_PREFERRED"}, {"mode": "MPOL_BIND", "nodes": "0-3,7"}]
        ),
        "personality": st.fixed_dictionaries({"domain": st.sampled_from(["LINUX", "LINUX32"])}),
        "rootfsPropagation": st.sampled_from(["private", "rslave"]),
        "devices": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from("cb"),
                    "path": absolute_paths,
                    "major": st.integers(0, 4095),
                    "minor": st.integers(0, 1048575),
                },
                optional={"fileMode": UINT32, "uid": USER_ID},
            ),
            max_size=2,
            unique_by=lambda device: str(cast("dict[str, Any]", device)["path"]),
        ),
    },
)
_changes = st.fixed_dictionaries(
    {"process": _processes},
    optional={
        "mounts": st.lists(_mounts, max_size=4),
        "linux": _linux,
        "hostname": st.text("abc.-", max_size=64),
        "hooks": st.dictionaries(st.sampled_from(["prestart", "createRuntime", "poststop"]), hook_lists, max_size=2),
        "annotations": st.dictionaries(words, st.text(), max_size=3),
        "windows": st.just({"layerFolders": None}),
    },
)


@st.composite
def valid_configs(draw: st.DrawFn) -> dict[str, Any]:
    """Configurations that this runtime accepts."""
    base = default_config(rootless=draw(st.booleans()), uid=1000, gid=1000, host_userland=False)
    return overlay(cast("dict[str, Any]", base), draw(_changes))


HARMLESS = ("env", "noNewPrivileges", "oomScoreAdj", "capabilities", "apparmorProfile", "consoleSize")


@st.composite
def creatable_configs(draw: st.DrawFn) -> dict[str, Any]:
    """Configurations of which this machine can make a container, or nearly: a few members are changed."""
    base = default_config(rootless=draw(st.booleans()), uid=0, gid=0, host_userland=True, terminal=False)
    changes = draw(_changes)
    for mount in changes.get("mounts", ()):
        if "source" in mount:
            mount["source"] = draw(st.sampled_from(["/usr", "/etc", "/dev/null", "/proc"]))
    # a program, a directory or a terminal that isn't there stops nearly every create
    changes["process"] = {name: value for name, value in changes["process"].items() if name in HARMLESS}
    for name in draw(st.sets(st.sampled_from(sorted(changes)))):
        del changes[name]
    return overlay(cast("dict[str, Any]", base), changes)


_odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-2, -1, 0, 1, 7, 65536, 1 << 32, 1 << 64, 1.5, 2.0]),
    st.sampled_from(["", "/", "..", "a/../b", "\0", "\ud800", "=", "1.9.0-rc.1", "2.0.0", "idmap", "user", "x" * 5000]),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
# what a default configuration has no place for
_odd_members = st.sampled_from(
    [
        ("process", "scheduler"),
        ("process", "selinuxLabel"),
        ("process", "user"),
        ("process", "rlimits"),
        ("linux", "seccomp"),
        ("linux", "uidMappings"),
        ("linux", "gidMappings"),
        ("linux", "intelRdt"),
        ("linux", "timeOffsets"),
        ("linux", "sysctl"),
        ("linux", "resources"),
        ("vm",),
        ("hooks",),
    ]
)


@st.composite
def mutated_configs(draw: st.DrawFn, valid: st.SearchStrategy[dict[str, Any]] | None = None) -> Any:
    """Configurations of which up to three places were replaced, removed, repeated or added; ``valid`` makes them."""
    document: Any = draw(valid_configs() if valid is None else valid)
    for _ in range(draw(st.integers(1 if valid is None else 0, 3))):
        document = _mutate(draw, document)
    return document


def _mutate(draw: st.DrawFn, document: Any) -> Any:
    places = list(_places(document))
    place = draw(st.one_of(st.sampled_from(places), _odd_members))
    value = draw(st.one_of(_odd_values, st.sampled_from(places).map(lambda other: _value_at(document, other))))
    if not place:
        return draw(st.one_of(st.just(document), _odd_values))
    changed = copy.deepcopy(document)
    parent = _value_at(changed, place[:-1])
    match parent, place[-1]:
        case dict(), str() as key:
            if draw(st.booleans()):
                parent[key] = copy.deepcopy(value)
            else:
                parent.pop(key, None)
        case list(), int() as index:
            parent[index : index + draw(st.integers(0, 1))] = [copy.deepcopy(value)] * draw(st.integers(0, 2))
        case _:
            pass  # an odd member whose parent another mutation has taken away
    return changed


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*place, index))


def _value_at(document: Any, place: Place) -> Any:
    """The value at ``place``; None where the way there ends early."""
    for part in place:
        match document, part:
            case dict(), str() if part in document:
                document = document[part]
            case list(), int() if part < len(document):
                document = document[part]
            case _:
                return None
    return document
