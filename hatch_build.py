"""Adds the file of compiled modules to the wheel (runtime/hot.py says why); hatchling runs this when it builds one."""

import __future__

import ast
import marshal
import runpy
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from types import CodeType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
ENTRY = "runtime.cli.entry"
CONTEXT = "runtime.actions.context"  # which the entry imports for each command
# what loads click, or runs only when somebody works on the project
COLD = (
    *("runtime.hot", "runtime.thin_os", "runtime.__main__"),
    *("runtime.cli.app", "runtime.cli.completion", "runtime.cli.reference", "schemas.generate"),
)


# those that machines call most: modules that the same of them need lie together
BUSY = ("create", "delete", "exec", "kill", "list", "run", "start", "state")


def compile_modules() -> tuple[str, bytes]:
    """The file's name and content, for the Python that runs this."""
    hot = runpy.run_path(str(HERE / "runtime/hot.py"))
    paths = {_module(path)[0]: path for top in ("runtime", "schemas") for path in sorted((HERE / top).rglob("*.py"))}
    names = [name for name in paths if name not in COLD]
    orders = _orders(paths)
    needed_by = {command: _needed(f"runtime.cli.commands.{command}", orders) for command in BUSY}
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        commands = tuple(command for command in BUSY if name in needed_by[command])
        groups.setdefault(commands or (name,), []).append(name)
    index = {}
    places = []
    body = b""
    for number, members in enumerate(groups.values()):
        needed = {name: orders[name] for name in members if name in orders}
        group = marshal.dumps(({name: _compiled(paths[name]) for name in members}, needed))
        index.update({name: (number, _module(paths[name])[1]) for name in members})
        places.append((hot["HEAD_BYTES"] + len(body), len(group)))
        body += group
    codes = [_compiled(HERE / "runtime" / name) for name in ("hot.py", "thin_os.py")]
    head = marshal.dumps((*codes, index, places))
    if len(head) > hot["HEAD_BYTES"]:
        raise ValueError(f"runtime/hot.py: HEAD_BYTES must be at least {len(head)}, in launchers/runf too")
    return hot["FILE_NAME"], head.ljust(hot["HEAD_BYTES"], b"\0") + body


def _orders(paths: dict[str, Path]) -> dict[str, tuple[str, ...]]:
    """For the entry and each command's module: what it imports, each after what that imports itself."""
    entry = _ordered((ENTRY,), paths, set())
    orders = {ENTRY: entry[:-1]}
    for path in sorted((HERE / "runtime/cli/commands").glob("*.py")):
        if path.stem != "__init__":
            name = f"runtime.cli.commands.{path.stem}"
            orders[name] = _ordered((CONTEXT, name), paths, set(entry))[:-1]
    return orders


def _needed(name: str, orders: dict[str, tuple[str, ...]]) -> set[str]:
    return {ENTRY, *orders[ENTRY], name, *orders[name]}


def _ordered(roots: tuple[str, ...], paths: dict[str, Path], done: set[str]) -> tuple[str, ...]:
    """``roots`` and what they import but for ``done``: a package before its modules, a module after its imports."""
    found: list[str] = []
    begun = set(done)

    def visit(name: str) -> None:
        if name in paths and name not in begun:
            begun.add(name)
            for each in (name.rpartition(".")[0], *_imports(ast.parse(paths[name].read_bytes()).body)):
                visit(each)
            found.append(name)

    for root in roots:
        visit(root)
    return tuple(found)


def _imports(statements: list[ast.stmt]) -> Iterator[str]:
    """What a module imports when it is executed; a name that isn't a module's does no harm."""
    for each in statements:
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module is not None:
            yield each.module
            yield from (f"{each.module}.{alias.name}" for alias in each.names)
        elif isinstance(each, ast.If):
            yield from _imports(each.orelse)  # the other half is for the type checker


def _module(path: Path) -> tuple[str, bool]:
    parts = path.relative_to(HERE).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package


def _compiled(path: Path) -> CodeType:
    """Without docstrings and line numbers, which nobody reads there; what ``from __future__`` does, not that import."""
    name = str(Path("runf", path.relative_to(HERE)))
    tree = ast.parse(path.read_bytes(), name)
    kept = [each for each in tree.body if not (isinstance(each, ast.ImportFrom) and each.module == "__future__")]
    flags = __future__.annotations.compiler_flag if len(kept) < len(tree.body) else 0
    tree.body = kept
    code: CodeType = compile(tree, name, "exec", flags, dont_inherit=True, optimize=2)
    return _without_lines(code)


def _without_lines(code: CodeType) -> CodeType:
    """A quarter of what would have to be read; --debug takes the modules' own files, which have them."""
    inner = (_without_lines(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_linetable=b"", co_consts=tuple(inner))


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling looks for this name."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        name, content = compile_modules()
        path = Path(mkdtemp()) / name
        path.write_bytes(content)
        build_data["force_include"][str(path)] = f"runf/{name}"
