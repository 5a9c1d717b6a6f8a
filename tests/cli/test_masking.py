"""Credentials in reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.traces import output, user

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TOKEN = "ghp_" + "aB3" * 12
POLICY = """
from invariant.detectors import secrets
raise Violation("a credential", kinds=kinds) if:
    (m: Message)
    kinds := secrets(m)
    kinds
"""


@pytest.mark.parametrize("policy", [POLICY, 'raise "x" if:\n    (m: Message)\n'])
def test_reports_mask_credentials_whatever_the_rule_is_about(
    policy: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "p.inv").write_text(policy)
    trace = [user(f"line\nuse {TOKEN}"), user(f"{TOKEN} first"), output(TOKEN)]
    (tmp_path / "t.json").write_text(json.dumps(trace))
    shown = run("eval", "p.inv", "t.json")
    assert "aB3aB3" not in shown.stdout + shown.stderr
    assert "ghp_****" in shown.stdout


def test_what_rules_of_a_user_find_is_masked_as_well(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        '[[rules]]\nid = "badge"\nregex = "BADGE-([0-9]{6})"\nsecretGroup = 1\n'
    )
    (tmp_path / "p.inv").write_text(POLICY.replace("secrets(m)", 'secrets(m, rules="rules.toml")'))
    (tmp_path / "t.json").write_text(json.dumps([user("my BADGE-123456 is lost")]))
    shown = run("eval", "p.inv", "t.json").stdout
    assert "BADGE-******" in shown
    assert '["BADGE"]' in shown
