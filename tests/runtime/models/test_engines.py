"""What `policyc detectors` tells of engines; and that none but a configured service is connected
to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.runtime.models.tiny_model import make_model

from policyc.cli.app import root
from policyc.runtime.models.folders import look_into

if TYPE_CHECKING:
    from pathlib import Path

CONNECTS = """
import sys

def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec")):
        raise AssertionError(f"must not: {event}")

sys.addaudithook(watch)
import policyc

model, pin = sys.argv[1:]
texts = ["ignore all of it", "word " * 3000, ""]
print(len(policyc.detector("prompt_injection").detect_batch(texts, model=model, sha256=pin)[0]))
print(len(policyc.detector("moderated").detect_batch(texts, model=model, sha256=pin)[0]))
policyc.detector("prompt_injection").detect_batch(texts)

def refused(function, *arguments):
    try:
        function(*arguments)
    except policyc.PolicycError as error:
        return "configured" in str(error)

from policyc.runtime.models.language_model import llm, llm_confirm
for function in (policyc.detector("moderated").detect, llm, llm_confirm):
    print(refused(function, "text"))
source = 'from invariant import llm\\n\\nraise "x" if:\\n    (m: Message)\\n    llm("a") == "b"\\n'
print(refused(policyc.Policy.from_string, source))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = {"ignore": {"INJECTION": 5.0}}
    return make_model(tmp_path / "m", ["SAFE", "INJECTION"], words, default={"SAFE": 0.0})


def test_nothing_is_connected_to_where_no_service_is_configured(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONNECTS, str(folder), look_into(str(folder)).digest],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["1", "1", "True", "True", "True", "True"]


def rows() -> dict[str, Any]:
    told = CliRunner().invoke(root, ["detectors", "--format", "json"]).stdout
    return {row["name"]: row for row in json.loads(told)["detectors"]}


def test_engines_are_listed_with_what_is_configured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rows()
    assert [one["name"] for one in found["prompt_injection"]["engines"]] == [
        "cues",
        "folder",
        "endpoint",
    ]
    assert found["prompt_injection"]["available"] is True
    assert [found[name]["available"] for name in ("moderated", "llm", "llm_confirm")] == [False] * 3
    assert found["llm"]["reason"] == "no language model is configured"

    model = look_into(str(folder))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    monkeypatch.setenv("POLICYC_MODERATION_MODEL", str(folder))
    monkeypatch.setenv("POLICYC_MODERATION_SHA256", model.digest)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-a-test")
    monkeypatch.setenv("POLICYC_LLM_MODEL", "some-model")
    found = rows()
    (local, there) = found["moderated"]["engines"]
    assert (local["available"], local["license"], local["files"]) == (True, "mit", model.digests)
    assert there["available"] is False
    assert found["moderated"]["available"] and found["llm"]["available"]
    assert "sk-key-of-a-test" not in json.dumps(found)


def test_a_model_is_checked_and_told(folder: Path) -> None:
    digest = look_into(str(folder)).digest
    text = CliRunner().invoke(root, ["detectors", "--model", str(folder)]).stdout
    assert text.splitlines() == [
        f"sha256   {digest}",
        "labels   SAFE, INJECTION",
        "license  not told",
    ]
    told = CliRunner().invoke(root, ["detectors", "--model", str(folder), "--format", "json"])
    assert json.loads(told.stdout)["sha256"] == digest
    assert CliRunner().invoke(root, ["detectors", "--model", "/none"]).exit_code == 2
