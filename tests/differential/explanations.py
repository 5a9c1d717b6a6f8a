"""Why the reference may answer differently: the listed improvements of the language, each with a
test for it.

`compare` takes what both answered for one policy and trace and says whether they agree, differ for
a listed reason, or differ without one. A reason starts with its section of the
language's specification.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import policyc
from tests.differential.policy_makers import PARAMETERS, MadePolicy

if TYPE_CHECKING:
    from policyc.runtime.results import AnalysisResult
    from tests.differential.trace_makers import Event

MOVES = 5
"""How many lines of a policy may be moved to find out why it fails."""

AGREED = "agreed"
AGREED_RANGES = "agreed, ranges too"
UNEXPLAINED = "unexplained"


LOCAL_VARIABLE = "Names: the variable of a comprehension is local, and no part of the key"
NO_ID = "Traces: an output without an id is linked to the last call, but has no id to read"
IN_ORDER = "Evaluation of a rule: a line is not spared by one below that is false"
CHUNKS_MARKED = "Membership, search and marks: what is found in chunked content is marked"
PLACES = "Violations: places are told by path, not by identity of texts"
TOOLS_AS_ONE = (
    "Pending events and monitors: they begin at a place in the trace, whatever tools came before"
)
OWN_LIST = "Evaluation of a rule: a variable over lists stands for a list, not for one around it"
INVOLVED = "Pending events and monitors: they count in whatever way they are involved"


@dataclass(frozen=True, slots=True)
class Abort:
    """A failure by which the reference gives up the whole analysis, where policyc goes on."""

    pattern: re.Pattern[str]
    reason: str


def _abort(pattern: str, reason: str) -> Abort:
    return Abort(re.compile(pattern), reason)


ABORTS = (
    _abort(
        r"RecursionError: maximum recursion depth exceeded",
        "Limits: none on candidates, of which the reference takes each to be one call deeper",
    ),
    _abort(
        r"Unavailable attribute (to|n|tags|opts|text|flag) for dict values",
        "Members and entries: a missing entry of trace data is absent",
    ),
    _abort(
        r"has no key (to|n|text|tags|opts) \(type",
        "Members and entries: a missing entry of trace data is absent",
    ),
    _abort(
        r"no attribute '_tool_call'",
        "Tool patterns: an output without a call matches no tool pattern",
    ),
    _abort(r"object of type 'NoneType' has no len", "Built-ins: `len` of None is 0"),
    _abort(
        r"'bool' object is not iterable",
        "Membership, search and marks: a list in None is a list of False",
    ),
    _abort(
        r"requires string as left operand, not (NoneType|Contents)",
        "Membership, search and marks: None and chunked content are in no text",
    ),
    _abort(
        r"expected string or bytes-like object, got '(Contents|NoneType|int|float)'",
        "Membership, search and marks: `match` and `find` take whatever `text` takes",
    ),
    _abort(
        r"argument of type '(int|float)' is not iterable",
        "Membership, search and marks: nothing is in a number",
    ),
    _abort(
        r"KeyError: 'split'|object is not subscriptable",
        "Members and entries: a method of a text that happens to be JSON",
    ),
    _abort(
        r"(division|modulo) by zero|float modulo",
        "Evaluation of a rule: a line is evaluated for candidates, not before there are any",
    ),
)

REASONS = (
    *(abort.reason for abort in ABORTS),
    *(LOCAL_VARIABLE, NO_ID, IN_ORDER, CHUNKS_MARKED, PLACES, TOOLS_AS_ONE, OWN_LIST, INVOLVED),
)
"""Every reason that `compare` may give."""


def compare(
    policy: MadePolicy, trace: list[Event], ours: AnalysisResult, theirs: dict[str, Any]
) -> str:
    """`AGREED`, `AGREED_RANGES`, the reason of a listed difference, or `UNEXPLAINED`."""
    error = theirs.get("error")
    if ours.errors:
        if error is not None:
            return AGREED
        return _compare_failed(policy, trace, ours, theirs)
    if error is not None:
        for abort in ABORTS:
            if abort.pattern.search(error):
                return abort.reason
        return UNEXPLAINED
    mine = [(v.args, v.kwargs, v.key) for v in ours.violations]
    other = [(v["args"], v["kwargs"], v["key"]) for v in theirs["violations"]]
    if _multiset(mine) == _multiset(other):
        return _compare_ranges(policy, trace, ours, theirs)
    if "comprehension" in policy.features and _multiset(x[:2] for x in mine) == _multiset(
        x[:2] for x in other
    ):
        return LOCAL_VARIABLE
    if _asks_for_ids(policy.source) and any(_lacks_id(event) for event in trace):
        return NO_ID
    if _are_about_lists(policy.source, mine, other):
        return OWN_LIST
    return UNEXPLAINED


def compare_pending(
    policy: MadePolicy,
    trace: list[Event],
    boundary: int,
    ours: AnalysisResult,
    theirs: dict[str, Any],
) -> str:
    """The same for pending events, where whole traces agree.

    The reference keeps a violation where the index of an event that a variable stands for lies
    beyond the past; it counts tools one by one, and looks at nothing else.
    """
    if ours.errors or "error" in theirs:
        return AGREED
    mine = _multiset((v.args, v.kwargs) for v in ours.violations)
    other = _multiset((v["args"], v["kwargs"]) for v in theirs["violations"])
    if mine == other:
        return AGREED
    if any(len(event.get("tools", ())) > 1 for event in trace[:boundary]):
        return TOOLS_AS_ONE
    others = {"count", "forall", "predicate"} & policy.features or _NO_EVENT.search(policy.source)
    if mine >= other and others:
        return INVOLVED
    if _are_about_lists(
        policy.source,
        [(v.args,) for v in ours.violations],
        [(v["args"],) for v in theirs["violations"]],
    ):
        return OWN_LIST
    return UNEXPLAINED


_NO_EVENT = re.compile(r"\(\w+: (?!Message|ToolCall|ToolOutput|Tool\b)\w+\)")


def _compare_failed(
    policy: MadePolicy, trace: list[Event], ours: AnalysisResult, theirs: dict[str, Any]
) -> str:
    """Whether what fails is spared where it stands below the other lines of its rule."""
    source = policy.source
    for _ in range(MOVES):
        source = _with_last(source, {failure.line for failure in ours.errors})
        ours = policyc.Policy.from_string(source).analyze(trace, **PARAMETERS)
        if not ours.errors:
            moved = MadePolicy(source, policy.features, policy.rules)
            verdict = compare(moved, trace, ours, theirs)
            if verdict.startswith(AGREED):
                return IN_ORDER
            return verdict
    return UNEXPLAINED


def _with_last(source: str, numbers: set[int]) -> str:
    """A policy with some lines, by number, at the end of their rule."""
    lines: list[str] = []
    moved: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        if not line.startswith(" "):
            lines += moved
            moved = []
        (moved if number in numbers else lines).append(line)
    return "\n".join([*lines, *moved]) + "\n"


_CALL = re.compile(r"(?<!Violation)(?<!tool:send)(?<!tool:read)(?<!tool:search)(?<!_mail)(?<=\w)\(")


def _compare_ranges(
    policy: MadePolicy, trace: list[Event], ours: AnalysisResult, theirs: dict[str, Any]
) -> str:
    """Ranges, where the reference's mean something: calls leak marks of other candidates."""
    is_clear = policy.rules == 1 and not _CALL.search(policy.source)
    if not is_clear or any(word in policy.source for word in (" or ", " if (", "not (", ":=")):
        return AGREED
    mine = [(v.args, v.key, v.ranges) for v in ours.violations]
    other = [(v["args"], v["key"], v["ranges"]) for v in theirs["violations"]]
    if _multiset((*x[:2], sorted(x[2])) for x in mine) == _multiset(other):
        return AGREED_RANGES
    if any(isinstance(event.get("content"), list) for event in trace):
        return CHUNKS_MARKED
    if ": str)" in policy.source:
        return PLACES
    if ".description" in policy.source and _have_same_description(trace):
        return PLACES
    return UNEXPLAINED


