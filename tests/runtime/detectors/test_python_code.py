"""What Python code imports and calls."""

from __future__ import annotations

import threading

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.python_code import MAX_CODE, ipython_code, python_code
from policyc.runtime.events import ToolOutput
from policyc.runtime.records import PythonCode


@pytest.mark.parametrize(
    ("code", "imports"),
    [
        ("import os", ["os"]),
        ("import os.path as p, sys", ["os.path", "os", "sys"]),
        ("from a.b import c", ["a.b", "a"]),
        ("from os import *", ["os"]),
        ("from . import d\nfrom ..e import f", [".", "..e"]),
        ("__import__('os')", ["os"]),
        ("import importlib as i\ni.import_module('os.path')", ["importlib", "os.path", "os"]),
        ("from importlib import import_module\nimport_module('os')", ["importlib", "os"]),
        ("__import__(name)", []),
        ("    import os\n    import sys", ["os", "sys"]),
        ("'import os'", []),
    ],
)
def test_imports(code: str, imports: list[str]) -> None:
    assert python_code(code).imports == imports


@pytest.mark.parametrize(
    ("code", "builtins"),
    [
        ("print(eval('1'))\nlen", ["print", "len", "eval"]),
        ("x = Exception", ["Exception"]),
        ("a.eval(2)", []),
        ("import builtins as b\nb.exec('')", ["exec"]),
        ("__builtins__.eval", ["eval"]),
        ("from builtins import eval as e\ne('')", ["eval"]),
        ("getattr(__builtins__, 'eval')('')", ["getattr", "eval"]),
    ],
)
def test_builtins(code: str, builtins: list[str]) -> None:
    assert set(python_code(code).builtins) == set(builtins)


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("os.system('x')\nfoo", ["os.system"]),
        ("a.b.c()()", ["a.b.c()", "a.b.c"]),
        ("f(x)(y)", ["f()", "f"]),
        ("f[0]()\n'a'.join(x)", ["f[]", "''.join"]),
        ("import os as o\no.system('x')", ["o.system", "os.system"]),
        ("from os import system as s\ns('x')", ["s", "os.system"]),
        ("from os import system\nsystem('x')", ["system", "os.system"]),
        ("getattr(os, 'system')('x')", ["os.system", "getattr"]),
        ("(lambda: 1)()", []),
        ("f'{g(1)}'", ["g"]),
        ("async def f():\n    await g()", ["g"]),
    ],
)
def test_calls(code: str, calls: list[str]) -> None:
    assert set(python_code(code).function_calls) == set(calls)


def test_the_same_name_counts_once() -> None:
    assert python_code("f(f(f()))").function_calls == ["f"]


@pytest.mark.parametrize(
    "code", ["def", "```python\nimport os\n```", "a\0b", "\ud800 = 1", "*[1]]"]
)
def test_a_syntax_error_leaves_nothing_else(code: str) -> None:
    result = python_code(code)
    assert result.syntax_error
    assert result.syntax_error_exception
    assert result.imports == result.builtins == result.function_calls == []


def test_the_line_of_a_syntax_error_is_told() -> None:
    assert python_code("x\ny = ").syntax_error_exception == "invalid syntax (line 2)"


def test_all_texts_of_a_value_are_looked_at() -> None:
    output = ToolOutput(
        {"content": [{"type": "text", "text": "import os"}, {"type": "text", "text": "1 +"}]},
        (0,),
        0,
    )
    result = python_code(output)
    assert result.imports == ["os"]
    assert result.syntax_error
    assert python_code(None) == PythonCode()


def test_nobody_is_warned_about_foreign_code() -> None:
    result = python_code("x = '\\d'\n1 is 1\nassert (x, 'y')")
    assert not result.syntax_error


@pytest.mark.parametrize(
    "code",
    ["-" * 50_000 + "1", "a" + ".b" * 40_000, "a" + "()" * 40_000, "1+" * 40_000 + "1"],
    ids=["signs", "members", "calls", "sums"],
)
def test_code_that_is_too_deep_is_refused_in_any_thread(code: str) -> None:
    refusals: list[str] = []

    def look() -> None:
        with pytest.raises(BuiltinError) as caught:
            python_code(code)
        refusals.append(caught.value.message)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    look()
    assert refusals == ["the code is nested too deep to be parsed"] * 2


def test_code_that_is_too_long_is_refused() -> None:
    with pytest.raises(BuiltinError, match="code of more than 100000 characters is not parsed"):
        python_code("#" * (MAX_CODE + 1))
    many = "\n".join(f"f{number}()" for number in range(7000))
    aliases = "\n".join(f"import a{number} as f0" for number in range(20))
    with pytest.raises(BuiltinError, match="calls more than 20000 names"):
        python_code(
            "\n".join(f"import a{number} as f" for number in range(2500)) + "\nf.a()\nf.b()"
            "\nf.c()\nf.d()\nf.e()\nf.f()\nf.g()\nf.h()\nf.i()"
        )
    assert len(python_code(f"{aliases}\n{many}").function_calls) == 7020


