"""Credentials in what people are shown."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from tests.traces import user

from policyc import Policy
from policyc.runtime.detectors.masking import masked

if TYPE_CHECKING:
    import pytest

TOKEN = "ghp_" + "aB3" * 12
POLICY = """
from invariant.detectors import secrets
raise Violation("a credential", kinds=kinds) if:
    (m: Message)
    kinds := secrets(m)
    kinds
"""


def test_a_credential_is_hidden_character_by_character() -> None:
    assert masked(f"use {TOKEN}!") == "use ghp_" + "*" * 36 + "!"
    assert masked("nothing here") == "nothing here"
    assert masked("a=b c", [(2, 5)]) == "a=***"


def test_places_stay_as_they_were() -> None:
    text = f"a {TOKEN}\n-----BEGIN RSA PRIVATE KEY-----\n{'Ab3+' * 16}\n{'x9/Z' * 16}\nend {TOKEN}"
    hidden = masked(text)
    assert len(hidden) == len(text)
    assert hidden.count("\n") == text.count("\n")
    assert "Ab3+" not in hidden
    assert "x9/Z" not in hidden


def test_a_violation_and_a_log_hold_kinds_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    result = Policy.from_string(POLICY).analyze([user(f"use {TOKEN}")])
    (violation,) = result
    assert violation.kwargs == {"kinds": ["GITHUB_TOKEN"]}
    assert violation.secrets == ["0.content:4-44"]
    assert "aB3aB3" not in json.dumps(result.to_dict()) + str(result) + caplog.text
