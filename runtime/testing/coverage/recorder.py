"""Counts how the points of a policy come out on traces.

Takes an engine, traces, and what the engine answered on them; gives `Seen`, and `Coverage` for
reports. Whether a rule fired is the engine's answer. The conditions are counted by a search of
their own, beside that of the engine, which pays nothing for it: the nested loops in the order of
the lines that define the language, left to right, each side only where it is needed, and nothing
looked at only for its marks. That search has a fixed amount of work; where it does not suffice the
result says so (`Counts.cut`).
"""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

from policyc.compiler import plan as p
from policyc.compiler.schedule import TraceDependence
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.budgeted import BudgetedInterpreter, Spent, without_prints
from policyc.runtime.engine import Engine
from policyc.runtime.failures import EvaluationError
from policyc.runtime.history import History
from policyc.runtime.interpreter import Frame
from policyc.runtime.loading import load_program, loader, read_source
from policyc.runtime.monitor import Monitor
from policyc.runtime.testing.coverage.counts import Counts, Seen
from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.finder import find_points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from policyc.runtime.elements import Places
    from policyc.runtime.events import ToolCall
    from policyc.runtime.matches import Event
    from policyc.runtime.results import AnalysisResult, RuleError, Violation
    from policyc.runtime.testing.coverage.points import Bounds

WORK: Final = 1_000_000
"""Evaluations of expressions that counting may take for one rule in one run."""

SECONDS: Final = 20.0
"""Time that counting may take in one run."""


class Verdict(Protocol):
    """What the engine answers, such as an `AnalysisResult`."""

    @property
    def violations(self) -> Sequence[Violation]: ...

    @property
    def errors(self) -> Sequence[RuleError]: ...


def record(
    path: str | Path, traces: Iterable[Sequence[Event]], parameters: Mapping[str, Any] | None = None
) -> Coverage:
    """The coverage of a policy file by some traces.

    Raises:
        PolicyError: the policy has errors.
        OSError: it cannot be read.
        TraceError: a trace is malformed.
    """
    program, _ = load_program([read_source(path)], None, keep=True)
    recorder = Recorder(Engine(program, loader(None)))
    seen = Seen()
    for trace in traces:
        seen += recorder.run(trace, parameters or {})
    return recorder.coverage(seen)


class Recorder:
    """Counts what runs of one policy see.

    `points` are what is counted; they have the same numbers in every process that compiles the
    same policy.
    """

    def __init__(self, engine: Engine, *, work: int = WORK, seconds: float = SECONDS) -> None:
        self.engine = engine
        self.work = work
        self.seconds = seconds
        self.plan = without_prints(engine.plan)
        self.points = find_points(self.plan)
        depends = TraceDependence(self.plan)
        self.late = frozenset(
            rule.index
            for rule in self.plan.rules
            if rule.index in engine.program.generated.late or depends.of(rule.value)
        )
        """Rules whose conditions on the events so far may come out otherwise when others follow."""
        self.raising = frozenset(
            rule.index for rule in self.plan.rules if any(map(self.points.has, p.walk(rule.value)))
        )
        """Rules with points in what they raise."""

    def run(
        self,
        events: Sequence[Event],
        parameters: Mapping[str, Any],
        *,
        past: int | None = None,
        stream: bool = False,
        verdicts: Iterable[Verdict] | None = None,
    ) -> Seen:
        """What one run sees: an analysis of a trace.

        Args:
            events: the whole trace.
            parameters: those of the analysis.
            past: how many of the events were there before, if the others are pending. Conditions
                are counted on all of them, as a pending analysis looks at all of them.
            stream: the events come one by one. Conditions that ask about the whole trace are
                counted after each of them, others once.
            verdicts: what the engine has answered; without it the engine is asked.

        Raises:
            TraceError: the trace is malformed.
        """
        run = _Run(self, parameters)
        if stream and self.late:
            for size in range(1, len(events)):
                run.search(events[:size], self.late)
                if self.late <= run.cut:
                    break
        run.search(events, frozenset(range(len(self.plan.rules))))
        if verdicts is None:
            verdicts = self._verdicts(list(events), parameters, past, stream=stream)
        run.judge(verdicts)
        return run.seen()

    def _verdicts(
        self, events: list[Event], parameters: Mapping[str, Any], past: int | None, *, stream: bool
    ) -> list[AnalysisResult]:
        """What the engine answers to a run."""
        if stream:
            monitor = Monitor(self.engine, parameters)
            return [monitor.append(event) for event in events]
        if past is not None:
            return [self.engine.analyze_pending(events[:past], events[past:], parameters)]
        return [self.engine.analyze(events, parameters)]

    def coverage(self, seen: Seen = Seen()) -> Coverage:  # noqa: B008  # immutable
        """What was seen, with the places of the policy; of nothing for a policy that was not
        run."""
        return Coverage.of(self.points, seen)


