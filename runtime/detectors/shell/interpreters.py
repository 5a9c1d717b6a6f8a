"""Code of other languages on a command line: `python -c`, `perl -e`, `node -e`, ...

Nothing is run. Python is read by its syntax tree, the others by the few forms in which they start a
command. A command that is written out is a script like any other; one that is put together is
undecidable.
"""

from __future__ import annotations

import ast
import re
import textwrap
from functools import lru_cache
from typing import TYPE_CHECKING

from policyc.runtime.detectors.notebook_cells import to_python
from policyc.runtime.detectors.shell.unwrapping import Inside, Nested, data_of
from policyc.runtime.detectors.shell.values import Data, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.unwrapping import Handler

MAX_CODE = 50_000
"""Characters of inline code that are read."""

_INLINE = {
    "python": ("-c",),
    "perl": ("-e", "-E"),
    "ruby": ("-e",),
    "node": ("-e", "--eval", "-p", "--print", "-pe"),
    "nodejs": ("-e", "--eval", "-p", "--print"),
    "deno": ("eval",),
    "bun": ("-e", "--eval"),
    "php": ("-r", "-B", "-R", "-E"),
    "lua": ("-e",),
    "osascript": ("-e",),
    "Rscript": ("-e",),
    "julia": ("-e",),
    "tclsh": (),
    "expect": ("-c",),
}


@lru_cache(maxsize=1_024)
def language_of(name: str) -> str | None:
    """The interpreter that a command name stands for, without its version."""
    plain = re.sub(r"[\d.]+(?:-\w+)?$", "", name)
    plain = {"pypy": "python", "luajit": "lua", "ipython": "python"}.get(plain, plain)
    return plain if plain in _INLINE else None


def code_of(call: Call) -> list[tuple[Data, Word | None]]:
    """The code that an interpreter gets on its command line or its standard input."""
    language = language_of(call.name) or ""
    flags = _INLINE.get(language, ())
    found: list[tuple[Data, Word | None]] = []
    words = call.words
    for at in range(1, len(words)):
        text = words[at].value
        if text in flags or _is_cluster(language, text):
            if at + 1 < len(words):
                found.append((data_of(words[at + 1]), words[at + 1]))
        elif len(text) > 2 and text[:2] in flags and not text.startswith("--"):
            word = words[at].with_value(text[2:])
            found.append((data_of(word), word))
        elif not text.startswith("-") and language == "python":
            break
    if found:
        return found
    files = [word for word in words[1:] if not word.value.startswith("-") or word.value == "-"]
    if any(arg in ("-m", "--module", "-V", "--version", "-h", "--help") for arg in call.args):
        return []
    if not files or files[0].value in ("-", "/dev/stdin"):
        return [] if call.stdin is None else [(call.stdin, None)]
    written = call.state.files.get(call.path(files[0]))
    return [] if written is None else [(written, files[0])]


def _is_cluster(language: str, text: str) -> bool:
    """`perl -ne`, `ruby -ane`, `python -Ic`: the code's flag is the last of several."""
    letters = {"perl": "eE", "ruby": "e", "python": "c", "node": "ep", "php": "r"}.get(language, "")
    return re.fullmatch(rf"-[A-Za-z0-9]*[{letters}]", text) is not None if letters else False


def _interpreter(call: Call) -> Inside | None:
    inside = Inside(keeps_stdin=False)
    language = language_of(call.name) or ""
    for data, word in code_of(call):
        call.executes.append((data, word))
        if data.text is None:
            continue
        for script, is_known in commands_in(language, data.text):
            if is_known:
                inside.scripts.append(Nested(Data(script, data.labels), word, positional=None))
            else:
                inside.unknown.append((f"the code for {language} {script}", word))
    return inside


def commands_in(language: str, code: str) -> Iterator[tuple[str, bool]]:
    """The commands that code starts; with False, what it does instead that cannot be told."""
    if len(code) > MAX_CODE:
        yield "is too long to be read", False
    elif language == "python":
        yield from _python(code)
    else:
        yield from _other(language, code)


# --- Python ---------------------------------------------------------------------------------------

