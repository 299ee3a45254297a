"""Unmounting a container's root where others live: the right one, whatever the kernel tells of mounts."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import mount, mounted, process, procfs
from runtime.sandbox import detaching
from runtime.sandbox.detaching import detach
from runtime.sandbox.rootfs import RootMount
from tests.support.forked import failure, in_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs("root")


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSYS, "statmount")


# what a kernel tells: a number of its own for each mount and where that lies; the first alone; neither
KERNELS: dict[str, Callable[[], object]] = {
    "6.8": lambda: None,
    "6.8 in a sandbox": lambda: setattr(detaching, "mount_point", refuse),
    "5.14": lambda: setattr(mounted, "STATX_MNT_ID_UNIQUE", 0),
}


@pytest.fixture(params=[pytest.param(kernel, id=name) for name, kernel in KERNELS.items()])
def within(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[str], object]], Any]:
    """Run an action with a mounted root in a mount namespace of its own."""

    def run(action: Callable[[str], object]) -> Any:
        def act() -> object:
            process.unshare(process.CLONE_NEWNS)
            mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
            request.param()
            return action(lay(str(tmp_path / "rootfs")))

        return in_child(act)

    return run


def lay(path: str) -> str:
    """A tmpfs at ``path``, with something mounted in it."""
    os.makedirs(path, exist_ok=True)
    mount.mount("tmpfs", path, "tmpfs", 0)
    os.mkdir(f"{path}/inner")
    mount.mount("tmpfs", f"{path}/inner", "tmpfs", 0)
    return path


def root_at(path: str) -> RootMount:
    fd = os.open(path, os.O_PATH)
    try:
        return RootMount(0, mounted.mounted_at(fd), path)
    finally:
        os.close(fd)


def is_told(root: RootMount) -> bool:
    """Whether the kernel tells where it lies."""
    return root.mounted.is_unique and detaching.mount_point is mounted.mount_point


def below(path: str) -> list[str]:
    points = (each.mount_point for each in procfs.mounts("/proc"))
    return [point.removeprefix(path) for point in points if point.startswith(path)]


def test_it_goes_with_what_lies_in_it(within: Callable[[Callable[[str], object]], Any]) -> None:
    def act(path: str) -> object:
        detach(root_at(path), None)
        return below(path)

    assert within(act) == []


def test_another_one_in_its_place_stays(within: Callable[[Callable[[str], object]], Any]) -> None:
    def act(path: str) -> object:
        root = root_at(path)
        other = lay(f"{path}.other")  # while the number is in use: before 6.8 it would get that
        mount.umount2(path, mount.MNT_DETACH)
        mount.mount(other, path, None, mount.MS_MOVE)
        detach(root, None)
        return below(path)

    assert within(act) == ["", "/inner"]


def test_one_over_it_stays_and_so_does_it(within: Callable[[Callable[[str], object]], Any]) -> None:
    def act(path: str) -> object:
        root = root_at(path)
        lay(path)
        if is_told(root):
            assert failure(lambda: detach(root, None))[0] == errno.EBUSY
        else:
            detach(root, None)
        return len(below(path))

    assert within(act) == 4


def test_a_link_in_its_path_leads_nowhere(within: Callable[[Callable[[str], object]], Any]) -> None:
    def act(path: str) -> object:
        os.rename(os.path.dirname(path), f"{os.path.dirname(path)}.moved")
        os.symlink(f"{os.path.dirname(path)}.moved", os.path.dirname(path))
        root = root_at(path)
        detach(root, None)
        is_left = bool(below(f"{os.path.dirname(path)}.moved"))
        return is_left != is_told(root)

    assert within(act) is True
