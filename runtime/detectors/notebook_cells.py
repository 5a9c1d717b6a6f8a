"""Cells of a notebook as plain Python: lines that only the notebook understands become calls.

`!command` becomes `get_ipython().system()`, `%magic` becomes `get_ipython().run_line_magic()`, and
the code after `%time` and its like stays code. The arguments are left out: what is looked at are
the calls."""

from __future__ import annotations

import re

_SHELL = "get_ipython().system()"
_OUTPUT = "get_ipython().getoutput()"
_LINE_MAGIC = "get_ipython().run_line_magic()"
_CELL_MAGIC = "get_ipython().run_cell_magic()"

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
        if magic is None or magic[1] not in _RUNS_CODE:
            return _CELL_MAGIC
        lines[first] = _CELL_MAGIC
    return "\n".join(_line(line) for line in lines)


def _line(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith("!"):
        return indent + _SHELL
    magic = _MAGIC.match(code)
    if magic is not None:
        argument = _argument(magic[2]) if magic[1] in _RUNS_CODE else ""
        return indent + (argument or _LINE_MAGIC)
    assigned = _ASSIGNED.match(code)
    if assigned is not None:
        return indent + assigned[1] + (_OUTPUT if assigned[2] == "!" else _LINE_MAGIC)
    if _HELP.fullmatch(code):
        return indent + "pass"
    return line


def _argument(text: str) -> str:
    """The code after a magic, without the options before it: `-n 10 f(x)` is `f(x)`."""
    words = text.split()
    while words and (words[0].startswith("-") or words[0].isdigit()):
        words = words[1:]
    return text[text.index(words[0]) :].strip() if words else ""
