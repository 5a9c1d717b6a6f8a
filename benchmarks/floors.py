"""What the policies of `benchmarks.cases` cost at least: the same checks written by hand, each for
its one policy.

They take the traces of `benchmarks.trace_maker` and know their shape: every event has a role and a
content, which may be None; what calls have is there. So they check nothing else, as a programmer
would write who owns that data. They give the matches as tuples of event numbers.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchmarks.trace_maker import PASSWORD, SECRET, URGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.trace_maker import Event, Trace

Found = list[tuple[int, ...]]

_EVIL = re.compile(r"[^@]+@(evil|attacker)\.(com|net)")

# policyc remembers the arguments that it parsed. Parsing each text again and again would make the
# floor look slow.
_parsed = lru_cache(maxsize=512)(json.loads)


# --- whole traces -------------------------------------------------------------------------------


def keyword(trace: Trace) -> Found:
    found: Found = []
    for number, event in enumerate(trace):
        if event["role"] == "user":
            content = event["content"]
            if content and PASSWORD in content:
                found.append((number,))
    return found


def arguments(trace: Trace) -> Found:
    found: Found = []
    for number, event in enumerate(trace):
        for call in event.get("tool_calls") or ():
            function = call["function"]
            if function["name"] == "send_email":
                values = function["arguments"]
                if isinstance(values, str):
                    values = _parsed(values)
                if _EVIL.fullmatch(values["to"]):
                    found.append((number,))
    return found


def flow(trace: Trace) -> Found:
    found: Found = []
    outputs: list[int] = []
    for number, event in enumerate(trace):
        if event["role"] == "tool":
            content = event["content"]
            if content and SECRET in content:
                outputs.append(number)
        elif outputs:
            for call in event.get("tool_calls") or ():
                if call["function"]["name"] == "send_email":
                    found.extend((output, number) for output in outputs)
    return found


def chain(trace: Trace) -> Found:
    found: Found = []
    reads: list[int] = []
    pairs: list[tuple[int, int]] = []
    for number, event in enumerate(trace):
        if event["role"] == "tool":
            if reads:
                content = event["content"]
                if content and URGENT in content:
                    pairs.extend((read, number) for read in reads)
        else:
            for call in event.get("tool_calls") or ():
                name = call["function"]["name"]
                if name == "send_email":
                    found.extend((*pair, number) for pair in pairs)
                elif name == "read_inbox":
                    reads.append(number)
    return found


def counted(trace: Trace) -> Found:
    count = 0
    for event in trace:
        for call in event.get("tool_calls") or ():
            if call["function"]["name"] == "read_file":
                count += 1
    return [()] if count >= 3 else []


# --- event by event -----------------------------------------------------------------------------


def keyword_session() -> Callable[[Event], Found | None]:
    number = -1

    def append(event: Event) -> Found | None:
        nonlocal number
        number += 1
        if event["role"] == "user":
            content = event["content"]
            if content and PASSWORD in content:
                return [(number,)]
        return None

    return append


def flow_session() -> Callable[[Event], Found | None]:
    number = -1
    outputs: list[int] = []

    def append(event: Event) -> Found | None:
        nonlocal number
        number += 1
        if event["role"] == "tool":
            content = event["content"]
            if content and SECRET in content:
                outputs.append(number)
        elif outputs:
            found: Found = [
                (output, number)
                for call in event.get("tool_calls") or ()
                if call["function"]["name"] == "send_email"
                for output in outputs
            ]
            return found or None
        return None

    return append


# --- many rules for one call --------------------------------------------------------------------


def prefix_table(rules: list[tuple[str, str]]) -> Callable[[Trace], Found]:
    """Rules of a tool and the start of its path, found by tool."""
    by_tool: dict[str, list[str]] = {}
    for tool, prefix in rules:
        by_tool.setdefault(tool, []).append(prefix)

    def check(trace: Trace) -> Found:
        found: Found = []
        for number, event in enumerate(trace):
            for call in event.get("tool_calls") or ():
                function: dict[str, Any] = call["function"]
                prefixes = by_tool.get(function["name"])
                if prefixes:
                    path = function["arguments"]["path"]
                    for prefix in prefixes:
                        if path.startswith(prefix):
                            found.append((number,))
        return found

    return check
