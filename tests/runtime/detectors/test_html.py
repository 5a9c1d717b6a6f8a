"""Addresses, and what HTML hides."""

from __future__ import annotations

import time

import pytest

from policyc.runtime.detectors.html import html_code, links
from policyc.runtime.events import Message
from policyc.runtime.records import HtmlCode

HANGING = 60
"""Seconds after which something counts as hanging; no measure of speed."""


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in links(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.org/x.", ["https://a.org/x"]),
        ("(http://a.org/x), HTTPS://B.org", ["http://a.org/x", "HTTPS://B.org"]),
        ("[l](https://a.org/1)[m](https://b.org)", ["https://a.org/1", "https://b.org"]),
        ("https://a.org/wiki/X_(y)", ["https://a.org/wiki/X_(y)"]),
        ('<a href="https://a.org/q?a=1&amp;b=2">', ["https://a.org/q?a=1&amp;b=2"]),
        ("<https://a.org>", ["https://a.org"]),
        ("'https://a.org/x'", ["https://a.org/x"]),
        ("ftp://a.org ws://b.org wss://c.org", ["ftp://a.org", "ws://b.org", "wss://c.org"]),
        ("https://a.org/ü-é", ["https://a.org/ü-é"]),
        ("https:// and https://) or mailto:a@b.c", []),
        ("", []),
    ],
)
def test_links(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("html", "alt_texts"),
    [
        ('<img src="a.png" alt="a horse" />', ["a horse"]),
        ("<IMG ALT = 'x'><img alt=y><img/alt=z/>", ["x", "y", "z/"]),
        ('<img alt=""><img alt><img>', []),
        ('<img alt="a &amp; &quot;b&quot;">', ['a & "b"']),
        ('<h1>x<p <img alt="broken">', ["broken"]),
        ('<img alt="a > b">', ["a > b"]),
        ('<!-- <b x=" --> <img alt="after a comment">', ["after a comment"]),
        ('<script>a = \'<b x="\'</script><img alt="after a script">', ["after a script"]),
        ('<!-- <img alt="in a comment">', ["in a comment"]),
        ('<a x="<img alt=unclosed>', ["unclosed"]),
        ("a < b", []),
    ],
)
def test_texts_of_images(html: str, alt_texts: list[str]) -> None:
    assert html_code(html).alt_texts == alt_texts


@pytest.mark.parametrize(
    ("html", "addresses"),
    [
        ('<a href="/rel">x</a><a href="#f">', ["/rel", "#f"]),
        ('<a href=" java\tscript:x">', ["javascript:x"]),
        ('<img src="a.png"><img src="//cdn.org/x"><form action="https://f.org/">', None),
        ('<a href="https://a.org/?a=1&amp;b=2">', ["https://a.org/?a=1&b=2"]),
        ('<a href="&#104;ttps://a.org">', ["https://a.org"]),
        ("text https://a.org/x and <!-- https://b.org -->", ["https://a.org/x", "https://b.org"]),
        ('<a href>n</a><a href="">e</a>', []),
        ('<a href="https://a.org">https://a.org</a>', ["https://a.org"]),
    ],
)
def test_addresses_of_html(html: str, addresses: list[str] | None) -> None:
    expected = ["//cdn.org/x", "https://f.org/"] if addresses is None else addresses
    assert html_code(html).links == expected


def test_takes_events_and_texts() -> None:
    message = Message({"role": "user", "content": '<img alt="x">'}, (0,), 0)
    assert html_code(message) == html_code(['<img alt="x">']) == HtmlCode(["x"], [])
    assert html_code(None) == HtmlCode()


@pytest.mark.parametrize(
    "part",
    ["<", "<a ", "<!--", '<a x="', "<a x='\" ", "<script>", "<a =", "<a/", "https://a)", "https://(",
     "&#", "<title><textarea>", "<script></scrip", "<a\n"],
)  # fmt: skip
def test_hostile_texts_take_linear_time(part: str) -> None:
    started = time.process_time()
    html_code(part * (300_000 // len(part)))
    assert time.process_time() - started < HANGING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.a.org/x, and www.b.org.", ["www.a.org/x", "www.b.org"]),
        ("git clone git@a.org:x/y.git", ["git@a.org:x/y.git"]),
        ("scp f u@a.org:/tmp/x", ["u@a.org:/tmp/x"]),
        ("ssh://git@a.org/x git+https://b.org/y", ["ssh://git@a.org/x", "git+https://b.org/y"]),
        ("![x](//a.org/p.png)", ["//a.org/p.png"]),
        ("https:\\/\\/a.org\\/x", ["https:\\/\\/a.org\\/x"]),
        ("https://a.org,https://b.org", ["https://a.org", "https://b.org"]),
        ('// comment, a // b, "//" u@a.org: hello, u@a.org:22', []),
        ("digit://x s3://bucket file:///x std::string", []),
    ],
)
def test_addresses_in_other_forms(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("html", "addresses"),
    [
        ("<meta http-equiv=refresh content='0; url=//a.org/x'>", ["//a.org/x"]),
        ("<meta http-equiv=refresh content=\"5;URL='https://a.org'\">", ["https://a.org"]),
        ("<meta name=x content='no address'>", []),
        ("<img srcset='//a.org/1 1x, //b.org/2 2x'>", ["//a.org/1", "//b.org/2"]),
        ("<p style=\"background: url('//a.org/b')\">", ["//a.org/b"]),
    ],
)
def test_addresses_in_other_attributes(html: str, addresses: list[str]) -> None:
    assert [one for one in html_code(html).links if one in addresses] == addresses
    assert len(html_code(html).links) == len(addresses)


def test_html_code_marks_what_it_found() -> None:
    text = (
        'Caf\u00e9 &amp; <img alt="a &lt; b" src="//x.example/?a&amp;b"> see'
        " https&#58;//evil.example/&copy;! <!-- <a href=up>"
    )
    code = html_code(text, place=(0, "content"))
    pieces = {
        member: [text[start:end] for _, start, end in code.marks_of(member)]
        for member in ("alt_texts", "links")
    }
    assert code.links == ["//x.example/?a&b", "up", "https://evil.example/\u00a9"]
    assert pieces["alt_texts"] == ["a &lt; b"]
    address = "//x.example/?a&amp;b"
    assert pieces["links"] == [address, "up", address, "https&#58;//evil.example/&copy;"]
