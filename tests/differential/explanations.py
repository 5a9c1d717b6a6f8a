"""Why the reference may answer differently: the listed improvements of the language, each with a
test for it.

`compare` takes what both answered for one policy and trace and says whether they agree, differ for
a listed reason, or differ without one. Sections are those of the language's contract.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc.runtime.results import AnalysisResult
    from tests.differential.policy_makers import MadePolicy
    from tests.differential.trace_makers import Event

AGREED = "agreed"
AGREED_RANGES = "agreed, ranges too"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Abort:
    """A failure by which the reference gives up the whole analysis, where policyc goes on."""

    pattern: re.Pattern[str]
    reason: str


def _abort(pattern: str, reason: str) -> Abort:
    return Abort(re.compile(pattern), reason)


ABORTS = (
    _abort(
        r"Unavailable attribute (to|n|tags|opts|text|flag) for dict values",
        "12.4 a missing entry of trace data is absent",
    ),
    _abort(
        r"has no key (to|n|text|tags|opts) \(type", "12.4 a missing entry of trace data is absent"
    ),
    _abort(r"no attribute '_tool_call'", "9.6 an output without a call matches no tool pattern"),
    _abort(r"object of type 'NoneType' has no len", "15 `len` of None is 0"),
    _abort(r"'bool' object is not iterable", "13.1 a list in None is a list of False"),
    _abort(
        r"requires string as left operand, not (NoneType|Contents)",
        "13.1 None and chunked content are in no text",
    ),
    _abort(
        r"expected string or bytes-like object, got '(Contents|NoneType|int|float)'",
        "13.2 `match` and `find` take whatever `text` takes",
    ),
    _abort(r"argument of type '(int|float)' is not iterable", "13.1 nothing is in a number"),
    _abort(
        r"KeyError: 'split'|object is not subscriptable",
        "12.1 a method of a text that happens to be JSON",
    ),
    _abort(
        r"(division|modulo) by zero|float modulo",
        "7.2 a line is evaluated for candidates, not before there are any",
    ),
)


def compare(
    policy: MadePolicy, trace: list[Event], ours: AnalysisResult, theirs: dict[str, Any]
) -> str:
    """`AGREED`, `AGREED_RANGES`, the reason of a listed difference, or `UNEXPLAINED`."""
    error = theirs.get("error")
    if ours.errors:
        if error is not None:
            return AGREED
        if all(failure.message == "cannot divide by zero" for failure in ours.errors):
            return "7.10 lines are read from the top: one below does not spare one that fails"
        return UNEXPLAINED
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
        return "4.4 the variable of a comprehension is local, and no part of the key"
    if _asks_for_ids(policy.source) and any(_lacks_id(event) for event in trace):
        return "17.1 an output without an id is linked to the last call, but has no id to read"
    return UNEXPLAINED


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
        return "13.1 what is found in chunked content is marked"
    if ": str)" in policy.source:
        return "13.4 places are told by path, not by identity of texts"
    return UNEXPLAINED


def _asks_for_ids(source: str) -> bool:
    return "tool_call_id" in source or ": str)" in source


def _lacks_id(event: Event) -> bool:
    return event.get("role") == "tool" and "tool_call_id" not in event


def _multiset(items: Any) -> Counter[str]:
    return Counter(map(repr, items))
