"""Blocks as nested loops: what is bound, what a failure ends, what is counted and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.traces import calls, output, user

from policyc import LimitExceeded
from policyc.compiler import plan as p
from policyc.compiler.pipeline import compile_sources
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.failures import EvaluationError
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame, Interpreter

if TYPE_CHECKING:
    from tests.traces import Event

TRACE = [user("a b"), calls("f", n=1), output("x"), user("c")]


def interpreter(source: str, trace: list[Event], **parameters: Any) -> Interpreter:
    known = catalogue()
    plan = compile_sources([Source(source, None)], known).require()
    return Interpreter(plan, History(trace), parameters, known.load)


def block(made: Interpreter) -> p.Block:
    return made.plan.rules[0].block


PAIRS = """
    raise "x" if:
        (m: Message)
        m.role == "user"
        size := len(m.content)
        (w: str) in m.content.split(" ")
        w != "b"
"""


def test_a_model_binds_every_variable_with_its_coordinate() -> None:
    made = interpreter(PAIRS, TRACE)

    models = list(made.models(block(made), Frame()))

    assert [(m.values["size"], m.values["w"], m.coordinates) for m in models] == [
        (3, "a", {"m": (0, -1), "w": 0}),
        (1, "c", {"m": (3, -1), "w": 0}),
    ]
    assert models[0].places["m"] == (0,)


def test_variables_that_are_bound_are_not_searched() -> None:
    made = interpreter(PAIRS, TRACE)
    (_, message, place), *_ = made.history.objects(block(made).steps[0].type)
    given = Frame()
    given.bind("m", message, place, (0, -1))

    assert [m.values["w"] for m in made.models(block(made), given)] == ["a"]

    # A derived variable is bound by its number; its value is made again.
    given.coordinates["w"] = 1
    assert list(made.models(block(made), given)) == []
    given.coordinates["w"] = 0
    assert [m.values["w"] for m in made.models(block(made), given)] == ["a"]


def test_a_block_may_be_ended_before_a_step() -> None:
    made = interpreter(PAIRS, TRACE)

    models = list(made.models(block(made), Frame(), stop=2))

    assert [set(model.values) for model in models] == [{"m"}] * 2


FAILING = """
    raise "x" if:
        (c: ToolCall)
        c.function.arguments.n > 1
"""


def test_a_failed_candidate_is_told_and_the_others_go_on() -> None:
    made = interpreter(FAILING, [calls("f", n=3), calls("f", n="x"), calls("f", n=2)])
    told: list[tuple[p.Step, Any, EvaluationError]] = []

    def failure(step: p.Step, frame: Frame, error: EvaluationError) -> None:
        told.append((step, frame.coordinates["c"], error))

    models = list(made.models(block(made), Frame(), failure))

    assert [model.coordinates["c"] for model in models] == [(0, 0), (2, 0)]
    ((step, where, error),) = told
    assert step is block(made).steps[1]
    assert where == (1, 0)
    assert error.span is not None


def test_without_somebody_to_tell_a_failure_is_raised() -> None:
    made = interpreter(FAILING, [calls("f", n="x")])

    with pytest.raises(EvaluationError, match="cannot order a text and a number"):
        list(made.models(block(made), Frame()))


def test_every_candidate_is_counted() -> None:
    made = interpreter(PAIRS, TRACE)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) > 4:
            raise LimitExceeded("x", "four candidates")

    made.tick = tick

    with pytest.raises(LimitExceeded):
        list(made.models(block(made), Frame()))
    # A message and its two words, the other message and its word.
    assert len(ticks) == 5


def test_marks_are_made_where_somebody_asks_for_them() -> None:
    source = """
        raise "x" if:
            (m: Message)
            "a" in m.content or "b" in m.content
    """
    made = interpreter(source, TRACE)

    (silent,) = made.models(block(made), Frame())
    (marked,) = made.models(block(made), Frame(marks=[]))

    assert silent.marks is None
    assert marked.marks == [((0, "content"), 0, 1), ((0, "content"), 2, 3)]


def test_a_constant_has_one_value_in_an_analysis() -> None:
    made = interpreter('A := [1] + [2]\nraise "x" if:\n    (m: Message)\n    A\n', TRACE)
    (step,) = (x for x in block(made).steps if isinstance(x, p.Check))

    assert made.eval(step.condition, Frame()) is made.eval(step.condition, Frame())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("input.n + 1", 6),
        ("input.list[-1]", "z"),
        ("[x * 2 for x in input.list if x != 'z']", [2, "yy"]),
        ('"yes" if input.n > 3 else "no"', "yes"),
        ("1 < input.n < 9 and input.n", 5),
        ("None or input.n", 5),
        ('f"{input.n}-{input.list}-{None}"', '5-[1, "y", "z"]-None'),
        ("not input.missing_or_not", True),
        ("{a: input.n}", {"a": 5}),
        ("-input.n ** 2", -25),
    ],
)
def test_values_of_expressions(expression: str, value: Any) -> None:
    made = interpreter(
        f'raise Violation("x", {expression}) if:\n    (m: Message)\n',
        TRACE,
        n=5,
        list=[1, "y", "z"],
        missing_or_not=None,
    )

    raised = made.eval(made.plan.rules[0].value, Frame())

    assert raised.args[1] == value
