"""Schedules -> the Python code of a search, for whole traces and event by event.

One pass in event order. Every trace variable has a *memory* of the objects that passed its own
conditions, each with the length that the other memories had at that moment: `a -> b` then means
"the first n of a's memory", with no comparison and no failed pair. Only a new object can complete a
match, so the search over a whole trace and the monitor that is fed event by event run the same
lines; they differ in the loop around them. Equalities between variables are looked up in a dict.

The code is text, one statement a line, compiled by the runtime in the namespace of
`runtime.support`. Names in it: `e` the event, `r` its role, `c` a tool call, `f` its function, `n`
the name, `a` the arguments, `k` the number of the call; `m3x` the memory of the variable x of rule
3; `out` collects matches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.expressions import Emitter, VariableForm
from policyc.compiler.generated import DispatchTable, Generated
from policyc.compiler.joins import JoinPlan, plan_joins
from policyc.compiler.schedule import Schedule, Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator

DISPATCH_FROM = 8
"""From this number of rules for single tool calls they are found by tool name in a dict."""

MOST_NEEDS = 3
"""Up to this number of tests are made before looking into an event; more would cost what they save.
"""


@dataclass(slots=True)
class _Lines:
    """Source lines with their indentation."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def add(self, *lines: str) -> None:
        prefix = " " * self.depth
        self.lines.extend(prefix + line for line in lines)

    def insert(self, text: str, words: dict[str, str]) -> None:
        """Add lines that are indented already, with other words in them."""
        for word, other in words.items():
            text = text.replace(word, other)
        self.lines.append(text)

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(slots=True)
class _Unit:
    """What is searched for: a rule, or the block of a running count."""

    prefix: str
    schedule: Schedule
    owner: int
    """The number of the rule that it belongs to."""
    counter: int | None = None
    joins: JoinPlan | None = None
    keys: tuple[str, ...] = ()
    """The variables of the rule that are counted for."""
    failures: bool = False
    """For `forall`: candidates that fail a condition are counted, not those that pass."""

    @property
    def has_memory(self) -> bool:
        return len(self.schedule.scans) > 1

    @property
    def is_row(self) -> bool:
        """Whether it may stand in a table: nothing but conditions on one object."""
        return not self.has_memory and self.counter is None and not self.schedule.is_late


# The lines for an event are the same for whole traces and event by event, up to these. They cannot
# stand in literals of the code, where control characters are escaped.
_NUMBER = "\x00number\x00"
"""The number of the event."""
_LEAVE = "\x00leave\x00"
"""On to the next event."""
_TOOLS = "\x00tools\x00"
"""Have a list for `tools` events."""

_LOAD_ARGUMENTS = (
    'a = f.get("arguments")',
    "if type(a) is not dict: a = arguments_of(f)",
)
_LOAD_CONTENT = ('try: s = e["content"]', "except KeyError: s = None")


@dataclass(frozen=True, slots=True)
class _Test:
    """An emitted condition of one variable."""

    text: str
    can_fail: bool
    reads_arguments: bool


_EVENT_DOMAINS = (ts.MESSAGE, ts.TOOL_OUTPUT)
_CALL_DOMAINS = (ts.TOOL_CALL, ts.FUNCTION)


def generate(plan: p.Plan, *, metered: bool = False) -> Generated:
    """The search of a plan as Python code; `metered` code counts its work and keeps to limits."""
    return _Generator(plan, metered=metered).generate()


