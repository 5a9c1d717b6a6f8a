"""Rules and conditions as a whole: removed, dropped, negated, joined by another word."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from policyc.grammar import nodes as n
from policyc.grammar.format_expressions import level_of
from policyc.grammar.formatter import trailing_quantifier
from policyc.grammar.operators import NOT
from policyc.grammar.sections import raw_tokens
from policyc.grammar.source import Span
from policyc.runtime.testing.mutation.changes import (
    Change,
    declarations,
    insertion,
    without_lines,
)
from policyc.runtime.testing.mutation.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.testing.mutation.files import File, Site

_OTHER_WORD = {"and": "or", "or": "and"}
_OTHER_FOLD = {"any": "all", "all": "any"}


def remove_rule(site: Site) -> Iterator[Change]:
    if isinstance(site.node, n.Rule):
        yield site.change(None, without_lines(site.file.source.text, site.node.span))


def drop_condition(site: Site) -> Iterator[Change]:
    """A line of a body, or the condition of a comprehension."""
    node, parent = site.node, site.parent
    if isinstance(parent, n.Comprehension) and node is parent.condition:
        above = site.above
        behind = Span(site.file.extent(parent.source).end, site.file.extent(node).end)
        yield above.change(above.made(condition=None), Edit(behind, ""))
    if not is_line(site):
        return
    declared = declarations(node)
    if declared:
        yield _only_declared(site, declared)
    elif _is_only_line(site):
        true = n.Constant(True, span=node.span, uid=site.file.uid())
        yield site.change(true, Edit(site.file.extent(node), "True"))
    else:
        lines = without_lines(site.file.source.text, site.file.extent(node))
        yield site.change(None, lines)


def _only_declared(site: Site, declared: list[n.TypedVariable | n.DerivedVariable]) -> Change:
    """What is left of a line without its condition: the variables that it declares."""
    file, node = site.file, site.node
    rest: n.Expr = declared[0]
    if len(declared) > 1:
        rest = n.BoolOp("and", tuple(declared), span=node.span, uid=file.uid())
    text = " and ".join(file.text(variable) for variable in declared)
    return site.change(rest, Edit(file.extent(node), text))


def _is_only_line(site: Site) -> bool:
    match site.parent:
        case n.Rule(body=body) | n.Predicate(body=body) | n.Quantifier(body=body):
            return len(body) == 1
        case _:
            return False


def is_line(site: Site) -> bool:
    """Whether a node is a line of a body that can be false."""
    if isinstance(site.node, n.Assign | n.TypedVariable | n.DerivedVariable | n.Constant):
        return False
    match site.parent:
        case n.Rule(body=body) | n.Predicate(body=body) | n.Quantifier(body=body):
            return any(line is site.node for line in body)
        case _:
            return False


def is_condition(site: Site) -> bool:
    """Whether a node is taken for true or false by itself: a line, a side of `and` or `or`."""
    if isinstance(site.node, n.TypedVariable | n.DerivedVariable | n.Constant):
        return False
    match site.parent:
        case n.BoolOp() | n.Unary(operator="not"):
            return True
        case n.Comprehension(condition=condition) | n.Ternary(condition=condition):
            return site.node is condition
        case _:
            return is_line(site)


def negate_condition(site: Site) -> Iterator[Change]:
    node, file = site.node, site.file
    if not is_condition(site) or _is_not(node) or _is_not(site.parent):
        return
    condition: n.Expr = node  # type: ignore[assignment]  # what is a condition is an expression
    negated = n.Unary("not", condition, span=node.span, uid=file.uid())
    span = file.extent(node)
    if level_of(node) >= NOT or file.is_bracketed(node) or isinstance(node, n.Quantifier):
        yield site.change(negated, insertion(span.start, "not "))
    elif trailing_quantifier(condition) is None:
        yield site.change(negated, insertion(span.start, "not ("), insertion(span.end, ")"))


def _is_not(node: n.Node | None) -> bool:
    return isinstance(node, n.Unary) and node.operator == "not"


def remove_not(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, n.Unary) and node.operator == "not":
        before = Span(node.span.start, site.file.extent(node.operand).start)
        yield site.change(node.operand, Edit(before, ""))


def swap_and_or(site: Site) -> Iterator[Change]:
    node, file = site.node, site.file
    if not isinstance(node, n.BoolOp):
        return
    other = _OTHER_WORD[node.operator]
    edits = [Edit(word, other) for word in _words(file, node)]
    parent = site.parent
    if isinstance(parent, n.BoolOp) and parent.operator == other and not file.is_bracketed(node):
        if trailing_quantifier(node) is not None:
            return
        # Without brackets its sides would become sides of the parent.
        edits += [insertion(node.span.start, "("), insertion(node.span.end, ")")]
    yield site.change(site.made(operator=other), *edits)


def _words(file: File, node: n.BoolOp) -> list[Span]:
    """Where `and` or `or` stands between the operands."""
    spans = [file.extent(operand) for operand in node.operands]
    return [
        Span(token.start, token.end)
        for left, right in itertools.pairwise(spans)
        for token in raw_tokens(file.source.text, left.end, right.start)
        if token.text == node.operator
    ]


def drop_side(site: Site) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.BoolOp):
        return
    for number, operand in enumerate(node.operands):
        if declarations(operand):
            continue
        rest = (*node.operands[:number], *node.operands[number + 1 :])
        replacement = rest[0] if len(rest) == 1 else site.made(operands=rest)
        yield site.change(replacement, site.file.without(node.operands, number))


def swap_any_all(site: Site) -> Iterator[Change]:
    node, file = site.node, site.file
    if not isinstance(node, n.Call) or not isinstance(node.function, n.Name):
        return
    name, signature = node.function, file.signature(node)
    if signature is not None and signature is file.catalogue.builtins.get(name.text):
        other = _OTHER_FOLD.get(name.text)
        if other is not None:
            function = n.Name(other, span=name.span, uid=file.uid())
            yield site.change(site.made(function=function), Edit(name.span, other))
