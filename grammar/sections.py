"""A text that does not parse as a whole -> pieces that can be tried on their own.

`raw_tokens` reads any text without judging it. `sections` splits it at the lines that start a
statement, and `logical_lines` splits a section into lines as a person sees them: a line goes on
inside a closed pair of brackets, after an operator and before one. All of it takes time linear in
the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from policyc.grammar.source import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = {closer: opener for opener, closer in PAIRS.items()}

_ONE_LINE = r"""[rRfF]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_TOOL_NAME = r"[A-Za-z0-9_*](?:[A-Za-z0-9_*]|-(?!>)|[./:](?=[A-Za-z0-9_*]))*"
# Signs of several characters, of this language and of others.
_SYMBOLS = (
    "-->", "===", "!==", "...", ">>>", "->", "~>", "=>", "==", "!=", "<=", ">=", "<>", "<-", ":=",
    "=~", "!~", "=<", "::", "**", "//", "&&", "||", "++", "--", "??", "?.", "*/", "+=", "-=", "*=",
    "/=", "%=",
)  # fmt: skip
_TOKEN = re.compile(
    "|".join(
        (
            r"""(?P<triple>[rRfF]?(?:\"\"\"|\'\'\'))""",
            rf"(?P<tool>tool[ \t]*:[ \t]*(?:{_TOOL_NAME}|{_ONE_LINE}))",
            rf"(?P<string>{_ONE_LINE})",
            r"""(?P<open>[rRfF]?["'][^\n]*)""",
            r"(?P<comment>#[^\n]*)",
            r"(?P<foreign>/\*)",
            r"(?P<newline>\r?\n)",
            r"(?P<word>[^\W\d]\w*)",
            r"(?P<number>(?:[0-9]\w*\.?|\.[0-9])[0-9]*(?:(?<=[eE])[+-][0-9]+)?)",
            rf"(?P<symbol>```+|{'|'.join(map(re.escape, _SYMBOLS))}|.)",
        )
    )
)
_TRIPLE_END = {
    quotes: re.compile(
        rf"(?:[^{quotes[0]}\\]|\\.|{quotes[0]}(?!{quotes[1:]}))*?{quotes}", re.DOTALL
    )
    for quotes in ('"""', "'''")
}


