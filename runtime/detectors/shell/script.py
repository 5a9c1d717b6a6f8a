"""From text to syntax trees: the only module that knows the parser.

The trees are made by tree-sitter, which reads damaged text too. Before it sees a text, characters
that confuse it are replaced one for one (`_parsable`), so that every position of a tree is one of
the text; words are always cut from the text itself. Here-documents are taken out first and stand in
the tree as a plain redirection: the grammar does not know all places where they may stand.

A long text is parsed in pieces of whole commands: work on errors can grow with the square of what
is parsed at once.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from policyc.runtime.detectors.shell.blanking import Blanked, HereDocument, blank
from policyc.runtime.detectors.shell.budget import MAX_PARSE_SECONDS, MAX_PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language, Node, Parser, Tree


@dataclass(slots=True)
class Script:
    """A text with its tree, and where it lies in the text that the policy gave.

    `base` is the offset in that text; None where the script is not written out there, and `outer`
    is the piece that it comes from. `root` is None where the parser gave up; `is_doubtful` tells
    that the tree may not be that of the text.
    """

    text: str
    root: Node | None
    here_documents: dict[int, HereDocument] = field(default_factory=dict)
    base: int | None = 0
    outer: tuple[int, int] = (0, 0)
    is_doubtful: bool = False

    def cut(self, node: Node) -> str:
        """The text of a node."""
        return self.text[node.start_byte : node.end_byte]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """A piece of this script as a piece of the text that the policy gave."""
        return self.outer if self.base is None else (self.base + start, self.base + end)


class ParseClock:
    """The time of the processor that the parser may take for one text.

    It is no part of the meaning: only texts that are written to hurt come near it.
    """

    def __init__(self) -> None:
        self.left = MAX_PARSE_SECONDS

    def tree(self, plain: str, language: Language | None = None) -> Tree | None:
        """The tree of a text, of Bash if nothing is said; None if there is no time left for it."""
        if self.left <= 0:
            return None
        data = plain.encode("ascii")
        begin = time.thread_time()
        try:
            if language is None and len(data) <= _SHORT:
                return _short_parser().parse(data)
            return self._watched(data, language or _bash(), begin + self.left)
        finally:
            self.left -= time.thread_time() - begin

    def _watched(self, data: bytes, language: Language, end: float) -> Tree | None:
        """The tree of a text; None if it takes too long."""
        from tree_sitter import Parser  # noqa: PLC0415  # see `_bash`

        try:
            return Parser(language).parse(
                lambda at, _: data[at : at + 4_096],
                progress_callback=lambda _offset, _error: time.thread_time() > end,
            )
        except ValueError:
            return None


_SHORT: Final = 400
"""Characters of a text that is parsed at once: it takes some milliseconds at most, whatever it
is."""


_OF_THREAD = threading.local()


def _short_parser() -> Parser:
    """A parser for short texts, which are most: never interrupted, it can be used again. It belongs
    to one thread."""
    from tree_sitter import Parser  # noqa: PLC0415  # see `_bash`

    parser: Parser | None = getattr(_OF_THREAD, "parser", None)
    if parser is None:
        parser = _OF_THREAD.parser = Parser(_bash())
    return parser


def parse(text: str, clock: ParseClock) -> list[Script]:
    """Read a text as Bash: one script, or several that run one after the other."""
    plain = _parsable(text)
    if len(plain) > MAX_PIECE:
        return list(_in_pieces(text, plain, clock))
    if "<<" not in plain:
        return [Script(text, _root(clock.tree(plain)))]
    blanked = blank(plain)
    script = _piece(text, blanked, _root(clock.tree(blanked.text)), 0, len(text))
    return [_by_the_grammar(text, plain, clock) if script.is_doubtful else script]


def _by_the_grammar(text: str, plain: str, clock: ParseClock) -> Script:
    """A script whose here-documents are told by the grammar, as our scanner was deceived."""
    root = _root(clock.tree(plain))
    if root is None:
        return Script(text, None)
    without, found = _without_here_documents(text, plain, root)
    # The grammar takes `;` and the like for a part of the word that ends a document.
    heads = [text[at : text.find("\n", at)] for at in found]
    is_doubtful = any(re.match(r"<<-?\s*[^\s'\"]*[;&|()<>]", head) for head in heads)
    root = _root(clock.tree(without)) if found else root
    return Script(text, root, found, is_doubtful=is_doubtful)


def only_command(text: str, clock: ParseClock) -> Script:
    """A short text as one script."""
    tree = clock.tree(_parsable(text))
    return Script(text, None if tree is None else tree.root_node)


@cache
def _bash() -> Language:
    from tree_sitter import Language  # noqa: PLC0415  # slow, and only needed where shell is read
    from tree_sitter_bash import language  # noqa: PLC0415

    return Language(language())


_FOREIGN = re.compile(r"[^\x01-\x7f]")
_READ_WRITE = re.compile(r"<>(?=\s*[\w/$.&\"'~])")
_FOR_ARGUMENTS = re.compile(r"\b(for[ \t]+(?!in\b)\w+)[ \t\n](?=\s*do\b)")
_BRACES = re.compile(r"(?<![$\w{}])\{(?=[^\s{};|&()]*,)([^\s{};|&()]*)\}")


def _parsable(text: str) -> str:
    """A text of the same length that the grammar reads as Bash reads the given one."""
    plain = text if text.isascii() and "\0" not in text else _FOREIGN.sub("x", text)
    if "\r" in plain:
        plain = plain.replace("\r\n", " \n")
    if "<<<" in plain:
        plain = plain.replace("<<<", "<  ")
    if "<>" in plain:
        plain = _READ_WRITE.sub("> ", plain)
    if "for" in plain:
        plain = _FOR_ARGUMENTS.sub(r"\1;", plain)
    if "{" in plain:
        plain = _BRACES.sub(r"x\1x", plain)
    return plain


# --- long texts -----------------------------------------------------------------------------------


def _in_pieces(text: str, plain: str, clock: ParseClock) -> Iterator[Script]:
    blanked = blank(plain)
    start = 0
    while start < len(text):
        found = None
        for end in _ends(blanked, start):
            root = _root(clock.tree(blanked.text[start:end]))
            if root is not None and root.has_error:
                # The piece may have been cut in the middle of a statement: take what is before it.
                error = start + _first_error(root)
                whole = blanked.text.rfind("\n", start, error) + 1
                before = _root(clock.tree(blanked.text[start:whole])) if whole > start else None
                if before is not None and not before.has_error:
                    root, end = before, whole
            if found is None or (root is not None and not root.has_error):
                found = _piece(text, blanked, root, start, end)
            if root is None or not root.has_error:
                break
        if found is None:
            found = Script(text[start : blanked.line_end(start)], None, base=start)
        yield found
        start += len(found.text)


def _root(tree: Tree | None) -> Node | None:
    return None if tree is None else tree.root_node


def _first_error(root: Node) -> int:
    """Where the first statement begins that has an error."""
    return next((one.start_byte for one in root.children if one.has_error or one.is_missing), 0)


def _ends(blanked: Blanked, start: int) -> list[int]:
    """Where a piece may end: one of the usual size, and a larger one for a larger construct."""
    ends: list[int] = []
    for most in (MAX_PIECE, 2 * MAX_PIECE):
        end = _last_line(blanked, start, most)
        if end is not None and end not in ends:
            ends.append(end)
    return ends


def _last_line(blanked: Blanked, start: int, most: int) -> int | None:
    """The end of the last line up to which a piece has at most that weight."""
    end = start
    while end < len(blanked.text):
        line = blanked.line_end(end)
        if blanked.weight(start, line) > most:
            return end if end > start else None
        end = line
    return end


def _piece(text: str, blanked: Blanked, root: Node | None, start: int, end: int) -> Script:
    documents = {
        at - start: replace(one, start=one.start - start, end=one.end - start)
        for at, one in blanked.documents.items()
        if start <= at < end
    }
    is_doubtful = root is not None and not blanked.is_true_of(root, start, end)
    return Script(text[start:end], root, documents, base=start, is_doubtful=is_doubtful)


# --- here-documents -------------------------------------------------------------------------------


def _without_here_documents(
    text: str, plain: str, root: Node
) -> tuple[str, dict[int, HereDocument]]:
    """Replace each here-document by a redirection from a file, and tell where those stand."""
    found: dict[int, HereDocument] = {}
    characters = list(plain)
    for node in _nodes_of(root, "heredoc_start"):
        operator = plain.rfind("<<", 0, node.start_byte)
        siblings = [] if node.parent is None else node.parent.children
        body = next((one for one in siblings if one.type == "heredoc_body"), None)
        closing = next((one for one in siblings if one.type == "heredoc_end"), None)
        if operator < 0 or body is None:
            continue
        line = plain.find("\n", node.end_byte) + 1
        start = line if 0 < line <= body.end_byte else body.start_byte
        end = body.end_byte if closing is None else plain.rfind("\n", start, closing.start_byte) + 1
        end = max(start, end)
        strips_tabs = plain.startswith("-", operator + 2)
        is_quoted = any(mark in text[node.start_byte : node.end_byte] for mark in "'\"\\")
        found[operator] = HereDocument(start, end, is_quoted, strips_tabs)
        characters[operator : node.end_byte] = "<" + "x" * (node.end_byte - operator - 1)
        last = end if closing is None else closing.end_byte
        characters[start:last] = ["\n" if one == "\n" else " " for one in characters[start:last]]
    return "".join(characters), found


def _nodes_of(root: Node, kind: str) -> list[Node]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if node.type == kind:
            found.append(node)
        stack.extend(reversed(node.children))
    return found


_DELIMITER = "_END_OF_BODY_"


def parse_body(
    text: str, outer: Script, document: HereDocument, clock: ParseClock
) -> Script | None:
    """The body of a here-document whose variables and substitutions are expanded."""
    if _DELIMITER in text or len(text) > 2 * MAX_PIECE:
        return None
    head = f"x <<{_DELIMITER}\n"
    whole = f"{head}{text}\n{_DELIMITER}\n"
    tree = clock.tree(_parsable(whole))
    bodies = [] if tree is None else _nodes_of(tree.root_node, "heredoc_body")
    if not bodies:
        return None
    script = Script(whole[: len(head) + len(text)], bodies[0])
    start, end = outer.locate(document.start, document.end)
    is_verbatim = outer.base is not None and not document.strips_tabs
    script.base = start - len(head) if is_verbatim else None
    script.outer = (start, end)
    return script
