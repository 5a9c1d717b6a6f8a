"""Text that is safe on a terminal, and its width there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.grammar.printable import display_width, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, äöü 日本 👍\u00a0", "plain, äöü 日本 👍\u00a0"),
        ("\x1b[31m\x07\x7f\x9b", "\\x1b[31m\\x07\\x7f\\x9b"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\u200b\ufeff\u2028", "\\u200b\\ufeff\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041\ue000", "\\U000e0041\\ue000"),
    ],
)
def test_what_steers_or_hides_becomes_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_printable_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert printable(shown) == shown
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in shown)


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ﾊﾝ", 2), ("👍", 2), ("", 0), ("\u20dd", 0)],
)
def test_the_width_on_a_terminal(text: str, width: int) -> None:
    assert display_width(text) == width
