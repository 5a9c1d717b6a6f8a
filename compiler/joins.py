"""How a rule with several trace variables finds its matches when a new object arrives.

`plan_joins` fixes, for each variable, in which order the others are looked up and how: by prefix of
a memory (flows), by a dict (equalities), or in full. An entry of a memory is a tuple:

    (event number, part, event, value, function, position in the memory, place before the event,
    *lengths)

`lengths` are those of the memories that flows relate to this one, at the moment the entry was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.compiler import plan as p
from policyc.compiler import typesystem as ts
from policyc.compiler.expressions import Emitter, VariableForm

if TYPE_CHECKING:
    from policyc.compiler.schedule import Schedule

POSITION = 5
BEFORE = 6
LENGTHS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """A source line at a depth.

    `FOUND` stands for the report of a match with these spots, after `pretest` where there is one;
    `JOINED` and `REMEMBERED` are places where metered code counts.
    """

    text: str
    depth: int
    spots: str = ""
    pretest: str = ""


@dataclass(frozen=True, slots=True)
class _Equality:
    """`left == right` about two variables, for all such lines; `number` names its dicts."""

    number: int
    sides: dict[str, list[p.Expr]]


@dataclass(slots=True)
class JoinPlan:
    prefix: str
    schedule: Schedule
    order: tuple[str, ...]
    """The variables, sinks of flows first."""
    flows: frozenset[tuple[str, str]]
    equalities: tuple[_Equality, ...]
    residual: tuple[p.Expr, ...]
    needs_place_before: bool
    domains: dict[str, ts.Type] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    """Where matches are counted: the variables that they are counted for, each by its place."""

    # --- what there is

    @property
    def memories(self) -> list[str]:
        return [self.memory(name) for name in self.order if self._is_remembered(name)]

    @property
    def indexes(self) -> list[str]:
        return [
            self.index(equality, name)
            for equality in self.equalities
            for name in equality.sides
            if self._is_remembered(name)
        ]

    def memory(self, name: str) -> str:
        return f"m{self.prefix}_{name}"

    def index(self, equality: _Equality, name: str) -> str:
        return f"h{self.prefix}_{equality.number}_{name}"

    def _triggers(self, name: str) -> bool:
        """Whether a new object for this variable can complete a match: nothing must come after
        it."""
        return not any(left == name for left, _ in self.flows)

    def _is_remembered(self, name: str) -> bool:
        return any(other != name and self._triggers(other) for other in self.order)

    def _related(self, name: str) -> list[str]:
        """The variables whose memories an entry of this one notes the length of."""
        found = {b for a, b in self.flows if a == name} | {a for a, b in self.flows if b == name}
        return sorted(other for other in found if self._is_remembered(other))

    def needs(self, name: str) -> list[str]:
        """The memories that must hold something before an object for this variable is of use."""
        sources = (left for left, right in self.flows if right == name)
        return sorted(self.memory(source) for source in sources if self._is_remembered(source))

    def conditions(self) -> list[p.Expr]:
        """What is evaluated about a new object besides its own conditions."""
        return list(self.residual)

    # --- code

    def lines(self, name: str, emitter: Emitter) -> list[Line]:
        """The lines for a new object that passed the conditions of the variable `name`."""
        lines: list[Line] = []
        if self._triggers(name):
            self._search(name, emitter, lines)
        if self._is_remembered(name):
            self._remember(name, emitter, lines)
        return lines

    def _search(self, new: str, emitter: Emitter, lines: list[Line]) -> None:
        emitter.variables = {new: self._current(new)}
        bound = [new]
        checked: set[int] = set()
        depth = 0
        while len(bound) < len(self.order):
            name = self._next(bound)
            depth = self._loop(name, bound, emitter, lines, depth)
            emitter.variables[name] = self._stored(name)
            bound.append(name)
            depth = self._conditions(bound, emitter, lines, depth, checked)
        names = self.keys or self.schedule.rule.block.loop_variables()
        spots = ", ".join(self._spot(name, new) for name in names if name in self.domains)
        tests = [emitter.condition(condition).text for condition in self.schedule.pretests]
        lines.append(Line("FOUND", depth, f"({spots},)", " and ".join(tests)))

    def _next(self, bound: list[str]) -> str:
        """The variable to look up next: by a dict, then by prefix, then the rest in order."""
        rest = [name for name in self.order if name not in bound]
        for name in rest:
            if self._equality(name, bound) is not None:
                return name
        for name in rest:
            if any((name, other) in self.flows for other in bound):
                return name
        return rest[0]

    def _equality(self, name: str, bound: list[str]) -> tuple[_Equality, str] | None:
        for equality in self.equalities:
            if name in equality.sides:
                other = next(x for x in equality.sides if x != name)
                if other in bound:
                    return equality, other
        return None

    def _loop(
        self,
        name: str,
        bound: list[str],
        emitter: Emitter,
        lines: list[Line],
        depth: int,
    ) -> int:
        """Open the loop over the entries of a variable that fit what is bound."""
        upper = [self._length(other, name) for other in bound[1:] if (name, other) in self.flows]
        lower = [self._length(other, name) for other in bound[1:] if (other, name) in self.flows]
        most = upper[0] if len(upper) == 1 else f"min({', '.join(upper)})" if upper else "None"
        least = lower[0] if len(lower) == 1 else f"max({', '.join(lower)})" if lower else "0"
        found = self._equality(name, bound)
        entry = f"x_{name}"
        if found is not None:
            equality, other = found
            key = _key(equality.sides[other], emitter)
            lines.append(
                Line(f"for {entry} in {self.index(equality, name)}.get({key}, ()):", depth)
            )
            if upper:
                lines.append(Line(f"if {entry}[{POSITION}] >= {most}: break", depth + 1))
            if lower:
                lines.append(Line(f"if {entry}[{POSITION}] < {least}: continue", depth + 1))
        elif upper or lower:
            lines.append(
                Line(f"for {entry} in islice({self.memory(name)}, {least}, {most}):", depth)
            )
        else:
            lines.append(Line(f"for {entry} in {self.memory(name)}:", depth))
        lines.append(Line("JOINED", depth + 1))
        return depth + 1

    def _conditions(
        self,
        bound: list[str],
        emitter: Emitter,
        lines: list[Line],
        depth: int,
        checked: set[int],
    ) -> int:
        for number, condition in enumerate(self.residual):
            if number not in checked and p.free_variables(condition) <= set(bound):
                checked.add(number)
                lines.append(Line(f"if {emitter.condition(condition).text}:", depth))
                depth += 1
        return depth

    def _remember(self, name: str, emitter: Emitter, lines: list[Line]) -> None:
        form = self._current(name)
        memory = self.memory(name)
        parts = [
            form.number,
            form.part,
            "e",
            form.value,
            form.function or "None",
            f"len({memory})",
            "before" if self.needs_place_before else "None",
            *(f"len({self.memory(other)})" for other in self._related(name)),
        ]
        lines.append(Line("REMEMBERED", 0))
        lines.append(Line(f"x = ({', '.join(parts)},)", 0))
        lines.append(Line(f"{memory}.append(x)", 0))
        emitter.variables = {name: form}
        for equality in self.equalities:
            if name in equality.sides:
                key = _key(equality.sides[name], emitter)
                index = self.index(equality, name)
                lines.append(Line(f"{index}.setdefault({key}, []).append(x)", 0))

    def _length(self, entry_of: str, memory_of: str) -> str:
        at = LENGTHS + self._related(entry_of).index(memory_of)
        return f"x_{entry_of}[{at}]"

    def _spot(self, name: str, new: str) -> str:
        event = "" if self.keys else ", e"
        if name == new:
            form = self._current(name)
            return f"({form.number}, {form.part}{event})"
        return f"x_{name}[:{2 if self.keys else 3}]"

    def _current(self, name: str) -> VariableForm:
        """The object that has just arrived, in the names of the code around."""
        domain = self.domains[name]
        if domain in (ts.MESSAGE, ts.TOOL_OUTPUT):
            return VariableForm(domain, "e", role="r", number="at", part="-1", before="before")
        if domain in (ts.TOOL_CALL, ts.FUNCTION):
            return VariableForm(
                domain,
                "c",
                function="f",
                name="n",
                arguments="arguments_of(f)",
                number="at",
                part="k",
                before="before",
            )
        return VariableForm(domain, "v", number="at", part="k")

    def _stored(self, name: str) -> VariableForm:
        """An object in a memory."""
        domain, entry = self.domains[name], f"x_{name}"
        value = f"{entry}[3]"
        return VariableForm(
            domain,
            value,
            role=f'{value}["role"]',
            function=f"{entry}[4]",
            name=f'{entry}[4]["name"]',
            arguments=f"arguments_of({entry}[4])",
            number=f"{entry}[0]",
            part=f"{entry}[1]",
            before=f"{entry}[{BEFORE}]",
        )


def _key(sides: list[p.Expr], emitter: Emitter) -> str:
    """What the values of one side are looked up by."""
    parts = [f"key({emitter.emit(side).text})" for side in sides]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def plan_joins(prefix: str, schedule: Schedule, keys: tuple[str, ...] = ()) -> JoinPlan:
    """How the variables of a schedule are joined; `prefix` makes the names of its memories
    unique. With `keys` what is found is the places of these variables."""
    flows: set[tuple[str, str]] = set()
    needs_place_before = any(
        isinstance(node, p.Flow) and node.immediate
        for condition in schedule.joins
        for node in p.walk(condition)
    )
    equalities: dict[frozenset[str], _Equality] = {}
    residual: list[p.Expr] = []
    domains = {scan.variable: scan.domain for scan in schedule.scans}
    for condition in schedule.joins:
        match condition:
            case p.Flow(left=p.Var(name=left), right=p.Var(name=right)) if {
                domains[left],
                domains[right],
            } <= ts.EVENT_TYPES:
                flows.add((left, right))
                if condition.immediate:
                    residual.append(condition)
            case p.Cmp(operator="=="):
                sides = _sides(condition)
                if sides is not None:
                    new = _Equality(len(equalities), {name: [] for name in sides})
                    equality = equalities.setdefault(frozenset(sides), new)
                    for name, side in sides.items():
                        equality.sides[name].append(side)
                residual.append(condition)
            case _:
                residual.append(condition)
    order = _sinks_first(tuple(domains), flows)
    return JoinPlan(
        prefix,
        schedule,
        order,
        frozenset(flows),
        tuple(equalities.values()),
        tuple(residual),
        needs_place_before,
        domains,
        keys,
    )


def _sides(condition: p.Cmp) -> dict[str, p.Expr] | None:
    left, right = p.free_variables(condition.left), p.free_variables(condition.right)
    if len(left) != 1 or len(right) != 1 or left == right:
        return None
    return {next(iter(left)): condition.left, next(iter(right)): condition.right}


def _sinks_first(names: tuple[str, ...], flows: set[tuple[str, str]]) -> tuple[str, ...]:
    """The variables so that `b` stands before `a` for each flow `a -> b`; in a circle as
    declared."""
    order: list[str] = []
    rest = list(names)
    while rest:
        ready = [
            name
            for name in rest
            if not any(left == name and right in rest and right != name for left, right in flows)
        ]
        for name in ready or rest[:1]:
            order.append(name)
            rest.remove(name)
    return tuple(order)