class _Run:
    """One run of a policy while it is counted."""

    def __init__(self, recorder: Recorder, parameters: Mapping[str, Any]) -> None:
        self.recorder = recorder
        self.parameters = parameters
        self.deadline = monotonic() + recorder.seconds
        self.tally = Tally(len(recorder.points.all))
        self.left = [recorder.work] * len(recorder.plan.rules)
        """Evaluations that are left to each rule."""
        self.cut: set[int] = set()
        self.known: dict[bytes, Any] = {}
        """What functions of the host answered in this run."""

    def search(self, events: Sequence[Event], rules: frozenset[int]) -> None:
        """Count the conditions of some rules on a trace."""
        recorder = self.recorder
        interpreter = _Recording(
            recorder, History(list(events)), self.parameters, self.deadline, self.tally
        )
        interpreter.known = self.known
        for index in sorted(rules - self.cut):
            rule = recorder.plan.rules[index]
            if not set(rule.parameters) <= self.parameters.keys():
                # The engine does not search for it either: the rule has failed, or cannot fire.
                continue
            interpreter.allow(self.left[index])
            before = interpreter.work
            try:
                self._rule(rule, interpreter)
            except PolicycError:
                raise
            except Exception:
                # The work is used up, or the engine has failed in the same way and has said so.
                self.cut.add(index)
            self.left[index] -= interpreter.work - before

    def _rule(self, rule: p.RulePlan, interpreter: _Recording) -> None:
        for model in interpreter.models(rule.block, Frame(), _ignore):
            if rule.index in self.recorder.raising:
                with suppress(EvaluationError):
                    interpreter.eval(rule.value, model)

    def judge(self, verdicts: Iterable[Verdict]) -> None:
        """Count what became of each rule."""
        fired: set[p.RuleRef] = set()
        failed: set[p.RuleRef] = set()
        for verdict in verdicts:
            fired.update(violation.rule for violation in verdict.violations)
            failed.update(error.rule for error in verdict.errors)
        for rule in self.recorder.plan.rules:
            number = self.recorder.points.rules[rule.index]
            if rule.ref in fired:
                self.tally.true[number] += 1
            elif rule.ref in failed:
                self.tally.failed[number] += 1
            else:
                self.tally.false[number] += 1

    def seen(self) -> Seen:
        tally = self.tally
        cut = {self.recorder.points.rules[index] for index in self.cut}
        rows = zip(tally.true, tally.false, tally.failed, strict=True)
        return Seen(
            {
                number: Counts(*row, cut=int(number in cut))
                for number, row in enumerate(rows)
                if any(row)
            },
            runs=1,
        )


def _ignore(_step: p.Step, _frame: Frame, _error: EvaluationError) -> None:
    """A candidate that fails is dropped; the condition that failed is counted where it did."""


class Tally:
    """Counters of points, by number."""

    __slots__ = ("failed", "false", "true")

    def __init__(self, points: int) -> None:
        self.true = [0] * points
        self.false = [0] * points
        self.failed = [0] * points

    def count(self, number: int, *, holds: bool) -> None:
        (self.true if holds else self.false)[number] += 1


