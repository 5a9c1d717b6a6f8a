"""Names of persons and places, by Presidio with a model of spaCy that is made here."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from policyc import Policy, PolicyError
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors import personal_data
from policyc.runtime.models import names

if TYPE_CHECKING:
    from pathlib import Path

# Both libraries warn about their own insides.
pytestmark = pytest.mark.filterwarnings("ignore")

TEXT = "Ada Lovelace <ada@example.org> lives in Zurich, near Acme Ltd, since May."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    spacy = pytest.importorskip("spacy", reason="policyc[pii-ner] is not installed")
    pytest.importorskip("presidio_analyzer", reason="policyc[pii-ner] is not installed")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns(
        [
            {"label": "PERSON", "pattern": "Ada Lovelace"},
            {"label": "GPE", "pattern": "Zurich"},
            {"label": "ORG", "pattern": "Acme Ltd"},
            {"label": "DATE", "pattern": "May"},
        ]
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.to_disk(folder)
    return str(folder)


def found(text: str, entities: list[str] | None, model: str) -> list[tuple[str, str]]:
    detections = personal_data.detect(text, entities, model=model)
    return [(one.type, text[one.start : one.end]) for one in detections]


def test_names_are_found_where_they_are_asked_for(model: str) -> None:
    assert found(TEXT, ["LOCATION", "PERSON"], model) == [
        ("PERSON", "Ada Lovelace"),
        ("LOCATION", "Zurich"),
    ]
    everything = list(personal_data.KINDS)
    assert [kind for kind, _ in found(TEXT, everything, model)] == [
        "PERSON", "EMAIL_ADDRESS", "LOCATION", "ORGANIZATION", "DATE_TIME",
    ]  # fmt: skip
    (one,) = personal_data.detect(TEXT, ["PERSON"], model=model)
    assert one.detail.startswith("tiny ")
    assert 0 < one.score <= 1


def test_names_are_not_found_unless_asked_for(model: str) -> None:
    assert found(TEXT, None, model) == [("EMAIL_ADDRESS", "ada@example.org")]
    assert found(TEXT, [], model) == []


@pytest.mark.parametrize("before", [3_190, 3_595, 3_600, 4_000, 20_000])
def test_nothing_of_a_long_text_is_left_out_or_found_twice(model: str, before: int) -> None:
    text = "word " * (before // 5) + TEXT + " word" * 2_000
    assert found(text, ["PERSON", "LOCATION"], model) == [
        ("PERSON", "Ada Lovelace"),
        ("LOCATION", "Zurich"),
    ]


def test_a_model_in_a_package_or_of_the_environment(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil  # noqa: PLC0415

    package = tmp_path / "tiny_names"
    shutil.copytree(model, package / "tiny_names-1.0.0")
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert names.locate("tiny_names") == package / "tiny_names-1.0.0"
    monkeypatch.setenv("POLICYC_PII_MODEL", "tiny_names")
    assert found(TEXT, ["PERSON"], "") == [("PERSON", "Ada Lovelace")]
    (_, engine) = personal_data.engines()
    assert engine.reason is None
    assert "tiny_names" in engine.version


def test_a_policy_marks_names(model: str) -> None:
    policy = Policy.from_string(
        "from invariant.detectors import pii\n"
        'raise "a name" if:\n    (m: Message)\n'
        f'    any(pii(m, entities=["PERSON"], model={json.dumps(model)}))\n'
    )
    (violation,) = policy.analyze([{"role": "user", "content": f"From {TEXT}"}])
    assert violation.ranges == ["0", "0.content:5-17"]


def refused(call: str) -> tuple[str, str]:
    source = f'from invariant.detectors import pii\nraise "x" if:\n    (m: Message)\n    {call}\n'
    with pytest.raises(PolicyError) as caught:
        Policy.from_string(source)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0601"
    return problem.message, problem.help or ""


def test_what_is_missing_is_told_when_the_policy_is_loaded(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLICYC_PII_MODEL", raising=False)
    message, advice = refused('any(pii(m, entities=["EMAIL_ADDRESS", "PERSON"]))')
    assert "names are found by a model, and none is configured" in message
    assert "POLICYC_PII_MODEL" in advice
    message, advice = refused('any(pii(m, entities=["PERSON"], model="no_such_model"))')
    assert "no installed package `no_such_model`" in message
    assert "policyc downloads nothing" in advice


def test_without_the_extra_a_policy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = BuiltinError("`policyc[pii-ner]` is not installed", "pip install 'policyc[pii-ner]'")
    monkeypatch.setattr(names, "needs_extra", lambda *_: absent)
    message, advice = refused('any(pii(m, entities=["PERSON"], model="en_core_web_sm"))')
    assert "`policyc[pii-ner]` is not installed" in message
    assert "pip install" in advice


def test_a_damaged_model_and_a_slow_one_are_errors(model: str, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{}")
    (tmp_path / "config.cfg").write_text("nothing")
    with pytest.raises(BuiltinError, match="cannot be used"):
        personal_data.detect(TEXT, ["PERSON"], model=str(tmp_path))
    with pytest.raises(BuiltinError, match="too slow"):
        personal_data.detect(TEXT, ["PERSON"], model=model, timeout=1e-9)


@pytest.mark.parametrize("entities", ["EMAIL_ADDRESS", [1], {"a": 1}, ["EMAIL"]])
def test_what_is_no_list_of_kinds_is_an_error(entities: object) -> None:
    with pytest.raises(BuiltinError):
        personal_data.detect("a", entities)
