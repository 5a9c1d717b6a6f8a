"""The engines that take what `re` cannot be trusted with: google-re2, and `regex` with a time
limit.

Neither reads a pattern as `re` does: their `$`, `\\w`, `\\b`, `{,3}`, `[[:x:]]` and cases of
letters differ. So each gets a pattern written from the tree, in the few constructs that mean the
same, and a text in which every character outside ASCII is replaced by a stand-in: one that belongs
to exactly the sets of the pattern that the character belongs to, as `re` itself says. Characters
are replaced one for one, so places in the text are kept.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from policyc.compiler.patterns_tree import (
    Alt,
    At,
    Atomic,
    Backref,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Seq,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.compiler.patterns_tree import Tree

Spans = tuple[tuple[int, int], ...]
"""The place of the match, then of each group; (-1, -1) is a group that took no part."""


class Unsupported(Exception):
    """The engine cannot take this pattern or this text without changing its meaning."""


class _Alphabet:
    """Stand-ins for the characters outside ASCII.

    Characters that belong to the same sets of the pattern are of one *kind*; kinds are numbered as
    they are met. `stand_in` gets the kind, its number, and how many characters of that kind there
    were before.
    """

    def __init__(self, tree: Tree, stand_in: Callable[[Kind, int, int], str]) -> None:
        self._sets = tree.sets
        self._stand_in = stand_in
        self.kinds: dict[Kind, int] = {}
        self._members: dict[Kind, int] = {}
        self._table: dict[int, str] = {}

    def encode(self, text: str) -> str:
        """The text in stand-ins.

        Raises:
            Unsupported: it has characters that nothing can stand for.
        """
        if len(self._table) > _MOST_REMEMBERED:
            self._table.clear()
            self._members.clear()
        present = [char for char in set(text) if char > "\x7f"]
        for char in present:
            if ord(char) not in self._table:
                self._table[ord(char)] = self._new(char)
        if len(present) > _MOST_REPLACED:
            return text.translate(self._table)
        new = [self._table[ord(char)] for char in present]
        if not set(new).isdisjoint(present):
            return text.translate(self._table)
        for char, stand_in in zip(present, new, strict=True):
            text = text.replace(char, stand_in)
        return text

    def kind_of(self, char: str) -> Kind:
        return tuple(char in chars for chars in self._sets)

    def _new(self, char: str) -> str:
        kind = self.kind_of(char)
        number = self.kinds.setdefault(kind, len(self.kinds))
        ordinal = self._members.get(kind, 0)
        self._members[kind] = ordinal + 1
        return self._stand_in(kind, number, ordinal)


Kind = tuple[bool, ...]
"""Which sets of the pattern a character belongs to."""

_MOST_REMEMBERED = 4096
"""Characters whose stand-ins are kept from one text to the next."""

_MOST_REPLACED = 20
"""Different characters up to which replacing each in turn is quicker than looking up every one."""


def _class(chars: str, blocks: list[tuple[str, str]], never: str) -> str:
    """A class of exactly these characters and ranges, in the syntax that both engines share."""
    ranges: list[tuple[str, str]] = []
    for char in sorted(chars):
        if ranges and ord(char) == ord(ranges[-1][1]) + 1:
            ranges[-1] = (ranges[-1][0], char)
        else:
            ranges.append((char, char))
    pieces = [f"{_escape(low)}-{_escape(high)}" for low, high in ranges + blocks]
    return f"[{''.join(pieces)}]" if pieces else never


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\U{code:08x}"


class _Writer(ABC):
    """Writes a tree as a pattern. The dialects override what they know better; what they do not, is
    refused."""

    def __init__(self, tree: Tree, classes: list[str]) -> None:
        self._tree = tree
        self._classes = classes

    def write(self, node: Node) -> str:
        match node:
            case Chars(number):
                return self._classes[number]
            case Seq(items):
                return "".join(self.write(item) for item in items)
            case Alt(options):
                return f"(?:{'|'.join(self.write(option) for option in options)})"
            case Repeat(low, high, mode, body):
                return self.repeat(low, high, mode, self.write(body))
            case Group(number, body):
                return self.group(number, body)
            case At():
                return self.place(node)
            case _:
                return self.special(node)

    def repeat(self, low: int, high: int | None, mode: str, body: str) -> str:
        count = f"{{{low},{'' if high is None else high}}}"
        return f"(?:{body}){count}{'?' if mode == 'lazy' else ''}"

    @abstractmethod
    def group(self, number: int, body: Node) -> str: ...

    @abstractmethod
    def place(self, node: At) -> str: ...

    @abstractmethod
    def special(self, node: Node) -> str: ...


# --- google-re2 ---

_RE2_MOST_REPEATS = 1000
_MOST_BYTES = 128
"""Bytes that are no ASCII: one for each kind of other characters."""

RE2_STEPS = 200_000_000
"""Length of the text times size of the program: what its slow path walks in about a second."""


def fits_re2(tree: Tree) -> bool:
    """Whether google-re2 has every construct of the pattern."""
    for node in walk(tree.root):
        match node:
            case Look() | Backref() | Choice() | Atomic() | At("not word"):
                return False
            case Repeat(low, high, mode, _):
                if mode == "possessive" or max(low, high or 0) > _RE2_MOST_REPEATS:
                    return False
            case _:
                pass
    return True


class _Re2Writer(_Writer):
    """`dollar`: how `$` is written. `captures` are the numbers of the groups written; 0 marks an
    end."""

    def __init__(self, tree: Tree, classes: list[str], *, dollar: str, has_groups: bool) -> None:
        super().__init__(tree, classes)
        self._dollar = dollar
        self._has_groups = has_groups
        self.captures: list[int] = []

    def repeat(self, low: int, high: int | None, mode: str, body: str) -> str:
        if (low, high) in _SIGNS:
            return f"(?:{body}){_SIGNS[low, high]}{'?' if mode == 'lazy' else ''}"
        return super().repeat(low, high, mode, body)

    def group(self, number: int, body: Node) -> str:
        if not self._has_groups:
            return f"(?:{self.write(body)})"
        self.captures.append(number)
        return f"({self.write(body)})"

    def place(self, node: At) -> str:
        if node.kind != "dollar":
            return _RE2_PLACES[node.kind]
        if self._dollar == _MARKED_DOLLAR:
            self.captures.append(0)
        return self._dollar

    def special(self, node: Node) -> str:
        raise Unsupported


_SIGNS: dict[tuple[int, int | None], str] = {(0, None): "*", (1, None): "+", (0, 1): "?"}
_RE2_PLACES = {
    "start": r"\A",
    "line start": "(?m:^)",
    "end": r"\z",
    "line end": "(?m:$)",
    "word": r"\b",
}


_MARKED_DOLLAR = r"()\n?\z"
"""`$` in a text that ends in a newline. It must not read the newline, so a group marks the place
before."""


class Re2Program:
    """A pattern in google-re2. Answers in time linear in the text, whatever the text."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._alphabet = _Alphabet(tree, self._stand_in)
        self._compiled: dict[tuple[int, str, bool], tuple[Any, list[int]]] = {}
        nodes = list(walk(tree.root))
        self._words = {n.number for n in nodes if isinstance(n, At) and n.kind == "word"}
        self._dollars = sum(isinstance(n, At) and n.kind == "dollar" for n in nodes)
        self._has_inner_dollar = self._dollars > _dollars_at_the_end(tree.root)
        self._has_counts = any(isinstance(n, Repeat) and (n.high or n.low) > 1 for n in nodes)

    def on(self, text: str, mode: str, *, has_groups: bool) -> Callable[[int], Spans | None]:
        """A function that applies the pattern to the text from a place on.

        Raises:
            Unsupported: this text needs the other engine.
        """
        data, kinds = self._encoded(text)
        program, captures = self._program(kinds, self._dollar(text, mode), has_groups)
        if self._has_counts and len(data) * program.programsize > RE2_STEPS:
            raise Unsupported
        apply = getattr(program, mode)

        def find(start: int) -> Spans | None:
            found = apply(data, start)
            if found is None:
                return None
            if not captures:
                return (found.span(),)
            return self._spans([found.span(n) for n in range(len(captures) + 1)], captures)

        return find

    def _spans(self, found: list[tuple[int, int]], captures: list[int]) -> Spans:
        """Number the groups as the author did, and leave out what a `$` read."""
        start, end = found[0]
        ends = [at for number, (at, _) in zip(captures, found[1:], strict=True) if not number]
        end = max([at for at in ends if at >= 0], default=end)
        spans = [(start, end)] + [(-1, -1)] * self._tree.groups
        for number, (low, high) in zip(captures, found[1:], strict=True):
            if number:
                spans[number] = (low, min(high, end))
        return tuple(spans)

    def _encoded(self, text: str) -> tuple[bytes, int]:
        if text.isascii():
            return text.encode(), 0
        with self._lock:
            encoded = self._alphabet.encode(text)
            return encoded.encode("latin-1"), len(self._alphabet.kinds)

    def _stand_in(self, kind: Kind, number: int, _: int) -> str:
        if number >= _MOST_BYTES:
            raise Unsupported
        if not any(kind[word] for word in self._words):
            return chr(128 + number)
        # `\b` takes no byte above 127 for a letter.
        for twin in _TWINS:
            if self._alphabet.kind_of(twin) == kind:
                return twin
        raise Unsupported

    def _dollar(self, text: str, mode: str) -> str:
        if not self._dollars or not text.endswith("\n"):
            return r"\z"
        if self._has_inner_dollar:
            raise Unsupported
        return r"\z" if mode == "fullmatch" else _MARKED_DOLLAR

    def _program(self, kinds: int, dollar: str, has_groups: bool) -> tuple[Any, list[int]]:
        key = (kinds, dollar, has_groups)
        if key not in self._compiled:
            with self._lock:
                self._compiled[key] = self._compile(kinds, dollar, has_groups)
        return self._compiled[key]

    def _compile(self, kinds: int, dollar: str, has_groups: bool) -> tuple[Any, list[int]]:
        # No stubs exist; only needed for patterns that `re` is not safe for.
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415

        known = list(self._alphabet.kinds)[: min(kinds, _MOST_BYTES)]
        classes = [
            _class(chars.ascii() + _bytes_of(number, known), [], r"[^\x00-\xff]")
            for number, chars in enumerate(self._tree.sets)
        ]
        writer = _Re2Writer(self._tree, classes, dollar=dollar, has_groups=has_groups)
        text = writer.write(self._tree.root)
        options = re2.Options()
        options.log_errors = False
        options.encoding = re2.Options.Encoding.LATIN1
        try:
            return re2.compile(text.encode("latin-1"), options), writer.captures
        except re2.error:
            raise Unsupported from None


