"""The sizes that functions of a policy keep to, and the error that says so.

Every built-in checks what it is about to build before it builds it, so that no policy and no trace
can make it slow or large. The limits are fixed: a policy means the same on every machine.
"""

from __future__ import annotations

from types import NoneType

from policyc.runtime.failures import EvaluationError

MAX_SIZE = 1_000_000
"""Characters of a text, digits of a number, elements of a list that a policy may build."""

MAX_JSON = 10_000_000
"""Characters of a JSON text that a policy reads."""

MAX_DIGITS = 4300
"""Digits of a whole number that is read or written; the time grows with their square."""

MAX_COMPARISONS = 5_000_000
"""Comparisons of elements that one call may make where hashing cannot help."""


class BuiltinError(EvaluationError):
    """A function got an argument that it cannot work with; `help` says what to do instead."""

    def __init__(self, message: str, help: str | None = None) -> None:  # noqa: A002  # as in Diagnostic
        super().__init__(message)
        self.help = help

    def __reduce__(self) -> tuple[type[BuiltinError], tuple[str, str | None]]:
        return (type(self), (self.message, self.help))


def check_size(size: int, what: str) -> None:
    """Refuse to build `what` (`a text`, `a list`) when it would have more than MAX_SIZE parts."""
    if size > MAX_SIZE:
        unit = "elements" if what == "a list" else "digits" if what == "a number" else "characters"
        raise BuiltinError(f"{what} of more than {MAX_SIZE} {unit} is not built")


def kind_of(value: object) -> str:
    """What people call a value of this kind, with its article."""
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    name = type(value).__name__
    if name in _NAMES:
        return _NAMES[name]
    return "a function" if callable(value) else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (NoneType, "nothing (None)"),
    (bool, "a truth value"),
    ((int, float), "a number"),
    (str, "a text"),
    ((list, tuple), "a list"),
    (dict, "an object"),
)
_NAMES = {
    "_Absent": "nothing (None)",
    "Chunks": "content in chunks",
    "PatternInFrame": "a tool pattern",
}
"""Kinds of values that are made further up than this module, by the name of their class."""
