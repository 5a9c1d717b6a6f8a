"""Goes through a PowerShell script: its commands, what is inside of them, and their risks.

A cmdlet is asked about as the command of a Unix shell that does the same (`cmdlets`), so that there
is one set of rules. Nested scripts wait in a list; no step calls itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import TYPE_CHECKING

from policyc.runtime.detectors.powershell.cmdlets import (
    ALIASES,
    DOWNLOADS,
    SOCKETS,
    as_command,
    windows_risks,
)
from policyc.runtime.detectors.powershell.expressions import text_of
from policyc.runtime.detectors.powershell.grammar import parse
from policyc.runtime.detectors.shell.budget import MAX_PIECE, Budget, BudgetSpent
from policyc.runtime.detectors.shell.call import Call, Context
from policyc.runtime.detectors.shell.effects import note_effects
from policyc.runtime.detectors.shell.findings import Findings
from policyc.runtime.detectors.shell.hosts import hosts_of
from policyc.runtime.detectors.shell.outputs import output_of
from policyc.runtime.detectors.shell.risks.registry import findings
from policyc.runtime.detectors.shell.risks.rule import UNDECIDABLE
from policyc.runtime.detectors.shell.script import ParseClock, Script
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.state import State
from policyc.runtime.detectors.shell.values import (
    DOWNLOADED,
    LOCAL,
    NO_LABELS,
    SECRET,
    UNKNOWN,
    Data,
    Word,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.records import ShellCode, ShellCommand

MAX_TEXT = 4 * MAX_PIECE
"""Characters of a text that are read."""

MAX_NESTED = 50
"""Scripts inside of scripts."""

_SHELLS = frozenset({"powershell", "pwsh"})


class PowershellReader(Findings):
    """Reads one text; `read` gives the result."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.budget = Budget()
        self.clock = ParseClock()
        self.state = State()
        self.variables: dict[str, str] = {}
        self.waiting: deque[tuple[str, tuple[int, int], tuple[str, ...]]] = deque()

    def read(self) -> ShellCode:
        """What the text would do."""
        text = self.text
        if len(text) > MAX_TEXT:
            self.note_unread("the text is longer than what is read", MAX_TEXT)
            text = text[:MAX_TEXT]
        self.waiting.append((text, (0, len(text)), ()))
        read = 0
        try:
            while self.waiting:
                script, span, wrappers = self.waiting.popleft()
                read += 1
                if read > MAX_NESTED:
                    self.note_gap("scripts are nested too deep", *span)
                    break
                self.budget.script(len(script))
                self._script(script, span, wrappers)
        except BudgetSpent as spent:
            self.note_unread(str(spent), self.place)
        return self.result()

    def _script(self, text: str, span: tuple[int, int], wrappers: tuple[str, ...]) -> None:
        script = parse(text, self.clock)
        at = self.text.find(text, *span) if text else -1
        script.base, script.outer = (at if at >= 0 else None), span
        if script.root is None:
            self.note_gap("the text is too long or too intricate to be parsed", *span)
            return
        stack = [script.root]
        while stack:
            node = stack.pop()
            self.budget.step()
            self.place = script.locate(node.start_byte, node.end_byte)[0]
            kind = node.type
            if kind == "ERROR" or node.is_missing:
                self.gap_at("the PowerShell code cannot be parsed", script, node)
                self.has_syntax_error |= not wrappers
            if kind == "assignment_expression":
                self._assign(script, node)
            elif kind == "pipeline_chain":
                self._pipeline(script, node, wrappers)
            elif kind == "invokation_expression":
                self._method(script, node, wrappers)
            stack.extend(reversed(node.children))

    def _assign(self, script: Script, node: Node) -> None:
        target, _, value = script.cut(node).partition("=")
        match = re.fullmatch(r"\$\{?([\w:]+)\}?", target.strip())
        if match is not None and value:
            self.variables[match[1].lower()] = text_of(script, node.children[-1], self.variables)

    # --- commands

    def _pipeline(self, script: Script, node: Node, wrappers: tuple[str, ...]) -> None:
        labels = self._labels(script, node.children[0]) if node.children else NO_LABELS
        stdin = Data(None, labels) if labels else None
        stages: list[ShellCommand] = []
        for child in node.children:
            if child.type == "command":
                self.start_stage()
                stdin = self._command(script, child, stdin, wrappers)
                stages.extend(self.stage())
        self.add_pipe(stages, *script.locate(node.start_byte, node.end_byte))

    def _labels(self, script: Script, node: Node) -> frozenset[str]:
        """Where the value of an expression comes from."""
        if node.type == "command":
            return NO_LABELS
        return frozenset({DOWNLOADED}) if DOWNLOADS.search(script.cut(node)) else NO_LABELS

    def _command(
        self, script: Script, node: Node, stdin: Data | None, wrappers: tuple[str, ...]
    ) -> Data:
        """A command; the answer is what it writes."""
        self.budget.command()
        words = self._words(script, node)
        context = Context(script, node.start_byte, node.end_byte, stdin, wrappers=wrappers)
        if not words:
            return Data(None)
        first = words[0]
        name = re.split(r"[\\/]", first.value)[-1].lower().removesuffix(".exe")
        name = ALIASES.get(name, name)
        if UNKNOWN in name:
            self.add_undecidable("the name of the command is not known", context, first)
        unix = as_command(name, words)
        call = Call(unix[0].value if unix is not words else name, unix, context, self.state)
        shown = Call(name, words, context, self.state)
        self._inside(call, shown, wrappers)
        return self._finish(call, shown)

    def _words(self, script: Script, node: Node) -> list[Word]:
        words = []
        for child in node.children:
            parts = child.children if child.type == "command_elements" else [child]
            for part in parts:
                if not part.is_named or part.type in (
                    "command_argument_sep",
                    "command_invokation_operator",
                    "redirection",
                ):
                    continue
                words.append(self._word(script, part))
        return words

    def _word(self, script: Script, node: Node) -> Word:
        written = script.cut(node)
        if node.type == "command_parameter":
            value = written
        elif node.type == "script_block_expression":
            value = UNKNOWN
        else:
            value = text_of(script, node, self.variables)
        labels = frozenset({DOWNLOADED}) if DOWNLOADS.search(written) else NO_LABELS
        shown = written if UNKNOWN in value else value
        return Word(value, shown, node.start_byte, node.end_byte, labels, "*" in value)

    def _inside(self, call: Call, shown: Call, wrappers: tuple[str, ...]) -> None:
        """Scripts in `iex`, `powershell -Command` and `-EncodedCommand`."""
        found: list[tuple[Data, Word | None]] = []
        if shown.name == "invoke-expression":
            found = [(_data(word), word) for word in shown.words[1:] if word.value[:1] != "-"]
            if not found and call.stdin is not None:
                found = [(call.stdin, None)]
        elif shown.name in _SHELLS:
            found = _arguments(shown)
        call.executes.extend(found)
        for data, word in found:
            if data.text is not None:
                place = (word.start, word.end) if word else (call.context.start, call.context.end)
                span = call.context.script.locate(*place)
                self.waiting.append((data.text, span, (*wrappers, shown.name)))
            elif DOWNLOADED not in data.labels:
                reason = f"the code that `{shown.name}` runs is not known"
                self.add_undecidable(reason, call.context, word)

    def _finish(self, call: Call, shown: Call) -> Data:
        note_effects(call)
        call.hosts.extend(hosts_of(call))
        if call.reads:
            secret = any(holds(path) is not None for path, _ in call.reads)
            call.content = frozenset({SECRET, LOCAL} if secret else {LOCAL})
        for kind, reason, word in findings(call):
            if kind == UNDECIDABLE:
                self.add_undecidable(reason, call.context, word)
            else:
                self.add_risk(kind, reason, shown.name, call.context, word)
        for line in {_line(shown), _line(call)}:
            for kind, reason in windows_risks(line):
                self.add_risk(kind, reason, shown.name, call.context, None)
        self.add_facts(call)
        self.add_command(shown)
        output = output_of(call)
        if call.name == "curl":
            return output.with_labels(frozenset({DOWNLOADED}))
        return Data(None, output.labels)

    def _method(self, script: Script, node: Node, wrappers: tuple[str, ...]) -> None:
        """`[x]::Method(...)`, `$object.Method(...)`: those that run or connect."""
        text = script.cut(node)
        context = Context(script, node.start_byte, node.end_byte, wrappers=wrappers)
        if SOCKETS.search(text) and re.search(r"(?i)\b(?:iex|invoke-expression)\b", script.text):
            reason = "connects a shell to another machine"
            self.add_risk("reverse-shell", reason, "", context, None)
        elif re.search(r"(?i)diagnostics\.process\]?::start|\.shellexecute\(|\bexec\(", text):
            self.add_undecidable("a method starts a program", context, None)
        elif re.search(r"(?i)assembly\]?::load|\[scriptblock\]::create|\.invokescript\(", text):
            if DOWNLOADS.search(script.text):
                self.add_risk("fetch-to-exec", "runs what was downloaded", "", context, None)
            else:
                self.add_undecidable("a method runs code", context, None)


