"""Detectors as the interpreter calls them: once for each text, with marks at every place of it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, ranges
from tests.traces import calls, output, user

from policyc import Policy, PolicyError
from policyc.compiler.signatures import Answer, FunctionKind, Param, Signature
from policyc.compiler.typesystem import ANY
from policyc.runtime import extensions
from policyc.runtime.detectors.answers import AnswerCache
from policyc.runtime.detectors.protocol import Detection

if TYPE_CHECKING:
    from tests.runtime.conftest import Make


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the detector `spot` of this module was asked about, in order."""
    texts: list[str] = []

    def spot(text: str, word: str = "bad") -> list[Detection]:
        """Finds a word, or fails where the text asks for it."""
        texts.append(text)
        if text == "fail":
            raise ValueError("cannot look")
        at = text.find(word)
        return [] if at < 0 else [Detection(word.upper(), at, at + len(word))]

    module = ModuleType("own_detector")
    module.spot = spot  # type: ignore[attr-defined]  # made for this test
    monkeypatch.setitem(sys.modules, "own_detector", module)
    # What was imported under this name for another test.
    extensions._load.cache_clear()
    return texts


def detector(answer: Answer = Answer.TYPES, *, deterministic: bool = True) -> dict[str, Any]:
    """The detector as a function of the host."""
    return {
        "spot": Signature(
            "spot",
            (Param("data"), Param("word", ANY, None)),
            ANY,
            kind=FunctionKind.DETECTOR,
            answer=answer,
            implementation="own_detector:spot",
            deterministic=deterministic,
        )
    }


RULE = """
    raise Violation("x", found) if:
        (m: Message)
        found := spot(m)
        found
"""


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (Answer.TYPES, ["BAD", "BAD"]),
        (Answer.DISTINCT, ["BAD"]),
        (Answer.TEXTS, ["bad"]),
        (Answer.FOUND, True),
    ],
)
def test_a_policy_sees_what_the_signature_says(
    answer: Answer, value: Any, asked: list[str], make: Make
) -> None:
    chunks = [{"type": "text", "text": "a bad"}, {"type": "text", "text": "bad b"}]

    result = make(RULE, functions=detector(answer)).analyze([user(chunks), user("good")])

    assert args(result) == [[value]]
    assert ranges(result) == [["0", "0.content.0.text:2-5", "0.content.1.text:0-3"]]
    assert set(asked) == {"a bad", "bad b", "good"}


@pytest.mark.parametrize(
    ("argument", "places"),
    [
        ("o", ["2.content.a:0-3", "2.content.b.0:1-4"]),
        ("o.content", ["2.content.a:0-3", "2.content.b.0:1-4"]),
        ("o.content.b", ["2.content.b.0:1-4"]),
        ("[m, o.content.a]", ["0.content:1-4", "2.content.a:0-3"]),
        ("text(m)", ["0.content:1-4"]),
        ("c", ["1.tool_calls.0.function.arguments.x:2-5"]),
        ("c.function.arguments", ["1.tool_calls.0.function.arguments.x:2-5"]),
        ('m.content + " bad"', []),
    ],
)
def test_every_place_of_a_finding_is_marked(
    argument: str, places: list[str], asked: list[str], make: Make
) -> None:
    policy = make(
        f"""
        raise "x" if:
            (m: Message)
            m.role == "user"
            (c: ToolCall)
            (o: ToolOutput)
            spot({argument})
        """,
        functions=detector(),
    )
    trace = [user("1bad"), calls("f", x="22bad"), output({"a": "bad", "b": ["1bad"]})]

    (found,) = ranges(policy.analyze(trace))

    assert [place for place in found if ":" in place] == places
    assert asked


def test_a_text_is_looked_at_once_in_an_analysis(asked: list[str]) -> None:
    """Whatever number of rules, candidates and reports ask about it; its marks are never lost."""
    policy = Policy.from_string(
        """
        raise "one" if:
            (m: Message)
            spot(m)

        raise "two" if:
            (m: Message)
            (n: Message)
            spot(m)
            spot(n)
        """,
        functions=detector(),
    )

    result = policy.analyze([user("bad"), user("bad"), user("other")])

    assert ranges(result)[0] == ["0", "0.content:0-3"]
    assert ranges(result)[-1] == ["1", "1.content:0-3"]
    assert len(result) == 6
    assert sorted(asked) == ["bad", "other"]