CELL = """\
import os
!ls -l
%time os.system("x")
files = !ls
%matplotlib inline
print?
if files:
    %run other.py
"""


def test_lines_of_a_notebook_are_calls() -> None:
    result = ipython_code(CELL)
    assert not result.syntax_error
    assert result.imports == ["os"]
    assert set(result.function_calls) == {
        "get_ipython().system",
        "get_ipython().getoutput",
        "get_ipython().run_line_magic",
        "get_ipython",
        "os.system",
    }
    assert python_code(CELL).syntax_error
    assert python_code(CELL, ipython_mode=True) == result


@pytest.mark.parametrize(
    ("cell", "imports", "call"),
    [
        ("%%time\nimport os", ["os"], "get_ipython().run_cell_magic"),
        ("%%bash\nrm -rf /", [], "get_ipython().run_cell_magic"),
        ("\n%timeit -n 10 -r 3 f(x)", [], "f"),
        ("x = %env HOME", [], "get_ipython().run_line_magic"),
        ("?print\nf()", [], "f"),
    ],
)
def test_magics(cell: str, imports: list[str], call: str) -> None:
    result = ipython_code(cell)
    assert not result.syntax_error
    assert result.imports == imports
    assert call in result.function_calls


def test_plain_code_with_a_remainder_at_a_line_start_stays_code() -> None:
    assert not ipython_code("x = (a\n% b)").syntax_error


@pytest.mark.parametrize(
    ("code", "commands"),
    [
        ("import os\nos.system('ls -l')", ["ls -l"]),
        ("import os as o\no.popen('id')", ["id"]),
        ("from subprocess import run as r\nr(['rm', '-rf', 'a b'])", ["rm -rf 'a b'"]),
        ("import subprocess\nsubprocess.run(args=['a', 'b'])", ["a b"]),
        ("import subprocess\nsubprocess.run('x | y', shell=True)", ["x | y"]),
        ("import os\nos.execv('/bin/sh', ['sh', '-c', 'id'])", ["sh -c id"]),
        ("import subprocess\nsubprocess.run(command)", []),
        ("import subprocess\nsubprocess.run(['a', b])", []),
        ("os_system('ls')\nrun('ls')", []),
    ],
)
def test_commands_of_code(code: str, commands: list[str]) -> None:
    assert python_code(code).shell_commands == commands


@pytest.mark.parametrize(
    ("cell", "commands"),
    [
        ("!ls -l\nprint(1)", ["ls -l"]),
        ("if x:\n    !!date", ["date"]),
        ("files = !cat a.txt", ["cat a.txt"]),
        ("!rm \\\n  -rf x", ["rm   -rf x"]),
        ("%sx pwd", ["pwd"]),
        ("%%bash\nrm -rf /\nls", ["rm -rf /\nls"]),
        ("%%script bash\nid", ["id"]),
        ("%%html\n<b>", []),
        ("%time f()", []),
    ],
)
def test_commands_of_a_cell(cell: str, commands: list[str]) -> None:
    found = ipython_code(cell)
    assert found.shell_commands == commands
    assert not found.syntax_error


def marked(code: str, member: str, *, is_cell: bool = False) -> list[str]:
    function = ipython_code if is_cell else python_code
    marks = function(code, place=(0, "content")).marks_of(member)
    assert all(place == (0, "content") for place, _, _ in marks)
    return [code[start:end] for _, start, end in marks]


@pytest.mark.parametrize(
    ("member", "pieces"),
    [
        ("imports", ["import os", "from a.b import (\n        c)", "__import__('x')"]),
        ("function_calls", ["os.system", "__import__", "eval"]),
        ("builtins", ["__import__", "eval"]),
        ("shell_commands", ["os.system('ü rm', x)"]),
        ("syntax_error", []),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_is_found_is_marked(member: str, pieces: list[str], line_end: str) -> None:
    code = (
        "    import os\n    from a.b import (\n        c)\n    y = 'ü'; os.system('ü rm', x)\n"
        "    __import__('x')\n    'é'; eval\n    eval()"
    ).replace("\n", line_end)
    expected = [piece.replace("\n", line_end) for piece in pieces]
    if member in ("function_calls", "builtins"):
        assert sorted(set(marked(code, member))) == sorted(expected)
    else:
        assert marked(code, member) == expected


def test_lines_of_a_notebook_are_marked_whole() -> None:
    cell = "if x:\n  !rm -rf /  \nimport os"
    assert marked(cell, "shell_commands", is_cell=True) == ["!rm -rf /"]
    assert marked(cell, "imports", is_cell=True) == ["import os"]
    script = "%%bash\nrm a\nrm b"
    assert marked(script, "shell_commands", is_cell=True) == [script]


def test_a_syntax_error_marks_its_text() -> None:
    assert marked("x = = 1", "syntax_error") == ["x = = 1"]
    assert marked("x = = 1", "imports") == []
