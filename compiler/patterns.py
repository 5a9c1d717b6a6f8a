"""Regular expressions that no text can make hang.

A pattern means what it means in Python's `re`. What differs is who answers: `re` itself where its
work is proven to be bounded (`patterns_cost`), else google-re2, which is linear, else `regex` with
a time limit. A question that cannot be answered in time is an exception, never "no match".

`compile_pattern` gives a `Pattern`; equal texts give the same one. Loading a pattern only reads it;
which engine suits is found at its first use. Patterns are immutable as far as anyone can see,
thread-safe and picklable.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from policyc.compiler.patterns_cost import UNLIMITED, Mode, longest_text
from policyc.compiler.patterns_engines import Re2Program, RegexProgram, Unsupported, fits_re2
from policyc.compiler.patterns_shape import Shape, quick_shape, shape_of
from policyc.compiler.patterns_template import parse_template
from policyc.compiler.patterns_tree import PatternError, Tree, parse_tree
from policyc.grammar.diagnostics import PolicycError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.compiler.patterns_engines import Spans

__all__ = [
    "Lowering",
    "Pattern",
    "PatternError",
    "PatternLimit",
    "PatternTimeout",
    "compile_pattern",
    "compile_value_pattern",
]

TIMEOUT = 1.0
"""Seconds that one call may take by default."""

MOST_RESULT = 1_000_000
"""Characters that `sub` may build, if the text itself was not longer."""

_MOST_TIMED_OUT = 64

Span = tuple[int, int]
Engine = Literal["literal", "re", "re2", "regex"]
Operation = Literal["search", "match", "fullmatch"]


class PatternLimit(PolicycError):
    """A pattern that cannot be applied to a text within the limits."""


class PatternTimeout(PatternLimit):
    """The time for one call is over, or is known not to suffice."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """What an operation amounts to without a regular expression: `text` is equal to, at the start
    of, ..."""

    kind: Literal["equals", "startswith", "endswith", "contains"]
    text: str


_FLAGS = {
    "a": int(re.ASCII),
    "i": int(re.IGNORECASE),
    "m": int(re.MULTILINE),
    "s": int(re.DOTALL),
    "x": int(re.VERBOSE),
    "$": 0,
}


@lru_cache(maxsize=2048)
def compile_pattern(text: str, *, flags: str = "") -> Pattern:
    """The pattern of a text, in the syntax of Python's `re`.

    Args:
        text: the regular expression. flags: letters as in `(?ims)`: `a`, `i`, `m`, `s`, `x`; and
        `$`: a `$` means the very end, so that no newline
            may follow it (outside of multi-line mode).

    Raises:
        PatternError: the text is no regular expression.
    """
    return Pattern(text, flags)


def compile_value_pattern(text: str) -> Pattern:
    """The pattern of an argument of a tool pattern: for `fullmatch`, `.` is any character, `$` is
    the very end.

    Raises:
        PatternError: the text is no regular expression.
    """
    return compile_pattern(text, flags="s$")


class Pattern:
    """A regular expression. Places are offsets in characters, (start, end), the end exclusive.

    Every operation takes `timeout`, the seconds it may take (default `TIMEOUT`), and raises
    PatternTimeout when they are over and PatternLimit when there is no safe way to answer for that
    text.
    """

    def __init__(self, text: str, flags: str = "") -> None:
        unknown = sorted(set(flags) - set(_FLAGS))
        if unknown:
            raise PatternError(f"unknown flag `{unknown[0]}`")
        self.text = text
        self.flags = flags
        self._timed_out: dict[tuple[int, int], float] = {}
        """Length and hash of texts for which so many seconds were not enough."""
        self._shape_of_text = quick_shape(text, flags)
        if self._shape_of_text is None:
            self._tree  # noqa: B018  # read now: a bad pattern is refused when it is loaded

    def __repr__(self) -> str:
        return f"Pattern({self.text!r}, {self.flags!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self.text, self.flags))

    # --- what is known of it

    @property
    def groups(self) -> int:
        """The number of capturing groups."""
        return 0 if self._shape_of_text is not None else self._tree.groups

    @cached_property
    def literal(self) -> str | None:
        """The text that the pattern stands for, if it has no operators: `==`, `in` and `startswith`
        answer then."""
        shape = self._shape
        return shape.text if shape is not None and shape.is_plain else None

    @property
    def literal_prefix(self) -> str | None:
        """The text that a whole text must start with, if `fullmatch` asks for no more: `abc.*`."""
        lowering = self.lowering("fullmatch")
        return lowering.text if lowering is not None and lowering.kind == "startswith" else None

    def lowering(self, operation: Operation) -> Lowering | None:
        """How to answer "does it match?" without a regular expression; None if it takes one."""
        shape = self._shape
        if shape is None:
            return None
        anchors_start = operation != "search" or shape.is_at_start
        anchors_end = operation == "fullmatch" or shape.is_at_end
        if anchors_start and shape.has_left_loop and not shape.has_left_any:
            return None
        if anchors_end and shape.has_right_loop and not shape.has_right_any:
            return None
        is_left_open = not anchors_start or shape.has_left_any
        is_right_open = not anchors_end or shape.has_right_any
        if is_left_open:
            return Lowering("contains" if is_right_open else "endswith", shape.text)
        return Lowering("startswith" if is_right_open else "equals", shape.text)

    @property
    def can_be_empty(self) -> bool:
        """Whether an empty text can be a match."""
        if self._shape_of_text is not None:
            return not self._shape_of_text.text
        return self._tree.min_width == 0

    def is_total(self, operation: Operation) -> bool:
        """Whether the operation answers for every text: no time limit can refuse it."""
        if self.lowering(operation) is not None:
            return True
        longest: int = getattr(self, f"_longest_{operation}")
        return longest == UNLIMITED

    @cached_property
    def engine(self) -> Engine:
        """Who answers a search in a long text."""
        if self.literal is not None:
            return "literal"
        if self._longest_search == UNLIMITED:
            return "re"
        return "re2" if self._fits_re2 else "regex"

    # --- does it match?

    @cached_property
    def search_test(self) -> Callable[[str], object]:
        """The quickest call whose answer is true if `search` finds something. Read it where it is
        first called: choosing it costs more than loading the pattern."""
        return self._test("search")

    @cached_property
    def match_test(self) -> Callable[[str], object]:
        """As `search_test`, for `match`."""
        return self._test("match")

    @cached_property
    def fullmatch_test(self) -> Callable[[str], object]:
        """As `search_test`, for `fullmatch`."""
        return self._test("fullmatch")

    def _test(self, operation: Operation) -> Callable[[str], object]:
        lowering = self.lowering(operation)
        if lowering is not None:
            return _lowered(lowering)
        call: Callable[[str], object]
        if getattr(self, f"_longest_{operation}") == UNLIMITED:
            call = getattr(self._tree.compiled, operation)
        else:
            call = getattr(self, operation)
        return call

    # --- where does it match?

    def search(self, text: str, *, timeout: float | None = None) -> Span | None:
        """The place of the first match."""
        if len(text) <= self._longest_search:
            found = self._tree.compiled.search(text)
            return None if found is None else found.span()
        return self._first(text, "search", timeout)

    def match(self, text: str, *, timeout: float | None = None) -> Span | None:
        """The place of the match at the start of the text."""
        if len(text) <= self._longest_match:
            found = self._tree.compiled.match(text)
            return None if found is None else found.span()
        return self._first(text, "match", timeout)

    def fullmatch(self, text: str, *, timeout: float | None = None) -> Span | None:
        """The place of a match of the whole text."""
        if len(text) <= self._longest_fullmatch:
            found = self._tree.compiled.fullmatch(text)
            return None if found is None else found.span()
        return self._first(text, "fullmatch", timeout)

    def finditer(self, text: str, *, timeout: float | None = None) -> list[Span]:
        """The places of all matches, from left to right, none inside another."""
        return [spans[0] for spans in self._every(text, timeout, has_groups=False)]

    # --- texts

    def findall(
        self, text: str, *, timeout: float | None = None
    ) -> list[str] | list[tuple[str, ...]]:
        """The texts of all matches: of the only group if there is one, of all groups if there are
        more."""
        found = list(self._every(text, timeout, has_groups=self.groups > 0))
        if self.groups <= 1:
            return [_cut(text, spans[-1]) or "" for spans in found]
        return [tuple(_cut(text, span) or "" for span in spans[1:]) for spans in found]

    def sub(
        self, replacement: str, text: str, count: int = 0, *, timeout: float | None = None
    ) -> str:
        """The text with its matches (the first `count`, if that is not 0) replaced; `\\1` is a
        group's text.

        Raises:
            PatternError: the replacement has an unknown escape or group.
            PatternLimit: the result is longer than `MOST_RESULT`.
        """
        template = parse_template(replacement, self.groups, self._group_names)
        needs_groups = any(isinstance(piece, int) and piece for piece in template)
        pieces: list[str] = []
        end = length = 0
        most = max(MOST_RESULT, len(text))
        for number, spans in enumerate(self._every(text, timeout, has_groups=needs_groups), 1):
            new = [p if isinstance(p, str) else _cut(text, spans[p]) or "" for p in template]
            new.insert(0, text[end : spans[0][0]])
            pieces += new
            length += sum(map(len, new))
            if length > most:
                raise PatternLimit(
                    f"replacing {self._name} makes a text of more than {most} characters"
                )
            end = spans[0][1]
            if number == count:
                break
        pieces.append(text[end:])
        if length + len(pieces[-1]) > most:
            raise PatternLimit(
                f"replacing {self._name} makes a text of more than {most} characters"
            )
        return "".join(pieces)

    def split(
        self, text: str, maxsplit: int = 0, *, timeout: float | None = None
    ) -> list[str | None]:
        """The texts between the matches, with the texts of the groups in between."""
        pieces: list[str | None] = []
        end = 0
        if maxsplit >= 0:
            for number, spans in enumerate(
                self._every(text, timeout, has_groups=self.groups > 0), 1
            ):
                pieces.append(text[end : spans[0][0]])
                pieces += [_cut(text, span) for span in spans[1:]]
                end = spans[0][1]
                if number == maxsplit:
                    break
        pieces.append(text[end:])
        return pieces

    # --- inside

    @cached_property
    def _tree(self) -> Tree:
        flags = sum(_FLAGS[letter] for letter in set(self.flags))
        return parse_tree(self.text, flags, is_dollar_end="$" in self.flags)

    @cached_property
    def _shape(self) -> Shape | None:
        return self._shape_of_text or shape_of(self._tree)

    @property
    def _group_names(self) -> dict[str, int]:
        return {} if self._shape_of_text is not None else self._tree.group_names

    @property
    def _name(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"`{text}`"

    @cached_property
    def _fits_re2(self) -> bool:
        return fits_re2(self._tree)

    @cached_property
    def _re2(self) -> Re2Program:
        return Re2Program(self._tree)

    @cached_property
    def _regex(self) -> RegexProgram:
        return RegexProgram(self._tree)

    # The lengths up to which `re` is asked.

    @cached_property
    def _longest_search(self) -> int:
        return self._longest(Mode.SEARCH)

    @cached_property
    def _longest_match(self) -> int:
        return self._longest(Mode.MATCH)

    @cached_property
    def _longest_fullmatch(self) -> int:
        return self._longest(Mode.FULLMATCH)

    def _longest(self, mode: Mode) -> int:
        if self.literal is not None:
            return UNLIMITED
        return longest_text(self._tree, mode, has_linear_engine=self._fits_re2)

    def _first(self, text: str, operation: Operation, timeout: float | None) -> Span | None:
        seconds = TIMEOUT if timeout is None else timeout
        if self._fits_re2:
            try:
                found = self._re2.on(text, operation, has_groups=False)(0)
            except Unsupported:
                pass
            else:
                return None if found is None else found[0]
        with self._refusals(text, seconds):
            found = self._regex.on(text, operation)(0, seconds)
            return None if found is None else found[0]

    def _every(self, text: str, timeout: float | None, *, has_groups: bool) -> Iterator[Spans]:
        """The places of the matches and (if asked for) of their groups."""
        if len(text) <= self._longest_search:
            return (found.regs for found in self._tree.compiled.finditer(text))
        seconds = TIMEOUT if timeout is None else timeout
        # An empty match makes `re` look for another one at the same place; google-re2 has no word
        # for that.
        if self._fits_re2 and self._tree.min_width > 0:
            try:
                find = self._re2.on(text, "search", has_groups=has_groups)
            except Unsupported:
                pass
            else:
                return self._walk(find, text, seconds)
        return self._walk_regex(text, seconds)

    def _walk(
        self, find: Callable[[int], Spans | None], text: str, seconds: float
    ) -> Iterator[Spans]:
        deadline = monotonic() + seconds
        spans = find(0)
        while spans is not None:
            yield spans
            if monotonic() > deadline:
                # Each search is linear; there can be as many as there are characters.
                raise self._timeout(text, seconds)
            spans = find(spans[0][1])

    def _walk_regex(self, text: str, seconds: float) -> Iterator[Spans]:
        with self._refusals(text, seconds):
            yield from self._regex.every(text, seconds)

    @contextmanager
    def _refusals(self, text: str, seconds: float) -> Iterator[None]:
        if self._timed_out.get((len(text), hash(text)), 0.0) >= seconds:
            # Whoever asks again (for the place of an error, say) would wait as long for the same
            # answer.
            raise self._timeout(text, seconds)
        try:
            yield
        except TimeoutError:
            if len(self._timed_out) >= _MOST_TIMED_OUT:
                self._timed_out.clear()
            self._timed_out[len(text), hash(text)] = seconds
            raise self._timeout(text, seconds) from None
        except (Unsupported, MemoryError):
            what = f"a text of {len(text)} characters"
            raise PatternLimit(f"{self._name} cannot be applied safely to {what}") from None

    def _timeout(self, text: str, seconds: float) -> PatternTimeout:
        what = f"a text of {len(text)} characters"
        return PatternTimeout(f"{self._name} took more than {seconds:g} s on {what}")


def _restore(text: str, flags: str) -> Pattern:
    return compile_pattern(text, flags=flags)


def _cut(text: str, span: Span) -> str | None:
    return None if span[0] < 0 else text[span[0] : span[1]]


def _lowered(lowering: Lowering) -> Callable[[str], object]:
    wanted = lowering.text
    match lowering.kind:
        case "equals":
            return lambda text: text == wanted
        case "startswith":
            return lambda text: text.startswith(wanted)
        case "endswith":
            return lambda text: text.endswith(wanted)
        case "contains":
            return lambda text: wanted in text