_TWINS = "QJZqjzXYGVWKxygvwk7390_ABCDEFHILMNOPRSTUabcdefhilmnoprstu124568"


def _bytes_of(number: int, kinds: list[Kind]) -> str:
    return "".join(chr(128 + index) for index, kind in enumerate(kinds) if kind[number])


def _dollars_at_the_end(node: Node) -> int:
    """How many `$` are the last thing in the pattern, on one branch or another."""
    match node:
        case At("dollar"):
            return 1
        case Seq(items) if items:
            return _dollars_at_the_end(items[-1])
        case Alt(options):
            return sum(_dollars_at_the_end(option) for option in options)
        case Group(_, body):
            return _dollars_at_the_end(body)
        case _:
            return 0


# --- regex ---

_FIRST = 0xF0000
_ROOM = 0x110000 - _FIRST
_BLOCK_OF_OWN = 2048
"""Characters of one kind that are told apart, where references to groups compare them."""

_NEVER = "(?!)"
_MOST_WRITTEN_OUT = 20_000
"""`regex` writes repeats out when it compiles, and has no bound of its own: it ends the process."""

_ANY = r"[\x00-\U0010ffff]"


class _RegexWriter(_Writer):
    def repeat(self, low: int, high: int | None, mode: str, body: str) -> str:
        return super().repeat(low, high, mode, body) + ("+" if mode == "possessive" else "")

    def group(self, number: int, body: Node) -> str:
        return f"({self.write(body)})"

    def place(self, node: At) -> str:
        if node.kind not in ("word", "not word"):
            return _REGEX_PLACES[node.kind]
        word = self._classes[node.number]
        if node.kind == "word":
            return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
        inside = f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"
        return inside if _IS_INSIDE_EMPTY else f"(?:(?<={_ANY})|(?={_ANY})){inside}"

    def special(self, node: Node) -> str:
        match node:
            case Look(is_ahead, is_negative, body):
                sign = f"?{'' if is_ahead else '<'}{'!' if is_negative else '='}"
                return f"({sign}{self.write(body)})"
            case Atomic(body):
                return f"(?>{self.write(body)})"
            case Backref(number, ignores_case):
                return f"(?{'i' if ignores_case else ''}:\\{number})"
            case Choice(number, yes, no):
                return f"(?({number}){self.write(yes)}|{self.write(no)})"
            case _:
                raise Unsupported


