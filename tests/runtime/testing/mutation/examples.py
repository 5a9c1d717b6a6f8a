"""Every mutation operator on a policy: with a trace on which some mutant answers differently, and
one on which none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.traces import assistant, call, calls, user

if TYPE_CHECKING:
    from tests.traces import Event


@dataclass(frozen=True)
class Example:
    source: str
    replaced: str
    """What stands in a mutant instead of something."""
    killing: list[Event]
    surviving: list[Event]


def rule(*lines: str, before: str = "") -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f'{before}raise "found" if:\n{body}'


MESSAGE = "(m: Message)"
CALL = "(c: ToolCall)"
FLOW = rule("(a: ToolCall) -> (b: ToolCall)", "a is tool:f", "b is tool:g")
IMMEDIATE = rule("(a: ToolCall) ~> (b: ToolCall)", "a is tool:f", "b is tool:g")
COUNT = rule(
    CALL,
    "count(min=2, max=2):",
    "    (m: Message)",
    '    m.role == "user"',
    before="from invariant import count\n",
)
SEND = rule(CALL, 'c is tool:send({to: "eve", n: 1})')
AMOUNT = rule(CALL, "c.function.arguments.n > 5")
FOUND = rule(MESSAGE, 'any(find("^a[.]b+", m.content))')

EXAMPLES: dict[str, Example] = {
    "rule-removed": Example(rule(MESSAGE), "", [user()], [calls("f")][:0]),
    "condition-dropped": Example(
        rule(MESSAGE, 'm.role == "user"'), "", [assistant(content="x")], [user()]
    ),
    "side-dropped": Example(
        rule(MESSAGE, '"a" in m.content or "b" in m.content'),
        "",
        [user("a")],
        [user("c")],
    ),
    "not-removed": Example(
        rule(MESSAGE, 'm.content == "x" or not m.role == "user"', 'm.content != "z"'),
        "",
        [user("y")],
        [user("z")],
    ),
    "and-or-swapped": Example(
        rule(MESSAGE, '"a" in m.content or "b" in m.content'), "and", [user("a")], [user("c")]
    ),
    "any-all-swapped": Example(
        rule(MESSAGE, 'any([x == "a" for x in m.content.split(",")])'),
        "all",
        [user("a,b")],
        [user("a")],
    ),
    "comparison-inverted": Example(
        rule(MESSAGE, 'm.role == "user"'), "!=", [user()], [calls("f")][:0]
    ),
    "boundary-moved": Example(AMOUNT, ">=", [calls("f", n=5)], [calls("f", n=6)]),
    "condition-negated": Example(
        rule(MESSAGE, "len(m.content)"), "not", [user("x")], [calls("f")][:0]
    ),
    "flow-reversed": Example(
        FLOW, "(b: ToolCall) -> (a: ToolCall)", [calls("f"), calls("g")], [calls("f")]
    ),
    "flow-immediate": Example(
        FLOW,
        "~>",
        [calls("f"), user(), calls("g")],
        [assistant(call("f"), call("g"))],
    ),
    "flow-relaxed": Example(
        IMMEDIATE,
        "->",
        [calls("f"), user(), calls("g")],
        [assistant(call("f"), call("g"))],
    ),
    "bound-changed": Example(COUNT, "1", [user(), calls("f")], [user(), user(), calls("f")]),
    "bound-dropped": Example(
        COUNT, "count(min=2)", [user(), user(), user(), calls("f")], [user(), user(), calls("f")]
    ),
    "quantifier-swapped": Example(COUNT, "forall", [user(), user(), calls("f")], [user()]),
    "tool-renamed": Example(SEND, "send_", [calls("send", to="eve", n=1)], [calls("f")]),
    "tool-widened": Example(SEND, "*", [calls("f", to="eve", n=1)], [calls("send", to="eve", n=1)]),
    "wildcard-dropped": Example(
        rule(CALL, "c is tool:send_*"), "send_", [calls("send_mail")], [calls("f")]
    ),
    "argument-renamed": Example(
        rule(CALL, 'c.function.arguments.to == "eve"'),
        "to_",
        [calls("send", to="eve")],
        [calls("send", to="bob")],
    ),
    "argument-dropped": Example(
        SEND, "", [calls("send", to="bob", n=1)], [calls("send", to="eve", n=1)]
    ),
    "number-changed": Example(AMOUNT, "4", [calls("f", n=5)], [calls("f", n=6)]),
    "text-changed": Example(rule(MESSAGE, 'm.role == "user"'), '"user_"', [user()], [calls("f")]),
    "truth-changed": Example(
        rule(CALL, "c.function.arguments.force == True"),
        "False",
        [calls("f", force=True)],
        [calls("f", force=None)],
    ),
    "element-removed": Example(
        rule(MESSAGE, 'm.content in ["a", "b"]'), "", [user("a")], [user("c")]
    ),
    "type-swapped": Example(rule(CALL, "c is tool:f"), "ToolOutput", [calls("f")], [user()]),
    "pattern-widened": Example(FOUND, '"^a.b+"', [user("axb")], [user("c")]),
    "pattern-narrowed": Example(FOUND, '"^a[.]b"', [user("a.bb")], [user("a.b")]),
    "pattern-unanchored": Example(FOUND, '"a[.]b+"', [user("xa.b")], [user("a.b")]),
    "pattern-anchored": Example(FOUND, '"^a[.]b+$"', [user("a.bx")], [user("a.b")]),
}
