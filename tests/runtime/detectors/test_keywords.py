"""Which rules have a keyword in a text."""

from __future__ import annotations

import random

from benchmarks.detectors import sets, speed

from policyc.runtime.detectors.keywords import Keywords
from policyc.runtime.detectors.rule_files import built_in
from policyc.runtime.detectors.rule_matching import Text


def test_the_same_rules_as_word_by_word() -> None:
    of_rules = [rule.keywords for rule in built_in().rules]
    keywords = Keywords(of_rules)
    words = [word.decode() for words in of_rules for word in words]
    choose = random.Random(1)
    texts = [one.text for part in sets.PARTS for one in sets.secret_items(part)]
    texts += [speed.hostile_text(piece, 3_000) for piece in speed.HOSTILE]
    texts += [
        "".join(choose.choices([*words, " ", "\ud800", "\xff", "\0"], k=60)) for _ in range(99)
    ]
    found = 0
    for text in texts:
        data = Text(text).lower
        expected = [
            at for at, own in enumerate(of_rules) if not own or any(word in data for word in own)
        ]
        assert keywords.rules_for(data) == expected
        found += len(expected)
    assert found > 1_000


def test_keywords_are_no_expressions() -> None:
    keywords = Keywords([[b"a.b("], [b"\xc3\xbc"], [], [b"a.b(", b"zz"]])
    assert keywords.rules_for(b"axb(") == [2]
    assert keywords.rules_for(b"..a.b(") == [0, 2, 3]
    assert keywords.rules_for("ü".encode()) == [1, 2]
    assert Keywords([[]]).rules_for(b"") == [0]
    assert Keywords([]).rules_for(b"a") == []
