"""``os`` without its abstract classes: what the installed commands have under that name.

``import os`` costs a fifth of an interpreter's start, nearly all of it for the thirty classes of ``_collections_abc``,
of which it needs two.  The system calls are those of ``posix``, where it has them from as well; of its own this has
only what the runtime uses.  Whatever else is asked for, and any module of the standard library that is imported, brings
the whole of it: ``runtime/hot.py`` sees to that, and so do the modules' own files, where all is as usual.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any
else:
    ModuleType = type(sys)


thin = ModuleType("os")


def put_in_place() -> None:
    """Let ``import os`` find it; the launcher's -X utf8 has settled how file names are encoded."""
    own = dict(thin.__dict__)
    code, errors = "utf-8", "surrogateescape"
    thin.__dict__.update(posix.__dict__)
    thin.__dict__.update(
        own,
        devnull="/dev/null",
        SEEK_SET=0,
        fsencode=encode,
        fsdecode=decode,
        environb=posix.environ,
        environ={name.decode(code, errors): value.decode(code, errors) for name, value in posix.environ.items()},
        __getattr__=of_the_whole,
    )
    sys.modules["os"] = thin
    import posixpath  # it imports os

    sys.modules["os.path"] = thin.path = posixpath  # type: ignore[attr-defined]


def encode(name: "Any") -> bytes:
    """The bytes of a file name, as ``os.fsencode``."""
    path = posix.fspath(name)
    return path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path


def decode(name: "Any") -> str:
    """The text of a file name, as ``os.fsdecode``."""
    path = posix.fspath(name)
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else path


def of_the_whole(name: str) -> "Any":
    """A member that is missing here (PEP 562)."""
    if name[:2] == "__":
        raise AttributeError(name)  # importlib and copy ask for some that no module needs to have
    bring_the_whole()
    return getattr(sys.modules["os"], name)


def bring_the_whole() -> None:
    """Have ``import os`` find the real one from here on; modules that hold this one keep it, and use the same calls."""
    if sys.modules.get("os") is not thin:
        return  # it has come already, or is about to
    del sys.modules["os"]
    import os

    for name in ("posixpath", "genericpath"):
        sys.modules[name].os = os  # type: ignore[attr-defined]
