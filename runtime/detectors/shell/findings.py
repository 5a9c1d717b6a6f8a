"""Collects what a reader finds, each thing once, with its place in the text of the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.records import (
    ShellCode,
    ShellCommand,
    ShellPipe,
    ShellRedirect,
    ShellRisk,
    ShellUndecidable,
)
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.values import NO_LABELS, SECRET, UNKNOWN, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from policyc.runtime.detectors.shell.call import Call, Context, Redirect
    from policyc.runtime.detectors.shell.script import Script

MAX_RISKS = 1_000
"""Risks, and undecidable places, that are told apart in one text."""


class Findings:
    """The lists of a `ShellCode` while they are filled."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        """Where the statement begins that is read now."""
        self.has_syntax_error = False
        self._last: ShellCommand | None = None
        self._commands: list[ShellCommand] = []
        self._pipes: list[ShellPipe] = []
        self._redirects: dict[tuple[int, int], ShellRedirect] = {}
        self._hosts: dict[str, None] = {}
        self._reads: dict[str, None] = {}
        self._writes: dict[str, None] = {}
        self._risks: dict[tuple[str, int, int], ShellRisk] = {}
        self._gaps: dict[tuple[int, int], ShellUndecidable] = {}

    def result(self) -> ShellCode:
        risks = sorted(self._risks.values(), key=lambda risk: (risk.span, risk.kind))
        gaps = sorted(self._gaps.values(), key=lambda gap: gap.span)
        return ShellCode(
            commands=self._commands,
            pipes=self._pipes,
            redirects=list(self._redirects.values()),
            hosts=list(self._hosts),
            reads=list(self._reads),
            writes=list(self._writes),
            risks=risks,
            undecidable=gaps,
            syntax_error=self.has_syntax_error,
        )

    # --- places

    def _span(self, context: Context, word: Word | None) -> tuple[int, int]:
        if word is not None:
            return context.script.locate(word.start, word.end)
        return context.script.locate(context.start, context.end)

    # --- risks and gaps

    def add_risk(
        self, kind: str, reason: str, command: str, context: Context, word: Word | None
    ) -> None:
        """A risk of a command: at a word of it, or as a whole."""
        start, end = self._span(context, word)
        if len(self._risks) < MAX_RISKS:
            risk = ShellRisk(kind, reason, command, self.text[start:end], [start, end])
            self._risks.setdefault((kind, start, end), risk)

    def add_undecidable(self, reason: str, context: Context, word: Word | None) -> None:
        """A place in a command that cannot be decided."""
        self.note_gap(reason, *self._span(context, word))

    def gap_at(self, reason: str, script: Script, node: Node) -> None:
        self.note_gap(reason, *script.locate(node.start_byte, node.end_byte))

    def note_gap(self, reason: str, start: int, end: int) -> None:
        if len(self._gaps) < MAX_RISKS:
            gap = ShellUndecidable(reason, self.text[start:end], [start, end])
            self._gaps.setdefault((start, end), gap)

    def note_unread(self, reason: str, start: int) -> None:
        """The rest of the text is not read."""
        self.note_gap(reason, start, len(self.text))

    # --- facts

    def add_command(self, call: Call) -> None:
        context = call.context
        start, end = self._span(context, None)
        variables = [name for name, _ in context.assigned]
        command = ShellCommand(
            name=call.name.replace(UNKNOWN, "*"),
            argv=[word.shown for word in call.words],
            flags=list(call.flags),
            wrappers=list(context.wrappers),
            variables=variables,
            text=self.text[start:end],
            span=[start, end],
            resolved=all(word.is_known for word in call.words),
        )
        self._commands.append(command)
        self._last = command

    def start_stage(self) -> None:
        """A stage of a pipeline begins."""
        self._last = None

    def stage(self) -> list[ShellCommand]:
        """The command of the stage that has ended, if it was one."""
        return [] if self._last is None else [self._last]

    def add_facts(self, call: Call) -> None:
        for host in call.hosts:
            self._hosts[host] = None
        for path, _ in call.reads:
            self._reads[path.replace(UNKNOWN, "*")] = None
        for path, _ in call.writes:
            self._writes[path.replace(UNKNOWN, "*")] = None

    def add_pipe(self, commands: list[ShellCommand], start: int, end: int) -> None:
        if len(commands) > 1:
            self._pipes.append(ShellPipe(commands, self.text[start:end], [start, end]))

    def add_redirect(self, script: Script, redirect: Redirect) -> None:
        if redirect.target is None:
            return
        start, end = script.locate(redirect.start, redirect.end)
        target = redirect.target.shown
        record = ShellRedirect(redirect.operator, target, self.text[start:end], [start, end])
        self._redirects.setdefault((start, end), record)
        for socket in ("/dev/tcp/", "/dev/udp/"):
            if redirect.target.value.startswith(socket):
                host = redirect.target.value.removeprefix(socket).partition("/")[0]
                self._hosts[host.replace(UNKNOWN, "*")] = None

    @staticmethod
    def labels_of_path(path: str) -> frozenset[str]:
        """Whether what is read from a path is secret."""
        return frozenset({SECRET}) if holds(path) is not None else NO_LABELS