class RawToken(NamedTuple):
    """A piece of text: `string`, `open` (a text without its end), `comment`, `foreign` (a comment
    of another language), `newline`, `word`, `number`, `tool` or `symbol`."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


def raw_tokens(text: str, start: int, end: int) -> list[RawToken]:
    """Every token between two offsets but blanks."""
    found: list[RawToken] = []
    unclosed: set[str] = set()
    at = start
    while at < end:
        if text[at] in " \t":
            at += 1
            continue
        match = _TOKEN.match(text, at, end)
        if match is None:  # a carriage return inside a line
            at += 1
            continue
        kind, stop = match.lastgroup or "symbol", match.end()
        if kind == "triple":
            quotes = match.group()[-3:]
            closing = None if quotes in unclosed else _TRIPLE_END[quotes].match(text, stop, end)
            if closing is None:
                unclosed.add(quotes)
                kind, stop = "open", _line_end(text, at, end)
            else:
                kind, stop = "string", closing.end()
        elif kind == "foreign":
            closing_at = -1 if "*/" in unclosed else text.find("*/", stop, end)
            if closing_at < 0:
                unclosed.add("*/")
            stop = closing_at + 2 if closing_at >= 0 else _line_end(text, at, end)
        found.append(RawToken(kind, text[at:stop], at, stop))
        at = stop
    return found


def _line_end(text: str, at: int, end: int) -> int:
    newline = text.find("\n", at, end)
    return end if newline < 0 else newline


# --- sections
# ---------------------------------------------------------------------------------------

# What starts a statement even where brackets are open: somebody forgot to close them. Before it may
# stand what was copied with it: the number of the line or a prompt; what is deeper is no statement.
_STATEMENT = re.compile(
    r"""(?:(?:[0-9]+[|:]?|>>>|>)[ \t]{0,2})?
      (?:(?:raise|import|from|def)[ \t]+[^\s:] | raise[ \t]*$ | [A-Za-z_]\w*[ \t]*:=
      | [A-Za-z_]\w*[ \t]*\([^()\n]*\)[ \t]*:=?[ \t]*$ )""",
    re.VERBOSE | re.MULTILINE,
)
# What starts a statement of another language.
_FOREIGN = re.compile(
    r"""(?:package|default|class|for|while|if|try|with|match|function|const|let|var|rule|policy|permit|forbid)\b
      | [A-Za-z_]\w*[ \t]*(?:=(?!=)|\(|\[[^\]\n]*\][ \t]*\{) | (?:allow|deny|violation|warn)\b | @\w
      | ```""",
    re.VERBOSE,
)


def sections(text: str) -> list[Span]:
    """The text from each line that starts a statement to the next; the first span starts at the
    first line."""
    starts = [0]
    margin: int | None = None
    depth = 0
    line_start = 0
    fresh = True
    for token in raw_tokens(text, 0, len(text)):
        if token.kind == "newline":
            line_start, fresh = token.end, True
            continue
        if token.kind == "comment":
            continue
        if fresh:
            fresh = False
            column = token.start - line_start
            if margin is None:
                margin = column
            elif column <= margin and _starts_statement(text, token.start, depth):
                margin = min(margin, column)
                depth = 0
                starts.append(line_start)
        if token.text in PAIRS:
            depth += 1
        elif token.text in CLOSERS and depth:
            depth -= 1
    return [Span(a, b) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _starts_statement(text: str, at: int, depth: int) -> bool:
    if _STATEMENT.match(text, at):
        return True
    return depth == 0 and _FOREIGN.match(text, at) is not None


# --- lines
# ------------------------------------------------------------------------------------------

_CONTINUES_AFTER = frozenset({
    "and", "or", "not", "in", "is", "else", "contains_only", "->", "~>", "==", "!=", "<=", ">=",
    "<", ">", "+", "-", "*", "%", "**", ",", "\\",
})  # fmt: skip
_CONTINUES_BEFORE = frozenset(
    [
        "and",
        "or",
        "in",
        "is",
        "else",
        "contains_only",
        "->",
        "~>",
        "==",
        "!=",
        "<=",
        ">=",
        "<",
        ">",
        "*",
        "/",
        "%",
        "**",
    ]
)


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """The tokens of one line without comments and line ends, and the column of its first one (from
    0)."""

    tokens: tuple[RawToken, ...]
    column: int

    @property
    def span(self) -> Span:
        return Span(self.tokens[0].start, self.tokens[-1].end)


def matching_brackets(tokens: Sequence[RawToken]) -> dict[int, int]:
    """Which opening bracket belongs to which closing one, by index in `tokens`; others are in no
    pair."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "symbol":
            continue
        if token.text in PAIRS:
            opened.append(index)
        elif token.text in CLOSERS:
            wanted = CLOSERS[token.text]
            depth = len(opened) - 1
            # A closing bracket may pass over a few forgotten ones, not over the whole text.
            while depth >= 0 and depth >= len(opened) - 4 and tokens[opened[depth]].text != wanted:
                depth -= 1
            if depth >= 0 and tokens[opened[depth]].text == wanted:
                pairs[opened[depth]] = index
                del opened[depth:]
    return pairs


def logical_lines(text: str, tokens: Sequence[RawToken]) -> list[LogicalLine]:
    """The lines that `tokens` make up."""
    pairs = matching_brackets(tokens)
    lines: list[LogicalLine] = []
    current: list[RawToken] = []
    closed_at = -1
    for index, token in enumerate(tokens):
        closed_at = max(closed_at, pairs.get(index, -1))
        if token.kind == "newline":
            if current and index > closed_at and not _goes_on(text, current, tokens, index):
                lines.append(_line(text, current))
                current = []
        elif token.kind != "comment":
            current.append(token)
    if current:
        lines.append(_line(text, current))
    return lines


def _line(text: str, tokens: list[RawToken]) -> LogicalLine:
    return LogicalLine(tuple(tokens), _column(text, tokens[0]))


def _column(text: str, token: RawToken) -> int:
    return token.start - (text.rfind("\n", 0, token.start) + 1)


def _goes_on(
    text: str, current: Sequence[RawToken], tokens: Sequence[RawToken], index: int
) -> bool:
    """Whether the line of `current` goes on after the line end at `index`."""
    last = current[-1]
    if last.kind in ("word", "symbol") and last.text in _CONTINUES_AFTER:
        return True
    following = index + 1
    while following < len(tokens) and tokens[following].kind in ("newline", "comment"):
        following += 1
    if following == len(tokens):
        return False
    first = tokens[following]
    if first.text == current[0].text == ">":  # each line of a quoted mail starts with it
        return False
    if first.text == "not":
        return following + 1 < len(tokens) and tokens[following + 1].text == "in"
    if first.text in ("if", "else"):
        deeper = _column(text, first) > _column(text, current[0])
        return deeper and not _has_colon(tokens, following)
    return first.kind in ("word", "symbol") and first.text in _CONTINUES_BEFORE


def _has_colon(tokens: Sequence[RawToken], index: int) -> bool:
    """Whether the physical line that starts here opens a block, as `if x:` would elsewhere."""
    while index < len(tokens) and tokens[index].kind not in ("newline", "comment"):
        index += 1
    return tokens[index - 1].text == ":"
