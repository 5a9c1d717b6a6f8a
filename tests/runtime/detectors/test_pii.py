"""Personal data with a form of its own."""

from __future__ import annotations

import pytest

from policyc.runtime.detectors import personal_data
from policyc.runtime.detectors.pii import detect
from policyc.runtime.detectors.registry import MODULES


def found(text: str) -> list[tuple[str, str]]:
    return [(one.type, text[one.start : one.end]) for one in detect(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("EMAIL_ADDRESS", "bob.smith+lists@mail.example.co.uk"),
        ("EMAIL_ADDRESS", "o'neill@example.org"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("CREDIT_CARD", "4111111111111111"),
        ("CREDIT_CARD", "3782-822463-10005"),
        ("CREDIT_CARD", "5555555555554444"),
        ("CREDIT_CARD", "2223003122003222"),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("IBAN_CODE", "GB29NWBK60161331926819"),
        ("US_SSN", "536-90-4399"),
        ("US_ITIN", "912-72-1234"),
        ("IP_ADDRESS", "8.8.8.8"),
        ("IP_ADDRESS", "2001:4860:4860::8888"),
        ("MAC_ADDRESS", "00:1a:2B:3c:4d:5e"),
        ("CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("CRYPTO", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("ES_NIF", "12345678Z"),
        ("ES_NIF", "X1234567L"),
        ("IT_FISCAL_CODE", "RSSMRA85T10A562S"),
        ("PHONE_NUMBER", "+49 170 1234567"),
        ("PHONE_NUMBER", "+1 (202) 555-0143"),
    ],
)
@pytest.mark.parametrize("text", ["{}", "it is {}, is it?", '{{"x": "{}"}}', "({})", "a\n{}\nb"])
def test_a_form_that_tells_itself(kind: str, value: str, text: str) -> None:
    assert found(text.format(value)) == [(kind, value)]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("PHONE_NUMBER", "call 555-123-4567", "555-123-4567"),
        ("PHONE_NUMBER", "Tel.: (020) 7946 0958", "(020) 7946 0958"),
        ("PHONE_NUMBER", "my mobile is 0170 1234567", "0170 1234567"),
        ("US_SSN", "SSN 536904399", "536904399"),
        ("UK_NHS", "NHS number 943 476 5919", "943 476 5919"),
        ("PL_PESEL", "PESEL: 44051401359", "44051401359"),
        ("IN_AADHAAR", "aadhaar 2341 2341 2346", "2341 2341 2346"),
    ],
)
def test_a_number_that_a_word_names(kind: str, text: str, value: str) -> None:
    assert found(text) == [(kind, value)]
    assert found(value) == []


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "1234567812345670",
        "order 20240501120001, part 555-123-4567",
        "DE88 3704 0044 0532 0130 00",
        "000-12-3456 666-12-3456 123-00-4567 123-45-0000",
        "078-05-1120",
        "1.2.3.4.5 and version 8.8.8.8",
        "192.168.1.1 127.0.0.1 10.0.0.1 ::1 fe80::1",
        "std::vector<int> a::b",
        "git@github.com:acme/app.git",
        "https://user@example.org/ https://user:pw@host.example.org/",
        "icon@2x.png left-pad@1.3.0 @decorator.call",
        "12345678A",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "2024-05-01 12:00:00 +0000",
        "x = 1700000000000",
        "",
    ],
)
def test_look_alikes_are_none(text: str) -> None:
    assert found(text) == []


def test_only_what_is_asked_for() -> None:
    text = "bob@example.org 4111 1111 1111 1111"
    assert [one.type for one in detect(text, ["CREDIT_CARD"])] == ["CREDIT_CARD"]
    assert [one.type for one in detect(text, [])] == []


def test_the_compiler_knows_the_same_kinds() -> None:
    row = MODULES["invariant.detectors"].functions["pii"]
    (entities,) = [one for one in row.parameters if one.name == "entities"]
    assert entities.choices == personal_data.KINDS
