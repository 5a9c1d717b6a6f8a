"""Makes policies: constants, predicates and rules with one to three variables.

`make_policy` takes decisions and gives source text, the parameters it may need, and the features
that engines may read differently. In a *tame* policy every variable is named in what the rule
raises, and every block has a line for each of its variables, because the reference reports bodies
that hold before their variables are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.differential.expression_makers import EVENT_TYPES, ExpressionMaker, Scope

if TYPE_CHECKING:
    from tests.differential.choices import Choices

PARAMETERS: dict[str, Any] = {"who": "bob", "limit": 2, "names": ["bob", "send", "a"]}

TRACE_TYPES = (
    "ToolCall",
    "Message",
    "ToolOutput",
    "ToolCall",
    "Message",
    "ToolOutput",
    "Function",
    "Tool",
    "TextChunk",
    "ToolParameter",
    "str",
    "Image",
)
PROJECTIONS = {
    "Message": "{}.role",
    "ToolCall": "{}.id",
    "ToolOutput": "{}.role",
    "Function": "{}.name",
    "Tool": "{}.name",
    "ToolParameter": "{}.name",
    "TextChunk": "{}.text",
    "Image": "{}.type",
    "str": "{}",
    "int": "{}",
    "dict": "len({})",
    "list": "len({})",
}
ANCHORS = {"dict": "(len({}) >= 0)", "list": "(len({}) >= 0)", "int": '({} != "none")'}


@dataclass(frozen=True, slots=True)
class MadePolicy:
    source: str
    features: frozenset[str]
    rules: int


class Body:
    """The lines of a block: declarations first, then conditions."""

    def __init__(self) -> None:
        self.declarations: list[str] = []
        self.conditions: list[str] = []

    def lines(self, *, tame: bool) -> list[str]:
        """The lines, indented; the reference would join one with a bracket first to the last."""
        conditions = self.conditions
        if tame:
            conditions = [f"True and {x}" if x.startswith("(") else x for x in conditions]
        return [f"    {line}" for line in (*self.declarations, *conditions)]


class PolicyMaker:
    """Writes one policy."""

    def __init__(self, choices: Choices, *, tame: bool) -> None:
        self.choices = choices
        self.tame = tame
        self.expressions = ExpressionMaker(choices, tame=tame)
        self.features = self.expressions.features

    def make(self) -> MadePolicy:
        scope = self._constants()
        lines = [f"{name} := {value}" for name, (value, _) in self.declared.items()]
        for _ in range(self.choices.pick((0, 0, 1, 2))):
            scope = self._predicate(scope, lines)
        rules = self.choices.pick((1, 1, 1, 2) if self.tame else (1, 1, 2, 3))
        for number in range(rules):
            self._rule(number, scope, lines)
        if not self.tame and self.choices.chance(12):
            # Enough rules for one call each that they are looked up by the tool.
            for _ in range(self.choices.between(8, 12)):
                self._tool_rule(rules, scope, lines)
                rules += 1
        if "detector" in self.features:
            lines.insert(0, "from invariant.detectors import unicode")
        if self.features & {"count", "forall"}:
            lines.insert(0, "from invariant import count, forall")
        return MadePolicy("\n".join(lines) + "\n", frozenset(self.features), rules)

    # --- declarations

    def _constants(self) -> Scope:
        self.declared: dict[str, tuple[str, str]] = {}
        if self.choices.chance(30):
            self.declared["WORD"] = (self.choices.pick(('"bob"', '"secret"', '"a"')), "str")
        if self.choices.chance(20):
            self.declared["WORDS"] = ('["bob", "user", "send"]', "list")
        if self.choices.chance(20):
            self.declared["TOOL"] = (f"tool:{self.expressions.tool_pattern()}", "tool")
        if not self.tame and self.choices.chance(15):
            self.declared["LATER"] = (self.expressions.text(Scope(), 1), "str")
        return Scope({}, {name: kind for name, (_, kind) in self.declared.items()})

    def _predicate(self, scope: Scope, lines: list[str]) -> Scope:
        name = self.expressions.fresh("p")
        kinds = [
            self.choices.pick(("ToolCall", "Message", "ToolOutput", "str"))
            for _ in range(self.choices.pick((1, 1, 2)))
        ]
        inner = scope
        parameters = []
        for kind in kinds:
            parameter = self.expressions.fresh("a")
            inner = inner.having(parameter, kind)
            parameters.append(f"{parameter}: {kind}")
        body = Body()
        if self.choices.chance(40):
            inner = self._declare(inner, body, anchored=self.tame)
        for _ in range(self.choices.pick((1, 1, 2))):
            body.conditions.append(self.expressions.condition(inner))
        lines.append(f"{name}({', '.join(parameters)}) :=")
        lines.extend(body.lines(tame=self.tame))
        predicates = {**scope.predicates, name: tuple(kinds)}
        return Scope(scope.variables, scope.constants, predicates)

    # --- variables

    def _declare(self, scope: Scope, body: Body, *, anchored: bool) -> Scope:
        """A line that declares a variable, or two at the ends of a flow."""
        pick = self.choices.below(10)
        if pick >= 8:
            made = self._flow(scope, body)
        elif pick >= 6 and scope.variables:
            made = self._derived(scope, body)
        else:
            name, kind = self._typed()
            body.declarations.append(f"({name}: {kind})")
            made = scope.having(name, kind)
        if anchored:
            body.conditions += [
                self._anchor(name, kind)
                for name, kind in made.variables.items()
                if name not in scope.variables
            ]
        return made

    def _anchor(self, name: str, kind: str) -> str:
        """A condition that holds for every object, and is undecided while there is none."""
        subject = PROJECTIONS[kind].format(name)
        return ANCHORS.get(kind, f'({subject} != "none")').format(name)

    def _anchors(self, variables: dict[str, str]) -> str:
        """All of some variables' anchors: keeps `forall` undecided until they are chosen."""
        made = ""
        for name, kind in variables.items():
            anchor = self._anchor(name, kind)
            made = f"({made} and {anchor})" if made else anchor
        return made

    def _typed(self) -> tuple[str, str]:
        kind = self.choices.pick(TRACE_TYPES)
        return self.expressions.fresh(kind[0].lower()), kind

    def _flow(self, scope: Scope, body: Body) -> Scope:
        length = self.choices.pick((2, 2, 2, 3)) if not self.tame else 2
        operator = self.choices.pick(("->", "->", "~>"))
        kinds = {
            self.expressions.fresh("f"): self.choices.pick(EVENT_TYPES[:3]) for _ in range(length)
        }
        for name, kind in kinds.items():
            scope = scope.having(name, kind)
        typed = [f"({name}: {kind})" for name, kind in kinds.items()]
        if self.tame:
            body.declarations.extend(typed)
            body.conditions.append(f"({f' {operator} '.join(kinds)})")
        else:
            body.declarations.append(f" {operator} ".join(typed))
        return scope

    def _derived(self, scope: Scope, body: Body) -> Scope:
        name = self.expressions.fresh("d")
        kind = self.choices.pick(("str", "str", "int", "dict", "list"))
        self.features.add("derived")
        source = self._source(scope, kind)
        body.declarations.append(f"({name}: {kind}) in {source}")
        return scope.having(name, kind)

    def _source(self, scope: Scope, kind: str) -> str:
        calls = scope.of("ToolCall")
        if calls and self.choices.chance(60):
            call = self.choices.pick(calls)
            return f"{call}.function.arguments" + (".opts" if self.choices.chance(20) else "")
        events = scope.of("Message", "ToolOutput")
        if events and kind == "str":
            return f"text({self.choices.pick(events)})"
        if kind == "str":
            return self.expressions.list_of_texts(scope, 0)
        return self.choices.pick(('[1, "a", {"n": 2, "to": "bob"}, [3]]', "input.names"))

    # --- rules

    def _rule(self, number: int, scope: Scope, lines: list[str]) -> None:
        body = Body()
        for _ in range(self.choices.pick((1, 2, 1, 2, 3, 0))):
            if len(scope.variables) < 3:
                scope = self._declare(scope, body, anchored=False)
        if self.choices.chance(25):
            scope = self._assign(scope, body)
        for _ in range(self.choices.pick((1, 2, 1, 3))):
            body.conditions.append(self.expressions.condition(scope, 1 if self.tame else 2))
        made = body.lines(tame=self.tame)
        if not self.tame and self.choices.chance(30) and not any(":=" in line for line in made):
            made = self._shuffled(made)
        if self.choices.chance(30):
            made.extend(f"    {line}" for line in self._quantifier(scope))
        lines.append(f"raise {self._raised(number, scope)} if:")
        lines.extend(made)

    def _tool_rule(self, number: int, scope: Scope, lines: list[str]) -> None:
        name = self.expressions.fresh("c")
        scope = scope.having(name, "ToolCall")
        lines.append(f"raise {self._raised(number, scope)} if:")
        lines.append(f"    ({name}: ToolCall)")
        lines.append(f"    {name} is tool:{self.expressions.tool_pattern()}")
        if self.choices.chance(60):
            lines.append(f"    {self.expressions.condition(scope)}")

    def _assign(self, scope: Scope, body: Body) -> Scope:
        name = self.expressions.fresh("y")
        self.features.add("assign")
        kept = Scope(scope.variables, scope.constants, scope.predicates, not self.tame)
        kind = self.choices.pick(("value", "int", "bool"))
        makers = {
            "value": self.expressions.text,
            "int": self.expressions.number,
            "bool": self.expressions.condition,
        }
        body.declarations.append(f"{name} := {makers[kind](kept, 1)}")
        return scope.having(name, kind)

    def _shuffled(self, lines: list[str]) -> list[str]:
        rest, shuffled = list(lines), []
        while rest:
            shuffled.append(rest.pop(self.choices.below(len(rest))))
        return shuffled

    def _quantifier(self, scope: Scope) -> list[str]:
        before = "not " if self.choices.chance(25) else ""
        if not self.tame and self.choices.chance(20):
            condition = self.expressions.condition(scope, 0)
            before = f"{condition} {self.choices.pick(('or', 'and'))} {before}"
        pick = self.choices.below(4)
        least, most = self.choices.between(0, 2), self.choices.between(0, 3)
        both = f"count(min=1, max={most + 1})"
        heads = (f"count(min={least})", "forall", f"count(max={most})", both)
        self.features.add("forall" if pick == 1 else "count")
        visible = {
            name: kind
            for name, kind in scope.variables.items()
            if not (self.tame and name.startswith("y"))
        }
        inner = Scope(visible, scope.constants, scope.predicates, not self.tame)
        if self.choices.chance(40):
            inner = Scope({}, scope.constants, scope.predicates, not self.tame)
        body = Body()
        outside = inner.variables.keys()
        for _ in range(self.choices.pick((1, 1, 2))):
            inner = self._declare(inner, body, anchored=self.tame)
        own = {name: kind for name, kind in inner.variables.items() if name not in outside}
        for _ in range(self.choices.pick((1, 1, 2))):
            condition = self.expressions.condition(inner)
            if self.tame and pick == 1:
                condition = f"({condition} or (not {self._anchors(own)}))"
            body.conditions.append(condition)
        return [f"{before}{heads[pick]}:", *body.lines(tame=self.tame)]

    def _raised(self, number: int, scope: Scope) -> str:
        if not self.tame and self.choices.chance(40):
            return f'"r{number}"'
        arguments = [f'"r{number}"']
        for name, kind in scope.variables.items():
            if kind in PROJECTIONS:
                arguments.append(PROJECTIONS[kind].format(name))
        if not self.tame and scope.variables and self.choices.chance(30):
            name = self.choices.pick(list(scope.variables))
            arguments.append(f"what={name}")
        function = self.choices.pick(("Violation", "PolicyViolation"))
        return f"{function}({', '.join(arguments)})"


def make_policy(choices: Choices, *, tame: bool) -> MadePolicy:
    """A policy."""
    return PolicyMaker(choices, tame=tame).make()


_NOISE = ("", "  # why: `x`", "# a note:", "    # inside", "\t")


def with_noise(choices: Choices, source: str) -> str:
    """The same policy with comments, blank lines and another indentation."""
    unit = choices.pick(("    ", "  ", "\t", "   "))
    lines = []
    for line in source.splitlines():
        text = line.lstrip(" ")
        indented = unit * ((len(line) - len(text)) // 4) + text
        noise = choices.below(12)
        if noise == 1:
            lines.append(choices.pick(_NOISE))
        lines.append(indented + (" # said" if noise == 2 else "   " if noise == 3 else ""))
    return "\n".join(lines) + choices.pick(("\n", "", "\n\n# end"))
