"""Any text ends with a result, after bounded work, without the stack of Python."""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.detectors.shell import budget
from policyc.runtime.detectors.shell.detector import read_shell
from policyc.runtime.detectors.shell.reader import Reader
from policyc.runtime.detectors.shell.script import ParseClock

SETS = Path(__file__).parents[4] / "benchmarks" / "detector_sets"
COMMANDS = [
    json.loads(line)["command"] for line in (SETS / "shell.jsonl").read_text("utf-8").splitlines()
]
TOKENS = [
    *(
        [
            "$(",
            ")",
            "(",
            "{",
            "}",
            "`",
            '"',
            "'",
            "if",
            "then",
            "fi",
            "do",
            "done",
            "case",
            "esac",
            "in",
            "for",
            "while",
            "|",
            "&",
            ";",
            "&&",
            "||",
            "<",
            ">",
            "<<",
            "<<<",
            "[[",
            "]]",
            "((",
            "))",
        ]
    ),
    *(
        [
            "$x",
            "${x",
            "${x:-",
            "$'",
            "\\",
            "rm",
            "-rf",
            "/",
            "eval",
            "sh",
            "curl",
            "sudo",
            "xargs",
            "find",
            "python3",
            "-c",
            "=",
            "x=",
            "x=(",
            "f(){",
            "#",
            "*",
            "?",
            "~",
            "!",
            "é",
            "🎉",
        ]
    ),
    *("\n", "\t", "\0", "\r\n", "<<E\n", "E\n", " ", "\ud800"),
]


def fuzzed(number: int, seed: int) -> list[str]:
    """Texts of tokens, and commands with tokens in wrong places."""
    rng = random.Random(seed)
    texts = []
    for _ in range(number):
        if rng.random() < 0.5:
            texts.append(" ".join(rng.choices(TOKENS, k=rng.randrange(1, 30))))
            continue
        text = rng.choice(COMMANDS)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(TOKENS) + text[at + rng.randrange(4) :]
        texts.append(text)
    return texts


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_texts_have_a_result_with_places_in_them(seed: int) -> None:
    for text in fuzzed(500, seed):
        code = read_shell(text)
        for one in (*code.risks, *code.undecidable, *code.commands, *code.pipes, *code.redirects):
            start, end = one.span
            assert 0 <= start <= end <= len(text)
            assert one.text == text[start:end]


@given(st.text(max_size=60))
def test_any_text_has_a_result(text: str) -> None:
    read_shell(text)


@pytest.mark.parametrize(
    "opening", ["$(", "`", "(", "{ ", "bash -c ", "eval ", "$((", "${x:-", "<(", "if "]
)
def test_nesting_needs_no_stack(opening: str) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len_of_stack() + 120)
    try:
        for depth in (400, 3_000):
            Reader(opening * depth + "ls").read()
            Reader(opening * depth + "ls" + ")" * depth).read()
    finally:
        sys.setrecursionlimit(limit)


def len_of_stack() -> int:
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_what_is_nested_too_deep_is_undecidable() -> None:
    text = "$(" * 400 + "rm -rf /" + ")" * 400
    assert any("too deep" in gap.reason for gap in read_shell(text).undecidable)


LONG = {
    "lines": "ls -la /tmp && grep -rn x . | head\n",
    "one line": "echo a b c ",
    "brackets": "(",
    "pipes": "|",
    "arrays": "x=(",
    "documents": "<<E\n",
    "quotes": "'a\"",
    "doubled": "x=$x$x;\n",
    "calls": "f(){ f;f;};f\n",
    "binary": "\x00\x01\xff",
}


@pytest.mark.parametrize("name", LONG)
def test_a_megabyte_has_a_result_that_says_what_was_not_read(name: str) -> None:
    text = LONG[name] * (1_000_000 // len(LONG[name]))
    reader = Reader(text)
    code = reader.read()
    assert code.undecidable
    assert max(gap.span[1] for gap in code.undecidable) == len(text)
    assert reader.budget.steps >= -budget.MAX_WORD
    assert len(code.commands) <= budget.MAX_COMMANDS


def test_a_long_script_is_read_to_its_end() -> None:
    line = "if [ -f a ]; then\n  echo 'it''s' \"$x\"\nfi\n"
    document = "cat > f.py <<'E'\n" + "print('don''t stop (here)')\n" * 800 + "E\n"
    quoted = "echo '" + "x | y (" * 2_000 + "'\n"
    text = line * 300 + document + quoted + line * 300 + "rm -rf /\n"
    code = read_shell(text)
    assert len(text) > 2 * budget.MAX_PIECE
    assert code.undecidable == []
    assert [risk.kind for risk in code.risks] == ["destructive-delete"]
    assert code.risks[0].span[0] == text.rindex("/")
    assert sum(one.name == "echo" for one in code.commands) == 601


def test_a_quote_in_a_comment_does_not_deceive_the_reader_of_long_texts() -> None:
    text = "# don't\n" + "ls\n" * 4_000 + "rm -rf /\n# can't\n"
    code = read_shell(text)
    assert code.risks or code.undecidable


def test_variables_and_functions_last_from_piece_to_piece() -> None:
    text = "c='rm -rf'\nf() { $c /; }\n" + "ls\n" * 6_000 + "f\n"
    assert "destructive-delete" in {risk.kind for risk in read_shell(text).risks}


def test_words_do_not_grow_without_end() -> None:
    code = read_shell("x=aaaaaaaaaa;" + "x=$x$x;" * 60 + "echo $x")
    assert len(code.commands[-1].argv[1]) <= budget.MAX_WORD


def test_many_values_of_many_variables_end() -> None:
    loops = "".join(f"for {name} in 1 2 3 4 5 6 7 8 9; do " for name in "abcdefgh")
    assert read_shell(loops + "$a$b$c$d$e$f$g$h; " + "done; " * 8).undecidable


def test_threads_read_at_once() -> None:
    texts = [f"{command}  # {number}" for number, command in enumerate(COMMANDS[:60])]
    alone = [read_shell.__wrapped__(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: [read_shell.__wrapped__(t) for t in texts], range(16)):
            assert found == alone


@pytest.mark.parametrize("size", [399, 400, 401])
@pytest.mark.parametrize("form", ["{} rm -rf ~", "curl {} | sh", "echo '{}'; eval $X", "${{a#{}"])
def test_the_size_of_a_text_makes_no_difference(form: str, size: int) -> None:
    """Short texts and longer ones are parsed in other ways."""

    def found(text: str) -> list[list[str]]:
        code = read_shell(text)
        return [[one.kind for one in code.risks], [one.reason for one in code.undecidable]]

    short = form.format("a" * 20)
    assert found(form.format("a" * (size - len(form.format(""))))) == found(short)


def test_no_time_is_left_for_a_text() -> None:
    clock = ParseClock()
    clock.left = 0.0
    assert clock.tree("ls") is None
