"""From the nodes of words to the words that a command gets.

Follows the order of a shell: braces, then parameters and substitutions, then splitting. File names
are not looked up: a word with a pattern stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import parameters
from policyc.runtime.detectors.shell.budget import MAX_WORD, MAX_WORDS
from policyc.runtime.detectors.shell.quoting import escapes, expand_braces, unescaped_in_quotes
from policyc.runtime.detectors.shell.script import only_command
from policyc.runtime.detectors.shell.values import (
    NO_LABELS,
    PLAIN,
    QUOTED,
    SPLIT,
    UNKNOWN,
    Data,
    Piece,
    Word,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.reader import Reader
    from policyc.runtime.detectors.shell.script import Script
    from policyc.runtime.detectors.shell.steps import Steps

BREAK = 3
"""The kind of a piece at which one word ends and the next begins, as between those of `"$@"`."""

_MEANINGFUL = re.compile(r"[\\*?\[{\s$`]")
_IN_QUOTES = re.compile(r"[\\$`]")
_HIDDEN = re.compile(r"(?<!\\)`")
"""A substitution in a word for which the grammar has no node."""
_DEFAULTS = frozenset({":-", "-", ":=", "=", ":?", "?"})


def simple_word(script: Script, node: Node) -> Word | None:
    """The word of a node that is nothing but a text, which most are."""
    kind = node.type
    if kind in ("word", "number"):
        text = script.cut(node)
        if _MEANINGFUL.search(text) is None:
            return Word(text, text, node.start_byte, node.end_byte)
    elif kind == "raw_string":
        text = script.cut(node)[1:-1]
        return Word(text, text, node.start_byte, node.end_byte)
    elif kind == "string":
        text = script.cut(node)
        if _IN_QUOTES.search(text) is None and len(text) > 1:
            return Word(text[1:-1], text[1:-1], node.start_byte, node.end_byte)
    return None


def expand(reader: Reader, script: Script, node: Node, *, splits: bool = True) -> Steps:
    """The words that a node becomes. Without `splits` it is exactly one, as in an assignment."""
    found = simple_word(script, node)
    if found is not None:
        return [found]
    pieces: list[Piece] = []
    yield collect(reader, script, node, pieces, is_quoted=False)
    if not splits:
        word = _word([p for p in pieces if p.kind != BREAK], node.start_byte, node.end_byte)
        reader.budget.step(len(word.value) // 128)
        return [word]
    return _assemble(reader, pieces, node)


def collect(
    reader: Reader, script: Script, node: Node, pieces: list[Piece], *, is_quoted: bool
) -> Steps:
    """Append the pieces of a node."""
    reader.budget.step()
    kind = node.type
    if kind == "word" and _HIDDEN.search(script.cut(node)):
        yield reparse(reader, script, node.start_byte, node.end_byte, pieces, is_quoted=is_quoted)
    elif kind in ("word", "number", "extglob_pattern", "regex", "brace_expression"):
        _plain(script.cut(node), pieces, is_quoted=is_quoted)
    elif kind == "raw_string":
        pieces.append(_quoted(script.cut(node)[1:-1]))
    elif kind == "ansi_c_string":
        pieces.append(_quoted(escapes(script.cut(node)[2:-1])))
    elif kind in ("string", "heredoc_body"):
        yield _string(reader, script, node, pieces)
    elif kind == "simple_expansion":
        _variable(reader, script.cut(node)[1:], script.cut(node), pieces, is_quoted=is_quoted)
    elif kind == "expansion":
        yield _expansion(reader, script, node, pieces, is_quoted=is_quoted)
    elif kind == "command_substitution":
        data = yield reader.substitution(script, node)
        _add_output(data, script.cut(node), pieces, is_quoted=is_quoted)
    elif kind == "process_substitution":
        path = yield reader.process(script, node)
        pieces.append(Piece(path, QUOTED, script.cut(node)))
    elif kind in ("concatenation", "command_name", "translated_string"):
        for child in node.children:
            yield collect(reader, script, child, pieces, is_quoted=is_quoted)
    elif not node.is_named or not node.children:
        if kind != "$" or node.parent is None or node.parent.type != "translated_string":
            _plain(script.cut(node), pieces, is_quoted=is_quoted)
    else:
        yield reader.effects(script, node)
        pieces.append(Piece(UNKNOWN, QUOTED, script.cut(node)))


def reparse(
    reader: Reader,
    script: Script,
    start: int,
    end: int,
    pieces: list[Piece],
    *,
    is_quoted: bool = False,
) -> Steps:
    """Append the pieces of a word that the grammar has not understood, from its text."""
    text = script.text[start:end]
    plain = re.sub(r"\$([A-Za-z_]\w*)", r"${\1}", text)
    reader.budget.script(len(plain))
    again = only_command(f": {plain}", reader.clock)
    again.base, again.outer = None, script.locate(start, end)
    words = _arguments(again)
    if len(words) != 1 or (words[0].type == "word" and _HIDDEN.search(plain)):
        pieces.append(Piece(UNKNOWN, QUOTED, text))
    else:
        yield collect(reader, again, words[0], pieces, is_quoted=is_quoted)


def _arguments(script: Script) -> list[Node]:
    """The words of the only command of a script, without its name."""
    root = script.root
    if root is None or root.has_error or [one.type for one in root.children] != ["command"]:
        return []
    return [one for one in root.children[0].children if one.type != "command_name"]


def expand_joined(reader: Reader, script: Script, first: Node, last: Node) -> Steps:
    """The words of nodes that the grammar takes for several and a shell for one: no blank is
    between them."""
    pieces: list[Piece] = []
    yield reparse(reader, script, first.start_byte, last.end_byte, pieces)
    return _assemble(reader, pieces, first)


def _quoted(text: str) -> Piece:
    return Piece(text, QUOTED, text)


def _plain(text: str, pieces: list[Piece], *, is_quoted: bool) -> None:
    """A text outside of quotes: what a backslash protects is quoted."""
    if is_quoted or "\\" not in text:
        pieces.append(Piece(text, QUOTED if is_quoted else PLAIN, text))
        return
    for part in re.split(r"(\\(?:\n|.)?)", text, flags=re.S):
        if part.startswith("\\"):
            if part != "\\\n":
                pieces.append(_quoted(part[1:] or "\\"))
        elif part:
            pieces.append(Piece(part, PLAIN, part))


def _string(reader: Reader, script: Script, node: Node, pieces: list[Piece]) -> Steps:
    """A text between double quotes, or the body of a here-document."""
    is_string = node.type == "string"
    at = node.start_byte + is_string
    end = node.end_byte - is_string
    pieces.append(_quoted(""))
    for child in node.children:
        if child.type in ("string_content", "heredoc_content", '"'):
            continue
        if child.start_byte > at:
            pieces.append(_quoted(unescaped_in_quotes(script.text[at : child.start_byte])))
        yield collect(reader, script, child, pieces, is_quoted=True)
        at = child.end_byte
    if at < end:
        pieces.append(_quoted(unescaped_in_quotes(script.text[at:end])))


def _add_output(data: Data, shown: str, pieces: list[Piece], *, is_quoted: bool) -> None:
    kind = QUOTED if is_quoted else SPLIT
    if data.text is None:
        text = UNKNOWN if data.sample is None else data.sample
        pieces.append(Piece(text, kind, shown, data.labels))
    else:
        text = data.text.rstrip("\n")
        pieces.append(Piece(text, kind, text, data.labels))


# --- parameters -----------------------------------------------------------------------------------


def _variable(
    reader: Reader, name: str, shown: str, pieces: list[Piece], *, is_quoted: bool
) -> None:
    """`$name`."""
    kind = QUOTED if is_quoted else SPLIT
    positional = reader.state.positional
    if name in ("@", "*"):
        if positional is None:
            pieces.append(Piece(UNKNOWN, kind, shown))
        else:
            _elements([(w.value, w.shown, w.labels) for w in positional], name, pieces, kind)
        return
    if name.isdigit():
        _positional(reader, int(name), shown, pieces, kind)
        return
    value = reader.lookup(name)
    if value is None:
        pieces.append(Piece(UNKNOWN, kind, shown))
    else:
        pieces.append(Piece(value.text, kind, value.text.replace(UNKNOWN, shown), value.labels))


def _positional(reader: Reader, number: int, shown: str, pieces: list[Piece], kind: int) -> None:
    positional = reader.state.positional
    if number == 0:
        zero = reader.state.zero
        pieces.append(
            Piece("bash", kind, shown)
            if zero is None
            else Piece(zero.value, kind, zero.shown, zero.labels)
        )
    elif positional is None:
        pieces.append(Piece(UNKNOWN, kind, shown))
    elif number <= len(positional):
        word = positional[number - 1]
        pieces.append(Piece(word.value, kind, word.shown, word.labels))
    else:
        pieces.append(Piece("", kind, ""))


def _elements(
    elements: list[tuple[str, str, frozenset[str]]], name: str, pieces: list[Piece], kind: int
) -> None:
    """The elements of `$@`, `$*` or an array."""
    for number, (text, shown, labels) in enumerate(elements):
        if number and (kind == SPLIT or name == "@"):
            pieces.append(Piece("", BREAK, ""))
        elif number:
            pieces.append(_quoted(" "))
        pieces.append(Piece(text, kind, shown, labels))


def _expansion(
    reader: Reader, script: Script, node: Node, pieces: list[Piece], *, is_quoted: bool
) -> Steps:
    """`${name...}`."""
    shown = script.cut(node)
    kind = QUOTED if is_quoted else SPLIT
    parts = parameters.read(shown)
    if parts is None:
        yield reader.effects(script, node)
        pieces.append(Piece(UNKNOWN, kind, shown))
        return
    name = parts.name
    if parts.index in ("@", "*") and not parts.is_length and not parts.operator:
        value = reader.lookup(name)
        if value is not None and value.words is not None:
            words = [(text, text, value.labels) for text in value.words]
            _elements(words, parts.index, pieces, kind)
            return
    if parts.operator == "" and not parts.is_length and parts.index is None:
        if parts.is_indirect:
            name_of = reader.lookup(name)
            name = "" if name_of is None else name_of.text
        _variable(reader, name, shown, pieces, is_quoted=is_quoted)
        return
    own: list[Piece] = []
    _variable(reader, name, shown, own, is_quoted=True)
    text = "".join(piece.text for piece in own)
    if parts.index is not None and parts.index.isdigit():
        text = _element(reader, name, int(parts.index))
    is_set = name in reader.state.variables or text.strip(UNKNOWN) != ""
    if parts.operator in _DEFAULTS or parts.operator in (":+", "+"):
        wants_rest = is_set if parts.operator in (":+", "+") else not is_set
        if wants_rest:
            before = len(pieces)
            for child in _after_operator(script, node, parts.operator):
                yield collect(reader, script, child, pieces, is_quoted=is_quoted)
            if parts.operator in (":=", "="):
                reader.set_text(name, "".join(piece.text for piece in pieces[before:]))
            return
        text = "" if parts.operator in (":+", "+") else text
    elif parts.is_length:
        text = UNKNOWN if UNKNOWN in text else str(len(text))
    else:
        rest = _with_variables(reader, parts.rest)
        text = parameters.apply(parts.operator, rest, text)
    labels = NO_LABELS.union(*(piece.labels for piece in own))
    pieces.append(Piece(text, kind, text.replace(UNKNOWN, shown), labels))


def _element(reader: Reader, name: str, number: int) -> str:
    value = reader.lookup(name)
    if value is None or value.words is None:
        return value.text if value is not None and number == 0 else UNKNOWN
    return value.words[number] if number < len(value.words) else ""


def _after_operator(script: Script, node: Node, operator: str) -> list[Node]:
    children = node.children
    for number, child in enumerate(children):
        if not child.is_named and script.cut(child) == operator:
            return [one for one in children[number + 1 :] if one.type != "}"]
    return []


_SIMPLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))|[$`]")


def _with_variables(reader: Reader, text: str) -> str:
    """The argument of an operator with its variables replaced."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        found = reader.lookup(name) if name else None
        return UNKNOWN if found is None else found.text

    return _SIMPLE.sub(value, text) if "$" in text or "`" in text else text


