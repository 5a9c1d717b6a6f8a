"""From text to a syntax tree: the only module that knows the parser.

The tree is made by tree-sitter, which reads damaged text too. Before it sees a text, characters
that confuse it are replaced one for one (`_parsable`), so that every position of the tree is one of
the text; words are always cut from the text itself. Here-documents are taken out of the text first
and stand in the tree as a plain redirection: the grammar does not know all places where they may
stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.budget import MAX_ERROR_WORK

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Tree


@dataclass(frozen=True, slots=True)
class HereDocument:
    """The body of a here-document, as a piece of the text of its script."""

    start: int
    end: int
    is_quoted: bool
    strips_tabs: bool


@dataclass(slots=True)
class Script:
    """A text with its tree, and where it lies in the text that the policy gave.

    `base` is the offset in that text; None where the script is not written out there, and `outer`
    is the piece that it comes from.
    """

    text: str
    root: Node | None
    unread: int | None = None
    here_documents: dict[int, HereDocument] = field(default_factory=dict)
    base: int | None = 0
    outer: tuple[int, int] = (0, 0)

    def cut(self, node: Node) -> str:
        """The text of a node."""
        return self.text[node.start_byte : node.end_byte]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """A piece of this script as a piece of the text that the policy gave."""
        return self.outer if self.base is None else (self.base + start, self.base + end)


def parse(text: str) -> Script:
    """Read a text as Bash. What the parser gives up on starts at `unread`."""
    plain = _parsable(text)
    tree, unread = _tree(plain)
    found: dict[int, HereDocument] = {}
    if tree is not None and "<<" in plain:
        plain, found = _without_here_documents(text, plain, tree.root_node)
        if found:
            tree, unread = _tree(plain)
    return Script(text, None if tree is None else tree.root_node, unread, found)


@cache
def _bash() -> Language:
    from tree_sitter import Language  # noqa: PLC0415  # slow, and only needed where shell is read
    from tree_sitter_bash import language  # noqa: PLC0415

    return Language(language())


_FOREIGN = re.compile(r"[^\x01-\x7f]")
_READ_WRITE = re.compile(r"<>(?=\s*[\w/$.&\"'~])")
_BRACES = re.compile(r"(?<![$\w{}])\{(?=[^\s{};|&()]*,)([^\s{};|&()]*)\}")


def _parsable(text: str) -> str:
    """A text of the same length that the grammar reads as Bash reads the given one."""
    plain = text if text.isascii() and "\0" not in text else _FOREIGN.sub("x", text)
    if "\r" in plain:
        plain = plain.replace("\r\n", " \n")
    if "<>" in plain:
        plain = _READ_WRITE.sub("> ", plain)
    if "{" in plain:
        plain = _BRACES.sub(r"x\1x", plain)
    return plain


def _tree(plain: str) -> tuple[Tree | None, int | None]:
    """The tree of a text, and where it was given up: the rest has no tree."""
    data = plain.encode("ascii")
    tree, wrong_from = _bounded_tree(data)
    if tree is not None:
        return tree, None
    end = data.rfind(b"\n", 0, wrong_from) + 1
    return _bounded_tree(data[:end])[0], end


def _bounded_tree(data: bytes) -> tuple[Tree | None, int]:
    """The tree, or None and the offset of the error on which too much work would be spent."""
    from tree_sitter import Parser  # noqa: PLC0415

    rounds = MAX_ERROR_WORK // (len(data) + 1)
    first: list[int] = []

    def is_over(offset: int, has_error: bool) -> bool:
        if has_error:
            first.append(offset)
        return len(first) > rounds

    parser: Parser = Parser(_bash())
    try:
        return parser.parse(lambda at, _: data[at : at + 65_536], progress_callback=is_over), 0
    except ValueError:
        return None, first[0] if first else 0


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


def parse_body(text: str, outer: Script, document: HereDocument) -> Script | None:
    """The body of a here-document whose variables and substitutions are expanded."""
    if _DELIMITER in text:
        return None
    head = f"x <<{_DELIMITER}\n"
    whole = f"{head}{text}\n{_DELIMITER}\n"
    tree, unread = _tree(_parsable(whole))
    bodies = [] if tree is None else _nodes_of(tree.root_node, "heredoc_body")
    if not bodies or unread is not None:
        return None
    body = bodies[0]
    script = Script(whole[: len(head) + len(text)], body)
    start, end = outer.locate(document.start, document.end)
    is_verbatim = outer.base is not None and not document.strips_tabs
    script.base = start - len(head) if is_verbatim else None
    script.outer = (start, end)
    return script
