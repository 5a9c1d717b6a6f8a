"""Redirections: what a command reads from them, and where what it writes goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import words as expansion
from policyc.runtime.detectors.shell.call import Context, Redirect
from policyc.runtime.detectors.shell.paths import normalize
from policyc.runtime.detectors.shell.script import parse_body
from policyc.runtime.detectors.shell.values import (
    ANYTHING,
    LOCAL,
    NO_LABELS,
    NOTHING,
    SOCKET,
    Data,
    Word,
    joined,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.blanking import HereDocument
    from policyc.runtime.detectors.shell.reader import Reader
    from policyc.runtime.detectors.shell.script import Script
    from policyc.runtime.detectors.shell.steps import Steps

SOCKETS = ("/dev/tcp/", "/dev/udp/")
"""Files that are connections."""


def written(reader: Reader, context: Context, output: Data) -> Data:
    """Put what a command writes into the file that its output goes to."""
    for redirect in context.redirects:
        if not redirect.is_output or redirect.target is None:
            continue
        if redirect.operator.endswith("&") or redirect.descriptor not in ("", "1", "&"):
            continue
        path = _path(reader, redirect.target)
        old = reader.state.files.get(path)
        if ">>" in redirect.operator and old is not None:
            reader.state.files[path] = joined([old, output])
        else:
            reader.state.files[path] = output
        output = NOTHING
    return output


def redirect(reader: Reader, script: Script, node: Node) -> Steps:
    """A redirection, and the words of the command that the grammar puts behind it."""
    start, end = node.start_byte, node.end_byte
    descriptor, operator = "", ""
    targets: list[Word] = []
    if node.type == "heredoc_redirect":
        body = next((one for one in node.children if one.type == "heredoc_body"), None)
        text = "" if body is None else script.cut(body)
        return Redirect("<<", "", None, Data(text), start, end), []
    for child in node.children:
        if child.type == "file_descriptor":
            descriptor = script.cut(child)
        elif not child.is_named and not operator:
            operator = child.type
            here = script.here_documents.get(child.start_byte)
            if here is not None:
                data = yield document(reader, script, here)
                return Redirect("<<", descriptor, None, data, start, end), []
        elif child.type != "ERROR":
            targets.extend((yield expansion.expand(reader, script, child)))
    if script.text.startswith("<<<", start + len(descriptor)):
        word = targets[0] if targets else None
        known = word is not None and word.is_known
        data = Data(
            f"{word.value}\n" if word and known else None, word.labels if word else NO_LABELS
        )
        return Redirect("<<<", descriptor, None, data, start, end), targets[1:]
    if operator in ("&>", "&>>"):
        descriptor = "&"
    if script.text.startswith("<>", start + len(descriptor)):
        operator = "<>"
    target = targets[0] if targets else None
    redirect = Redirect(operator, descriptor, target, data_of(reader, operator, target), start, end)
    open_socket(reader, redirect)
    reader.add_redirect(script, redirect)
    return redirect, targets[1:]


def data_of(reader: Reader, operator: str, target: Word | None) -> Data | None:
    """What is read from the target of a redirection."""
    if target is None or not operator.startswith("<"):
        return None
    if target.value.startswith(SOCKETS):
        return Data(None, frozenset({SOCKET}))
    if target.value in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/tty"):
        return NOTHING if target.value == "/dev/null" else ANYTHING
    key = f"&{target.value}" if operator == "<&" else _path(reader, target)
    found = reader.state.files.get(key)
    if found is not None:
        return found
    return Data(None, frozenset({LOCAL}) | reader.labels_of_path(key))


def open_socket(reader: Reader, redirect: Redirect) -> None:
    """`exec 5<>/dev/tcp/...`: later commands read from the descriptor."""
    target = redirect.target
    if target is not None and target.value.startswith(SOCKETS):
        descriptor = redirect.descriptor or "0"
        reader.state.files[f"&{descriptor}"] = Data(None, frozenset({SOCKET}))


def document(reader: Reader, script: Script, here: HereDocument) -> Steps:
    """The text of a here-document."""
    text = script.text[here.start : here.end]
    if here.strips_tabs:
        text = re.sub(r"(?m)^\t+", "", text)
    if here.is_quoted or not re.search(r"[$`\\]", text):
        return Data(text)
    reader.budget.script(len(text))
    body = parse_body(text, script, here, reader.clock)
    if body is None or body.root is None:
        return ANYTHING
    (word,) = yield expansion.expand(reader, body, body.root, splits=False)
    return Data(word.value if word.is_known else None, word.labels)


def _path(reader: Reader, word: Word) -> str:
    return normalize(word.value, reader.state.folder)
