"""Modules out of one file: what the installed commands import, without a search of the path for each.

A command loads dozens of small modules, and finding one (the directory's time, two more stats, the file, its header)
takes longer than executing it.  So the installation compiles the packages into one file; a module that isn't in it
takes the usual way, and so do all where the file is missing or made for another Python.

    HEAD_BYTES: begin.py with this module, thin_os.py and the index | what answers quickly | each group; all marshalled

The launcher executes the first part before anything else could be imported, so it needs built-in modules only; what
answers quickly (cli/quick.py) is read where ``state`` or ``list`` is asked for, and often nothing else.  What a busy
command needs is one group, read at once: marshal shares what its members have in common.  Any module is also one by
itself, for whoever else needs it.  The index is a text with a line for each module, its name and the offset and the
size of each piece of its group: a dictionary would take longer to load than looking up the few names that are needed.

A group has for each module whether it is a package, and its code; for that of a command also an order: what it needs is
made before it, each where it finds what it imports.  So importlib, which costs as much as a small module does, hears of
one module of a command only.  ``hatch_build.py`` writes the file.
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
HEAD_BYTES = 20480
EXTENSIONS = frozenset(
    ("_ctypes", "_json", "_sha2", "_sha256", "_socket", "_struct", "errno", "fcntl", "grp", "select", "termios")
)


class Finder:
    """Finds and loads the file's modules (importlib.abc.MetaPathFinder and Loader, whose import costs too much)."""

    def __init__(self, home: str, index: str, bring_whole_os: "Callable[[], None]") -> None:
        self._home = home
        self._index = index
        self._bring_whole_os = bring_whole_os
        self._codes: dict[str, tuple[bool, CodeType]] = {}  # read, and not yet executed
        self._orders: dict[str, tuple[str, ...]] = {}

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name in self._codes or self._read(name):
            return ModuleSpec(name, self, origin=FILE_NAME, is_package=self._codes[name][0])  # type: ignore[arg-type]
        if name in sys.builtin_module_names:
            return None
        if name in EXTENSIONS:
            return _find_extension(name)
        self._bring_whole_os()  # whoever else imports os wants all of it
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: "ModuleType") -> None:
        name = module.__name__
        modules = sys.modules
        for each in self._orders.get(name, ()):
            if each not in modules:
                self._make(each)
        self._execute(module, name)

    def _make(self, name: str) -> None:
        """Have a module as importlib would, but for a spec, which only a reload would ask for."""
        module = sys.modules[name] = ModuleType(name)
        try:
            self._execute(module, name)
        except BaseException:
            del sys.modules[name]
            raise
        package, _, own = name.rpartition(".")
        if package:
            setattr(sys.modules[package], own, module)

    def _execute(self, module: "ModuleType", name: str) -> None:
        if name not in self._codes:
            self._read(name)
        is_package, code = self._codes.pop(name)
        place = f"{self._home}/{name.replace('.', '/')}"
        if is_package:
            module.__path__ = [place]  # for what isn't in the file
            module.__file__ = f"{place}/__init__.py"
        else:
            module.__file__ = f"{place}.py"
        exec(code, module.__dict__)

    def _read(self, name: str) -> bool:
        """Read the group of that module; whether the file has it."""
        line = f"\n{name} "
        at = self._index.find(line)
        if at < 0:
            return False
        places = map(int, self._index[at + len(line) : self._index.index("\n", at + 1)].split())
        # opened for each: no fd may stay that a container could inherit, and the whole file is too many page faults
        fd = open(f"{self._home}/{FILE_NAME}", O_RDONLY | O_CLOEXEC)
        try:
            for offset, size in zip(places, places, strict=True):
                codes, orders = loads(pread(fd, size, offset))
                self._codes.update(codes)
                self._orders.update(orders)
        finally:
            close(fd)
        return True


def _find_extension(name: str) -> ModuleSpec | None:
    """Where Python's own extension modules lie, without a listing of its library; None: look there as usual."""
    path = f"{sys.path[-1]}/{name}{extension_suffixes()[0]}"
    try:
        stat(path)
    except OSError:
        return None  # elsewhere
    loader = ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    return spec


def install(home: str, fd: int, thin_os: "CodeType", index: str) -> None:
    """Let modules be found in the file, open as ``fd``, which lies with their own files in the directory ``home``."""
    close(fd)
    sys.path.insert(0, home)
    if "--debug" in sys.argv:
        return  # a traceback needs the lines, which only the modules' own files have
    space: dict[str, Any] = {"__name__": "runtime.thin_os"}
    exec(thin_os, space)
    space["put_in_place"]()
    sys.meta_path.insert(0, Finder(home, index, space["bring_the_whole"]))
