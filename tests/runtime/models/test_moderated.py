"""`moderated`: by a classifier in a folder, and by a moderation endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.models.services import Answer, Asked, service
from tests.runtime.models.tiny_model import make_model

import policyc
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.moderation import detect
from policyc.runtime.models.folders import look_into

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.models.services import Service

POLICY = """\
from invariant.detectors import moderated

raise "harmful" if:
    (m: Message)
    moderated(m{})
"""


def harmful(options: str, content: str) -> policyc.AnalysisResult:
    policy = policyc.Policy.from_string(POLICY.format(options))
    return policy.analyze([{"role": "user", "content": content}])


def refused(options: str) -> Any:
    with pytest.raises(policyc.PolicyError) as caught:
        policyc.Policy.from_string(POLICY.format(options))
    (found,) = caught.value.diagnostics
    return found


# --- a folder -------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model with labels of which several may hold, as an option of a call."""
    folder = make_model(
        tmp_path / "m",
        ["OK", "H", "V"],
        {"hate": {"H": 3.0}, "kick": {"V": 0.5, "H": -0.5}},
        default={"OK": 5.0},
        problem_type="multi_label_classification",
    )
    return f', model="{folder}", sha256="{look_into(str(folder)).digest}"'


def test_all_labels_count_but_those_of_no_harm(model: str) -> None:
    assert harmful(model, "I hate it").blocked
    assert harmful(model, "kick it").blocked
    assert not harmful(model, "like it")


def test_thresholds_are_those_of_the_call(model: str) -> None:
    assert not harmful(f"{model}, default_threshold=0.7", "kick it")
    assert harmful(f'{model}, default_threshold=0.7, cat_thresholds={{"H": 0.3}}', "kick it")
    assert not harmful(f'{model}, cat_thresholds={{"V": 0.7}}', "kick it")
    assert not harmful(f'{model}, labels=["H"]', "kick it")


def test_a_threshold_of_no_category_is_refused_when_the_policy_is_loaded(model: str) -> None:
    found = refused(f'{model}, cat_thresholds={{"hate": 0.7}}')
    assert "the model has no category `hate`" in found.message
    assert found.help == "it has `H`, `V`"


def test_findings_are_the_categories(model: str) -> None:
    name, pin = model.split('"')[1], model.split('"')[3]
    found = detect("hate and kick", name, sha256=pin)
    assert [(one.type, one.start, one.end) for one in found] == [("H", 0, 13), ("V", 0, 13)]