class _Recording(BudgetedInterpreter):
    """Evaluates as the interpreter does, and counts how the points come out.

    Nobody asks for marks here, so it does not look for the places of values either.
    """

    def __init__(
        self,
        recorder: Recorder,
        history: History,
        parameters: Mapping[str, Any],
        deadline: float,
        tally: Tally,
    ) -> None:
        super().__init__(recorder.plan, history, parameters, recorder.engine.load, deadline)
        self.points = recorder.points
        self.tally = tally
        self.tick = self.spend
        self.allowed: dict[int, tuple[Any, Any]] = {}
        """The bounds of the quantifiers that are being evaluated."""
        self.models_seen: dict[int, int] = {}
        """... and the models they have come to."""

    def spend(self) -> None:
        """Count a candidate as work: loops without conditions must end as well."""
        self.work += 1
        if self.is_spent:
            raise Spent

    def locate(self, expression: p.Expr, frame: Frame) -> Places:
        return None

    # --- expressions

    def eval(self, expression: p.Expr, frame: Frame) -> Any:
        points = self.points
        key = id(expression)
        if key not in points.evaluated:
            return super().eval(expression, frame)
        if key in points.quantifiers:
            return self._bounded(expression, frame, points.quantifiers[key])  # type: ignore[arg-type]  # these are quantifiers
        number = points.conditions.get(key)
        failing = points.subjects[key] if number is None else number
        try:
            value = super().eval(expression, frame)
        except EvaluationError:
            self.tally.failed[failing] += 1
            raise
        if number is not None:
            self.tally.count(number, holds=bool(value))
        return value

    # --- quantifiers

    def _bounded(self, e: p.Quantified, frame: Frame, bounds: Bounds) -> Any:
        """A quantifier, with its bounds counted."""
        try:
            value = super().eval(e, frame)
        except EvaluationError:
            for number in (bounds.minimum, bounds.maximum, bounds.forall):
                if number is not None:
                    self.tally.failed[number] += 1
            raise
        if bounds.forall is not None:
            self.tally.count(bounds.forall, holds=bool(value))
        if e.kind != "count":
            return value
        minimum, maximum = self.allowed[id(e)]
        found = self.models_seen[id(e)]
        are_too_many = maximum is not None and found > maximum
        if bounds.maximum is not None and maximum is not None:
            self.tally.count(bounds.maximum, holds=not are_too_many)
        if bounds.minimum is not None and minimum is not None:
            are_enough = found >= minimum
            # Where there are too many the rest is not looked at: nothing is known of too few.
            if are_enough or not are_too_many:
                self.tally.count(bounds.minimum, holds=are_enough)
        return value

    def bounds_of(self, e: p.Quantified, frame: Frame) -> tuple[Any, Any]:
        self.models_seen[id(e)] = 0
        found = self.allowed[id(e)] = super().bounds_of(e, frame)
        return found

    def counted(
        self,
        e: p.Quantified,
        frame: Frame,
        failures: Callable[[p.Step, Frame, EvaluationError], None] | None = None,
    ) -> Iterator[Frame]:
        for model in super().counted(e, frame, failures):
            self.models_seen[id(e)] += 1
            yield model

    # --- tool patterns

    def call_named(self, e: p.MatchTool, value: Any) -> ToolCall | None:
        call = super().call_named(e, value)
        number = self.points.names.get(id(e))
        if number is not None:
            self.tally.count(number, holds=call is not None)
        return call

    def matches(self, pattern: p.Pattern, value: Any, frame: Frame) -> bool:
        number = self.points.values.get(id(pattern))
        try:
            if isinstance(pattern, p.DictPattern):
                fits = isinstance(value, dict) and self._entries(pattern, value, frame)
            else:
                fits = super().matches(pattern, value, frame)
        except EvaluationError:
            if number is not None:
                self.tally.failed[number] += 1
            raise
        if number is not None:
            self.tally.count(number, holds=fits)
        return fits

    def _entries(self, pattern: p.DictPattern, value: dict[str, Any], frame: Frame) -> bool:
        numbers = self.points.keys[id(pattern)]
        for key, entry, number in zip(pattern.keys, pattern.values, numbers, strict=True):
            self.tally.count(number, holds=key in value)
            if key not in value or not self.matches(entry, value[key], frame):
                return False
        return True
