"""The module `re`: regular expressions over texts and whatever holds texts, safe against slow
patterns.

What looks for something takes anything that `text(...)` takes, like the built-ins `match` and
`find`; what makes a new text takes one text, or None for an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.compiler.patterns import compile_pattern
from policyc.runtime.bounds import BuiltinError, check_size, kind_of
from policyc.runtime.texts import collect_texts

if TYPE_CHECKING:
    from policyc.compiler.patterns import Pattern


def search(pattern: Any, data: Any) -> bool:
    compiled = _compiled(pattern)
    return any(compiled.search(text) is not None for text, _ in collect_texts(data))


def fullmatch(pattern: Any, data: Any) -> bool:
    compiled = _compiled(pattern)
    return any(compiled.fullmatch(text) is not None for text, _ in collect_texts(data))


def findall(pattern: Any, data: Any) -> list[Any]:
    compiled = _compiled(pattern)
    found = [match for text, _ in collect_texts(data) for match in compiled.findall(text)]
    check_size(len(found), "a list")
    return found


def sub(pattern: Any, replacement: Any, text: Any, count: Any = 0) -> str:
    compiled = _compiled(pattern)
    if not isinstance(replacement, str):
        raise BuiltinError(f"the replacement of `sub` is a text, not {kind_of(replacement)}")
    return compiled.sub(replacement, _text(text, "sub"), _count(count, "sub"))


def split(pattern: Any, text: Any, maxsplit: Any = 0) -> list[Any]:
    pieces = _compiled(pattern).split(_text(text, "split"), _count(maxsplit, "split"))
    check_size(len(pieces), "a list")
    return pieces


def _compiled(pattern: Any) -> Pattern:
    if isinstance(pattern, str):
        return compile_pattern(pattern)
    raise BuiltinError(f"a pattern is a text, not {kind_of(pattern)}")


def _text(value: Any, function: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise BuiltinError(f"`{function}` takes a text, not {kind_of(value)}")


def _count(value: Any, function: str) -> int:
    if isinstance(value, int):
        return value
    raise BuiltinError(f"`{function}` takes a whole number of times, not {kind_of(value)}")
