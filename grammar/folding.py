"""A flat sequence of operands and operators -> one expression, by the table in `operators`.

The grammar does not know precedence; it hands over what it read as a list of nodes and operator
lexemes. Each level of the table is one method here; none of them recurses for a longer sequence,
only for a nested right side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.grammar import nodes
from policyc.grammar.layout import MAX_NESTING, too_deep
from policyc.grammar.lexer import Lexeme
from policyc.grammar.operators import COMPARISON, INFIX, POWER, PRODUCT, SUM
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.grammar.nodes import Expr

Item = nodes.Node | Lexeme

_LEVELS = {spelling: row.level for spelling, row in INFIX.items()}


class Folding:
    """Folds one sequence. `bracketed` gives the spans of brackets around operands, by uid."""

    def __init__(
        self, items: list[Item], bracketed: dict[int, Span], uid: Callable[[], int]
    ) -> None:
        self._items = items
        self._at = 0
        self._bracketed = bracketed
        self._uid = uid
        self._nested = 0

    def expression(self) -> Expr:
        value = self._ternary()
        self._require_end()
        return value

    def source_and_condition(self) -> tuple[Expr, Expr | None]:
        """`source` or `source if condition`: the end of a comprehension."""
        source = self._or()
        condition = None
        if self._next() == "if":
            self._at += 1
            condition = self._or()
        self._require_end()
        return source, condition

    # --- reading the sequence ---------------------------------------------------------------

    def _next(self) -> str:
        """The operator that comes next; empty before an operand and at the end."""
        if self._at < len(self._items):
            item = self._items[self._at]
            if isinstance(item, Lexeme):
                return item.text
        return ""

    def _take(self) -> Lexeme:
        item = self._items[self._at]
        assert isinstance(item, Lexeme)  # noqa: S101 - only called after `_next`
        self._at += 1
        return item

    def _require_end(self) -> None:
        if self._at < len(self._items):
            raise _stray(self._take())

    def _extent(self, node: nodes.Node) -> Span:
        return self._bracketed.get(node.uid, node.span)

    def _span(self, first: nodes.Node, last: nodes.Node) -> Span:
        return Span(self._extent(first).start, self._extent(last).end)

    # --- levels, loosest first --------------------------------------------------------------

    def _ternary(self) -> Expr:
        branches: list[tuple[Expr, Expr]] = []
        value = self._or()
        while self._next() == "if":
            opener = self._take()
            condition = self._or()
            if self._next() != "else":
                raise SyntaxProblem(
                    "E0221",
                    "this `if` has no `else`",
                    opener.span,
                    help="a choice between two values is written `a if condition else b`; "
                    "conditions of a rule stand on lines of their own",
                )
            self._at += 1
            branches.append((value, condition))
            value = self._or()
        for then, condition in reversed(branches):
            span = self._span(then, value)
            value = nodes.Ternary(condition, then, value, span=span, uid=self._uid())
        return value

    def _or(self) -> Expr:
        return self._join("or", self._and)

    def _and(self) -> Expr:
        return self._join("and", self._not)

    def _join(self, operator: str, operand: Callable[[], Expr]) -> Expr:
        first = operand()
        if self._next() != operator:
            return first
        operands = [first]
        while self._next() == operator:
            self._at += 1
            operands.append(operand())
        span = self._span(first, operands[-1])
        return nodes.BoolOp(operator, tuple(operands), span=span, uid=self._uid())

    def _not(self) -> Expr:
        prefixes = []
        while self._next() == "not":
            prefixes.append(self._take())
        return self._prefixed(prefixes, self._comparison())

    def _prefixed(self, prefixes: list[Lexeme], value: Expr) -> Expr:
        for prefix in reversed(prefixes):
            span = Span(prefix.start_pos, self._extent(value).end)
            value = nodes.Unary(prefix.text, value, span=span, uid=self._uid())
        return value

    def _comparison(self) -> Expr:
        first = self._sum()
        links: list[nodes.Comparison] = []
        while _LEVELS.get(self._next()) == COMPARISON:
            operator = self._take()
            right = self._sum()
            if not links and operator.text == "in" and isinstance(first, nodes.TypedVariable):
                first = nodes.DerivedVariable(
                    first.name, first.type, right, span=self._span(first, right), uid=self._uid()
                )
            else:
                links.append(self._link(operator, right))
        if not links:
            return first
        span = self._span(first, links[-1].right)
        return nodes.Compare(first, tuple(links), span=span, uid=self._uid())

    def _link(self, operator: Lexeme, right: Expr) -> nodes.Comparison:
        # `(a: X) -> (b: Y) in b.parts` derives b as a line of its own would.
        if (
            operator.text != "in"
            and self._next() == "in"
            and isinstance(right, nodes.TypedVariable)
        ):
            self._at += 1
            source = self._sum()
            right = nodes.DerivedVariable(
                right.name, right.type, source, span=self._span(right, source), uid=self._uid()
            )
        if operator.text in ("is", "is not") and isinstance(right, nodes.TypedVariable):
            right = self._bracketed_tool(right)
        span = Span(operator.start_pos, self._extent(right).end)
        return nodes.Comparison(
            operator.text, right, operator_span=operator.span, span=span, uid=self._uid()
        )

    def _bracketed_tool(self, variable: nodes.TypedVariable) -> Expr:
        """`x is (tool:name)`, which reads like a variable named `tool`."""
        if variable.name.text != "tool":
            return variable
        self._bracketed[variable.uid] = variable.span
        span = variable.name.span.to(variable.type.span)
        return nodes.ToolPattern(variable.type.name, False, span=span, uid=variable.uid)

    def _sum(self) -> Expr:
        return self._left(SUM, self._product)

    def _product(self) -> Expr:
        return self._left(PRODUCT, self._signed)

    def _left(self, level: int, operand: Callable[[], Expr]) -> Expr:
        value = operand()
        while _LEVELS.get(self._next()) == level:
            operator = self._take()
            value = self._binary(value, operator, operand())
        return value

    def _binary(self, left: Expr, operator: Lexeme, right: Expr) -> Expr:
        return nodes.Binary(
            operator.text, left, right, span=self._span(left, right), uid=self._uid()
        )

    def _signed(self) -> Expr:
        prefixes = []
        while self._next() in ("-", "+"):
            prefixes.append(self._take())
        if self._next() == "not":
            raise _not_as_operand(self._take())
        return self._prefixed(prefixes, self._power())

    def _power(self) -> Expr:
        base = self._operand()
        if _LEVELS.get(self._next()) != POWER:
            return base
        operator = self._take()
        self._nested += 1
        if self._nested > MAX_NESTING:
            raise too_deep(operator.span)
        value = self._binary(base, operator, self._signed())
        self._nested -= 1
        return value

    def _operand(self) -> Expr:
        item = self._items[self._at]
        if isinstance(item, Lexeme):
            raise _stray(item)
        if type(item) is nodes.Wildcard:
            raise spread(item)
        self._at += 1
        return item  # type: ignore[return-value]


def spread(wildcard: nodes.Wildcard) -> SyntaxProblem:
    """A `*` with something after it."""
    return SyntaxProblem(
        "E0212",
        "`*` spreads nothing here",
        wildcard.span,
        help="write each argument; in a tool pattern `*` stands alone",
    )


def _stray(operator: Lexeme) -> SyntaxProblem:
    if operator.text == "else":
        return SyntaxProblem(
            "E0221",
            "this `else` has no `if` before it",
            operator.span,
            help="a choice between two values is written `a if condition else b`",
        )
    if operator.text == "not":
        return _not_as_operand(operator)
    return SyntaxProblem(
        "E0221",
        f"`{operator.text}` cannot stand here",
        operator.span,
        help="put the inner choice in brackets: `(a if condition else b)`",
    )


def _not_as_operand(operator: Lexeme) -> SyntaxProblem:
    return SyntaxProblem(
        "E0230",
        "`not` cannot follow another operator here",
        operator.span,
        help="put what it negates in brackets, `a == (not b)`, or write `not` first: `not a == b`",
    )
