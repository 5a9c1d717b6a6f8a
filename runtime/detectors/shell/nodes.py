"""The nodes of the grammar, as far as several modules must tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from tree_sitter import Node

REDIRECTS = names("file_redirect heredoc_redirect")
SILENT = names("comment heredoc_body heredoc_end heredoc_start file_descriptor")
"""Nodes among statements that are none."""
ENDS_IN_COMMAND = names("pipeline list negated_command")
"""Statements whose last command the redirections belong to that the grammar gives to the whole."""
BLOCKS = names(
    "compound_statement subshell if_statement while_statement for_statement case_statement "
    "c_style_for_statement pipeline ERROR"
)
"""Statements that hold statements."""


def parts_of_command(node: Node | None) -> tuple[list[Node], list[Node], list[Node]]:
    """The nodes of a command's words, assignments and redirections."""
    words: list[Node] = []
    assigned: list[Node] = []
    redirects: list[Node] = []
    if node is None:
        return words, assigned, redirects
    if node.type == "variable_assignment":
        return words, [node], redirects
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment":
            assigned.append(child)
        elif kind in REDIRECTS:
            redirects.append(child)
        elif kind == "command_name":
            inner = child.children
            if not (inner and inner[0].is_missing):
                words.append(inner[0] if len(inner) == 1 else child)
        elif kind != "comment":
            words.append(child)
    return words, assigned, redirects


def parts_of_redirected(node: Node) -> tuple[Node | None, list[Node]]:
    """What is redirected, and the nodes of its redirections."""
    body = None
    redirects: list[Node] = []
    for child in node.children:
        if child.type in REDIRECTS:
            redirects.append(child)
        elif child.is_named and child.type not in SILENT and body is None:
            body = child
    return body, redirects
