"""A first process that no interpreter sets up is what one would be that an interpreter has set up."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.sandbox import stub
from runtime.sandbox.first_calls import JOINED_KINDS
from tests.support.containers import CGROUPS, ON_V2, REPOSITORY, Runf, make_container_bundle, wait_until
from tests.support.needs import needs
from tests.support.session import unique_name
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any], Path], object]

pytestmark = [
    needs("root"),
    pytest.mark.skipif(os.uname().machine not in stub.IMAGES, reason="no stub for this machine"),
]
STATUS = ("Umask", "Uid", "Gid", "Groups", "NSpid", "SigBlk", "SigIgn", "Cap", "NoNewPrivs", "Seccomp:")
LOOK = f"""
echo "args $0 $*"; pwd; umask; hostname; env | sort
cd /proc/self; cat mountinfo limits oom_score_adj cgroup attr/current
cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/shm_rmid_forced kernel/domainname
cat /proc/keys /proc/net/dev_mcast /sys/class/net/lo/flags
grep -E "^({"|".join(STATUS)})" /proc/self/status
ls -ln /dev /dev/fd/ /proc/self/fd / /etc /srv /opt
for path in /proc/kcore /proc/sys/x /sys/x /x /dev/x /tmp/x /srv/bound/x; do
    (echo > $path) 2>&1 | sed 's/.*: //'; head -c 1 $path 2>&1 | sed 's/.*: //'
