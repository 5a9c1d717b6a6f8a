"""What a pattern answers, what is known of it without running it, and how bad ones are refused."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import threading

import pytest

from policyc.compiler import patterns
from policyc.compiler.patterns import (
    Pattern,
    PatternError,
    PatternLimit,
    compile_pattern,
    compile_value_pattern,
)


class TestPlaces:
    def test_search_match_and_fullmatch_give_places(self) -> None:
        pattern = compile_pattern(r"b+\d")
        assert pattern.search("abb1b2") == (1, 4)
        assert pattern.match("abb1") is None
        assert pattern.match("b1!") == (0, 2)
        assert pattern.fullmatch("bb1") == (0, 3)
        assert pattern.fullmatch("bb1!") is None

    def test_finditer_gives_all_places(self) -> None:
        assert compile_pattern(r"\d+").finditer("1 22 x 333") == [(0, 1), (2, 4), (7, 10)]

    def test_places_count_characters_in_every_engine(self) -> None:
        text = "é€𝄞 " * 400 + "bob@example.com"
        pattern = compile_pattern(r"\w+@\w+\.\w+")
        assert pattern.engine == "re2"
        place = pattern.search(text)
        assert place is not None
        assert text[slice(*place)] == "bob@example.com"

    def test_a_dollar_in_a_long_text_stands_before_a_last_newline(self) -> None:
        pattern = compile_pattern(r"\w*[ab]+$")
        text = "a" * 5000
        assert pattern.engine == "re2"
        assert pattern.search(text + "\n") == (0, 5000)
        assert pattern.finditer(text + "\n") == [(0, 5000)]
        assert pattern.search(text + "\n\n") is None


class TestValuePatterns:
    def test_a_dot_is_any_character_and_the_whole_text_counts(self) -> None:
        assert compile_value_pattern("a.*c").fullmatch("a\nb\nc") == (0, 5)
        assert compile_value_pattern("bob").fullmatch("bobby") is None

    def test_a_dollar_is_the_very_end(self) -> None:
        assert re.match(r"(?s)a+$", "aa\n")
        assert compile_value_pattern("a+$").match("aa\n") is None
        assert compile_value_pattern("(?:x|a+$)").match("aa\n") is None
        assert compile_value_pattern("a+$").fullmatch("aa") == (0, 2)

    def test_a_dollar_in_multi_line_mode_keeps_its_meaning(self) -> None:
        assert compile_value_pattern("(?m)a$.b").fullmatch("a\nb") == (0, 3)
        assert compile_value_pattern("(?m:a$).b").fullmatch("a\nb") == (0, 3)


class TestTexts:
    def test_findall_gives_texts_or_groups(self) -> None:
        assert compile_pattern(r"\d").findall("1a2") == ["1", "2"]
        assert compile_pattern(r"(\d)x").findall("1x2x") == ["1", "2"]
        assert compile_pattern(r"(a)|(b)").findall("ab") == [("a", ""), ("", "b")]

    def test_split_keeps_groups(self) -> None:
        assert compile_pattern(r",\s*").split("a, b,c") == ["a", "b", "c"]
        assert compile_pattern(r"(-)|,").split("a-b,c") == ["a", "-", "b", None, "c"]
        assert compile_pattern(",").split("a,b,c", 1) == ["a", "b,c"]

    @pytest.mark.parametrize(
        "replacement",
        ["x", r"[\1]", r"\g<2>\g<1>", r"\g<word>", r"\\1", r"\n\t", r"\0", r"\101", r"a\-b", ""],
    )
    def test_sub_reads_replacements_as_re_does(self, replacement: str) -> None:
        pattern, text = r"(?P<word>\w)(\d)?", "a1 b-c2"
        expected = re.sub(pattern, replacement, text)
        assert compile_pattern(pattern).sub(replacement, text) == expected
        expected = re.sub(pattern, replacement, text, count=1)
        assert compile_pattern(pattern).sub(replacement, text, 1) == expected

    @pytest.mark.parametrize("replacement", [r"\3", r"\g<no>", r"\q", "\\", r"\g<9>"])
    def test_sub_refuses_what_re_refuses(self, replacement: str) -> None:
        with pytest.raises((re.error, IndexError)):
            re.sub(r"(a)(b)?", replacement, "ab")
        with pytest.raises(PatternError):
            compile_pattern(r"(a)(b)?").sub(replacement, "ab")

    def test_sub_bounds_what_it_builds(self) -> None:
        with pytest.raises(PatternLimit, match="more than 1000000 characters"):
            compile_pattern("a").sub("b" * 2000, "a" * 2000)

    def test_sub_may_return_a_longer_text_than_it_may_build(self) -> None:
        text = "a" * (patterns.MOST_RESULT + 10)
        assert compile_pattern("b").sub("c", text) == text


class TestWhatIsKnown:
    @pytest.mark.parametrize(
        ("text", "literal"),
        [
            ("abc", "abc"),
            (r"a\.b", "a.b"),
            ("", ""),
            ("a.b", None),
            ("(?i)abc", None),
            ("^abc", None),
        ],
    )
    def test_literals(self, text: str, literal: str | None) -> None:
        assert compile_pattern(text).literal == literal

    def test_flags_can_take_away_that_it_is_literal(self) -> None:
        assert compile_pattern("ab c", flags="i").literal is None
        assert compile_pattern("ab c", flags="x").literal == "abc"

    @pytest.mark.parametrize(
        ("text", "prefix"),
        [
            ("abc.*", "abc"),
            (r"a\.b[\s\S]*", "a.b"),
            ("abc", None),
            (".*abc", None),
            ("ab+.*", None),
        ],
    )
    def test_prefixes_of_value_patterns(self, text: str, prefix: str | None) -> None:
        assert compile_value_pattern(text).literal_prefix == prefix

    def test_without_dotall_a_prefix_does_not_answer(self) -> None:
        assert compile_pattern("abc.*").literal_prefix is None

    TEXTS = ("", "abc", "xabc", "abcx", "xabcx", "ab", "x\nabc", "abc\n", "\nabc\nx", "bc")

    @pytest.mark.parametrize("operation", ["search", "match", "fullmatch"])
    @pytest.mark.parametrize("flags", ["", "s", "s$", "$"])
    @pytest.mark.parametrize(
        "text",
        [
            "abc",
            "^abc",
            "abc$",
            "^abc$",
            ".*abc",
            "abc.*",
            ".*abc.*",
            r"\Aabc\Z",
            r"\w*abc",
            r"abc\w*",
            "^.*abc$",
            "^.*abc.*$",
            r"^\s*abc",
            "",
            "^$",
            ".*",
        ],
    )
    def test_a_lowering_answers_as_the_operation_does(
        self, text: str, flags: str, operation: str
    ) -> None:
        pattern = Pattern(text, flags)
        lowering = pattern.lowering(operation)  # type: ignore[arg-type]  # one of the three
        test = getattr(pattern, f"{operation}_test")
        for subject in self.TEXTS:
            expected = getattr(pattern._tree.compiled, operation)(subject) is not None
            assert bool(test(subject)) == expected
            if lowering is not None:
                answers = {
                    "equals": subject == lowering.text,
                    "startswith": subject.startswith(lowering.text),
                    "endswith": subject.endswith(lowering.text),
                    "contains": lowering.text in subject,
                }
                assert answers[lowering.kind] == expected

    @pytest.mark.parametrize(
        ("text", "engine"),
        [
            ("abc", "literal"),
            (r'"[^"]*"', "re"),
            (r"\d{3}-\d{4}", "re"),
            (r"\s+$", "re2"),
            (r"(\w+) \1", "regex"),
        ],
    )
    def test_who_answers(self, text: str, engine: str) -> None:
        assert compile_pattern(text).engine == engine

    def test_groups(self) -> None:
        assert compile_pattern("a(b)(?:c)(?P<n>d)").groups == 2
        assert compile_pattern("abc").groups == 0


class TestLoading:
    def test_equal_texts_are_one_pattern(self) -> None:
        assert compile_pattern("a+b") is compile_pattern("a+b")
        assert compile_pattern("a+b") is not compile_value_pattern("a+b")

    def test_a_pattern_survives_pickling(self) -> None:
        pattern = compile_value_pattern("a+$")
        assert pickle.loads(pickle.dumps(pattern)) is pattern

    @pytest.mark.parametrize(
        ("text", "message", "position"),
        [
            ("b(b", "a `(` is never closed", 1),
            ("a)", "a `)` closes nothing", 1),
            ("[ab", "a `[` is never closed", 0),
            ("*a", "`*` has nothing to repeat", 0),
            ("a**", "`*` repeats what is repeated already", 2),
            ("a\\", "the pattern ends in a lone backslash", 1),
            (r"\q", "unknown escape `\\q`", 0),
            ("[z-a]", "bad character range `z-a`", 1),
            ("a{3,2}", "the smallest repeat count is greater than the largest", 2),
            ("(?<=a+)b", "what a look-behind looks for must have one fixed length", None),
            (r"(a)\2", "invalid group reference 2", 4),
            ("a(?i)", "flags such as `(?i)` are only allowed at the start", 1),
            ("(?L)a", "this flag cannot be used", 3),
            ("a{99999999999999999999}", "a repeat count is too large", None),
            ("(" * 100 + ")" * 100, "the groups are nested too deeply", 60),
            ("(" * 5000 + ")" * 5000, "the groups are nested too deeply", 60),
            ("a" * 200_000 + "*", "the pattern is longer than 100000 characters", None),
        ],
    )
    def test_bad_patterns_are_refused_in_plain_words(
        self, text: str, message: str, position: int | None
    ) -> None:
        with pytest.raises(PatternError) as caught:
            compile_pattern(text)
        assert caught.value.message == message
        assert caught.value.position == position
        assert pickle.loads(pickle.dumps(caught.value)).message == message

    def test_an_unknown_flag_is_refused(self) -> None:
        with pytest.raises(PatternError, match="unknown flag `q`"):
            compile_pattern("a", flags="q")

    @pytest.mark.parametrize(
        ("text", "found"), [("[[a]", "["), ("[a&&b]", "&"), ("[a||b]", "|"), ("[[:alpha:]]", ":]")]
    )
    def test_what_re_warns_about_is_read_as_re_reads_it(self, text: str, found: str) -> None:
        with pytest.warns(FutureWarning):
            re.compile(text)
        assert compile_pattern(text).fullmatch(found) == (0, len(found))

    def test_loading_needs_no_other_engine(self) -> None:
        code = (
            "import sys; from policyc.compiler.patterns import compile_pattern as c;"
            "c('a+b').search('aab'); c('x(y)?').search('xy');"
            "assert not {'re2', 'regex'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_threads_may_share_a_pattern(self) -> None:
        pattern = Pattern(r"(?:\w+\s?)*€x$", "")
        texts = [chr(0x430 + n) * 500 + "€x" for n in range(40)]
        wrong: list[str] = []

        def work() -> None:
            wrong.extend(text for text in texts if pattern.search(text) != (0, 502))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
