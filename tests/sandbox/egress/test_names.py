"""Spellings of names, and the allow-list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.sandbox.egress.names import AllowList, normalise
from policyc.runtime.sandbox.egress.records import Refused, Rule
from policyc.runtime.sandbox.failures import InvalidSpec


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.Org", "example.org"),
        ("example.org.", "example.org"),
        ("ex%61mple.org", "example.org"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("ｅxample。org", "example.org"),  # noqa: RUF001
        ("_service.example.org", "_service.example.org"),
        ("localhost", "localhost"),
    ],
)
def test_a_name_has_one_spelling(host: str, name: str) -> None:
    assert normalise(host) == name


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",  # noqa: RUF001
        "①②⑦.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25eth0]",
    ],
)
def test_an_address_in_any_spelling_is_no_name(host: str) -> None:
    with pytest.raises(Refused) as caught:
        normalise(host)
    assert caught.value.rule is Rule.IP_LITERAL


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "example.org..",
        ".example.org",
        "-a.org",
        "a-.org",
        "a b",
        "a\tb",
        "a\nb",
        "user@example.org",
        "example.org/x",
        "example.org\\x",
        "example.org?x",
        "example.org#x",
        "ex%2fample.org",
        "ex%00ample.org",
        "ex%40ample.org",
        "::1",
        "1.2.3.4.5",
        "a" * 64 + ".org",
        ".".join(["abcdefg"] * 40),
        "exa*mple.org",
    ],
)
def test_what_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(Refused) as caught:
        normalise(host)
    assert caught.value.rule in (Rule.HOST_NAME, Rule.IP_LITERAL)


@given(st.text(max_size=30))
def test_a_name_is_normal_or_refused(host: str) -> None:
    try:
        name = normalise(host)
    except Refused:
        return
    assert normalise(name) == name
    assert name.isascii() and name == name.lower() and not name.split(".")[-1].isdigit()


LIST = AllowList(["example.org", "*.below.org", "git.example.org:22", "Bücher.example"])


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.org", 443),
        ("a.below.org", 443),
        ("a.b.below.org", 443),
        ("git.example.org", 22),
        ("xn--bcher-kva.example", 443),
    ],
)
def test_what_is_listed_passes(host: str, port: int) -> None:
    LIST.check(host, port, 443)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("a.example.org", 443),
        ("below.org", 443),  # the name itself is not below it
        ("evilbelow.org", 443),
        ("example.org.evil.net", 443),
        ("example.org", 80),
        ("example.org", 22),
        ("git.example.org", 443),  # an entry with a port is that port
        ("notexample.org", 443),
    ],
)
def test_what_is_not_listed_is_refused(host: str, port: int) -> None:
    with pytest.raises(Refused) as caught:
        LIST.check(host, port, 443)
    assert caught.value.rule is Rule.ALLOW_LIST


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.", "127.0.0.1", "[::1]", "a.*.org", "http://example.org", "example.org:0",
     "example.org:70000", "example.org:x", "user@example.org", "2130706433"],
)  # fmt: skip
def test_an_entry_that_is_no_name_is_an_error(entry: str) -> None:
    with pytest.raises(InvalidSpec, match="write it like"):
        AllowList([entry])
