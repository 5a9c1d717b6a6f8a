from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policyc.compiler.frontend import Checked, check_source
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue

_LANGUAGE = Path(__file__).parent.parent / "language"


def check(text: str) -> Checked:
    return check_source(Source(text), catalogue())


def codes(text: str) -> list[str]:
    return [found.code for found in check(text).diagnostics]


def test_a_clean_policy_says_nothing() -> None:
    checked = check('raise "x" if:\n    (m: Message)\n    m.role == "user"\n')
    assert checked.diagnostics == ()
    assert not checked.has_errors
    assert len(checked.tree.statements) == 1


def test_warnings_are_no_errors() -> None:
    assert not check('raise "x" if:\n    True\n').has_errors
    assert check('raise "x" if:\n    usr\n').has_errors


def test_diagnostics_stand_in_the_order_of_the_text() -> None:
    checked = check('raise "a" if:\n    usr\n    True\nraise "b" if:\n    usr2\nimport os\n')
    assert [(found.line, found.code) for found in checked.diagnostics] == [
        (2, "E0301"),
        (3, "W0705"),
        (5, "E0301"),
        (6, "E0304"),
    ]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "   "])
def test_an_empty_policy_is_valid(text: str) -> None:
    assert check(text).diagnostics == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
    ],
)
def test_positions_are_those_of_the_text_as_given(change) -> None:  # type: ignore[no-untyped-def]
    (found,) = check(change('raise "x" if:\n    (m: Message)\n    m.colour == 1\n')).diagnostics
    assert (found.line, found.column, found.end_column) == (3, 7, 13)


def test_positions_count_the_common_margin() -> None:
    text = '\n        raise "x" if:\n            (m: Message)\n            m.colour == 1\n        '
    (found,) = check(text).diagnostics
    assert (found.line, found.column) == (4, 15)


def test_a_broken_statement_hides_no_other() -> None:
    text = 'raise "a" if:\n    (m: Mesage)\n    m.role ===\n\nraise "b" if:\n    usr == 1\n'
    found = codes(text)
    assert "E0301" in found
    assert any(code < "E03" for code in found)


def test_uses_in_a_broken_statement_count_as_uses() -> None:
    text = 'import json\nK := 1\nraise "a" if:\n    json.loads(K) === 1\n'
    assert not {"W0701", "W0702"} & set(codes(text))


def test_long_chains_of_declarations_are_no_burden() -> None:
    count = 1500
    constants = "".join(f"K{number} := K{number + 1}\n" for number in range(count))
    predicates = "".join(
        f"p{number}(x: str) := p{number + 1}(x) and p{number + 1}('b')\n" for number in range(count)
    )
    text = f"""{constants}K{count} := "a"
{predicates}p{count}(x: str) := x == "a"
raise "x" if:
    p0(K0)
"""
    assert codes(text) == []
    assert codes(text.replace(f'K{count} := "a"', f"K{count} := K0")) == ["E0502"]


_WORDS = st.sampled_from(
    [
        *re.findall(
            r"\S+",
            r"""m c o (m: Message) (c: ToolCall) -> ~> is not in == != < tool:send
        tool:x({a:*}) ( ) [ ] { } , . := : if else for x len any text input count(min=2): forall:
        None True 1 -2 * <PERSON> raise "a" K p( def contains_only and or + % ** import from json
        invariant as _ "\n" f"{m}" """,
        ),
        *("\n    ", "\n", "\n        ", 'raise "x" if:\n    ', "p(x: str) := ", "K := "),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_WORDS, max_size=40).map(" ".join))
def test_any_text_is_answered(text: str) -> None:
    for found in check(text).diagnostics:
        assert found.message
        assert 0 <= found.span.start <= found.span.end <= len(text)


def _messages() -> dict[str, str]:
    found = {}
    for path in sorted(_LANGUAGE.glob("*.inv")):
        for chunk in re.split(r"^---\n", path.read_text("utf-8"), flags=re.MULTILINE):
            for each in check(chunk).diagnostics:
                found.setdefault(each.message, each.help or "")
    return found


def test_messages_speak_the_language_of_the_author() -> None:
    inner = re.compile(
        r"NoneType|_[A-Z]{3,}|object at|Token|<class|__|\bstr object|traceback", re.I
    )
    for message, advice in _messages().items():
        own_words = re.sub(r"`[^`]*`|\"[^\"]*\"", "", message)
        assert message[0] in "`" or message[0].islower(), message
        assert not message.endswith("."), message
        assert "\n" not in message
        assert not inner.search(own_words + re.sub(r"`[^`]*`", "", advice)), message
