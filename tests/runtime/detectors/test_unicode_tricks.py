"""Characters that hide or disguise."""

from __future__ import annotations

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.registry import MODULES
from policyc.runtime.detectors.unicode_tricks import KINDS, detect


def found(text: str) -> list[tuple[str, int, int]]:
    return [(one.type, one.start, one.end) for one in detect(text)]


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("a\u202ebc\u202c", "BIDI_CONTROL", 1, 2),
        ("x \u2066y", "BIDI_CONTROL", 2, 3),
        ("hi\U000e0068\U000e0069!", "TAG", 2, 4),
        ("pass\u200bword", "INVISIBLE", 4, 5),
        ("a\u2060\u2060b", "INVISIBLE", 1, 3),
        ("a\ufeffb", "INVISIBLE", 1, 2),
        ("a\u200db", "INVISIBLE", 1, 2),
        ("a \xad b", "INVISIBLE", 2, 3),
        ("\u3164", "INVISIBLE", 0, 1),
        ("a\u200eb", "INVISIBLE", 1, 2),
        ("a\ufe01\U000e0101b", "VARIATION_SELECTOR", 1, 3),
        ("a\x1b[31m", "CONTROL", 1, 2),
        ("a\x00b", "CONTROL", 1, 2),
        ("a\x9bb", "CONTROL", 1, 2),
        ("a\ue000b", "PRIVATE_USE", 1, 2),
        ("a\ud800b", "SURROGATE", 1, 2),
        ("see p\u0430ypal.com", "MIXED_SCRIPT", 4, 10),
        ("\u0391pple", "MIXED_SCRIPT", 0, 5),
    ],
)
def test_each_kind_with_its_place(text: str, kind: str, start: int, end: int) -> None:
    assert found(text)[0] == (kind, start, end)


@pytest.mark.parametrize(
    "text",
    [
        "plain text,\twith tabs\r\nand line ends",
        "caf\xe9 na\xefve \u0142\xf3d\u017a \u1ec7",
        "\ufeffa file with a byte order mark",
        "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
        "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 and more",
        "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8 with English",
        "\u4e2d\u6587\u548c English",
        "\u05e9\u05dc\u05d5\u05dd\u200e \u0645\u0631\u062d\u0628\u0627\u200f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f 1\ufe0f\u20e3",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "Donau\xaddampf\xadschiff",
        "\u03bcm and \u03a9, \u0394x",
        "",
    ],
)
def test_what_writing_needs_is_none(text: str) -> None:
    assert found(text) == []


def test_only_the_kinds_that_are_asked_for() -> None:
    text = "a\u202eb\u200bc"
    assert [one.type for one in detect(text, ["INVISIBLE"])] == ["INVISIBLE"]


@pytest.mark.parametrize("kinds", ["TAG", ["HIDDEN"], 3, [3]])
def test_kinds_that_do_not_exist(kinds: object) -> None:
    with pytest.raises(BuiltinError, match="`kinds` takes"):
        detect("text", kinds)


def test_the_compiler_knows_the_same_kinds() -> None:
    row = MODULES["invariant.detectors"].functions["deceptive_unicode"]
    assert row.parameters[1].choices == KINDS


def test_marks_are_bounded_but_no_kind_is_lost() -> None:
    found = detect("a\u200b" * 30_000 + "\u202e")
    assert len(found) == 10_001
    assert found[-1].type == "BIDI_CONTROL"