class _Generator:
    def __init__(self, plan: p.Plan, *, metered: bool) -> None:
        self.plan = plan
        self.metered = metered
        self.scheduler = Scheduler(plan)
        self.constants: dict[str, Any] = {}
        self.uses_links = False
        self.units: list[_Unit] = []
        self.late: list[Schedule] = []
        self.early: list[int] = []
        self.looking_back: set[int] = set()
        self.keeps_events = False
        self.uses_context = metered
        self.notes_places = False
        self.shapes: dict[str, tuple[str, int]] = {}
        self.asking_constants = [x for one in plan.constants for x in _asking(one, plan)]

    def generate(self) -> Generated:
        schedules = [self.scheduler.schedule(rule) for rule in self.plan.rules]
        for schedule in schedules:
            self._register(schedule)
        gates = {gate.counter: (owner, gate) for owner in schedules for gate in owner.gates}
        for number, schedule in enumerate(self.scheduler.counters):
            owner, gate = gates[number]
            if gate.keys and not _keys(owner):
                continue  # the interpreter decides, for something else cannot be compiled
            unit = _Unit(f"q{number}", schedule, owner.rule.index, number, keys=gate.keys)
            unit.failures = gate.quantified.kind == "forall"
            if unit.has_memory:
                unit.joins = plan_joins(unit.prefix, schedule, gate.keys)
            self.units.append(unit)
        self.notes_places = any(
            u.joins is not None and u.joins.needs_place_before for u in self.units
        )
        event = self._event()
        batch, feed = self._batch(event), self._monitor(event)
        rules = self.plan.rules
        return Generated(
            self._shapes() + batch,
            feed,
            self.constants,
            names=tuple(rule.ref.name for rule in rules),
            parameters=frozenset(name for rule in rules for name in rule.parameters),
            defaults=_defaults(self.plan),
            needs_context=self.uses_context,
            keeps_events=self.keeps_events,
            late={x.rule.index: bool(x.scans) for x in self.late},
            looking_back=frozenset(self.looking_back),
            eager=frozenset(rule.index for rule in rules if not _is_safe(rule.value)),
        )

    def _register(self, schedule: Schedule) -> None:
        rule = schedule.rule
        if schedule.has_tail:
            self.uses_context = True
        if schedule.is_late or not schedule.scans:
            self.late.append(schedule)
            if not _waits_in_code(schedule):
                self.uses_context = True
        if schedule.may_end_early:
            self.early.append(rule.index)
        if schedule.is_late or schedule.needs_history or schedule.may_end_early:
            self.keeps_events = True
        if schedule.needs_history:
            self.uses_context = True
        if schedule.asks_about_past:
            self.keeps_events = True
            self.looking_back.add(rule.index)
        asking = [*_asking(rule, self.plan), *self.asking_constants]
        if any(map(_is_provenance, asking)):
            self.looking_back.add(rule.index)
            self.uses_context = self.keeps_events = True
        if any(map(_is_about_links, asking)):
            self.looking_back.add(rule.index)
            self.uses_links = True
            self.uses_context = True
            self.keeps_events |= _asks_what_follows_calls(schedule, self.plan)
        if schedule.scans:
            unit = _Unit(f"{rule.index}", schedule, rule.index)
            if unit.has_memory:
                unit.joins = plan_joins(unit.prefix, schedule)
            self.units.append(unit)

    # --- the function around the blocks

    def _batch(self, event: str) -> str:
        """The function for whole traces, around the lines for one event."""
        out = _Lines()
        out.add("def batch(events, X, P, out):")
        out.depth += 1
        self._memories(out)
        number = "len(events) - 1 - it.__length_hint__()"
        out.add("tools = None", "it = iter(events)")
        if any(unit.has_memory for unit in self.units) or self.notes_places:
            # Worth setting up where the number of an event is asked for often.
            out.add("left = it.__length_hint__", "last = len(events) - 1")
            number = "last - left()"
        out.add("for e in it:")
        make_tools = "if tools is None: tools = []"
        out.insert(event, {_NUMBER: number, _LEAVE: "continue", _TOOLS: make_tools})
        self._end(out)
        out.add("return tools")
        return out.text()

    def _monitor(self, event: str) -> str:
        """The function that gives one to call with event after event."""
        out = _Lines()
        out.add("def monitor(X, P, out, tools):")
        out.depth += 1
        self._memories(out)
        out.add("number = -1", "def feed(e):")
        counters = [x.prefix for x in self.units if x.counter is not None and not x.keys]
        places = ["before", "back"] if self.notes_places else []
        out.depth += 1
        out.add(f"nonlocal {', '.join(['number', *counters, *places])}", "number += 1")
        if self.uses_links:
            out.add("L.add(number, e)")
        out.depth -= 1
        out.insert(event, {_NUMBER: "number", _LEAVE: "return", _TOOLS: "pass"})
        name = "feed"
        if self.late or self.early:
            name = "feed_and_decide"
            out.add(f"def {name}(e):", " feed(e)")
            out.depth += 1
            self._end(out)
            out.depth -= 1
        out.add(f"return {name}")
        return out.text()

    def _memories(self, out: _Lines) -> None:
        """What is kept from event to event."""
        if self.uses_links:
            out.add("L = X.links")
        if self.metered:
            out.add("M = X.meter", "alive = M.alive")
        for unit in self.units:
            if unit.joins is not None:
                out.add(*(f"{name} = []" for name in unit.joins.memories))
                out.add(*(f"{name} = {{}}" for name in unit.joins.indexes))
            if unit.counter is not None:
                out.add(f"{unit.prefix} = {{}}" if unit.keys else f"{unit.prefix} = 0")
        for schedule in self.late:
            if _keys(schedule):
                index = schedule.rule.index
                out.add(f"w{index} = {{}}", f"d{index} = set()")
            elif _waits_in_code(schedule):
                first = "" if schedule.scans else f"({schedule.rule.index}, ())"
                out.add(f"w{schedule.rule.index} = [{first}]")
        if self.notes_places:
            out.add("before = back = None")

    def _end(self, out: _Lines) -> None:
        """Decide late rules: at the end of a trace, after each event of a monitor."""
        for schedule in self.late:
            index = schedule.rule.index
            tests = [
                _gate_test(f"q{gate.counter}", gate.quantified, negated=gate.negated)
                for gate in schedule.gates
                if not gate.keys
            ]
            if self.metered:
                # Without all that it counts, a rule that reached a limit says nothing.
                tests.insert(0, f"alive[{index}]")
            if _keys(schedule):
                self._decide_by_key(out, schedule, tests)
            elif _waits_in_code(schedule):
                tests.insert(0, f"w{index}")
                out.add(
                    f"if {' and '.join(tests)}:", f" out.extend(w{index})", f" w{index}.clear()"
                )
            else:
                out.add(f"if {' and '.join(tests) or 'True'}: X.decide({index})")
        for index in self.early:
            out.add(f"X.end_early({index})")

    def _decide_by_key(self, out: _Lines, schedule: Schedule, tests: list[str]) -> None:
        """Decide the combinations of a rule whose counts have changed, or that are new.

        `w` holds those that wait by the variables that are counted for, `d` what has changed.
        """
        index = schedule.rule.index
        is_open = any(not gate.keys for gate in schedule.gates)
        # A closed count changes the verdict of all.
        out.add(f"if {' and '.join([f'w{index}' if is_open else f'd{index}', *tests])}:")
        out.add(f" for at in {f'list(w{index})' if is_open else f'd{index}'}:")
        by_key = " and ".join(
            _gate_test(f"q{gate.counter}.get(at, 0)", gate.quantified, negated=gate.negated)
            for gate in schedule.gates
            if gate.keys
        )
        out.add(f"  if at in w{index} and {by_key}:")
        if self.metered:
            out.add("   try:", f"    for x in w{index}.pop(at):", f"     M.matched({index})")
            out.add("     out.append(x)", f"   except LimitExceeded as x: X.exceed({index}, x)")
        else:
            out.add(f"   out.extend(w{index}.pop(at))")
        out.add(f"d{index}.clear()")

    def _event(self) -> str:
        """The lines for one event `e`."""
        out = _Lines(depth=2)
        domains = {scan.domain for unit in self.units for scan in unit.schedule.scans}
        special = domains - {*_EVENT_DOMAINS, *_CALL_DOMAINS}
        has_calls = not domains.isdisjoint(_CALL_DOMAINS)
        if self.notes_places:
            out.add(f"before, back = back, last_place(e, {_NUMBER}, back)")
        for domain in sorted(special, key=lambda x: x.name):
            self._generic(out, domain)
        out.add("try:", ' r = e["role"]', "except (KeyError, TypeError):", " r = None")
        # An empty role is none: the event may be a tool call by itself.
        out.add("if r is None:")
        out.depth += 1
        out.add(f"kind = event_kind(e, {_NUMBER})", 'if kind == "tools":', f" {_TOOLS}")
        out.add(f" tools.append(({_NUMBER}, len(tools_of(e, f'$[{{{_NUMBER}}}]'))))")
        if has_calls:
            out.add(f'if kind != "call": {_LEAVE}', "calls = (e,)", "k = -2")
        out.depth -= 1
        self._roles(out, has_calls=has_calls)
        if has_calls:
            out.add("for c in calls:")
            out.depth += 1
            out.add("k += 1")
            self._calls(out)
        return out.text().rstrip("\n")

    def _roles(self, out: _Lines, *, has_calls: bool) -> None:
        """Branches by role: what only looks at one role is reached with one comparison."""
        outputs = list(self._variables(ts.TOOL_OUTPUT))
        messages = list(self._variables(ts.MESSAGE))
        by_role: dict[str, list[tuple[_Unit, p.Scan]]] = {}
        is_general = has_calls
        for unit, scan in messages:
            role = _known_role(unit.schedule.alpha[scan.variable], scan.variable)
            if role is None or unit.failures:
                is_general = True
            else:
                by_role.setdefault(role, []).append((unit, scan))
        if outputs or is_general:
            out.add('elif r == "tool":')
            out.depth += 1
            self._skip_useless(out, outputs)
            self._load_content(out, outputs)
            for unit, scan in outputs:
                self._object(out, unit, scan)
            out.add(_LEAVE)
            out.depth -= 1
        if is_general:
            out.add("else:")
            out.depth += 1
            self._load_content(out, messages)
            for unit, scan in messages:
                self._object(out, unit, scan)
            if has_calls:
                self._load_calls(out)
            out.depth -= 1
            return
        for role, group in by_role.items():
            if role == "tool":
                continue
            out.add(f"elif r == {role!r}:")
            out.depth += 1
            self._load_content(out, group)
            for unit, scan in group:
                self._object(out, unit, scan, role=role)
            out.depth -= 1

    def _skip_useless(self, out: _Lines, group: list[tuple[_Unit, p.Scan]]) -> None:
        """Go on only where one of these variables has what must come before it."""
        needs = {_needs(unit, scan) for unit, scan in group}
        if "" not in needs and 0 < len(needs) <= MOST_NEEDS:
            out.add(f"if not ({' or '.join(sorted(needs))}): {_LEAVE}")

    def _load_content(self, out: _Lines, group: list[tuple[_Unit, p.Scan]]) -> None:
        """Have the content of the event at hand where a condition of the branch reads it."""
        for unit, scan in group:
            conditions = unit.schedule.alpha[scan.variable]
            if unit.joins is not None:
                conditions = [*conditions, *unit.joins.conditions()]
            if any(_reads_content(condition, scan.variable) for condition in conditions):
                out.add(*_LOAD_CONTENT)
                return

    def _variables(self, domain: ts.Type) -> Iterator[tuple[_Unit, p.Scan]]:
        for unit in self.units:
            for scan in _sinks_first(unit):
                if scan.domain == domain:
                    yield unit, scan

    def _load_calls(self, out: _Lines) -> None:
        """Have the tool calls of a message at hand."""
        self._skip_useless(out, [x for domain in _CALL_DOMAINS for x in self._variables(domain)])
        # Most messages have no calls: looking for the key costs less than a call of `get`.
        out.add(f'if "tool_calls" not in e: {_LEAVE}')
        out.add('calls = e["tool_calls"]', f"if not calls: {_LEAVE}")
        out.add(f"if type(calls) is not list: bad_calls(calls, {_NUMBER})", "k = -1")

    def _calls(self, out: _Lines) -> None:
        """The lines for one tool call `c`."""
        out.add(
            "try:",
            ' f = c["function"]',
            ' n = f["name"]',
            "except (KeyError, TypeError, IndexError):",
            f" f, n = call_parts(c, {_NUMBER}, k)",
        )
        dispatched: dict[str, list[tuple[_Unit, p.Scan]]] = {}
        direct = []
        for domain in _CALL_DOMAINS:
            for unit, scan in self._variables(domain):
                tool = None if not unit.is_row else _known_tool(unit, scan)
                if tool is None:
                    direct.append((unit, scan))
                else:
                    dispatched.setdefault(tool, []).append((unit, scan))
        if sum(map(len, dispatched.values())) < DISPATCH_FROM:
            direct = [
                (unit, scan) for domain in _CALL_DOMAINS for unit, scan in self._variables(domain)
            ]
            dispatched = {}
        for unit, scan in direct:
            self._object(out, unit, scan)
        if dispatched:
            table = self._table(dispatched)
            out.add(
                f"found = {table}.get(n) if type(n) is str else None",
                "if found is not None:",
                *(f" {line}" for line in _LOAD_ARGUMENTS),
                f" at = {_NUMBER}",
                " for shape, rows in found: shape(rows, e, c, f, n, a, k, at, X, P, out)",
            )

    def _table(self, dispatched: dict[str, list[tuple[_Unit, p.Scan]]]) -> str:
        """A constant that maps tool names to rules as rows; rows of one shape share their code."""
        tools: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
        for tool, group in dispatched.items():
            shapes = tools[tool] = {}
            for unit, scan in group:
                shape, values = self._row(unit, scan)
                shapes.setdefault(shape, []).append(values)
        table = f"K{len(self.constants)}"
        self.constants[table] = DispatchTable(tools)
        return table

    def _row(self, unit: _Unit, scan: p.Scan) -> tuple[str, tuple[Any, ...]]:
        """The shape of a rule, and the constants that make it this rule."""
        values: dict[str, Any] = {}
        emitter = _ShapedEmitter({scan.variable: _form(scan)}, values)
        conditions = unit.schedule.alpha[scan.variable][1:]
        codes = [emitter.condition(condition) for condition in conditions]
        index = emitter.constant(unit.schedule.rule.index)
        self._note(emitter)
        test = " and ".join(code.text for code in codes) or "True"
        spots = "((at, k, e),)"
        out = _Lines(depth=2)
        if self.metered:
            out.add(f"if not X.meter.alive[{index}]: continue", "try:")
            out.depth += 1
            out.add(f"X.meter.tested({index})")
        if any(code.can_fail for code in codes):
            self.uses_context = True
            out.add("try:", f" ok = {test}")
            out.add("except Exception:", f" X.tail({index}, {spots})", " continue")
            out.add("if ok:")
        else:
            out.add(f"if {test}:")
        out.depth += 1
        self._found(out, unit, spots, index)
        if self.metered:
            out.depth = 2
            out.add(f"except LimitExceeded as x: X.exceed({index}, x)")
        body = out.text()
        if body not in self.shapes:
            self.shapes[body] = (f"shape{len(self.shapes)}", len(values))
        # Equal texts become one: there are many rows, and few names of arguments in them.
        row = tuple(intern(x) if type(x) is str else x for x in values.values())
        return self.shapes[body][0], row

    def _shapes(self) -> str:
        """The functions that go through rows, one for each shape."""
        made = []
        for body, (name, count) in self.shapes.items():
            names = "".join(f"K{number}, " for number in range(count))
            made.append(
                f"def {name}(rows, e, c, f, n, a, k, at, X, P, out):\n for {names}in rows:\n{body}"
            )
        return "".join(made)

    # --- one object

    def _generic(self, out: _Lines, domain: ts.Type) -> None:
        """Objects that are rarely asked for (texts, chunks, tools) come from the history's walk."""
        out.add(f"for k, v in objects_of({domain.name!r}, {_NUMBER}, e, X):")
        self.uses_context = True
        out.depth += 1
        for unit, scan in self._variables(domain):
            self._object(out, unit, scan)
        out.depth -= 1

    def _object(self, out: _Lines, unit: _Unit, scan: p.Scan, *, role: str | None = None) -> None:
        """Test an object against the conditions of one variable, then use it."""
        outer = out.depth
        if self.metered:
            out.add(f"if alive[{unit.owner}]:")
            out.depth += 1
            out.add("try:")
            out.depth += 1
            out.add(f"M.tested({unit.owner})")
        self._tested(out, unit, scan, role=role)
        if self.metered:
            out.depth = outer + 1
            out.add(f"except LimitExceeded as x: X.exceed({unit.owner}, x)")
        out.depth = outer

    def _tested(self, out: _Lines, unit: _Unit, scan: p.Scan, *, role: str | None) -> None:
        form = _form(scan, _NUMBER)
        emitter = Emitter({scan.variable: form}, self.constants)
        conditions = list(unit.schedule.alpha[scan.variable])
        if role is not None:
            # Known in this branch.
            conditions = [x for x in conditions if _role_of(x, scan.variable) != role]
        codes: list[_Test] = []
        for condition in conditions:
            emitter.reads_arguments = False
            emitted = emitter.condition(condition)
            if emitted.text != "True":
                codes.append(_Test(emitted.text, emitted.can_fail, emitter.reads_arguments))
        self._note(emitter)
        can_fail = any(code.can_fail for code in codes)
        spot = f"({_NUMBER}, {form.part}, e)"
        if unit.failures:
            self._count_failure(out, unit, codes)
            return
        if can_fail:
            self._test_with_failures(out, unit, scan, codes, spot)
        else:
            if needs := _needs(unit, scan):
                out.add(f"if {needs}:")
                out.depth += 1
            is_loaded = False
            for code in codes:
                if code.reads_arguments and not is_loaded:
                    out.add(*_LOAD_ARGUMENTS)
                    is_loaded = True
                out.add(f"if {code.text}:")
                out.depth += 1
        self._use(out, unit, scan, spot)

    def _count_failure(self, out: _Lines, unit: _Unit, codes: list[_Test]) -> None:
        if any(code.reads_arguments for code in codes):
            out.add(*_LOAD_ARGUMENTS)
        test = " and ".join(code.text for code in codes) or "True"
        out.add(f"if not ({test}): {unit.prefix} += 1")

    def _test_with_failures(
        self,
        out: _Lines,
        unit: _Unit,
        scan: p.Scan,
        codes: list[_Test],
        spot: str,
    ) -> None:
        """Conditions that may fail: the interpreter finds out what a failure means."""
        self.uses_context = True
        index = unit.schedule.rule.index
        if any(code.reads_arguments for code in codes):
            out.add(*_LOAD_ARGUMENTS)
        out.add("try:", f" ok = {' and '.join(code.text for code in codes)}", "except Exception:")
        if unit.has_memory or unit.schedule.is_late:
            # Not decided with the rule: that depends on quantifiers, which may stand below.
            out.add(f" X.doubt({index}, {scan.variable!r}, {spot})")
        else:
            out.add(f" X.tail({index}, ({spot},))")
        out.add(" ok = False", "if ok:")
        out.depth += 1

    def _use(self, out: _Lines, unit: _Unit, scan: p.Scan, spot: str) -> None:
        """What to do with an object that passed: report it, or remember it and look for matches."""
        if not unit.has_memory:
            self._found(out, unit, f"({spot},)")
            return
        assert unit.joins is not None  # noqa: S101  # set together
        out.add(f"at = {_NUMBER}")
        spot = f"(at, {_form(scan).part}, e)"
        for line in unit.joins.lines(scan.variable, Emitter({}, self.constants)):
            if line.text in ("JOINED", "REMEMBERED"):
                if self.metered:
                    call = f"M.{line.text.lower()}({unit.owner})"
                    out.lines.append(" " * (out.depth + line.depth) + call)
            elif line.text == "FOUND":
                inner = _Lines(out.lines, out.depth + line.depth)
                if line.pretest:
                    if unit.schedule.may_end_early:
                        inner.add(f"X.completed.add({unit.owner})")
                    # A failure is for the interpreter to judge.
                    inner.add(
                        "try:", f" ok = {line.pretest}", "except Exception: ok = True", "if ok:"
                    )
                    inner.depth += 1
                self._found(inner, unit, line.spots)
            else:
                out.lines.append(" " * (out.depth + line.depth) + line.text)

    def _found(self, out: _Lines, unit: _Unit, spots: str, rule: str = "") -> None:
        schedule = unit.schedule
        rule = rule or str(schedule.rule.index)
        if unit.keys:
            out.add(f"z = {spots}", f"{unit.prefix}[z] = {unit.prefix}.get(z, 0) + 1")
            out.add(f"d{unit.owner}.add(z)")
            return
        if unit.counter is not None:
            out.add(f"{unit.prefix} += 1")
            return
        if schedule.is_late and not _waits_in_code(schedule):
            out.add(f"X.wait({rule}, {spots})")
            return
        if schedule.has_tail:
            out.add(f"X.tail({rule}, {spots})")
            return
        if keys := _keys(schedule):
            self._wait_for_counts(out, unit, spots, keys)
            return
        if self.metered:
            out.add(f"X.meter.matched({rule})")
        found = f"w{rule}" if _waits_in_code(schedule) else "out"
        out.add(f"{found}.append(({rule}, {spots}))")

    def _wait_for_counts(self, out: _Lines, unit: _Unit, spots: str, keys: tuple[str, ...]) -> None:
        """Keep a combination until the counts for its variables are right."""
        index = unit.schedule.rule.index
        names = unit.schedule.rule.block.loop_variables()
        out.add(f"y = {spots}")
        places = ", ".join(f"y[{names.index(name)}][:2]" for name in keys)
        out.add(f"z = ({places},)", f"w{index}.setdefault(z, []).append(({index}, y))")
        out.add(f"d{index}.add(z)")
        if self.metered:
            out.add(f"M.remembered({index})")

    def _note(self, emitter: Emitter) -> None:
        if emitter.uses_links:
            self.uses_links = True
            self.uses_context = True


