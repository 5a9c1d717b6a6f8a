"""Tool names in one file that look like spellings of one name.

Reported only when it is plainly a slip: the names differ in case or in `-` and `_`, or by two
letters swapped or one letter lost inside a long name, and the suspected one is written once while
the other is written more often. Two spellings side by side in one rule are meant.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from policyc.grammar.diagnostics import Label
from policyc.grammar.nodes import ToolPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.compiler.lints.context import LintContext
    from policyc.grammar.diagnostics import Diagnostic

_SHORTEST = 8
_MOST_NAMES = 200


def check(context: LintContext) -> Iterator[Diagnostic]:
    places: defaultdict[str, list[ToolPattern]] = defaultdict(list)
    for pattern in context.nodes(ToolPattern):
        if "*" not in pattern.name:
            places[pattern.name].append(pattern)
    for name, other in _pairs(list(places)):
        if len(places[name]) == len(places[other]):
            continue
        rare, usual = sorted((name, other), key=lambda word: len(places[word]))
        if len(places[rare]) == 1 and not _side_by_side(context, places[rare][0], places[usual]):
            yield context.warn(
                "W0721",
                places[rare][0].span,
                f"`{rare}` is written once, and `{usual}` {len(places[usual])} times",
                f"write `tool:{usual}` if the same tool is meant",
                labels=[Label(places[usual][0].span, "written like this elsewhere")],
            )


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that look alike; names with the same plain form, and near ones of a small
    number.
    """
    by_form: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_form[_plain(name)].append(name)
    for group in by_form.values():
        yield from combinations(group, 2)
    if len(names) <= _MOST_NAMES:
        for name, other in combinations(names, 2):
            if _is_slip(name, other):
                yield name, other


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _is_slip(name: str, other: str) -> bool:
    """Two inner letters swapped, or one inner letter lost."""
    if min(len(name), len(other)) < _SHORTEST or name[0] != other[0] or name[-1] != other[-1]:
        return False
    shorter, longer = sorted((name, other), key=len)
    at = next((i for i, char in enumerate(shorter) if longer[i] != char), len(shorter))
    if len(shorter) < len(longer):
        return shorter[at:] == longer[at + 1 :] and longer[at].isalpha()
    return shorter[at : at + 2] == longer[at : at + 2][::-1] and (
        shorter[at + 2 :] == longer[at + 2 :]
    )


def _side_by_side(context: LintContext, rare: ToolPattern, usual: list[ToolPattern]) -> bool:
    for rule in context.rules:
        if rule.span.start <= rare.span.start < rule.span.end:
            return any(rule.span.start <= other.span.start < rule.span.end for other in usual)
    return False
