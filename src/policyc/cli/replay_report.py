"""What a replay found, for a person: each rule that flips with its examples, then the sums.

rule `mail to an outsider`: newly fires in 2 traces
 --> mail.inv:4, before mail-1.inv:4

  newly fires in sessions.jsonl:17
  + violation[high]: mail to an outsider
     --> mail.inv:4
      |
    8 | call of `send_mail`
      |     {"to": "eve@partner.example"}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyc.cli.report import error_lines, violation_lines
from policyc.cli.wording import counted
from policyc.grammar.printable import printable
from policyc.runtime.replay.flips import Change
from policyc.runtime.replay.rules import PairStatus
from policyc.runtime.results import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.cli.excerpts import Events
    from policyc.cli.terminal import Style, Terminal
    from policyc.runtime.explanation import RuleExplanation
    from policyc.runtime.replay.decisions import Finding
    from policyc.runtime.replay.rules import RulePair, RuleSide
    from policyc.runtime.replay.tally import Example, Tally

MOST_FINDINGS = 3
"""Violations of an example that are shown on each side. The JSON form has all."""

_CHANGES = {
    Change.NEWLY_FIRES: "newly fires",
    Change.NO_LONGER_FIRES: "no longer fires",
    Change.CHANGED: "fires otherwise",
    Change.NEWLY_FAILS: "newly fails",
    Change.NO_LONGER_FAILS: "no longer fails",
    Change.FAILS_ELSEWHERE: "fails at other events",
}


def report(tally: Tally, terminal: Terminal) -> Iterator[str]:
    """The lines of the report."""
    for number, pair in enumerate(tally.replay.pairs):
        if tally.changes_of(number) or pair.status is not PairStatus.KEPT:
            yield from _rule(tally, number, pair, terminal)
            yield ""
    yield _sums(tally, terminal)


def _rule(tally: Tally, number: int, pair: RulePair, terminal: Terminal) -> Iterator[str]:
    changes = tally.changes_of(number)
    told = [f"{_CHANGES[change]} in {counted(n, 'trace')}" for change, n in changes.items()]
    name = terminal.styled(f"rule `{printable(pair.name)}`", "strong")
    status = "" if pair.status is PairStatus.KEPT else f" ({pair.status.value})"
    yield f"{name}{status}: {', '.join(told) or 'no decision flips'}"
    yield f" {terminal.styled('-->', 'quiet')} {printable(_places(pair))}"
    for text in _differences(pair):
        yield f"  {terminal.styled('=', 'quiet')} {printable(text)}"
    for example in tally.examples_of(number):
        yield ""
        yield from _example(example, terminal)


def _places(pair: RulePair) -> str:
    places = [_place(side) for side in (pair.old, pair.new) if side is not None]
    return ", now ".join(dict.fromkeys(places))


def _place(side: RuleSide) -> str:
    return f"{side.ref.path or '<policy>'}:{side.ref.line}"


def _differences(pair: RulePair) -> Iterator[str]:
    if pair.old is None or pair.new is None:
        return
    if pair.status is PairStatus.RENAMED:
        yield f"renamed from `{pair.old.ref.name}`"
    if pair.old.risk != pair.new.risk:
        yield f"risk: {pair.old.risk or 'none'}, now {pair.new.risk or 'none'}"


def _example(example: Example, terminal: Terminal) -> Iterator[str]:
    flip = example.flip
    trace = terminal.styled(printable(example.trace.name), "place")
    yield f"  {_CHANGES[flip.change]} in {trace}"
    yield from _findings("-", flip.removed, example.events, terminal)
    yield from _findings("+", flip.added, example.events, terminal)
    if example.reason is not None:
        before = "before" if flip.change is Change.NEWLY_FIRES else "now"
        for text in _reason(example.reason, before):
            yield f"    {terminal.styled('=', 'quiet')} {text}"


def _findings(
    sign: str, findings: tuple[Finding, ...], events: Events, terminal: Terminal
) -> Iterator[str]:
    style: Style = "removed" if sign == "-" else "good"
    inner = replace(terminal, width=terminal.width - 4)
    for finding in findings[:MOST_FINDINGS]:
        what = finding.what
        lines = (
            error_lines(what, inner)
            if isinstance(what, RuleError)
            else violation_lines(what, events, inner)
        )
        yield f"  {terminal.styled(sign, style)} {next(lines)}"
        yield from (f"    {line}".rstrip() for line in lines)
        if finding.at is not None:
            yield f"      {terminal.styled('=', 'quiet')} reported at event {finding.at}"
    if len(findings) > MOST_FINDINGS:
        yield f"  {terminal.styled(sign, style)} ... and {len(findings) - MOST_FINDINGS:,} more"


def _reason(reason: RuleExplanation, when: str) -> Iterator[str]:
    """Why the rule did not fire, in a line or two; all of it is safe to print already."""
    if reason.failures:
        failure = reason.failures[0]
        place = f"{printable(reason.path or '<policy>')}:{failure.line}"
        yield f"it failed {when}: {place}: {failure.message}"
        return
    culprit = reason.culprit
    if culprit is None:
        yield f"in the way {when}: no single condition; `policyc why` shows what came nearest"
        return
    inner = culprit.innermost()
    place = f"{printable(reason.path or '<policy>')}:{inner.line}"
    yield f"in the way {when}: {place}: {inner.text}"
    if inner.detail:
        yield f"  {inner.detail}"


def _sums(tally: Tally, terminal: Terminal) -> str:
    parts = []
    if tally.flipped:
        blocked = [
            f"{number:,} {what}"
            for number, what in (
                (tally.newly_blocked, "newly blocked"),
                (tally.no_longer_blocked, "no longer blocked"),
                (tally.moved, "blocked at another event"),
            )
            if number
        ]
        flipped = f"{tally.flipped:,} {'flips' if tally.flipped == 1 else 'flip'}"
        told = f"{flipped} ({', '.join(blocked) or 'none is newly blocked or let through'})"
        parts.append(terminal.styled(told, "warning"))
    same = tally.traces - tally.flipped
    if same or not tally.flipped:
        parts.append(terminal.styled(f"{same:,} as before", "good"))
    if tally.unreadable:
        parts.append(terminal.styled(f"{tally.unreadable:,} unreadable", "error"))
    return f"{counted(tally.traces, 'trace')}: {', '.join(parts)}"
