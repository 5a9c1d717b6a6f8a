"""Checks what stands beside an operator, and gives the type of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    CONTENT,
    DICT,
    ERROR,
    EVENT_TYPES,
    FLOAT,
    INT,
    JSON,
    LIST,
    NUMBER,
    TEXT,
    TOOL_PATTERN,
    TUPLE,
    VIOLATION,
    Type,
    family,
    list_of,
    optional,
    present,
)
from policyc.compiler.wording import a, written
from policyc.grammar.nodes import TypedVariable

if TYPE_CHECKING:
    from policyc.compiler.checker import Checker
    from policyc.compiler.symbols import Symbol
    from policyc.grammar.nodes import Binary, Comparison, Expr, Node, Unary

_ORDERINGS = frozenset({"<", "<=", ">", ">="})
_VALUES = frozenset({"number", "text", "list", "dict", "object"})


# --- comparisons ----------------------------------------------------------------------------------


def comparison_type(
    checker: Checker, left: Expr, left_type: Type, link: Comparison, right_type: Type
) -> Type:
    """The type of one link of a comparison, whose operands have been looked at."""
    operator = link.operator
    if operator in ("->", "~>"):
        _check_flow(checker, left, left_type, operator)
        _check_flow(checker, link.right, right_type, operator)
        return BOOL
    if left_type is ERROR or right_type is ERROR:
        return ERROR
    for node, type_ in ((left, left_type), (link.right, right_type)):
        if type_ is CALLABLE:
            refuse_function(checker, node)
            return BOOL
    if operator in ("is", "is not"):
        return BOOL
    if _has_tool_pattern(checker, left, left_type, link, right_type):
        return BOOL
    if operator in _ORDERINGS and _refuse_order(checker, left, left_type, link, right_type):
        return ERROR
    if operator in ("in", "not in"):
        _check_container(checker, left_type, link, right_type)
        return _membership_type(left_type) if operator == "in" else BOOL
    return BOOL


def _check_flow(checker: Checker, node: Expr, type_: Type, operator: str) -> None:
    if isinstance(node, TypedVariable):
        type_ = checker.table.declared[node.uid].type
    declared = checker.declared_types.get(node.uid)
    if type_ in (ANY, ERROR) or present(type_) in EVENT_TYPES:
        if declared and present(declared) not in EVENT_TYPES and family(declared) is not None:
            checker.report(
                "W0722",
                node.span,
                f"`{written(node, checker.source)}` is declared as {a(declared)}, "
                f"which does not stand beside `{operator}`",
                "declare the parameter as a `Message`, `ToolCall` or `ToolOutput`",
            )
        return
    checker.report(
        "E0406",
        node.span,
        f"`{operator}` orders events, and this is {a(type_)}",
        "write a variable that is a `Message`, `ToolCall` or `ToolOutput` on both sides",
        note="no event",
    )


def _has_tool_pattern(
    checker: Checker, left: Expr, left_type: Type, link: Comparison, right_type: Type
) -> bool:
    """Reports `c == tool:x` and `c in [tool:x, tool:y]`."""
    shown = written(left, checker.source)
    for node, type_ in ((left, left_type), (link.right, right_type)):
        if type_ is TOOL_PATTERN:
            call = shown if node is link.right else "c"
            advice = f"write `{call} is {written(node, checker.source)}`"
            break
        if type_.element is TOOL_PATTERN:
            advice = f"write `{shown} is tool:a or {shown} is tool:b`"
            break
    else:
        return False
    checker.report(
        "E0409", node.span, f"a tool pattern cannot stand beside `{link.operator}`", advice
    )
    return True


def _refuse_order(
    checker: Checker, left: Expr, left_type: Type, link: Comparison, right_type: Type
) -> bool:
    """Whether the two values have no order; that is reported then."""
    left_kind, right_kind = family(left_type), family(right_type)
    if left_kind is None or right_kind is None:
        return False
    if left_kind == right_kind and left_kind not in ("dict", "object"):
        return False
    checker.report(
        "E0407",
        left.span.to(link.right.span),
        f"`{link.operator}` cannot compare {a(left_type)} with {a(right_type)}",
        _order_advice(left_type, right_type),
    )
    return True


def _order_advice(left: Type, right: Type) -> str:
    kinds = {family(left), family(right)}
    if kinds == {"list", "number"}:
        return "compare its length: `len(x)`"
    if kinds == {"text", "number"}:
        return "turn the text into a number first: `int(x)`; or compare its length: `len(x)`"
    return "compare two numbers or two texts"


def _check_container(checker: Checker, left_type: Type, link: Comparison, right_type: Type) -> None:
    kind = family(right_type)
    if kind == "number":
        checker.report(
            "E0407",
            link.right.span,
            f"`{link.operator}` looks into a text, a list or a dict, and this is {a(right_type)}",
            "write a list: `x in [a, b]`",
        )
    elif kind == "text" and family(left_type) in ("number", "dict", "object"):
        checker.report(
            "E0407",
            link.right.span,
            f"{a(left_type)} cannot be in a text",
            'look for a text: `"..." in x`',
        )


def _membership_type(left: Type) -> Type:
    """A list on the left of `in` asks about each of its elements."""
    if present(left).name == "list":
        return list_of(BOOL)
    return ANY if left in (ANY, JSON, CONTENT) else BOOL


# --- arithmetic -----------------------------------------------------------------------------------


def arithmetic_type(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left is ERROR or right is ERROR:
        return ERROR
    for operand, type_ in ((node.left, left), (node.right, right)):
        if type_ is CALLABLE:
            refuse_function(checker, operand)
            return ERROR
    result = _arithmetic(node.operator, left, right)
    if result is None:
        checker.report(
            "E0407",
            node.span,
            f"`{node.operator}` does not work on {a(left)} and {a(right)}",
            _arithmetic_advice(node.operator, left, right),
        )
        return ERROR
    return result


def _arithmetic(operator: str, left: Type, right: Type) -> Type | None:
    """None stands for operands that never work."""
    kinds = _operand_kind(left), _operand_kind(right)
    if kinds == ("number", "number"):
        return _number_result(operator, left, right)
    if operator == "%" and kinds[0] == "text":
        return ANY
    if None in kinds:
        # The known side may already rule out every value of the other.
        known = kinds[0] or kinds[1]
        if known in ("dict", "object") or (known == "text" and operator not in "+*%"):
            return None
        return JSON if JSON in (left, right) else ANY
    if operator == "+" and kinds[0] == kinds[1] and kinds[0] in ("text", "list"):
        if left != present(left) or right != present(right):
            return ANY
        return left if left == right else LIST
    if operator == "*" and set(kinds) in ({"text", "number"}, {"list", "number"}):
        sequence = left if kinds[1] == "number" else right
        return sequence if sequence == present(sequence) else ANY
    return None


def _operand_kind(type_: Type) -> str | None:
    return "object" if type_ in (VIOLATION, TOOL_PATTERN) else family(type_)


def _number_result(operator: str, left: Type, right: Type) -> Type:
    if present(left) != left or present(right) != right:
        return ANY
    if operator in ("/", "**"):
        return NUMBER if operator == "**" else FLOAT
    kinds = {left.name, right.name}
    if kinds <= {"int", "bool"}:
        return INT
    return FLOAT if "float" in kinds and "number" not in kinds else NUMBER


def _arithmetic_advice(operator: str, left: Type, right: Type) -> str:
    kinds = {family(left), family(right)}
    if operator == "+" and "text" in kinds:
        return 'write the value into the text: `f"... {value}"`'
    if "list" in kinds or "text" in kinds:
        return "use its length: `len(x)`"
    return "use one of its members"


def sign_type(checker: Checker, node: Unary, operand: Type) -> Type:
    if operand is ERROR:
        return ERROR
    if operand is CALLABLE:
        refuse_function(checker, node.operand)
        return ERROR
    kind = _operand_kind(operand)
    if kind in (None, "number"):
        if operand in (INT, BOOL):
            return INT
        return operand if operand in (FLOAT, NUMBER, JSON) else ANY
    checker.report(
        "E0407",
        node.span,
        f"`{node.operator}` works on numbers, and this is {a(operand)}",
        "write `not x` to turn a condition around",
    )
    return ERROR


# --- sequences ------------------------------------------------------------------------------------


def element_type(checker: Checker, node: Expr, source: Type) -> Type:
    """The type of the loop variable over a source."""
    kind = family(source)
    if kind in ("number", "object") or source is CALLABLE:
        checker.report(
            "E0407",
            node.span,
            f"{a(source)} has no elements to go through",
            "go through a list: `for x in [a, b]`, `for t in text(m)`, `for c in m.tool_calls`",
        )
        return ERROR
    if source is ERROR:
        return ERROR
    if kind == "list":
        return source.element or ANY
    if kind in ("text", "dict"):
        return TEXT
    return JSON if source is JSON else ANY


def indexed_type(owner: Type) -> Type:
    """The type of an element at an index; there may be none."""
    owner = present(owner)
    if owner.name == "list":
        return optional(owner.element or ANY)
    if owner == TUPLE:
        return ANY
    return JSON if owner in (TEXT, DICT, CONTENT, JSON) else ANY


# --- names that are no values ---------------------------------------------------------------------


def refuse_function(checker: Checker, node: Node) -> None:
    shown = written(node, checker.source)
    symbol = checker.table.uses.get(node.uid)
    is_hidden = symbol is not None and symbol.kind is SymbolKind.ASSIGNED
    advice = "call the function" if is_hidden else f"call it: `{shown}(...)`"
    if shown == "tool_call":
        advice += f"; for any call of a tool declare a variable: `({shown}: ToolCall)`"
    checker.report(
        "E0412",
        node.span,
        f"`{shown}` is a function and is not called",
        advice,
    )


def refuse_as_value(checker: Checker, node: Node, symbol: Symbol) -> None:
    name = symbol.name
    advice = {
        SymbolKind.PREDICATE: f"call it: `{name}(...)`",
        SymbolKind.QUANTIFIER: f"open a block with it: `{name}:` and its conditions, deeper, below",
    }.get(symbol.kind, f"declare a variable of this type: `(x: {name})`")
    checker.report("E0412", node.span, f"`{name}` is a {symbol.kind}, not a value", advice)
