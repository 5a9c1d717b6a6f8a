"""A statement that does not parse -> its mistakes, and what remains of it.

Each of its lines is tried alone. Where a line stops the parser the mistake is explained; if it is
clear what was meant the line is read on as if it were written so, else the line is left out. What
remains of the statement is parsed once more, so that the compiler can check it: two mistakes of
different kinds are both found in one run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from policyc.grammar.layout import Edit, Reading
from policyc.grammar.mistakes import Mistake, Place, mistake
from policyc.grammar.mistakes_in_statements import braced_body, braces_mistake, declared_names
from policyc.grammar.problems import SyntaxProblem
from policyc.grammar.sections import LogicalLine, RawToken, logical_lines, raw_tokens
from policyc.grammar.source import Span
from policyc.grammar.syntax_errors import explain

if TYPE_CHECKING:
    from policyc.grammar.nodes import Statement

_MAX_MISTAKES_IN_LINE = 8
# Mistakes in the first line after which the lines below it are not policy text either.
_FOREIGN = frozenset({"E0206", "E0222", "E0231", "E0228"})


# These go on with a statement of another language that is already reported.
_SECOND_CLAUSES = frozenset(["elif", "else", "except", "finally", "catch", "case", "end", "}"])
# What the parser says itself, but a detector may know better.
_REFINED = frozenset({"E0206", "E0216", "E0221", "E0223", "E0233"})


_INDENTATION = frozenset({"E0102", "E0103", "E0105"})


class Stopped(Exception):
    """The parser cannot go on at `offset` of `reading`; `accepted` are the terminals that could
    have stood there."""

    def __init__(self, reading: Reading, offset: int, accepted: frozenset[str]) -> None:
        super().__init__(offset)
        self.reading = reading
        self.offset = offset
        self.accepted = accepted


class Attempt(Protocol):
    """Parses a reading from a start symbol; raises `Stopped` or `SyntaxProblem`."""

    def __call__(self, reading: Reading, start: str) -> list[Statement]: ...


@dataclass
class Recovered:
    """What came of one statement. `declared` and `used` are names in what was left out."""

    problems: list[SyntaxProblem] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def recover(text: str, section: Span, attempt: Attempt, most: int) -> Recovered:
    """Finds at most about `most` mistakes in a section of the text."""
    return _Recovery(text, section, attempt, most).run()


class _Recovery:
    def __init__(self, text: str, section: Span, attempt: Attempt, most: int) -> None:
        self.most = most
        self.text = text
        self.section = section
        self.attempt = attempt
        self.tokens = raw_tokens(text, section.start, section.end)
        self.lines = logical_lines(text, self.tokens)
        self.edits: dict[int, Edit] = {}
        self.line_edits: dict[int, Edit] = {}
        self.result = Recovered()

    def run(self) -> Recovered:
        if not self.lines:
            return self.result
        self._open_braces()
        self._skip_numbers()
        if self._check_lines():
            self._check_whole()
        else:
            self._lose(self.tokens)
        return self.result

    def _open_braces(self) -> None:
        """Reads `raise "x" if {` as if a colon stood there, so that its conditions are checked."""
        found = braced_body(self.tokens)
        if found is None:
            return
        opening, closing = found
        self.result.problems.append(braces_mistake(opening).problem)
        # Signs are put in place of others, so that all places stay what they are.
        written = list(self.text)
        written[opening.start] = " " if self._stands_after_colon(opening) else ":"
        if closing is not None:
            written[closing.start] = " "
        self.text = "".join(written)
        self.tokens = raw_tokens(self.text, self.section.start, self.section.end)
        self.lines = logical_lines(self.text, self.tokens)

    def _skip_numbers(self) -> None:
        """Leaves out lines that were empty before somebody numbered them."""
        if not self.lines[0].tokens[0].text.isdigit():
            return
        previous = ""
        kept: list[LogicalLine] = []
        for line in self.lines:
            first = line.tokens[0].text
            goes_on = first.isdigit() and previous.isdigit() and int(first) == int(previous) + 1
            previous = first
            if goes_on and len(line.tokens) == 1:
                self.edits[line.span.start] = Edit(line.span.start, line.span.end)
            else:
                kept.append(line)
        self.lines = kept

    def _stands_after_colon(self, token: RawToken) -> bool:
        return self.text[: token.start].rstrip().endswith(":")

    # --- line by line -----------------------------------------------------------------------

    def _check_lines(self) -> bool:
        """Whether the statement can be read with what is known about its lines."""
        usable = True
        foreign_column: int | None = None
        for number, line in enumerate(self.lines):
            if foreign_column is not None and (
                line.column > foreign_column
                or (line.column == foreign_column and line.tokens[0].text in _SECOND_CLAUSES)
            ):
                self._leave_out(line)
                continue
            foreign_column = None
            if len(self.result.problems) >= self.most:
                return False
            self.line_edits = {}
            unresolved = self._check_line(line, is_header=number == 0)
            if unresolved is None:
                self.edits |= self.line_edits
                continue
            if unresolved.code == "E0106" and self.text.startswith(
                ('"""', "'''"), unresolved.span.start
            ):
                return False  # where the text ends nobody knows
            if number == 0:
                if unresolved.code in _FOREIGN:
                    return False
                if line.tokens[0].text == "raise":
                    self._raise_anything(line)
                    continue
                usable = False
            elif unresolved.code in ("E0206", "E0218"):
                foreign_column = line.column
            self._leave_out(line)
        return usable

    def _check_line(self, line: LogicalLine, *, is_header: bool) -> SyntaxProblem | None:
        """Finds the mistakes of a line; the one that cannot be mended, if there is one."""
        for _ in range(_MAX_MISTAKES_IN_LINE):
            found = self._try(line, is_header=is_header)
            if found is None:
                return None
            if not found.problem.repeats(self.result.problems):
                self.result.problems.append(found.problem)
            if not found.edits:
                return found.problem
            for edit in found.edits:
                self._add(edit)
            if self._is_gone(line):
                return None
        # Too many: what is left of the line is not worth guessing about.
        return self.result.problems[-1]

    def _is_gone(self, line: LogicalLine) -> bool:
        """Whether the edits leave nothing of a line."""
        edit = self.line_edits.get(line.span.start)
        return edit is not None and not edit.instead and edit.end >= line.span.end

    def _try(self, line: LogicalLine, *, is_header: bool) -> Mistake | None:
        reading = Reading(
            self.text, line.span.start, line.span.end, complete=True, edits=self.line_edits
        )
        try:
            self.attempt(reading, "policy" if is_header else "single_line")
        except SyntaxProblem as problem:
            if problem.code not in _REFINED:
                return Mistake(problem)
            return self._explain(line, reading, problem.span.start, problem, is_header=is_header)
        except Stopped as stop:
            if stop.reading is not reading:
                return self._explain_inside_text(stop)
            return self._explain(
                line, reading, stop.offset, None, is_header=is_header, accepted=stop.accepted
            )
        return None

    def _explain(
        self,
        line: LogicalLine,
        reading: Reading,
        offset: int,
        problem: SyntaxProblem | None,
        *,
        is_header: bool,
        accepted: frozenset[str] = frozenset(),
    ) -> Mistake:
        place = _place(self.text, line.tokens, offset, accepted, is_header=is_header)
        found = explain(place, problem)
        if (
            is_header
            and found.problem.code not in _FOREIGN | {"E0203"}
            and self._is_condition(reading)
        ):
            return mistake(
                "E0231",
                "this line belongs to no rule",
                line.span,
                'put it below a line `raise "text" if:`, and indent it',
            )
        return found

    def _is_condition(self, reading: Reading) -> bool:
        try:
            self.attempt(reading, "single_line")
        except (SyntaxProblem, Stopped):
            return False
        return True

    def _explain_inside_text(self, stop: Stopped) -> Mistake:
        """A mistake between the braces of an f-string: nothing there can be mended from outside."""
        start, end = stop.reading.start, stop.reading.end
        if self.text[stop.offset : stop.offset + 1] == "\\":
            return mistake(
                "E0224",
                "a backslash cannot stand between these braces",
                Span(stop.offset, stop.offset + 1),
                "use the other kind of quotes there",
            )
        tokens = raw_tokens(self.text, start, end)
        place = _place(self.text, tokens, stop.offset, stop.accepted, is_header=False)
        return Mistake(explain(place, None).problem)

    # --- the whole ----------------------------------------------------------------------------

    def _check_whole(self) -> None:
        problem = self._parse_whole(lenient=False)
        if problem is None:
            return
        known = self.result.problems
        # After other mistakes a line that stands where it cannot says nothing new.
        if not known or problem.code in _INDENTATION:
            known.append(problem)
        for _ in range(_MAX_MISTAKES_IN_LINE):
            problem = self._parse_whole(lenient=True)
            if problem is None:
                return
            stray = [line for line in self.lines[1:] if line.span == problem.span]
            if not stray:
                break
            self._leave_out(stray[0])
        self._lose(self.tokens)

    def _parse_whole(self, *, lenient: bool) -> SyntaxProblem | None:
        reading = Reading(
            self.text, self.section.start, self.section.end, edits=self.edits, lenient=lenient
        )
        try:
            self.result.statements = self.attempt(reading, "policy")
        except SyntaxProblem as problem:
            return problem
        except Stopped as stop:
            return self._arrangement(stop)
        return None

    def _arrangement(self, stop: Stopped) -> SyntaxProblem:
        before = [token for token in self.tokens if token.end <= stop.offset and _counts(token)]
        if "INDENT" in stop.accepted or (before and before[-1].text in (":", ":=")):
            return _missing_body(before[-1], self.tokens)
        line = next((line for line in self.lines if line.span.end > stop.offset), self.lines[-1])
        if line is not self.lines[0]:
            return mistake(
                "E0231",
                "this line belongs to no rule",
                line.span,
                'put it below a line `raise "text" if:`, and indent it',
            ).problem
        place = _place(self.text, line.tokens, stop.offset, stop.accepted, is_header=False)
        return explain(place, None).problem

    # --- edits and losses -----------------------------------------------------------------------

    def _add(self, edit: Edit) -> None:
        known = self.line_edits.get(edit.start)
        if known is not None:
            edit = Edit(edit.start, max(known.end, edit.end), f"{known.instead} {edit.instead}")
        self.line_edits[edit.start] = edit

    def _raise_anything(self, line: LogicalLine) -> None:
        """Keeps the conditions of a rule whose first line cannot be read."""
        self._lose(line.tokens)
        self.edits[line.span.start] = Edit(line.span.start, line.span.end, 'raise "violation" if:')

    def _leave_out(self, line: LogicalLine) -> None:
        self._lose(line.tokens)
        self.edits[line.span.start] = Edit(line.span.start, line.span.end)

    def _lose(self, tokens: list[RawToken] | tuple[RawToken, ...]) -> None:
        self.result.declared |= declared_names(list(tokens))
        self.result.used |= {token.text for token in tokens if token.kind == "word"}


def _missing_body(opener: RawToken, tokens: list[RawToken]) -> SyntaxProblem:
    if opener.text == ":=":
        message, hint = "there is no value after this `:=`", "write it on the same line"
    elif any(_counts(token) and token.start > opener.start for token in tokens):
        message, hint = "there is no body below this line", "indent the lines that belong to it"
    else:
        message = "there is no body below this line"
        hint = "write its conditions on deeper lines below it"
    return mistake("E0104", message, opener.span, hint).problem


def _counts(token: RawToken) -> bool:
    return token.kind not in ("newline", "comment")


def _place(
    text: str,
    tokens: list[RawToken] | tuple[RawToken, ...],
    offset: int,
    accepted: frozenset[str],
    *,
    is_header: bool,
) -> Place:
    index = next((i for i, token in enumerate(tokens) if token.end > offset), len(tokens))
    return Place(text, tokens, index, is_header, accepted)
