"""A plan as readable lines: what `policyc plan` prints, and what to compare when a pass changes.

Takes a plan and gives text in the spirit of the language: `for` starts a loop over a variable,
`let` names a value, `if` goes on only where its condition holds. It is for reading and cannot be
parsed back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from policyc.compiler import plan as p

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INDENT = "    "


def plan_text(plan: p.Plan) -> str:
    """The plan as text: constants, predicates, then rules."""
    parts = [
        *(_constant(constant) for constant in plan.constants),
        *(_predicate(predicate) for predicate in plan.predicates),
        *(_rule(rule) for rule in plan.rules),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _constant(constant: p.ConstantPlan) -> Iterator[str]:
    yield f"constant {constant.name} = {expression(constant.value)}"


def _predicate(predicate: p.PredicatePlan) -> Iterator[str]:
    yield f"predicate {predicate.name}({', '.join(predicate.parameters)})"
    yield from _block(predicate.block, _INDENT)


def _rule(rule: p.RulePlan) -> Iterator[str]:
    place = f"{rule.ref.path or '<policy>'}:{rule.ref.line}"
    yield f"rule {rule.index} {_text(rule.ref.name)} at {place}"
    if rule.risk is not None:
        yield f"{_INDENT}risk {rule.risk}"
    if rule.parameters:
        yield f"{_INDENT}needs {', '.join(f'input.{name}' for name in rule.parameters)}"
    yield from _block(rule.block, _INDENT)
    yield f"{_INDENT}raise {expression(rule.value)}"


def block_text(block: p.Block) -> str:
    """The block of a rule as text: the same for the same conditions, wherever they stand."""
    return "\n".join(_block(block, ""))


def _block(block: p.Block, indent: str) -> Iterator[str]:
    for step in block.steps:
        match step:
            case p.Scan(variable=name, domain=domain):
                yield f"{indent}for {name} in every {domain}"
            case p.Each(variable=name, domain=domain, source=source):
                yield f"{indent}for {name} in every {domain} of {expression(source)}"
            case p.Bind(variable=name, value=value):
                yield f"{indent}let {name} = {expression(value)}"
            case p.Check(condition=p.Quantified() as condition):
                yield from _quantified(condition, indent)
            case p.Check(condition=p.Not(operand=p.Quantified() as condition)):
                yield from _quantified(condition, indent, negation="not ")
            case p.Check(condition=condition):
                yield f"{indent}if {expression(condition)}"


def _quantified(condition: p.Quantified, indent: str, negation: str = "") -> Iterator[str]:
    yield f"{indent}if {negation}{_quantifier(condition)}:"
    yield from _block(condition.block, indent + _INDENT)


def _quantifier(node: p.Quantified) -> str:
    bounds = [
        f"{name}={expression(bound)}"
        for name, bound in (("min", node.minimum), ("max", node.maximum))
        if bound is not None
    ]
    return f"{node.kind}({', '.join(bounds)})" if node.kind == "count" else node.kind


def expression(node: p.Expr) -> str:
    """An expression in the words of the language."""
    match node:
        case p.Literal(value=value):
            return _text(value) if isinstance(value, str) else str(value)
        case p.ListOf(items=items):
            return f"[{_list(items)}]"
        case p.DictOf(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return "{" + ", ".join(f"{_text(k)}: {expression(v)}" for k, v in pairs) + "}"
        case p.Format(parts=parts):
            return f"f{_text(''.join(_format_part(part) for part in parts))}"
        case p.Var(name=name) | p.ConstantRef(name=name):
            return name
        case p.Input(name=str() as name, default=default) if default is not None:
            return f"input.get({_text(name)}, {expression(default)})"
        case p.Input(name=name):
            return f"input.{name}" if name else "input"
        case p.FunctionRef(signature=signature):
            return signature.name
        case p.GetMember(value=value, name=name):
            return f"{_operand(value)}.{name}"
        case p.GetIndex(value=value, index=index):
            return f"{_operand(value)}[{expression(index)}]"
        case p.CallMethod(value=value, name=name, args=args, keywords=keywords):
            return f"{_operand(value)}.{name}({_arguments(args, keywords)})"
        case p.CallFunction(signature=signature, args=args, keywords=keywords):
            return f"{signature.name}({_arguments(args, keywords)})"
        case p.CallPredicate(name=name, args=args):
            return f"{name}({_list(args)})"
        case p.Negative(operand=operand, positive=positive):
            return f"{'+' if positive else '-'}{_operand(operand)}"
        case p.Not(operand=operand):
            return f"not {_operand(operand)}"
        case p.And(operands=operands):
            return " and ".join(_operand(x) for x in operands)
        case p.Or(operands=operands):
            return " or ".join(_operand(x) for x in operands)
        case (
            p.Arithmetic(operator=operator, left=left, right=right)
            | p.Cmp(operator=operator, left=left, right=right)
        ):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case p.Flow(left=left, right=right, immediate=immediate):
            return f"{_operand(left)} {'~>' if immediate else '->'} {_operand(right)}"
        case p.If(condition=condition, then=then, otherwise=otherwise):
            return f"{_operand(then)} if {_operand(condition)} else {_operand(otherwise)}"
        case p.Map(element=element, variable=variable, source=source, condition=condition):
            rest = f" if {expression(condition)}" if condition is not None else ""
            return f"[{expression(element)} for {variable} in {expression(source)}{rest}]"
        case p.Declared(variable=variable):
            return f"some {variable}"
        case p.Quantified(block=block):
            return f"{_quantifier(node)} {{ {'; '.join(x.strip() for x in _block(block, ''))} }}"
        case p.MatchTool(value=value):
            return f"{_operand(value)} is {_tool(node)}"
        case p.PatternValue(test=test):
            return _tool(test)
        case _:
            assert_never(node)


def _tool(node: p.MatchTool) -> str:
    tool = node.name if node.wildcard else _text(node.name)
    return f"tool:{tool}" + ("" if node.arguments is None else f"({_pattern(node.arguments)})")


_SIMPLE = (
    p.Literal
    | p.ListOf
    | p.DictOf
    | p.Format
    | p.Var
    | p.ConstantRef
    | p.Input
    | p.FunctionRef
    | p.GetMember
    | p.GetIndex
    | p.CallMethod
    | p.CallFunction
    | p.CallPredicate
    | p.Map
)


def _operand(node: p.Expr) -> str:
    """An expression inside another: in brackets unless it is one by its look."""
    return expression(node) if isinstance(node, _SIMPLE) else f"({expression(node)})"


def _list(nodes: Iterable[p.Expr]) -> str:
    return ", ".join(expression(node) for node in nodes)


def _arguments(args: tuple[p.Expr, ...], keywords: tuple[tuple[str, p.Expr], ...]) -> str:
    named = (f"{name}={expression(value)}" for name, value in keywords)
    return ", ".join([*(expression(arg) for arg in args), *named])


def _format_part(part: p.Literal | p.FormatPart) -> str:
    if isinstance(part, p.Literal):
        return str(part.value)
    return "{" + expression(part.value) + (f":{part.spec}" if part.spec else "") + "}"


def _pattern(pattern: p.Pattern) -> str:
    match pattern:
        case p.AnyValue():
            return "*"
        case p.TextPattern(text=text):
            return _text(text)
        case p.EqualValue(value=value):
            return f"equal to {expression(value)}"
        case p.ListPattern(items=items):
            return f"[{', '.join(_pattern(item) for item in items)}]"
        case p.DictPattern(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return "{" + ", ".join(f"{_text(k)}: {_pattern(v)}" for k, v in pairs) + "}"
        case p.DetectorPattern(name=name):
            return f"<{name}>"
        case _:
            assert_never(pattern)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