# --- words ----------------------------------------------------------------------------------------


def _assemble(reader: Reader, pieces: list[Piece], node: Node) -> list[Word]:
    start, end = node.start_byte, node.end_byte
    if any(piece.kind == PLAIN and "{" in piece.text for piece in pieces):
        versions = _without_braces(pieces)
    else:
        versions = [pieces]
    words: list[Word] = []
    for version in versions:
        for fields in _fields(reader, version):
            words.append(_word(fields, start, end))
            reader.budget.step(len(words[-1].value) // 128)
            if len(words) >= MAX_WORDS:
                return words
    return words


_PRIVATE = 0x10F000
"""Where the characters begin that stand for pieces while braces are expanded."""


def _without_braces(pieces: list[Piece]) -> list[list[Piece]]:
    if len(pieces) > 4_000:
        return [pieces]
    text = "".join(
        piece.text if piece.kind == PLAIN else chr(_PRIVATE + number)
        for number, piece in enumerate(pieces)
    )
    versions = []
    for version in expand_braces(text):
        parts: list[Piece] = []
        for part in re.split(r"([\U0010f000-\U0010ffff])", version):
            number = ord(part) - _PRIVATE if len(part) == 1 else -1
            if 0 <= number < len(pieces):
                parts.append(pieces[number])
            elif part:
                parts.append(Piece(part, PLAIN, part))
        versions.append(parts)
    return versions


def _fields(reader: Reader, pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces of each word after splitting."""
    if not any(piece.kind >= SPLIT for piece in pieces):
        return [pieces]
    separators = reader.separators()
    fields: list[list[Piece]] = []
    current: list[Piece] = []
    for piece in pieces:
        if piece.kind == BREAK:
            fields.append(current)
            current = []
        elif piece.kind != SPLIT or separators is None:
            current.append(piece)
        else:
            for number, part in enumerate(separators.split(piece.text)):
                if number:
                    fields.append(current)
                    current = []
                if part:
                    shown = piece.shown if UNKNOWN in part else part
                    current.append(Piece(part, SPLIT, shown, piece.labels))
    fields.append(current)
    return [parts for parts in fields if parts]


def _word(pieces: list[Piece], start: int, end: int) -> Word:
    value = "".join([piece.text for piece in pieces])[:MAX_WORD]
    shown = "".join([piece.shown for piece in pieces])[:MAX_WORD]
    has_glob = any(
        piece.kind in (PLAIN, SPLIT) and any(mark in piece.text for mark in "*?[")
        for piece in pieces
    )
    labels = NO_LABELS
    for piece in pieces:
        if piece.labels:
            labels |= piece.labels
    return Word(value, shown, start, end, labels, has_glob)
