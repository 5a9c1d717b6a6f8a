"""`--param` and `--params-file`: values, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest

from policyc.cli.exits import Refusal
from policyc.cli.parameters import read_parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("acme.example", "acme.example"),
        ("5", 5),
        ('"5"', "5"),
        ("true", True),
        ('["a", 1]', ["a", 1]),
        ("", ""),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_value_is_json_or_else_a_text(text: str, value: Any) -> None:
    assert read_parameters([f"name={text}"], None) == {"name": value}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["name"], "`--param name` has no value"),
        (["a=1", "a=2"], "the parameter `a` is given twice"),
        (["data=1"], "a parameter cannot be named `data`"),
        (["raise_on_violation=1"], "a parameter cannot be named `raise_on_violation`"),
        (["a-b=1"], "`a-b` cannot be the name of a parameter"),
        (["=1"], "`` cannot be the name of a parameter"),
    ],
)
def test_what_cannot_be_a_parameter_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_parameters(options, None)
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("text", ["[1]", "{", "", '"a"'])
def test_a_file_must_hold_an_object(text: str) -> None:
    file = io.StringIO(text)
    file.name = "params.json"
    with pytest.raises(Refusal, match=r"`params\.json` is no JSON object"):
        read_parameters([], file)
