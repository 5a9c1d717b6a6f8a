"""Plan expressions as Python expressions over the event dicts themselves.

The emitter covers what conditions of flow and tool rules are made of and raises `NotCompiled` for
the rest, which the interpreter evaluates. What it emits gives the same truth as the interpreter;
names such as `contains` are those of `runtime.support`, in whose namespace the code runs.
`can_fail` tells whether evaluating may raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.generated import Builtin, PatternTest
from policyc.compiler.patterns import (
    Lowering,
    Operation,
    Pattern,
    compile_pattern,
    compile_value_pattern,
)
from policyc.compiler.signatures import FunctionKind

if TYPE_CHECKING:
    from policyc.compiler.typesystem import Type


class NotCompiled(Exception):  # control flow, not an error
    """This expression is left to the interpreter."""


ARGUMENTS = ts.Type("arguments")
"""A dict that is certainly one: the arguments of a call."""
RAW_CONTENT = ts.Type("raw content")
"""Content as it stands in the event: a list of chunks is a list."""
KNOWN_LIST = ts.Type("known list")
"""A list literal of texts and numbers of the policy."""

_PLAIN = frozenset({ts.TEXT, ts.JSON, ts.OPTIONAL_TEXT, ts.NUMBER, ts.BOOL, ts.NONE})


def _fits(lowering: Lowering, text: str) -> bool:
    """Whether a pattern that amounts to a simple test fits a text."""
    match lowering.kind:
        case "startswith":
            return text.startswith(lowering.text)
        case "endswith":
            return text.endswith(lowering.text)
        case "contains":
            return lowering.text in text
        case "equals":
            return text == lowering.text


@dataclass(frozen=True, slots=True)
class VariableForm:
    """The Python expressions for a trace variable: `value` the dict (or text), and parts of
    calls."""

    domain: Type
    value: str
    role: str = ""
    function: str = ""
    name: str = ""
    arguments: str = ""
    number: str = ""
    part: str = ""
    before: str = ""
    """The place before the event, for `~>`."""
    content: str = ""
    """The content of an event where the code has it in a name."""

    @classmethod
    def probe(cls, domain: Type) -> VariableForm:
        """A form to ask what can be compiled, without names that mean anything."""
        return cls(domain, "v", "r", "f", "n", "a", "i", "k", "before")


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    type: Type
    can_fail: bool = False


class Emitter:
    """Emits expressions for the given variables; values that are no literals of Python go to
    `constants`."""

    def __init__(
        self, variables: dict[str, VariableForm], constants: dict[str, Any] | None = None
    ) -> None:
        self.variables = variables
        self.constants: dict[str, Any] = {} if constants is None else constants
        self.uses_links = False
        self.reads_arguments = False
        """Set where an emitted expression reads the arguments of a call; for the caller to reset.
        """
        self._temporaries = 0

    # --- names

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def named(self, text: str) -> tuple[str, str]:
        """A name for the value of an expression, and the expression that gives it that name."""
        if text.isidentifier():
            return text, text
        name = self.temporary()
        return name, f"({name} := {text})"

    def constant(self, value: Any) -> str:
        """A name for a value that the code needs."""
        name = f"K{len(self.constants)}"
        self.constants[name] = value
        return name

    def literal(self, value: Any) -> str:
        if isinstance(value, float) and not isfinite(value):
            return self.constant(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return repr(value) if len(repr(value)) < 100 and value >= 0 else self.constant(value)
        return repr(value)

    # --- expressions

    def emit(self, e: p.Expr) -> Code:
        """The expression as Python.

        Raises:
            NotCompiled: it needs the interpreter.
        """
        match e:
            case p.Literal(value=value):
                return Code(self.literal(value), e.type if e.type != ts.ANY else ts.JSON)
            case p.Var(name=name):
                return self._variable(name)
            case p.Input(name=str() as name, default=None) if name != "data":
                return Code(f"P.get({name!r}, ABSENT)", ts.JSON)
            case p.Input(
                name=str() as name, default=p.Literal() | p.ListOf() | p.DictOf() as default
            ):
                value = self.constant(p.literal_value(default))
                return Code(f"P.get({name!r}, {value})", ts.JSON)
            case p.GetMember():
                return self._member(e)
            case p.GetIndex(value=value, index=p.Literal(value=str() as key)):
                return self._entry(self.emit(value), key, "index")
            case p.GetIndex(value=value, index=index):
                owner, key_code = self.emit(value), self.emit(index)
                if owner.type in _PLAIN and key_code.type in _PLAIN:
                    return Code(f"index({owner.text}, {key_code.text})", ts.JSON, can_fail=True)
            case p.CallMethod():
                return self._method(e)
            case p.CallFunction():
                return self._call(e)
            case p.ListOf(items=items) if all(isinstance(x, p.Literal) for x in items):
                values = [x.value for x in items if isinstance(x, p.Literal)]
                return Code(self.constant(values), KNOWN_LIST)
            case p.Not(operand=operand):
                code = self.emit(operand)
                return Code(f"(not {code.text})", ts.BOOL, code.can_fail)
            case p.And(operands=operands) | p.Or(operands=operands):
                word = " and " if isinstance(e, p.And) else " or "
                codes = [self.emit(x) for x in operands]
                return Code(
                    f"({word.join(x.text for x in codes)})",
                    ts.BOOL if all(x.type == ts.BOOL for x in codes) else ts.ANY,
                    any(x.can_fail for x in codes),
                )
            case p.If(condition=condition, then=then, otherwise=otherwise):
                test, yes, no = self.emit(condition), self.emit(then), self.emit(otherwise)
                return Code(
                    f"({yes.text} if {test.text} else {no.text})",
                    yes.type if yes.type == no.type else ts.ANY,
                    test.can_fail or yes.can_fail or no.can_fail,
                )
            case p.Cmp():
                return self._compare(e)
            case p.Arithmetic(operator=operator, left=left, right=right):
                a, b = self._plain(left), self._plain(right)
                return Code(f"arithmetic({operator!r}, {a.text}, {b.text})", ts.JSON, can_fail=True)
            case p.Flow(left=p.Var(name=left), right=p.Var(name=right), immediate=immediate):
                return self._flow(left, right, immediate=immediate)
            case p.MatchTool():
                return self._match_tool(e)
            case _:
                pass
        raise NotCompiled

    def condition(self, e: p.Expr) -> Code:
        """An expression of which only the truth is asked.

        Raises:
            NotCompiled: it needs the interpreter.
        """
        match e:
            case p.Not(operand=operand):
                code = self.condition(operand)
                return Code(f"(not {code.text})", ts.BOOL, code.can_fail)
            case p.And(operands=operands) | p.Or(operands=operands):
                word = " and " if isinstance(e, p.And) else " or "
                codes = [self.condition(x) for x in operands]
                text = f"({word.join(x.text for x in codes)})"
                return Code(text, ts.BOOL, any(x.can_fail for x in codes))
            case p.CallFunction(signature=signature, args=(pattern, subject), keywords=()) if (
                signature.name == "find" and signature.kind is FunctionKind.SPECIAL
            ):
                return self._search("find", pattern, subject)
        return self.emit(e)

    def _plain(self, e: p.Expr) -> Code:
        """A value that is the same to the interpreter: no view of the trace, no content."""
        code = self.emit(e)
        if code.type not in _PLAIN and code.type not in (ts.INT, ts.FLOAT):
            raise NotCompiled
        return code

    def _variable(self, name: str) -> Code:
        form = self.variables.get(name)
        if form is None or form.domain != ts.TEXT:
            raise NotCompiled
        return Code(form.value, ts.TEXT)

    def _form(self, e: p.Expr) -> VariableForm | None:
        return self.variables.get(e.name) if isinstance(e, p.Var) else None

    def _function(self, e: p.Expr) -> VariableForm | None:
        """The form of the call or function variable whose function `e` is."""
        form = self._form(e)
        if form is not None and form.domain == ts.FUNCTION:
            return form
        if isinstance(e, p.GetMember) and e.name == "function":
            form = self._form(e.value)
            if form is not None and form.domain == ts.TOOL_CALL:
                return form
        return None

    def _member(self, e: p.GetMember) -> Code:
        function = self._function(e.value)
        if function is not None:
            if e.name == "name":
                return Code(function.name, ts.TEXT)
            if e.name == "arguments":
                self.reads_arguments = True
                return Code(function.arguments, ARGUMENTS)
            raise NotCompiled
        form = self._form(e.value)
        if form is not None:
            return self._variable_member(form, e.name)
        return self._entry(self.emit(e.value), e.name, "member")

    def _variable_member(self, form: VariableForm, name: str) -> Code:
        if form.domain in (ts.MESSAGE, ts.TOOL_OUTPUT):
            if name == "role":
                return Code(form.role, ts.TEXT)
            if name == "content":
                return Code(form.content or f'{form.value}.get("content")', RAW_CONTENT)
            if name == "tool_call_id" and form.domain == ts.TOOL_OUTPUT:
                return Code(f'{form.value}.get("tool_call_id", ABSENT)', ts.OPTIONAL_TEXT)
        if form.domain == ts.TOOL_CALL and name in ("id", "type"):
            return Code(f"{form.value}.get({name!r}, ABSENT)", ts.OPTIONAL_TEXT)
        raise NotCompiled

    def _entry(self, owner: Code, key: str, access: str) -> Code:
        if owner.type == ARGUMENTS:
            return Code(f"{owner.text}.get({self.literal(key)}, ABSENT)", ts.JSON)
        if owner.type == ts.JSON:
            return Code(f"{access}({owner.text}, {self.literal(key)})", ts.JSON, can_fail=True)
        raise NotCompiled

    # --- comparisons

    def _compare(self, e: p.Cmp) -> Code:
        if isinstance(e.left, p.Literal) and isinstance(e.right, p.Literal):
            # Python warns of some of these, `5 is None` for example.
            raise NotCompiled
        if e.operator in ("==", "!="):
            return self._equality(e.left, e.right, negated=e.operator == "!=")
        if e.operator == "is":
            return self._identity(e.left, e.right)
        if e.operator == "in":
            return self._membership(e.left, e.right)
        if e.operator == "contains_only":
            raise NotCompiled
        left, right = self._plain(e.left), self._plain(e.right)
        return Code(f"order({e.operator!r}, {left.text}, {right.text})", ts.BOOL, can_fail=True)

    def _equality(self, left: p.Expr, right: p.Expr, *, negated: bool) -> Code:
        if isinstance(left, p.Literal) and not isinstance(right, p.Literal):
            left, right = right, left
        code = self.emit(left)
        if isinstance(right, p.Literal):
            if code.type not in _PLAIN and code.type not in (RAW_CONTENT, ts.INT, ts.FLOAT):
                raise NotCompiled
            text = self._equals_literal(code, right.value)
        else:
            other = self.emit(right)
            both = (code.type, other.type)
            values = (*_PLAIN, RAW_CONTENT, ARGUMENTS, ts.INT, ts.FLOAT)
            if not all(kind in values for kind in both):
                raise NotCompiled
            text = f"equals({code.text}, {other.text})"
            return Code(
                f"(not {text})" if negated else text, ts.BOOL, code.can_fail or other.can_fail
            )
        return Code(f"(not {text})" if negated else text, ts.BOOL, code.can_fail)

    def _equals_literal(self, code: Code, literal: Any) -> str:
        if literal is None:
            if code.type == ts.TEXT:
                return f"({code.text} is None)"
            name, value = self.named(code.text)
            return f"({value} is None or {name} is ABSENT)"
        return f"({code.text} == {self.literal(literal)})"

    def _identity(self, left: p.Expr, right: p.Expr) -> Code:
        if isinstance(right, p.Literal) and isinstance(right.value, bool):
            code = self._plain(left)
            return Code(f"({code.text} is {right.value})", ts.BOOL, code.can_fail)
        return self._equality(left, right, negated=False)

    def _membership(self, left: p.Expr, right: p.Expr) -> Code:
        if isinstance(left, p.ListOf):
            raise NotCompiled
        where = self.emit(right)
        if isinstance(left, p.Literal) and isinstance(left.value, str):
            needle = self.literal(left.value)
            if where.type == ts.TEXT:
                return Code(f"({needle} in {where.text})", ts.BOOL, where.can_fail)
            name, value = self.named(where.text)
            if where.type == RAW_CONTENT:
                slow = f"content_contains({needle}, {name})"
            elif where.type in _PLAIN or where.type == ARGUMENTS:
                slow = f"contains({needle}, {name})"
            else:
                raise NotCompiled
            text = f"({needle} in {name} if type({value}) is str else {slow})"
            return Code(text, ts.BOOL, where.can_fail)
        what = self.emit(left)
        if what.type not in _PLAIN and what.type not in (ts.INT, ts.FLOAT):
            raise NotCompiled
        if where.type == KNOWN_LIST:
            values = self.constants[where.text]
            if all(isinstance(x, str) for x in values):
                fast, name = self.constant(frozenset(values)), self.temporary()
                text = (
                    f"({name} in {fast} if type({name} := {what.text}) is str"
                    f" else contains({name}, {where.text}))"
                )
                return Code(text, ts.ANY, what.can_fail)
            return Code(f"contains({what.text}, {where.text})", ts.ANY, what.can_fail)
        if where.type == RAW_CONTENT:
            text = f"content_contains({what.text}, {where.text})"
        elif where.type in _PLAIN or where.type == ARGUMENTS:
            text = f"contains({what.text}, {where.text})"
        else:
            raise NotCompiled
        return Code(text, ts.ANY, can_fail=True)

    def _flow(self, left: str, right: str, *, immediate: bool) -> Code:
        a, b = self.variables.get(left), self.variables.get(right)
        if a is None or b is None:
            raise NotCompiled
        if left == right or not {a.domain, b.domain} <= ts.EVENT_TYPES:
            return Code("False", ts.BOOL)
        if not immediate:
            return Code(f"(({a.number}, {a.part}) < ({b.number}, {b.part}))", ts.BOOL)
        if ts.TOOL in (a.domain, b.domain) or not b.before:
            raise NotCompiled
        places = f"{a.number}, {a.part}, {b.number}, {b.part}, {b.before}"
        return Code(f"is_next({places})", ts.BOOL)

    # --- tool patterns

    def _match_tool(self, e: p.MatchTool) -> Code:
        form = self._form(e.value)
        if form is None:
            raise NotCompiled
        if form.domain == ts.TOOL_OUTPUT:
            return self._match_output(form, e)
        if form.domain != ts.TOOL_CALL:
            if form.domain in ts.TRACE_TYPES:
                return Code("False", ts.BOOL)
            raise NotCompiled
        parts = []
        if not (e.wildcard and e.name == "*"):
            parts.append(Code(self._tool_name(form.name, e), ts.BOOL))
        if e.arguments is not None:
            self.reads_arguments = True
            parts.append(self._pattern(e.arguments, Code(form.arguments, ARGUMENTS)))
        if not parts:
            return Code("True", ts.BOOL)
        text = " and ".join(x.text for x in parts)
        return Code(f"({text})", ts.BOOL, any(x.can_fail for x in parts))

    def _tool_name(self, name: str, e: p.MatchTool) -> str:
        if not e.wildcard:
            return f"{name} == {self.literal(e.name)}"
        return f"wildcard_match({self.literal(e.name)}, {name})"

    def _match_output(self, form: VariableForm, e: p.MatchTool) -> Code:
        if e.arguments is not None:
            raise NotCompiled
        self.uses_links = True
        name = self.temporary()
        called = f"(({name} := answered_tool(L, {form.number}, {form.value})) is not None"
        return Code(f"{called} and {self._tool_name(name, e)})", ts.BOOL)

    def _pattern(self, pattern: p.Pattern, value: Code) -> Code:
        match pattern:
            case p.AnyValue():
                return Code("True", ts.BOOL)
            case p.TextPattern(text=text):
                return self._text_pattern(text, value)
            case p.EqualValue(value=expression):
                wanted = self._plain(expression)
                return Code(
                    f"pattern_equals({wanted.text}, {value.text})",
                    ts.BOOL,
                    # Two values of the trace may be nested too deep to compare.
                    can_fail=not isinstance(expression, p.Literal),
                )
            case p.DictPattern(keys=keys, values=entries):
                return self._dict_pattern(keys, entries, value)
            case p.ListPattern() | p.DetectorPattern():
                raise NotCompiled

    def _text_pattern(self, text: str, value: Code) -> Code:
        pattern = compile_value_pattern(text)
        lowering = pattern.lowering("fullmatch")
        if lowering is not None and lowering.kind == "equals":
            if lowering.text == text:
                return Code(f"({value.text} == {self.literal(text)})", ts.BOOL)
            both = self.constant((text, lowering.text))
            return Code(f"({value.text} in {both})", ts.BOOL)
        name, bound = self.named(value.text)
        guard = f"(type({bound}) is str and "
        test = self._test(pattern, "fullmatch", name)
        if lowering is None or not _fits(lowering, text):
            test = f"{test} or {name} == {self.literal(text)}"
        return Code(f"{guard}({test}))", ts.BOOL, not pattern.is_total("fullmatch"))

    def _test(self, pattern: Pattern, operation: Operation, name: str) -> str:
        """Whether a pattern fits the text `name`."""
        lowering = pattern.lowering(operation)
        if lowering is None:
            return f"{self._matcher(pattern, operation)}({name})"
        wanted = self.literal(lowering.text)
        match lowering.kind:
            case "equals":
                return f"{name} == {wanted}"
            case "contains":
                return f"{wanted} in {name}"
            case "startswith" | "endswith":
                return f"{name}.{lowering.kind}({wanted})"

    def _matcher(self, pattern: Pattern, operation: Operation) -> str:
        """A name for a method of a pattern; the pattern is made when the code first calls it."""
        return self.constant(PatternTest(pattern.text, operation))

    def _dict_pattern(
        self, keys: tuple[str, ...], entries: tuple[p.Pattern, ...], value: Code
    ) -> Code:
        parts: list[str] = []
        can_fail = False
        owner = value.text
        if value.type != ARGUMENTS:
            owner = self.temporary()
            parts.append(f"type({owner} := {value.text}) is dict")
        for key, entry in zip(keys, entries, strict=True):
            if isinstance(entry, p.AnyValue):
                parts.append(f"{self.literal(key)} in {owner}")
                continue
            code = self._pattern(entry, Code(f"{owner}.get({self.literal(key)}, ABSENT)", ts.JSON))
            parts.append(code.text)
            can_fail |= code.can_fail
        return Code(f"({' and '.join(parts) or 'True'})", ts.BOOL, can_fail)

    # --- calls

    def _method(self, e: p.CallMethod) -> Code:
        owner = self.emit(e.value)
        if e.keywords:
            raise NotCompiled
        if owner.type == ARGUMENTS:
            if e.name != "get" or not 1 <= len(e.args) <= 2:
                raise NotCompiled
            key, *rest = (self._plain(arg) for arg in e.args)
            if not isinstance(e.args[0], p.Literal) or not isinstance(e.args[0].value, str):
                raise NotCompiled
            default = rest[0].text if rest else "None"
            return Code(
                f"{owner.text}.get({key.text}, {default})",
                ts.JSON,
                any(x.can_fail for x in rest),
            )
        if owner.type not in _PLAIN and owner.type != RAW_CONTENT:
            raise NotCompiled
        args = ", ".join(self._plain(arg).text for arg in e.args)
        helper = "content_method" if owner.type == RAW_CONTENT else "method"
        return Code(f"{helper}({owner.text}, {e.name!r}, [{args}])", ts.JSON, can_fail=True)

    def _call(self, e: p.CallFunction) -> Code:
        name = e.signature.name
        if e.signature.kind is FunctionKind.SPECIAL:
            if name == "match" and len(e.args) == 2 and not e.keywords:
                return self._search(name, e.args[0], e.args[1])
            raise NotCompiled
        if not e.signature.implementation.startswith("policyc.runtime.builtins."):
            raise NotCompiled
        if name == "any" and len(e.args) == 1 and not e.keywords:
            inner = e.args[0]
            if (
                isinstance(inner, p.CallFunction)
                and inner.signature.name == "find"
                and inner.signature.kind is FunctionKind.SPECIAL
                and len(inner.args) == 2
                and not inner.keywords
            ):
                return self._search("found", *inner.args)
            if isinstance(inner, p.Cmp) and inner.operator == "in":
                return self._any_in(inner)
        if e.keywords or e.signature.kind is not FunctionKind.PLAIN:
            raise NotCompiled
        args = ", ".join(f"plain({self._argument(arg).text})" for arg in e.args)
        function = self.constant(Builtin(e.signature.implementation))
        return Code(f"{function}({args})", _result_type(e.signature.result), can_fail=True)

    def _argument(self, e: p.Expr) -> Code:
        code = self.emit(e)
        if code.type in _PLAIN or code.type in (ts.INT, ts.FLOAT, KNOWN_LIST, ARGUMENTS):
            return code
        raise NotCompiled

    def _search(self, kind: str, pattern_argument: p.Expr, subject: p.Expr) -> Code:
        """`match(p, x)`, the truth of `find(p, x)`, or `any(find(p, x))` (kind "found")."""
        if not isinstance(pattern_argument, p.Literal) or not isinstance(
            pattern_argument.value, str
        ):
            raise NotCompiled
        pattern = compile_pattern(pattern_argument.value)
        where = self.emit(subject)
        if where.type not in (ts.TEXT, ts.JSON, ts.OPTIONAL_TEXT, RAW_CONTENT):
            raise NotCompiled
        if kind == "found" and pattern.can_be_empty:
            # `any` asks for a found text that is not empty: the first hit does not tell.
            raise NotCompiled
        operation: Operation = "match" if kind == "match" else "search"
        name, value = self.named(where.text)
        texts = "texts_of_content" if where.type == RAW_CONTENT else "texts_of"
        fast = self._test(pattern, operation, name)
        slow = f"any_text({self._matcher(pattern, operation)}, {texts}({name}))"
        return Code(
            f"({fast} if type({value}) is str else {slow})",
            ts.BOOL,
            where.can_fail or not pattern.is_total(operation),
        )

    def _any_in(self, e: p.Cmp) -> Code:
        """`any(["a", "b"] in x)`."""
        if not isinstance(e.left, p.ListOf):
            raise NotCompiled
        what, where = self.emit(e.left), self.emit(e.right)
        if where.type != RAW_CONTENT or not all(
            isinstance(x, str) for x in self.constants[what.text]
        ):
            raise NotCompiled
        return Code(f"any_in_content({what.text}, {where.text})", ts.BOOL, where.can_fail)


def _result_type(declared: Type) -> Type:
    return declared if declared in _PLAIN or declared in (ts.INT, ts.FLOAT) else ts.ANY