class _ShapedEmitter(Emitter):
    """Emits every literal as a constant, so that rules of one shape give the same source."""

    def literal(self, value: Any) -> str:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return self.constant(value)
        return super().literal(value)


def _form(scan: p.Scan, number: str = "at") -> VariableForm:
    """The local names of an object while it is the one looked at."""
    if scan.domain in _EVENT_DOMAINS:
        return VariableForm(scan.domain, "e", role="r", number=number, part="-1", content="s")
    if scan.domain in _CALL_DOMAINS:
        return VariableForm(
            scan.domain,
            "c",
            function="f",
            name="n",
            arguments="a",
            number=number,
            part="k",
        )
    return VariableForm(scan.domain, "v", number=number, part="k")


def _reads_content(condition: p.Expr, variable: str) -> bool:
    return any(
        isinstance(node, p.GetMember)
        and node.name == "content"
        and isinstance(node.value, p.Var)
        and node.value.name == variable
        for node in p.walk(condition)
    )


def _role_of(condition: p.Expr, variable: str) -> str | None:
    """The text that a condition `variable.role == "text"` compares with."""
    match condition:
        case p.Cmp(
            operator="==",
            left=p.GetMember(value=p.Var(name=name), name="role"),
            right=p.Literal(value=str() as role),
        ) if name == variable:
            return role
        case _:
            return None


