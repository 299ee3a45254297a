"""Modules out of one file: what the installed commands import, without a search of the path for each.

A command loads some sixty small modules, and finding one (the directory's time, two more stats, the file, its header)
takes longer than executing it.  So the installation compiles the packages into one file, which is read at once; a
module that isn't in it takes the usual way, and so do all where the file is missing or made for another Python.

    HEAD_BYTES: this module's code, the index and the groups' places, marshalled together | each group, marshalled

The launcher executes the first part before anything else could be imported, so it needs built-in modules only.  The
modules that the same commands need are one group, read at once: marshal shares what its members have in common.  The
index has for each module the number of its group and whether it is a package; a place is an offset and a size.
``hatch_build.py`` writes the file.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader
from _imp import extension_suffixes
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType

FILE_NAME = f"hot.{sys.implementation.cache_tag}"  # marshal's format and the bytecode last as long as the tag
HEAD_BYTES = 16384
EXTENSIONS = frozenset(("_ctypes", "_json", "_socket", "_struct", "errno", "fcntl", "select", "termios"))


class Finder:
    """Finds and loads the file's modules (importlib.abc.MetaPathFinder and Loader, whose import costs too much)."""

    def __init__(self, home: str, index: dict[str, tuple[int, bool]], places: list[tuple[int, int]]) -> None:
        self._home = home
        self._index = index
        self._places = places
        self._codes: dict[str, CodeType] = {}  # read, and not yet executed

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        found = self._index.get(name)
        if found is None:
            return _find_extension(name) if name in EXTENSIONS else None
        is_package = found[1]
        spec = ModuleSpec(name, self, origin=FILE_NAME, is_package=is_package)  # type: ignore[arg-type]
        if is_package:
            spec.submodule_search_locations = [f"{self._home}/{name.replace('.', '/')}"]  # for what isn't in the file
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: "ModuleType") -> None:
        name = module.__name__
        if name not in self._codes:
            self._read(*self._places[self._index[name][0]])
        place = f"{self._home}/{name.replace('.', '/')}"
        module.__file__ = f"{place}/__init__.py" if self._index[name][1] else f"{place}.py"
        exec(self._codes.pop(name), module.__dict__)

    def _read(self, offset: int, size: int) -> None:
        # opened for each: no fd may stay that a container could inherit, and the whole file is too many page faults
        fd = os.open(f"{self._home}/{FILE_NAME}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            codes = os.pread(fd, size, offset)
        finally:
            os.close(fd)
        self._codes.update(loads(codes))


def _find_extension(name: str) -> ModuleSpec | None:
    """Where Python's own extension modules lie, without a listing of its library; None: look there as usual."""
    path = f"{sys.path[-1]}/{name}{extension_suffixes()[0]}"
    try:
        os.stat(path)
    except OSError:
        return None  # built in, or elsewhere
    loader = ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    return spec


def install(home: str, index: dict[str, tuple[int, bool]], places: list[tuple[int, int]]) -> None:
    """Let modules be found there first; ``home`` is the directory of the file, and of the modules' own files."""
    sys.meta_path.insert(0, Finder(home, index, places))
