"""Lines in any combination and order: all engines find the same, and the same rules fail alike.

A search may look at lines earlier than they stand. What must not show is tested with rules made of
lines that are drawn at random: some fail, some ask about the whole trace, some name values.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.traces import assistant, call, output, tools, user

from policyc import Limits, Policy
from policyc.runtime.matches import identity_of

if TYPE_CHECKING:
    from tests.traces import Event

    from policyc import AnalysisResult

HEAD = """from invariant import count, forall

said(t: str) :=
    (x: Message)
    x.content == t

large(x: dict) := x.function.arguments.n > 1

SIZE := len(input.data)

"""
LINES = [
    # Conditions on one variable, some of which fail for some objects.
    'm.content == "a"',
    "m.metadata.n > 1",
    '"a" in m.content',
    'm.role == "user"',
    "c is tool:f",
    'c is tool:g({n: 2, t: "a|b"})',
    "c.function.arguments.n > 1",
    "c.function.arguments.n + 1 == 3",
    'o.content == "a"',
    "o.content.lower() == c.function.arguments.t",
    "o is tool:f",
    "tool_call(o).function.arguments.n > 1",
    # Relations.
    "m -> c",
    "c -> o",
    "not (c -> o)",
    "c ~> o",
    "m ~> c",
    "c -> d",
    "m.content == o.content",
    "c.function.arguments.t == m.content",
    "c.function.arguments.n == d.function.arguments.n",
    "c.function.arguments.n > d.function.arguments.n",
    "m.content != o.content or c.function.arguments.n > 1",
    # Objects that are seldom asked for.
    "s == m.content",
    'len(s) == 1 and s != "1"',
    "f.arguments.n > 1",
    'f.name == "f"',
    "z.name == c.function.name",
    "z -> c",
    "z ~> m",
    "k.text == o.content",
    # What the interpreter decides.
    "fails(m)",
    "large(c)",
    "said(o.content)",
    "not said(c.function.arguments.t)",
    "any([w == m.content for w in [o.content, c.function.arguments.t]])",
    "[c.function.arguments.n > w for w in [1]]",
    "SIZE > 5",
    "len(m.tool_calls) == 0",
    # Quantifiers.
    "count(min=2):\n        (q: Message)\n        q.role == 'user'",
    "count(max=2):\n        (q: ToolCall)\n        q.function.arguments.n == 2",
    "count(min=1):\n        (q: ToolCall)\n        q.function.arguments.n > 1",
    "count(min=1):\n        (q: Message)\n        q.content == m.content\n        q -> c",
    "forall:\n        (q: ToolOutput)\n        q.content",
    "not forall:\n        (q: Message)\n        q.role == 'user'",
    # Names and derived variables.
    "t := m.content",
    "n := c.function.arguments.n + 1",
    "(w: str) in [m.content, o.content]",
    "(v: int) in c.function.arguments",
    "t == c.function.arguments.t",
    "n > 2",
    "w == 'a'",
    "v == 2",
]
"""Lines about the variables below; names t and n; derived variables w and v."""
DECLARED = {
    "m": "Message",
    "c": "ToolCall",
    "d": "ToolCall",
    "o": "ToolOutput",
    "s": "str",
    "f": "Function",
    "z": "Tool",
    "k": "TextChunk",
}
GIVEN = {"t": LINES[-8], "n": LINES[-7], "w": LINES[-6], "v": LINES[-5]}


def fails(message: Any) -> bool:
    if message.data.get("content") == "b":
        raise ValueError("told to")
    return True


def names_in(line: str) -> set[str]:
    """The variables that a line uses, by the letters that stand alone in it."""
    line = line.replace("tool:f", "").replace('"f"', "")
    letters = "".join(x if x.isalnum() or x == "_" else " " for x in line).split()
    return {name for name in letters if name in DECLARED or name in GIVEN}


def random_rule(rng: random.Random) -> str:
    """A rule of some of the lines, with what they need declared at random places above."""
    lines: list[str] = []
    for line in rng.sample(LINES, rng.randint(2, 6)):
        if line in lines:
            continue
        for name in sorted(names_in(line) & GIVEN.keys()):
            if GIVEN[name] not in lines and line != GIVEN[name]:
                lines.append(GIVEN[name])
        lines.append(line)
    used = {name for line in lines for name in names_in(line)} & DECLARED.keys()
    for name in rng.sample(sorted(used), len(used)):
        declaration = f"({name}: {DECLARED[name]})"
        first = next(i for i, line in enumerate(lines) if name in names_in(line))
        lines.insert(rng.randint(0, first), declaration)
    return 'raise "x" if:\n' + "".join(f"    {line}\n" for line in lines)


def random_trace(rng: random.Random, size: int) -> list[Event]:
    def word() -> Any:
        return rng.choice(["a", "b", "ab"])

    def some_call() -> Event:
        arguments = {"n": rng.choice([1, 2, 3, 2, "x"]), "t": word()}
        return call(rng.choice("fg"), arguments, id=rng.choice("12"))

    makers = [
        lambda: user(word(), metadata={"n": rng.choice([1, 2, "x"])}),
        lambda: assistant(*(some_call() for _ in range(rng.randint(0, 2))), content=word()),
        lambda: assistant(some_call(), content=None),
        lambda: output(word(), id=rng.choice(["1", "2", None])),
        lambda: output(None),
        lambda: tools(*"fg"[: rng.randint(0, 2)]),
        lambda: user([{"type": "text", "text": word()}], metadata={"n": 2}),
        lambda: {"type": "function", **some_call()},
    ]
    return [rng.choice(makers)() for _ in range(size)]


def said(result: AnalysisResult) -> Any:
    """All that engines must agree on."""
    return (
        [violation.to_dict() for violation in result],
        [(error.message, error.line, error.column, error.bindings) for error in result.errors],
    )


def compiled(source: str) -> dict[str, Policy]:
    options: dict[str, Any] = {"functions": {"fails": fails}}
    return {
        "generated": Policy.from_string(source, **options),
        "metered": Policy.from_string(source, limits=Limits(work=10**9), **options),
        "plain": Policy.from_string(source, optimize=False, **options),
    }


def check(source: str, rng: random.Random) -> int:
    """The number of violations and errors in some traces, once all engines agreed on them."""
    policies = compiled(source)
    total = 0
    for size in (0, 2, 5, 8):
        trace = random_trace(rng, size)
        expected = said(policies["plain"].analyze(trace))
        for name in ("generated", "metered"):
            assert said(policies[name].analyze(trace)) == expected, (name, source, trace)
        total += len(expected[0]) + len(expected[1])
        check_monitors(policies, trace, source)
    return total


def check_monitors(policies: dict[str, Policy], trace: list[Event], source: str) -> None:
    """Event by event, a monitor tells each match when it first holds, and a failing rule fails."""
    oracle = policies["plain"]._engine
    for name in ("generated", "metered"):
        monitor = policies[name].monitor()
        seen: set[Any] = set()
        has_failed = False
        for number, event in enumerate(trace):
            run = oracle.search(trace[: number + 1], {})
            new = [match for match in run.found if identity_of(match) not in seen]
            seen.update(map(identity_of, new))
            fails_now = run.has_failed
            run.failed.clear()
            expected = oracle.result(run, new)

            result = monitor.append(event)

            place = (name, number, source, trace)
            assert result.violations == expected.violations, place
            assert not result.errors or fails_now, place
            has_failed = has_failed or bool(result.errors)
            assert has_failed or not fails_now, place


@pytest.mark.parametrize("seed", range(80))
def test_any_combination_of_lines(seed: int) -> None:
    rng = random.Random(seed)

    for _ in range(3):
        check(HEAD + random_rule(rng), rng)


def test_the_combinations_are_worth_something() -> None:
    """Rules that never match and never fail would agree on everything."""
    rng = random.Random(7)

    counts = [check(HEAD + random_rule(rng), rng) for _ in range(40)]

    assert sum(1 for count in counts if count) >= 15
