"""Rule files in gitleaks' form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.rule_files import built_in, from_file
from policyc.runtime.detectors.secrets import detect

if TYPE_CHECKING:
    from pathlib import Path

BADGE = """
[[rules]]
id = "badge-number"
regex = '''(?i)badge-([0-9]{6})'''
"""


def found(path: Path, rules: str, text: str) -> list[tuple[str, str]]:
    file = path / f"{abs(hash(rules))}.toml"
    file.write_text(rules)
    return [(one.type, text[one.start : one.end]) for one in detect(text, str(file))]


@pytest.mark.parametrize(
    ("more", "text", "expected"),
    [
        ("", "Badge-123456", ["123456"]),
        ('keywords = ["BADGE"]', "Badge-123456", ["123456"]),
        ('keywords = ["other"]', "badge-123456", []),
        ("secretGroup = 1", "badge-123456 badge-654321", ["123456", "654321"]),
        ("entropy = 2.5", "badge-123456 badge-111111", ["123456"]),
        ('[[rules.allowlists]]\nregexes = ["^0"]', "badge-123456 badge-012345", ["123456"]),
        ('[rules.allowlist]\nstopwords = ["000"]', "badge-120006 badge-123456", ["123456"]),
        (
            '[[rules.allowlists]]\nregexTarget = "line"\nregexes = ["test"]',
            "badge-123456 test\nbadge-222222",
            ["222222"],
        ),
        (
            '[[rules.allowlists]]\ncondition = "AND"\nregexes = ["^1"]\nstopwords = ["9"]',
            "badge-123456 badge-129999",
            ["123456"],
        ),
        (
            '[[rules.allowlists]]\ncondition = "AND"\npaths = ["x"]\nregexes = ["^1"]',
            "badge-123456",
            ["123456"],
        ),
    ],
)
def test_what_a_rule_may_say(tmp_path: Path, more: str, text: str, expected: list[str]) -> None:
    kinds = [("BADGE_NUMBER", secret) for secret in expected]
    assert found(tmp_path, BADGE + more, text) == kinds


def test_rules_replace_or_extend_those_of_policyc(tmp_path: Path) -> None:
    text = "badge-123456 AKIAIOSFODNN7EXAMPLE"
    assert found(tmp_path, BADGE, text) == [("BADGE_NUMBER", "123456")]
    both = found(tmp_path, "[extend]\nuseDefault = true\n" + BADGE, text)
    assert [kind for kind, _ in both] == ["BADGE_NUMBER", "AWS_ACCESS_KEY"]
    without = '[extend]\nuseDefault = true\ndisabledRules = ["aws-access-key-id"]\n' + BADGE
    assert [kind for kind, _ in found(tmp_path, without, text)] == ["BADGE_NUMBER"]


def test_a_tag_names_the_kind_and_global_allow_lists_hold(tmp_path: Path) -> None:
    rules = '[allowlist]\nstopwords = ["777"]\n' + BADGE + 'tags = ["x", "kind=PASS"]'
    assert found(tmp_path, rules, "badge-777123 badge-123456") == [("PASS", "123456")]


def test_places_are_in_characters(tmp_path: Path) -> None:
    assert found(tmp_path, BADGE, "né\U0001f600 badge-123456 ü badge-222222 \ud800") == [
        ("BADGE_NUMBER", "123456"),
        ("BADGE_NUMBER", "222222"),
    ]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("x = ", "are not TOML"),
        ("", "has no rule that looks at texts"),
        ('[[rules]]\nid = "p"\npath = "x"', "has no rule that looks at texts"),
        ('[[rules]]\nregex = "x"', "has no `id`"),
        ('[[rules]]\nid = "r"\nregex = "("', "`.*: r` is not one that can be used"),
        ('[[rules]]\nid = "r"\nregex = "a(?=b)"', "is not one that can be used"),
        ('[[rules]]\nid = "r"\nregex = "x"\nsecretGroup = 1', "is no group"),
        ('[[rules]]\nid = "r"\nregex = "x"\nentropy = "high"', "is no number"),
        ('[[rules]]\nid = "r"\nregex = "x"\nkeywords = "k"', "are no texts"),
        ("rules = 3", "are no tables"),
        ('[extend]\npath = "/etc/x"\n' + BADGE, "extends another file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        found(tmp_path, rules, "text")


@pytest.mark.parametrize("path", ["no/such/file.toml", "", "a\0b", "."])
def test_a_path_that_cannot_be_read(path: str) -> None:
    with pytest.raises(BuiltinError, match="cannot be read"):
        from_file(path)


def test_an_error_does_not_quote_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shadow"
    file.write_text("root:$6$hash:19000\n")
    with pytest.raises(BuiltinError) as caught:
        from_file(str(file))
    assert "hash" not in str(caught.value)


def test_the_own_rules_are_complete() -> None:
    rules = built_in().rules
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.keywords for rule in rules), "a rule without keywords looks at every text"


def test_a_relative_path_is_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, kind in (("one", "ONE"), ("two", "TWO")):
        (tmp_path / folder).mkdir()
        rule = f'[[rules]]\nid = "{kind}"\nregex = "BADGE-([0-9]{{6}})"\n'
        (tmp_path / folder / "rules.toml").write_text(rule)
        monkeypatch.chdir(tmp_path / folder)
        assert [one.type for one in detect("BADGE-123456", "rules.toml")] == [kind]
