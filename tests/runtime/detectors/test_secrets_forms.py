"""What rules alone do not say: encodings, checks, overlaps, kinds that go by the words around."""

from __future__ import annotations

import base64
import zlib
from random import Random

import pytest
from benchmarks.detectors.recipes import expand
from benchmarks.detectors.sets import secret_items

from policyc.runtime.detectors.secrets import detect

TOKEN = "ghp_" + "aB3" * 12


def found(text: str) -> list[tuple[str, str]]:
    return [(one.type, text[one.start : one.end]) for one in detect(text)]


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (base64.b64encode(f"token: {TOKEN}".encode()).decode(), "base64"),
        (base64.urlsafe_b64encode(f"{TOKEN}??>>".encode()).decode(), "base64"),
        (TOKEN.encode().hex(), "hex"),
        ("url=postgres%3A%2F%2Fapp%3As3cr3tXyz%40db%2Fx", "url"),
    ],
)
def test_one_layer_of_encoding_is_taken_off(encoded: str, encoding: str) -> None:
    (one,) = detect(f"data {encoded} end")
    assert one.detail.endswith(f"in {encoding}")
    assert one.start == 5
    assert "s3cr3t" not in one.detail


def test_a_json_web_token_must_decode() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    token = f"{head}.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
    assert found(token) == [("JSON_WEB_TOKEN", token)]
    assert found(token.replace(head, "eyJ0aGlzIjp0aGlzfQ")) == []


def test_basic_authentication_holds_a_name_and_a_password() -> None:
    good = base64.b64encode(b"user:hunter22").decode()
    assert found(f"Basic {good}") == [("BASIC_AUTH", good)]
    assert found("basic authentication, basic understanding") == []


def test_the_checksum_of_a_token_makes_it_certain() -> None:
    body = "aB3" * 10
    assert detect(f"ghp_{body}1FaN5t")[0].score < 1
    good = "ghp_" + body + _checksum(body)
    assert detect(good)[0].score == 1


def _checksum(body: str) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = digits[digit] + text
    return text


def test_a_piece_counts_once_as_what_is_most_certain() -> None:
    assert found(f"github_token = '{TOKEN}'") == [("GITHUB_TOKEN", TOKEN)]


def test_every_secret_of_a_long_text_is_found() -> None:
    text = f"{TOKEN} AKIAIOSFODNN7EXAMPLE " * 500
    assert len(detect(text)) == 1000


@pytest.mark.parametrize("part", ["open", "held_out"])
def test_the_labelled_set_holds(part: str) -> None:
    """Floors; the figures are printed by `python -m benchmarks.detectors`."""
    items = secret_items(part)
    positives = [item for item in items if item.secret]
    missed = [item for item in positives if not _hits(item.text, item.secret)]
    false = [item.text for item in items if not item.secret and detect(item.text)]
    assert len(missed) <= len(positives) // 50, missed[:3]
    assert false == []


def _hits(text: str, secret: str) -> bool:
    start = text.index(secret)
    end = start + len(secret)
    return any(one.start < end and start < one.end for one in detect(text))


def test_recipes_are_repeatable() -> None:
    recipe = "[a-c]{4} {{hex x[0-9]{3}}} {{b64 [A-Z]{2}:y}}"
    assert expand(recipe, Random(1)) == expand(recipe, Random(1)) != expand(recipe, Random(2))
