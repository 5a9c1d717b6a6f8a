"""`policyc why`: which rule, which form, which exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.conftest import write_trace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TWO_RULES = """\
raise "a banana" if:
    (m: Message)
    m.role == "user"
    "banana" in m.content

raise "a long message" if:
    (m: Message)
    len(m.content) > input.most
"""


def test_it_says_why_and_ends_with_0_whatever_the_rule_did(
    run: Run, policy: str, trace: str, folder: Path
) -> None:
    result = run("why", policy, trace)
    assert result.exit_code == 0
    assert result.stdout == (
        "rule 1 `a banana` (banana.inv:1) fired once\n"
        "└── violation 1 of 1: a banana [risk=low]\n"
        '    ├── m: Message = assistant: "A banana. Or two bananas."  [1]\n'
        '    └── ✓ line 3: "banana" in m.content  [1.content:2-8, 1.content:17-23]\n'
    )
    clean = write_trace(folder / "clean.json", [{"role": "user", "content": "An apple."}])
    result = run("why", policy, clean.name)
    assert result.exit_code == 0
    assert 'in the way: line 3: "banana" in m.content' in result.stdout


def test_a_rule_is_chosen(run: Run, trace: str, folder: Path) -> None:
    (folder / "two.inv").write_text(TWO_RULES, "utf-8")
    for rule in ("1", "banana", ":3", "two.inv:4"):
        result = run("why", "two.inv", trace, "--rule", rule, "--param", "most=3")
        assert result.exit_code == 0
        assert result.stdout.startswith("rule 1 `a banana`")
        assert "rule 2" not in result.stdout


def test_an_unknown_rule_is_refused_with_a_list(run: Run, trace: str, folder: Path) -> None:
    (folder / "two.inv").write_text(TWO_RULES, "utf-8")
    result = run("why", "two.inv", trace, "--rule", "apple", "--param", "most=3")
    assert result.exit_code == 2
    assert "there is no rule `apple`" in result.stderr
    assert "1  a banana (two.inv:1)" in result.stderr
    assert "2  a long message (two.inv:6)" in result.stderr


def test_parameters_are_passed_on(run: Run, trace: str, folder: Path) -> None:
    (folder / "two.inv").write_text(TWO_RULES, "utf-8")
    result = run("why", "two.inv", trace, "--rule", "2", "--param", "most=100")
    assert "input.most = 100" in result.stdout
    result = run("why", "two.inv", trace, "--rule", "2")
    assert result.exit_code == 0
    assert "missing policy parameter `most`" in result.stdout
    result = run("why", "two.inv", trace, "--param", "rule=1")
    assert (result.exit_code, result.stdout) == (2, "")


def test_json(run: Run, policy: str, trace: str) -> None:
    result = run("why", policy, trace, "--format", "json")
    assert result.exit_code == 0
    (rule,) = json.loads(result.stdout)["rules"]
    assert (rule["status"], rule["violations"]) == ("fired", 1)


def test_a_trace_from_standard_input_in_another_format(run: Run, policy: str) -> None:
    log = json.dumps(
        {
            "system": "Be short.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "a banana"}]}],
        }
    )
    result = run("why", policy, "-", "--input-format", "anthropic", stdin=log)
    assert result.exit_code == 0, result.stderr
    assert "fired once" in result.stdout


def test_several_policies_and_none(run: Run, policy: str, trace: str, folder: Path) -> None:
    (folder / "two.inv").write_text(TWO_RULES, "utf-8")
    (folder / "empty.inv").write_text("# nothing\n", "utf-8")
    result = run("why", policy, trace, "-p", "two.inv", "--param", "most=3")
    assert [line for line in result.stdout.splitlines() if line.startswith("rule")] == [
        "rule 1 `a banana` (banana.inv:1) fired once",
        "rule 2 `a banana` (two.inv:1) did not fire",
        "rule 3 `a long message` (two.inv:6) fired 2 times",
    ]
    result = run("why", "empty.inv", trace)
    assert (result.exit_code, result.stdout) == (0, "the policy has no rules\n")


def test_what_cannot_be_explained_is_refused(run: Run, policy: str, folder: Path) -> None:
    events = [{"role": "user", "content": "hi"}]
    write_trace(folder / "many.json", [events, events])
    write_trace(folder / "bad.json", [{"role": 5}])
    (folder / "traces").mkdir()
    for trace, message in (
        ("many.json", "holds several traces"),
        ("bad.json", "error: `bad.json` is no trace: a role must be a text"),
        ("traces", "there are no traces in `traces`"),
        ("missing.json", "there is no file or folder `missing.json`"),
        ("banana.inv", "is a policy, where a trace belongs"),
    ):
        result = run("why", policy, trace)
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stdout == ""


def test_the_tree_is_wrapped_and_coloured_where_wanted(run: Run, policy: str, folder: Path) -> None:
    long = write_trace(folder / "long.json", [{"role": "user", "content": "no fruit " * 20}])
    result = run("why", policy, long.name, "--color")
    assert "\x1b[31m" in result.stdout
    plain = run("why", policy, long.name)
    assert "\x1b" not in plain.stdout
    lines = plain.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    at = next(number for number, line in enumerate(lines) if "m.content = " in line)
    assert lines[at + 1].startswith("│           ")


def test_markup_in_a_trace_is_text(run: Run, policy: str, folder: Path) -> None:
    evil = "[bold]:smile: [link=x]y[/link]"
    marked = write_trace(folder / "marked.json", [{"role": "user", "content": evil}])
    assert f'user: "{evil}"' in run("why", policy, marked.name).stdout
