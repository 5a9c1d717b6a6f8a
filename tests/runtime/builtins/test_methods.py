"""Values as texts, `.format`, and the methods of texts and objects."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.compiler.typesystem import DICT_METHODS, TEXT_METHODS
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins import methods
from policyc.runtime.builtins.methods import call_method, format_text, format_value, to_text
from policyc.runtime.events import Message

MESSAGE = Message({"role": "user"}, (0,), 0)


def call(owner: Any, name: str, *args: Any, **keywords: Any) -> Any:
    return call_method(owner, name, args, keywords)


def test_the_methods_are_those_that_the_compiler_knows() -> None:
    assert methods._METHODS_OF[str].keys() == TEXT_METHODS
    assert methods._METHODS_OF[dict].keys() == DICT_METHODS


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (2.0, "2.0"),
        (["a", None], '["a", null]'),
        (MESSAGE, '{"role": "user"}'),
    ],
)
def test_values_as_texts(value: Any, expected: str) -> None:
    assert to_text(value) == expected


def test_a_number_without_end_is_not_written() -> None:
    with pytest.raises(BuiltinError, match="more than 4300 digits is not written"):
        to_text(10**5000)


@pytest.mark.parametrize(
    ("value", "spec", "expected"),
    [
        (3.14159, ".3", "3.14"),
        (3.14159, ".2f", "3.14"),
        (3.14159, "8.2", "     3.1"),
        ("abcdef", ".3", "abc"),
        ("ab", "4", "ab  "),
        ("ab", ">4", "  ab"),
        ("ab", "^4", " ab "),
        (7, "3", "  7"),
        (7, "<3", "7  "),
        (True, "6", "True  "),
        (None, "", "None"),
    ],
)
def test_width_and_precision(value: Any, spec: str, expected: str) -> None:
    assert format_value(value, spec) == expected


@pytest.mark.parametrize("spec", ["x", "*^10", "10d", ",", "{0}", ".", "99999999"])
def test_other_specifications_are_refused(spec: str) -> None:
    with pytest.raises(BuiltinError, match="is not a width and a precision"):
        format_value("a", spec)


@pytest.mark.parametrize("spec", ["9999999", ".9999999"])
def test_widths_are_bounded(spec: str) -> None:
    with pytest.raises(BuiltinError, match="more than 1000000 characters"):
        format_value(1.5, spec)


@pytest.mark.parametrize(
    ("template", "args", "keywords", "expected"),
    [
        ("{} and {}", ("a", 1), {}, "a and 1"),
        ("{1}{0}{1}", ("a", "b"), {}, "bab"),
        ("{x:.2}|{x}", (), {"x": 2.56}, "2.6|2.56"),
        ("{{{x}}}", (), {"x": 1}, "{1}"),
        ("no field", (), {}, "no field"),
    ],
)
def test_format(template: str, args: Any, keywords: Any, expected: str) -> None:
    assert format_text(template, args, keywords) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{0.role}", "`{0.role}` is not a plain field"),
        ("{0.__class__.__init__.__globals__}", "is not a plain field"),
        ("{0[role]}", "is not a plain field"),
        ("{0!r}", "is not understood from character 1 on"),
        ("a {", "is not understood from character 3 on"),
        ("a }", "is not understood from character 3 on"),
        ("{0:{0}}", "is not understood from character 1 on"),
        ("{2}", "no argument for field `{2}`"),
        ("{y}", "no argument `y`"),
    ],
)
def test_format_reaches_nothing_inside_its_arguments(template: str, message: str) -> None:
    with pytest.raises(BuiltinError, match=message.replace("{", r"\{").replace("[", r"\[")):
        format_text(template, (MESSAGE,), {"x": MESSAGE})


def test_format_stops_before_it_is_too_long() -> None:
    with pytest.raises(BuiltinError, match="more than 1000000 characters"):
        format_text("{0}" * 2000, ("x" * 1000,), {})


@pytest.mark.parametrize(
    ("owner", "name", "args", "expected"),
    [
        (" a ", "strip", (), "a"),
        ("xax", "strip", ("x",), "a"),
        ("A", "lower", (), "a"),
        ("a", "upper", (), "A"),
        ("a\nb", "splitlines", (), ["a", "b"]),
        ("a b", "split", (), ["a", "b"]),
        ("a,b,c", "split", (",", 1), ["a", "b,c"]),
        ("{}", "format", (1,), "1"),
        (", ", "join", (["a", "b"],), "a, b"),
        (", ", "join", (None,), ""),
        ("abc", "startswith", ("ab",), True),
        ("abc", "startswith", (["x", "a"],), True),
        ("abc", "endswith", ("x",), False),
        ("aab", "replace", ("a", "x"), "xxb"),
        ("aab", "replace", ("a", "x", 1), "xab"),
        ("aab", "replace", ("a", "x", 10**30), "xxb"),
        ("a b", "split", (" ", -(10**30)), ["a", "b"]),
        ("aab", "count", ("a",), 2),
        ({"a": 1}, "keys", (), ["a"]),
        ({"a": 1}, "values", (), [1]),
        ({"a": 1}, "items", (), [("a", 1)]),
        ({"a": 1}, "get", ("a",), 1),
        ({"a": 1}, "get", ("b", 2), 2),
        ({"a": 1}, "get", ([],), None),
    ],
)
def test_methods(owner: Any, name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert call(owner, name, *args) == expected


@pytest.mark.parametrize(
    ("owner", "name", "args", "message"),
    [
        ("a", "encode", (), "a text has no method `encode`"),
        ({}, "pop", ("a",), "an object has no method `pop`"),
        ([], "append", (1,), "a list has no method `append`"),
        ("a", "lower", (1,), r"`\.lower` does not take these arguments"),
        ({}, "get", (), r"`\.get` does not take these arguments"),
        ("a", "split", ("",), r"the separator of `\.split` is empty"),
        ("a", "replace", ("a", 1), r"`\.replace` takes a text, not a number"),
        ("a", "startswith", ([1],), r"`\.startswith` takes a text, not a number"),
        (",", "join", ([1],), "a list of texts, and a number is in it"),
        (",", "join", (5,), "takes a list of texts, not a number"),
        ("a" * 1000, "replace", ("a", "b" * 2000), "more than 1000000 characters"),
        ("b" * 2000, "join", (["a"] * 1000,), "more than 1000000 characters"),
        ("a\n" * 1_000_001, "splitlines", (), "more than 1000000 elements"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_methods_refuse(owner: Any, name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        call(owner, name, *args)


def test_a_long_text_of_a_trace_may_be_changed_but_not_grow() -> None:
    text = "ab" * 1_000_000
    assert len(call(text, "replace", "b", "c")) == 2_000_000
    with pytest.raises(BuiltinError, match="more than 1000000 characters"):
        call(text, "replace", "b", "cc")


def test_parts_of_an_interpolated_text_are_bounded_together() -> None:
    assert methods.join_parts(["a", "b"]) == "ab"
    with pytest.raises(BuiltinError, match="more than 1000000 characters"):
        methods.join_parts(["a" * 600_000] * 2)
