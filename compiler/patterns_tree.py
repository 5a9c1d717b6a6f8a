"""Regular expressions as trees: text -> the standard library's own parse -> `Node`.

The syntax and the meaning of a pattern are those of Python's `re`, so its parser is the only one
that reads the text. What comes out here has flags resolved and every set of characters as a
`CharSet` that answers by asking `re` itself; nothing later interprets pattern text again. The tree
is what costs are proven on (`patterns_cost`) and what other engines get their patterns written from
(`patterns_engines`).
"""

from __future__ import annotations

import re

# The parser and compiler of `re` have no public door; Python 3.11 to 3.14 have them by these names.
import re._compiler as sre_compiler  # type: ignore[import-not-found]  # as above
import re._constants as sre  # type: ignore[import-not-found]  # as above
import re._parser as sre_parser  # type: ignore[import-not-found]  # as above
import threading
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from policyc.grammar.diagnostics import PolicycError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH = 100_000
"""Characters of a pattern. A longer one takes seconds to compile."""

MAX_NESTING = 60
"""Groups inside groups. Keeps every walk over a tree far from the recursion limit."""

_ASCII = "".join(map(chr, range(128)))
# One rare character for each kind that the categories of `re` tell apart outside ASCII.
_WORD, _DIGIT, _SPACE, _OTHER = "\ua500", "\ua620", "\u205f", "\u2e3b"
_PROBE = _ASCII + _WORD + _DIGIT + _SPACE + _OTHER
_KIND_BITS = {
    kind: 1 << (128 + index) for index, kind in enumerate((_WORD, _DIGIT, _SPACE, _OTHER))
}
_PROBE_BITS = {char: 1 << index for index, char in enumerate(_PROBE)}
_ALL_KINDS = sum(_KIND_BITS.values())


class PatternError(PolicycError):
    """A text that is no regular expression. `position` is the offset in it, None where there is
    none."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.position))


class CharSet:
    """What one character of the text must be: a literal, a class, a dot. `re` decides, here and
    everywhere."""

    __slots__ = ("_matches", "_node", "flags")

    def __init__(self, node: tuple[Any, Any], flags: int) -> None:
        self._node = node
        self.flags = flags
        self._matches: Any = None

    @property
    def literal(self) -> str | None:
        """The one character that this is, if it is one and its case counts."""
        op, value = self._node
        if op is sre.LITERAL and not self.flags & re.IGNORECASE:
            return chr(value)
        return None

    @property
    def written(self) -> str:
        """What it is made of: sets with the same text hold the same characters."""
        op, value = self._node
        return f"{op} {value} {self.flags}"

    @property
    def is_universal(self) -> bool:
        """Whether every character belongs to it."""
        op, value = self._node
        if op is sre.ANY:
            return bool(self.flags & re.DOTALL)
        if op is not sre.IN or value[0][0] is sre.NEGATE:
            return False
        categories = {item for kind, item in value if kind is sre.CATEGORY}
        return any(_complement(category) in categories for category in categories)

    @property
    def _compiled(self) -> Any:
        if self._matches is None:
            self._matches = _compile_node(self._node, self.flags)
        return self._matches

    def __contains__(self, char: str) -> bool:
        return self._compiled.match(char) is not None

    def ascii(self) -> str:
        """Its ASCII characters."""
        literal = self.literal
        if literal is not None:
            return literal if literal.isascii() else ""
        return "".join(self._compiled.findall(_ASCII))

    def mask(self) -> int:
        """A bit for each ASCII character and each of four kinds outside of ASCII that it *may*
        contain.

        Two sets with disjoint masks have no character in common.
        """
        literal = self.literal
        if literal is not None and literal.isascii():
            return 1 << ord(literal)
        mask = 0
        for char in self._compiled.findall(_PROBE):
            mask |= _PROBE_BITS[char]
        return mask | self._explicit_kinds(mask)

    def _explicit_kinds(self, mask: int) -> int:
        op, value = self._node
        items = value if op is sre.IN else [(op, value)]
        kinds = 0
        for kind, item in items:
            if kind is sre.LITERAL and item > 127:
                kinds |= _kind_of(chr(item))
            elif kind in (sre.NEGATE, sre.NOT_LITERAL) or (kind is sre.RANGE and item[1] > 127):
                kinds |= _ALL_KINDS
        if self.flags & re.IGNORECASE and mask & ((1 << 128) - 1):
            # The Kelvin sign is a k, the long s an s, a dotless i an i.
            kinds |= _KIND_BITS[_WORD]
        return kinds


def _complement(category: Any) -> Any:
    name = str(category)
    stem = name.removeprefix("CATEGORY_").removeprefix("NOT_")
    opposite = f"CATEGORY_{stem}" if "NOT_" in name else f"CATEGORY_NOT_{stem}"
    return getattr(sre, opposite, None)


def _kind_of(char: str) -> int:
    if char.isdecimal():
        return _KIND_BITS[_DIGIT]
    if char.isalnum():
        return _KIND_BITS[_WORD]
    return _KIND_BITS[_SPACE if char.isspace() else _OTHER]


def _compile_node(node: tuple[Any, Any], flags: int) -> re.Pattern[str]:
    state = sre_parser.State()
    state.flags = flags
    compiled: re.Pattern[str] = sre_compiler.compile(sre_parser.SubPattern(state, [node]), flags)
    return compiled


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set. `number` is the set's place in `Tree.sets`."""

    number: int


