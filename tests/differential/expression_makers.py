"""Makes expressions of the policy language, over the variables of a scope.

`ExpressionMaker` writes source text. A *tame* expression is one that the reference implementation
reads as policyc does: brackets around every operand, conditions that are boolean, no literal with
trace values in it. The others use all of the language.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.differential.trace_makers import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.choices import Choices

EVENT_TYPES = ("Message", "ToolCall", "ToolOutput", "Tool")

LITERALS = ('"user"', '"bob"', '"send"', '"a"', '"secret"', '"ab"', '"X1"', "'hello'", '""')
PATTERNS = (
    '"a"',
    'r"X\\d+Y"',
    '"^send"',
    '".*bob$"',
    '"(a|b)+"',
    '"[a-z]+"',
    'r"\\w+@\\w+"',
    '"(?i)SECRET"',
)
TEXT_MEMBERS: dict[str, tuple[str, ...]] = {
    "Message": ("{}.role", "{}.content", "{}.content", "{}.role.upper()", "server({})"),
    "ToolOutput": (
        "{}.content",
        "{}.tool_call_id",
        "{}.role",
        "tool_call({}).function.name",
    ),
    "ToolCall": (
        "{}.function.name",
        "{}.function.arguments.to",
        '{}.function.arguments["text"]',
        '{}.function.arguments.get("to", "bob")',
        "{}.id",
        "{}.function.name.lower()",
    ),
    "Function": ("{}.name", "{}.name.strip()", "{}.arguments.to", '{}.arguments.get("text", "")'),
    "Tool": ("{}.name", "{}.description"),
    "ToolParameter": ("{}.name", "{}.description", "{}.type"),
    "TextChunk": ("{}.text", "{}.type"),
    "Image": ("{}.type",),
    "str": ("{}",),
    "dict": ('{}.get("to", "eve")', '{}["to"]', "{}.to"),
    "value": ("{}",),
}
WILD_TEXT_MEMBERS: dict[str, tuple[str, ...]] = {
    "Message": ("{}.content.lower()", "{}.content.sender", "{}.metadata.server"),
    "ToolOutput": ("{}.content.sender", '{}.content["sender"]'),
    "ToolCall": ("{}.function.arguments.opts.to", "server({})", "{}.type"),
    "Function": ("{}.arguments.get",),
    "Tool": ("{}.server", "{}.inputSchema[0].name"),
    "ToolParameter": ("{}.items.type",),
    "TextChunk": ("{}.text.upper()",),
    "str": ("{}.sender", "{}[0]", "{}.upper()"),
}
NUMBER_MEMBERS: dict[str, tuple[str, ...]] = {
    "Message": (
        "len({}.role)",
        "len({}.content)",
        "len({}.tool_calls)",
        "{}.metadata.trace_idx",
        "max(len({}.role), 5)",
    ),
    "ToolOutput": ("len({}.content)", "{}.metadata.trace_idx"),
    "ToolCall": (
        "{}.function.arguments.n",
        '{}.function.arguments.get("n", 1)',
        "len({}.function.arguments)",
    ),
    "Function": ("{}.arguments.n", "len({}.name)"),
    "Tool": ("len({}.name)", "len({}.inputSchema)"),
    "ToolParameter": ("len({}.name)",),
    "TextChunk": ("len({}.text)",),
    "str": ("len({})",),
    "dict": ("len({})", '{}.get("n", 0)'),
    "int": ("{}",),
}
LIST_MEMBERS: dict[str, tuple[str, ...]] = {
    "Message": ("text({})", "text({}.content)"),
    "ToolOutput": ("text({})", "text({}.content)"),
    "ToolCall": (
        "{}.function.arguments.tags",
        '{}.function.arguments.get("tags", [])',
        "{}.function.arguments.keys()",
    ),
    "Function": ("{}.arguments.tags",),
    "str": ('{}.split(" ")',),
    "dict": ('{}.get("tags", ["a"])',),
    "Message+": ("{}.tool_calls",),
    "ToolCall+": ("{}.function.arguments.values()", "{}.function.arguments.items()"),
    "list": ("{}",),
}
TOOL_ARGUMENTS = (
    "",
    '({to: "bob"})',
    "({n: 2})",
    '({to: "b.*", n: 3})',
    "({to: *})",
    '({tags: ["a", *]})',
    '({opts: {to: "eve"}})',
    "()",
    "(*)",
)
WILD_TOOL_ARGUMENTS = ("({flag: True})", "({n: -1})", "({flag: None})", "({n: 3.0})")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may use. `variables` maps names to types; `value` is most often a text."""

    variables: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    predicates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    comprehensions: bool = True

    def having(self, name: str, kind: str) -> Scope:
        variables = {**self.variables, name: kind}
        return Scope(variables, self.constants, self.predicates, self.comprehensions)

    def of(self, *kinds: str) -> list[str]:
        return [name for name, kind in self.variables.items() if kind in kinds]