def _have_same_description(trace: list[Event]) -> bool:
    """Whether several tools and parameters lack a description: the reference gives them the same
    text."""
    tools = [tool for event in trace for tool in event.get("tools", ())]
    schemas = [tool.get("inputSchema") or {} for tool in tools]
    parts = [part for schema in schemas for part in schema.get("properties", {}).values()]
    return sum(part.get("description") is None for part in (*tools, *parts)) > 1


def _asks_for_ids(source: str) -> bool:
    return "tool_call_id" in source or ": str)" in source


def _are_about_lists(source: str, mine: list[Any], other: list[Any]) -> bool:
    """Whether only rules with a variable over lists answer differently; `args` come first."""
    rules = re.split(r"^(?=raise )", source, flags=re.MULTILINE)
    about = {name for rule in rules if ": list) in " in rule for name in _NAME.findall(rule)[:1]}
    left, right = _multiset(mine), _multiset(other)
    different = [x for x in mine if left[repr(x)] != right[repr(x)]]
    different += [x for x in other if left[repr(x)] != right[repr(x)]]
    return bool(about) and all(x[0][0] in about for x in different)


_NAME = re.compile(r'"(r\d+)"')


def _lacks_id(event: Event) -> bool:
    return event.get("role") == "tool" and "tool_call_id" not in event


def _multiset(items: Any) -> Counter[str]:
    return Counter(map(repr, items))
