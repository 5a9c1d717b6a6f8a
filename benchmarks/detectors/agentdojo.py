"""AgentDojo's injections and its harmless texts, where the package is installed.

`pip install --no-deps agentdojo` is enough: its files are read, not run. Attacks are each goal of
an injected task in each fixed wrapper; harmless texts are the prompts of user tasks and the
paragraphs of the environments.
"""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST = 20
"""Characters below which a paragraph of an environment is left out."""


def injection_texts() -> tuple[list[str], list[str]] | None:
    """Attacks and harmless texts, or None where AgentDojo is not installed."""
    spec = find_spec("agentdojo")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(spec.submodule_search_locations[0])
    suites = home / "default_suites" / "v1"
    goals = _texts_named("GOAL", suites.rglob("injection_tasks.py"))
    wrappers = [
        text
        for file in (home / "attacks").glob("*.py")
        for text in _constants(file)
        if "{goal}" in text
    ]
    attacks = [
        wrapper.replace("{goal}", goal).replace("{user}", "Emma").replace("{model}", "AI assistant")
        for wrapper in sorted(set(wrappers))
        for goal in goals
    ]
    harmless = _texts_named("PROMPT", suites.rglob("user_tasks.py"))
    for file in sorted((home / "data" / "suites").rglob("*.yaml")):
        parts = re.split(r"\n\s*\n|\n\s*- ", file.read_text("utf-8"))
        harmless += [part for part in parts if len(part) >= LEAST and "injection_" not in part]
    return attacks, sorted(set(harmless))


def _texts_named(name: str, files: Iterator[Path]) -> list[str]:
    """The texts assigned to a name in classes; what an f-string fills in is left as a blank."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            ):
                text = _text(node.value)
                if text:
                    found.add(text)
    return sorted(found)


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) or " x " for value in values)
        case _:
            return ""


def _constants(file: Path) -> Iterator[str]:
    """The texts in a file that are no docstrings."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in prose:
            yield node.value