_PYTHON_RUNNERS = {
    "os.system",
    "os.popen",
    "subprocess.run",
    "subprocess.call",
    "subprocess.Popen",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "commands.getoutput",
    "pty.spawn",
    "os.execv",
    "os.execvp",
    "os.execl",
    "os.execlp",
    "os.execve",
    "os.spawnl",
    "os.spawnlp",
    "os.spawnv",
    "asyncio.create_subprocess_shell",
    "asyncio.create_subprocess_exec",
}
_NOTEBOOK_RUNNERS = {
    "get_ipython.system",
    "get_ipython.getoutput",
    "get_ipython.run_cell_magic",
}
_PYTHON_VALUE = re.compile(r"(?<!\$)\{[^{}\n]*\}")
"""What a notebook fills in before a shell gets the line."""
_PYTHON_DELETES = {
    "shutil.rmtree": "rm -rf",
    "os.remove": "rm",
    "os.unlink": "rm",
    "os.rmdir": "rmdir",
    "os.removedirs": "rmdir",
}
_DYNAMIC = {"exec", "eval", "compile", "__import__", "builtins.exec", "builtins.eval"}
_HARMLESS_EVAL = re.compile(r"[\w\s+\-*/%().,\[\]'\"]*")


def _python(code: str) -> Iterator[tuple[str, bool]]:
    try:
        tree = _tree(code)
    except (SyntaxError, ValueError):
        # It may have been cut, or be written for another version.
        yield from _other("python", code)
        return
    except (RecursionError, MemoryError):
        yield "is nested too deep to be read", False
        return
    aliases = _aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _python_call(node, aliases)


def _tree(code: str) -> ast.Module:
    """The syntax tree of a program, or of a notebook's cell."""
    code = textwrap.dedent(code)
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.parse(to_python(code))


