"""One analysis, or the life of one monitor: what generated code calls for all that it does not do
itself."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler import plan as p
from policyc.runtime.evaluation import Evaluation
from policyc.runtime.failures import EvaluationError, LimitExceeded
from policyc.runtime.history import CallLinks, History, ToolCounts
from policyc.runtime.interpreter import Frame, Interpreter
from policyc.runtime.limits import Limits, Meter
from policyc.runtime.matches import Identity, Match, Spot, identity_of
from policyc.runtime.repeats import repeats_of
from policyc.runtime.reports import bound_frame, frame_before
from policyc.runtime.tool_rules import Specializer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.grammar.diagnostics import PolicycError
    from policyc.runtime.matches import Coordinate, Event
    from policyc.runtime.program import Program
    from policyc.runtime.tool_rules import ToolRules

Spots = tuple[Spot, ...]

_MOST_TOOLS: Final = 200
"""Whose rules one monitor keeps: whoever is watched must not fill its memory."""
_LONGEST_TOOL: Final = 200
"""Characters of the name of such a tool."""
_LONGEST_PARAMETERS: Final = 10_000
"""Characters of JSON that are looked at with each call."""


class Run:
    """The state of an analysis beyond the memories of the generated code.

    `events`: all events where they are kept. `found`: the matches, shared with the generated code.
    `tools`: number and size of each `tools` event seen. `failed`: candidates of rules that could
    not be evaluated.
    """

    def __init__(
        self,
        program: Program,
        load: Callable[[Signature], Callable[..., Any]],
        parameters: Mapping[str, Any],
        events: Sequence[Event] | None,
        found: list[Match],
        tools: list[tuple[int, int]],
        *,
        is_monitor: bool = False,
        limits: Limits | None = None,
        evaluation: Evaluation | None = None,
    ) -> None:
        self.program = program
        self.load = load
        self.parameters = parameters
        self.events = events
        self.found = found
        self.tools = tools
        self.is_monitor = is_monitor
        self.evaluation = evaluation or Evaluation()
        self.failed: list[tuple[p.RulePlan, EvaluationError, Frame]] = []
        generated = program.generated
        self.waiting: dict[int, list[Spots]] = {
            index: [] if has_scans else [()] for index, has_scans in generated.late.items()
        }
        self.meter = None if limits is None else Meter(generated.names, limits)
        self.exceeded: dict[int, PolicycError] = {}
        """Rules that have no verdict from here on."""
        self.completed: set[int] = set()
        """Rules that had a candidate for every trace variable."""
        self.doubts: list[tuple[p.RulePlan, str, Spot]] = []
        self.reported: set[Any] = set()
        self.models: dict[Identity, Frame] = {}
        """The models of matches that the interpreter found, so that nothing is asked twice for a
        report."""
        self.links = CallLinks() if is_monitor else _LateLinks(self)
        self.disabled: frozenset[int] = frozenset()
        self._history: History | None = None
        self._history_size = 0
        self._interpreter: Interpreter | None = None
        self._here: _Here | None = None
        self._tool_rules: dict[str, ToolRules | None] = {}
        self._told: str | None = ""
        """The parameters that these are for, written out; None: they cannot be."""

    @property
    def plan(self) -> p.Plan:
        return self.program.plan

    @property
    def has_failed(self) -> bool:
        """Whether some rule has no verdict."""
        return bool(self.failed) or bool(self.exceeded)

    def give_up(self, error: Exception) -> None:
        """The search failed in a way that nobody foresaw: no rule has a verdict, so the result
        blocks."""
        failure = EvaluationError(f"the search failed: {error}")
        failure.__cause__ = error
        for rule in self.plan.rules:
            self.exceeded.setdefault(rule.index, failure)

    def restart(self) -> None:
        """What may be used up for each event of a monitor begins anew."""
        self.evaluation.restart()
        if self.meter is not None:
            self.meter.restart()

    # --- history

    def history_with(self, events: Mapping[int, Event]) -> History:
        """A history of some events, with the indexes and links of the whole trace."""
        if self.events is not None:
            return self.history()
        return History(events, ToolCounts.of(self.tools), self.links if self.is_monitor else None)

    def history(self) -> History:
        """The history of all events so far."""
        assert self.events is not None  # noqa: S101  # kept where the generated code needs them
        if self._history is None or len(self.events) != self._history_size:
            links = self.links if self.is_monitor and self.links.all else None
            counts = ToolCounts.of(self.tools) if self.is_monitor else None
            if self._history is None:
                self._history = History(self.events, counts, links)
            else:
                self._history.grow(counts, links)
            self._history_size = len(self.events)
            if self._interpreter is not None:
                # A constant may ask about the trace, which has grown.
                self._interpreter.constants.clear()
        return self._history

    def keep_events(self) -> None:
        """Take a copy of the list of events: the caller's may grow before anyone looks at the
        result."""
        if self.events is not None:
            self.events = list(self.events)
            self._history = None

    def history_of(self, number: int, event: Event) -> History:
        """A history to look into one event."""
        return self.history_with({number: event})

    def interpreter(self, history: History) -> Interpreter:
        if self._interpreter is None:
            self._interpreter = Interpreter(
                self.plan, history, self.parameters, self.load, self.evaluation
            )
        self._interpreter.history = history
        self._interpreter.tick = self._interpreter.go_on = None
        return self._interpreter

    # --- called by generated code

    def exceed(self, index: int, error: LimitExceeded) -> None:
        """A rule reached a limit: from here on it has no verdict."""
        self.exceeded.setdefault(index, error)

    def tail(self, index: int, spots: Spots) -> None:
        """Decide a combination at once: run the whole block with its trace variables bound."""
        rule = self.plan.rules[index]
        self.completed.add(index)
        if len(spots) == 1 and not isinstance(spots[0], int):
            self._object_tail(rule, spots[0])
            return
        events = {spot[0]: spot[2] for spot in spots if not isinstance(spot, int)}
        self._models(rule, spots, self.history_with(events))

    def wait(self, index: int, spots: Spots) -> None:
        """Keep a combination of a late rule until the end of the trace, or for every event to
        come."""
        self.completed.add(index)
        if self.meter is not None:
            self.meter.remembered(index)
        self.waiting[index].append(spots)

    def decide(self, index: int) -> None:
        """Run the block of a late rule for each combination that waits."""
        waiting = self.waiting[index]
        if not waiting or index in self.exceeded:
            return
        rule = self.plan.rules[index]
        # A rule that does not ask about the trace is decided without its events.
        history = self.history_with({})
        try:
            for spots in waiting:
                self._models(rule, spots, history)
        except LimitExceeded as error:
            self.exceed(index, error)

    def end_early(self, index: int) -> None:
        """Where a rule has no object for some variable: find candidates that fail before it is
        needed."""
        if index in self.completed or index in self.exceeded or index in self.disabled:
            return
        rule = self.plan.rules[index]
        interpreter = self._interpreter_for(rule, self.history())

        def failure(step: p.Step, at: Frame, error: EvaluationError) -> None:
            self.fail(rule, step, at, error)

        try:
            # There is no model: some variable has no object.
            for _ in interpreter.models(rule.block, Frame(), failure):
                pass
        except LimitExceeded as error:
            self.exceed(index, error)

    def doubt(self, index: int, variable: str, spot: Spot) -> None:
        """A condition of one variable failed: whether that matters depends on the lines above
        it."""
        self.doubts.append((self.plan.rules[index], variable, spot))

    # --- inside

    def _object_tail(self, rule: p.RulePlan, spot: tuple[int, int, Event]) -> None:
        """Decide about one object. What rules begin with alike is evaluated once."""
        here = self._here
        if here is None or here.place != spot[:2]:
            here = self._here = _Here(
                spot[:2],
                self.history_of(spot[0], spot[2]),
                self._rules_for(_tool_of(spot)) if self.is_monitor else None,
                is_first=here is None,
            )
        steps: tuple[int, ...] = ()
        if here.rules is not None:
            left = here.rules.get(rule.index)
            if left is None:
                return
            rule, steps = left
        elif not here.is_first:
            steps = repeats_of(self.plan).beginnings[rule.index]
        begun = self._begun(rule, steps, spot, here) if steps else None
        if begun is None:
            self._models(rule, (spot,), here.history)
        else:
            for frame in begun:
                self._models(rule, (spot,), here.history, (frame.child(), len(steps)))

    def _rules_for(self, tool: str | None) -> ToolRules | None:
        """The rules for the calls of a tool, once it is called again; None: all as they are."""
        if tool is None or self._told is None:
            return None
        if self.parameters and (told := _written_out(self.parameters)) != self._told:
            # The host changed them; or it cannot be told whether it does, from now on.
            self._told = told
            self._tool_rules.clear()
            return None
        if tool not in self._tool_rules and len(self._tool_rules) >= _MOST_TOOLS:
            return None
        if tool not in self._tool_rules:
            self._tool_rules[tool] = None
            return None
        rules = self._tool_rules[tool]
        if rules is None:
            specializer = Specializer(self.plan, self.parameters, self.load)
            rules = self._tool_rules[tool] = specializer.rules_for(tool)
        return rules

    def _begun(
        self, rule: p.RulePlan, steps: Sequence[int], spot: tuple[int, int, Event], here: _Here
    ) -> list[Frame] | None:
        """The models of the first steps of a rule; None: one of them failed, which each rule finds
        for itself."""
        known = here.begun
        end = len(steps)
        while end and steps[end - 1] not in known:
            end -= 1
        if end == len(steps):
            return known[steps[-1]]
        interpreter = self._interpreter_for(rule, here.history)
        frames: list[Frame] | None
        if end:
            frames = known[steps[end - 1]]
        else:
            scan = next(step for step in rule.block.steps if isinstance(step, p.Scan))
            frames = [bound_frame(rule, {scan.variable: spot}, interpreter)]
        failures: list[EvaluationError] = []

        def failure(_step: p.Step, _at: Frame, error: EvaluationError) -> None:
            failures.append(error)

        for position in range(end, len(steps)):
            if frames:
                found: list[Frame] = []
                for frame in frames:
                    found += interpreter.models(
                        rule.block, frame.child(), failure, position, position + 1
                    )
                frames = None if failures else found
            known[steps[position]] = frames
        return frames

    def _interpreter_for(self, rule: p.RulePlan, history: History) -> Interpreter:
        """The interpreter, counting its work for a rule."""
        interpreter = self.interpreter(history)
        if self.meter is not None:
            interpreter.tick = partial(self.meter.tested, rule.index)
            interpreter.go_on = partial(self.meter.gone_on, rule.index)
        return interpreter

    def _models(
        self,
        rule: p.RulePlan,
        spots: Spots,
        history: History,
        begun: tuple[Frame, int] | None = None,
    ) -> None:
        """Find the matches with some objects. `begun`: a model of the first steps, and how many
        these are."""
        interpreter = self._interpreter_for(rule, history)
        frame, position = begun or (
            bound_frame(rule, _given(rule.block, spots), interpreter),
            0,
        )

        def failure(step: p.Step, at: Frame, error: EvaluationError) -> None:
            self.fail(rule, step, at, error)

        for model in interpreter.models(rule.block, frame, failure, position):
            given = _given(rule.block, spots)
            full: list[Spot] = []
            for name in rule.block.loop_variables():
                if name in given:
                    full.append(given[name])
                else:
                    coordinate = model.coordinates[name]
                    assert isinstance(coordinate, int)  # noqa: S101  # not a trace variable
                    full.append(coordinate)
            match = (rule.index, tuple(full))
            identity = identity_of(match)
            if self.is_monitor:
                if identity in self.reported:
                    continue
                self.reported.add(identity)
            if self.meter is not None:
                self.meter.matched(rule.index)
            self.found.append(match)
            self.models[identity] = model

    def fail(self, rule: p.RulePlan, step: p.Step, frame: Frame, error: EvaluationError) -> None:
        """Note a candidate that could not be evaluated; in a monitor once for each."""
        frame = frame_before(step, rule.block, frame)
        if self.is_monitor:
            identity = (
                "failed",
                rule.index,
                str(error),
                tuple(sorted(frame.coordinates.items(), key=str)),
            )
            if identity in self.reported:
                return
            self.reported.add(identity)
        self.failed.append((rule, error, frame))

    def settle_doubts(self) -> None:
        """Find out for each failed condition whether the lines above it hold for some candidate."""
        still: list[tuple[p.RulePlan, str, Spot]] = []
        for rule, variable, spot in self.doubts:
            if rule.index in self.exceeded:
                continue
            assert not isinstance(spot, int)  # noqa: S101  # doubts are about trace variables
            history = (
                self.history() if self.events is not None else self.history_with({spot[0]: spot[2]})
            )
            interpreter = self._interpreter_for(rule, history)
            before = len(self.failed)
            frame = bound_frame(rule, {variable: spot}, interpreter)

            def failure(
                step: p.Step, at: Frame, error: EvaluationError, rule: p.RulePlan = rule
            ) -> None:
                self.fail(rule, step, at, error)

            try:
                for _ in interpreter.models(rule.block, frame, failure):
                    pass
            except LimitExceeded as error:
                self.exceed(rule.index, error)
            if len(self.failed) == before and self.is_monitor:
                still.append((rule, variable, spot))
        self.doubts = still


def _given(block: p.Block, spots: Spots) -> dict[str, Spot]:
    """The spots of the trace variables, in the order of their declaration."""
    scans = {step.variable for step in block.steps if isinstance(step, p.Scan)}
    return dict(zip((name for name in block.variables if name in scans), spots, strict=True))


def _tool_of(spot: tuple[int, int, Event]) -> str | None:
    """The name of the tool that a call is of; None where it is no call, or not a usual one."""
    _, part, event = spot
    try:
        call = event if part < 0 else event["tool_calls"][part]
        name = call["function"]["name"]
    except (KeyError, TypeError, IndexError):
        return None
    return name if type(name) is str and len(name) <= _LONGEST_TOOL else None


def _written_out(parameters: Mapping[str, Any]) -> str | None:
    """A text that tells whether parameters have changed; None where that cannot be told, or not
    soon."""
    try:
        told = json.dumps(parameters)
    except (TypeError, ValueError, RecursionError):
        return None
    return told if len(told) <= _LONGEST_PARAMETERS else None


class _Here:
    """The object that rules are decided about now: its coordinate, a history to look into it, the
    rules for calls of its tool if they are known, and the models of what rules begin with alike,
    None where that failed. `is_first`: no other was looked at before, so that it is not known
    whether preparing for many is worth it."""

    __slots__ = ("begun", "history", "is_first", "place", "rules")

    def __init__(
        self, place: Coordinate, history: History, rules: ToolRules | None, *, is_first: bool
    ) -> None:
        self.place = place
        self.history = history
        self.rules = rules
        self.is_first = is_first
        self.begun: dict[int, list[Frame] | None] = {}


class _LateLinks(CallLinks):
    """The links of a whole trace, made when the first is asked for."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.is_made = False

    def find(self, number: int, output: Event) -> Any:
        if not self.is_made:
            self.is_made = True
            for at, event in enumerate(self.run.events or ()):
                self.add(at, event)
        return super().find(number, output)