# From Python 3.14 on `\B` also holds in an empty text.
_IS_INSIDE_EMPTY = re.search(r"\B", "") is not None
_REGEX_PLACES = {
    "start": r"\A",
    "line start": "(?m:^)",
    "end": r"\Z",
    "line end": "(?m:$)",
    "dollar": r"(?=\n?\Z)",
}


class RegexProgram:
    """A pattern in `regex`, which backtracks but stops when its time is up."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._alphabet = _Alphabet(tree, self._stand_in)
        self._compiled: dict[int, Any] = {}
        references = [node for node in walk(tree.root) if isinstance(node, Backref)]
        self._compares_letters = any(node.ignores_case for node in references)
        self._block = _BLOCK_OF_OWN if references else 1

    def on(self, text: str, mode: str) -> Callable[[int, float], Spans | None]:
        """A function that applies the pattern to the text from a place on, within so many seconds.

        It raises TimeoutError when these are over.

        Raises:
            Unsupported: there is no safe way to answer for this text.
        """
        encoded, program = self._prepare(text)
        apply = getattr(program, mode)

        def find(start: int, seconds: float) -> Spans | None:
            found = apply(encoded, start, timeout=seconds)
            return None if found is None else tuple(found.regs)

        return find

    def every(self, text: str, seconds: float) -> Iterator[Spans]:
        """The matches one after another, as `re.finditer` finds them. Raises as `on` does."""
        encoded, program = self._prepare(text)
        for found in program.finditer(encoded, timeout=seconds):
            yield tuple(found.regs)

    def _prepare(self, text: str) -> tuple[str, Any]:
        if text.isascii():
            return text, self._program(0)
        if self._compares_letters:
            raise Unsupported
        with self._lock:
            encoded = self._alphabet.encode(text)
            kinds = len(self._alphabet.kinds)
        return encoded, self._program(kinds)

    def _stand_in(self, kind: Kind, number: int, ordinal: int) -> str:
        if self._block == 1:
            ordinal = 0
        if ordinal >= self._block or number >= _ROOM // self._block:
            raise Unsupported
        return chr(_FIRST + number * self._block + ordinal)

    def _blocks(self, number: int, kinds: list[Kind]) -> list[tuple[str, str]]:
        """The stand-ins of the kinds that belong to a set."""
        starts = [_FIRST + index * self._block for index, k in enumerate(kinds) if k[number]]
        return [(chr(start), chr(start + self._block - 1)) for start in starts]

    def _program(self, kinds: int) -> Any:
        if kinds not in self._compiled:
            with self._lock:
                self._compiled[kinds] = self._compile(kinds)
        return self._compiled[kinds]

    def _compile(self, kinds: int) -> Any:
        if _written_out(self._tree.root) > _MOST_WRITTEN_OUT:
            raise Unsupported
        import regex  # noqa: PLC0415  # the last resort, seldom needed

        known = list(self._alphabet.kinds)[: min(kinds, _ROOM // self._block)]
        classes = [
            _class(chars.ascii(), self._blocks(number, known), _NEVER)
            for number, chars in enumerate(self._tree.sets)
        ]
        try:
            return regex.compile(_RegexWriter(self._tree, classes).write(self._tree.root), regex.V0)
        except (regex.error, RecursionError, OverflowError):
            raise Unsupported from None


def _written_out(node: Node) -> int:
    """The size of a pattern in which every repeat is written out."""
    match node:
        case Seq(items):
            return 1 + sum(_written_out(item) for item in items)
        case Alt(options):
            return 1 + sum(_written_out(option) for option in options)
        case Choice(_, yes, no):
            return 1 + _written_out(yes) + _written_out(no)
        case Group(_, body) | Atomic(body) | Look(_, _, body):
            return 1 + _written_out(body)
        case Repeat(low, high, _, body):
            return 1 + (low + (high != low)) * _written_out(body)
        case _:
            return 1
