"""Credentials with a fixed form: GitHub tokens, AWS keys, Azure storage keys, Slack tokens.

Each is found by its prefix and length, and must not be part of a longer word, so that a look-alike
inside an identifier or a hash is none. Every expression starts at a literal or at the edge of a
word and has no overlapping repetitions: the time is linear in the text.
"""
# ruff: noqa: A005  # only ever imported as policyc.runtime.detectors.secrets

from __future__ import annotations

import re

from policyc.runtime.detectors.protocol import Detection

_GITHUB = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})"
)
_AWS_ID = re.compile(
    r"(?<![A-Za-z0-9])(?:A3T[A-Z0-9]|AKIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA|ASIA)"
    r"[A-Z0-9]{16}(?![A-Za-z0-9])"
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AWS_NAME = re.compile(r"(?i:aws)[A-Za-z0-9_.\- ]{0,30}[\"']?\s{0,3}(?:=>|:=|=|:)\s{0,3}[\"']?\Z")
_AZURE = re.compile(r"(?i:AccountKey)\s{0,3}=\s{0,3}[\"']?([A-Za-z0-9+/]{86}==)")
_SLACK = re.compile(
    r"(?<![A-Za-z0-9])(?:xox[abeoprs](?:\.xox[bp])?|xapp)-[0-9]+-[A-Za-z0-9][A-Za-z0-9-]*"
)
_SLACK_HOOK = re.compile(r"hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]+")

_NAME_LENGTH = 50
"""How far before a secret access key its name may start."""


def detect(text: str) -> list[Detection]:
    """The credentials in a text, by position."""
    found: list[Detection] = []
    if "gh" in text or "github_pat_" in text:
        found += [_finding("GITHUB_TOKEN", match) for match in _GITHUB.finditer(text)]
    found += [_finding("AWS_ACCESS_KEY", match) for match in _AWS_ID.finditer(text)]
    found += [
        _finding("AWS_ACCESS_KEY", match)
        for match in _AWS_SECRET.finditer(text)
        if _is_aws_secret(text, match)
    ]
    found += [_finding("AZURE_STORAGE_KEY", match, 1) for match in _AZURE.finditer(text)]
    if "xox" in text or "xapp" in text:
        found += [_finding("SLACK_TOKEN", match) for match in _SLACK.finditer(text)]
    if "hooks.slack.com" in text:
        found += [_finding("SLACK_TOKEN", match) for match in _SLACK_HOOK.finditer(text)]
    return sorted(found, key=lambda finding: finding.start)


def _finding(type_: str, match: re.Match[str], group: int = 0) -> Detection:
    return Detection(type_, match.start(group), match.end(group))


def _is_aws_secret(text: str, match: re.Match[str]) -> bool:
    """Whether forty characters are assigned to something of AWS and are not a hash."""
    value = match[0]
    if value.isdigit() or value.islower() or value.isupper():
        return False
    before = text[max(0, match.start() - _NAME_LENGTH) : match.start()]
    return _AWS_NAME.search(before) is not None
