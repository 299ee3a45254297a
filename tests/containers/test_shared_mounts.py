"""Containers whose mount namespace others share: the runtime's own, or one that is joined by its path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import mount, process, procfs
from tests.support.containers import Runf, kill_quietly, make_container_bundle, wait_until
from tests.support.elsewhere import Elsewhere
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[dict[str, Any]], object]

needs_root = pytest.mark.needs("root")

SHOW_ROOT = "echo /*; readlink /proc/self/ns/mnt"
INSIDE = ["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/tmp", "/usr"]
CAN_CHROOT = {name: ["CAP_SYS_CHROOT"] for name in ("bounding", "effective", "permitted")}


def make_private() -> None:
    mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)


class Host(Elsewhere):
    """A mount namespace in which commands run, as if it were the machine's."""

    def __init__(self, prepare: Callable[[], object] = make_private) -> None:
        super().__init__(process.CLONE_NEWNS, prepare)

    def mounts(self) -> list[tuple[str, str]]:
        """What is mounted where."""
        return [(each.fstype, each.mount_point) for each in procfs.mounts("/proc", self.pid)]

    def do(self, action: Callable[[], object]) -> Any:
        """What the action returns, done there."""

        def act() -> object:
            fd = os.open(f"/proc/{self.pid}/ns/mnt", os.O_RDONLY)
            process.setns(fd, process.CLONE_NEWNS)
            return action()

        return in_child(act)


@pytest.fixture
def host(runf: Runf) -> Iterator[Host]:
    """The machine of ``runf``, which cleans up while it still is there."""
    with Host() as made:
        runf.prefix = ("nsenter", f"--mount=/proc/{made.pid}/ns/mnt")
        yield made
        runf.clean()


def inherited(config: dict[str, Any]) -> None:
    config["linux"]["namespaces"] = [each for each in config["linux"]["namespaces"] if each["type"] != "mount"]


def all_of(*changes: Change) -> Change:
    return lambda config: [change(config) for change in changes]


def bind(source: Path, destination: str, *options: str) -> Change:
    entry = {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", *options]}
    return lambda config: config["mounts"].append(entry)


def begin(runf: Runf, bundle: Path, change: Change = inherited, name: str = "one") -> dict[str, Any]:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=change), name)
    return runf.state(name)


def entries(text: str) -> list[str]:
    """The directories that SHOW_ROOT tells, without what the image may have beside them."""
    return text.splitlines()[0].split()