def _known_role(conditions: list[p.Expr], variable: str) -> str | None:
    """The role that decides before any condition that may fail: what fails must not vanish."""
    emitter = Emitter({variable: VariableForm.probe(ts.MESSAGE)})
    for condition in conditions:
        role = _role_of(condition, variable)
        if role is not None:
            return role
        if emitter.condition(condition).can_fail:
            return None
    return None


def _known_tool(unit: _Unit, scan: p.Scan) -> str | None:
    """The tool name that the first condition of a call variable asks for."""
    conditions = unit.schedule.alpha[scan.variable]
    if not conditions or scan.domain != ts.TOOL_CALL:
        return None
    match conditions[0]:
        case p.MatchTool(name=name, wildcard=False, arguments=None):
            return name
        case _:
            return None


def _sinks_first(unit: _Unit) -> list[p.Scan]:
    """The variables of a unit, those that flows lead to before those that they come from."""
    if unit.joins is None:
        return list(unit.schedule.scans)
    order = {name: number for number, name in enumerate(unit.joins.order)}
    return sorted(unit.schedule.scans, key=lambda scan: order[scan.variable])


def _needs(unit: _Unit, scan: p.Scan) -> str:
    """The test that something is remembered which must come before this variable; may be empty."""
    if unit.joins is None or scan.variable in unit.schedule.fallible:
        return ""
    return " and ".join(unit.joins.needs(scan.variable))


