"""The embedded engine: a program and a trace in, a result out; whole traces and pending events.

The generated code finds matches as coordinates; this module turns what was found into a result:
order, errors by rule, and violations that are written out when they are looked at. What reports
need (the plan, the interpreter) is loaded when there is something to report.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.matches import events_of, identity_of, order_of
from policyc.runtime.results import NOTHING, AnalysisResult, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.compiler import plan as p
    from policyc.compiler.signatures import Signature
    from policyc.runtime.evaluation import Evaluation
    from policyc.runtime.interpreter import Frame, Interpreter
    from policyc.runtime.limits import Limits
    from policyc.runtime.matches import Event, Identity, Match
    from policyc.runtime.program import Program
    from policyc.runtime.run import Run


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
        self.load = load
        self.optimize = optimize
        generated = program.generated
        self.whole = frozenset((*generated.late, *generated.looking_back))
        """Rules whose report needs more of the trace than their own events."""
        self.eager = generated.eager
        """Rules that are written out at once, because that may fail."""
        self.parameters = generated.parameters
        self.is_simple = optimize and not generated.needs_context and not self.parameters
        """Whether the generated code alone finds everything."""
        self._alone: Callable[..., list[tuple[int, int]] | None] | None = None
        """`batch` where it finds everything, once it has been asked for: on the way of every
        analysis, where a look-up counts."""

    @property
    def plan(self) -> p.Plan:
        return self.program.plan

    def is_bounded(self, parameters: Mapping[str, Any]) -> bool:
        """Whether each step ends soon, whatever it is about: with these parameters nothing is
        called but built-ins that only calculate."""
        from policyc.runtime.budgeted import CalledByNeed, is_off  # noqa: PLC0415  # seldom needed

        calls = CalledByNeed(self.plan)
        return self.optimize and all(
            not calls(rule) or is_off(rule, self.plan, parameters, self.load)
            for rule in self.plan.rules
        )

    # --- whole traces

    @cached_property
    def batch(self) -> Callable[..., list[tuple[int, int]] | None]:
        return self.program.batch

    def _search(
        self, events: list[Event], parameters: Mapping[str, Any], run: Run
    ) -> list[tuple[int, int]]:
        """Run the generated code; where it fails in a way that was not foreseen, every rule has
        failed."""
        try:
            return self.batch(events, run, parameters, run.found) or []
        except PolicycError:
            raise
        except Exception as error:
            run.give_up(error)
            return []

    def analyze(self, events: list[Event], parameters: Mapping[str, Any]) -> AnalysisResult:
        """The result of a whole trace."""
        batch = self._alone
        if batch is None:
            if not self.is_simple:
                run = self.search(events, parameters)
                if not run.found and not run.has_failed:
                    return NOTHING
                return self.result(run, run.found)
            batch = self._alone = self.batch
        found: list[Match] = []
        try:
            tools = batch(events, None, parameters, found)
        except PolicycError:
            raise
        except Exception as error:
            run = self.new_run(events, parameters)
            run.give_up(error)
            return self.result(run, [])
        if not found:
            return NOTHING
        if len(found) > 1:
            found.sort(key=order_of)
        if not self.eager:
            if self.whole:
                # The caller's list may grow before anyone looks at the result.
                events = list(events)
            return AnalysisResult(found, Builder(self, events, parameters, tools))
        return self.result(self.new_run(events, parameters, found, tools), found)

    def search(
        self,
        events: list[Event],
        parameters: Mapping[str, Any],
        evaluation: Evaluation | None = None,
    ) -> Run:
        """Every match and every failed candidate of a trace; as a part of `evaluation`."""
        run = self.new_run(events, parameters, evaluation=evaluation)
        if not self.optimize:
            from policyc.runtime.naive import search_all  # noqa: PLC0415  # for comparison only

            return search_all(run)
        run.tools = self._search(events, parameters, run)
        run.settle_doubts()
        if run.disabled:
            run.found[:] = [match for match in run.found if match[0] not in run.disabled]
        if len(run.found) > 1:
            run.found.sort(key=order_of)
        return run

    def new_run(
        self,
        events: list[Event] | None,
        parameters: Mapping[str, Any],
        found: list[Match] | None = None,
        tools: list[tuple[int, int]] | None = None,
        *,
        is_monitor: bool = False,
        evaluation: Evaluation | None = None,
    ) -> Run:
        from policyc.runtime.run import Run  # noqa: PLC0415  # loads the interpreter

        run = Run(
            self.program,
            self.load,
            parameters,
            events,
            [] if found is None else found,
            [] if tools is None else tools,
            is_monitor=is_monitor,
            limits=self.limits,
            evaluation=evaluation,
        )
        if not self.parameters <= parameters.keys():
            from policyc.runtime.parameters import disable_rules  # noqa: PLC0415  # an error

            disable_rules(run)
        return run

    def result(self, run: Run, matches: Sequence[Match]) -> AnalysisResult:
        """The result of some matches and of what failed."""
        from policyc.runtime.reporting import result  # noqa: PLC0415  # loads the interpreter

        return result(run, matches, Builder(self, run.events, run.parameters, run.tools, run))

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
        """The matches on past + pending that involve a pending event or did not hold on the past
        alone."""
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
                earlier = self.search(past, parameters, run.evaluation)
                before = {identity_of(x) for x in earlier.found}
            if identity_of(match) not in before:
                kept.append(match)
        run.failed = [x for x in run.failed if self._fails_on_pending(x[0], x[2], boundary)]
        return run, kept

    def _counts_pending(self, run: Run, match: Match, boundary: int) -> bool:
        model = run.models.get(identity_of(match))
        if model is None:
            from policyc.runtime.reports import model_of  # noqa: PLC0415  # loads the interpreter

            rule = self.plan.rules[match[0]]
            model = model_of(rule, match, run.interpreter(run.history()))
        return any(number >= boundary for number in model.counted)

    def _fails_on_pending(self, rule: p.RulePlan, frame: Frame, boundary: int) -> bool:
        """Whether a failure concerns the pending events; those of the past alone were reported
        then."""
        if rule.index in self.program.generated.late:
            return True
        numbers = [at[0] for at in frame.coordinates.values() if isinstance(at, tuple)]
        return not numbers or max(numbers) >= boundary


class Builder:
    """Writes out a match when somebody looks at it."""

    __slots__ = ("engine", "events", "interpreter", "models", "parameters", "run", "tools")

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
        self.models: dict[Identity, Frame] = {} if run is None else run.models
        self.interpreter: Interpreter | None = None

    def __call__(self, match: Match) -> Violation:
        from policyc.runtime.reporting import write_out  # noqa: PLC0415  # loads the interpreter

        return write_out(match, self)


def as_events(trace: Any) -> list[Event]:
    """A trace as a list of events: a list or tuple as it is, anything else as `read_trace`
    understands it.

    Raises:
        TraceError: it is no trace.
    """
    if type(trace) is list:
        return trace
    if isinstance(trace, tuple):
        return list(trace)
    from policyc.runtime.traces import read_trace  # noqa: PLC0415  # only for other forms

    return read_trace(trace)


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter with a name that policies use for the trace.

    Raises:
        PolicycError: there is one.
    """
    if "data" in parameters:
        raise PolicycError("a parameter cannot be named `data`: `input.data` is the trace itself")
