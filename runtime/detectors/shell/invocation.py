"""What happens when a command runs: its name is found, its wrappers taken off, what is inside of it
read in turn, and the rules asked about it."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.budget import MAX_CALLS, MAX_DEPTH
from policyc.runtime.detectors.shell.call import Call, Context
from policyc.runtime.detectors.shell.effects import note_effects
from policyc.runtime.detectors.shell.handlers import HANDLERS
from policyc.runtime.detectors.shell.hosts import hosts_of
from policyc.runtime.detectors.shell.interpreters import language_of
from policyc.runtime.detectors.shell.outputs import output_of
from policyc.runtime.detectors.shell.risks.registry import KNOWN_NAMES, findings
from policyc.runtime.detectors.shell.risks.rule import UNDECIDABLE
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.state_changes import change_state
from policyc.runtime.detectors.shell.values import (
    ANYTHING,
    DOWNLOADED,
    LOCAL,
    NO_LABELS,
    NOTHING,
    SECRET,
    SET_UP,
    SOCKET,
    UNKNOWN,
    Data,
    Word,
    joined,
)

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.reader import Reader
    from policyc.runtime.detectors.shell.steps import Steps
    from policyc.runtime.detectors.shell.unwrapping import Inside, Nested

_MOST_CANDIDATES = 6
"""Commands that a pattern as a command's name is tried with."""


