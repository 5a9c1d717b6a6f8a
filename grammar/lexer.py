"""Text -> lexemes: a contextual lexer for Lark's parser.

It looks only for the terminals that the parser can take next, as Lark's own contextual lexer does,
with one regular expression for each such set, but makes lighter tokens and skips blanks in the same
match, which halves the time. What text to read, and from where to where, comes from the `Reading`
that the layout holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lark.lexer import Lexer, PatternStr

from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lark.common import LexerConf

    from policyc.grammar.layout import Layout, Reading

_BLANKS = r"[ \t]*"


class Lexeme:
    """A token: its terminal, its text and its place. The class attributes are what Lark asks of any
    token."""

    __slots__ = ("end_pos", "start_pos", "text", "type")

    line = column = end_line = end_column = 0

    def __init__(self, type: str, text: str, start_pos: int, end_pos: int) -> None:  # noqa: A002
        self.type = type
        self.text = text
        self.start_pos = start_pos
        self.end_pos = end_pos

    @property
    def span(self) -> Span:
        return Span(self.start_pos, self.end_pos)


class UnknownText(Exception):
    """No terminal that may stand here matches; `accepted` are those that may."""

    def __init__(self, offset: int, accepted: frozenset[str]) -> None:
        super().__init__(offset)
        self.offset = offset
        self.accepted = accepted


class _Scanner:
    """One regular expression for the terminals that are possible in one state of the parser.

    Terminals given by a fixed text come as two groups, words and symbols; the text found says which
    it is.
    """

    def __init__(self, terminals: list[Any]) -> None:
        fixed = {t.pattern.value: t.name for t in terminals if isinstance(t.pattern, PatternStr)}
        patterns = [t for t in terminals if not isinstance(t.pattern, PatternStr)]
        patterns.sort(key=lambda t: (-t.priority, -t.pattern.max_width, t.name))
        symbols = sorted((text for text in fixed if not text.isidentifier()), key=len, reverse=True)
        words = [text for text in fixed if text.isidentifier()]
        self.kinds: list[str | None] = [None]
        groups = []
        for terminal in patterns:
            groups.append(f"({terminal.pattern.to_regexp()})")
            self.kinds.append(terminal.name)
        if words and "NAME" not in self.kinds:
            groups.append(rf"((?:{'|'.join(words)})\b)")
            self.kinds.append(None)
        if symbols:
            groups.append(f"({'|'.join(map(re.escape, symbols))})")
            self.kinds.append(None)
        self.fixed = fixed
        self.match: Callable[[str, int, int], re.Match[str] | None] = re.compile(
            f"{_BLANKS}(?:{'|'.join(groups)})"
        ).match


class PolicyLexer(Lexer):
    """The lexer that Lark drives; made once for the process, its scanners as they are needed."""

    __future_interface__ = 2

    def __init__(self, conf: LexerConf) -> None:
        self._terminals = {terminal.name: terminal for terminal in conf.terminals}
        layout: Layout = conf.postlex  # type: ignore[assignment]
        self._layout = layout
        self._always = frozenset(layout.always_accept)
        self._by_state: dict[int, _Scanner] = {}
        self._by_terminals: dict[frozenset[str], _Scanner] = {}

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:
        reading = self._layout.reading
        if reading.edits:
            return self._lex_edited(reading, parser_state)
        return self._lex(reading, parser_state)

    def _lex(self, reading: Reading, parser_state: Any) -> Iterator[Lexeme]:
        text, offset, end = reading.text, reading.start, reading.end
        by_state, stack = self._by_state, parser_state.state_stack
        while True:
            scanner = by_state.get(stack[-1])
            if scanner is None:
                scanner = self._scanner(parser_state)
            found = scanner.match(text, offset, end)
            if found is None:
                break
            group = found.lastindex
            start, offset = found.span(group)  # type: ignore[arg-type]
            word = text[start:offset]
            kind = scanner.kinds[group]  # type: ignore[index]
            if kind is None or kind == "NAME":
                kind = scanner.fixed.get(word, kind)
            yield Lexeme(kind, word, start, offset)  # type: ignore[arg-type]
        self._finish(reading, offset, parser_state)

    def _lex_edited(self, reading: Reading, parser_state: Any) -> Iterator[Lexeme]:
        """The same, a lexeme at a time so that each edit is met."""
        edits = dict(reading.edits)
        text, offset, end = reading.text, reading.start, reading.end
        while True:
            after_blanks = _BLANKS_HERE.match(text, offset, end).end()  # type: ignore[union-attr]
            edit = edits.pop(offset, None) or edits.pop(after_blanks, None)
            if edit is not None:
                read = 0
                while edit.instead[read:].strip():
                    found = self._next(edit.instead, read, len(edit.instead), parser_state)
                    if found is None:
                        raise UnknownText(edit.start, self._accepted(parser_state))
                    kind, start, read = found
                    yield Lexeme(kind, edit.instead[start:read], edit.start, edit.end)
                offset = min(edit.end, end)
                continue
            found = self._next(text, offset, end, parser_state)
            if found is None:
                break
            kind, start, offset = found
            yield Lexeme(kind, text[start:offset], start, offset)
        self._finish(reading, offset, parser_state)

    def _next(
        self, text: str, offset: int, end: int, parser_state: Any
    ) -> tuple[str, int, int] | None:
        scanner = self._scanner(parser_state)
        found = scanner.match(text, offset, end)
        if found is None or found.lastindex is None:
            return None
        start, stop = found.span(found.lastindex)
        kind = scanner.kinds[found.lastindex]
        if kind is None or kind == "NAME":
            kind = scanner.fixed.get(text[start:stop], kind)
        return (kind, start, stop) if kind is not None else None

    def _finish(self, reading: Reading, offset: int, parser_state: Any) -> None:
        rest = _rest(reading.text, offset, reading.end)
        if rest > offset:
            reading.line_ends.append(Span(offset, rest))
        if rest < reading.end:
            raise UnknownText(rest, self._accepted(parser_state))

    def _accepted(self, parser_state: Any) -> frozenset[str]:
        accepted = parser_state.parse_conf.states[parser_state.state_stack[-1]]
        return frozenset(name for name in accepted if name in self._terminals)

    def _scanner(self, parser_state: Any) -> _Scanner:
        state = parser_state.state_stack[-1]
        scanner = self._by_state.get(state)
        if scanner is None:
            names = self._accepted(parser_state) | self._always
            scanner = self._by_terminals.get(names)
            if scanner is None:
                scanner = _Scanner([self._terminals[name] for name in sorted(names)])
                self._by_terminals[names] = scanner
            self._by_state[state] = scanner
        return scanner


_BLANKS_HERE = re.compile(_BLANKS)
_LAST_LINE = re.compile(rf"{_BLANKS}(?:#[^\n]*)?")


def _rest(text: str, offset: int, end: int) -> int:
    """Where unread text begins, past blanks and a comment on a last line that has no line end."""
    found = _LAST_LINE.match(text, offset, end)
    return found.end() if found else offset
