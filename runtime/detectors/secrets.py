"""Credentials: tokens and keys with a form of their own, private keys, passwords in addresses and
in assignments.

The rules are data (`secrets.toml`, in gitleaks' form); this module applies them, also to what is
encoded once in base64, hexadecimal digits or percent signs, and checks what a form can prove: that
a JSON Web Token decodes, that a basic authentication holds a name and a password, and the checksum
of GitHub's tokens. Rules that go by words around a secret alone are not applied to decoded text.
"""
# ruff: noqa: A005  # only ever imported as policyc.runtime.detectors.secrets

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.decoding import decoded
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.detectors.rule_files import built_in, from_file
from policyc.runtime.detectors.rule_matching import Pieces, Text, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.rule_files import RuleSet
    from policyc.runtime.detectors.rule_matching import Found

BY_CONTEXT = frozenset({"GENERIC_SECRET", "PASSWORD"})
"""Kinds that only the words around them tell; less certain than the others."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def detect(text: str, rules: Any = None) -> list[Detection]:
    """The credentials in a text, by position.

    `rules`: a gitleaks rule file to use instead of policyc's own, or to add to them where it says
    `[extend] useDefault = true`.

    Raises:
        BuiltinError: `rules` is no such file.
    """
    if rules is not None and not isinstance(rules, str):
        raise BuiltinError(
            f"`rules` takes the path of a rule file, not {kind_of(rules)}",
            'Write for example `secrets(m, rules="gitleaks.toml")`.',
        )
    rule_set = built_in() if rules is None else from_file(rules)
    found = list(_plain(rule_set, text))
    found += _encoded(rule_set, text, found)
    return sorted(found, key=lambda finding: finding.start)


def _plain(rules: RuleSet, text: str) -> Iterator[Detection]:
    looked_at = Text(text)
    kept = [(one, score) for one in find(rules, looked_at) if (score := _score(one)) > 0]
    places = looked_at.characters([place for one, _ in kept for place in (one.start, one.end)])
    for one, score in kept:
        yield Detection(one.rule.kind, places[one.start], places[one.end], score, one.rule.id)


def _encoded(rules: RuleSet, text: str, known: list[Detection]) -> Iterator[Detection]:
    """What is found in encoded pieces that are not part of a finding themselves."""
    taken = Pieces()
    for one in known:
        taken.add(one.start, one.end)
    for piece in decoded(text):
        if taken.overlap(piece.start, piece.end):
            continue
        for found in find(rules, Text(piece.text)):
            score = _score(found)
            if score > 0 and found.rule.kind not in BY_CONTEXT:
                detail = f"{found.rule.id}, in {piece.encoding}"
                yield Detection(found.rule.kind, piece.start, piece.end, score, detail)
                break


def _score(found: Found) -> float:
    """How sure a finding is, 0 where a check refutes it."""
    if found.rule.kind in BY_CONTEXT:
        return 0.6
    check = _CHECKS.get(found.rule.id)
    return 0.9 if check is None else check(found.secret)


def _json_web_token(secret: bytes) -> float:
    try:
        head = secret.split(b".")[0]
        header = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return 0.0
    return 1.0 if isinstance(header, dict) and ("alg" in header or "enc" in header) else 0.0


def _name_and_password(secret: bytes) -> float:
    try:
        plain = base64.b64decode(secret + b"=" * (-len(secret) % 4))
    except (binascii.Error, ValueError):
        return 0.0
    name, colon, password = plain.partition(b":")
    is_text = all(32 <= byte < 127 for byte in plain)
    return 1.0 if is_text and name and colon and password else 0.0


def _github(secret: bytes) -> float:
    """The last six characters are a checksum of the others; tokens in tests often have none."""
    body, check = secret[4:-6], secret[-6:]
    if len(secret) != 40:
        return 0.9
    number, digits = zlib.crc32(body), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return 1.0 if digits.encode() == check else 0.9


_CHECKS = {
    "json-web-token": _json_web_token,
    "basic-auth": _name_and_password,
    "docker-auth": _name_and_password,
    "github-token": _github,
}