def test_the_environment_names_a_folder(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no model is configured for it" in refused("").message
    monkeypatch.setenv("POLICYC_MODERATION_MODEL", str(tmp_path / "m"))
    assert "is not pinned" in refused("").message
    monkeypatch.setenv("POLICYC_MODERATION_SHA256", model.split('"')[3])
    assert harmful("", "hate").blocked


def test_a_pattern_of_a_call_asks_the_configured_model(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'raise "harmful" if:\n    (c: ToolCall)\n    c is tool:send({text: <MODERATED>})\n'
    with pytest.raises(policyc.PolicyError, match=r"`<MODERATED>` is not available: no model"):
        policyc.Policy.from_string(text)
    monkeypatch.setenv("POLICYC_MODERATION_MODEL", str(tmp_path / "m"))
    monkeypatch.setenv("POLICYC_MODERATION_SHA256", model.split('"')[3])
    policy = policyc.Policy.from_string(text)
    for said, is_blocked in (("hate", True), ("like", False)):
        call = {"type": "function", "function": {"name": "send", "arguments": {"text": said}}}
        trace = [{"role": "assistant", "content": None, "tool_calls": [{"id": "1", **call}]}]
        assert policy.analyze(trace).blocked is is_blocked


# --- an endpoint ----------------------------------------------------------------------------------


def moderate(asked: Asked) -> Answer:
    results = []
    for text in asked.body["input"]:
        scores = {"hate": 0.9 if "hate" in text else 0.1, "violence": 0.4}
        said = {name: score > 0.5 for name, score in scores.items()}
        results.append(
            {"flagged": any(said.values()), "categories": said, "category_scores": scores}
        )
    return Answer({"id": "m-1", "model": "moderation", "results": results})


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with service(moderate) as found:
        monkeypatch.setenv("POLICYC_MODERATION_URL", found.url)
        monkeypatch.setenv("POLICYC_MODERATION_KEY", "k-1")
        monkeypatch.setenv("POLICYC_MODERATION_MODEL", "some-moderation")
        yield found


def test_an_endpoint_says_what_counts(there: Service) -> None:
    assert harmful("", "I hate it").blocked
    assert not harmful("", "I like it")
    (first, _) = there.asked
    assert (first.path, first.body) == (
        "/v1/moderations", {"input": ["I hate it"], "model": "some-moderation"},
    )  # fmt: skip
    assert first.headers["authorization"] == "Bearer k-1"


@pytest.mark.parametrize(
    ("options", "is_harmful"),
    [
        (", default_threshold=0.4", True),
        (", default_threshold=0.41", False),
        (', cat_thresholds={"violence": 0.3}', True),
        (', labels=["hate"], default_threshold=0.3', False),
    ],
)
def test_thresholds_come_before_what_the_endpoint_says(
    there: Service, options: str, is_harmful: bool
) -> None:
    assert harmful(options, "I like it").blocked is is_harmful


def test_a_category_that_the_endpoint_does_not_know_is_an_error(there: Service) -> None:
    result = harmful(', cat_thresholds={"hatred": 0.3}', "I like it")
    assert "the model has no category `hatred`" in str(result.errors[0])


def test_texts_go_together_and_long_ones_in_pieces(there: Service) -> None:
    texts = ["", "hate", "word " * 4_000 + "hate", "like"]
    found = detect.batch(texts)
    assert [len(one) for one in found] == [0, 1, 1, 0]
    assert texts[2][found[2][0].start : found[2][0].end].endswith("hate")
    (asked,) = there.asked
    assert len(asked.body["input"]) == 5


def test_the_same_text_is_asked_once_in_an_analysis(there: Service) -> None:
    policy = policyc.Policy.from_string(POLICY.format("") + POLICY.format("").partition("\n\n")[2])
    policy.analyze([{"role": "user", "content": "like"}] * 5)
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    "result",
    [
        {},
        None,
        {"categories": {}, "category_scores": {}},
        {"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": "much"}},
        {"flagged": True, "categories": ["hate"], "category_scores": {}},
    ],
)
def test_an_answer_of_another_form_is_an_error(
    result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(lambda _: Answer({"results": [result]})) as there:
        monkeypatch.setenv("POLICYC_MODERATION_URL", there.url)
        found = harmful("", "word")
    assert "does not answer with categories" in str(found.errors[0])


def test_another_number_of_results_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(lambda _: Answer({"results": []})) as there:
        monkeypatch.setenv("POLICYC_MODERATION_URL", there.url)
        assert "a result for each text" in str(harmful("", "word").errors[0])


def test_a_threshold_without_a_score_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    result = {"flagged": False, "categories": {"hate": False}}
    with service(lambda _: Answer({"results": [result]})) as there:
        monkeypatch.setenv("POLICYC_MODERATION_URL", there.url)
        assert not harmful("", "word")
        found = harmful(", default_threshold=0.1", "word")
    assert "tells no score of `hate`" in str(found.errors[0])


def test_what_is_flagged_without_a_category_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    result = {"flagged": True, "categories": {"hate": False}, "category_scores": {"hate": 0.1}}
    with service(lambda _: Answer({"results": [result]})) as there:
        monkeypatch.setenv("POLICYC_MODERATION_URL", there.url)
        assert harmful("", "word").blocked


def test_a_function_of_the_host_comes_first() -> None:
    policy = policyc.Policy.from_string(
        POLICY.format(""), functions={"moderated": lambda m: "hate" in m.content}
    )
    assert policy.analyze([{"role": "user", "content": "I hate it"}]).blocked


@pytest.mark.parametrize(
    "options",
    [
        {"default_threshold": 2},
        {"default_threshold": "high"},
        {"cat_thresholds": ["hate"]},
        {"cat_thresholds": {"hate": True}},
        {"timeout": 0},
        {"labels": "hate"},
        {"model": None},
    ],
)
def test_options_of_the_wrong_kind_are_errors(there: Service, options: dict[str, Any]) -> None:
    with pytest.raises(BuiltinError):
        detect("word", **options)
