"""Mounts, in a mount namespace of a forked child: once as root, once as an ordinary user in a user namespace."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import files, mount, mounted, process, procfs
from tests.support.forked import as_user, enter_user_namespace, failure, in_child, needs_root, needs_user_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable

    Within = Callable[[Callable[[], object]], Any]

PLACE = "/mnt"  # covered by an empty tmpfs in each namespace
FLAGS = process.AT_EMPTY_PATH


def _enter_as_root() -> None:
    process.unshare(process.CLONE_NEWNS)


def _enter_as_user() -> None:
    enter_user_namespace(process.CLONE_NEWNS)


@pytest.fixture(
    params=[
        pytest.param((_enter_as_root, lambda action: action), marks=needs_root, id="root"),
        pytest.param((_enter_as_user, as_user), marks=needs_user_namespaces, id="user namespace"),
    ]
)
def within(request: pytest.FixtureRequest) -> Within:
    """Run an action in a child with mounts of its own, in an empty directory."""
    enter, become = request.param

    def run(action: Callable[[], object]) -> Any:
        def act() -> object:
            enter()
            mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
            mount.mount("tmpfs", PLACE, "tmpfs", 0, "mode=755")
            os.chdir(PLACE)
            return action()

        return in_child(become(act))

    return run


def at(path: str) -> procfs.MountInfo:
    """The topmost mount at ``path`` below PLACE."""
    return next(each for each in reversed(procfs.mounts("/proc")) if each.mount_point == place_of(path))


def place_of(path: str) -> str:
    return os.path.join(PLACE, path).rstrip("/")


def is_mounted(path: str) -> bool:
    return any(each.mount_point == place_of(path) for each in procfs.mounts("/proc"))


def options(path: str) -> list[str]:
    return at(path).options.split(",")


class TestClassic:
    def test_a_file_system_with_flags_and_data(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("x")
            mount.mount("name", "x", "tmpfs", mount.MS_NOSUID | mount.MS_NODEV | mount.MS_NOEXEC, "size=64k,mode=700")
            found = at("x")
            return [found.fstype, found.source, sorted(found.options.split(",")), "size=64k" in found.super_options]

        assert within(act) == ["tmpfs", "name", ["nodev", "noexec", "nosuid", "relatime", "rw"], True]

    def test_a_directory_bound_elsewhere_is_the_same(self, within: Within) -> None:
        def act() -> object:
            os.makedirs("source/inner")
            os.mkdir("target")
            mount.mount("source", "target", None, mount.MS_BIND)
            return os.listdir("target")

        assert within(act) == ["inner"]

    def test_a_name_with_spaces_and_other_bytes_is_found_again(self, within: Within) -> None:
        def act() -> object:
            name = os.fsdecode(b"a b\tc\nd\\e\xff\r")
            os.mkdir(name)
            mount.mount(name, name, "tmpfs", 0)
            return [at(name).source == name, at(name).mount_point == os.path.join(PLACE, name)]

        assert within(act) == [True, True]

    def test_a_read_only_remount_of_a_bind_leaves_the_source_writable(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("source")
            os.mkdir("target")
            mount.mount("source", "target", None, mount.MS_BIND)
            mount.mount(None, "target", None, mount.MS_BIND | mount.MS_REMOUNT | mount.MS_RDONLY)
            told = failure(lambda: os.mkdir("target/x"))
            os.mkdir("source/x")
            return told[0]

        assert within(act) == errno.EROFS

    @pytest.mark.parametrize(
        ("flag", "word"),
        [(mount.MS_PRIVATE, ""), (mount.MS_SHARED, "shared"), (mount.MS_UNBINDABLE, "unbindable")],
    )
    def test_propagation_is_set(self, within: Within, flag: int, word: str) -> None:
        def act() -> object:
            mount.mount(None, PLACE, None, flag)
            return [each.split(":")[0] for each in at("").optional] or [""]

        assert within(act) == [word]

    def test_an_unmount_takes_it_away_and_a_busy_one_says_so(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("x")
            mount.mount("none", "x", "tmpfs", 0)
            held = os.open("x", os.O_RDONLY)
            told = failure(lambda: mount.umount2("x"))
            mount.umount2("x", mount.MNT_DETACH)
            os.close(held)
            return [told, is_mounted("x")]

        assert within(act) == [[errno.EBUSY, "umount(x): Device or resource busy"], False]

    def test_an_unmount_does_not_follow_a_link_where_it_must_not(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("x")
            mount.mount("none", "x", "tmpfs", 0)
            os.symlink("x", "link")
            return [failure(lambda: mount.umount2("link", mount.UMOUNT_NOFOLLOW)), is_mounted("x")]

        assert within(act) == [[errno.EINVAL, "umount(link): Invalid argument"], True]

    def test_a_new_root_replaces_the_old_one(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("root")
            mount.mount("none", "root", "tmpfs", 0)
            os.mkdir("root/only")
            os.chdir("root")
            mount.pivot_root(".", ".")
            mount.umount2(".", mount.MNT_DETACH)
            os.chdir("/")
            return os.listdir("/")

        assert within(act) == ["only"]

    def test_a_root_that_is_no_mount_is_refused(self, within: Within) -> None:
        def act() -> object:
            os.makedirs("root/old")
            return failure(lambda: mount.pivot_root("root", "root/old"))

        assert within(act) == [errno.EINVAL, "pivot_root(root): Invalid argument"]

    @pytest.mark.parametrize(
        ("source", "target", "fstype", "told"),
        [
            ("x", "missing", "tmpfs", [errno.ENOENT, "mount(tmpfs, missing): No such file or directory"]),
            ("x", ".", "nothing", [errno.ENODEV, "mount(nothing, .): No such device"]),
        ],
    )
    def test_a_failure_names_what_and_where(
        self, within: Within, source: str, target: str, fstype: str, told: list[object]
    ) -> None:
        assert within(lambda: failure(lambda: mount.mount(source, target, fstype, 0))) == told

    def test_without_a_type_the_source_is_named(self, within: Within) -> None:
        told = within(lambda: failure(lambda: mount.mount("missing", ".", None, mount.MS_BIND)))
        assert told == [errno.ENOENT, "mount(missing, .): No such file or directory"]

    def test_without_either_nothing_is(self, within: Within) -> None:
        told = within(lambda: failure(lambda: mount.mount(None, "missing", None, mount.MS_PRIVATE)))
        assert told == [errno.ENOENT, "mount(none, missing): No such file or directory"]


class TestTrees:
    def test_a_cloned_mount_can_be_attached_by_fd_alone(self, within: Within) -> None:
        def act() -> object:
            os.makedirs("source/inner")
            os.mkdir("target")
            tree = mount.open_tree(process.AT_FDCWD, "source", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
            target = files.openat2(process.AT_FDCWD, "target", os.O_PATH | os.O_DIRECTORY)
            empty = mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH
            mount.move_mount(tree, "", target, "", empty)
            return [os.listdir("target"), is_mounted("target"), os.get_inheritable(tree)]

        assert within(act) == [["inner"], True, False]

    def test_a_clone_takes_the_mounts_below_only_when_asked(self, within: Within) -> None:
        def act() -> object:
            os.makedirs("source/inner")
            mount.mount("none", "source/inner", "tmpfs", 0)
            os.mkdir("source/inner/deep")
            found = []
            for flags in (0, process.AT_RECURSIVE):
                tree = mount.open_tree(process.AT_FDCWD, "source", mount.OPEN_TREE_CLONE | flags)
                found.append(os.listdir(os.open("inner", os.O_RDONLY, dir_fd=tree)))
            return found

        assert within(act) == [[], ["deep"]]

    def test_what_is_not_attached_goes_with_its_last_descriptor(self, within: Within) -> None:
        def act() -> object:
            before = len(procfs.mounts("/proc"))
            os.close(mount.open_tree(process.AT_FDCWD, ".", mount.OPEN_TREE_CLONE))
            return len(procfs.mounts("/proc")) - before

        assert within(act) == 0

    def test_failures_name_the_path_or_the_fd(self, within: Within) -> None:
        def act() -> object:
            tree = mount.open_tree(process.AT_FDCWD, ".", mount.OPEN_TREE_CLONE)
            empty = mount.MOVE_MOUNT_F_EMPTY_PATH
            return [
                failure(lambda: mount.open_tree(process.AT_FDCWD, "missing", 0)),
                failure(lambda: mount.open_tree(1 << 20, "", FLAGS)),
                failure(lambda: mount.move_mount(tree, "", process.AT_FDCWD, "missing", empty)),
            ]

        assert within(act) == [
            [errno.ENOENT, "open_tree(missing): No such file or directory"],
            [errno.EBADF, "open_tree(1048576): Bad file descriptor"],
            [errno.ENOENT, "move_mount(missing): No such file or directory"],
        ]


class TestAttributes:
    def test_a_whole_tree_becomes_read_only_at_once(self, within: Within) -> None:
        def act() -> object:
            os.makedirs("tree/inner")
            mount.mount("none", "tree", "tmpfs", 0)
            os.mkdir("tree/inner")
            mount.mount("none", "tree/inner", "tmpfs", 0)
            mount.mount_setattr(process.AT_FDCWD, "tree", process.AT_RECURSIVE, attr_set=mount.MOUNT_ATTR_RDONLY)
            return [failure(lambda path=path: os.mkdir(path))[0] for path in ("tree/x", "tree/inner/x")]  # type: ignore[misc]

        assert within(act) == [errno.EROFS, errno.EROFS]

    def test_without_recursion_what_lies_below_stays(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("tree")
            mount.mount("none", "tree", "tmpfs", 0)
            os.mkdir("tree/inner")
            mount.mount("none", "tree/inner", "tmpfs", 0)
            mount.mount_setattr(process.AT_FDCWD, "tree", 0, attr_set=mount.MOUNT_ATTR_RDONLY)
            os.mkdir("tree/inner/x")
            return failure(lambda: os.mkdir("tree/x"))[0]

        assert within(act) == errno.EROFS

    @pytest.mark.parametrize(
        ("attribute", "word"),
        [
            (mount.MOUNT_ATTR_RDONLY, "ro"),
            (mount.MOUNT_ATTR_NOSUID, "nosuid"),
            (mount.MOUNT_ATTR_NODEV, "nodev"),
            (mount.MOUNT_ATTR_NOEXEC, "noexec"),
            (mount.MOUNT_ATTR_NODIRATIME, "nodiratime"),
            (mount.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"),
        ],
    )
    def test_an_attribute_can_be_set_and_cleared(self, within: Within, attribute: int, word: str) -> None:
        def act() -> object:
            os.mkdir("x")
            mount.mount("none", "x", "tmpfs", 0)
            mount.mount_setattr(process.AT_FDCWD, "x", 0, attr_set=attribute)
            is_set = word in options("x")
            mount.mount_setattr(process.AT_FDCWD, "x", 0, attr_clr=attribute)
            return [is_set, word in options("x")]

        assert within(act) == [True, False]

    @pytest.mark.parametrize(
        ("attribute", "word"),
        [(mount.MOUNT_ATTR_NOATIME, "noatime"), (mount.MOUNT_ATTR_RELATIME, "relatime")],
    )
    def test_access_times_are_one_choice_of_three(self, within: Within, attribute: int, word: str) -> None:
        def act() -> object:
            os.mkdir("x")
            mount.mount("none", "x", "tmpfs", mount.MS_STRICTATIME)
            before = "relatime" in options("x") or "noatime" in options("x")
            mount.mount_setattr(process.AT_FDCWD, "x", 0, attr_set=attribute, attr_clr=mount.MOUNT_ATTR__ATIME)
            return [before, word in options("x")]

        assert within(act) == [False, True]

    def test_propagation_is_set_by_fd(self, within: Within) -> None:
        def act() -> object:
            fd = os.open(".", os.O_RDONLY)
            mount.mount_setattr(fd, "", FLAGS, propagation=mount.MS_SHARED)
            return [each.split(":")[0] for each in at("").optional]

        assert within(act) == ["shared"]

    def test_a_failure_names_the_path_or_the_fd(self, within: Within) -> None:
        def act() -> object:
            return [
                failure(lambda: mount.mount_setattr(process.AT_FDCWD, "missing", 0, attr_set=1)),
                failure(lambda: mount.mount_setattr(1 << 20, "", FLAGS, attr_set=1)),
            ]

        assert within(act) == [
            [errno.ENOENT, "mount_setattr(missing): No such file or directory"],
            [errno.EBADF, "mount_setattr(1048576): Bad file descriptor"],
        ]


class TestContexts:
    def test_a_tmpfs_is_made_configured_and_attached_by_fd(self, within: Within) -> None:
        def act() -> object:
            os.mkdir("x")
            context = mount.fsopen("tmpfs")
            mount.fsconfig_set_string(context, "size", "65536")
            mount.fsconfig_set_string(context, "source", "a name")
            mount.fsconfig_set_flag(context, "noswap" if os.geteuid() == 0 and _is_initial() else "ro")
            mount.fsconfig_create(context)
            made = mount.fsmount(context, mount.MOUNT_ATTR_NOSUID | mount.MOUNT_ATTR_NODEV)
            mount.move_mount(made, "", process.AT_FDCWD, "x", mount.MOVE_MOUNT_F_EMPTY_PATH)
            found = at("x")
            inheritable = [os.get_inheritable(fd) for fd in (context, made)]
            return [
                found.fstype,
                found.source,
                "nosuid" in options("x"),
                "size=64k" in found.super_options,
                inheritable,
            ]

        assert within(act) == ["tmpfs", "a name", True, True, [False, False]]

    def test_failures_name_the_call_and_its_option(self, within: Within) -> None:
        def act() -> object:
            context = mount.fsopen("tmpfs")
            return [
                failure(lambda: mount.fsopen("nothing")),
                failure(lambda: mount.fsconfig_set_string(context, "size", "many")),
                failure(lambda: mount.fsconfig_set_flag(context, "flavour")),
                failure(lambda: mount.fsmount(context)),
                failure(lambda: mount.fsconfig_create(1 << 20)),
            ]

        assert within(act) == [
            [errno.ENODEV, "fsopen(nothing): No such device"],
            [errno.EINVAL, "fsconfig(size=many): Invalid argument"],
            [errno.EINVAL, "fsconfig(flavour): Invalid argument"],
            [errno.EINVAL, "fsmount: Invalid argument"],
            [errno.EBADF, "fsconfig(create): Bad file descriptor"],
        ]


def _is_initial() -> bool:
    return procfs.is_initial_user_namespace("/proc")


@needs_root
@needs_user_namespaces
def test_flags_of_the_outer_namespaces_mounts_are_locked_in_a_user_namespace() -> None:
    """mount_namespaces(7): a remount that leaves them out is refused."""

    def inner() -> object:
        enter_user_namespace(process.CLONE_NEWNS)
        mount.mount(PLACE, PLACE, None, mount.MS_BIND)
        flags = mount.MS_BIND | mount.MS_REMOUNT | mount.MS_RDONLY
        told = failure(lambda: mount.mount(None, PLACE, None, flags))
        mount.mount(None, PLACE, None, flags | mount.MS_NOSUID | mount.MS_NODEV)
        return [told, "ro" in options("")]

    def outer() -> object:
        process.unshare(process.CLONE_NEWNS)
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
        mount.mount("none", PLACE, "tmpfs", mount.MS_NOSUID | mount.MS_NODEV)
        return in_child(as_user(inner))

    assert in_child(outer) == [[errno.EPERM, f"mount(none, {PLACE}): Operation not permitted"], True]


@needs_root
def test_an_ordinary_user_mounts_nothing() -> None:
    told = in_child(as_user(lambda: failure(lambda: mount.mount("none", "/mnt", "tmpfs", 0))))
    assert told == [errno.EPERM, "mount(tmpfs, /mnt): Operation not permitted"]


def identity_at(path: str) -> mounted.Mounted:
    fd = os.open(path, os.O_PATH)
    try:
        return mounted.mounted_at(fd)
    finally:
        os.close(fd)


def test_a_mount_is_told_from_others_before_and_after_it_is_attached(within: Within) -> None:
    def act() -> object:
        os.makedirs("a/inner")
        tree = mount.open_tree(process.AT_FDCWD, "a", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
        before = mounted.mounted_at(tree)
        mount.move_mount(tree, "", process.AT_FDCWD, "a", mount.MOVE_MOUNT_F_EMPTY_PATH)
        after, inner, around = (identity_at(path) for path in ("a", "a/inner", "."))
        return [
            before == after,
            before.inode == os.stat("a").st_ino,
            inner.number == after.number and inner != after,
            around.number != after.number,
        ]

    assert within(act) == [True] * 4


@pytest.mark.needs("linux:6.8")
def test_a_mount_is_found_by_its_number_wherever_it_lies(within: Within) -> None:
    def act() -> object:
        os.mkdir("a")
        mount.mount("tmpfs", "a", "tmpfs", 0)
        identity = identity_at("a")
        places = [mounted.mount_point(identity.number)]
        os.mkdir("b")
        mount.mount("a", "b", None, mount.MS_MOVE)
        places.append(mounted.mount_point(identity.number))
        mount.umount2("b")
        return [identity.is_unique, *places, mounted.mount_point(identity.number)]

    assert within(act) == [True, place_of("a"), place_of("b"), None]
