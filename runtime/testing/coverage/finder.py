"""Finds the points of a plan.

Takes a plan, gives `Points`. What can only come out one way is no point: a literal, a declaration,
`min=0`, `*`. Nodes at the same place, such as the arguments of a pattern that is a constant, are
one point.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.grammar.source import NO_SPAN, Span
from policyc.runtime.budgeted import is_built_in
from policyc.runtime.excerpts import one_line
from policyc.runtime.testing.coverage.points import Bounds, Kind, Point, Points
from policyc.runtime.testing.coverage.spans import holds, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.grammar.source import Source


def find_points(plan: p.Plan) -> Points:
    """The points of a plan."""
    finder = _Finder(plan)
    finder.find()
    return finder.numbered()


_TESTS: Final = (
    p.And
    | p.CallFunction
    | p.CallMethod
    | p.CallPredicate
    | p.Cmp
    | p.Flow
    | p.If
    | p.MatchTool
    | p.Not
    | p.Or
    | p.Quantified
)
"""What is a condition wherever it stands, if its type is bool."""


class _Finder:
    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.points = Points(plan)
        self.places: dict[tuple[int, Kind, Span], int] = {}
        self.found: list[tuple[int, Point]] = []
        self.source = 0
        self.statement = NO_SPAN
        self.owner = ""
        self.constants: set[int] = set()
        """Those that are evaluated."""
        self.tops = [
            *((x.source, x.span, _rule_owner(x)) for x in plan.rules),
            *((x.source, x.span, f"predicate `{x.name}`") for x in plan.predicates),
            *((x.source, x.span, f"constant `{x.name}`") for x in plan.constants),
        ]

    def find(self) -> None:
        for rule in self.plan.rules:
            self._enter(rule, _rule_owner(rule))
            head = Span(rule.span.start, rule.span.start + len("raise"))
            self.points.rules[rule.index] = self._add(Kind.RULE, head, rule.ref.name)
            self._block(rule.block)
            self._value(rule.value)
        for predicate in self.plan.predicates:
            self._enter(predicate, f"predicate `{predicate.name}`")
            self._block(predicate.block)
        entered: set[int] = set()
        while left := self.constants - entered:
            entered |= left
            for constant in (self.plan.constants[index] for index in sorted(left)):
                self._enter(constant, f"constant `{constant.name}`")
                self._value(constant.value)

    def _enter(self, top: p.RulePlan | p.PredicatePlan | p.ConstantPlan, owner: str) -> None:
        self.source, self.statement, self.owner = top.source, top.span, owner

    def numbered(self) -> Points:
        """The points with numbers in the order of their places."""
        order = sorted(
            range(len(self.found)), key=lambda at: (self.found[at][0], self.found[at][1].order())
        )
        number = {old: new for new, old in enumerate(order)}
        found = self.points
        found.sources = tuple(self.found[old][0] for old in order)
        found.all = tuple(self.found[old][1] for old in order)
        for table in (found.rules, found.conditions, found.names, found.subjects, found.values):
            table.update({key: number[old] for key, old in table.items()})
        found.keys = {key: tuple(map(number.__getitem__, old)) for key, old in found.keys.items()}
        found.quantifiers = {
            key: Bounds(
                *(None if at is None else number[at] for at in (x.minimum, x.maximum, x.forall))
            )
            for key, x in found.quantifiers.items()
        }
        found.evaluated = frozenset((*found.conditions, *found.subjects, *found.quantifiers))
        return found

    # --- places

    @property
    def _source(self) -> Source:
        return self.plan.sources[self.source]

    @property
    def _text(self) -> str:
        return self._source.text

    def _add(self, kind: Kind, span: Span, text: str | None = None) -> int:
        """The number of the point at a place; a new one where there is none."""
        key = (self.source, kind, span)
        number = self.places.get(key)
        if number is None:
            number = self.places[key] = len(self.found)
            written = one_line(self._source.slice(span) if text is None else text)
            self.found.append((self.source, Point(span, kind, self._owner_at(span), written)))
        return number

    def _owner_at(self, span: Span) -> str:
        """The statement that a place lies in: patterns may have been taken from a constant."""
        if holds(self.statement, span):
            return self.owner
        for source, around, owner in self.tops:
            if source == self.source and holds(around, span):
                return owner
        return self.owner

    def _shown(self, e: p.Expr) -> Span:
        """What to show for a condition."""
        span = e.span
        if isinstance(e, p.Not) and e.operand.span == span:
            e = e.operand
        if isinstance(e, p.Cmp | p.Flow | p.MatchTool):
            # A link of a chain has the span of the whole chain up to its end.
            left = (e.value if isinstance(e, p.MatchTool) else e.left).span
            if span.start <= left.start < span.end:
                span = Span(left.start, span.end)
        for node in p.walk(e):
            if isinstance(node, p.Quantified) and node.span.end == span.end:
                span = Span(span.start, self._head(node).end)
        return whole(self._text, span)

    def _head(self, e: p.Quantified) -> Span:
        """`forall`, `count(min=2)`: a quantifier without its block."""
        start = e.span.start
        bounds = [x.span.end for x in (e.minimum, e.maximum) if x is not None]
        end = max([start, *bounds])
        return Span(start, self._text.index(":", end))

    # --- blocks and expressions

    def _block(self, block: p.Block) -> None:
        steps = block.steps
        for at, step in enumerate(steps):
            match step:
                case p.Check(condition=p.MatchTool() as condition):
                    # Of a line with a tool pattern two steps are made: the name, the arguments.
                    is_second = at > 0 and _are_halves(steps[at - 1], step)
                    is_first = at + 1 < len(steps) and _are_halves(step, steps[at + 1])
                    arguments = steps[at + 1].condition.arguments if is_first else None  # type: ignore[union-attr]  # as tested
                    if is_second:
                        self._arguments(condition)
                    else:
                        self._tool(condition, arguments)
                case p.Check(condition=condition):
                    self._condition(condition)
                case p.Bind(value=value):
                    self._value(value)
                case p.Each(source=source):
                    self._value(source)
                case p.Scan():
                    pass

    def _condition(self, e: p.Expr) -> None:
        """An expression that is taken for true or false."""
        inner = e
        while isinstance(inner, p.Not):
            inner = inner.operand
        match inner:
            case p.MatchTool():
                self._tool(inner)
            case p.Quantified():
                self._quantified(inner)
            case _:
                if not self._is_fixed(e):
                    self.points.conditions[id(e)] = self._add(Kind.CONDITION, self._shown(e))
                self._sides(inner)

    def _sides(self, e: p.Expr) -> None:
        """What is inside a condition."""
        match e:
            case p.And(operands=operands) | p.Or(operands=operands):
                for operand in operands:
                    self._condition(operand)
            case p.If(condition=condition, then=then, otherwise=otherwise):
                for side in (condition, then, otherwise):
                    self._condition(side)
            case _:
                self._inside(e)

    def _value(self, e: p.Expr) -> None:
        """An expression whose value is used."""
        if isinstance(e, _TESTS) and e.type == ts.BOOL:
            self._condition(e)
            return
        match e:
            case p.And(operands=operands) | p.Or(operands=operands):
                for operand in operands[:-1]:
                    self._condition(operand)
                self._value(operands[-1])
            case p.If(condition=condition, then=then, otherwise=otherwise):
                self._condition(condition)
                self._value(then)
                self._value(otherwise)
            case _:
                self._inside(e)

    def _inside(self, e: p.Expr) -> None:
        match e:
            case p.ConstantRef(index=index):
                self.constants.add(index)
            case p.Map(element=element, source=source, condition=condition):
                self._value(source)
                if condition is not None:
                    self._condition(condition)
                self._value(element)
            case _:
                for child in p.children(e):
                    self._value(child.value if isinstance(child, p.FormatPart) else child)  # type: ignore[arg-type]  # below other expressions there are only expressions

    # --- tool patterns and quantifiers

    def _tool(self, e: p.MatchTool, later: p.Pattern | None = None) -> None:
        """A tool pattern; `later` are the arguments that another step tests."""
        self._value(e.value)
        arguments = e.arguments or later
        if not _is_any_call(e):
            span = self._shown(e)
            if arguments is not None and span.start < arguments.span.start < span.end:
                written = self._text[span.start : arguments.span.start]
                span = Span(span.start, span.start + len(written.rstrip("( \t\r\n")))
            self.points.names[id(e)] = self._add(Kind.TOOL, span)
            self.points.subjects[id(e.value)] = self.points.names[id(e)]
        self._arguments(e)

    def _arguments(self, e: p.MatchTool) -> None:
        match e.arguments:
            case None:
                pass
            case p.DictPattern():
                self._entries(e.arguments)
            case _:
                self._pattern(e.arguments)

    def _pattern(self, pattern: p.Pattern) -> None:
        if isinstance(pattern, p.AnyValue):
            return
        self.points.values[id(pattern)] = self._add(Kind.VALUE, whole(self._text, pattern.span))
        match pattern:
            case p.DictPattern():
                self._entries(pattern)
            case p.ListPattern(items=items):
                for item in items:
                    self._pattern(item)
            case p.EqualValue(value=value):
                self._value(value)
            case _:
                pass

    def _entries(self, pattern: p.DictPattern) -> None:
        numbers = tuple(self._add(Kind.KEY, span) for span in pattern.key_spans)
        self.points.keys[id(pattern)] = numbers
        for value in pattern.values:
            self._pattern(value)

    def _quantified(self, e: p.Quantified) -> None:
        minimum = maximum = forall = None
        if e.kind == "forall":
            if any(isinstance(step, p.Check) for step in e.block.steps):
                forall = self._add(Kind.FORALL, self._head(e))
        else:
            if e.minimum is not None and not _never_too_few(e.minimum):
                minimum = self._bound(e, Kind.MINIMUM, e.minimum)
            if e.maximum is not None:
                maximum = self._bound(e, Kind.MAXIMUM, e.maximum)
        self.points.quantifiers[id(e)] = Bounds(minimum, maximum, forall)
        self._block(e.block)

    def _bound(self, e: p.Quantified, kind: Kind, bound: p.Expr) -> int:
        span = bound.span
        written = self._text[e.span.start : span.start]
        named = _KEYWORD.search(written)
        if named is not None:
            span = Span(span.start - len(written) + named.start(), span.end)
        self._value(bound)
        return self._add(kind, whole(self._text, span))

    # --- what is no point

    def _is_fixed(self, e: p.Expr) -> bool:
        """Whether a condition can only come out one way."""
        return self._truth(e) is not None or all(map(_is_of_the_policy, p.walk(e)))

    def _truth(self, e: p.Expr) -> bool | None:
        """How a condition comes out, where its form tells."""
        match e:
            case p.Literal(value=value):
                return bool(value)
            case p.ListOf(items=items):
                return bool(items)
            case p.DictOf(keys=keys):
                return bool(keys)
            case p.Declared() | p.FunctionRef() | p.PatternValue():
                return True
            case p.ConstantRef(index=index):
                return self._truth(self.plan.constants[index].value)
            case p.Not(operand=operand):
                known = self._truth(operand)
                return None if known is None else not known
            case p.And(operands=operands):
                return _all(map(self._truth, operands))
            case p.Or(operands=operands):
                known = _all(_opposite(self._truth(x)) for x in operands)
                return _opposite(known)
            case p.If(condition=condition, then=then, otherwise=otherwise):
                known = self._truth(condition)
                sides = {self._truth(then), self._truth(otherwise)}
                if known is not None:
                    return self._truth(then if known else otherwise)
                return sides.pop() if len(sides) == 1 else None
            case _:
                return None


_KEYWORD: Final = re.compile(r"\b\w+\s*=\s*$")


def _opposite(known: bool | None) -> bool | None:
    return None if known is None else not known


def _all(known: Iterable[bool | None]) -> bool | None:
    found = set(known)
    if False in found:
        return False
    return None if None in found else True


def _is_of_the_policy(node: p.PlanNode) -> bool:
    """Whether a node always has the same value, if those below it have."""
    match node:
        case p.CallFunction(signature=signature):
            return is_built_in(signature)
        case (
            p.Var()
            | p.Input()
            | p.ConstantRef()
            | p.CallPredicate()
            | p.MatchTool()
            | p.Quantified()
        ):
            return False
        case _:
            return True


def _is_any_call(e: p.MatchTool) -> bool:
    """Whether a tool pattern asks for nothing but a call of what is one."""
    return e.wildcard and e.name == "*" and e.value.type == ts.TOOL_CALL


def _are_halves(first: p.Step, second: p.Step) -> bool:
    """Whether two steps test the name and the arguments of one tool pattern."""
    return (
        isinstance(first, p.Check)
        and isinstance(second, p.Check)
        and isinstance(first.condition, p.MatchTool)
        and isinstance(second.condition, p.MatchTool)
        and first.condition.arguments is None
        and second.condition.arguments is not None
        and first.condition.span == second.condition.span
        and first.condition.value == second.condition.value
    )


def _never_too_few(bound: p.Expr) -> bool:
    return isinstance(bound, p.Literal) and isinstance(bound.value, int) and bound.value <= 0


def _rule_owner(rule: p.RulePlan) -> str:
    return f"rule `{one_line(rule.ref.name)}`"