@needs_root
class TestInherited:
    def test_it_is_the_runtimes_with_the_root_of_the_image(self, runf: Runf, bundle: Path, host: Host) -> None:
        path = make_container_bundle(bundle, "sh", "-c", SHOW_ROOT, change=inherited)
        told = runf.ok("run", "-b", path, "one")
        assert (entries(told), told.splitlines()[1]) == (INSIDE, host.name("mnt"))

    def test_all_of_its_mounts_lie_beneath_the_rootfs_and_go_with_it(
        self, runf: Runf, bundle: Path, host: Host
    ) -> None:
        before = host.mounts()
        state = begin(runf, bundle)
        added = host.mounts()[len(before) :]
        rootfs = f"{bundle}/rootfs"
        assert host.mounts()[: len(before)] == before
        assert added[0][1] == rootfs
        assert {point.removeprefix(rootfs) for _, point in added} >= {"", "/proc", "/dev", "/dev/pts", "/sys", "/usr"}
        assert all(point.startswith(rootfs) for _, point in added)
        assert state["linux"]["namespaces"]["mnt"] == os.stat(f"/proc/{host.pid}/ns/mnt").st_ino
        runf.ok("kill", "one", "KILL")
        wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
        assert host.mounts()[len(before) :] == added
        runf.ok("delete", "one")
        assert host.mounts() == before

    def test_what_it_sees_is_its_own_tree_masked_and_read_only(self, runf: Runf, bundle: Path, host: Host) -> None:
        def change(config: dict[str, Any]) -> None:
            inherited(config)
            config["root"]["readonly"] = True
            config["linux"]["maskedPaths"] = ["/proc/stat", "/proc/tty"]
            config["linux"]["readonlyPaths"] = ["/proc/sys"]

        script = (
            "cut -d' ' -f5 /proc/self/mountinfo | sort -u; echo; touch /x /proc/sys/kernel/hostname 2>&1; cd /..; pwd"
        )
        points, _, rest = runf.ok(
            "run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one"
        ).partition("\n\n")
        assert {"/", "/proc", "/proc/stat", "/proc/tty", "/proc/sys"} <= set(points.split("\n"))
        assert str(bundle) not in points
        assert rest.count("Read-only file system") == 2
        assert rest.endswith("\n/\n")

    def test_an_added_process_has_its_root(self, runf: Runf, bundle: Path, host: Host) -> None:
        begin(runf, bundle)
        told = runf.ok("exec", "one", "sh", "-c", f"{SHOW_ROOT}; pwd; id -u")
        assert entries(told) == INSIDE
        assert told.splitlines()[1:] == [host.name("mnt"), "/", "0"]

    def test_so_has_one_that_is_added_before_the_start(self, runf: Runf, bundle: Path, host: Host) -> None:
        runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600", change=inherited), "one")
        assert entries(runf.ok("exec", "one", "sh", "-c", SHOW_ROOT)) == INSIDE

    def test_commands_from_another_mount_namespace_reach_it_all_the_same(
        self, runf: Runf, bundle: Path, host: Host
    ) -> None:
        before = host.mounts()
        begin(runf, bundle)
        runf.prefix = ("unshare", "--mount", "--propagation", "private")
        told = runf.ok("exec", "one", "sh", "-c", SHOW_ROOT)
        assert (entries(told), told.splitlines()[1]) == (INSIDE, host.name("mnt"))
        runf.ok("delete", "--force", "one")
        assert host.mounts() == before

    def test_a_failed_create_leaves_no_mount(self, runf: Runf, bundle: Path, host: Host) -> None:
        before = host.mounts()
        change = all_of(inherited, bind(runf.place / "nothing", "/x"))
        refused = runf("create", "-b", make_container_bundle(bundle, "true", change=change), "one")
        assert (refused.returncode, host.mounts()) == (1, before)
        assert "No such file or directory" in refused.stderr

    def test_what_was_mounted_in_it_meanwhile_goes_with_it(self, runf: Runf, bundle: Path, host: Host) -> None:
        before = host.mounts()
        begin(runf, bundle)
        host.do(lambda: mount.mount("tmpfs", f"{bundle}/rootfs/tmp", "tmpfs", 0))
        runf.ok("delete", "--force", "one")
        assert host.mounts() == before

    def test_what_is_mounted_over_its_root_is_left_alone_and_named(self, runf: Runf, bundle: Path, host: Host) -> None:
        before = host.mounts()
        begin(runf, bundle)
        rootfs = f"{bundle}/rootfs"
        host.do(lambda: mount.mount("tmpfs", rootfs, "tmpfs", 0))
        refused = runf("delete", "--force", "one")
        assert refused.returncode == 1
        assert (
            f"the container's root, mounted at {rootfs}, can't be unmounted: Device or resource busy" in refused.stderr
        )
        assert host.mounts()[-1] == ("tmpfs", rootfs)
        host.do(lambda: mount.umount2(rootfs))
        runf.ok("delete", "--force", "one")
        assert host.mounts() == before

    def test_a_root_that_somebody_else_unmounted_is_no_obstacle(self, runf: Runf, bundle: Path, host: Host) -> None:
        begin(runf, bundle)
        rootfs = f"{bundle}/rootfs"
        host.do(lambda: mount.umount2(rootfs, mount.MNT_DETACH))
        host.do(lambda: mount.mount("tmpfs", rootfs, "tmpfs", 0))
        before = host.mounts()
        runf.ok("delete", "--force", "one")
        assert host.mounts() == before
        assert host.mounts()[-1] == ("tmpfs", rootfs)

    def test_it_is_found_where_its_directory_was_renamed_to(self, runf: Runf, bundle: Path, host: Host) -> None:
        before = host.mounts()
        begin(runf, bundle)
        bundle.rename(runf.place / "renamed")
        runf.ok("delete", "--force", "one")
        assert host.mounts() == before

    def test_a_link_in_the_place_of_its_directory_leads_to_no_other_mount(
        self, runf: Runf, bundle: Path, host: Host
    ) -> None:
        begin(runf, bundle)
        other = runf.place / "other/rootfs"
        other.mkdir(parents=True)
        host.do(lambda: mount.mount("tmpfs", str(other), "tmpfs", 0))
        bundle.rename(runf.place / "renamed")
        bundle.symlink_to(other.parent)
        runf.ok("delete", "--force", "one")
        assert [point for _, point in host.mounts() if point.startswith(str(runf.place))] == [str(other)]

    def test_one_whose_record_cannot_be_read_is_unmounted_too(self, runf: Runf, bundle: Path, host: Host) -> None:
        before = host.mounts()
        pid = begin(runf, bundle)["pid"]
        (runf.root / "one/state.json").write_text("{")
        runf.ok("delete", "--force", "one")
        kill_quietly(pid)
        assert host.mounts() == before

    def test_nothing_of_it_appears_in_the_source_of_a_bind(self, runf: Runf, bundle: Path) -> None:
        source = runf.place / "source"
        (source / "inner").mkdir(parents=True)

        def share_all() -> None:
            make_private()
            mount.mount("tmpfs", str(runf.place / "source/inner"), "tmpfs", 0)
            mount.mount(None, "/", None, mount.MS_REC | mount.MS_SHARED)

        tmpfs = {"destination": "/v/inner/x", "type": "tmpfs", "source": "tmpfs"}
        change = all_of(inherited, bind(source, "/v"), lambda config: config["mounts"].append(tmpfs))
        with Host(share_all) as host:
            before = host.mounts()
            runf.prefix = ("nsenter", f"--mount=/proc/{host.pid}/ns/mnt")
            begin(runf, bundle, change)
            beside = [each for each in host.mounts() if not each[1].startswith(f"{bundle}/rootfs")]
            shared = [each.optional for each in procfs.mounts("/proc", host.pid) if each.mount_point == "/"]
            runf.ok("delete", "--force", "one")
            assert (beside, host.mounts()) == (before, before)
            assert "shared" in str(shared)

    def test_the_root_of_everybody_is_refused(self, runf: Runf, bundle: Path, host: Host) -> None:
        def change(config: dict[str, Any]) -> None:
            inherited(config)
            config["root"]["path"] = "/"

        before = host.mounts()
        refused = runf("create", "-b", make_container_bundle(bundle, "true", change=change), "one")
        assert refused.returncode == 1
        assert "config.json#/root/path: the root of the mount namespace can't be a container's" in refused.stderr
        assert host.mounts() == before

    def test_it_is_not_written_to_disk(self, runf: Runf, bundle: Path, host: Host) -> None:
        state = begin(runf, bundle)
        criu = runf.place / "criu"
        criu.symlink_to("/bin/true")
        path = {**os.environ, "PATH": f"{runf.place}:{os.environ['PATH']}"}
        refused = runf("checkpoint", "--image-path", str(runf.place / "images"), "one", env=path)
        assert refused.returncode == 1
        assert "config.json#/linux/namespaces: a container that shares its mount namespace" in refused.stderr
        assert runf.state("one")["pid"] == state["pid"]