done
"""
CODE = (
    f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from runtime.sandbox import forked, listed; %s; "
    "from runtime.cli.entry import main; main(sys.argv)"
)
# each without the other way, so that none is taken for the other
LISTED = "forked.launch = None"
INTERPRETED = "listed.begin = lambda *_: None"
SECCOMP = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}],
}


class OneWay(Runf):
    """The command line, with one of the two ways for a first process only."""

    def __init__(self, place: Path, way: str, prefix: tuple[str, ...] = ()) -> None:
        super().__init__(place, prefix)
        self.way = way

    def argv(self, *words: str) -> list[str]:
        return [*self.prefix, sys.executable, "-IS", "-c", CODE % self.way, "--root", str(self.root), *words]


def user(config: dict[str, Any], **members: Any) -> None:
    config["process"]["user"] = members


def unchanged(_config: dict[str, Any], _place: Path) -> None:
    """As it is."""


def everything_new(config: dict[str, Any], _place: Path) -> None:
    config.update(hostname="web", domainname="example.org")
    config["process"].update(oomScoreAdj=123, rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}])


def somebody_else(config: dict[str, Any], _place: Path) -> None:
    user(config, uid=1234, gid=5678, additionalGids=[7, 8], umask=0o027)
    kept = ["CAP_NET_RAW", "CAP_KILL"]
    config["process"]["capabilities"] = dict.fromkeys(
        ("bounding", "permitted", "effective", "inheritable", "ambient"), kept
    )


def nobody_with_nothing(config: dict[str, Any], _place: Path) -> None:
    user(config, uid=65534, gid=65534)
    config["process"].pop("capabilities", None)


def more_in_bounding(config: dict[str, Any], _place: Path) -> None:
    config["process"]["noNewPrivileges"] = False
    config["process"]["capabilities"] = {"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_KILL"]}


def more_in_bounding_and_no_more(config: dict[str, Any], place: Path) -> None:
    more_in_bounding(config, place)
    config["process"]["noNewPrivileges"] = True


def filtered(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["seccomp"] = SECCOMP


def filtered_without_no_new_privileges(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["seccomp"] = SECCOMP
    config["process"]["noNewPrivileges"] = False


def filtered_as_somebody(config: dict[str, Any], place: Path) -> None:
    filtered_without_no_new_privileges(config, place)
    somebody_else(config, place)


def readonly(config: dict[str, Any], _place: Path) -> None:
    config["root"]["readonly"] = True
    config["linux"].setdefault("maskedPaths", []).extend(["/proc/meminfo", "/nowhere", "/srv"])
    config["linux"].setdefault("readonlyPaths", []).extend(["/proc/sys", "/nowhere"])


def bound(config: dict[str, Any], place: Path) -> None:
    (place / "bound").mkdir(exist_ok=True)
    (place / "file").write_text("text")
    config["mounts"] += [
        {"destination": "/srv/bound", "source": str(place / "bound"), "type": "bind", "options": ["rbind", "ro"]},
        {"destination": "/opt/deep/file", "source": "file", "options": ["bind", "rprivate", "nosuid"]},
        {"destination": "/proc/uptime", "source": "file", "options": ["bind"]},
    ]


def received(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["rootfsPropagation"] = "rslave"


def elsewhere(config: dict[str, Any], _place: Path) -> None:
    config["process"].update(cwd="/srv/made/for/it", env=["PATH=/nowhere:/usr/bin", "EMPTY=", "LONG=" + "x" * 3000])
    config["process"]["args"][0] = "sh"


def with_devices(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["devices"] = [
        {"path": "/dev/own", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 5, "gid": 6},
        {"path": "/dev/pipe", "type": "p"},
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600},
    ]


def few_namespaces(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["namespaces"] = [{"type": "mount"}]
    config.pop("hostname", None)
    config["mounts"] = [each for each in config["mounts"] if each["type"] not in ("cgroup", "mqueue")]


def with_home(config: dict[str, Any], place: Path) -> None:
    (place / "rootfs/etc").mkdir(parents=True, exist_ok=True)
    (place / "rootfs/etc/passwd").write_text("root:x:0:0::/:\nweb:x:1234:5:Web:/home/web:/bin/sh\n")
    user(config, uid=1234, gid=5)


def with_parameters(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "77", "kernel/shm_rmid_forced": "1"}


CHANGES: tuple[Change, ...] = (
    unchanged,
    everything_new,
    somebody_else,
    nobody_with_nothing,
    more_in_bounding,
    more_in_bounding_and_no_more,
    filtered,
    filtered_without_no_new_privileges,
    filtered_as_somebody,
    readonly,
    bound,
    received,
    elsewhere,
    with_devices,
    few_namespaces,
    with_home,
    with_parameters,
)


def bundle_of(place: Path, name: str, change: Change) -> str:
    """The same path each time, anew."""
    bundle = place / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    (bundle / "rootfs/srv").mkdir(parents=True)
    (bundle / "rootfs/opt").mkdir()

    def edit(config: dict[str, Any]) -> None:
        change(config, bundle)
        config["linux"]["cgroupsPath"] = f"/{name}"

    return make_container_bundle(bundle, "/bin/sh", "-c", LOOK, "zero", "one two", change=edit)


def told(text: str) -> list[str]:
    """What doesn't depend on when it was."""
    lines = []
    for line in text.splitlines():
        if re.match(r"\d+ \d+ \d+:\d+ /", line):
            rest = line.split(" ", 3)[3]
            line = re.sub(r"(shared|master|propagate_from):\d+", r"\1", rest)
        line = re.sub(r"^([0-9a-f]{8}) (\S+) +\d+ \w+", r"\2", line)  # of /proc/keys: its serial, its users, its age
        line = re.sub(r"^(NSpid:)\t\d{2,}$", r"\1", line)
        line = re.sub(r"#\d+ ", "", line)
        line = re.sub(r"^(d\S+) +\d+ ", r"\1 ", line)  # /proc has a link for each process of the machine
        line = re.sub(r"^(total) \d+$", r"\1", line)
        line = re.sub(r"(pipe|socket|anon_inode|/proc/)[:/\[\d\]]+", r"\1", line)
        lines.append(re.sub(r"[A-Z][a-z]{2} +\d+ +[\d:]{4,5} ", "", line))
    return lines


