"""A short fuzz run, the same every time; `python -m tests.fuzz.run` goes on for longer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyc
from policyc.compiler.frontend import check_source
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from tests.fuzz.mutations import PIECES
from tests.fuzz.targets import TARGETS, announced
from tests.fuzz.watch import Watch

INPUTS = {"checker": 250, "reader": 2000, "engine": 250, "cases": 300}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "function", "type", "text", "tools"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)

POLICY = policyc.Policy.from_string(
    """
raise Violation("x", m, d) if:
    (m: Message) -> (c: ToolCall)
    (d: str) in text(m.content)
    c is tool:send({to: "b.*"}) or "a" in c.function.arguments
    (o: ToolOutput)
    not o is tool:read or o.content.x == 3
"""
)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str) -> None:
    with Watch() as watch:
        found = [watch.judge(target, number) for number in range(INPUTS[target])]
    assert [str(finding) for finding in found if finding is not None] == []


def test_a_hang_is_noticed() -> None:
    with Watch(deadline=0.0) as watch:
        found = watch.judge("checker", 0)
    assert found is not None
    assert "no answer" in found.kind


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30))
def test_any_text_is_a_policy_or_has_diagnostics(pieces: list[str]) -> None:
    source = Source("".join(pieces))
    for found in check_source(source, catalogue()).diagnostics:
        assert found.message
        assert found.line >= 1


@settings(max_examples=300)
@given(JSON)
def test_any_value_is_judged_or_no_trace(value: object) -> None:
    try:
        POLICY.analyze(value).to_dict()
    except policyc.TraceError as error:
        announced(error)
