"""Recorded answers: made from a real service, then enough by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.models.services import Answer, Asked, chat, service

import policyc

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-test-key-of-policyc"
POLICY = """\
from invariant import llm_confirm

raise "rude" if:
    (m: Message)
    llm_confirm("rude: " + m.content)
"""
CASES = """\
cases:
  - name: a fool
    trace: [{user: You fool}]
    violations: [rude]
  - name: a friend
    trace: [{user: My friend}]
    no_violations: true
"""


def rude(asked: Asked) -> Answer:
    return chat("yes" if "fool" in asked.body["messages"][-1]["content"] else "no")


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of the answers about "You fool" and "My friend"."""
    path = tmp_path / "answers.jsonl"
    with service(rude) as there:
        monkeypatch.setenv("POLICYC_LLM_URL", there.url)
        monkeypatch.setenv("POLICYC_LLM_KEY", KEY)
        monkeypatch.setenv("POLICYC_LLM_MODEL", "some-model")
        monkeypatch.setenv("POLICYC_LLM_RECORD", str(path))
        analyze("You fool", "My friend")
        assert len(there.asked) == 2
    for name in ("URL", "KEY", "MODEL", "RECORD"):
        monkeypatch.delenv(f"POLICYC_LLM_{name}")
    return path


def analyze(*contents: str) -> policyc.AnalysisResult:
    policy = policyc.Policy.from_string(POLICY)
    return policy.analyze([{"role": "user", "content": content} for content in contents])


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_recording_answers_without_a_service(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_LLM_REPLAY", str(recording))
    result = analyze("My friend", "You fool")
    assert [one.ranges for one in result] == [["1"]] and not result.errors


def test_what_was_not_recorded_is_an_error_that_says_how(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_LLM_REPLAY", str(recording))
    result = analyze("Another")
    assert "has no answer to `rude: Another`" in str(result.errors[0])


def test_a_recording_holds_answers_and_no_secret(recording: Path) -> None:
    found = rows(recording)
    assert [(one["model"], one["prompt"], one["answer"]) for one in found] == [
        ("some-model", "rude: You fool", "yes"),
        ("some-model", "rude: My friend", "no"),
    ]
    text = recording.read_text()
    assert KEY not in text and "127.0.0.1" not in text


def test_credentials_of_a_prompt_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "ghp_" + "aB3dE5gH7j" * 3 + "aB3dE5"
    with service(rude) as there:
        monkeypatch.setenv("POLICYC_LLM_URL", there.url)
        monkeypatch.setenv("POLICYC_LLM_MODEL", "m")
        monkeypatch.setenv("POLICYC_LLM_RECORD", str(tmp_path / "a.jsonl"))
        analyze(f"my token {token} is secret")
    assert token not in (tmp_path / "a.jsonl").read_text()


def test_the_later_answer_holds(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rows(recording)[0]
    with recording.open("a") as file:
        file.write(json.dumps({**first, "answer": "no"}) + "\n\n")
    monkeypatch.setenv("POLICYC_LLM_REPLAY", str(recording))
    assert not analyze("You fool")


@pytest.mark.parametrize(
    "line", ["no JSON", "[]", "{}", '{"key": 1, "answer": "yes"}', '{"key": "k"}']
)
def test_a_line_that_is_no_answer_is_named(
    recording: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    with recording.open("a") as file:
        file.write(line + "\n")
    monkeypatch.setenv("POLICYC_LLM_REPLAY", str(recording))
    assert "line 3 of the recording" in str(analyze("You fool").errors[0])


def test_a_recording_that_is_not_there_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_LLM_REPLAY", "/there/is/none")
    assert "cannot be read" in str(analyze("You fool").errors[0])


def test_recording_and_replaying_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_LLM_REPLAY", "a")
    monkeypatch.setenv("POLICYC_LLM_RECORD", "a")
    with pytest.raises(policyc.PolicyError, match="recorded and replayed at once"):
        analyze("a")


WITHOUT_NETWORK = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise AssertionError(f"a replay must not: {event}")

sys.addaudithook(watch)
from policyc.cli import main
sys.argv = ["policyc", "test", *sys.argv[1:]]
main()
"""


def test_cases_run_without_a_network_and_come_out_the_same(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "rude.inv").write_text(POLICY)
    (tmp_path / "rude.cases.yaml").write_text(CASES)
    environment = {**os.environ, "POLICYC_LLM_REPLAY": recording.name, "POLICYC_NO_CACHE": "1"}
    for options in ([], ["--coverage"], ["--mutate"]):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_NETWORK, "rude.cases.yaml", *options],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_compiled_policy_is_not_kept_without_its_model(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("POLICYC_NO_CACHE", raising=False)
    path = tmp_path / "rude.inv"
    path.write_text(POLICY)
    monkeypatch.setenv("POLICYC_LLM_REPLAY", str(recording))
    policyc.Policy.from_file(path)
    monkeypatch.delenv("POLICYC_LLM_REPLAY")
    with pytest.raises(policyc.PolicyError, match="no language model is configured"):
        policyc.Policy.from_file(path)
