"""The commands that show what there is: policies, detectors, trees, plans, completion scripts."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from policyc import policies
from policyc.compiler.signatures import Module, Signature

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from tests.cli.conftest import Run


REPEATED = """\
from invariant import count

raise Violation("the agent repeats a tool call [risk=low]", tool=call.function.name) if:
    (call: ToolCall)
    count(min=2):
        (again: ToolCall)
        call -> again
        again.function.name == call.function.name
        again.function.arguments == call.function.arguments
"""


def test_every_bundled_policy_is_listed_with_what_it_is_for(run: Run) -> None:
    lines = run("policies").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(policies.names())
    told = json.loads(run("policies", "--format", "json").stdout)
    assert [row["name"] for row in told["policies"]] == list(policies.names())
    assert all(row["summary"] for row in told["policies"])


@pytest.mark.parametrize("name", policies.names())
def test_every_bundled_policy_is_printed_clean_and_formatted(run: Run, name: str) -> None:
    text = run("policies", name).stdout
    assert text == policies.read(name)
    assert run("check", "--strict", f"policy:{name}").exit_code == 0
    assert run("fmt", "--check", "-", stdin=text).exit_code == 0


def test_a_misspelt_bundled_policy_is_recognised(run: Run) -> None:
    result = run("policies", "secret")
    assert result.exit_code == 2
    assert "did you mean `secrets`?" in result.stderr


def test_detectors_are_listed_with_their_module_and_availability(run: Run) -> None:
    told = json.loads(run("detectors", "--format", "json").stdout)["detectors"]
    rows = {row["name"]: row for row in told}
    rules = resources.files("policyc.runtime.detectors") / "secrets.toml"
    assert rows["secrets"] == {
        "name": "secrets",
        "module": "invariant.detectors",
        "available": True,
        "reason": None,
        "extra": None,
        "version": "2",
        "license": "MIT",
        "files": {"secrets.toml": hashlib.sha256(rules.read_bytes()).hexdigest()},
        "doc": rows["secrets"]["doc"],
        "engines": [],
    }
    assert all(row["version"] for row in told if row["available"] and row["files"])
    text = run("detectors").stdout
    assert all(f"    {name} " in text for name in rows)
    engines = [engine for row in told for engine in row["engines"]]
    absent = [one for one in (*told, *engines) if not one["available"]]
    assert text.count("not available:") == len(absent)


def test_a_plug_in_that_is_broken_is_listed_with_the_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Signature("broken", missing="the plug-in of `acme 1.0` cannot be loaded: no \x1b[2J")
    module = Module("policyc.detectors", {"broken": broken})
    monkeypatch.setattr("policyc.runtime.extensions.plugins", lambda: module)
    text = run("detectors").stdout
    assert "from policyc.detectors import\n    broken" in text
    assert "not available: the plug-in of `acme 1.0` cannot be loaded: no \\x1b[2J" in text


def test_the_tree_of_a_policy(run: Run, policy: str, text_snapshot: SnapshotAssertion) -> None:
    assert run("ast", policy).stdout == text_snapshot


@pytest.mark.parametrize("command", ["ast", "plan"])
def test_a_policy_with_errors_has_no_tree_and_no_plan(run: Run, command: str) -> None:
    result = run(command, "-", stdin='raise "x" if\n')
    assert (result.exit_code, result.stdout) == (2, "")
    assert "<stdin>:1" in result.stderr


def test_the_plan_of_a_policy(run: Run, text_snapshot: SnapshotAssertion) -> None:
    assert run("plan", "-", stdin=REPEATED).stdout == text_snapshot


def test_the_python_code_of_a_policy(run: Run, policy: str) -> None:
    code = run("plan", policy, "--python").stdout
    compile(code, "<plan>", "exec")
    assert "def batch(" in code


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert "_POLICYC_COMPLETE" in script
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True)
