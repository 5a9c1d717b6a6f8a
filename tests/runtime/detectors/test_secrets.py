"""Credentials with a fixed form."""

from __future__ import annotations

import time

import pytest

from policyc.runtime.detectors.secrets import detect

HANGING = 60
"""Seconds after which something counts as hanging; no measure of speed."""

AZURE = "A1b2" * 21 + "Zz=="
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.type, text[finding.start : finding.end]) for finding in detect(text)]


@pytest.mark.parametrize(
    ("type_", "secret"),
    [
        *(("GITHUB_TOKEN", f"gh{kind}_" + "aB3" * 12) for kind in "pousr"),
        ("GITHUB_TOKEN", "github_pat_" + "a" * 22 + "_" + "B" * 59),
        ("AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_ACCESS_KEY", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_ACCESS_KEY", "A3TXIOSFODNN7EXAMPLE"),
        ("SLACK_TOKEN", "xoxb-123456789012-1234567890123-abcDEF"),
        ("SLACK_TOKEN", "xoxp-1-1-a"),
        ("SLACK_TOKEN", "xapp-1-A012-345-abc"),
        ("SLACK_TOKEN", "hooks.slack.com/services/T0000/B0000/XXXXXXXX"),
    ],
)
@pytest.mark.parametrize("text", ["{}", "my key is {}, yours?", 'k="{}"', "A_KEY_{}\n", "({})."])
def test_finds_all_of_a_secret_and_nothing_else(type_: str, secret: str, text: str) -> None:
    assert found(text.format(secret)) == [(type_, secret)]


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "a" * 35,
        "xghp_" + "a" * 36,
        "ghx_" + "a" * 36,
        "AKSAIOSFODNN7EXAMPLE",
        "xAKIAIOSFODNN7EXAMPLE",
        "AKIAIOSFODNN7EXAMPLE9",
        "AKIAiosfodnn7example",
        "abde-123456789012-1234567890123",
        "foxoxb-1-1",
        "AxccountKey=" + AZURE,
        AZURE,
        AWS_SECRET,
        "git = " + "0123456789abcdef0123456789abcdef01234567",
        "aws commit: " + "0123456789abcdef0123456789abcdef01234567",
        "",
    ],
)
def test_look_alikes_are_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        'aws_secret_access_key = "{}"',
        "aws_key='{}'",
        "AWS_SECRET_ACCESS_KEY={}",
        '"awsSecret": "{}"',
        "aws secret: {}",
    ],
)
def test_a_secret_access_key_is_known_by_its_name(text: str) -> None:
    assert found(text.format(AWS_SECRET)) == [("AWS_ACCESS_KEY", AWS_SECRET)]


@pytest.mark.parametrize("text", ["AccountKey={}", "accountkey = '{}'", "Name=x;AccountKey={};"])
def test_the_key_of_a_storage_account_is_marked_without_its_name(text: str) -> None:
    assert found(text.format(AZURE)) == [("AZURE_STORAGE_KEY", AZURE)]


def test_every_secret_counts_in_the_order_of_the_text() -> None:
    text = f"xoxb-1-2-a AKIAIOSFODNN7EXAMPLE xoxb-1-2-b AccountKey={AZURE}"
    assert [type_ for type_, _ in found(text)] == [
        "SLACK_TOKEN",
        "AWS_ACCESS_KEY",
        "SLACK_TOKEN",
        "AZURE_STORAGE_KEY",
    ]


@pytest.mark.parametrize(
    "part",
    ["aws", "A" * 39 + "b", "xoxb-1", "ghp_", "AccountKey=", "AKIA", "aws:" + "Ab" * 20 + " "],
)
def test_hostile_texts_take_linear_time(part: str) -> None:
    started = time.process_time()
    detect(part * (200_000 // len(part)))
    assert time.process_time() - started < HANGING