class ExpressionMaker:
    """Writes expressions; `features` collects what was used that engines may read differently."""

    def __init__(self, choices: Choices, *, tame: bool) -> None:
        self.choices = choices
        self.tame = tame
        self.features: set[str] = set()
        self.names = 0

    def fresh(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    # --- operands

    def text(self, scope: Scope, depth: int = 1) -> str:
        found = self._members(scope, TEXT_MEMBERS)
        if not self.tame:
            found += self._members(scope, WILD_TEXT_MEMBERS)
        constants = [name for name, kind in scope.constants.items() if kind == "str"]
        pick = self.choices.below(20)
        if found and pick < 16:
            return self.choices.pick(found)
        if constants and pick < 17:
            return self.choices.pick(constants)
        if pick < 18 or depth == 0:
            return self._literal()
        return self._text_operation(scope, depth - 1)

    def _literal(self) -> str:
        return self.choices.pick((*LITERALS, "input.who"))

    def _text_operation(self, scope: Scope, depth: int) -> str:
        if self.tame:
            self.features.add("sum")
            return f"({self.choices.pick(LITERALS)} + {self.choices.pick(LITERALS)})"
        makers: tuple[Callable[[], str], ...] = (
            lambda: f"{self.text(scope, depth)} + {self.text(scope, depth)}",
            lambda: self._interpolated(scope),
            lambda: f"str({self.number(scope, depth)})",
            lambda: f"({self.text(scope, depth)} if {self.condition(scope, depth)} else 'x')",
            lambda: f'"-".join({self.list_of_texts(scope, depth)})',
            lambda: f"{self.list_of_texts(scope, depth)}[0]",
        )
        return self.choices.pick(makers)()

    def _interpolated(self, scope: Scope) -> str:
        value = self.text(scope, 0)
        if '"' in value or "'" in value:
            value = "input.who"
        return f'f"<{{{value}}}>"'

    def number(self, scope: Scope, depth: int = 1) -> str:
        found = self._members(scope, NUMBER_MEMBERS)
        pick = self.choices.below(10)
        if found and pick < 6:
            return self.choices.pick(found)
        if pick < 9 or depth == 0:
            return self.choices.pick(("1", "2", "0", "3", "2.5", "input.limit"))
        operator = self.choices.pick(("+", "-", "*", "%", "/"))
        both = f"{self.number(scope, depth - 1)} {operator} {self.number(scope, depth - 1)}"
        return f"({both})"

    def list_of_texts(self, scope: Scope, depth: int = 1) -> str:
        found = self._members(scope, LIST_MEMBERS)
        if not self.tame:
            wild = {kind[:-1]: forms for kind, forms in LIST_MEMBERS.items() if kind[-1] == "+"}
            found += self._members(scope, wild)
        pick = self.choices.below(10)
        if found and pick < 6:
            return self.choices.pick(found)
        if pick < 8 or depth == 0 or (self.tame and not scope.comprehensions):
            return self.choices.pick(
                ('["user", "bob"]', '["a", "b"]', '["send", "read"]', "input.names", '["a"]')
            )
        if self.tame or self.choices.chance(60):
            return self.comprehension(scope, depth - 1)
        if self.choices.chance(30):
            self.features.add("detector")
            return f"unicode({self.text(scope, depth - 1)})"
        return f"[{self.text(scope, depth - 1)}, {self.text(scope, 0)}]"

    def comprehension(self, scope: Scope, depth: int, *, of_conditions: bool = False) -> str:
        self.features.add("comprehension")
        source = self.list_of_texts(scope, 0)
        name = self.fresh("e")
        inner = scope.having(name, "value")
        element = self.condition(inner, 0) if of_conditions else self.text(inner, 0)
        where = f" if {self.condition(inner, 0)}" if self.choices.chance(30) else ""
        return f"[{element} for {name} in {source}{where}]"

    def _members(self, scope: Scope, table: dict[str, tuple[str, ...]]) -> list[str]:
        return [
            form.format(name)
            for name, kind in scope.variables.items()
            for form in table.get(kind, ())
        ]

    # --- conditions

    def condition(self, scope: Scope, depth: int = 1) -> str:
        """A condition; a compound one in brackets where it is tame."""
        pick = self.choices.below(10)
        if depth == 0 or pick < 6:
            return self.atom(scope, depth)
        return self._compound(scope, depth - 1, pick)

    def _compound(self, scope: Scope, depth: int, pick: int) -> str:
        if pick == 9:
            inner = self.condition(scope, depth)
            return f"(not ({inner}))" if self.tame else f"not {inner}"
        if self.choices.chance(12):
            first, second = self.condition(scope, depth), self.condition(scope, depth)
            return f"(({first}) if ({self.condition(scope, depth)}) else ({second}))"
        operator = self.choices.pick(("and", "or"))
        operands = [self.condition(scope, depth) for _ in range(self.choices.pick((2, 2, 3)))]
        if self.tame:
            self.features.add(operator)
            made = operands[0]
            for operand in operands[1:]:
                made = f"({made} {operator} {operand})"
            return made
        made = f" {operator} ".join(operands)
        return f"({made})" if self.choices.chance(60) else made

    def atom(self, scope: Scope, depth: int) -> str:
        makers = [
            self._equality,
            self._tool,
            self._membership,
            self._order,
            self._search,
            self._presence,
            self._flow,
            self._predicate,
            self._any,
            self._elements,
            self._truth,
        ]
        if not self.tame:
            makers += [self._wild, self._equality, self._order, self._join]
        made = self.choices.pick(makers)(scope, depth)
        return made or self._equality(scope, depth)

    def _equality(self, scope: Scope, depth: int) -> str:
        operator = self.choices.pick(("==", "!="))
        pick = self.choices.below(8)
        if pick < 5:
            return self._bracketed(f"{self.text(scope, depth)} {operator} {self._literal()}")
        if pick < 6:
            return self._bracketed(f"{self.text(scope, depth)} {operator} {self.text(scope, 0)}")
        return self._bracketed(f"{self.number(scope)} {operator} {self.number(scope)}")

    def _join(self, scope: Scope, _depth: int) -> str | None:
        """Arguments of two calls, of whatever kind, compared."""
        calls = scope.of("ToolCall")
        if len(calls) < 2:
            return None
        names = ("to", "n", "flag", "tags", "opts")
        first, second = self.choices.pick(names), self.choices.pick(names)
        left = f"{self.choices.pick(calls)}.function.arguments.{first}"
        right = f"{self.choices.pick(calls)}.function.arguments.{second}"
        return f"{left} {self.choices.pick(('==', '==', '!=', 'in'))} {right}"

    def _order(self, scope: Scope, depth: int) -> str:
        operator = self.choices.pick((">", "<", "<=", ">="))
        return self._bracketed(f"{self.number(scope, depth)} {operator} {self.number(scope)}")

    def _membership(self, scope: Scope, depth: int) -> str:
        pick = self.choices.below(4)
        if pick < 2:
            return self._bracketed(f"{self._needle()} in {self.text(scope, depth)}")
        if pick == 2:
            return self._bracketed(f"{self.text(scope, 0)} in {self.list_of_texts(scope, depth)}")
        calls = scope.of("ToolCall")
        if calls:
            key = self.choices.pick(('"to"', '"n"', '"flag"'))
            return self._bracketed(f"{key} in {self.choices.pick(calls)}.function.arguments")
        return self._bracketed(f"{self.text(scope, 0)} in {self.text(scope, 0)}")

    def _needle(self) -> str:
        return self.choices.pick([text for text in LITERALS if len(text) > 2])

    def _search(self, scope: Scope, depth: int) -> str:
        pattern = self.choices.pick(PATTERNS)
        subject = self.text(scope, depth)
        if self.choices.chance(60):
            return f"match({pattern}, {subject})"
        return f"any(find({pattern}, {subject}))"

    def _presence(self, scope: Scope, depth: int) -> str:
        operator = self.choices.pick(("is not None", "is None"))
        return self._bracketed(f"{self.text(scope, depth)} {operator}")

    def _tool(self, scope: Scope, _depth: int) -> str | None:
        subjects = scope.of("ToolCall", "ToolCall", "ToolOutput")
        if not subjects:
            return None
        subject = self.choices.pick(subjects)
        named = [name for name, kind in scope.constants.items() if kind == "tool"]
        if named and self.choices.chance(60):
            return self._bracketed(f"{subject} is {self.choices.pick(named)}")
        pattern = f"tool:{self.tool_pattern()}"
        if not self.tame and self.choices.chance(8):
            return f"any([{subject} is e for e in [{pattern}, tool:read]])"
        return self._bracketed(f"{subject} is {pattern}")

    def tool_pattern(self) -> str:
        if self.tame:
            return self.choices.pick(TOOLS[:4]) + self.choices.pick(TOOL_ARGUMENTS)
        name = self.choices.pick((*TOOLS, "send*", '"get-inbox"'))
        return name + self.choices.pick((*TOOL_ARGUMENTS, *WILD_TOOL_ARGUMENTS))

    def _flow(self, scope: Scope, _depth: int) -> str | None:
        events = scope.of(*EVENT_TYPES)
        if len(events) < 2:
            return None
        operator = self.choices.pick(("->", "->", "~>"))
        return self._bracketed(
            f"{self.choices.pick(events)} {operator} {self.choices.pick(events)}"
        )

    def _predicate(self, scope: Scope, _depth: int) -> str | None:
        usable = []
        for name, kinds in scope.predicates.items():
            fitting = [scope.of(kind) for kind in kinds]
            if all(fitting):
                usable.append((name, fitting))
        if not usable:
            return None
        self.features.add("predicate")
        name, fitting = self.choices.pick(usable)
        return f"{name}({', '.join(self.choices.pick(names) for names in fitting)})"

    def _truth(self, scope: Scope, _depth: int) -> str | None:
        names = scope.of("bool")
        return self.choices.pick(names) if names else None

    def _any(self, scope: Scope, _depth: int) -> str:
        needles = f"[{self._needle()}, {self._needle()}]"
        return f"any({needles} in {self.text(scope, 0)})"

    def _elements(self, scope: Scope, depth: int) -> str | None:
        if self.tame and not scope.comprehensions:
            return None
        return f"any({self.comprehension(scope, depth, of_conditions=True)})"

    def _wild(self, scope: Scope, depth: int) -> str:
        makers: tuple[Callable[[], str], ...] = (
            lambda: self.text(scope, depth),
            lambda: f"{self.number(scope)} < {self.number(scope)} <= {self.number(scope)}",
            lambda: f"{self.text(scope)} not in {self.list_of_texts(scope)}",
            lambda: f"not {self.text(scope, 0)} == {self.text(scope, 0)}",
            lambda: f"len(image({self.text(scope, 0)})) < {self.number(scope)}",
            lambda: f"sorted({self.list_of_texts(scope, 0)}) != {self.list_of_texts(scope, 0)}",
            lambda: f"input.data[{self.number(scope, 0)}].role == {self.text(scope, 0)}",
            lambda: f"all({self.list_of_texts(scope, depth)})",
            lambda: f"empty({self.list_of_texts(scope, depth)})",
            lambda: f"{self.list_of_texts(scope)} contains_only {self.list_of_texts(scope)}",
            lambda: f"{self.text(scope)} is not {self.text(scope)}",
            lambda: f"{self.text(scope, 0)} < {self.text(scope, 0)}",
            lambda: f"({self.condition(scope, 0)} if {self.condition(scope, 0)} else False)",
            lambda: f"find({self.choices.pick(PATTERNS)}, {self.text(scope, depth)})",
            lambda: f"json_loads({self.text(scope, 0)}).n == 3",
            lambda: f"[{self.text(scope, 0)}] == [{self.text(scope, 0)}]",
            lambda: f"max({self.number(scope)}, {self.number(scope)}) == {self.number(scope)}",
        )
        return self.choices.pick(makers)()

    def _bracketed(self, text: str) -> str:
        return f"({text})" if self.tame else text
