"""Takes out of a long text what costs a parser much and tells it nothing: quoted texts and
here-documents.

The parser's work can grow with the square of a text that is written to hurt, so a long text is
parsed in pieces, each short after this step (`script`). What is taken out is replaced one for one.
A scanner as simple as this one can be deceived about where a quote begins: that is noticed, as the
tree then has something else at that place (`Blanked.is_true_of`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_DOCUMENTS = 200
"""Here-documents of one text that are looked for."""

_SHORTEST = 64
"""Characters of a quoted text that is worth taking out."""


@dataclass(frozen=True, slots=True)
class HereDocument:
    """The body of a here-document, as a piece of the text of its script."""

    start: int
    end: int
    is_quoted: bool
    strips_tabs: bool


@dataclass(slots=True)
class Blanked:
    """`text` is as long as what it was made from; `documents` are by the place of their `<<`.

    `quoted` and `bodies` are the pieces that were taken out, in their order.
    """

    text: str
    quoted: list[tuple[int, int]] = field(default_factory=list)
    bodies: list[tuple[int, int]] = field(default_factory=list)
    documents: dict[int, HereDocument] = field(default_factory=dict)
    _gone: list[tuple[int, int]] = field(default_factory=list)

    def measure(self) -> None:
        """Note what has no weight: what was taken out, and long plain words."""
        words = ((match.start(), match.end()) for match in _LONG_WORD.finditer(self.text))
        total, last = 0, 0
        for start, end in sorted([*self.quoted, *self.bodies, *words]):
            if end > last:
                total += end - max(start, last)
                last = end
                self._gone.append((end, total))

    def weight(self, start: int, end: int) -> int:
        """What is left of a piece, about: a part that is cut counts with its end."""
        return end - start - (self._gone_before(end) - self._gone_before(start))

    def _gone_before(self, at: int) -> int:
        number = bisect_right(self._gone, (at, len(self.text)))
        return self._gone[number - 1][1] if number else 0

    def line_end(self, at: int) -> int:
        """The end of the line at a place, with the here-documents that begin in it."""
        end = self.text.find("\n", at) + 1 or len(self.text)
        number = bisect_left(self.bodies, (end, 0))
        while number < len(self.bodies) and self.bodies[number][0] == end:
            end = self.text.find("\n", self.bodies[number][1]) + 1 or len(self.text)
            number += 1
        return end

    def is_true_of(self, root: Node, start: int, end: int) -> bool:
        """Whether the tree of a piece has texts and redirections where they were taken out."""
        first = bisect_left(self.quoted, (start, 0))
        last = bisect_left(self.quoted, (end, 0))
        return all(
            _has(root, a - start, b - start, _TEXTS) for a, b in self.quoted[first:last]
        ) and all(
            _has(root, at - start, at - start + 1, ("<",))
            for at in self.documents
            if start <= at < end
        )


_LONG_WORD = re.compile(r"[A-Za-z0-9+/]{64,}")
_TEXTS = ("raw_string", "string_content", "string", "comment")


def _has(root: Node, start: int, end: int, kinds: tuple[str, ...]) -> bool:
    node = root.descendant_for_byte_range(start, end)
    return node is not None and node.type in kinds


_NEXT = re.compile(r"[\"'\\$#<\n()]")
_COMMENT = re.compile(r"#[^\n]*")
_DOCUMENT = re.compile(r"<<(-?)[ \t]*((?:\\.|'[^'\n]*'|\"[^\"\n]*\"|[^\s;&|()<>'\"\\`$])+)")
_ANSI = re.compile(r"\$'(?:\\.|[^'\\])*'", re.S)
_ARITHMETIC = re.compile(r"\(\((?:[^()\n]|\([^()\n]*\))*\)\)")


def blank(plain: str) -> Blanked:
    """Take out the quoted texts and here-documents of a text."""
    return _Scanner(plain).scan()


class _Scanner:
    """Goes through a text from quote to quote. `within` tells what is open: a double quote `"`, or
    a bracket `(`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.within: list[str] = []
        self.waiting: list[re.Match[str]] = []
        self.found = Blanked(text)
        self.tries = 0

    def scan(self) -> Blanked:
        at = 0
        while (match := _NEXT.search(self.text, at)) is not None:
            at = self._step(match.start(), match[0])
        characters = list(self.text)
        for start, end in self.found.quoted:
            characters[start:end] = "x" * (end - start)
        for at in self.found.documents:
            head = _DOCUMENT.match(self.text, at)
            if head is not None:
                characters[at : head.end()] = "<" + "x" * (head.end() - at - 1)
        for start, end in self.found.bodies:
            body = characters[start:end]
            characters[start:end] = ["\n" if mark == "\n" else " " for mark in body]
        self.found.text = "".join(characters)
        self.found.measure()
        return self.found

    def _step(self, at: int, mark: str) -> int:
        """Pass one mark; the answer is where to go on."""
        text = self.text
        if mark == "\\":
            return at + 2
        if self.within and self.within[-1] == '"':
            if mark == '"':
                self.within.pop()
            elif text.startswith("$(", at):
                self.within.append("(")
                return at + 2
            return at + 1
        match mark:
            case '"':
                end = text.find('"', at + 1)
                if end > 0 and not re.search(r"[\\$`]", text[at + 1 : end]):
                    self._note(at + 1, end)
                    return end + 1
                self.within.append('"')
            case "'":
                end = text.find("'", at + 1)
                if end > 0:
                    self._note(at + 1, end)
                    return end + 1
            case "$":
                ansi = _ANSI.match(text, at)
                return at + 1 if ansi is None else ansi.end()
            case "#":
                comment = _COMMENT.match(text, at)
                if comment is not None and (at == 0 or text[at - 1] in " \t\n;&|()"):
                    return comment.end()
            case "(":
                sum_ = _ARITHMETIC.match(text, at)
                if sum_ is not None:
                    return sum_.end()
                self.within.append("(")
            case ")":
                if self.within:
                    self.within.pop()
            case "<":
                return self._redirection(at)
            case _:
                return self._bodies(at + 1)
        return at + 1

    def _note(self, start: int, end: int) -> None:
        if end - start >= _SHORTEST:
            self.found.quoted.append((start, end))

    def _redirection(self, at: int) -> int:
        if self.text.startswith("<<<", at):
            return at + 3
        match = _DOCUMENT.match(self.text, at)
        if match is None:
            return at + 1
        self.waiting.append(match)
        return match.end()

    def _bodies(self, at: int) -> int:
        """The bodies of the here-documents that a line has begun."""
        for match in self.waiting:
            self.tries += 1
            if self.tries > _MOST_DOCUMENTS:
                break
            word = re.sub(r"\\(.)|['\"]", r"\1", match[2])
            tabs = "\t*" if match[1] else ""
            closing = re.compile(rf"^{tabs}{re.escape(word)}$", re.M).search(self.text, at)
            if closing is None:
                continue
            is_quoted = any(mark in match[2] for mark in "'\"\\")
            document = HereDocument(at, closing.start(), is_quoted, bool(match[1]))
            self.found.documents[match.start()] = document
            self.found.bodies.append((at, closing.end()))
            at = closing.end()
        self.waiting.clear()
        return at