def invoke(reader: Reader, words: list[Word], context: Context) -> Steps:
    """Run a command in the state of the reader; the answer is what it writes."""
    reader.budget.command()
    reader.budget.step(len(words) // 8)
    if not words:
        _finish(reader, Call("", [], context, reader.state), is_recorded=False)
        return NOTHING
    first = words[0]
    name = name_of(first.value)
    state = reader.state
    if UNKNOWN in name:
        known = name_of(first.value.replace(UNKNOWN, ""))
        if not first.labels & {DOWNLOADED, SOCKET}:
            reader.add_undecidable("the name of the command is not known", context, first)
        if not first.labels and known in KNOWN_NAMES:
            name = known
    elif first.has_glob and first.value not in ("[", "[[") and re.search(r"[*?\[]", name):
        return (yield _any_of(reader, words, context, name))
    if first.value in state.aliases and not first.has_glob:
        return (yield _alias(reader, words, context))
    if name in state.functions and name == first.value:
        return (yield _function(reader, words, context, name))
    call = Call(name, words, context, state)
    _note_file(call, first)
    handler = HANDLERS.get(name) or HANDLERS.get(language_of(name) or "")
    inside = None if handler is None else handler(call)
    if inside is None and call.executes and call.executes[0][1] is first:
        return (yield _file(reader, call))
    if inside is None:
        return _finish(reader, call, is_recorded=True)
    return (yield _inside(reader, call, inside))


def name_of(value: str) -> str:
    """The name of a command without its folder."""
    name = value.rpartition("/")[2] or value
    return name.removesuffix(".exe") if name.endswith(".exe") else name


def _any_of(reader: Reader, words: list[Word], context: Context, pattern: str) -> Steps:
    """A pattern as the name of a command: every command that is known and fits may be meant."""
    first = words[0]
    reader.add_undecidable("the name of the command is a pattern", context, first)
    fitting = [name for name in sorted(KNOWN_NAMES) if fnmatch.fnmatchcase(name, pattern)]
    outputs = []
    for name in fitting[:_MOST_CANDIDATES]:
        meant = replace(first, value=name, has_glob=False)
        outputs.append((yield invoke(reader, [meant, *words[1:]], context)))
    if not fitting:
        return _finish(reader, Call(pattern, words, context, reader.state), is_recorded=True)
    return Data(None, joined(outputs).labels)


def _alias(reader: Reader, words: list[Word], context: Context) -> Steps:
    """The text of an alias, followed by the other words."""
    name = words[0].value
    text = reader.state.aliases.pop(name)
    rest = " ".join(_quoted(word.value) for word in words[1:])
    data = yield reader.nested(Data(f"{text} {rest}"), words[0], context, is_same_shell=True)
    reader.state.aliases[name] = text
    return data


def _quoted(text: str) -> str:
    text = text.replace(UNKNOWN, "$_")
    return (
        text if re.fullmatch(r"[\w@%+=:,./$-]+", text) else "'" + text.replace("'", "'\\''") + "'"
    )


def _function(reader: Reader, words: list[Word], context: Context, name: str) -> Steps:
    """The body of a function with the words as its parameters."""
    state = reader.state
    reader.called.add(name)
    if name in reader.calling or len(reader.calling) >= MAX_CALLS:
        _note_recursion(reader, words[0], context, name)
        return ANYTHING
    # A call that changes nothing is the same the next time, with all that it does.
    key = (
        *(name, context.stdin, context.wrappers),
        tuple((word.value, word.labels) for word in words[1:]),
        *(state.version, state.files.changes, state.folder, state.maybe > 0, reader.choice),
        *(len(state.functions), len(state.aliases)),
    )
    known = reader.answered.get(key)
    if known is not None:
        return known
    changes = state.files.changes
    reader.calling.append(name)
    before, state.positional = state.positional, tuple(words[1:])
    around, reader.wrappers = reader.wrappers, context.wrappers
    outputs = []
    for function in state.functions[name]:
        outputs.append((yield reader.statement(function.script, function.body, context.stdin)))
    reader.wrappers = around
    state.positional = before
    reader.calling.pop()
    output: Data = joined(outputs[-1:])
    if state.files.changes == changes:
        reader.answered[key] = output
    return output


def _note_recursion(reader: Reader, word: Word, context: Context, name: str) -> None:
    """A function that starts itself more than once is a fork bomb."""
    for function in reader.state.functions[name]:
        body = function.script.cut(function.body)
        times = len(re.findall(rf"(?<![\w:.-]){re.escape(name)}(?![\w:.-])", body))
        if times > 1:
            reason = f"`{name}` starts itself again and again"
            reader.add_risk("denial-of-service", reason, name, context, word)
        elif len(reader.calling) >= MAX_CALLS:
            reader.add_undecidable("functions call one another too often", context, word)


def _note_file(call: Call, first: Word) -> None:
    """A program that the script itself has written."""
    if call.state.files and "/" in first.value:
        data = call.state.files.get(call.path(first))
        if data is not None:
            call.executes.append((data, first))


def _file(reader: Reader, call: Call) -> Steps:
    """A program whose content the script wrote: run what is known of it."""
    data = call.executes[0][0]
    _finish(reader, call, is_recorded=True)
    if data.text is None:
        if not data.labels & {DOWNLOADED, SOCKET}:
            reader.add_undecidable(
                "the program that runs is not known", call.context, call.words[0]
            )
        return Data(None, data.labels)
    if re.match(r"#!.*\b(?:python|perl|ruby|node|php)", data.text):
        language = re.findall(r"python|perl|ruby|node|php", data.text.partition("\n")[0])[-1]
        words = [call.words[0].with_value(language)]
        return (yield invoke(reader, words, replace(call.context, stdin=data, redirects=())))
    return (
        yield reader.nested(data, call.words[0], _below(call), positional=tuple(call.words[1:]))
    )


def _below(call: Call) -> Context:
    """The context of what runs inside of a command."""
    context = call.context
    return replace(
        context, wrappers=(*context.wrappers, call.name), redirects=(), assigned=(), stdin=None
    )


def _inside(reader: Reader, call: Call, inside: Inside) -> Steps:
    """What a command runs, after the command itself."""
    context = call.context
    below = replace(context, wrappers=(*context.wrappers, call.name))
    if not inside.is_prefix:
        below = replace(below, redirects=(), assigned=())
    if not inside.keeps_stdin:
        below = replace(below, stdin=None)
    call.executes.extend((one.data, one.word) for one in inside.scripts)
    for data, word in call.executes:
        if data.text is None:
            _note_unknown_script(reader, call, data, word)
    if inside.is_prefix:
        # The redirections are those of the inner command.
        call.context = replace(context, redirects=())
    outputs = [_finish(reader, call, is_recorded=not inside.is_prefix)]
    for reason, word in inside.unknown:
        reader.add_undecidable(reason, context, word)
    if len(context.wrappers) >= MAX_DEPTH:
        reader.add_undecidable("commands are wrapped too often", context, call.words[0])
        return ANYTHING
    runs = [
        *(invoke(reader, words, below) for words in inside.commands if words),
        *(_script(reader, call, one, below) for one in inside.scripts if one.data.text is not None),
    ]
    if runs:
        outputs = []
        for one in runs:
            outputs.append((yield one))
    return joined(outputs)


def _script(reader: Reader, call: Call, one: Nested, below: Context) -> Steps:
    return reader.nested(
        one.data,
        one.word,
        below,
        is_same_shell=one.is_same_shell,
        positional=one.positional,
        zero=one.zero,
        assigned=call.context.assigned,
    )


def _note_unknown_script(reader: Reader, call: Call, data: Data, word: Word | None) -> None:
    if data.labels & {DOWNLOADED, SOCKET}:
        return  # a risk of its own
    if SET_UP in data.labels and call.name in ("eval", "source", "."):
        return
    reader.add_undecidable(f"the code that `{call.name}` runs is not known", call.context, word)


def _finish(reader: Reader, call: Call, *, is_recorded: bool) -> Data:
    """Note what a command is and does, and ask the rules; the answer is what it writes."""
    note_effects(call)
    call.hosts.extend(hosts_of(call))
    call.content = _content(call)
    for kind, reason, word in findings(call):
        if kind == UNDECIDABLE:
            reader.add_undecidable(reason, call.context, word)
        else:
            reader.add_risk(kind, reason, call.name, call.context, word)
    reader.add_facts(call)
    if is_recorded:
        reader.add_command(call)
    change_state(call)
    return output_of(call) if call.words else NOTHING


def _content(call: Call) -> frozenset[str]:
    """Where what a command reads from files comes from."""
    labels = NO_LABELS
    files = call.state.files
    for path, _ in call.reads:
        if holds(path) is not None or path in ("/", "~", "/etc", "/home"):
            labels |= {SECRET}
        labels |= {LOCAL}
        if path in files:
            labels |= files[path].labels
    if files:
        for word in call.words[1:]:
            if word.value in files:
                labels |= files[word.value].labels
    return labels
