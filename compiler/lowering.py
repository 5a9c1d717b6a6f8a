"""From a checked syntax tree to a plan: names become variables, inputs and references; lines become
steps.

`lower(checked)` expects a file without errors. What it decides: the nested-loop order of each block
(`plan.Block`), comparison chains and `and` lines as separate conditions, literal constants in
place, the risk level and name of each rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.risk import RISK_TAG, without_tags
from policyc.compiler.symbols import Symbol, SymbolKind
from policyc.grammar import nodes as n
from policyc.grammar.visitor import children, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policyc.compiler.frontend import Checked
    from policyc.compiler.signatures import Signature
    from policyc.grammar.source import Span

RISK_LEVELS = {"low": "low", "medium": "medium", "high": "high", "critical": "high"}


_SUBJECT = "<subject>"
"""What a tool pattern that stands as a value calls the value that it is asked about: no name of a
policy."""


def lower(checked: Checked, value_references: Mapping[str, Signature]) -> p.Plan:
    """The plan of a file without errors.

    `value_references` gives the detector of each `<NAME>` that tool patterns may use.
    """
    return _Lowering(checked, value_references).plan()


def risk_of(texts: Iterable[str]) -> str | None:
    """The level that a `[risk=...]` tag in one of the literal texts sets; the first tag counts."""
    for text in texts:
        if (tag := RISK_TAG.search(text)) is not None:
            return RISK_LEVELS.get(tag[1].lower())
    return None


@dataclass(slots=True)
class _OpenBlock:
    """A block while its lines are read."""

    declarations: dict[Symbol, n.TypedVariable | n.DerivedVariable | n.Assign]
    waiting: set[Symbol]
    """Variables whose loop has not begun."""
    steps: list[p.Step] = field(default_factory=list)


class _Lowering:
    def __init__(self, checked: Checked, value_references: Mapping[str, Signature]) -> None:
        self.checked = checked
        self.source = checked.source
        self.uses = checked.table.uses
        self.declared = checked.table.declared
        self.types = checked.table.types
        self.value_references = value_references
        self.predicates: list[p.PredicatePlan | None] = []
        self.predicate_numbers: dict[Symbol, int] = {}
        self.constants: list[p.ConstantPlan | None] = []
        self.constant_values: dict[Symbol, p.Expr] = {}
        self.slots: dict[Symbol, str] = {}
        self.taken: set[str] = set()

    def plan(self) -> p.Plan:
        rules: list[p.RulePlan] = []
        names: dict[str, int] = {}
        for statement in self.checked.tree.statements:
            if isinstance(statement, n.Rule):
                rules.append(self.rule(statement, len(rules), names))
            elif isinstance(statement, n.Predicate):
                self.predicate_number(self.declared[statement.uid])
            elif isinstance(statement, n.ConstantDeclaration):
                self.constant(self.declared[statement.uid])
        predicates = tuple(x for x in self.predicates if x is not None)
        constants = tuple(x for x in self.constants if x is not None)
        if any(symbol.kind is SymbolKind.INPUT for symbol in self.uses.values()):
            rules = [_with_parameters(rule, predicates, constants) for rule in rules]
        return p.Plan(tuple(rules), predicates, constants, (self.source,))

    # --- statements

    def rule(self, rule: n.Rule, index: int, names: dict[str, int]) -> p.RulePlan:
        self.slots, self.taken = {}, set()
        texts = self.message_texts(rule.value)
        name = without_tags("{}".join(texts)) or f"rule {index + 1}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} #{names[name]}"
        block = self.block(rule.body, rule.span)
        return p.RulePlan(
            index,
            p.RuleRef(name, self.source.path, self.source.position(rule.span.start).line),
            self.expr(rule.value),
            block,
            risk_of(texts),
            span=rule.span,
        )

    def message_texts(self, value: n.Expr) -> list[str]:
        """The literal parts of the text that a rule raises; empty where it is no text of the
        policy."""
        match value:
            case n.String(value=text):
                return [text]
            case n.FString(parts=parts):
                texts = [""]
                for part in parts:
                    if isinstance(part, n.String):
                        texts[-1] += part.value
                    else:
                        texts.append("")
                return texts
            case n.Name():
                symbol = self.uses.get(value.uid)
                if symbol is not None and isinstance(symbol.declaration, n.ConstantDeclaration):
                    return self.message_texts(symbol.declaration.value)
            case n.Call(function=n.Name() as function, args=(first, *_)):
                symbol = self.uses.get(function.uid)
                if symbol is not None and symbol.type == ts.VIOLATION:
                    return self.message_texts(first)
                if (
                    symbol is not None
                    and symbol.signature is not None
                    and symbol.signature.result == ts.VIOLATION
                ):
                    return self.message_texts(first)
            case _:
                pass
        return []

    def predicate_number(self, symbol: Symbol) -> int:
        number = self.predicate_numbers.get(symbol)
        if number is not None:
            return number
        declaration = symbol.declaration
        assert isinstance(declaration, n.Predicate)  # noqa: S101  # the resolver's promise
        number = self.predicate_numbers[symbol] = len(self.predicates)
        self.predicates.append(None)
        outer = self.slots, self.taken
        self.slots, self.taken = {}, set()
        parameters = tuple(self.slot(self.declared[x.uid]) for x in declaration.parameters)
        block = self.block(declaration.body, declaration.span)
        self.slots, self.taken = outer
        self.predicates[number] = p.PredicatePlan(
            declaration.name.text, parameters, block, span=declaration.span
        )
        return number

    def constant(self, symbol: Symbol) -> p.Expr:
        """The value of a literal constant, else a reference to it."""
        known = self.constant_values.get(symbol)
        if known is not None:
            return known
        declaration = symbol.declaration
        assert isinstance(declaration, n.ConstantDeclaration)  # noqa: S101  # the resolver's promise
        outer = self.slots, self.taken
        self.slots, self.taken = {}, set()
        value = self.expr(declaration.value)
        self.slots, self.taken = outer
        if not is_literal(value) or is_large(value):
            self.constants.append(
                p.ConstantPlan(declaration.name.text, value, span=declaration.span)
            )
            value = p.ConstantRef(
                len(self.constants) - 1, declaration.name.text, span=value.span, type=value.type
            )
        self.constant_values[symbol] = value
        return value

    # --- blocks

    def slot(self, symbol: Symbol) -> str:
        """The unique name of a variable in the rule or predicate being lowered."""
        name = self.slots.get(symbol)
        if name is None:
            name, number = symbol.name, 1
            while name in self.taken:
                number += 1
                name = f"{symbol.name}_{number}"
            self.taken.add(name)
            self.slots[symbol] = name
        return name

    def block(self, lines: tuple[n.Line, ...], span: Span) -> p.Block:
        declarations: dict[Symbol, n.TypedVariable | n.DerivedVariable | n.Assign] = {}
        for line in lines:
            for node in _declarations(line):
                declarations[self.declared[node.uid]] = node
        opened = _OpenBlock(
            declarations,
            {symbol for symbol, x in declarations.items() if not isinstance(x, n.Assign)},
        )
        steps = opened.steps
        for line in lines:
            if isinstance(line, n.Assign):
                self.introduce(line.value, opened)
                symbol = self.declared[line.uid]
                steps.append(
                    p.Bind(
                        self.slot(symbol), self.expr(line.value), span=line.span, type=symbol.type
                    )
                )
                continue
            for conjunct in _conjuncts(line):
                self.introduce(conjunct, opened)
                if not isinstance(conjunct, n.TypedVariable | n.DerivedVariable):
                    steps.extend(
                        p.Check(condition, span=condition.span)
                        for condition in _flat_and(self.expr(conjunct))
                    )
        variables = tuple(self.slot(symbol) for symbol in declarations)
        return p.Block(tuple(steps), variables, span=span)

    def introduce(self, node: n.Node, opened: _OpenBlock) -> None:
        """Start the loops of the variables that a node mentions, if they have not begun."""
        if not opened.waiting:
            return
        for symbol in self.mentioned(node):
            if symbol not in opened.waiting:
                continue
            opened.waiting.remove(symbol)
            declaration = opened.declarations[symbol]
            name, kind, span = self.slot(symbol), symbol.type, declaration.span
            if isinstance(declaration, n.TypedVariable):
                opened.steps.append(p.Scan(name, kind, span=span, type=kind))
            elif isinstance(declaration, n.DerivedVariable):
                self.introduce(declaration.source, opened)
                source = self.expr(declaration.source)
                opened.steps.append(p.Each(name, kind, source, span=span, type=kind))

    def mentioned(self, node: n.Node) -> Iterator[Symbol]:
        """Variables used or declared anywhere in a node, in source order."""
        for item in walk(node):
            if isinstance(item, n.Name):
                symbol = self.uses.get(item.uid)
                if symbol is not None:
                    yield symbol
            elif isinstance(item, n.TypedVariable | n.DerivedVariable):
                yield self.declared[item.uid]

    # --- expressions

    def expr(self, node: n.Expr) -> p.Expr:  # one case a kind of node
        span, kind = node.span, self.types.get(node.uid, ts.ANY)
        match node:
            case n.String(value=text):
                return p.Literal(text, span=span, type=ts.TEXT)
            case n.Number(value=number):
                return p.Literal(number, span=span, type=_number_type(number))
            case n.Constant(value=constant):
                return p.Literal(constant, span=span, type=ts.NONE if constant is None else ts.BOOL)
            case n.FString(parts=parts):
                return p.Format(
                    tuple(
                        p.Literal(part.value, span=part.span, type=ts.TEXT)
                        if isinstance(part, n.String)
                        else p.FormatPart(self.expr(part.value), part.spec, span=part.span)
                        for part in parts
                    ),
                    span=span,
                    type=ts.TEXT,
                )
            case n.Name():
                return self.name(node, kind)
            case n.Member(value=value, name=name):
                symbol = self.uses.get(node.uid)
                if symbol is not None:
                    return self.symbol(symbol, span, kind)
                lowered = self.expr(value)
                if isinstance(lowered, p.Input) and lowered.name is None:
                    return p.Input(name.text, span=span, type=kind)
                return p.GetMember(lowered, name.text, span=span, type=kind)
            case n.Index(value=value, index=index):
                return p.GetIndex(self.expr(value), self.expr(index), span=span, type=kind)
            case n.Call():
                return self.call(node, kind)
            case n.ListLiteral(items=items):
                return p.ListOf(tuple(self.expr(x) for x in items), span=span, type=kind)
            case n.ObjectLiteral(entries=entries):
                return p.DictOf(
                    tuple(x.key.text for x in entries),
                    tuple(self.expr(x.value) for x in entries),
                    span=span,
                    type=kind,
                )
            case n.Unary(operator="not", operand=operand):
                return p.Not(self.expr(operand), span=span, type=ts.BOOL)
            case n.Unary(operator=operator, operand=operand):
                lowered = self.expr(operand)
                if operator == "-" and isinstance(lowered, p.Literal):
                    amount = lowered.value
                    if isinstance(amount, int | float) and not isinstance(amount, bool):
                        return p.Literal(-amount, span=span, type=lowered.type)
                return p.Negative(lowered, positive=operator == "+", span=span, type=kind)
            case n.Binary(operator=operator, left=left, right=right):
                return p.Arithmetic(
                    operator, self.expr(left), self.expr(right), span=span, type=kind
                )
            case n.BoolOp(operator=operator, operands=operands):
                lowered_operands = tuple(self.expr(x) for x in operands)
                if operator == "and":
                    return p.And(lowered_operands, span=span, type=kind)
                return p.Or(lowered_operands, span=span, type=kind)
            case n.Compare():
                return self.compare(node)
            case n.Ternary(condition=condition, then=then, otherwise=otherwise):
                return p.If(
                    self.expr(condition),
                    self.expr(then),
                    self.expr(otherwise),
                    span=span,
                    type=kind,
                )
            case n.Comprehension(element=element, source=source, condition=condition):
                lowered_source = self.expr(source)
                variable = self.slot(self.declared[node.uid])
                return p.Map(
                    self.expr(element),
                    variable,
                    lowered_source,
                    None if condition is None else self.expr(condition),
                    span=span,
                    type=kind,
                )
            case n.TypedVariable() | n.DerivedVariable():
                return p.Declared(self.slot(self.declared[node.uid]), span=span, type=ts.BOOL)
            case n.Quantifier():
                return self.quantifier(node)
            case n.ToolPattern():
                subject = p.Var(_SUBJECT, span=span)
                return p.PatternValue(
                    _SUBJECT, self.tool_pattern(subject, node, span), span=span, type=kind
                )
            case n.Wildcard() | n.ValueReference():
                raise AssertionError(f"{type(node).__name__} outside of a pattern")

    def name(self, node: n.Name, kind: ts.Type) -> p.Expr:
        return self.symbol(self.uses[node.uid], node.span, kind)

    def symbol(self, symbol: Symbol, span: Span, kind: ts.Type) -> p.Expr:
        match symbol.kind:
            case SymbolKind.CONSTANT:
                return _at(self.constant(symbol), span)
            case SymbolKind.INPUT:
                return p.Input(None, span=span, type=ts.INPUT)
            case SymbolKind.VALUE:
                return p.Literal(symbol.value, span=span, type=kind)
            case _ if symbol.signature is not None:
                return p.FunctionRef(symbol.signature, span=span, type=ts.CALLABLE)
            case _:
                return p.Var(self.slot(symbol), span=span, type=kind)

    def call(self, node: n.Call, kind: ts.Type) -> p.Expr:
        args = tuple(self.expr(x) for x in node.args)
        keywords = tuple((x.name.text, self.expr(x.value)) for x in node.keywords)
        function = node.function
        symbol = self.uses.get(function.uid)
        if symbol is not None and isinstance(symbol.declaration, n.Predicate):
            return self.predicate_call(symbol, args, keywords, node.span)
        if symbol is not None and symbol.signature is not None:
            return p.CallFunction(symbol.signature, args, keywords, span=node.span, type=kind)
        if isinstance(function, n.Member):
            owner = self.expr(function.value)
            if isinstance(owner, p.Input) and owner.name is None and function.name.text == "get":
                return _parameter(args, node.span, kind)
            return p.CallMethod(
                owner,
                function.name.text,
                args,
                keywords,
                span=node.span,
                type=kind,
            )
        raise AssertionError("a call of something that is no function")

    def predicate_call(
        self,
        symbol: Symbol,
        args: tuple[p.Expr, ...],
        keywords: tuple[tuple[str, p.Expr], ...],
        span: Span,
    ) -> p.Expr:
        declaration = symbol.declaration
        assert isinstance(declaration, n.Predicate)  # noqa: S101  # checked by the caller
        by_name = dict(keywords)
        names = [x.name.text for x in declaration.parameters]
        full = [*args, *(by_name[name] for name in names[len(args) :])]
        number = self.predicate_number(symbol)
        return p.CallPredicate(number, symbol.name, tuple(full), span=span, type=ts.BOOL)

    def quantifier(self, node: n.Quantifier) -> p.Expr:
        symbol = self.uses.get(node.callee.uid)
        kind = symbol.name if symbol is not None else node.callee.text
        if symbol is not None and isinstance(symbol.value, str):
            kind = symbol.value
        bounds: dict[str, p.Expr] = dict(
            zip(("min", "max"), (self.expr(x) for x in node.args), strict=False)
        )
        bounds.update((x.name.text, self.expr(x.value)) for x in node.keywords)
        block = self.block(node.body, node.span)
        return p.Quantified(
            kind, block, bounds.get("min"), bounds.get("max"), span=node.span, type=ts.BOOL
        )

    def compare(self, node: n.Compare) -> p.Expr:
        links: list[p.Expr] = []
        left_node: n.Expr = node.first
        for link in node.rest:
            links.append(self.link(left_node, link, node.first.span.to(link.right.span)))
            left_node = link.right
        if len(links) == 1:
            return links[0]
        return p.And(tuple(links), span=node.span, type=ts.BOOL)

    def link(self, left_node: n.Expr, link: n.Comparison, span: Span) -> p.Expr:
        operator = link.operator
        negated = operator in ("not in", "is not")
        left = self.operand(left_node)
        result: p.Expr
        pattern = self.known_pattern(link.right)
        if pattern is not None:
            result = self.tool_pattern(left, pattern, span)
        else:
            right = self.operand(link.right)
            if operator in ("->", "~>"):
                return p.Flow(left, right, immediate=operator == "~>", span=span, type=ts.BOOL)
            plain = {"not in": "in", "is not": "is"}.get(operator, operator)
            kind = ts.BOOL
            if plain == "in" and left.type.name == "list":
                kind = ts.list_of(ts.BOOL)
            result = p.Cmp(plain, left, right, span=span, type=kind)
        return p.Not(result, span=span, type=ts.BOOL) if negated else result

    def operand(self, node: n.Expr) -> p.Expr:
        """An operand of a comparison: there a typed variable stands for its value."""
        if isinstance(node, n.TypedVariable | n.DerivedVariable):
            symbol = self.declared[node.uid]
            return p.Var(self.slot(symbol), span=node.span, type=symbol.type)
        return self.expr(node)

    # --- tool patterns

    def known_pattern(self, node: n.Expr) -> n.ToolPattern | None:
        """The tool pattern that an expression is, itself or as the name of a constant."""
        if isinstance(node, n.Name):
            symbol = self.uses[node.uid]
            if symbol.kind is SymbolKind.CONSTANT and isinstance(
                symbol.declaration, n.ConstantDeclaration
            ):
                node = symbol.declaration.value
        return node if isinstance(node, n.ToolPattern) else None

    def tool_pattern(self, value: p.Expr, node: n.ToolPattern, span: Span) -> p.MatchTool:
        arguments: p.Pattern | None = None
        if node.arguments:
            arguments = self.pattern(node.arguments[0])
            if isinstance(arguments, p.AnyValue):
                arguments = None
        wildcard = "*" in node.name and not node.quoted
        return p.MatchTool(value, node.name, wildcard, arguments, span=span, type=ts.BOOL)

    def pattern(self, node: n.Expr) -> p.Pattern:
        match node:
            case n.Wildcard():
                return p.AnyValue(span=node.span)
            case n.String(value=text):
                return p.TextPattern(text, span=node.span)
            case n.ListLiteral(items=items):
                return p.ListPattern(tuple(self.pattern(x) for x in items), span=node.span)
            case n.ObjectLiteral(entries=entries):
                return p.DictPattern(
                    tuple(x.key.text for x in entries),
                    tuple(self.pattern(x.value) for x in entries),
                    key_spans=tuple(x.key.span for x in entries),
                    span=node.span,
                )
            case n.ValueReference(name=name):
                return p.DetectorPattern(name, self.value_references[name], span=node.span)
            case _:
                value = self.expr(node)
                if isinstance(value, p.Literal) and isinstance(value.value, str):
                    return p.TextPattern(value.value, span=node.span)
                if isinstance(value, p.ListOf):
                    return p.ListPattern(
                        tuple(_value_pattern(x) for x in value.items), span=node.span
                    )
                return p.EqualValue(value, span=node.span)


def _value_pattern(value: p.Expr) -> p.Pattern:
    if isinstance(value, p.Literal) and isinstance(value.value, str):
        return p.TextPattern(value.value, span=value.span)
    return p.EqualValue(value, span=value.span)


def _parameter(args: tuple[p.Expr, ...], span: Span, kind: ts.Type) -> p.Input:
    """`input.get("name", default)`."""
    name, *defaults = args
    assert isinstance(name, p.Literal)  # noqa: S101  # the checker's promise
    default = defaults[0] if defaults else p.Literal(None, type=ts.NONE)
    return p.Input(str(name.value), default, span=span, type=kind)


def is_literal(value: p.Expr) -> bool:
    """Whether an expression is a value of the policy through and through."""
    match value:
        case p.Literal():
            return True
        case p.ListOf(items=items):
            return all(is_literal(x) for x in items)
        case p.DictOf(values=values):
            return all(is_literal(x) for x in values)
        case _:
            return False


MOST_NODES = 10_000
DEEPEST = 50
"""Nodes of a literal constant that is put in place of its uses, and their levels."""


def is_large(value: p.Expr) -> bool:
    """Whether a literal is too large or too deep to stand wherever a constant is used.

    Constants of constants grow fast: ten of ten of ten ... are a few lines of a policy.
    """
    level: list[p.PlanNode] = [value]
    seen = 0
    for _ in range(DEEPEST):
        seen += len(level)
        if seen > MOST_NODES:
            return True
        level = [child for node in level for child in p.children(node)]
        if not level:
            return False
    return True


def _at(value: p.Expr, span: Span) -> p.Expr:
    """A literal constant, or the reference to another, at the place of its use; lists and objects
    keep the span of their declaration."""
    if isinstance(value, p.Literal | p.ConstantRef):
        return replace(value, span=span)
    return value


def _number_type(value: int | float) -> ts.Type:
    return ts.INT if isinstance(value, int) else ts.FLOAT


def _declarations(line: n.Node) -> Iterator[n.TypedVariable | n.DerivedVariable | n.Assign]:
    """What a line declares in its own block, in source order: not what a quantifier's block
    does."""
    stack: list[n.Node] = [line]
    while stack:
        node = stack.pop()
        if isinstance(node, _DECLARING):
            yield node
        if isinstance(node, n.Quantifier):
            stack.extend(x.value for x in reversed(node.keywords))
            stack.extend(reversed(node.args))
        else:
            below = children(node)
            below.reverse()
            stack += below


# A tuple: it is asked of every node, and a union of types takes longer.
_DECLARING = (n.TypedVariable, n.DerivedVariable, n.Assign)


def _conjuncts(line: n.Expr) -> tuple[n.Expr, ...]:
    if isinstance(line, n.BoolOp) and line.operator == "and":
        return tuple(x for operand in line.operands for x in _conjuncts(operand))
    return (line,)


def _flat_and(condition: p.Expr) -> tuple[p.Expr, ...]:
    """The conditions of a line one by one; a tool pattern as its name, then its arguments."""
    if isinstance(condition, p.And):
        return tuple(x for operand in condition.operands for x in _flat_and(operand))
    if isinstance(condition, p.MatchTool) and condition.arguments is not None:
        if condition.wildcard and condition.name == "*":
            return (condition,)
        arguments = replace(condition, name="*", wildcard=True)
        return (replace(condition, arguments=None), arguments)
    return (condition,)


def _with_parameters(
    rule: p.RulePlan,
    predicates: tuple[p.PredicatePlan, ...],
    constants: tuple[p.ConstantPlan, ...],
) -> p.RulePlan:
    """The rule with the names of the parameters it needs, directly or through what it refers to."""
    names: dict[str, None] = {}
    seen: set[tuple[str, int]] = set()
    stack: list[p.PlanNode] = [rule]
    while stack:
        for node in p.walk(stack.pop()):
            if isinstance(node, p.Input) and node.name not in (None, "data"):
                if node.default is not None:
                    continue
                names[str(node.name)] = None
            elif isinstance(node, p.CallPredicate) and ("p", node.index) not in seen:
                seen.add(("p", node.index))
                stack.append(predicates[node.index])
            elif isinstance(node, p.ConstantRef) and ("c", node.index) not in seen:
                seen.add(("c", node.index))
                stack.append(constants[node.index])
    return replace(rule, parameters=tuple(names)) if names else rule
