"""Mount options: one table from an option's name to what it changes.

    attribute    a property of one mount, set or cleared with mount_setattr(2); the r* forms reach the whole tree
    superblock   a property of the file system itself, which only the mount that makes it can set, or a remount
    propagation  how later mounts spread; the r* forms reach the whole tree
    manner       bind, rbind, remount, tmpcopyup, idmap, ridmap: what kind of mount it is
    data         anything else goes to the file system as it stands

Source: runtime-spec: config.md#mounts, and mount(8) for what the names mean.
"""

from __future__ import annotations

from runtime.kernel.mount import (
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_STRICTATIME,
    MS_DIRSYNC,
    MS_I_VERSION,
    MS_LAZYTIME,
    MS_MANDLOCK,
    MS_PRIVATE,
    MS_REC,
    MS_SHARED,
    MS_SLAVE,
    MS_SYNCHRONOUS,
    MS_UNBINDABLE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

# option: (attributes to clear, attributes to set); "r" before the name means the whole tree
ATTRIBUTES = {
    "ro": (0, MOUNT_ATTR_RDONLY),
    "rw": (MOUNT_ATTR_RDONLY, 0),
    "nosuid": (0, MOUNT_ATTR_NOSUID),
    "suid": (MOUNT_ATTR_NOSUID, 0),
    "nodev": (0, MOUNT_ATTR_NODEV),
    "dev": (MOUNT_ATTR_NODEV, 0),
    "noexec": (0, MOUNT_ATTR_NOEXEC),
    "exec": (MOUNT_ATTR_NOEXEC, 0),
    "nosymfollow": (0, MOUNT_ATTR_NOSYMFOLLOW),
    "symfollow": (MOUNT_ATTR_NOSYMFOLLOW, 0),
    "nodiratime": (0, MOUNT_ATTR_NODIRATIME),
    "diratime": (MOUNT_ATTR_NODIRATIME, 0),
    # the three kinds of access times exclude each other, so each clears the whole field (mount_setattr(2))
    "relatime": (MOUNT_ATTR__ATIME, 0),
    "norelatime": (MOUNT_ATTR__ATIME, 0),
    "noatime": (MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME),
    "atime": (MOUNT_ATTR__ATIME, 0),
    "strictatime": (MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME),
    "nostrictatime": (MOUNT_ATTR__ATIME, 0),
}
# option: the flag of mount(2); fsconfig(2) takes the option itself, where a value of 0 doesn't say otherwise:
# silent is what it always is, since it hands its messages out instead of logging them, and iversion has no word there
SUPERBLOCK = {
    "sync": MS_SYNCHRONOUS,
    "async": 0,
    "dirsync": MS_DIRSYNC,
    "lazytime": MS_LAZYTIME,
    "nolazytime": 0,
    "mand": MS_MANDLOCK,
    "nomand": 0,
    "iversion": MS_I_VERSION,
    "noiversion": 0,
    "silent": 0,
    "loud": 0,
}
WITHOUT_WORD = ("iversion", "noiversion", "silent", "loud")
PROPAGATION = {"private": MS_PRIVATE, "shared": MS_SHARED, "slave": MS_SLAVE, "unbindable": MS_UNBINDABLE}
# SELinux's: their values hold commas
CONTEXTS = ("context", "fscontext", "defcontext", "rootcontext")
MANNERS = ("bind", "rbind", "remount", "defaults", "tmpcopyup", "idmap", "ridmap")


class Attributes(NamedTuple):
    """MOUNT_ATTR_* to set and to clear, as mount_setattr(2) takes them."""

    attr_set: int = 0
    attr_clr: int = 0

    def changed_by(self, option: tuple[int, int]) -> Attributes:
        """These with one more option, which wins over what came before it."""
        clear, add = option
        return Attributes(self.attr_set & ~clear | add, self.attr_clr & ~add | clear)


class MountOptions(NamedTuple):
    """What a list of options asks for; ``propagation`` holds MS_* values in their order.

    ``superblock`` are words for fsconfig(2), ``counts_changes`` is iversion, for which it has none.
    """

    own: Attributes = Attributes()
    tree: Attributes = Attributes()
    superblock: tuple[str, ...] = ()
    propagation: tuple[int, ...] = ()
    is_bind: bool = False
    is_recursive: bool = False
    is_remount: bool = False
    copies_up: bool = False
    counts_changes: bool = False
    maps_ids: bool = False
    maps_tree: bool = False
    data: tuple[str, ...] = ()


def parse_options(options: Sequence[str]) -> MountOptions:
    """What ``options`` ask for together; a later one wins."""
    own, tree = Attributes(), Attributes()
    superblock: list[str] = []
    propagation: list[int] = []
    manners: set[str] = set()
    data: list[str] = []
    for option in options:
        if option in ATTRIBUTES:
            own = own.changed_by(ATTRIBUTES[option])
        elif option[:1] == "r" and option[1:] in ATTRIBUTES:
            tree = tree.changed_by(ATTRIBUTES[option[1:]])
        elif option in SUPERBLOCK:
            superblock.append(option)
        elif option in PROPAGATION:
            propagation.append(PROPAGATION[option])
        elif option[:1] == "r" and option[1:] in PROPAGATION:
            propagation.append(PROPAGATION[option[1:]] | MS_REC)
        elif option in MANNERS:
            manners.add(option)
        elif option:
            data.append(option)
    return MountOptions(
        own=own,
        tree=tree,
        superblock=tuple(option for option in superblock if option not in WITHOUT_WORD),
        propagation=tuple(propagation),
        is_bind=bool(manners & {"bind", "rbind"}),
        is_recursive="rbind" in manners,
        is_remount="remount" in manners,
        copies_up="tmpcopyup" in manners,
        counts_changes=[option for option in superblock if option.endswith("iversion")][-1:] == ["iversion"],
        maps_ids=bool(manners & {"idmap", "ridmap"}),
        maps_tree="ridmap" in manners,
        data=tuple(data),
    )


def data_options(data: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The file system's own options one by one: name and value, None for those that have none."""
    for text in data:
        name, _, value = text.partition("=")
        if name in CONTEXTS:
            yield name, value.strip('"')
            continue
        for option in filter(None, text.split(",")):
            name, assigned, value = option.partition("=")
            yield name, value if assigned else None