def _aliases(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update((one.asname or one.name, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                names[one.asname or one.name] = f"{node.module}.{one.name}"
    return names


def _python_call(node: ast.Call, aliases: dict[str, str]) -> Iterator[tuple[str, bool]]:
    name = _dotted(node.func)
    head, _, rest = name.partition(".")
    if head in aliases:
        name = f"{aliases[head]}.{rest}" if rest else aliases[head]
    if name in _DYNAMIC and node.args:
        argument = node.args[0]
        literal = _text(argument)
        if name == "__import__" or (literal is not None and _HARMLESS_EVAL.fullmatch(literal)):
            return
        if literal is None:
            yield "runs code that is put together", False
        else:
            yield from _python(literal) if len(literal) < MAX_CODE // 10 else ()
    elif name in _NOTEBOOK_RUNNERS:
        yield from _notebook_command(node)
    elif name in _PYTHON_RUNNERS:
        yield _command_of(node, name)
    elif name in _PYTHON_DELETES and node.args:
        path = _text(node.args[0])
        if path is not None:
            yield f"{_PYTHON_DELETES[name]} {_quote(path)}", True
        elif name == "shutil.rmtree":
            yield "deletes folders that are not known", False
    elif name == "open" and node.args:
        yield from _opened(node)


def _notebook_command(node: ast.Call) -> Iterator[tuple[str, bool]]:
    """`!command` or `%%bash`; magics that are for no shell have no arguments here."""
    if not node.args:
        return
    text = _text(node.args[-1])
    if text is None:
        yield "starts a command that is put together", False
    elif "\n" in text:
        yield text, True
    else:
        yield _PYTHON_VALUE.sub('"$_"', text), True


def _opened(node: ast.Call) -> Iterator[tuple[str, bool]]:
    """An opened file as the command that does the same, so that one table of paths is enough."""
    path = _text(node.args[0])
    mode = _text(node.args[1]) if len(node.args) > 1 else "r"
    if path is not None:
        verb = (
            ": >" if mode is not None and "w" in mode else ": >>" if mode and "a" in mode else "cat"
        )
        yield f"{verb} {_quote(path)}", True


def _command_of(node: ast.Call, name: str) -> tuple[str, bool]:
    arguments = list(node.args)
    if name.startswith(("os.exec", "os.spawn")):
        arguments = arguments[1 if name.startswith("os.spawn") else 0 :]
        texts = [_text(one) for one in arguments]
        if texts and texts[0] is not None and all(text is not None for text in texts[2:]):
            return " ".join(_quote(text) for text in [texts[0], *texts[2:]] if text), True
    first = arguments[0] if arguments else None
    if isinstance(first, ast.List | ast.Tuple):
        parts = [_text(one) for one in first.elts]
        if parts and parts[0] is not None:
            return " ".join(_quote(part) if part is not None else '"$_"' for part in parts), True
    text = None if first is None else _text(first)
    return (text, True) if text is not None else ("starts a command that is put together", False)


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while len(parts) < 20:
        match node:
            case ast.Attribute(value=node, attr=name):
                parts.append(name)
            case ast.Name(id=name):
                parts.append(name)
                break
            case ast.Call(func=ast.Name(id="get_ipython" as name)):
                parts.append(name)
                break
            case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(value=str() as name)]):
                parts.append(name)
                break
            case ast.Call(
                func=ast.Name(id="getattr"), args=[node, ast.Constant(value=str() as name), *_]
            ):
                parts.append(name)
            case _:
                return ""
    return ".".join(reversed(parts))


def _text(node: ast.expr) -> str | None:
    """The text of a literal, of joined ones, or of `expanduser`."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = _text(left), _text(right)
            return None if one is None or other is None else one + other
        case ast.Call(func=ast.Attribute(attr="expanduser" | "Path"), args=[inner]):
            return _text(inner)
        case _:
            return None


def _quote(text: str) -> str:
    return (
        text if re.fullmatch(r"[\w@%+=:,./~-]+", text) else "'" + text.replace("'", "'\\''") + "'"
    )


# --- other languages ------------------------------------------------------------------------------

_RUNNERS = {
    "python": r"\bos\.(?:system|popen)|\bsubprocess\.\w+|\bpty\.spawn",
    "perl": r"\b(?:system|exec)\b|`|\bqx\b",
    "ruby": r"\b(?:system|exec|spawn)\b|`|%x|\bIO\.popen\b",
    "node": r"\b(?:exec|execSync|spawn|spawnSync|execFile|execFileSync|fork)\b",
    "php": r"\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\b|`",
    "lua": r"\b(?:os\.execute|io\.popen)\b",
    "osascript": r"\bdo shell script\b",
    "Rscript": r"\bsystem2?\b",
    "julia": r"\brun\b|`",
    "expect": r"\b(?:spawn|exec|system)\b",
    "tclsh": r"\bexec\b",
}
_RUNNERS |= {"nodejs": _RUNNERS["node"], "deno": _RUNNERS["node"], "bun": _RUNNERS["node"]}
_LITERAL = re.compile(
    r"""\s*[(\[]?\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')(\s*[.+]\s*\S)?"""
)
_REST = re.compile(r"""\s*,\s*\[?\s*["']([^"'\n]*)["']""")
_BACKTICKS = re.compile(r"`([^`]*)`|%x[({]([^)}]*)[)}]|\bqx[({/]([^)}/]*)[)}/]")
_DELETES = re.compile(
    r"""\b(?:rmtree|remove_tree|rmSync|rmdirSync|removeSync|rimraf|rm_rf|rm_r|remove_dir_all)"""
    r"""\b(?:\.sync)?\s*\(?\s*["']([^"'\n]+)["']"""
)
_TCL = re.compile(r"\b(?:spawn|exec|system)\s+([^;\n]+)")
_EVAL = re.compile(
    r"(?<![\w.$>-])(?:eval|instance_eval|Function|loadstring|assert|create_function)\s*[( ]\s*(\S)"
)


def _other(language: str, code: str) -> Iterator[tuple[str, bool]]:
    runner = _RUNNERS.get(language)
    if runner is None:
        return
    if language != "node":
        for match in _BACKTICKS.finditer(code):
            if "`" in runner or language in ("ruby", "perl"):
                yield next(group for group in match.groups() if group is not None), True
    if language in ("expect", "tclsh"):
        yield from ((match[1], True) for match in _TCL.finditer(code))
        return
    for match in re.finditer(runner, code):
        if match[0] in ("`", "qx", "%x"):
            continue
        yield from _started(code, match.end())
    for match in _DELETES.finditer(code):
        yield f"rm -rf {_quote(match[1])}", True
    for match in _EVAL.finditer(code):
        if match[1] not in "\"'{":
            yield "runs code that is put together", False


def _started(code: str, at: int) -> Iterator[tuple[str, bool]]:
    """The command after the name of a function that starts one; none where it is only a name."""
    match = _LITERAL.match(code, at)
    if match is None:
        if re.match(r"\s*\(?\s*[$@\w]", code[at : at + 40]):
            yield "starts a command that is put together", False
        return
    text = match[1] if match[1] is not None else match[2]
    if match[3]:
        yield "starts a command that is put together", False
        return
    words, end = [text], match.end()
    while len(words) < 20 and (rest := _REST.match(code, end)):
        words.append(rest[1])
        end = rest.end()
    yield text if len(words) == 1 else " ".join([text, *map(_quote, words[1:])]), True


LANGUAGES: frozenset[str] = frozenset(_INLINE)
"""What `language_of` may answer."""


def _powershell(call: Call) -> Inside | None:
    """A language of its own, which `powershell(...)` reads."""
    options = "|".join(call.args).lower()
    if not call.words[1:] or re.fullmatch(r"-{1,2}(?:version|help|v|h|\?)", options):
        return None
    return Inside(unknown=[("PowerShell is read by `powershell`, not by `shell`", None)])


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_INLINE, _interpreter),
    **dict.fromkeys(("powershell", "pwsh"), _powershell),
}
