"""The mounts of config.json, made: each as a detached mount, finished there, and attached to a target held by fd.

    kind         made with                          then
    bind         open_tree(source, CLONE)           attributes, attach, propagation
    new          fsopen, fsconfig, fsmount          attach, propagation
    cgroup       the container's own view           see cgroup_mounts.py
    remount      -                                  attributes and data of what is mounted there
    propagation  -                                  of what is mounted there

Who makes the container has opened some sources already, and the user namespaces of id-mapped mounts: sources.py.
So no mount is ever visible without its attributes, and no path of the image is looked up twice.
Source: open_tree(2), fsopen(2), mount_setattr(2): Linux 5.12.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel import mount
from runtime.kernel.files import PROC_SUPER_MAGIC, statfs_type
from runtime.kernel.process import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from runtime.sandbox.features import copyup
from runtime.sandbox.mount_options import ATTRIBUTES, SUPERBLOCK, Attributes, MountOptions, data_options
from runtime.sandbox.mounts import PROC_TARGETS, SHARED_SUPERBLOCKS, STEP, has_mode
from runtime.sandbox.resolve import make_directory, make_file, open_in_root, open_plain_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.sandbox.mounts import MountStep

SYSFS = "/sys"
RESTRICTING = mount.MOUNT_ATTR_NOSUID | mount.MOUNT_ATTR_NODEV | mount.MOUNT_ATTR_NOEXEC
MS_REMOUNT = mount.MS_REMOUNT
# copies of a shared mount get what is mounted in it, and pass nothing back
RECEIVING = (mount.MS_SLAVE | mount.MS_REC,)


def apply_mount(root_fd: int, step: MountStep, *, keeps_in: bool = False) -> None:
    """Carry out one step below ``root_fd``, cgroup mounts excepted.  OSError, InitFault.

    ``keeps_in``: what is mounted in a bind must not appear in its source as well.
    """
    if step.kind == "bind":
        _bind(root_fd, step, keeps_in=keeps_in)
    elif step.fstype == "tmpfs" and step.kind == "new":
        _mount_tmpfs(root_fd, step)
    elif step.kind == "new":
        _mount_new(root_fd, step)
    else:
        _change(root_fd, step)


def _bind(root_fd: int, step: MountStep, *, keeps_in: bool) -> None:
    options = step.options
    tree = open_bind(step.source, recursive=options.is_recursive) if step.tree_fd is None else step.tree_fd
    try:
        if keeps_in:
            set_propagation(tree, RECEIVING)
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            target = make_directory(root_fd, step.destination)
        else:
            target = make_file(root_fd, step.destination)
        finish(tree, target, step, own=options.own)
    finally:
        os.close(tree)


def open_bind(source: str, *, recursive: bool) -> int:
    """A detached copy of the mount tree at the host's path ``source``."""
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    try:
        return mount.open_tree(AT_FDCWD, source, flags)
    except OSError as error:
        if error.errno == errno.EINVAL and not recursive:
            detail = f"{error.strerror} (in a user namespace it takes what is mounted beneath it along: rbind)"
            raise OSError(error.errno, detail) from None
        raise


def _mount_new(root_fd: int, step: MountStep) -> None:
    if step.fstype in ("proc", "sysfs"):
        target = open_plain_directory(root_fd, step.destination, STEP)
    else:
        target = make_directory(root_fd, step.destination)
    try:
        made = make_filesystem(step.fstype, step.source, step.options)
    except PermissionError:
        if step.fstype != "sysfs":
            raise
        _show_sysfs(target, step)
        return
    try:
        finish(made, target, step)
    finally:
        os.close(made)


def _show_sysfs(target: int, step: MountStep) -> None:
    """The host's, read-only: a new one belongs to whoever owns the network namespace, which is the host's here.

    Its cgroups are covered: an ordinary user may own some of them (CVE-2023-25809).
    """
    tree = open_bind(SYSFS, recursive=True)
    try:
        wanted = Attributes(attr_set=mount.MOUNT_ATTR_RDONLY | step.options.own.attr_set & RESTRICTING)
        set_attributes(tree, wanted, recursive=True)
        set_propagation(tree, RECEIVING)
        finish(tree, target, step)
        try:
            cgroups = os.open("fs/cgroup", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=tree)
        except FileNotFoundError:
            return
        cover = make_filesystem("tmpfs", "tmpfs", MountOptions(own=wanted, data=("nr_inodes=1",)))
        try:
            finish(cover, cgroups, step._replace(options=MountOptions()))
        finally:
            os.close(cover)
    finally:
        os.close(tree)


def _mount_tmpfs(root_fd: int, step: MountStep) -> None:
    """It has the mode of the directory that it covers, unless it is told one; with tmpcopyup the files as well."""
    options = step.options
    own = options.own
    covered = _open_if_there(root_fd, step.destination)
    if covered is None:
        target = make_directory(root_fd, step.destination)
    else:
        target = covered
        if not has_mode(options.data):
            options = options._replace(data=(*options.data, f"mode={stat.S_IMODE(os.fstat(target).st_mode):o}"))
        if options.copies_up:
            options = options._replace(own=own.changed_by(ATTRIBUTES["rw"]))  # what is copied still has to be written
    made = make_filesystem(step.fstype, step.source, options)
    try:
        if options.copies_up and covered is not None:
            copyup.copy_up(covered, made)
        finish(made, target, step, own=own if options.own != own else None)
    finally:
        os.close(made)