def _waits_in_code(schedule: Schedule) -> bool:
    """Whether a late rule has nothing to decide but its running counts."""
    return bool(schedule.gates) and not schedule.has_tail


def _keys(schedule: Schedule) -> tuple[str, ...]:
    """The variables that quantifiers of a late rule count for, where it waits for nothing else."""
    if not _waits_in_code(schedule):
        return ()
    return next((gate.keys for gate in schedule.gates if gate.keys), ())


def _gate_test(counter: str, quantified: p.Quantified, *, negated: bool) -> str:
    if quantified.kind == "forall":
        test = f"{counter} == 0"
    else:
        parts = []
        for bound, operator in ((quantified.minimum, ">="), (quantified.maximum, "<=")):
            if isinstance(bound, p.Literal):
                parts.append(f"{counter} {operator} {bound.value}")
        test = " and ".join(parts) or "True"
    return f"not ({test})" if negated else f"({test})"


def _asks_what_follows_calls(schedule: Schedule, plan: p.Plan) -> bool:
    """Whether a rule may ask with `~>` about the call of an output, whose event it does not
    remember."""
    remembered = {scan.variable for scan in schedule.scans}
    return any(
        isinstance(node, p.Flow) and node.immediate and not p.free_variables(node) <= remembered
        for block in (schedule.rule.block, *(predicate.block for predicate in plan.predicates))
        for node in p.walk(block)
    )


