"""The embedded engine: a program and a trace in, a result out; whole traces and pending events.

The generated code finds matches as coordinates; this module turns what was found into a result: order, errors by rule,
and violations that are written out when they are looked at. Rules whose verdict depends on the whole trace are
written out at once, because the trace may grow before anyone looks.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.failures import EvaluationError, MissingParameter
from policyc.runtime.history import History, ToolCounts
from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.naive import search
from policyc.runtime.reports import (
    Match,
    coordinates_of,
    events_of,
    model_of,
    rule_error,
    violation_of,
)
from policyc.runtime.results import NOTHING, AnalysisResult, RuleError, Violation
from policyc.runtime.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.runtime.history import Event
    from policyc.runtime.limits import Limits
    from policyc.runtime.program import Program

Identity = tuple[int, tuple[Any, ...]]


class Engine:
    """Evaluates one program. Stateless: any number of threads may use it at once."""

    def __init__(
        self,
        program: Program,
        load: Callable[[Signature], Callable[..., Any]],
        *,
        limits: Limits | None = None,
        optimize: bool = True,
    ) -> None:
        if limits is not None:
            program = program.metered
        self.limits = limits
        self.program = program
        self.plan = program.plan
        self.load = load
        self.optimize = optimize
        generated = program.generated
        self.whole = frozenset((*generated.late, *generated.linked))
        """Rules whose report needs more of the trace than their own events."""
        self.eager = frozenset(r.index for r in self.plan.rules if not _is_safe(r.value))
        """Rules that are written out at once, because that may fail."""
        self.parameters = program.parameters
        self.is_simple = optimize and not generated.needs_context and not self.parameters
        """Whether the generated code alone finds everything."""

    # --- whole traces

    @cached_property
    def batch(self) -> Callable[..., list[tuple[int, int]] | None]:
        return self.program.batch

    def analyze(self, events: list[Event], parameters: Mapping[str, Any]) -> AnalysisResult:
        """The result of a whole trace."""
        if self.is_simple:
            found: list[Match] = []
            tools = self.batch(events, None, parameters, found)
            if not found:
                return NOTHING
            if len(found) > 1:
                found.sort(key=order_of)
            if not self.eager:
                if self.whole:
                    # The caller's list may grow before anyone looks at the result.
                    events = list(events)
                return AnalysisResult(found, _Builder(self, events, parameters, tools))
            return self.result(self.new_run(events, parameters, found, tools), found)
        run = self.search(events, parameters)
        if not run.found and not run.has_failed:
            return NOTHING
        return self.result(run, run.found)

    def search(self, events: list[Event], parameters: Mapping[str, Any]) -> Run:
        """Every match and every failed candidate of a trace."""
        run = self.new_run(events, parameters)
        if not self.optimize:
            return self._search_plainly(run)
        run.tools = self.batch(events, run, parameters, run.found) or []
        run.settle_doubts()
        if run.disabled:
            run.found[:] = [match for match in run.found if match[0] not in run.disabled]
        if len(run.found) > 1:
            run.found.sort(key=order_of)
        return run

    def _search_plainly(self, run: Run) -> Run:
        history = History(run.events or [])
        interpreter = Interpreter(self.plan, history, run.parameters, self.load)
        for rule in self.plan.rules:
            if rule.index in run.disabled:
                continue
            matches, failure = search(rule, interpreter)
            run.found.extend(matches)
            if failure is not None:
                run.failed.append((rule, *failure))
        counts = history.counts
        run.tools.extend(counts.sizes())
        return run

    def new_run(
        self,
        events: list[Event] | None,
        parameters: Mapping[str, Any],
        found: list[Match] | None = None,
        tools: list[tuple[int, int]] | None = None,
        *,
        is_monitor: bool = False,
    ) -> Run:
        run = Run(
            self.plan,
            self.program.generated,
            self.load,
            parameters,
            events,
            [] if found is None else found,
            [] if tools is None else tools,
            is_monitor=is_monitor,
            limits=self.limits,
        )
        if not self.parameters <= parameters.keys():
            self._disable(run)
        return run

    def _disable(self, run: Run) -> None:
        """Rules that lack a parameter fail, unless a line before it is false without any trace."""
        interpreter = Interpreter(self.plan, History([]), run.parameters, self.load)
        disabled = set()
        for rule in self.plan.rules:
            if set(rule.parameters) <= run.parameters.keys():
                continue
            disabled.add(rule.index)
            run.waiting.pop(rule.index, None)
            error = _missing(rule, interpreter)
            if error is not None:
                run.failed.append((rule, error, Frame()))
        run.waiting.update({index: [] for index in disabled if index in self.program.generated.late})
        run.disabled = frozenset(disabled)

    # --- results

    def result(self, run: Run, matches: Sequence[Match]) -> AnalysisResult:
        """The result of some matches and of what failed."""
        errors = self.errors(run) if run.has_failed else []
        build = _Builder(self, run.events, run.parameters, run.tools, run)
        is_whole = bool(self.whole) and any(match[0] in self.whole for match in matches)
        is_eager = is_whole and run.is_monitor
        if not is_eager and not (self.eager and any(x[0] in self.eager for x in matches)):
            if is_whole:
                run.keep_events()
                build.events = run.events
            return AnalysisResult(matches, build, errors)
        made: list[Any] = []
        for match in matches:
            try:
                made.append(build(match))
            except EvaluationError as error:
                rule = self.plan.rules[match[0]]
                errors.append(rule_error(self.plan, rule, error, {}))
        return AnalysisResult(made, None, _one_a_rule(errors))

    def errors(self, run: Run) -> list[RuleError]:
        """One error for each rule that failed: of the first candidate in trace order."""
        by_rule: dict[int, tuple[Any, p.RulePlan, EvaluationError, Frame]] = {}
        for rule, error, frame in run.failed:
            order = sorted((key, str(at)) for key, at in frame.coordinates.items())
            known = by_rule.get(rule.index)
            if known is None or order < known[0]:
                by_rule[rule.index] = (order, rule, error, frame)
        errors = {
            index: rule_error(self.plan, rule, error, frame.values)
            for index, (_, rule, error, frame) in by_rule.items()
        }
        for index, exceeded in run.exceeded.items():
            errors[index] = rule_error(self.plan, self.plan.rules[index], exceeded, {})
        return [errors[index] for index in sorted(errors)]

    # --- pending events

    def analyze_pending(
        self, past: list[Event], pending: list[Event], parameters: Mapping[str, Any]
    ) -> AnalysisResult:
        """What the pending events have to do with: see `pending_matches`."""
        if not pending:
            return NOTHING
        run, matches = self.pending_matches(past, pending, parameters)
        if not matches and not run.has_failed:
            return NOTHING
        return self.result(run, matches)

    def pending_matches(
        self, past: list[Event], pending: list[Event], parameters: Mapping[str, Any]
    ) -> tuple[Run, list[Match]]:
        """The matches on past + pending that involve a pending event or did not hold on the past alone."""
        boundary = len(past)
        run = self.search([*past, *pending], parameters)
        before: set[Identity] | None = None
        kept = []
        for match in run.found:
            events = events_of(match)
            if any(number >= boundary for number in events):
                kept.append(match)
                continue
            if match[0] not in self.program.generated.late:
                continue
            if self._counts_pending(run, match, boundary):
                kept.append(match)
                continue
            if before is None:
                before = {identity_of(x) for x in self.search(past, parameters).found}
            if identity_of(match) not in before:
                kept.append(match)
        run.failed = [x for x in run.failed if self._fails_on_pending(x[0], x[2], boundary)]
        return run, kept

    def _counts_pending(self, run: Run, match: Match, boundary: int) -> bool:
        rule = self.plan.rules[match[0]]
        model = model_of(rule, match, run.interpreter(run.history()))
        return any(number >= boundary for number in model.counted)

    def _fails_on_pending(self, rule: p.RulePlan, frame: Frame, boundary: int) -> bool:
        """Whether a failure concerns the pending events; those of the past alone were reported then."""
        if rule.index in self.program.generated.late:
            return True
        numbers = [at[0] for at in frame.coordinates.values() if isinstance(at, tuple)]
        return not numbers or max(numbers) >= boundary


class _Builder:
    """Writes out a match, from the whole history for rules that ask about it, else from its own events alone."""

    __slots__ = ("engine", "events", "interpreter", "parameters", "run", "tools")

    def __init__(
        self,
        engine: Engine,
        events: Sequence[Event] | None,
        parameters: Mapping[str, Any],
        tools: list[tuple[int, int]] | None,
        run: Run | None = None,
    ) -> None:
        self.engine = engine
        self.events = events
        self.parameters = parameters
        self.tools = tools
        self.run = run
        self.interpreter: Interpreter | None = None

    def __call__(self, match: Match) -> Violation:
        engine = self.engine
        rule = engine.plan.rules[match[0]]
        if match[0] not in engine.whole:
            history = History(events_of(match), ToolCounts.of(self.tools))
        elif self.run is not None:
            history = self.run.history_with(events_of(match))
        else:
            assert self.events is not None  # noqa: S101  # only monitors go without
            history = History(self.events)
        if self.interpreter is None:
            self.interpreter = Interpreter(engine.plan, history, self.parameters, engine.load)
        self.interpreter.history = history
        return violation_of(rule, model_of(rule, match, self.interpreter), self.interpreter)


def order_of(match: Match) -> tuple[int, tuple[Any, ...]]:
    return (match[0], coordinates_of(match))


identity_of = order_of
"""What tells two matches apart."""


def _one_a_rule(errors: list[RuleError]) -> list[RuleError]:
    kept: dict[tuple[str, str | None, int], RuleError] = {}
    for error in errors:
        kept.setdefault((error.rule.name, error.rule.path, error.rule.line), error)
    return list(kept.values())


def _missing(rule: p.RulePlan, interpreter: Interpreter) -> EvaluationError | None:
    """The error of a rule that lacks a parameter; None where a closed line above it is false."""
    frame = Frame()
    for step in rule.block.steps:
        names = [
            node.name
            for node in p.walk(step)
            if isinstance(node, p.Input) and node.name in rule.parameters
        ]
        for name in names:
            if name not in interpreter.parameters:
                span = next(
                    node.span
                    for node in p.walk(step)
                    if isinstance(node, p.Input) and node.name == name
                )
                return MissingParameter(str(name), span)
        if isinstance(step, p.Check) and not p.free_variables(step.condition):
            try:
                if not interpreter.eval(step.condition, frame):
                    return None
            except EvaluationError as error:
                return error
    name = next(x for x in rule.parameters if x not in interpreter.parameters)
    return MissingParameter(name, rule.span)


def _is_safe(value: p.Expr) -> bool:
    """Whether a raised expression always has a value, so that it can be written out later."""
    match value:
        case p.Literal() | p.Var():
            return True
        case p.CallFunction(args=args, keywords=keywords) if value.type == p.ts.VIOLATION or (
            value.signature.name in ("Violation", "PolicyViolation")
        ):
            return all(_is_safe(x) for x in args) and all(_is_safe(x) for _, x in keywords)
    return False


def as_events(trace: Any) -> list[Event]:
    """A trace as a list of events: a list as it is, anything else as `read_trace` understands it.

    Raises:
        TraceError: it is no trace.
    """
    if type(trace) is list:
        return trace
    from policyc.runtime.traces import read_trace  # noqa: PLC0415  # only for other forms

    return read_trace(trace)


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter with a name that policies use for the trace.

    Raises:
        PolicycError: there is one.
    """
    if "data" in parameters:
        raise PolicycError("a parameter cannot be named `data`: `input.data` is the trace itself")
