"""What Python code imports and calls, from its syntax tree; the code is never run.

Names are given as they are written and, where an import or a `getattr` with a literal hides it,
also as what they stand for: `import os as o` and `o.system(...)` give `o.system` and `os.system`.
Arguments are left out of names: `f(x)(y)` calls `f` and `f()`. An import of `os.path` is one of
`os` too. Commands that the code hands to a shell or to another program as literals are listed as
`shell_commands`, for whoever can read these."""

from __future__ import annotations

import ast
import builtins
import re
import shlex
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.code_places import CodePlaces
from policyc.runtime.detectors.notebook_cells import to_python
from policyc.runtime.detectors.protocol import MAX_MARKS
from policyc.runtime.records import PythonCode
from policyc.runtime.texts import placed_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.places import Mark

MAX_CODE = 100_000
"""Characters of a piece of code."""

MAX_NAMES = 20_000
"""Names that a piece of code may call."""

MAX_PARTS = 50
"""Parts of a called name that are looked at; `a.b()` has three."""

_BUILTINS = frozenset(
    name for name in dir(builtins) if not name.startswith("_") or name == "__import__"
)
_IMPORTERS = frozenset({"__import__", "builtins.__import__", "importlib.import_module"})
_RUNNERS = frozenset(
    {
        "os.system", "os.popen", "commands.getoutput", "asyncio.create_subprocess_shell",
        "pty.spawn", "get_ipython().system", "get_ipython().getoutput",
        "get_ipython().run_cell_magic",
        *(f"os.{name}" for name in ("execv", "execve", "execvp", "execvpe", "posix_spawn")),
        *(
            f"subprocess.{name}"
            for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput",
                         "getstatusoutput")
        ),
    }
)  # fmt: skip
"""Functions whose first argument is a command, or whose first list is one."""

_MEMBERS = ("imports", "builtins", "function_calls", "shell_commands")
"""The members of a result that list names."""

_FILE = "<code of a trace>"
_HEAD = re.compile(r"\w*")


def python_code(data: Any, ipython_mode: Any = False, *, place: Any = None) -> PythonCode:
    """What the code in all texts of a value uses; `place` is where the value lies in the trace. A
    text with a syntax error adds nothing else.

    Raises:
        BuiltinError: a text is too long, too deep or has too many names to be understood.
    """
    found: dict[str, dict[str, None]] = {member: {} for member in _MEMBERS}
    marks: dict[str, list[Mark]] = {member: [] for member in (*_MEMBERS, "syntax_error")}
    failures: list[str] = []
    for text, where in placed_texts(data, place):
        try:
            tree, parsed = _parse_cell(text) if ipython_mode else _parse(text)
        except SyntaxError as error:
            line = "" if error.lineno is None else f" (line {error.lineno})"
            failures.append(f"{error.msg}{line}")
            if where is not None:
                marks["syntax_error"].append((where, 0, len(text)))
            continue
        uses = _Uses(tree)
        for member in _MEMBERS:
            found[member].update(uses.found[member])
        if where is not None:
            places = CodePlaces(text, parsed)
            for member in _MEMBERS:
                spans = map(places.span, uses.nodes[member])
                marks[member] += ((where, start, end) for start, end in spans)
    return PythonCode(
        **{member: list(names) for member, names in found.items()},
        syntax_error=bool(failures),
        syntax_error_exception=failures[0] if failures else None,
    ).marked(marks)


def ipython_code(data: Any, *, place: Any = None) -> PythonCode:
    """The same for the cells of a notebook, with their `%magic` and `!command` lines."""
    return python_code(data, ipython_mode=True, place=place)


def _parse_cell(text: str) -> tuple[ast.Module, str]:
    try:
        return _parse(text)
    except SyntaxError:
        return _parse(to_python(text))


def _parse(text: str) -> tuple[ast.Module, str]:
    """The syntax tree of a text that may be indented as a whole, and what was parsed.

    Raises:
        SyntaxError: it is not Python.
        BuiltinError: it is too much for the parser.
    """
    if len(text) > MAX_CODE:
        raise BuiltinError(f"code of more than {MAX_CODE} characters is not parsed")
    _silence_warnings()
    code = textwrap.dedent(text)
    try:
        return ast.parse(code, filename=_FILE), code
    except (RecursionError, MemoryError):
        raise BuiltinError("the code is nested too deep to be parsed") from None
    except UnicodeError:
        raise SyntaxError("a character is no valid Unicode") from None
    except ValueError:
        raise SyntaxError("the code has a null character") from None


_SILENT = ("ignore", None, Warning, re.compile(re.escape(_FILE)), 0)


def _silence_warnings() -> None:
    """Keep the parser from warning the host about code that the host did not write.

    `catch_warnings` would change the filters of all threads for a while; a filter for our own file
    name can stay."""
    if _SILENT not in warnings.filters:
        warnings.filterwarnings("ignore", module=re.escape(_FILE))


