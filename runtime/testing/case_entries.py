"""One case of a case file: from its keys to a `Case`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler.spelling import closest
from policyc.grammar.diagnostics import Label
from policyc.runtime.testing.case_events import Tools, Trace
from policyc.runtime.testing.case_expectations import KEYS, Known, read_expectation
from policyc.runtime.testing.case_tables import expand
from policyc.runtime.testing.case_values import (
    fields_of,
    first_line,
    flag,
    kind_of,
    known_keys,
    refuse,
    text,
    texts,
)
from policyc.runtime.testing.cases import Case
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Fields, Scalar, Value, plain
from policyc.runtime.trace_ranges import indexes
from policyc.runtime.traces import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.compiler.plan import RuleRef
    from policyc.grammar.source import Span
    from policyc.runtime.testing.case_files import Events, Files

_KEYS: Final = (
    "name",
    "each",
    "trace",
    "format",
    "past",
    "pending",
    "stream",
    "params",
    "tools",
    *KEYS,
    "skip",
    "only",
    "tags",
    "timeout",
)


def read_params(value: Value, taken: frozenset[str] | None, problems: Problems) -> dict[str, Any]:
    """The values of `params`; a name that is not `taken` by the policy is a slip of the pen."""
    fields = fields_of(value, problems, "`params`")
    if fields is None:
        return {}
    for entry in fields.entries:
        if taken is not None and entry.key not in taken:
            message = f"the policy takes no parameter `{entry.key}`"
            hint = spelt(entry.key, sorted(taken), "its parameters are")
            problems.add("T0304", message, entry.span, hint)
    found: dict[str, Any] = plain(fields)
    return found


@dataclass(frozen=True, slots=True)
class Shared:
    """What the cases of a file have in common. `rules`: None where the policy has errors, and so
    `taken`, the names of its parameters. `needed`: those without which a rule fails."""

    files: Files
    params: dict[str, Any]
    tools: Tools
    rules: Sequence[RuleRef] | None
    taken: frozenset[str] | None
    needed: frozenset[str]


class CaseReader:
    """Reads the cases of one file, and knows the names they have."""

    def __init__(self, shared: Shared, problems: Problems) -> None:
        self._shared = shared
        self._problems = problems
        self._names: dict[str, Span] = {}
        self._missed: set[str] = set()

    def read(self, value: Value) -> Iterator[Case]:
        """The case that an item of `cases` is, or the cases of its table."""
        fields = fields_of(value, self._problems, "a case", "an object with `name`")
        if fields is not None:
            known_keys(fields, _KEYS, self._problems, "a case")
            for one in expand(fields, self._problems):
                yield self._case(one)

    def _case(self, fields: Fields) -> Case:
        name = self._name(fields)
        entry = fields.entry("params")
        taken = self._shared.taken
        own = {} if entry is None else read_params(entry.value, taken, self._problems)
        entry = fields.entry("tools")
        tools = self._shared.tools if entry is None else Tools.read(entry.value, self._problems)
        past, events, labels = self._trace(fields, tools)
        known = Known(
            self._shared.rules,
            None if events is None else [*(past or ()), *events],
            labels,
            has_past="past" in fields or "pending" in fields,
        )
        expectation = read_expectation(fields, known, self._problems)
        misspelt = (closest(entry.key, KEYS) for entry in fields.entries if entry.key not in _KEYS)
        if not any(key in fields for key in KEYS) and not any(misspelt):
            hint = f"say what must come out: {', '.join(f'`{key}`' for key in KEYS)}"
            message = "this case expects nothing, so that it could not fail"
            self._problems.add("T0107", message, self._place(fields), hint)
        parameters = {**self._shared.params, **own}
        if not (expectation.errors or self._problems.has("T0304")):  # a slip of the pen explains it
            self._check_needed(parameters, self._place(fields))
        return Case(
            name=name,
            line=self._problems.line(self._place(fields)),
            events=events or [],
            expectation=expectation,
            past=past,
            parameters=parameters,
            is_stream=self._flag(fields, "stream"),
            labels=labels,
            tags=self._tags(fields),
            skip=self._skip(fields),
            is_only=self._flag(fields, "only"),
            timeout=self._timeout(fields),
        )

    def _check_needed(self, parameters: dict[str, Any], place: Span) -> None:
        """Tell a parameter that the policy needs, at the first case without it."""
        for name in sorted(self._shared.needed - parameters.keys() - self._missed):
            self._missed.add(name)
            message = f"the policy needs the parameter `{name}`, which this case does not give"
            hint = f"add `params: {{{name}: ...}}`, for all cases at the top of the file"
            self._problems.add("T0305", message, place, hint)

    def _place(self, fields: Fields) -> Span:
        name = fields.get("name")
        return first_line(self._problems, fields if name is None else name)

    def _name(self, fields: Fields) -> str:
        value = fields.get("name")
        if value is None:
            place = first_line(self._problems, fields)
            self._problems.add("T0105", "a case needs a `name`", place)
            return ""
        name = text(value, self._problems, "the name of a case")
        if name is None:
            return ""
        name = " ".join(name.split())
        if name in self._names:
            label = Label(self._names[name], "the first")
            message = f"two cases have the name `{name}`"
            self._problems.add("T0106", message, value.span, None, label)
        self._names.setdefault(name, value.span)
        return name

    # --- the trace

    def _trace(
        self, fields: Fields, tools: Tools
    ) -> tuple[Events | None, Events | None, dict[str, int]]:
        """Past and other events, None for what cannot be read, and the labels."""
        form = self._format(fields)
        trace, past, pending = (fields.entry(key) for key in ("trace", "past", "pending"))
        if trace is not None:
            for entry in (past, pending):
                if entry is not None:
                    label = Label(trace.span, "the whole trace")
                    message = f"`{entry.key}` cannot stand beside `trace`"
                    self._problems.add("T0108", message, entry.span, None, label)
        elif pending is None:
            message = "this case has no trace" if past is None else "`past` needs `pending`"
            hint = "give `trace`, or `past` and `pending`"
            self._problems.add("T0105", message, self._place(fields), hint)
            return None, None, {}
        stream = fields.entry("stream")
        if pending is not None and stream is not None:
            message = "`stream` needs a whole trace: pending events are judged at once"
            self._problems.add("T0108", message, stream.span)
        reader = Trace(self._problems, tools)
        before: Events | None = None
        if trace is None and past is not None:
            before = self._events(past.value, "past", reader, form)
        last = trace or pending
        assert last is not None  # noqa: S101  # else there is no trace, see above
        after = self._events(last.value, last.key, reader, form)
        if trace is None:
            before = before or []
        if not reader.is_sound:
            return before, None, reader.labels
        places = indexes(reader.events)
        labels = {label: places[number] for label, number in reader.labels.items()}
        return before, after, labels

    def _events(self, value: Value, what: str, reader: Trace, form: str) -> Events:
        """The events of a list or a file, which `reader` has then read."""
        start = len(reader.events)
        if isinstance(value, Scalar):
            found = None
            if isinstance(value.value, str):
                found = self._shared.files.trace(value, form)
            else:
                wanted = "a list of events, or the path of a trace file"
                refuse(self._problems, value, f"`{what}`", wanted)
            reader.is_sound &= found is not None
            reader.events += found or []
        else:
            if start == 0 and reader.tools.tools:
                reader.events.append(reader.tools.event)
            reader.read(value, what)
        return reader.events[start:]

    def _format(self, fields: Fields) -> str:
        entry = fields.entry("format")
        if entry is None:
            return "auto"
        form = text(entry.value, self._problems, "`format`")
        if form is not None and form not in FORMATS:
            message = f"there is no trace format `{form}`"
            hint = spelt(form, FORMATS, "the formats are")
            self._problems.add("T0104", message, entry.value.span, hint)
            return "auto"
        if not any(isinstance(fields.get(key), Scalar) for key in ("trace", "past", "pending")):
            message = "`format` is about trace files, and this trace is written here"
            self._problems.add("T0108", message, entry.span)
        return form or "auto"

    # --- how it is run

    def _flag(self, fields: Fields, key: str) -> bool:
        value = fields.get(key)
        return value is not None and flag(value, self._problems, f"`{key}`")

    def _tags(self, fields: Fields) -> tuple[str, ...]:
        value = fields.get("tags")
        return () if value is None else texts(value, self._problems, "`tags`") or ()

    def _skip(self, fields: Fields) -> str | None:
        entry = fields.entry("skip")
        if entry is None:
            return None
        if "only" in fields:
            self._problems.add("T0108", "`skip` contradicts `only`", entry.span)
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, bool):
            message = "`skip` must say why: give a text"
            self._problems.add("T0104", message, entry.value.span, 'as in `skip: "waits for #12"`')
            return None
        return text(entry.value, self._problems, "`skip`")

    def _timeout(self, fields: Fields) -> float | None:
        value = fields.get("timeout")
        if value is None:
            return None
        seconds = value.value if isinstance(value, Scalar) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            what = "zero or less" if is_number else kind_of(value)
            message = f"`timeout` must be a number of seconds, this is {what}"
            self._problems.add("T0104", message, first_line(self._problems, value))
            return None
        return float(seconds)
