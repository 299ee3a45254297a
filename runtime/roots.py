"""Where the world is: tests pass temporary directories."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple


class Roots(NamedTuple):
    """Absolute paths of the state root and of the kernel's file systems."""

    state: str
    proc: str = "/proc"
    cgroup: str = "/sys/fs/cgroup"
    sys: str = "/sys"