def _open_if_there(root_fd: int, path: str) -> int | None:
    try:
        return open_in_root(root_fd, path, flags=os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        return None


def make_filesystem(fstype: str, source: str, options: MountOptions) -> int:
    """A detached mount of a new file system; OSError with the kernel's own words where it has some."""
    context = mount.fsopen(fstype)
    try:
        try:
            mount.fsconfig_set_string(context, "source", source)
            if options.own.attr_set & mount.MOUNT_ATTR_RDONLY and fstype not in SHARED_SUPERBLOCKS:
                mount.fsconfig_set_flag(context, "ro")
            _configure(context, options)
            mount.fsconfig_create(context)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}{_told(context)}") from None
        return mount.fsmount(context, options.own.attr_set)
    finally:
        os.close(context)


def _configure(context: int, options: MountOptions) -> None:
    for flag in options.superblock:
        mount.fsconfig_set_flag(context, flag)
    for name, value in data_options(options.data):
        if value is None:
            mount.fsconfig_set_flag(context, name)
        else:
            mount.fsconfig_set_string(context, name, value)


def _reconfigure(mounted: int, options: MountOptions) -> None:
    """Change nothing of the file system but what is asked for; OSError with the kernel's own words."""
    context = mount.fspick(mounted)
    try:
        try:
            _configure(context, options)
            mount.fsconfig_reconfigure(context)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}{_told(context)}") from None
    finally:
        os.close(context)


def _count_changes(mounted: int, options: MountOptions) -> None:
    """iversion, by mount(2), which sets all attributes of the mount anew: those of ``options`` are set again after."""
    flags = MS_REMOUNT | mount.MS_I_VERSION
    for option in options.superblock:
        flags |= SUPERBLOCK[option]
    if options.own.attr_set & mount.MOUNT_ATTR_RDONLY:
        flags |= mount.MS_RDONLY
    mount.mount(None, f"/proc/self/fd/{mounted}", None, flags)
    set_attributes(mounted, options.own)
    set_attributes(mounted, options.tree, recursive=True)


def _told(context: int) -> str:
    """What the file system says about its last failure; each message starts with its severity and a space."""
    try:
        return f": {os.read(context, 4096)[2:].decode('utf-8', 'replace').strip()}"
    except OSError:
        return ""  # it has nothing to say (ENODATA)


def finish(mounted: int, target: int, step: MountStep, *, own: Attributes | None = None) -> None:
    """Give the detached mount its attributes, attach it to ``target``, which is closed, and set its propagation."""
    try:
        _check_target(target, step)
        if step.map_fd is not None:
            map_ids(mounted, step.map_fd, recursive=step.id_map is not None and step.id_map.reaches_tree)
        set_attributes(mounted, own or Attributes())
        set_attributes(mounted, step.options.tree, recursive=True)
        mount.move_mount(mounted, "", target, "", mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH)
        if step.options.counts_changes and step.kind == "new":
            _count_changes(mounted, step.options)
    finally:
        os.close(target)
    set_propagation(mounted, step.options.propagation)


def _check_target(target: int, step: MountStep) -> None:
    if statfs_type(target) == PROC_SUPER_MAGIC and step.destination not in PROC_TARGETS and step.fstype != "proc":
        raise InitFault(STEP, errno.EPERM, f"{step.describe()}: only a few files of procfs may be mounted over")


def _change(root_fd: int, step: MountStep) -> None:
    target = open_in_root(root_fd, step.destination)
    try:
        if step.kind == "remount" and (step.options.data or step.options.superblock):
            _reconfigure(target, step.options)
        set_attributes(target, step.options.own)
        set_attributes(target, step.options.tree, recursive=True)
        set_propagation(target, step.options.propagation)
    finally:
        os.close(target)


def set_attributes(mounted: int, attributes: Attributes, *, recursive: bool = False) -> None:
    """Change the mount of the fd, or with ``recursive`` all of its tree."""
    if attributes != Attributes():
        flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
        mount.mount_setattr(mounted, "", flags, attr_set=attributes.attr_set, attr_clr=attributes.attr_clr)


def map_ids(mounted: int, userns_fd: int, *, recursive: bool) -> None:
    """Have the detached mount of the fd show its files' owners as the maps of the user namespace say."""
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    mount.mount_setattr(mounted, "", flags, attr_set=mount.MOUNT_ATTR_IDMAP, userns_fd=userns_fd)


def set_propagation(mounted: int, kinds: Sequence[int]) -> None:
    """Set the propagation of the mount of the fd; MS_REC in a kind reaches all of its tree."""
    for kind in kinds:
        flags = AT_EMPTY_PATH | (AT_RECURSIVE if kind & mount.MS_REC else 0)
        mount.mount_setattr(mounted, "", flags, propagation=kind & ~mount.MS_REC)
