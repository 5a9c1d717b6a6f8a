"""Statements that hold other statements: sequences, blocks, loops, pipelines.

Each function gets the reader, the script and the node of the statement, and what its input is; its
answer is what it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import words as expansion
from policyc.runtime.detectors.shell.commands import trail
from policyc.runtime.detectors.shell.nodes import SILENT, parts_of_redirected
from policyc.runtime.detectors.shell.state import Function, Value
from policyc.runtime.detectors.shell.values import ANYTHING, NOTHING, UNKNOWN, Data, Word, joined

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.reader import Reader
    from policyc.runtime.detectors.shell.records import ShellCommand
    from policyc.runtime.detectors.shell.script import Script
    from policyc.runtime.detectors.shell.steps import Steps


def sequence(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """Statements one after the other."""
    outputs = []
    for child in node.children:
        if child.is_named and child.type not in SILENT:
            reader.budget.step()
            reader.place = script.locate(child.start_byte, child.end_byte)[0]
            outputs.append((yield reader.statement(script, child, stdin)))
    return joined(outputs)


def subshell(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """`( ... )`: what it sets is gone after it."""
    before, reader.state = reader.state, reader.fork()
    output = yield sequence(reader, script, node, stdin)
    reader.state = before
    return output


def maybe(reader: Reader, script: Script, nodes: list[Node], stdin: Data | None) -> Steps:
    """Statements that may run or not."""
    reader.state.maybe += 1
    outputs = []
    for node in nodes:
        if node.is_named and node.type not in SILENT:
            outputs.append((yield reader.statement(script, node, stdin)))
    reader.state.maybe -= 1
    return joined(outputs)


def if_(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """`if`: every branch may run."""
    children = node.children
    at = next((n for n, child in enumerate(children) if child.type == "then"), 0)
    for child in children[:at]:
        if child.is_named and child.type not in SILENT:
            yield reader.statement(script, child, stdin)
    output = yield maybe(reader, script, children[at:], stdin)
    return Data(None, output.labels, output.sample)


def loop(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """A loop: its body twice if the first time has changed what the second may do."""
    output: Data = NOTHING
    for _ in range(2):
        version = reader.state.version
        output = yield maybe(reader, script, node.children, stdin)
        if reader.state.version == version:
            break
    return Data(None, output.labels)


def for_(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """`for`: its variable has all the values of the list."""
    name = None
    values: list[Word] = []
    rest: list[Node] = []
    has_list = False
    for child in node.children:
        if child.type == "variable_name" and name is None:
            name = script.cut(child)
        elif child.type in ("do_group", "compound_statement"):
            rest.append(child)
        elif child.type == "in":
            has_list = True
        elif child.is_named and child.type not in SILENT:
            values.extend((yield expansion.expand(reader, script, child)))
    if name is not None:
        if not has_list:
            values = list(reader.state.positional or ())
        found = list(dict.fromkeys(Value(word.value, word.labels) for word in values))
        reader.state.set_all(name, found or [Value(UNKNOWN)])
    output: Data = NOTHING
    for _ in range(2):
        version = reader.state.version
        output = yield maybe(reader, script, rest, stdin)
        if reader.state.version == version:
            break
    return Data(None, output.labels) if len(values) > 1 else output


def case(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """`case`: every item may run."""
    for child in node.children:
        if child.type == "case_item":
            yield maybe(reader, script, _body_of_case(child), stdin)
        elif child.is_named and child.type not in SILENT:
            yield reader.effects(script, child)
    return ANYTHING


def define(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """A function: it is kept until it is called."""
    name, body = None, None
    for child in node.children:
        if child.type == "word" and name is None:
            name = script.cut(child)
        elif child.is_named:
            body = child
    if name is not None and body is not None:
        reader.state.define(name, Function(script, body))
    yield from ()
    return NOTHING


def pipeline(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """Commands of which each reads what the one before it writes."""
    output: Data | None = stdin
    stages: list[ShellCommand] = []
    for child in _stages(reader, script, node):
        reader.start_stage()
        if child.type in ("command", "redirected_statement", "list"):
            output = yield reader.statement(script, child, output)
        else:
            output = yield in_fork(reader, script, child, output)
        stages.extend(reader.stage())
    start, end = script.locate(node.start_byte, node.end_byte)
    reader.add_pipe(stages, start, end)
    return NOTHING if output is None else output


def _stages(reader: Reader, script: Script, node: Node) -> list[Node]:
    """The stages of a pipeline. The grammar takes what comes before a redirection in it for a
    pipeline of its own: its stages are some of the same one."""
    later: list[Node] = []
    while True:
        own = [one for one in node.children if one.is_named and one.type not in SILENT]
        if own and own[0].type == "redirected_statement":
            body, redirects = parts_of_redirected(own[0])
            if body is not None and body.type == "pipeline":
                trail(reader, script, body, redirects)
                later = [*own[1:], *later]
                node = body
                continue
        return [*own, *later]


def in_fork(reader: Reader, script: Script, node: Node, stdin: Data | None) -> Steps:
    """A stage of a pipeline: it has a shell of its own."""
    before, reader.state = reader.state, reader.fork()
    output = yield reader.statement(script, node, stdin)
    reader.state = before
    return output


def _body_of_case(node: Node) -> list[Node]:
    """The statements of a case item: what follows its pattern."""
    children = node.children
    at = next((n for n, child in enumerate(children) if child.type == ")"), 0)
    return children[at + 1 :]
