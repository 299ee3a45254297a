"""Adds the file of compiled modules to the wheel (runtime/hot.py says why); hatchling runs this when it builds one."""

import ast
import importlib
import marshal
import os
import runpy
import subprocess
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from types import CodeType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

Codes = dict[str, tuple[bool, CodeType]]  # by module: whether it is a package
HERE = Path(__file__).resolve().parent
TEXTS = HERE / "schemas/generated/state_text.py"
ENTRY = "runtime.cli.entry"
COMMANDS = "runtime.cli.commands"
QUICK = ("runtime.glance", "schemas.generated.state_text", "runtime.cli.quick")  # each before what needs it
CONTEXT = "runtime.actions.context"  # which the entry imports for each command, before that
# what loads click, or runs only when somebody works on the project
COLD = (
    *("runtime.begin", "runtime.hot", "runtime.thin_os", "runtime.__main__"),
    *("runtime.cli.app", "runtime.cli.completion", "runtime.cli.reference", "schemas.generate", "schemas.texts"),
)


PIECE_BYTES = 120_000  # malloc(3), M_MMAP_THRESHOLD
FIRST_LINE_BYTES = 255
WORDS = 2  # the interpreter, and its options as one
# what a lean start must not break: the standard library, its extensions and other encodings
TRIAL = "import encodings; print(encodings.__file__); import encodings.aliases, json, select; b''.decode('cp1252')"
LINK = Path("lib/runf/python3")  # to the interpreter, below where runf is installed
# those that machines call most: what one of them needs lies together; by itself it lies there as well, for others
# what a command needs later than at its beginning, or not always: a group by itself, of what the command hasn't already
LATER = {
    "runtime.actions.start": "run",
    "runtime.actions.delete": "run",
    "runtime.sandbox.forked": "create",
}
# what a command says that it needs by a call, and not by an import
CALLED_FOR = {
    **dict.fromkeys(
        ("create", "run"), ("runtime.store.deleted", "runtime.cgroups.resources", "runtime.cgroups.devices")
    ),
    "delete": ("runtime.store.deleted",),
}
BUSY = ("create", "delete", "exec", "kill", "list", "run", "start", "state")


def compile_modules() -> tuple[str, bytes]:
    """The file's name and content, for the Python that runs this."""
    hot = runpy.run_path(str(HERE / "runtime/hot.py"))
    paths = {_module(path)[0]: path for top in ("runtime", "schemas") for path in sorted((HERE / top).rglob("*.py"))}
    names = [name for name in paths if name not in COLD]
    orders = _orders(paths)
    busy = (f"{COMMANDS}.{command}" for command in BUSY)
    groups = {name: (*orders[name], name) for name in (ENTRY, CONTEXT, *busy, *LATER)}
    first = groups[ENTRY] = (*groups[ENTRY], *groups.pop(CONTEXT))
    groups |= {name: (name,) for name in names if name not in groups and name not in first}
    places: dict[str, str] = {}
    body = quick = marshal.dumps({name: _compiled(paths[name]) for name in QUICK})
    for name, members in groups.items():
        pieces = list(_in_pieces({each: (_module(paths[each])[1], _compiled(paths[each])) for each in members}))
        pieces[-1] = (pieces[-1][0], {each: orders[each] for each in members if each in orders})
        places[name] = ""
        for piece in map(marshal.dumps, pieces):
            places[name] += f" {hot['HEAD_BYTES'] + len(body)} {len(piece)}"
            body += piece
    places |= dict.fromkeys(first, places[ENTRY])
    text = "".join(f"\n{name}{place}" for name, place in places.items())
    hot_code, thin_os = (_compiled(HERE / "runtime" / name) for name in ("hot.py", "thin_os.py"))
    rest = marshal.dumps((hot_code, thin_os, f"{text}\n"))
    filled = (("QUICK", (hot["HEAD_BYTES"], len(quick))), ("REST", rest))
    head = marshal.dumps(_compiled(HERE / "runtime/begin.py", filled))
    if len(head) > hot["HEAD_BYTES"]:
        raise ValueError(f"runtime/hot.py: HEAD_BYTES must be at least {len(head)}, in launchers/runf too")
    return hot["FILE_NAME"], head.ljust(hot["HEAD_BYTES"], b"\0") + body


def _in_pieces(codes: Codes) -> Iterator[tuple[Codes, dict[str, tuple[str, ...]]]]:
    """No more at once than malloc has on its heap: giving back what it maps takes the other processors' notice."""
    piece: Codes = {}
    size = 0
    for name, each in codes.items():
        own = len(marshal.dumps(each))
        if size + own > PIECE_BYTES:
            yield piece, {}
            piece, size = {}, 0
        piece[name] = each
        size += own
    yield piece, {}


