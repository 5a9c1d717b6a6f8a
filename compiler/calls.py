"""Checks calls: what is called, with how many arguments, with which keywords, and whether it is
available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.compiler import members, options, regexes
from policyc.compiler.literals import is_spelled_out
from policyc.compiler.spelling import did_you_mean
from policyc.compiler.symbols import SymbolKind
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    ERROR,
    INPUT,
    MEMBERS,
    MODULE,
    TOOL_OUTPUT,
    Type,
    family,
    present,
)
from policyc.compiler.wording import a, written
from policyc.grammar.nodes import Index, Member, Name, Predicate, String

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyc.compiler.checker import Checker
    from policyc.compiler.signatures import Signature
    from policyc.grammar.nodes import Call, Expr

_OVER_ELEMENTS = frozenset({"any", "all", "sum", "sorted"})
_OVER_LENGTH = frozenset({"len", "empty"})


def call_type(checker: Checker, node: Call) -> Type:
    """The type of the result of a call; arguments are looked at in any case."""
    callee = node.function
    symbol = checker.table.uses.get(callee.uid)
    if isinstance(callee, Member):
        callee_type = checker.member(callee, is_called=True)
        symbol = checker.table.uses.get(callee.uid)
    elif symbol is not None and symbol.kind is not SymbolKind.CONSTANT:
        callee_type = symbol.type
    else:
        callee_type = checker.type_of(callee)
    if symbol is not None and symbol.kind is SymbolKind.ERROR:
        return _unknown(checker, node)
    arguments = [checker.type_of(argument) for argument in node.args]
    for keyword in node.keywords:
        checker.type_of(keyword.value)
    if symbol is not None:
        if symbol.kind is SymbolKind.FUNCTION and symbol.signature is not None:
            return _function(checker, node, symbol.signature, arguments)
        if symbol.kind is SymbolKind.PREDICATE and isinstance(symbol.declaration, Predicate):
            _check_predicate(checker, node, symbol.declaration, arguments)
            return BOOL
        if symbol.kind is SymbolKind.QUANTIFIER:
            _refuse_without_block(checker, node, symbol.name)
            return ERROR
        if symbol.kind is SymbolKind.TYPE:
            _refuse_type(checker, node, symbol.name)
            return ERROR
    if isinstance(callee, Member) and (symbol is None):
        _check_method(checker, node, callee)
        return callee_type
    return _value(checker, node, callee_type)


def _unknown(checker: Checker, node: Call) -> Type:
    """A call of an unknown function, as `isinstance(m, Message)`: types among its arguments are no
    news.
    """
    for argument in node.args:
        symbol = checker.table.uses.get(argument.uid)
        if symbol is None or symbol.kind is not SymbolKind.TYPE:
            checker.type_of(argument)
    for keyword in node.keywords:
        checker.type_of(keyword.value)
    return ERROR


# --- what is called -------------------------------------------------------------------------------


def _function(checker: Checker, node: Call, signature: Signature, arguments: list[Type]) -> Type:
    if signature.missing is not None:
        _refuse_missing(checker, node, signature)
        return signature.result
    names = [param.name for param in signature.parameters if not param.keyword_only]
    keyword_only = [param.name for param in signature.parameters if param.keyword_only]
    required = [param.name for param in signature.parameters if param.is_required]
    _check_arguments(
        checker,
        node,
        signature.name,
        positional=names,
        others=keyword_only,
        required=required,
        is_variadic=signature.variadic,
        takes_any_keyword=signature.any_keywords,
    )
    _check_argument_types(checker, node, signature, arguments)
    options.check_call(checker, node, signature)
    if signature.engines:
        options.check_engines(checker, node, signature)
    regexes.check_call(checker, node, signature)
    return signature.result


def _check_predicate(
    checker: Checker, node: Call, predicate: Predicate, arguments: list[Type]
) -> None:
    names = [parameter.name.text for parameter in predicate.parameters]
    _check_arguments(
        checker,
        node,
        predicate.name.text,
        positional=names,
        others=(),
        required=names,
        is_variadic=False,
        takes_any_keyword=False,
    )
    given = list(zip(node.args, arguments, predicate.parameters, strict=False))
    by_name = {parameter.name.text: parameter for parameter in predicate.parameters}
    for keyword in node.keywords:
        parameter = by_name.get(keyword.name.text)
        if parameter is not None:
            given.append((keyword.value, checker.known_type(keyword.value), parameter))
    for argument, type_, parameter in given:
        declared = checker.table.uses[parameter.type.uid].type
        if _is_other_kind(type_, declared):
            checker.report(
                "W0722",
                argument.span,
                f"`{parameter.name.text}` of `{predicate.name.text}` is declared as {a(declared)}, "
                f"and this is {a(type_)}",
                f"pass {a(declared)}, or declare the parameter as `{present(type_).name}`",
            )


def _is_other_kind(type_: Type, declared: Type) -> bool:
    left, right = family(type_), family(declared)
    if left is None or right is None:
        return False
    return left != right or (left == "object" and present(type_) != present(declared))


def _value(checker: Checker, node: Call, type_: Type) -> Type:
    """A call of something that is no declared function."""
    if type_ in (ANY, CALLABLE):
        return ANY
    if type_ is not ERROR:
        shown = written(node.function, checker.source)
        checker.report(
            "E0401",
            node.function.span,
            f"`{shown}` is {a(type_)}, not a function",
            _value_advice(checker, node.function, type_),
        )
    return ERROR


def _value_advice(checker: Checker, function: Expr, type_: Type) -> str:
    if isinstance(function, Name) and function.text in checker.catalogue.builtins:
        return f"the name hides the function `{function.text}`: give the variable another name"
    if type_ is MODULE:
        return "call one of its functions: write a dot and its name"
    if isinstance(function, Name | Member | Index):
        return "leave out the brackets"
    return "write `and` between two conditions, or put them on two lines"


def _check_method(checker: Checker, node: Call, callee: Member) -> None:
    bounds = members.ARGUMENTS.get(callee.name.text)
    owner = checker.known_type(callee.value)
    if owner is INPUT:
        _check_parameter(checker, node, callee)
        return
    if bounds is None or owner in (ANY, ERROR) or present(owner).name in MEMBERS:
        return
    least, most = bounds
    count = len(node.args) + len(node.keywords)
    if not least <= count <= most:
        takes = str(least) if least == most else f"{least} to {most}"
        checker.report(
            "E0402",
            node.span,
            f"`{callee.name.text}` takes {_arguments(takes)}, and gets {count}",
            "read the value and compare it" if most == 0 else "give the arguments it needs",
        )


def _check_parameter(checker: Checker, node: Call, callee: Member) -> None:
    """`input.get("name", default)`: what a policy takes is known before it runs."""
    example = '`input.get("domain", "acme.example")`'
    if callee.name.text != "get":
        return  # a parameter that is called: the analysis says that it is no function
    if node.keywords or not 1 <= len(node.args) <= 2:
        count = len(node.args) + len(node.keywords)
        checker.report(
            "E0402",
            node.span,
            f"`input.get` takes the name of a parameter and its default, and gets {count}",
            f"write {example}",
        )
        return
    name, *defaults = node.args
    if not isinstance(name, String) or not name.value.isidentifier() or name.value == "data":
        checker.report(
            "E0407", name.span, "the name of a parameter is a word in quotes", f"write {example}"
        )
    for default in defaults:
        if not is_spelled_out(default, checker.table):
            checker.report(
                "E0407",
                default.span,
                "the default of a parameter is not known before the policy runs",
                "write a text, a number, a list or an object of these, or a constant that is one",
            )


def _refuse_missing(checker: Checker, node: Call, signature: Signature) -> None:
    # Once for each function: the remedy is the same at each call.
    if signature.name in checker.reported_missing:
        return
    checker.reported_missing.add(signature.name)
    advice = (
        options.how_to_install(signature.extra)
        if signature.extra
        else f'pass your own: `functions={{"{signature.name}": ...}}`'
    )
    checker.report(
        "E0601",
        node.function.span,
        f"`{signature.name}` is not available: {signature.missing}",
        advice,
    )


def _refuse_without_block(checker: Checker, node: Call, name: str) -> None:
    bounds = ", ".join(written(keyword, checker.source) for keyword in node.keywords)
    opening = f"{name}({bounds}):" if bounds else f"{name}:"
    checker.report(
        "E0413",
        node.span,
        f"`{written(node, checker.source)}` has no block",
        f"end the line with a colon, `{opening}`, and write what to look for, deeper, below",
    )


def _refuse_type(checker: Checker, node: Call, name: str) -> None:
    checker.report(
        "E0401",
        node.function.span,
        f"`{name}` is a type, not a function",
        f"declare a variable of this type: `(x: {name})`",
    )


# --- arguments ------------------------------------------------------------------------------------


def _check_arguments(
    checker: Checker,
    node: Call,
    name: str,
    *,
    positional: list[str],
    others: Iterable[str],
    required: list[str],
    is_variadic: bool,
    takes_any_keyword: bool,
) -> None:
    """Reports at most one thing about the arguments of a call."""
    count = len(node.args)
    if count > len(positional) and not is_variadic:
        checker.report(
            "E0402",
            node.args[len(positional)].span.to(node.args[-1].span),
            f"`{name}` takes {_arguments(str(len(positional)))}, and gets {count}",
            _signature_advice(name, [*positional, *others], required),
        )
        return
    given = set(positional[:count])
    known = [*positional, *others]
    for keyword in node.keywords:
        text = keyword.name.text
        if text in given:
            message, advice = f"`{text}` of `{name}` is given twice", "leave out one of the two"
        elif text not in known and not takes_any_keyword:
            message = f"`{name}` has no argument `{text}`"
            advice = did_you_mean(text, known) or _signature_advice(name, known, required)
        else:
            given.add(text)
            continue
        checker.report("E0403", keyword.name.span, message, advice)
        return
    missing = [parameter for parameter in required if parameter not in given]
    if missing:
        words = " and ".join(f"`{parameter}`" for parameter in missing)
        checker.report(
            "E0402",
            node.span,
            f"`{name}` needs {words}",
            _signature_advice(name, known, required),
        )


def _signature_advice(name: str, known: Iterable[str], required: Iterable[str]) -> str:
    needed = set(required)
    shown = ", ".join(
        parameter if parameter in needed else f"{parameter}=..." for parameter in known
    )
    return f"write `{name}({shown})`"


def _check_argument_types(
    checker: Checker, node: Call, signature: Signature, arguments: list[Type]
) -> None:
    for argument, type_, param in zip(node.args, arguments, signature.parameters, strict=False):
        wanted, found = family(param.type), family(type_)
        if wanted is None or found is None or wanted == found:
            continue
        is_swapped = regexes.takes_pattern(checker.catalogue, signature) and any(
            isinstance(other, String) for other in node.args[1:]
        )
        checker.report(
            "E0407",
            argument.span,
            f"`{param.name}` of `{signature.name}` is {a(param.type)}, and this is {a(type_)}",
            "the pattern comes first" if is_swapped else f"pass {a(param.type)}",
        )
        return
    if arguments and checker.catalogue.builtins.get(signature.name) is signature:
        _check_built_in(checker, node, signature.name, arguments[0])


def _check_built_in(checker: Checker, node: Call, name: str, type_: Type) -> None:
    """`any(x == 1)`, `len(5)`, `tool_call("id")`: what these built-ins never accept."""
    kind = family(type_)
    if name == "tool_call" and kind is not None and present(type_) != TOOL_OUTPUT:
        checker.report(
            "E0407",
            node.args[0].span,
            f"`tool_call` looks up the call of a `ToolOutput`, and this is {a(type_)}",
            "give it the output itself: `tool_call(o)`, where `(o: ToolOutput)`",
        )
    if kind != "number" or name not in _OVER_ELEMENTS | _OVER_LENGTH:
        return
    if type_ == BOOL and name in ("any", "all"):
        advice = f"leave out `{name}(...)`, or write a list: `{name}([condition for x in values])`"
    else:
        advice = f"give it a list: `{name}([...])`"
    checker.report(
        "E0407", node.args[0].span, f"`{name}` looks into a list, and this is {a(type_)}", advice
    )


def _arguments(count: str) -> str:
    if count == "0":
        return "no arguments"
    return f"{count} argument" if count == "1" else f"{count} arguments"
