"""The reasons for differences: each points into the specification, and explains only its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import policyc
from tests.conformance.upstream.suite import table
from tests.differential.explanations import AGREED, REASONS, UNEXPLAINED, compare
from tests.differential.policy_makers import PARAMETERS, MadePolicy

ROOT = Path(__file__).parents[2]
SPECIFICATION = (ROOT / "docs" / "language" / "spec.md").read_text("utf-8")
SECTIONS = frozenset(re.findall(r"^## (.*)$", SPECIFICATION, re.MULTILINE))


@pytest.mark.parametrize("reason", sorted(set(REASONS)))
def test_a_reason_names_its_section(reason: str) -> None:
    assert reason.partition(":")[0] in SECTIONS


@pytest.mark.parametrize("entry", table()["differs"], ids=lambda entry: entry["tests"][0])
def test_a_difference_of_the_shipped_tests_names_its_section(entry: dict[str, Any]) -> None:
    assert entry["section"] in SECTIONS


def verdict(source: str, trace: list[Any], theirs: dict[str, Any]) -> str:
    result = policyc.Policy.from_string(source).analyze(trace, **PARAMETERS)
    return compare(MadePolicy(source, frozenset(), 1), trace, result, theirs)


RULE = 'raise Violation("r0", c.id) if:\n    (c: ToolCall)\n    c.function.arguments.to == "bob"\n'
CALL = {"id": "c0", "type": "function", "function": {"name": "send", "arguments": {"to": "bob"}}}
FOUND = {"args": ["r0", "c0"], "kwargs": {}, "key": "(0, (0,))", "ranges": ["0"]}


def test_equal_answers_agree() -> None:
    assert verdict(RULE, [CALL], {"violations": [FOUND]}).startswith(AGREED)


@pytest.mark.parametrize(
    "theirs",
    [
        {"violations": []},
        {"violations": [FOUND, FOUND]},
        {"violations": [{**FOUND, "args": ["r0", "c1"]}]},
        {"violations": [{**FOUND, "key": "(0, (1,))"}]},
        {"violations": [{**FOUND, "ranges": ["1"]}]},
        {"error": "TypeError: something else"},
    ],
)
def test_other_answers_are_not_explained_away(theirs: dict[str, Any]) -> None:
    assert verdict(RULE, [CALL], theirs) == UNEXPLAINED


def test_a_known_failure_of_the_reference_is_explained() -> None:
    error = "ExcessivePolicyError: Excessive Policy: Unavailable attribute to for dict values."
    assert verdict(RULE, [CALL], {"error": error}).startswith("Members and entries")


FAILING = 'raise "r0" if:\n    (c: ToolCall)\n    1 / 0 == 1\n    c.id == "none"\n'


def test_a_failure_is_explained_where_lines_below_would_spare_it() -> None:
    assert verdict(FAILING, [CALL], {"violations": []}).startswith("Evaluation of a rule")


def test_a_failure_that_nothing_spares_is_not_explained() -> None:
    source = FAILING.replace("none", "c0")
    assert verdict(source, [CALL], {"violations": []}) == UNEXPLAINED


LISTS = """\
raise Violation("r0", len(d)) if:
    (d: list) in input.names
raise Violation("r1", len(input.names)) if:
    (c: ToolCall)
"""


@pytest.mark.parametrize(
    ("rule", "expected"), [("r0", "Evaluation of a rule"), ("r1", UNEXPLAINED)]
)
def test_only_rules_with_variables_over_lists_may_see_the_list_around_it(
    rule: str, expected: str
) -> None:
    """The reference takes the list that it puts around the domain of a variable for its value."""
    names = len(PARAMETERS["names"])
    theirs = [
        {"args": ["r0", names], "kwargs": {}, "key": "(0, (-1,))", "ranges": []},
        {"args": ["r1", names], "kwargs": {}, "key": "(1, (0,))", "ranges": ["0"]},
    ]
    for found in theirs:
        if found["args"][0] == rule:
            found["args"] = [rule, names + 1]
    assert verdict(LISTS, [CALL], {"violations": theirs}).startswith(expected)


SHARED = 'raise Violation("r0", t.name) if:\n    (t: Tool)\n    "a" in t.description\n'


SCHEMA = {"properties": {"to": {"type": "string"}}}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([{}, {}], "Violations"),
        ([{"inputSchema": SCHEMA}], "Violations"),
        ([{"description": "a"}, {"description": "a"}], UNEXPLAINED),
        ([{}], UNEXPLAINED),
    ],
)
def test_only_what_has_no_description_may_be_taken_for_one_another(
    tools: list[dict[str, Any]], expected: str
) -> None:
    """The reference gives them one text, and places are those of the text wherever it is."""
    named = [{"name": f"t{number}", **tool} for number, tool in enumerate(tools)]
    theirs = [
        {"args": ["r0", f"t{i}"], "kwargs": {}, "key": f"(0, ({i},))", "ranges": ["7"]}
        for i in range(len(tools))
    ]
    assert verdict(SHARED, [{"tools": named}], {"violations": theirs}).startswith(expected)