def _orders(paths: dict[str, Path]) -> dict[str, tuple[str, ...]]:
    """For the entry, the context and each command: what the module imports, each after what that imports itself."""
    entry = _ordered((COMMANDS, ENTRY), paths, set())
    context = _ordered((CONTEXT,), paths, set(entry))
    orders = {ENTRY: entry[:-1], CONTEXT: context[:-1]}
    for path in sorted((HERE / COMMANDS.replace(".", "/")).glob("*.py")):
        if path.stem != "__init__":
            name = f"{COMMANDS}.{path.stem}"
            orders[name] = _ordered((*CALLED_FOR.get(path.stem, ()), name), paths, {*entry, *context})[:-1]
    for name, command in LATER.items():
        orders[name] = _ordered((name,), paths, {*entry, *context, *orders[f"{COMMANDS}.{command}"]})[:-1]
    return orders


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


@cache
def _compiled(path: Path, filled: tuple[tuple[str, Any], ...] = ()) -> CodeType:
    """Without docstrings, annotations and line numbers, which nobody reads there.

    ``filled`` are constants and their values.
    """
    name = str(Path("runf", path.relative_to(HERE)))
    tree: ast.Module = _Bare().visit(ast.parse(path.read_bytes(), name))
    constants = dict(filled) or (_expression() if path == TEXTS else {})
    for each in tree.body:
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) in constants:
            each.value = ast.Constant(constants[ast.unparse(each.targets[0])])
    code: CodeType = compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True, optimize=2)
    return _without_lines(code)


def _expression() -> dict[str, Any]:
    """``CODE`` instead of ``PATTERN``: what ``re`` makes of that, as ``_sre.compile`` takes it.

    Where this Python has another ``re``, commands decode what they would have matched.
    """
    pattern = runpy.run_path(str(TEXTS))["PATTERN"]
    try:
        compiler, parser = importlib.import_module("re._compiler"), importlib.import_module("re._parser")
        code = array("I", compiler._code(parser.parse(pattern, 0), 0)).tobytes()
    except (ImportError, AttributeError):
        code = b""
    return {"CODE": code, "PATTERN": ""}


class _Bare(ast.NodeTransformer):
    """What a module is when it is executed: no annotations but those of fields, nothing for the type checker."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node  # it is about annotations

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """The fields of a NamedTuple or a dataclass are found by their annotations, and named by them alone."""
        if node.decorator_list or any("NamedTuple" in ast.dump(base) for base in node.bases):
            kept = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            for each in kept:
                each.annotation = ast.Constant(None)
            node.body = [each if each in kept else self.visit(each) for each in node.body]
            return node
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


def _without_lines(code: CodeType) -> CodeType:
    """A quarter of what would have to be read; --debug takes the modules' own files, which have them."""
    inner = (_without_lines(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_linetable=b"", co_consts=tuple(inner))


def bound_launcher(interpreter: str) -> str | None:
    """The launcher for that Python alone, which no shell has to look for; None where a first line can't name it.

    The kernel takes no spaces there, and 255 bytes in all (execve(2), Linux 5.1).
    """
    head = (HERE / "launchers/bound").read_text().replace("{interpreter}", interpreter)
    first, _, _ = head.partition("\n")
    if not interpreter.startswith("/") or len(first.encode()) > FIRST_LINE_BYTES or len(first.split()) > WORDS:
        return None
    _, _, body = (HERE / "launchers/runf").read_text().rpartition("\n'''\n")
    return head + body


def lean_start(interpreter: str) -> dict[str, str]:
    """The files that let a link to that Python, in their directory, start sooner, by name; {} where they don't.

    ``<link>._pth`` has the path, so that ``launchers/encodings.py`` is found before the library (Modules/getpath.py).
    """
    program = os.path.realpath(interpreter)
    path = _said_by(program, "-IS", "-c", "import sys; print(*sys.path, sep='\\n')").splitlines()
    lines = (".", *filter(os.path.exists, path))
    encodings = HERE / "launchers/encodings.py"
    files = {f"{LINK.name}._pth": "\n".join((*lines, "")), encodings.name: encodings.read_text()}
    with TemporaryDirectory() as place:
        for name, text in files.items():
            Path(place, name).write_text(text)
        link = Path(place, LINK.name)
        link.symlink_to(program)
        found = _said_by(str(link), "-ISXutf8", "-c", TRIAL)
    return files if found == f"{place}/{encodings.name}\n" else {}


def _said_by(*argv: str) -> str:
    """What a program writes; nothing where it fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling looks for this name."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        name, content = compile_modules()
        path = Path(mkdtemp()) / name
        path.write_bytes(content)
        build_data["force_include"][str(path)] = f"runf/{name}"
        interpreter = os.environ.get("RUNF_INTERPRETER", "")
        bound = bound_launcher(interpreter)
        if bound is None:
            build_data["shared_scripts"]["launchers/runf"] = "runf"
        else:
            # as data: whoever installs a script writes a first line of their own, without the options
            files = {"bin/runf": bound}
            if Path(interpreter).match(str(LINK)):
                files |= {str(LINK.with_name(name)): text for name, text in lean_start(interpreter).items()}
            for place, text in files.items():
                path = path.with_name(Path(place).name)
                path.write_text(text)
                path.chmod(0o755 if text is bound else 0o644)
                build_data["shared_data"][str(path)] = place