class _Uses:
    """What one syntax tree imports, which built-ins it names, and what it calls: the names by the
    member of `PythonCode` that lists them, and the nodes that they are in."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: dict[str, dict[str, None]] = {member: {} for member in _MEMBERS}
        self.nodes: dict[str, list[ast.expr | ast.stmt]] = {member: [] for member in _MEMBERS}
        self.aliases: dict[str, dict[str, None]] = {"__builtins__": {"builtins": None}}
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
        for node in nodes:
            if isinstance(node, ast.Name) and node.id in _BUILTINS:
                self._add("builtins", node, node.id)
            elif isinstance(node, ast.Attribute):
                self._note_builtin(node, node.value, node.attr)
            elif isinstance(node, ast.Call):
                self._call(node)

    def _add(self, member: str, node: ast.expr | ast.stmt, *names: str) -> None:
        """List names, if any, and the node that they are in."""
        if names:
            self.found[member].update(dict.fromkeys(names))
            if len(self.nodes[member]) < MAX_MARKS:
                self.nodes[member].append(node)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add("imports", node, *_with_packages(alias.name))
            if alias.asname:
                self.aliases.setdefault(alias.asname, {})[alias.name] = None

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self._add("imports", node, *_with_packages(module))
        for alias in node.names:
            full = f"{module}.{alias.name}"
            self.aliases.setdefault(alias.asname or alias.name, {})[full] = None
            if module == "builtins":
                self._add("builtins", node, alias.name)

    def _note_builtin(self, node: ast.expr, owner: ast.expr, name: str) -> None:
        if isinstance(owner, ast.Name) and name in _BUILTINS:
            modules = self.aliases.get(owner.id, {})
            if owner.id == "builtins" or "builtins" in modules:
                self._add("builtins", node, name)

    def _call(self, node: ast.Call) -> None:
        hidden = _literal_getattr(node)
        if hidden is not None:
            self._note_builtin(node, *hidden)
        written = _called_name(node.func)
        if not written:
            return
        names = list(self._meanings(written))
        self._add("function_calls", node.func, *names)
        if len(self.found["function_calls"]) > MAX_NAMES:
            raise BuiltinError(f"code that calls more than {MAX_NAMES} names is not looked at")
        if not _RUNNERS.isdisjoint(names):
            self._add("shell_commands", node, *_literal_commands(node))
        if not _IMPORTERS.isdisjoint(names):
            module = node.args[0] if node.args else None
            if isinstance(module, ast.Constant) and isinstance(module.value, str):
                self._add("imports", node, *_with_packages(module.value))

    def _meanings(self, name: str) -> Iterator[str]:
        """A name as it is written, then as what an import made it stand for."""
        yield name
        head = _HEAD.match(name)
        first = head[0] if head else ""
        for module in self.aliases.get(first, ()):
            yield module + name[len(first) :]


def _with_packages(module: str) -> Iterator[str]:
    """A module and, unless it is relative, the packages that it is in."""
    yield module
    while "." in module and not module.startswith("."):
        module = module.rpartition(".")[0]
        yield module


def _called_name(function: ast.expr) -> str:
    """`a.b`, `a()`, `a[].b` for what is called; empty for what has no name."""
    parts: list[str] = []
    node = function
    while len(parts) < MAX_PARTS:
        match node:
            case ast.Name(id=name):
                parts.append(name)
                break
            case ast.Attribute(value=node, attr=name):
                parts.append(f".{name}")
            case ast.Call():
                hidden = _literal_getattr(node)
                parts.append("()" if hidden is None else f".{hidden[1]}")
                node = node.func if hidden is None else hidden[0]
            case ast.Subscript(value=node):
                parts.append("[]")
            case ast.Constant(value=str()):
                parts.append("''")
                break
            case _:
                break
    return "".join(reversed(parts))


def _literal_commands(node: ast.Call) -> Iterator[str]:
    """The command that a call runs, as a shell reads it; nothing where it is no literal."""
    given = [*node.args[:2], *(word.value for word in node.keywords if word.arg in ("args", "cmd"))]
    lists = [argument for argument in given if isinstance(argument, ast.List | ast.Tuple)]
    match lists or given:
        case [ast.List(elts=items) | ast.Tuple(elts=items), *_]:
            words = [item.value for item in items if isinstance(item, ast.Constant)]
            if len(words) == len(items) and all(isinstance(word, str) for word in words):
                yield shlex.join(map(str, words))
        case [ast.Constant(value=str() as command), *_]:
            yield command
        case _:
            pass


def _literal_getattr(node: ast.Call) -> tuple[ast.expr, str] | None:
    """The object and the name of `getattr(object, "name")`."""
    match node:
        case ast.Call(
            func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str() as name), *_]
        ):
            return owner, name
        case _:
            return None
