"""Whatever a policy passes to a standard function, it answers or says what is wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.compiler.signatures import FunctionKind, Signature
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.builtins.arithmetic import OPERATORS
from policyc.runtime.builtins.methods import call_method, format_value
from policyc.runtime.events import Chunks, Message, ToolCall
from policyc.runtime.extensions import PLUGINS, catalogue, load
from policyc.runtime.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["import os", "<a href='x'", "{0.x}", "{}", "(a+)+$", "[1,", "%time x", "nan", "\ud800", "a\0b"]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**4200), 10**7])
OBJECTS = st.builds(Message, st.fixed_dictionaries({"content": TEXTS}), st.just((0,)), st.just(0))
CONTENTS = st.builds(
    Chunks,
    st.lists(st.fixed_dictionaries({"type": TEXTS, "text": TEXTS}) | TEXTS, max_size=2),
    st.just((0, "content")),
    st.just(0),
)
CALLS = st.builds(ToolCall, st.dictionaries(TEXTS, TEXTS, max_size=2), st.just((0,)), st.just(0))
SIMPLE = st.none() | st.booleans() | NUMBERS | TEXTS | OBJECTS | CONTENTS | CALLS | st.just(ABSENT)
VALUES = st.recursive(
    SIMPLE | st.just(len),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def functions() -> list[Signature]:
    default = catalogue()
    rows = dict(default.builtins)
    for name in default.modules:
        if name not in (PLUGINS, "invariant.files"):
            rows.update(
                (f"{name}.{key}", row) for key, row in default.modules[name].functions.items()
            )
    return list({row.implementation: row for row in rows.values() if row.implementation}.values())


@pytest.mark.parametrize("row", functions(), ids=lambda row: row.implementation.rpartition(".")[2])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_functions(row: Signature, data: st.DataObject) -> None:
    positional = [parameter for parameter in row.parameters if not parameter.keyword_only]
    required = sum(parameter.is_required for parameter in positional)
    number = data.draw(st.integers(required, len(positional)))
    arguments = [data.draw(VALUES) for _ in range(number)]
    if row.kind is FunctionKind.DETECTOR:
        arguments[0] = data.draw(TEXTS)
    named = {
        one.name: data.draw(TEXTS | st.sampled_from(one.choices or ("",)))
        for one in row.parameters
        if one.keyword_only and one.is_required
    }
    answers(partial(load(row), **named), *arguments)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(OPERATORS)), VALUES, VALUES)
def test_operators(operator: str, left: Any, right: Any) -> None:
    answers(OPERATORS[operator], left, right)


@settings(max_examples=200, deadline=None)
@given(TEXTS | st.dictionaries(TEXTS, VALUES), TEXTS, st.lists(VALUES, max_size=3))
def test_methods(owner: Any, name: str, arguments: list[Any]) -> None:
    answers(call_method, owner, name, arguments, {})
    for known in ("format", "join", "replace", "split", "strip", "startswith", "count", "get"):
        answers(call_method, owner, known, arguments, {})


@settings(max_examples=200, deadline=None)
@given(VALUES, st.from_regex(r"[<>^]?[0-9]{0,3}(\.[0-9]{1,3})?f?", fullmatch=True))
def test_formats(value: Any, spec: str) -> None:
    answers(format_value, value, spec)


def answers(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function; anything but an answer or an error of policyc fails the test."""
    try:
        function(*arguments)
    except PolicycError as error:
        message = str(error)
        assert message[0].islower() or message[0] == "`"
        assert not message.endswith(".")
        assert not any(word in message for word in ("NoneType", "object at 0x", "'str'", "_Absent"))