def for_a_user_namespace(config: dict[str, Any]) -> None:
    """What root in a user namespace may ask for, without namespaces for mounts and the network."""
    config["linux"]["namespaces"] = [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}]
    for name in ("uidMappings", "gidMappings"):
        config["linux"].pop(name, None)
    config["process"]["user"] = {"uid": 0, "gid": 0}
    config["mounts"] = [each for each in config["mounts"] if each["destination"] not in ("/sys", "/sys/fs/cgroup")]
    for each in config["mounts"]:
        each["options"] = [option for option in each.get("options", ()) if not option.startswith("gid=")]


@pytest.mark.needs("user namespaces")
class TestUserNamespace:
    def test_root_where_the_mounts_are_its_own_has_such_containers(self, runf: Runf, bundle: Path) -> None:
        script = '"$@"; cut -d" " -f5 /proc/self/mountinfo'
        runf.prefix = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh")
        path = make_container_bundle(bundle, "sh", "-c", SHOW_ROOT, change=for_a_user_namespace)
        told = runf.ok("run", "-b", path, "one").splitlines()
        assert told[0].split() == [each for each in INSIDE if each != "/sys"]
        assert [point for point in told if point.startswith(str(runf.place))] == []

    def test_where_they_are_not_nothing_can_be_mounted(self, runf: Runf, bundle: Path) -> None:
        runf.prefix = ("unshare", "--user", "--map-root-user")
        refused = runf("run", "-b", make_container_bundle(bundle, "true", change=for_a_user_namespace), "one")
        assert refused.returncode == 1
        assert "config.json#/linux/namespaces: nothing can be mounted in this mount namespace" in refused.stderr


