"""The registry of lints is complete, and every code of the compiler is shown by an annotated
policy.
"""

from __future__ import annotations

import re
from importlib import import_module, resources
from pathlib import Path

import pytest

from policyc.compiler.frontend import check_source
from policyc.compiler.lints.registry import LINTS
from policyc.grammar.catalog import CODES
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

_NO_LINTS = {"__init__", "context", "facts", "registry"}
_LANGUAGE = Path(__file__).parent.parent / "language"


def test_every_module_of_lints_is_registered_once() -> None:
    files = resources.files("policyc.compiler.lints").iterdir()
    names = {file.name[:-3] for file in files if file.name.endswith(".py")} - _NO_LINTS
    modules = [import_module(f"policyc.compiler.lints.{name}") for name in sorted(names)]
    assert {module.check for module in modules} == set(LINTS)
    assert len(LINTS) == len(set(LINTS))


def test_every_code_of_the_compiler_is_shown_by_an_annotated_policy() -> None:
    text = "".join(path.read_text("utf-8") for path in _LANGUAGE.glob("*.inv"))
    shown = set(re.findall(r"## ([EW]\d{4})", text))
    mine = {code for code in CODES if re.match(r"E0[3-6]|W07", code)}
    assert mine - shown == set()


def _codes(text: str) -> list[str]:
    return [found.code for found in check_source(Source(text), catalogue()).diagnostics]


@pytest.mark.parametrize(
    "condition",
    [
        "usr",
        "m.colour",
        "m is usr",
        "usr -> m",
        "m.role == usr",
        'usr and usr == "a" and usr == "b"',
        "usr in m.content",
        "[usr] in m.content",
        "match(usr, usr)",
    ],
)
def test_a_part_with_an_error_gets_no_lint(condition: str) -> None:
    text = f'raise "x" if:\n    (m: Message)\n    m.role == "user"\n    {condition}\n'
    assert {code[0] for code in _codes(text)} == {"E"}


def test_hundreds_of_similar_names_and_alternatives_are_no_burden() -> None:
    tools = "".join(
        f'raise "r{number}" if:\n    (c: ToolCall)\n    c is tool:send_email_{number:04d}_x\n'
        for number in range(199)
    )
    assert _codes(tools) == []
    roles = " or ".join(f'm.content == "{number}"' for number in range(2000))
    assert _codes(f'raise "x" if:\n    (m: Message)\n    {roles}\n') == []