@dataclass(frozen=True, slots=True)
class Seq:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` from `low` to `high` times; None is without end."""

    low: int
    high: int | None
    mode: Literal["greedy", "lazy", "possessive"]
    body: Node


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group."""

    number: int
    body: Node


@dataclass(frozen=True, slots=True)
class Atomic:
    body: Node


AtKind = Literal["start", "line start", "end", "line end", "dollar", "word", "not word"]


@dataclass(frozen=True, slots=True)
class At:
    """A place. `dollar` is the end or before a newline at the end; `word` uses the set `number`."""

    kind: AtKind
    number: int = -1


@dataclass(frozen=True, slots=True)
class Look:
    """What must or must not stand ahead or behind."""

    is_ahead: bool
    is_negative: bool
    body: Node


@dataclass(frozen=True, slots=True)
class Backref:
    number: int
    ignores_case: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """`yes` if the group took part, else `no`."""

    number: int
    yes: Node
    no: Node


Node = Chars | Seq | Alt | Repeat | Group | Atomic | At | Look | Backref | Choice

EMPTY = Seq(())


def walk(node: Node) -> Iterable[Node]:
    """The node and all below it."""
    yield node
    match node:
        case Seq(items):
            below: tuple[Node, ...] = items
        case Alt(options):
            below = options
        case Repeat(_, _, _, body) | Group(_, body) | Atomic(body) | Look(_, _, body):
            below = (body,)
        case Choice(_, yes, no):
            below = (yes, no)
        case _:
            below = ()
    for child in below:
        yield from walk(child)


_MEANT = int(re.IGNORECASE | re.DOTALL | re.ASCII | re.UNICODE)
"""The flags that matter to a single character."""

_MULTILINE = int(re.MULTILINE)

_Sets = dict[tuple[Any, Any, int], int]
"""What a set is made of -> its number."""


class Tree:
    """A parsed pattern: its compiled form in `re`, and on demand the nodes."""

    def __init__(self, parsed: Any) -> None:
        self._parsed = parsed
        self._flags: int = parsed.state.flags
        self.groups: int = parsed.state.groups - 1
        self.group_names: dict[str, int] = dict(parsed.state.groupdict)
        low, high = parsed.getwidth()
        self.min_width: int = low
        self.max_width: int | None = None if high >= sre.MAXREPEAT else high
        self.sets: list[CharSet] = []

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern in `re`."""
        try:
            result: re.Pattern[str] = sre_compiler.compile(self._parsed, self._flags)
        except (RecursionError, OverflowError, MemoryError):
            raise PatternError("the pattern is too large") from None
        return result

    @cached_property
    def root(self) -> Node:
        """The nodes; fills `sets`."""
        sets: _Sets = {}
        root = self._sequence(self._parsed, self._flags, sets)
        return root

    def group_widths(self) -> dict[int, int | None]:
        """The greatest width of each group; None is without end."""
        widths = enumerate(self._parsed.state.groupwidths)
        return {n: None if w[1] >= sre.MAXREPEAT else w[1] for n, w in widths if w is not None}

    def _set(self, node: tuple[Any, Any], flags: int, sets: _Sets) -> int:
        flags &= _MEANT
        op, value = node
        key = (op, tuple(value) if op is sre.IN else value, flags)
        if key not in sets:
            sets[key] = len(self.sets)
            self.sets.append(CharSet(node, flags))
        return sets[key]

    def _sequence(self, items: Any, flags: int, sets: _Sets) -> Node:
        nodes = tuple(self._node(op, value, flags, sets) for op, value in items or ())
        return nodes[0] if len(nodes) == 1 else Seq(nodes)

    def _node(self, op: Any, value: Any, flags: int, sets: _Sets) -> Node:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return Chars(self._set((op, value), flags, sets))
        if op is sre.BRANCH:
            return Alt(tuple(self._sequence(option, flags, sets) for option in value[1]))
        if op is sre.SUBPATTERN:
            number, added, removed, body = value
            if added & sre_parser.TYPE_FLAGS:
                flags &= ~sre_parser.TYPE_FLAGS
            node = self._sequence(body, (flags | added) & ~removed, sets)
            return node if number is None else Group(number, node)
        if op in _REPEATS:
            low, high, body = value
            limit = None if high is sre.MAXREPEAT or high >= sre.MAXREPEAT else int(high)
            return Repeat(int(low), limit, _REPEATS[op], self._sequence(body, flags, sets))
        if op is sre.ATOMIC_GROUP:
            return Atomic(self._sequence(value, flags, sets))
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            body = self._sequence(value[1], flags, sets)
            return Look(value[0] > 0, op is sre.ASSERT_NOT, body)
        if op is sre.FAILURE:
            return Look(is_ahead=True, is_negative=True, body=EMPTY)
        if op is sre.AT:
            return self._place(value, flags, sets)
        if op is sre.GROUPREF:
            return Backref(value, bool(flags & re.IGNORECASE))
        if op is sre.GROUPREF_EXISTS:
            number, yes, no = value
            return Choice(number, self._sequence(yes, flags, sets), self._sequence(no, flags, sets))
        raise PatternError(f"unknown construct {str(op).lower()}")

    def _place(self, place: Any, flags: int, sets: _Sets) -> At:
        if place in (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY):
            word = (sre.IN, [(sre.CATEGORY, sre.CATEGORY_WORD)])
            number = self._set(word, flags & int(re.ASCII | re.UNICODE), sets)
            return At("word" if place is sre.AT_BOUNDARY else "not word", number)
        if flags & _MULTILINE and place in (sre.AT_BEGINNING, sre.AT_END):
            return At("line start" if place is sre.AT_BEGINNING else "line end")
        return At(_PLACES[place])


_REPEATS: dict[Any, Literal["greedy", "lazy", "possessive"]] = {
    sre.MAX_REPEAT: "greedy",
    sre.MIN_REPEAT: "lazy",
    sre.POSSESSIVE_REPEAT: "possessive",
}
_PLACES: dict[Any, AtKind] = {
    sre.AT_BEGINNING: "start",
    sre.AT_BEGINNING_STRING: "start",
    sre.AT_END: "dollar",
    sre.AT_END_STRING: "end",
}


# --- reading ---

# What `re` warns about is its right meaning today; a warning turned into an exception must not
# reach a policy.
_WARNS = re.compile(r"\[\^?\[|--|&&|~~|\|\||\(\?\(|\\g<|\(\?P<")
_warnings_lock = threading.Lock()


def parse_tree(text: str, flags: int, *, is_dollar_end: bool) -> Tree:
    """Read a pattern. `is_dollar_end`: `$` means the very end and no newline may follow.

    Raises:
        PatternError: the text is no regular expression, or one that is too large.
    """
    if len(text) > MAX_LENGTH:
        raise PatternError(f"the pattern is longer than {MAX_LENGTH} characters")
    try:
        parsed = _parse(text, flags)
        tree = Tree(parsed)
        if "(?<" in text:
            _check_lookbehind(parsed)
    except re.error as error:
        raise PatternError(_in_plain_words(error, text), error.pos) from None
    except (OverflowError, MemoryError):
        raise PatternError("a repeat count is too large") from None
    except RecursionError:
        raise PatternError("the groups are nested too deeply") from None
    if is_dollar_end:
        _end_dollars(parsed, parsed.state.flags)
    return tree


def _parse(text: str, flags: int) -> Any:
    if text.count("(") > MAX_NESTING:
        _check_nesting(text)
    if _WARNS.search(text) is None:
        return sre_parser.parse(text, flags)
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sre_parser.parse(text, flags)


def _check_nesting(text: str) -> None:
    """An upper bound of the depth from the brackets alone; escapes and classes are skipped."""
    depth = 0
    for found in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]", text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth > MAX_NESTING:
            raise PatternError("the groups are nested too deeply", found.start())


def _children(op: Any, value: Any) -> list[Any]:
    if op is sre.BRANCH:
        return list(value[1])
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op in _REPEATS:
        return [value[2]]
    if op is sre.ATOMIC_GROUP:
        return [value]
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if op is sre.GROUPREF_EXISTS:
        return [branch for branch in value[1:] if branch is not None]
    return []


def _check_lookbehind(items: Any) -> None:
    for op, value in items:
        if op in (sre.ASSERT, sre.ASSERT_NOT) and value[0] < 0:
            low, high = value[1].getwidth()
            if low != high:
                raise PatternError("what a look-behind looks for must have one fixed length")
        for child in _children(op, value):
            _check_lookbehind(child)


def _end_dollars(items: Any, flags: int) -> None:
    """Make each `$` outside of multi-line mode the very end, in the parse itself."""
    for index, (op, value) in enumerate(items):
        if op is sre.AT and value is sre.AT_END and not flags & re.MULTILINE:
            items[index] = (sre.AT, sre.AT_END_STRING)
        inner = flags
        if op is sre.SUBPATTERN:
            inner = (flags | value[1]) & ~value[2]
        for child in _children(op, value):
            _end_dollars(child, inner)


_PLAIN_WORDS = {
    "nothing to repeat": "{sign} has nothing to repeat",
    "multiple repeat": "{sign} repeats what is repeated already",
    "missing ), unterminated subpattern": "a `(` is never closed",
    "unbalanced parenthesis": "a `)` closes nothing",
    "unterminated character set": "a `[` is never closed",
    "bad escape (end of pattern)": "the pattern ends in a lone backslash",
    "look-behind requires fixed-width pattern": (
        "what a look-behind looks for must have one fixed length"
    ),
    "global flags not at the start of the expression": (
        "flags such as `(?i)` are only allowed at the start"
    ),
    "the repetition number is too large": "a repeat count is too large",
    "min repeat greater than max repeat": "the smallest repeat count is greater than the largest",
    "unexpected end of pattern": "the pattern ends in the middle of something",
}


def _in_plain_words(error: re.error, text: str) -> str:
    at = error.pos if error.pos is not None else 0
    known = _PLAIN_WORDS.get(error.msg)
    if known is not None:
        return known.format(sign=f"`{text[at : at + 1]}`")
    message = error.msg.replace("subpattern", "group")
    if "flag" in message and "str" in message:
        return "this flag cannot be used"
    return re.sub(
        r"(bad escape|bad character range|unknown extension|unknown group name) (.+)",
        _quoted,
        message,
    )


def _quoted(found: re.Match[str]) -> str:
    kind, what = found[1], found[2]
    words = {"bad escape": "unknown escape", "unknown group name": "unknown group"}.get(kind, kind)
    return f"{words} `{what.strip(chr(39))}`"
