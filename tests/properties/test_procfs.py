"""Parsers of /proc: whatever the kernel writes for any name, the name is read back."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.kernel import procfs

FIELDS = " ".join(str(number) for number in range(5, 53))
# a name of the kernel's, after decoding with surrogateescape: any bytes but NUL
names = st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
pids = st.integers(1, 1 << 22)


def escape(text: str) -> str:
    """As seq_path and mangle_path of fs/seq_file.c do it for " \\t\\n\\\\"."""
    return "".join(f"\\{ord(each):03o}" if each in " \t\n\\" else each for each in text)


@given(pids, names, st.sampled_from("RSDZTtXxKWPI"), pids)
def test_a_stat_is_read_whatever_the_name(pid: int, comm: str, state: str, ppid: int) -> None:
    found = procfs.parse_stat(f"{pid} ({comm}) {state} {ppid} {FIELDS}\n")
    assert found == procfs.ProcStat(pid, comm, state, ppid, 22, 52, 20, 9)


@given(st.text())
def test_any_text_is_a_stat_or_a_value_error(text: str) -> None:
    try:
        assert procfs.parse_stat(text).comm in text
    except ValueError:
        return


@given(names)
def test_what_the_kernel_escapes_is_read_back(text: str) -> None:
    assert procfs.unescape(escape(text)) == text


@given(st.text())
def test_any_text_can_be_unescaped(text: str) -> None:
    assert len(procfs.unescape(text)) <= len(text)


@given(st.lists(st.tuples(names, names, names, st.lists(st.sampled_from(["shared:1", "master:2", "unbindable"])))))
def test_mounts_are_read_whatever_their_paths(mounts: list[tuple[str, str, str, list[str]]]) -> None:
    text = "".join(
        " ".join([str(number), "1", "0:5", f"/{escape(root)}", f"/{escape(point)}", "rw", *optional])
        + f" - tmpfs {escape(source)} rw,size=1k\n"
        for number, (root, point, source, optional) in enumerate(mounts)
    )
    assert [
        (each.mount_id, each.root, each.mount_point, each.source, each.optional, each.super_options)
        for each in procfs.parse_mountinfo(text)
    ] == [
        (number, f"/{root}", f"/{point}", source, tuple(optional), "rw,size=1k")
        for number, (root, point, source, optional) in enumerate(mounts)
    ]


controllers = st.lists(st.sampled_from(["cpu", "cpuacct", "memory", "name=systemd"]), unique=True)
# a cgroup's name holds no newline (cgroup_mkdir of kernel/cgroup/cgroup.c refuses it)
cgroup_paths = names.map(lambda name: "/" + name.replace("\n", ""))


@given(st.lists(st.tuples(st.integers(0, 99), controllers, cgroup_paths)))
def test_cgroups_are_read_whatever_their_paths(lines: list[tuple[int, list[str], str]]) -> None:
    text = "".join(f"{number}:{','.join(names)}:{path}\n" for number, names, path in lines)
    assert procfs.parse_cgroup(text) == [(number, tuple(names), path) for number, names, path in lines]


@given(st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 3)))
def test_id_maps_are_read(lines: list[tuple[int, int, int]]) -> None:
    text = "".join(f"{inside:10} {outside:10} {size:10}\n" for inside, outside, size in lines)
    assert procfs.parse_id_map(text) == lines
