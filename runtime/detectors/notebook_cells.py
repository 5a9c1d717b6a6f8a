"""Cells of a notebook as plain Python: lines that only the notebook understands become calls.

`!command` becomes `get_ipython().system("command")`, `%magic` becomes
`get_ipython().run_line_magic()`, a cell of `%%bash` becomes `get_ipython().run_cell_magic("...")`,
and the code after `%time` and its like stays code. The arguments of magics are left out: what is
looked at are the calls, and the commands for a shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_MAGIC = "get_ipython().run_line_magic()"
_CELL_MAGIC = "get_ipython().run_cell_magic()"

_SHELLS = frozenset({"bash", "sh", "system", "sx", "!"})
"""Magics whose argument, or whose cell, is a command for a shell."""

_RUNS_CODE = frozenset({"capture", "prun", "python", "python3", "pypy", "time", "timeit"})
"""Magics whose argument, or whose cell, is Python code."""

_MAGIC = re.compile(r"%{1,2}([A-Za-z]\w*)(.*)")
_ASSIGNED = re.compile(r"([\w, .]+=\s{0,20})([!%])")
_HELP = re.compile(r"\?{1,2}[\w.%*]+|[\w.%*]+\?{1,2}\s{0,20}")


def to_python(cell: str) -> str:
    """A cell with each line of notebook syntax replaced; the number of lines stays."""
    lines = cell.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        magic = _MAGIC.match(lines[first])
        if magic is not None and _is_shell(magic):
            body = "\n".join(lines[first + 1 :])
            return f"get_ipython().run_cell_magic({body!r})"
        if magic is None or magic[1] not in _RUNS_CODE:
            return _CELL_MAGIC
        lines[first] = _CELL_MAGIC
    return "\n".join(_line(line) for line in _continued(lines))


def _is_shell(magic: re.Match[str]) -> bool:
    """Whether the cell below a magic is for a shell: `%%bash`, `%%script bash`."""
    return magic[1] in _SHELLS or (magic[1] == "script" and "sh" in magic[2])


def _continued(lines: list[str]) -> Iterator[str]:
    """The lines, with a command that goes on behind a backslash on its first one."""
    number = 0
    while number < len(lines):
        line, blank = lines[number], 0
        if line.lstrip().startswith("!"):
            while line.endswith("\\") and number + blank + 1 < len(lines):
                blank += 1
                line = line[:-1] + lines[number + blank]
        yield line
        yield from [""] * blank
        number += 1 + blank


def _system(command: str) -> str:
    return f"get_ipython().system({command!r})"


def _line(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith("!"):
        return indent + _system(code.lstrip("! "))
    magic = _MAGIC.match(code)
    if magic is not None:
        if magic[1] in _SHELLS:
            return indent + _system(magic[2].strip())
        argument = _argument(magic[2]) if magic[1] in _RUNS_CODE else ""
        return indent + (argument or _LINE_MAGIC)
    assigned = _ASSIGNED.match(code)
    if assigned is not None:
        command = code[assigned.end() :].strip()
        call = f"get_ipython().getoutput({command!r})" if assigned[2] == "!" else _LINE_MAGIC
        return indent + assigned[1] + call
    if _HELP.fullmatch(code):
        return indent + "pass"
    return line


def _argument(text: str) -> str:
    """The code after a magic, without the options before it: `-n 10 f(x)` is `f(x)`."""
    words = text.split()
    while words and (words[0].startswith("-") or words[0].isdigit()):
        words = words[1:]
    return text[text.index(words[0]) :].strip() if words else ""
