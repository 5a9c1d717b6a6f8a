"""The values of a policy's `input.*`, from the options `--param` and `--params-file`."""

from __future__ import annotations

import json
import re
from typing import IO, TYPE_CHECKING, Any, NoReturn

from policyc.cli.exits import Refusal, say_warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from policyc.grammar.source import Source

_TAKEN = ("data", "raise_on_violation", "self", "trace")
"""Names that no parameter can have: the trace itself, and what the analysis is called with."""


def read_parameters(options: Iterable[str], file: IO[str] | None) -> dict[str, Any]:
    """The values of all `--param` options, and those of the file that no option gives.

    Raises:
        Refusal: an option is not `name=value` or is given twice, or the file is no JSON object.
    """
    given: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals:
            raise Refusal(f"`--param {option}` has no value", "write `--param name=value`")
        if name in given:
            raise Refusal(f"the parameter `{name}` is given twice")
        given[name] = _value(text)
    parameters = {**(_read_file(file) if file is not None else {}), **given}
    for name in parameters:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise Refusal(f"`{name}` cannot be the name of a parameter")
        if name in _TAKEN:
            raise Refusal(f"a parameter cannot be named `{name}`: policyc itself uses this name")
    return parameters


def _value(text: str) -> Any:
    """A JSON value; what is none is a text."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> NoReturn:
    """`NaN` and `Infinity` are no JSON."""
    raise ValueError(constant)


def _read_file(file: IO[str]) -> dict[str, Any]:
    try:
        values = json.load(file)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Refusal(f"`{file.name}` is no JSON object of parameters")
    return values


def warn_about_parameters(
    needed: Iterable[str], given: Mapping[str, Any], sources: Sequence[Source]
) -> None:
    """Say which parameters are missing, and which no policy mentions."""
    for name in needed:
        if name not in given:
            say_warning(f"the policy needs the parameter `{name}`: give `--param {name}=VALUE`")
    for name in given:
        if not any(re.search(rf"\b{name}\b", source.text) for source in sources):
            say_warning(f"the policy does not mention the parameter `{name}`")