def seen(place: Path, way: str, change: Change, name: str, prefix: tuple[str, ...] = ()) -> list[str]:
    """What the program sees, and what is to be seen of the process that waits for its start."""
    runf = OneWay(place, way, prefix)
    bundle = bundle_of(place, name, change)
    try:
        runf.ok("create", "-b", bundle, "waits")
        pid = runf.state("waits")["pid"]
        proc = Path(f"/proc/{pid}")
        # with a filter, an interpreter's stub needs CAP_SYS_ADMIN as an inheritable one (confinement.py), this doesn't
        keys = tuple({*STATUS, "CapPrm", "CapEff", "CapBnd"} - {"Cap"})
        waiting = [each for each in (proc / "status").read_text().splitlines() if each.startswith(keys)]
        waiting += [f"{each} {os.readlink(proc / each)}" for each in ("cwd", "root", "exe")]
        waiting += sorted(re.sub(r"\d+", "", os.readlink(fd)) for fd in (proc / "fd").iterdir())
        waiting = [each.replace(str(pid), "PID") for each in waiting]
        runf.ok("delete", "--force", "waits")
        return [*told(runf.ok("run", "-b", bundle, "runs")), *waiting]
    finally:
        runf.clean()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_both_ways_lead_to_the_same(change: Change, tmp_path: Path) -> None:
    name = unique_name()
    listed, interpreted = (seen(tmp_path / "place", way, change, name) for way in (LISTED, INTERPRETED))
    assert [each for each in ndiff(interpreted, listed) if each[0] in "+-"] == []
    assert len(listed) > 60


@needs("cgroup2")
@pytest.mark.parametrize("change", [unchanged, filtered_as_somebody], ids=lambda change: change.__name__)
def test_on_cgroup_v2_too(change: Change, tmp_path: Path) -> None:
    name = unique_name()
    listed, interpreted = (seen(tmp_path / "place", way, change, name, ON_V2) for way in (LISTED, INTERPRETED))
    assert [each for each in ndiff(interpreted, listed) if each[0] in "+-"] == []


def test_namespaces_of_others_are_joined_both_ways(tmp_path: Path) -> None:
    other = OneWay(tmp_path / "other", LISTED)
    try:
        bundle = make_container_bundle(tmp_path / "other", "sleep", "600", change=lambda c: c.update(hostname="theirs"))
        other.ok("run", "-d", "-b", bundle, "one")
        pid = other.state("one")["pid"]

        def joins(config: dict[str, Any], _place: Path) -> None:
            del config["hostname"]
            for each in config["linux"]["namespaces"]:
                if each["type"] in JOINED_KINDS:
                    file = {"network": "net"}.get(each["type"], each["type"])
                    each["path"] = f"/proc/{pid}/ns/{file}"

        name = unique_name()
        listed, interpreted = (seen(tmp_path / "place", way, joins, name) for way in (LISTED, INTERPRETED))
        assert [each for each in ndiff(interpreted, listed) if each[0] in "+-"] == []
        assert "theirs" in listed
    finally:
        other.clean()


def leads_nowhere(config: dict[str, Any], _place: Path) -> None:
    config["process"]["args"] = ["/nowhere"]


def leads_to_a_directory(config: dict[str, Any], _place: Path) -> None:
    config["process"]["args"] = ["/usr/bin"]


def works_in_a_file(config: dict[str, Any], _place: Path) -> None:
    config["process"]["cwd"] = "/usr/bin/env"


def works_out_of_its_root(config: dict[str, Any], place: Path) -> None:
    (place / "rootfs/way").symlink_to("/proc/self/fd/0")
    config["process"]["cwd"] = "/way"


def has_a_link_for_proc(config: dict[str, Any], place: Path) -> None:
    (place / "rootfs/elsewhere").mkdir()
    (place / "rootfs/proc").symlink_to("elsewhere")


def mounts_over_procfs(config: dict[str, Any], place: Path) -> None:
    (place / "rootfs/way").symlink_to("/proc/sys")
    config["mounts"].append({"destination": "/way", "source": "/usr", "options": ["bind"]})


def binds_what_is_not_there(config: dict[str, Any], _place: Path) -> None:
    config["mounts"].append({"destination": "/srv", "source": "/nowhere", "options": ["bind"]})


def joins_what_is_not_there(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "network", "path": "/nowhere"}]