def _data(word: Word) -> Data:
    return Data(word.value if word.is_known else None, word.labels)


def _arguments(call: Call) -> list[tuple[Data, Word | None]]:
    """The script of `powershell`: after `-Command`, or in base64 after `-EncodedCommand`."""
    words = call.words
    for at, word in enumerate(words[1:], 1):
        option = word.value.lower()
        if not option.startswith(("-", "/")):
            if at > 1 and words[at - 1].value.startswith("-"):
                continue
            return [(Data(" ".join(one.value for one in words[at:])), word)]
        following = words[at + 1] if at + 1 < len(words) else None
        if following is None:
            break
        if re.fullmatch(r"[-/]e(?:c|n\w*)?", option):
            return [(_decoded(following), following)]
        if re.fullmatch(r"[-/]c(?:o\w*)?", option):
            text = " ".join(one.value for one in words[at + 1 :])
            return [(Data(None if UNKNOWN in text else text, following.labels), following)]
    return [] if call.stdin is None else [(call.stdin, None)]


def _decoded(word: Word) -> Data:
    try:
        raw = base64.b64decode(word.value + "=" * (-len(word.value) % 4), validate=True)
        return Data(raw.decode("utf-16-le"))
    except (binascii.Error, ValueError):
        return Data(None, word.labels)


def _line(call: Call) -> str:
    words = [call.name, *(word.value for word in call.words[1:])]
    return " ".join(words).lower().replace("\\", "/")
