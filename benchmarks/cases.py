"""The policies that are measured, each with its hand-written floor."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import floors
from benchmarks.trace_maker import PASSWORD, SECRET, URGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.floors import Found
    from benchmarks.trace_maker import Event, Trace


@dataclass(frozen=True, slots=True)
class Case:
    """A policy, and functions that find the same in the traces of `benchmarks.trace_maker`."""

    name: str
    title: str
    source: str
    floor: Callable[[Trace], Found]
    session: Callable[[], Callable[[Event], Found | None]] | None = None
    """Makes the function that is called with one event after the other."""


KEYWORD = Case(
    "P1",
    "a word in a user message",
    f"""\
raise "password in a request" if:
    (msg: Message)
    msg.role == "user"
    "{PASSWORD}" in msg.content
""",
    floors.keyword,
    floors.keyword_session,
)

ARGUMENTS = Case(
    "P2",
    "a tool and a pattern for an argument",
    r"""raise "mail to a stranger" if:
    (call: ToolCall)
    call is tool:send_email({to: "[^@]+@(evil|attacker)\.(com|net)"})
""",
    floors.arguments,
)

FLOW = Case(
    "P3",
    "an output, then a call",
    f"""\
raise "secret sent" if:
    (out: ToolOutput) -> (call: ToolCall)
    "{SECRET}" in out.content
    call is tool:send_email
""",
    floors.flow,
    floors.flow_session,
)

CHAIN = Case(
    "P4",
    "a call, an output, a call",
    f"""\
raise "mail that a mail asked for" if:
    (read: ToolCall) -> (out: ToolOutput)
    out -> (send: ToolCall)
    read is tool:read_inbox
    "{URGENT}" in out.content
    send is tool:send_email
""",
    floors.chain,
)

COUNT = Case(
    "P5",
    "three calls of a tool or more",
    """\
from invariant import count

raise "many files read" if:
    count(min=3):
        (call: ToolCall)
        call is tool:read_file
""",
    floors.counted,
)

CASES = (KEYWORD, ARGUMENTS, FLOW, CHAIN, COUNT)

CALL_CHAIN = """\
raise "three calls in a row" if:
    (first: ToolCall) -> (second: ToolCall)
    second -> (third: ToolCall)
    first is tool:read_inbox
    second is tool:search_web
    third is tool:send_email
"""


# --- policies of many rules -----------------------------------------------------------------------

RULES_A_TOOL = 5


def rules_of(count: int) -> str:
    """A number of rules in words."""
    return "1 rule" if count == 1 else f"{count} rules"


def prefix_rules(count: int) -> list[tuple[str, str]]:
    """That many rules as tool and start of a path, up to five for a tool."""
    return [
        (f"tool_{number // RULES_A_TOOL}", f"/data/{number % RULES_A_TOOL}/")
        for number in range(count)
    ]


def prefix_policy(rules: list[tuple[str, str]]) -> str:
    """A policy of such rules."""
    return "\n".join(
        f'raise "rule {number}" if:\n'
        "    (call: ToolCall)\n"
        f'    call is tool:{tool}({{path: "{prefix}.*"}})\n'
        for number, (tool, prefix) in enumerate(rules)
    )


def mixed_policy(count: int, first: int) -> str:
    """A policy of rules like P1 to P5 in turns, no two alike; they are numbered from `first`."""
    return "from invariant import count\n\n" + "\n".join(
        _numbered(CASES[number % len(CASES)].source, first + number) for number in range(count)
    )


def floor_source(count: int, first: int) -> str:
    """The floors of the same rules as Python."""
    sources = [inspect.getsource(case.floor) for case in CASES]
    return "from __future__ import annotations\n" + "\n".join(
        _numbered(sources[number % len(CASES)], first + number) for number in range(count)
    )


_WORDS = ("send_email", "read_inbox", "read_file", "evil", "attacker", SECRET, URGENT, PASSWORD)


def _numbered(source: str, number: int) -> str:
    """A rule or function with a message, names of tools and words of its own."""
    rule = source.removeprefix("from invariant import count\n\n")
    for word in _WORDS:
        rule = rule.replace(word, f"{word}_{number}")
    return rule.replace('raise "', f'raise "{number}: ', 1)
