"""The plan: what a checked policy means, with names resolved and nothing of the syntax left.

A rule is a *block*: steps in the order in which nested loops would run them. `Scan` and `Each`
start a loop over a new variable, `Bind` names a value, `Check` goes on only if its condition holds.
This order is the meaning of a rule: the lines are read from top to bottom, each new variable starts
a loop where it is first needed. Engines may search in any other order that gives the same models
and errors.

Every node carries the span it came from and its static type. Variables are named uniquely within a
rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from policyc.compiler.typesystem import ANY, BOOL, Type
from policyc.grammar.source import NO_SPAN, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.compiler.signatures import Signature


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanNode:
    """`span` and `type` do not count for equality.

    Equality, hash and representation are shared: made anew for each class they would cost every
    command 10 ms.
    """

    span: Span = field(default=NO_SPAN, kw_only=True)
    type: Type = field(default=ANY, kw_only=True)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((type(self), _content(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{_content(self)!r}"


def _content(node: object) -> tuple[Any, ...]:
    names = node.__match_args__  # type: ignore[attr-defined]  # dataclasses have them
    return tuple(getattr(node, name) for name in names)


# --- values -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Literal(PlanNode):
    """None, a bool, a number or a text of the policy."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ListOf(PlanNode):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DictOf(PlanNode):
    keys: tuple[str, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FormatPart(PlanNode):
    """`{value:width.precision}` of an f-string."""

    value: Expr
    spec: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Format(PlanNode):
    """An f-string: literals and parts in order."""

    parts: tuple[Literal | FormatPart, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Var(PlanNode):
    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Input(PlanNode):
    """A parameter of the analysis, `input.name`; the name None is `input` itself, `data` the
    trace.

    `default`: its value where the host gives none; without one it is needed.
    """

    name: str | None
    default: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConstantRef(PlanNode):
    """A constant of the policy that is no literal; evaluated once an analysis."""

    index: int
    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FunctionRef(PlanNode):
    """A function as a value."""

    signature: Signature


# --- operations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GetMember(PlanNode):
    value: Expr
    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GetIndex(PlanNode):
    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallMethod(PlanNode):
    """`value.name(...)` with an allowed method of texts or dicts; else the member is called."""

    value: Expr
    name: str
    args: tuple[Expr, ...]
    keywords: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallFunction(PlanNode):
    signature: Signature
    args: tuple[Expr, ...]
    keywords: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallPredicate(PlanNode):
    """True when some model of the predicate's block exists with its parameters bound to `args`."""

    index: int
    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Arithmetic(PlanNode):
    """`+ - * / % **`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Negative(PlanNode):
    """`-x`, or `+x` where `positive`."""

    operand: Expr
    positive: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Not(PlanNode):
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class And(PlanNode):
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Or(PlanNode):
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cmp(PlanNode):
    """`== != < <= > >= in is contains_only`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Flow(PlanNode):
    """`left -> right`, or `left ~> right` where `immediate`."""

    left: Expr
    right: Expr
    immediate: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class If(PlanNode):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Map(PlanNode):
    """A comprehension over `source` with its own variable."""

    element: Expr
    variable: str
    source: Expr
    condition: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Declared(PlanNode):
    """A typed or derived variable inside an expression: True once the variable is bound."""

    variable: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quantified(PlanNode):
    """`forall:` (kind "forall") or `count(min, max):` (kind "count") over the models of a block."""

    kind: str
    block: Block
    minimum: Expr | None = None
    maximum: Expr | None = None


# --- tool patterns ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnyValue(PlanNode):
    """`*`: anything present."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TextPattern(PlanNode):
    """A text of the policy: equal, or fully matched as a regular expression (`.` matches
    newlines)."""

    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EqualValue(PlanNode):
    """Equal to the value of an expression; numbers of either kind, but never a bool and a
    number."""

    value: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ListPattern(PlanNode):
    items: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DictPattern(PlanNode):
    keys: tuple[str, ...]
    values: tuple[Pattern, ...]
    key_spans: tuple[Span, ...] = field(default=(), kw_only=True)
    """Where the keys stand."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DetectorPattern(PlanNode):
    """`<EMAIL_ADDRESS>`: a text in which a detector finds that kind."""

    name: str
    signature: Signature


Pattern = AnyValue | TextPattern | EqualValue | ListPattern | DictPattern | DetectorPattern


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MatchTool(PlanNode):
    """`value is tool:name(arguments)`; `wildcard` where `*` in the name stands for any run of
    characters."""

    value: Expr
    name: str
    wildcard: bool
    arguments: Pattern | None = None


@dataclass(frozen=True, slots=True)
class PatternValue(PlanNode):
    """A tool pattern as a value: `test` says whether what `subject` names fits it."""

    subject: str
    test: MatchTool


Expr = (
    Literal
    | ListOf
    | DictOf
    | Format
    | Var
    | Input
    | ConstantRef
    | FunctionRef
    | GetMember
    | GetIndex
    | CallMethod
    | CallFunction
    | CallPredicate
    | Arithmetic
    | Negative
    | Not
    | And
    | Or
    | Cmp
    | Flow
    | If
    | Map
    | Declared
    | Quantified
    | MatchTool
    | PatternValue
)


# --- blocks and rules ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scan(PlanNode):
    """For every object of a type in the trace."""

    variable: str
    domain: Type


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Each(PlanNode):
    """For every value of a type found in `source`."""

    variable: str
    domain: Type
    source: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bind(PlanNode):
    """Name the value of an expression."""

    variable: str
    value: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Check(PlanNode):
    """Go on only where the condition is truthy."""

    condition: Expr


Step = Scan | Each | Bind | Check


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Block(PlanNode):
    """Steps in nested-loop order.

    `variables` are those of the block in the order of their declaration.
    """

    steps: tuple[Step, ...]
    variables: tuple[str, ...] = ()

    def loop_variables(self) -> tuple[str, ...]:
        """The variables that range over something, in the order of their declaration."""
        looped = {step.variable for step in self.steps if isinstance(step, Scan | Each)}
        return tuple(name for name in self.variables if name in looped)


@dataclass(frozen=True, slots=True)
class RuleRef:
    """The rule of a violation: its `name` (its message where that is a text), file and line."""

    name: str
    path: str | None
    line: int

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "path": self.path, "line": self.line}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RulePlan(PlanNode):
    """`raise value if: block`. `index` is the rule's number among the raise statements, from 0."""

    index: int
    ref: RuleRef
    value: Expr
    block: Block
    risk: str | None = None
    parameters: tuple[str, ...] = ()
    """Names of the `input.*` values that the rule needs."""
    source: int = 0
    """Number of the file in `Plan.sources`."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredicatePlan(PlanNode):
    name: str
    parameters: tuple[str, ...]
    block: Block
    source: int = 0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConstantPlan(PlanNode):
    name: str
    value: Expr
    source: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of one policy: rules in order, and the predicates and constants they refer to by
    index."""

    rules: tuple[RulePlan, ...]
    predicates: tuple[PredicatePlan, ...] = ()
    constants: tuple[ConstantPlan, ...] = ()
    sources: tuple[Source, ...] = ()


# --- walking ------------------------------------------------------------------------------------


_NODES = ("Expr", "Pattern", "MatchTool", "Step", "Block", "FormatPart", "Literal")
"""Parts of the annotations of fields that hold plan nodes."""


_FIELDS: dict[type[PlanNode], tuple[str, ...]] = {}


def _fields(kind: type[PlanNode]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(
            f.name
            for f in fields(kind)
            if f.name not in ("span", "type") and any(word in str(f.type) for word in _NODES)
        )
    return names


def children(node: PlanNode) -> list[PlanNode]:
    """The plan nodes directly below a node."""
    kind = type(node)
    found: list[PlanNode] = []
    for name in _FIELDS.get(kind) or _fields(kind):
        value = getattr(node, name)
        if type(value) is tuple:
            for item in value:
                if type(item) is tuple:
                    found += [part for part in item if isinstance(part, PlanNode)]
                else:
                    found.append(item)
        elif value is not None:
            found.append(value)
    return found


def walk(node: PlanNode) -> Iterator[PlanNode]:
    """The node and everything below it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += children(current)


def rewrite(node: Any, change: Callable[[PlanNode], PlanNode]) -> Any:
    """The node with `change` applied to it and everything below it, children first."""
    updates: dict[str, Any] = {}
    for name in _fields(type(node)):
        value = getattr(node, name)
        new = _rewrite_value(value, change)
        if new is not value:
            updates[name] = new
    return change(replace(node, **updates) if updates else node)


def _rewrite_value(value: Any, change: Callable[[PlanNode], PlanNode]) -> Any:
    if isinstance(value, PlanNode):
        return rewrite(value, change)
    if isinstance(value, tuple):
        items = [_rewrite_value(item, change) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            return tuple(items)
    return value


def literal_value(value: PlanNode) -> Any:
    """What a value of the policy stands for.

    Raises:
        TypeError: it is none: it depends on something.
    """
    match value:
        case Literal(value=literal):
            return literal
        case ListOf(items=items):
            return [literal_value(x) for x in items]
        case DictOf(keys=keys, values=values):
            return {key: literal_value(x) for key, x in zip(keys, values, strict=True)}
        case _:
            raise TypeError(f"{type(value).__name__} is no literal")


def free_variables(node: PlanNode) -> frozenset[str]:
    """Names of the variables that an expression, step or block takes from outside."""
    match node:
        case Var(name=name):
            return frozenset((name,))
        case Declared(variable=name):
            return frozenset((name,))
        case Map(variable=variable, source=source, element=element, condition=condition):
            inner = free_variables(element)
            if condition is not None:
                inner |= free_variables(condition)
            return free_variables(source) | (inner - {variable})
        case PatternValue(subject=subject, test=test):
            return free_variables(test) - {subject}
        case Block(steps=steps):
            used: frozenset[str] = frozenset()
            bound: set[str] = set()
            for step in steps:
                used |= free_variables(step) - bound
                if not isinstance(step, Check):
                    bound.add(step.variable)
            return used
        case _:
            pass
    found: frozenset[str] = frozenset()
    for child in children(node):
        found |= free_variables(child)
    return found


TRUE = Literal(True, type=BOOL)  # the literal itself