def _asking(root: p.PlanNode, plan: p.Plan) -> list[p.PlanNode]:
    """What may ask beyond its values in a rule, and in the predicates that it refers to."""
    found: list[p.PlanNode] = []
    seen: set[int] = set()
    stack = [root]
    while stack:
        for node in p.walk(stack.pop()):
            if isinstance(node, p.MatchTool | p.CallFunction):
                found.append(node)
            elif isinstance(node, p.CallPredicate) and node.index not in seen:
                seen.add(node.index)
                stack.append(plan.predicates[node.index])
    return found


def _is_about_links(node: p.PlanNode) -> bool:
    """Whether it may ask which call an output answers."""
    match node:
        case p.MatchTool(value=p.Var(type=ts.TOOL_CALL)):
            return False
        case p.MatchTool():
            return True
        case p.CallFunction(signature=signature):
            return signature.name == "tool_call"
        case _:
            return False


def _is_provenance(node: p.PlanNode) -> bool:
    return isinstance(node, p.CallFunction) and node.signature.name == "provenance"


def _defaults(plan: p.Plan) -> dict[str, Any]:
    """The parameters that have a default, with the first that the policy names."""
    found: dict[str, Any] = {}
    for root in (*plan.constants, *plan.predicates, *plan.rules):
        for node in p.walk(root):
            if isinstance(node, p.Input) and node.default is not None and node.name is not None:
                default: p.PlanNode = node.default
                if isinstance(default, p.ConstantRef):
                    default = plan.constants[default.index].value
                found.setdefault(node.name, p.literal_value(default))
    return found


def _is_safe(value: p.Expr) -> bool:
    """Whether a raised expression always has a value, so that it can be written out later."""
    match value:
        case p.Literal() | p.Var():
            return True
        case p.CallFunction(signature=signature, args=args, keywords=keywords):
            return signature.result == ts.VIOLATION and all(
                _is_safe(x) for x in (*args, *(arg for _, arg in keywords))
            )
        case _:
            return False
