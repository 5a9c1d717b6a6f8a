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
    assert [line.split()[0] for line in lines[::2]] == list(policies.names())
    told = json.loads(run("policies", "--format", "json").stdout)
    assert [row["name"] for row in told["policies"]] == list(policies.names())
    assert all(row["summary"] and row["rules"] for row in told["policies"])


def test_the_list_says_how_many_rules_of_which_risk_and_what_is_needed(run: Run) -> None:
    lines = [line.strip() for line in run("policies").stdout.splitlines()]
    assert "9 rules of risk high; 13 parameters; needs allowed_tools" in lines
    assert "3 rules of risk high, medium; 9 parameters" in lines


def test_a_bundled_policy_is_shown_with_its_header_rules_and_parameters(run: Run) -> None:
    shown = run("policies", "policy:loops-and-budgets").stdout
    assert shown.startswith(
        "An agent that goes round in circles, or does more than it was given.\n"
    )
    assert "#" not in shown
    assert "\nRules\n  low     the agent repeats a tool call\n" in shown
    assert "\n  max_calls_of = {}\n" in shown
    assert "\n  allowed_tools needed\n" in run("policies", "least-privilege").stdout


def test_a_bundled_policy_as_json_has_defaults_and_the_text(run: Run) -> None:
    told = json.loads(run("policies", "loops-and-budgets", "--format", "json").stdout)
    assert told["text"] == policies.read("loops-and-budgets")
    rule = told["rules"][0]
    assert (rule["name"], rule["risk"]) == ("the agent repeats a tool call", "low")
    assert "raise" in told["text"].splitlines()[rule["line"] - 1]
    assert {"name": "max_calls", "required": False, "default": 500} in told["parameters"]


def test_the_source_is_that_of_one_policy(run: Run) -> None:
    result = run("policies", "--source")
    assert result.exit_code == 2
    assert "--source needs a NAME" in result.stderr


@pytest.mark.parametrize("name", policies.names())
def test_every_bundled_policy_is_printed_clean_and_formatted(run: Run, name: str) -> None:
    text = run("policies", name, "--source").stdout
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
