"""What the launcher executes: a quick answer where there is one, else all of runf out of one file.

``hatch_build.py`` puts it at the head of that file, with QUICK and REST filled in.
"""

import sys
from gc import disable
from marshal import loads
from posix import pread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

QUICK = (0, 0)  # where runtime.cli.quick lies, after what that needs: the offset and the size
REST = b""  # runtime.hot, and what its install takes


def begin(home: str, fd: int) -> None:
    """Answer quickly, and end the process; or let modules be found in the file, open as ``fd`` in ``home``."""
    disable()  # a command is over before there is anything to collect
    if "state" in sys.argv or "list" in sys.argv:
        answer_quickly(fd)
    code, *rest = loads(REST)
    hot: dict[str, Any] = {"__name__": "runtime.hot"}
    exec(code, hot)
    hot["install"](home, fd, *rest)


def answer_quickly(fd: int) -> None:
    """End the process with the answer, unless the command takes more than that."""
    offset, size = QUICK
    for name, code in loads(pread(fd, size, offset)).items():
        module = sys.modules[name] = type(sys)(name)
        exec(code, module.__dict__)
    sys.modules["runtime.cli.quick"].answer(sys.argv[2:])
