"""Statements that are one command: its words, assignments and redirections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import redirections
from policyc.runtime.detectors.shell import words as expansion
from policyc.runtime.detectors.shell.budget import MAX_ALTERNATIVES
from policyc.runtime.detectors.shell.call import Context, Redirect
from policyc.runtime.detectors.shell.invocation import invoke
from policyc.runtime.detectors.shell.nodes import (
    ENDS_IN_COMMAND,
    SILENT,
    parts_of_command,
    parts_of_redirected,
)
from policyc.runtime.detectors.shell.state import Value
from policyc.runtime.detectors.shell.values import NO_LABELS, UNKNOWN, Data, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.reader import Reader
    from policyc.runtime.detectors.shell.script import Script
    from policyc.runtime.detectors.shell.steps import Steps


def assign(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """Assignments alone; each is a finding of nothing but the variables."""
    nodes = [node] if node.type == "variable_assignment" else node.children
    return (yield alternatives(reader, script, node, stdin, [], nodes, []))


def declare(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """`export A=b`, `declare`, `local`, `unset`: commands of a form of their own."""
    words = [child for child in node.children if child.type != "variable_assignment"]
    assigned = [child for child in node.children if child.type == "variable_assignment"]
    return (yield alternatives(reader, script, node, stdin, words, assigned, [], declares=True))


def command(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    words, assigned, redirects = parts_of_command(node)
    return (yield alternatives(reader, script, node, stdin, words, assigned, redirects))


def redirected(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    body, redirects = parts_of_redirected(node)
    if body is not None and body.type in ENDS_IN_COMMAND:
        # The grammar gives them to the whole, a shell to the last command of it.
        trail(reader, script, body, redirects)
        return (yield reader.statement(script, body, stdin))
    return (yield with_redirects(reader, script, node, body, stdin, redirects))


def trail(reader: Reader, script: Script, node: Node, redirects: list[Node]) -> None:
    """Keep redirections for the last command of a pipeline or list."""
    last = [one for one in node.children if one.is_named and one.type not in SILENT][-1]
    reader.trailing[id(script), last.start_byte, last.end_byte] = redirects


def with_redirects(
    reader: Reader,
    script: Script,
    node: Node,
    body: Node | None,
    stdin: Data | None,
    nodes: list[Node],
) -> Steps:
    """A command, or a block as in `while ...; done < file`, with its redirections."""
    if body is not None and body.type == "redirected_statement":
        body, inner = parts_of_redirected(body)
        nodes = [*inner, *nodes]
    if body is None or body.type in ("command", "variable_assignment"):
        words, assigned, own = parts_of_command(body)
        return (yield alternatives(reader, script, node, stdin, words, assigned, [*own, *nodes]))
    redirects = []
    for one in nodes:
        redirects.append((yield redirections.redirect(reader, script, one))[0])
    context = context_of(reader, script, node, stdin, tuple(redirects), ())
    yield invoke(reader, [], context)
    output = yield reader.statement(script, body, context.stdin)
    return redirections.written(reader, context, output)


def alternatives(
    reader: Reader,
    script: Script,
    node: Node,
    stdin: Data | None,
    words: list[Node],
    assigned: list[Node],
    redirects: list[Node],
    *,
    declares: bool = False,
) -> Steps:
    """Run a command once for each value that the variables in it may have."""
    reader.budget.step()
    outer_choice, outer = reader.choice, reader.alternatives
    reader.choice, reader.alternatives = 0, 1
    outputs: list[Data] = []
    while reader.choice < min(reader.alternatives, MAX_ALTERNATIVES):
        outputs.append(
            (yield once(reader, script, node, stdin, words, assigned, redirects, declares))
        )
        reader.choice += 1
    reader.alternatives = max(outer, len(outputs))
    reader.choice = outer_choice
    return outputs[outer_choice % len(outputs)]


def once(
    reader: Reader,
    script: Script,
    node: Node,
    stdin: Data | None,
    word_nodes: list[Node],
    assigned_nodes: list[Node],
    redirect_nodes: list[Node],
    declares: bool,
) -> Steps:
    assigned: list[tuple[str, Value]] = []
    for one in assigned_nodes:
        if one.type == "variable_assignment":
            pair = yield assignment(reader, script, one)
            assigned.append(pair)
            if not word_nodes:
                reader.state.assign(*pair)
    words: list[Word] = []
    at = 0
    while at < len(word_nodes):
        one = last = word_nodes[at]
        at += 1
        while at < len(word_nodes) and word_nodes[at].start_byte == last.end_byte:
            last = word_nodes[at]
            at += 1
        simple = expansion.simple_word(script, one) if last is one else None
        if simple is not None:
            words.append(simple)
        elif last is one:
            words.extend((yield expansion.expand(reader, script, one)))
        else:
            words.extend((yield expansion.expand_joined(reader, script, one, last)))
    redirects: list[Redirect] = []
    for one in redirect_nodes:
        redirect, further = yield redirections.redirect(reader, script, one)
        redirects.append(redirect)
        words.extend(further)
    if declares:
        for (name, value), one in zip(assigned, assigned_nodes, strict=False):
            reader.state.assign(name, value)
            text = f"{name}={value.text}"
            words.append(Word(text, script.cut(one), one.start_byte, one.end_byte, value.labels))
    elif assigned and not word_nodes and words:
        assigned = []
    context = context_of(reader, script, node, stdin, tuple(redirects), tuple(assigned))
    output = yield invoke(reader, words, context)
    return redirections.written(reader, context, output) if redirects else output


def context_of(
    reader: Reader,
    script: Script,
    node: Node,
    stdin: Data | None,
    redirects: tuple[Redirect, ...],
    assigned: tuple[tuple[str, Value], ...],
) -> Context:
    for redirect in redirects:
        if redirect.is_input and redirect.descriptor in ("", "0"):
            stdin = redirect.data
    return Context(
        script, node.start_byte, node.end_byte, stdin, redirects, assigned, reader.wrappers
    )


def assignment(reader: Reader, script: Script, node: Node) -> Steps:
    """The name and the value of `NAME=value`."""
    children = node.children
    name = script.cut(children[0])
    operator = children[1].type if len(children) > 1 else "="
    value = Value("")
    if len(children) > 2:
        target = children[2]
        if target.type == "array":
            words: list[Word] = []
            for child in target.children:
                if child.is_named:
                    words.extend((yield expansion.expand(reader, script, child)))
            texts = tuple(word.value for word in words)
            labels = NO_LABELS.union(*(word.labels for word in words))
            value = Value(texts[0] if texts else "", labels, texts)
        else:
            (word,) = yield expansion.expand(reader, script, target, splits=False)
            value = Value(word.value, word.labels)
    if children[0].type == "subscript":
        name = name.partition("[")[0]
        value = Value(UNKNOWN, value.labels)
    elif operator == "+=":
        old = reader.lookup(name) or Value("")
        together = None if value.words is None else (*(old.words or ()), *value.words)
        text = old.text if value.words is not None else old.text + value.text
        value = Value(text, old.labels | value.labels, together)
    return name, value
