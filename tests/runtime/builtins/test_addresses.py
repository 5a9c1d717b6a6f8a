"""What addresses lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.detectors.sets import PARTS, link_items

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins import addresses
from policyc.runtime.detectors.html import html_code

if TYPE_CHECKING:
    from tests.runtime.conftest import Make


@pytest.mark.parametrize("part", PARTS)
def test_the_labelled_set_holds(part: str) -> None:
    wrong = []
    for item in link_items(part):
        links = [item.text] if item.is_address else html_code(item.text).links
        hosts = {addresses.host(link) for link in links} - {None}
        if tuple(sorted(map(str, hosts))) != item.hosts:
            wrong.append((item, hosts))
    assert wrong == []


@pytest.mark.parametrize(
    ("address", "scheme", "port", "path"),
    [
        ("https://example.com/a/../b?c#d", "https", 443, "/b"),
        ("HTTP://example.com:8080", "http", 8080, "/"),
        ("git@example.com:a/b.git", "ssh", 22, "/a/b.git"),
        ("ssh://git@example.com:2222/a", "ssh", 2222, "/a"),
        ("postgres://u:p@example.com/db", "postgres", None, "/db"),
        ("example.com/x", None, None, "/x"),
        ("file:///etc/passwd", "file", None, None),
        ("mailto:a@example.com", "mailto", None, None),
        ("nothing", None, None, None),
        (None, None, None, None),
    ],
)
def test_parts(address: Any, scheme: Any, port: Any, path: Any) -> None:
    assert addresses.scheme(address) == scheme
    assert addresses.port(address) == port
    assert addresses.path(address) == path


@pytest.mark.parametrize(
    ("address", "domains", "expected"),
    [
        ("https://example.com/x", ["example.com"], True),
        ("https://api.example.com", ["example.com"], True),
        ("https://example.com.", ["example.com"], True),
        ("https://example.com", ["EXAMPLE.COM"], True),
        ("https://example.com", ["other.org", "example.com"], True),
        ("api.example.com", ["example.com"], True),
        ("https://notexample.com", ["example.com"], False),
        ("https://example.com.evil.example", ["example.com"], False),
        ("https://example.com@evil.example", ["example.com"], False),
        ("https://evil.example/example.com", ["example.com"], False),
        ("https://example.com", ["*.example.com"], False),
        ("https://a.example.com", ["*.example.com"], True),
        ("https://a.example.com", [".example.com"], True),
        ("https://b\u00fccher.example", ["b\u00fccher.example"], True),
        ("https://xn--bcher-kva.example", ["b\u00fccher.example"], True),
        ("http://127.1", ["127.0.0.1"], True),
        ("http://[::1]/", ["[::1]"], True),
        ("no address", ["example.com"], False),
        (None, ["example.com"], False),
        ("", [""], False),
        ("https://example.com", [], False),
        ("https://example.com", ["exa mple.com"], False),
        ("https://example.com", "example.com", True),
    ],
)
def test_domains(address: Any, domains: Any, expected: bool) -> None:
    assert addresses.domain_in(address, domains) is expected


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://0x7f.1",
        "http://2130706433",
        "http://0.0.0.0",
        "http://10.1.2.3",
        "http://172.16.0.1",
        "http://192.168.0.1",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1",
        "http://[::1]",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://[::ffff:10.0.0.1]",
        "http://[2002:7f00:1::]",
        "http://printer",
        "http://db.internal",
        "http://metadata.google.internal",
        "http://a.local.",
        "LOCALHOST",
    ],
)
def test_private_addresses(address: str) -> None:
    assert addresses.is_private(address)


@pytest.mark.parametrize(
    "address", ["https://example.com", "http://8.8.8.8", "http://[2606:4700::1111]", "a.b.org"]
)
def test_public_addresses(address: str) -> None:
    assert not addresses.is_private(address)


@pytest.mark.parametrize("address", ["", "no address", "http://[", "file:///x"])
def test_what_cannot_be_told_is_no_public_address(address: str) -> None:
    with pytest.raises(BuiltinError, match="no address whose host can be told"):
        addresses.is_private(address)
    assert not addresses.is_private(None)


@pytest.mark.parametrize("address", [3, ["x"], {"a": 1}, "x" * 200_000])
def test_what_is_no_address(address: Any) -> None:
    with pytest.raises(BuiltinError, match="address"):
        addresses.host(address)
    with pytest.raises(BuiltinError, match="`domains`"):
        addresses.domain_in("https://example.com", {"example.com": 1})


def test_in_a_policy(make: Make) -> None:
    policy = make(
        """
        import url
        from invariant.parsers import links

        raise Violation("a link to elsewhere", host=url.host(link)) if:
            (m: Message)
            (link: str) in links(m)
            not url.domain_in(link, ["good.example"])
        """
    )
    text = "https://good.example/ https://good.example@evil.example/x"
    (violation,) = policy.analyze([{"role": "user", "content": text}])
    assert violation.kwargs == {"host": "evil.example"}
    assert violation.ranges == ["0", "0.content:0-21", "0.content:22-57"]