def test_options_are_part_of_the_question(asked: list[str]) -> None:
    policy = Policy.from_string(
        """
        raise "bad" if:
            (m: Message)
            spot(m)

        raise "other" if:
            (m: Message)
            spot(m, word="other") or spot(data=m, word="more")
        """,
        functions=detector(),
    )

    result = policy.analyze([user("other"), user("bad more")])

    assert [(v.message, v.ranges) for v in result] == [
        ("bad", ["1", "1.content:0-3"]),
        ("other", ["0", "0.content:0-5"]),
        ("other", ["1", "1.content:4-8"]),
    ]


def test_an_answer_that_may_change_is_not_kept(asked: list[str]) -> None:
    policy = Policy.from_string(RULE, functions=detector(deterministic=False))

    assert len(policy.analyze([user("bad"), user("bad")]).violations) == 2
    assert asked == ["bad", "bad"]


def test_a_detector_that_fails_is_an_error_of_the_rule(asked: list[str], make: Make) -> None:
    result = make(RULE, functions=detector()).analyze([user("fail"), user("bad")])

    assert errors(result) == [(4, "`spot` failed: cannot look")]
    assert ranges(result) == [["1", "1.content:0-3"]]


def test_a_monitor_does_not_keep_answers_for_ever(asked: list[str]) -> None:
    monitor = Policy.from_string(RULE, functions=detector()).monitor()
    interpreter = monitor._run.interpreter(monitor._run.history_with({}))
    interpreter.answers = AnswerCache(limit=5_000)

    for number in range(50):
        assert bool(monitor.append(user(f"bad {number}")))

    assert len(asked) == 50
    assert len(interpreter.answers) <= 15


def test_a_call_may_allow_what_a_detector_failed_on(
    asked: list[str], make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    policy = make(RULE.replace("spot(m)", 'spot(m, on_error="allow")'), functions=detector())
    result = policy.analyze([user("fail"), user("bad")])
    assert errors(result) == []
    assert ranges(result) == [["1", "1.content:0-3"]]
    assert "allowed without an answer: `spot` failed: cannot look" in caplog.text


def test_on_error_takes_two_words(asked: list[str], make: Make) -> None:
    policy = make(RULE.replace("spot(m)", "spot(m, on_error=input.mode)"), functions=detector())
    result = policy.analyze([user("bad")], mode="ignore")
    assert errors(result) == [(4, "`on_error` takes `deny` or `allow`")]


def test_a_detector_of_an_extra_that_is_not_installed_is_refused_when_loading() -> None:
    row = Signature(
        "spot",
        (Param("data"),),
        kind=FunctionKind.DETECTOR,
        implementation="no_such_module_x:spot",
        extra="pii-ner",
        requires=("json", "no_such_module_x"),
    )
    with pytest.raises(PolicyError) as caught:
        Policy.from_string(RULE, functions={"spot": row})
    (found,) = caught.value.diagnostics
    assert (found.code, found.line) == ("E0601", 4)
    assert found.message == "`spot` is not available: `policyc[pii-ner]` is not installed"
    assert found.help == "install it: `pip install 'policyc[pii-ner]'`"


def test_a_kind_of_an_extra_that_is_not_installed_is_refused_when_loading() -> None:
    kinds = Param("kinds", ANY, None, choices=("BAD",), extras=(("WORSE", "pii-ner"),))
    row = Signature(
        "spot", (Param("data"), kinds), kind=FunctionKind.DETECTOR, implementation="a:b"
    )
    with pytest.raises(PolicyError) as caught:
        Policy.from_string(
            RULE.replace("spot(m)", 'spot(m, kinds=["BAD", "WORSE"])'), functions={"spot": row}
        )
    (found,) = caught.value.diagnostics
    assert found.message == "`spot` does not know `WORSE`: `policyc[pii-ner]` is not installed"


def test_several_texts_are_one_batch(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    class Batched:
        def __init__(self) -> None:
            self.calls: list[list[str]] = []

        def __call__(self, text: str) -> list[Detection]:
            return self.batch([text])[0]

        def batch(self, texts: list[str]) -> list[list[Detection]]:
            self.calls.append(list(texts))
            return [[Detection("BAD", 0, 3)] if text == "bad" else [] for text in texts]

    module = ModuleType("own_batch")
    module.spot = batched = Batched()  # type: ignore[attr-defined]  # made for this test
    monkeypatch.setitem(sys.modules, "own_batch", module)
    extensions._load.cache_clear()
    row = Signature(
        "spot", (Param("data"),), kind=FunctionKind.DETECTOR, implementation="own_batch:spot"
    )
    chunks = [{"type": "text", "text": text} for text in ("bad", "good", "bad")]

    result = make(RULE, functions={"spot": row}).analyze([user(chunks)])

    assert ranges(result) == [["0", "0.content.0.text:0-3", "0.content.2.text:0-3"]]
    assert ["bad", "good"] in batched.calls