def sets_what_is_no_parameter(config: dict[str, Any], _place: Path) -> None:
    config["linux"]["sysctl"] = {"net.nowhere": "1"}


def has_another_device(config: dict[str, Any], place: Path) -> None:
    (place / "rootfs/dev/null").mkdir(parents=True)
    config["mounts"] = [each for each in config["mounts"] if not each["destination"].startswith("/dev")]


@pytest.mark.parametrize(
    "change",
    [
        leads_nowhere,
        leads_to_a_directory,
        works_in_a_file,
        works_out_of_its_root,
        has_a_link_for_proc,
        mounts_over_procfs,
        binds_what_is_not_there,
        joins_what_is_not_there,
        sets_what_is_no_parameter,
        has_another_device,
    ],
    ids=lambda change: change.__name__,
)
def test_what_a_list_can_t_judge_is_told_as_an_interpreter_tells_it(change: Change, tmp_path: Path) -> None:
    name = unique_name()
    told = []
    for way in ("pass", INTERPRETED):
        runf = OneWay(tmp_path / "place", way)
        done = runf("create", "-b", bundle_of(tmp_path / "place", name, change), "one", cwd="/")
        left = sorted(os.listdir(runf.root)) if runf.root.exists() else []
        told.append((done.returncode, done.stderr, left, [each["fault"] for each in runf.last_records()]))
        runf.clean()
    assert told[0] == told[1]
    assert told[0][0] != 0
    assert told[0][1].count("\n") == 1
    assert [*Path(CGROUPS).glob(name), *Path(CGROUPS).glob(f"*/{name}")] == []


@pytest.mark.parametrize("call", ["waitpid", "posix_spawn"])
def test_a_call_of_ours_that_fails_is_told_and_nothing_is_waited_for(call: str, tmp_path: Path) -> None:
    fails = (
        f"import os; real = os.{call}\n"
        f"def fail(*a, **k): os.{call} = real; raise OSError(28, 'No space left on device')\n"
        f"os.{call} = fail\n"
    )
    one = OneWay(tmp_path / "place", f"exec({fails!r})")
    done = one("create", "-b", make_container_bundle(tmp_path / "place", "true"), "one")
    if call == "waitpid":
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "No space left" in done.stderr
        assert [name for name in os.listdir(one.root) if name[0] != "."] == []
    else:
        assert (done.returncode, done.stderr) == (0, "")  # an interpreter in its place
    one.clean()


@pytest.mark.parametrize("way", ["pass", INTERPRETED])
def test_a_list_that_is_too_long_leaves_it_to_an_interpreter(way: str, tmp_path: Path) -> None:
    one = OneWay(tmp_path / "place", f"{way}; listed.first_calls.CALLS_ROOM_BYTES = 4096")
    assert one.ok("run", "-b", make_container_bundle(tmp_path / "place", "echo", "here"), "one") == "here\n"
    one.clean()


def test_followers_hear_of_one_life_where_a_list_has_failed(runf: Runf, bundle: Path, watching: Watcher) -> None:
    """The first process that there was, and its end, are nobody's business any more."""
    failing = OneWay(runf.place, 'listed.candidates = lambda *_: (b"/nowhere",)')
    argv = runf.argv("events", "--socket", watching.socket, "--until", "deleted")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
        try:
            failing.ok("create", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
            pid, waits = runf.record("one")["pid"], os.pidfd_open(runf.record("one")["pid"])
            runf.ok("start", "one")
            select.select([waits], [], [])
            os.close(waits)
            wait_until(lambda: runf.record("one")["status"] == "stopped", "its end")
            assert runf.record("one")["process"]["pid"] == pid
        finally:
            runf.ok("delete", "--force", "one")
        assert reader.stdout is not None
        events = [json.loads(line) for line in reader.stdout]
    kinds = [each["type"].split(".")[-2] for each in events]
    # a slow follower may find it created already
    assert [each for each in kinds if each not in ("snapshot", "created")] == ["started", "stopped", "deleted"]
    assert events[-1]["data"]["exit"]["code"] == 7
