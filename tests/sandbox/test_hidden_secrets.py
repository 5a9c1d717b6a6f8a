"""Values of secrets in what a sandbox prints."""

import base64
from urllib.parse import quote

import pytest

from policyc.runtime.sandbox.hidden_secrets import HiddenSecrets

VALUE = "s3cr3t/+válue"
HIDDEN = HiddenSecrets({"KEY": VALUE, "OTHER": "s3cr3t", "SHORT": "abc"})


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("after", [b"", b"x", b"xy"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64(before: bytes, after: bytes, encode) -> None:  # type: ignore[no-untyped-def]
    hidden = HIDDEN.hide(encode(before + VALUE.encode() + after))
    assert b"[secret KEY]" in hidden
    # What is left holds what stands beside the value, and some bits of its ends.
    assert len(hidden.replace(b"[secret KEY]", b"")) <= 10


@pytest.mark.parametrize(
    "form",
    [VALUE, VALUE.encode().hex(), VALUE.encode().hex().upper(), quote(VALUE, safe="")],
)
def test_other_forms(form: str) -> None:
    assert HIDDEN.hide(f"<{form}>".encode()) == b"<[secret KEY]>"


def test_one_value_within_another() -> None:
    assert HIDDEN.hide(b"s3cr3t s3cr3t/") == b"[secret OTHER] [secret OTHER]/"


def test_what_is_no_secret_stays() -> None:
    data = bytes(range(256)) + b" abc s3cr3"
    assert HIDDEN.hide(data) == data
    assert HiddenSecrets({}).hide(data) == data


def test_lines_of_a_value() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nshort\n-----END KEY-----\n"
    hidden = HiddenSecrets({"KEY": key})
    assert hidden.hide(key.encode()) == b"[secret KEY]\n"
    assert hidden.hide(b"1 MIIEvQIBADANBgkqhkiG9w0B\n") == b"1 [secret KEY]\n"