@needs_root
class TestJoined:
    def test_it_is_the_one_that_the_path_names(self, runf: Runf, bundle: Path) -> None:
        with Host() as there:
            before = there.mounts()
            state = begin(runf, bundle, lambda config: there.join(config, "mount"))
            told = runf.ok("exec", "one", "sh", "-c", SHOW_ROOT)
            assert os.readlink(f"/proc/{state['pid']}/ns/mnt") == there.name("mnt")
            assert state["linux"]["namespaces"]["mnt"] == os.stat(f"/proc/{there.pid}/ns/mnt").st_ino
            assert (entries(told), told.splitlines()[1]) == (INSIDE, there.name("mnt"))
            assert {point for _, point in there.mounts()[len(before) :]} >= {
                f"{bundle}/rootfs",
                f"{bundle}/rootfs/proc",
            }
            runf.ok("delete", "--force", "one")
            assert there.mounts() == before

    def test_whoever_lives_there_keeps_its_root(self, runf: Runf, bundle: Path) -> None:
        with Host() as there:
            begin(runf, bundle, lambda config: there.join(config, "mount"))
            assert os.readlink(f"/proc/{there.pid}/root") == "/"
            assert os.path.samestat(os.stat(f"/proc/{there.pid}/root"), os.stat("/"))
            runf.ok("delete", "--force", "one")

    def test_two_containers_share_one(self, runf: Runf, bundle: Path) -> None:
        with Host() as there:
            before = there.mounts()
            join = all_of(lambda config: there.join(config, "mount"))
            other = runf.place / "other"
            other.mkdir()
            begin(runf, bundle, join)
            begin(runf, other, join, "two")
            runf.ok("delete", "--force", "one")
            assert entries(runf.ok("exec", "two", "sh", "-c", SHOW_ROOT)) == INSIDE
            runf.ok("delete", "--force", "two")
            assert there.mounts() == before

    def test_sources_are_looked_for_there(self, runf: Runf, bundle: Path) -> None:
        source = runf.place / "source"
        source.mkdir()

        def prepare() -> None:
            make_private()
            mount.mount("tmpfs", str(source), "tmpfs", 0)
            (source / "only there").touch()

        with Host(prepare) as there:
            change = all_of(lambda config: there.join(config, "mount"), bind(source, "/v"))
            path = make_container_bundle(bundle, "ls", "/v", change=change)
            assert runf.ok("run", "-b", path, "one") == "only there\n"

    def test_its_procfs_is_not_trusted(self, runf: Runf, bundle: Path) -> None:
        def prepare() -> None:
            make_private()
            mount.mount("tmpfs", "/proc", "tmpfs", 0)

        def change(config: dict[str, Any]) -> None:
            there.join(config, "mount")
            config["process"]["oomScoreAdj"] = 77
            config["linux"]["sysctl"] = {"net.ipv4.ping_group_range": "0 7"}

        with Host(prepare) as there:
            script = "cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ping_group_range"
            path = make_container_bundle(bundle, "sh", "-c", script, change=change)
            assert runf.ok("run", "-b", path, "one").split() == ["77", "0", "7"]

    def test_one_that_has_gone_is_no_obstacle_to_a_delete(self, runf: Runf, bundle: Path) -> None:
        with Host() as there:
            state = begin(runf, bundle, lambda config: there.join(config, "mount"))
        kill_quietly(state["pid"])
        wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
        runf.ok("delete", "one")

    def test_one_that_only_the_container_is_left_in_is_found(self, runf: Runf, bundle: Path) -> None:
        with Host() as there:
            begin(runf, bundle, lambda config: there.join(config, "mount"))
        assert entries(runf.ok("exec", "one", "sh", "-c", SHOW_ROOT)) == INSIDE
        runf.ok("delete", "--force", "one")

    def test_a_user_namespace_that_owns_it_is_joined_with_it(self, runf: Runf, bundle: Path) -> None:
        def prepare() -> None:
            for kind in ("uid", "gid"):
                Path(f"/proc/{os.getpid()}/{kind}_map").write_text("0 0 1000")

        (runf.place / "root").mkdir(parents=True, exist_ok=True)
        with Elsewhere(process.CLONE_NEWUSER | process.CLONE_NEWNS | process.CLONE_NEWNET) as there:
            for kind in ("uid", "gid"):
                Path(f"/proc/{there.pid}/{kind}_map").write_text("0 0 1000")

            def change(config: dict[str, Any]) -> None:
                for kind in ("user", "mount", "network"):
                    there.join(config, kind)

            begin(runf, bundle, change)
            told = runf.ok("exec", "one", "sh", "-c", f"{SHOW_ROOT}; readlink /proc/self/ns/user")
            assert (entries(told), told.splitlines()[1:]) == (INSIDE, [there.name("mnt"), there.name("user")])
            before = [each for each in procfs.mounts("/proc", there.pid) if each.mount_point.startswith(str(bundle))]
            runf.ok("delete", "--force", "one")
            after = [each for each in procfs.mounts("/proc", there.pid) if each.mount_point.startswith(str(bundle))]
            assert (len(before) > 5, after) == (True, [])
