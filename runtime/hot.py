"""Modules out of one file: what the installed commands import, without a search of the path for each.

A command loads dozens of small modules, and finding one (the directory's time, two more stats, the file, its header)
takes longer than executing it.  So the installation compiles the packages into one file; a module that isn't in it
takes the usual way, and so do all where the file is missing or made for another Python.

    HEAD_BYTES: the code of this module and of thin_os.py, the index, the groups' places | each group; all marshalled

The launcher executes the first part before anything else could be imported, so it needs built-in modules only.  The
modules that the same commands need are one group, read at once: marshal shares what its members have in common.  A
group is a dictionary of code by module and one of orders: before the module of a command is executed, what it needs is
made in an order in which each finds there what it imports.  So importlib, which costs as much as a small module does,
hears of one module of a command only.  ``hatch_build.py`` writes the file.
"""

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader
from _imp import extension_suffixes
from marshal import loads
from posix import O_CLOEXEC, O_RDONLY, close, open, pread, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType
    from typing import Any
else:
    ModuleType = type(sys)

FILE_NAME = f"hot.{sys.implementation.cache_tag}"  # marshal's format and the bytecode last as long as the tag
HEAD_BYTES = 16384
EXTENSIONS = frozenset(
    ("_ctypes", "_json", "_sha2", "_sha256", "_socket", "_struct", "errno", "fcntl", "grp", "select", "termios")
)


class Finder:
    """Finds and loads the file's modules (importlib.abc.MetaPathFinder and Loader, whose import costs too much).

    The index has for each module the number of its group and whether it is a package, a place is an offset and a size.
    """

    def __init__(
        self,
        home: str,
        index: dict[str, tuple[int, bool]],
        places: list[tuple[int, int]],
        bring_whole_os: "Callable[[], None]",
    ) -> None:
        self._home = home
        self._bring_whole_os = bring_whole_os
        self._index = index
        self._places = places
        self._codes: dict[str, CodeType] = {}  # read, and not yet executed
        self._orders: dict[str, tuple[str, ...]] = {}

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        found = self._index.get(name)
        if found is None:
            return self._find_foreign(name)
        return ModuleSpec(name, self, origin=FILE_NAME, is_package=found[1])  # type: ignore[arg-type]

    def _find_foreign(self, name: str) -> ModuleSpec | None:
        if name in EXTENSIONS:
            return _find_extension(name)
        if name not in sys.builtin_module_names:
            self._bring_whole_os()  # whoever else imports os wants all of it
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: "ModuleType") -> None:
        name = module.__name__
        code = self._code_of(name)
        modules = sys.modules
        for each in self._orders.get(name, ()):
            if each not in modules:
                self._make(each)
        self._execute(module, name, code)

    def _make(self, name: str) -> None:
        """Have a module as importlib would, but for a spec, which only a reload would ask for."""
        module = sys.modules[name] = ModuleType(name)
        try:
            self._execute(module, name, self._code_of(name))
        except BaseException:
            del sys.modules[name]
            raise
        package, _, own = name.rpartition(".")
        if package:
            setattr(sys.modules[package], own, module)

    def _execute(self, module: "ModuleType", name: str, code: "CodeType") -> None:
        place = f"{self._home}/{name.replace('.', '/')}"
        if self._index[name][1]:
            module.__path__ = [place]  # for what isn't in the file
            module.__file__ = f"{place}/__init__.py"
        else:
            module.__file__ = f"{place}.py"
        exec(code, module.__dict__)

    def _code_of(self, name: str) -> "CodeType":
        if name not in self._codes:
            self._read(*self._places[self._index[name][0]])
        return self._codes.pop(name)

    def _read(self, offset: int, size: int) -> None:
        # opened for each: no fd may stay that a container could inherit, and the whole file is too many page faults
        fd = open(f"{self._home}/{FILE_NAME}", O_RDONLY | O_CLOEXEC)
        try:
            codes, orders = loads(pread(fd, size, offset))
        finally:
            close(fd)
        self._codes.update(codes)
        self._orders.update(orders)


def _find_extension(name: str) -> ModuleSpec | None:
    """Where Python's own extension modules lie, without a listing of its library; None: look there as usual."""
    path = f"{sys.path[-1]}/{name}{extension_suffixes()[0]}"
    try:
        stat(path)
    except OSError:
        return None  # built in, or elsewhere
    loader = ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    return spec


def install(home: str, thin_os: "CodeType", index: dict[str, tuple[int, bool]], places: list[tuple[int, int]]) -> None:
    """Let modules be found there first; ``home`` is the directory of the file, and of the modules' own files."""
    space: dict[str, Any] = {"__name__": "runtime.thin_os"}
    exec(thin_os, space)
    space["put_in_place"]()
    sys.meta_path.insert(0, Finder(home, index, places, space["bring_the_whole"]))
