"""Reads a script as a shell would run it, without running anything.

Statements are followed in their order with what is known of variables, functions, aliases and
files. Every branch is taken: the reader asks what may run. Each command that is reached is handed
to `invocation.invoke`, which may come back with scripts inside of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.shell import commands, redirections
from policyc.runtime.detectors.shell.budget import MAX_DEPTH, MAX_TEXT, Budget, BudgetSpent
from policyc.runtime.detectors.shell.call import Context
from policyc.runtime.detectors.shell.findings import Findings
from policyc.runtime.detectors.shell.forms import FORMS
from policyc.runtime.detectors.shell.nodes import BLOCKS, ENDS_IN_COMMAND, REDIRECTS, SILENT
from policyc.runtime.detectors.shell.script import ParseClock, Script, parse
from policyc.runtime.detectors.shell.state import State, Value
from policyc.runtime.detectors.shell.steps import Steps, run
from policyc.runtime.detectors.shell.values import (
    ANYTHING,
    NOTHING,
    UNKNOWN,
    Data,
    Word,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from policyc.runtime.detectors.shell.records import ShellCode


class Reader(Findings):
    """Reads one text; `read` gives the result."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.budget = Budget()
        self.clock = ParseClock()
        self.state = State()
        self.choice = 0
        self.alternatives = 1
        self.depth = 0
        self.calling: list[str] = []
        self.called: set[str] = set()
        self.answered: dict[Any, Data] = {}
        """What calls of functions write that change nothing, by what they depend on."""
        self.wrappers: tuple[str, ...] = ()
        self.streams = 0
        self.trailing: dict[tuple[int, int, int], list[Node]] = {}

    def read(self) -> ShellCode:
        """What the text would do."""
        text = self.text
        if len(text) > MAX_TEXT:
            end = text.rfind("\n", 0, MAX_TEXT) + 1 or MAX_TEXT
            self.note_unread("the text is longer than what is read", end)
            text = text[:end]
        if "\0" in text:
            at = text.index("\0")
            self.note_gap("the text has a null character", at, at + 1)
        scripts = parse(text, self.clock)
        for script in scripts:
            self._note_errors(script, is_root=True)
        try:
            run(self._whole(scripts))
        except BudgetSpent as spent:
            self.note_unread(str(spent), self.place)
        return self.result()

    def _whole(self, scripts: list[Script]) -> Steps:
        for script in scripts:
            if script.root is not None:
                yield self.statement(script, script.root, None)
        # A function that is never called may be called by what follows in the same shell.
        self.state.positional = None
        for name, functions in list(self.state.functions.items()):
            if name not in self.called:
                self.calling.append(name)
                for function in functions:
                    yield self.statement(function.script, function.body, None)
                self.calling.pop()

    def _note_errors(self, script: Script, *, is_root: bool) -> None:
        """What the parser could not read."""
        if script.root is None or script.is_doubtful:
            start, end = script.locate(0, len(script.text))
            self.note_gap("the text is too long or too intricate to be parsed", start, end)
        if script.root is None or not script.root.has_error:
            return
        stack = [script.root]
        while stack:
            node = stack.pop()
            if node.type == "ERROR" or (node.is_missing and node.type != "word"):
                start, end = script.locate(node.start_byte, node.end_byte)
                self.note_gap("the shell code cannot be parsed", start, end)
                self.has_syntax_error |= is_root
            elif node.has_error:
                stack.extend(reversed(node.children))

    # --- scripts inside of scripts

    def nested(
        self,
        data: Data,
        word: Word | None,
        context: Context,
        *,
        is_same_shell: bool = False,
        positional: tuple[Word, ...] | None = (),
        zero: Word | None = None,
        assigned: tuple[tuple[str, Value], ...] = (),
    ) -> Steps:
        """Run a script that a command has: the answer is what it writes."""
        text = data.text or ""
        if self.depth >= MAX_DEPTH:
            self.add_undecidable("scripts are nested too deep", context, word)
            return ANYTHING
        self.budget.script(len(text))
        scripts = parse(text, self.clock)
        for script in scripts:
            self._place(script, context, word)
            self._note_errors(script, is_root=False)
        before = self.state
        if not is_same_shell:
            self.state = self.fork()
            self.state.aliases = {}
            self.state.positional, self.state.zero = positional, zero
            for name, value in assigned:
                self.state.set_all(name, [value])
        around, self.wrappers = self.wrappers, context.wrappers
        self.depth += 1
        outputs: list[Data] = []
        for script in scripts:
            if script.root is not None:
                outputs.append((yield self.statement(script, script.root, context.stdin)))
        self.depth -= 1
        self.wrappers = around
        self.state = before
        return joined(outputs).with_labels(data.labels)

    def _place(self, script: Script, context: Context, word: Word | None) -> None:
        """Where a nested script lies in the text, if it is written out there."""
        start, end = (context.start, context.end) if word is None else (word.start, word.end)
        start, end = context.script.locate(start, end)
        at = self.text.find(script.text, start, end) if script.text else -1
        if at < 0 and word is None and len(script.text) > 8:
            at = self.text.find(script.text)
        script.base = at if at >= 0 else None
        script.outer = (start, end)

    def substitution(self, script: Script, node: Node) -> Steps:
        """What `$(...)` or a process substitution writes."""
        if self.depth >= MAX_DEPTH:
            self.gap_at("substitutions are nested too deep", script, node)
            return ANYTHING
        text = script.cut(node)
        if text.startswith("`") and "\\" in text:
            inner = re.sub(r"\\([`$\\])", r"\1", text[1:-1])
            context = Context(script, node.start_byte, node.end_byte, wrappers=self.wrappers)
            return (yield self.nested(Data(inner), None, context, positional=self.state.positional))
        before, self.state = self.state, self.fork()
        self.depth += 1
        outputs = []
        for child in node.children:
            if child.type in REDIRECTS:
                redirect, _ = yield redirections.redirect(self, script, child)
                outputs.append(redirect.data or ANYTHING)
            elif child.is_named and child.type not in SILENT:
                outputs.append((yield self.statement(script, child, None)))
        self.depth -= 1
        self.state = before
        return joined(outputs)

    def fork(self) -> State:
        """The state of a subshell."""
        self.budget.step(1 + len(self.state.variables) // 20)
        return self.state.fork()

    def process(self, script: Script, node: Node) -> Steps:
        """A process substitution: the answer is the path that stands for it."""
        self.streams += 1
        path = f"/dev/fd/{63 + self.streams}"
        if script.text.startswith(">", node.start_byte):
            before, self.state = self.state, self.fork()
            for child in node.children:
                if child.is_named:
                    yield self.statement(script, child, ANYTHING)
            self.state = before
        else:
            data = yield self.substitution(script, node)
            self.state.files[path] = data
        return path

    def effects(self, script: Script, node: Node) -> Steps:
        """Run the substitutions in a node that is no command: a test, arithmetic."""
        stack = [node]
        while stack:
            one = stack.pop()
            self.budget.step()
            if one.type == "command_substitution":
                yield self.substitution(script, one)
            elif one.type == "process_substitution":
                yield self.process(script, one)
            else:
                stack.extend(reversed(one.children))
        return NOTHING

    # --- variables

    def lookup(self, name: str) -> Value | None:
        """The value of a variable that is meant in the present alternative."""
        known = self.state.variables.get(name)
        if known is not None and len(known) > self.alternatives:
            self.alternatives = len(known)
        return self.state.value_of(name, self.choice)

    def set_text(self, name: str, text: str) -> None:
        self.state.assign(name, Value(text))

    def separators(self) -> re.Pattern[str] | None:
        """What splits words; None if that is not known."""
        if "IFS" not in self.state.variables:
            return _BLANKS
        value = self.lookup("IFS")
        if value is None or UNKNOWN in value.text:
            return None
        return re.compile(f"[{re.escape(value.text)}]+") if value.text else None

    # --- statements

    def statement(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        """Run a statement; the answer is what it writes."""
        if self.trailing:
            redirects = self.trailing.pop((id(script), node.start_byte, node.end_byte), None)
            if redirects is not None and node.type not in ENDS_IN_COMMAND:
                return commands.with_redirects(self, script, node, node, stdin, redirects)
            if redirects is not None:
                commands.trail(self, script, node, redirects)
        form = FORMS.get(node.type)
        if form is None:
            return self._other(script, node, stdin)
        if node.type in BLOCKS:
            return self._deeper(script, node, stdin, form)
        return form(self, script, node, stdin)

    def _deeper(
        self, script: Script, node: Node, stdin: Data | None, form: Callable[..., Steps]
    ) -> Steps:
        if self.depth >= MAX_DEPTH:
            self.gap_at("blocks are nested too deep", script, node)
            return ANYTHING
        self.depth += 1
        output = yield form(self, script, node, stdin)
        self.depth -= 1
        return output

    def _other(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        yield self.effects(script, node)
        return NOTHING


_BLANKS = re.compile(r"[ \t\n]+")
