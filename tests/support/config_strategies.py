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
        "capabilities": st.dictionaries(st.sampled_from(["bounding", "effective", "ambient"]), st.lists(words)),
    },
)
_mounts = st.one_of(
    st.fixed_dictionaries(
        {"destination": absolute_paths, "source": absolute_paths, "options": st.just(["rbind", "ro"])}
    ),
    st.fixed_dictionaries({"destination": words, "type": st.sampled_from(["tmpfs", "proc"])}),
    st.fixed_dictionaries({"destination": absolute_paths, "options": st.just(["rslave"])}),
)
_resources = st.fixed_dictionaries(
    {},
    optional={
        "memory": st.dictionaries(st.sampled_from(["limit", "reservation", "swap"]), LIMIT),
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
        "rootfsPropagation": st.sampled_from(["private", "rslave"]),
        "devices": st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from("cb"), "path": absolute_paths, "major": UINT32, "minor": UINT32},
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
def mutated_configs(draw: st.DrawFn) -> Any:
    """Configurations of which one to three places were replaced, removed, repeated or added."""
    document: Any = draw(valid_configs())
    for _ in range(draw(st.integers(1, 3))):
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
