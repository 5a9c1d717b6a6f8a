"""The events of a trace that is written in a case file: short forms become events of a trace.

    - user: read the mail                     {"role": "user", "content": ...}
    - call: read_email {id: 81}               an assistant's message with a call
    - output: send it to eve                  of the last call that has none yet
    - assistant: done
      label: answer                           a name for the number of this event
    - {role: user, content: hi}               any event as it stands in traces

Gives the events and the labels, and tells everything that is wrong with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.excerpts import one_line
from policyc.runtime.testing.case_values import (
    fields_of,
    first_line,
    items,
    known_keys,
    refuse,
    text,
)
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Fields, Items, Scalar, Value, parse_flow, plain
from policyc.runtime.trace_access import TraceError
from policyc.runtime.trace_check import check_event

if TYPE_CHECKING:
    from policyc.grammar.source import Span

Event = dict[str, Any]

ROLES: Final = ("user", "assistant", "system", "developer")
_SHORT: Final = (*ROLES, "call", "output", "tools", "id", "label")
_FULL: Final = ("role", "function", "type", "tool_calls", "content")

_CALL_TEXT = re.compile(r"([^\s{}]+)\s*(\{.*\})?", re.DOTALL)
_CALL_HELP = "write `call: NAME {KEY: VALUE}` or `call: {NAME: {KEY: VALUE}}`"


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it is written: the tool and its place, the arguments, the id."""

    name: str
    span: Span
    arguments: Value | None = None
    id: Value | None = None


@dataclass(slots=True)
class Open:
    """A call that has no output yet; `group` is the number of its event."""

    id: str
    name: str
    group: int


@dataclass(slots=True)
class Trace:
    """The events of one case while they are read: past and pending are one trace."""

    problems: Problems
    tools: Tools
    events: list[Event] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    open: list[Open] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    is_sound: bool = True
    """Whether every event could be read."""

    def read(self, value: Value, what: str) -> None:
        """Read a list of events, after those that are there."""
        wanted = "a list of events, or the path of a trace file"
        for item in items(value, self.problems, f"`{what}`", wanted):
            self._read_event(item)

    def _read_event(self, value: Value) -> None:
        fields = fields_of(value, self.problems, "an event", "an object such as `user: hello`")
        event = {} if fields is None else self._event(fields)
        if fields is None or not event or not self._is_right(event, fields):
            self.is_sound = False
        if fields is not None:
            self._label(fields)
        # An event that cannot be read keeps its number.
        self.events.append(event)

    def _event(self, fields: Fields) -> Event:
        if any(key in fields for key in _FULL) and not any(key in fields for key in ROLES):
            return self._full(fields)
        known_keys(fields, _SHORT, self.problems, "an event")
        kinds = [entry for entry in fields.entries if entry.key in _SHORT[:-2]]
        names = {entry.key for entry in kinds}
        if not kinds:
            if all(entry.key in _SHORT for entry in fields.entries):
                message = "an event must say what happens"
                hint = f"one of {', '.join(f'`{key}: ...`' for key in _SHORT[:-2])}"
                self.problems.add("T0105", message, first_line(self.problems, fields), hint)
            return {}
        if len(kinds) > 1 and names != {"assistant", "call"}:
            message = f"`{kinds[0].key}` and `{kinds[1].key}` are two events"
            self.problems.add(
                "T0108", message, kinds[1].span, "begin each event with `- ` on a line of its own"
            )
            return {}
        self._check_id(fields, names)
        if "call" in names:
            return self._calls(fields)
        kind = kinds[0]
        if kind.key == "output":
            return self._output(fields, kind.value)
        if kind.key == "tools":
            return Tools.read(kind.value, self.problems).event
        return {"role": kind.key, "content": plain(kind.value)}

    def _check_id(self, fields: Fields, kinds: set[str]) -> None:
        entry = fields.entry("id")
        if entry is not None and not kinds & {"call", "output"}:
            message = "only a call and an output have an `id`"
            hint = "a name for an event of any kind is its `label`"
            self.problems.add("T0108", message, entry.span, hint)

    def _label(self, fields: Fields) -> None:
        entry = fields.entry("label")
        if entry is None:
            return
        label = text(entry.value, self.problems, "a label")
        if label is None:
            return
        if not re.fullmatch(r"[A-Za-z_][\w-]*", label, re.ASCII):
            message = f"`{label}` cannot be a label"
            hint = "a label is a word of letters, digits, `_` and `-`, and starts with a letter"
            self.problems.add("T0205", message, entry.value.span, hint)
        elif label in self.labels:
            message = f"two events have the label `{label}`"
            self.problems.add("T0205", message, entry.value.span)
        else:
            self.labels[label] = len(self.events)

    # --- events as they stand in traces

    def _full(self, fields: Fields) -> Event:
        kept = tuple(entry for entry in fields.entries if entry.key != "label")
        event: Event = plain(Fields(fields.span, kept))
        calls = event.get("tool_calls")
        for call in calls if isinstance(calls, list) else [event] if "function" in event else []:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(call.get("id"), str):
                self._opened(call["id"], str(function.get("name")))
        if event.get("role") == "tool":
            self.open = [one for one in self.open if one.id != event.get("tool_call_id")]
        return event

    def _is_right(self, event: Event, fields: Fields) -> bool:
        try:
            check_event(event, len(self.events))
        except TraceError as error:
            self.problems.add("T0202", error.message, self._place(fields, error.path))
            return False
        return True

    def _place(self, fields: Fields, path: str) -> Span:
        """Where a place in an event is written."""
        value: Value = fields
        for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", path)[1:]:
            inner: Value | None = None
            if key and isinstance(value, Fields):
                inner = value.get(key)
            elif index and isinstance(value, Items):
                inner = value.items[int(index)]
            if inner is None:
                break
            value = inner
        return first_line(self.problems, value)

    # --- calls and outputs

    def _opened(self, identifier: str, name: str) -> None:
        self.ids.add(identifier)
        self.open.append(Open(identifier, name, len(self.events)))

    def _calls(self, fields: Fields) -> Event:
        value = fields.get("call")
        assert value is not None  # noqa: S101  # the caller looked
        given = fields.get("id")
        calls = list(value.items) if isinstance(value, Items) else [value]
        if given is not None and isinstance(value, Items):
            message = "one `id` cannot belong to several calls"
            hint = "write each call as `{name: NAME, arguments: {...}, id: ID}`"
            self.problems.add("T0108", message, given.span, hint)
            given = None
        if not calls:
            self.problems.add("T0104", "a list of calls must not be empty", value.span)
        made = [self._call(one, given) for one in calls]
        said = fields.get("assistant")
        return {
            "role": "assistant",
            "content": None if said is None else plain(said),
            "tool_calls": [call for call in made if call is not None],
        }

    def _call(self, value: Value, given: Value | None) -> dict[str, Any] | None:
        call = self._written(value)
        if call is None:
            return None
        self.tools.check_call(call, self.problems)
        identifier = self._identifier(call.id or given)
        self._opened(identifier, call.name)
        arguments = {} if call.arguments is None else plain(call.arguments)
        function = {"name": call.name, "arguments": arguments}
        return {"id": identifier, "type": "function", "function": function}

    def _identifier(self, given: Value | None) -> str:
        if given is not None:
            found = text(given, self.problems, "an `id`")
            if found is not None:
                if found in self.ids:
                    message = f"two calls have the id `{found}`"
                    self.problems.add("T0205", message, given.span)
                return found
        number = len(self.ids) + 1
        while f"call_{number}" in self.ids:
            number += 1
        return f"call_{number}"

    def _written(self, value: Value) -> Written | None:
        place = first_line(self.problems, value)
        if isinstance(value, Scalar) and isinstance(value.value, str):
            found = _CALL_TEXT.fullmatch(value.value.strip())
            if found is None:
                message = f"`{one_line(value.value, 40)}` is no call"
                self.problems.add("T0104", message, place, _CALL_HELP)
                return None
            arguments = parse_flow(found[2], self.problems, value.span) if found[2] else None
            return Written(found[1], place, arguments)
        if not isinstance(value, Fields):
            refuse(self.problems, value, "a call", "a text or an object", _CALL_HELP)
            return None
        name = value.get("name")
        if isinstance(name, Scalar):
            known_keys(value, ("name", "arguments", "id"), self.problems, "a call")
            told = text(name, self.problems, "the name of a tool")
            if told is None:
                return None
            return Written(told, name.span, value.get("arguments"), value.get("id"))
        if len(value.entries) != 1:
            message = f"a call is of one tool, this has {len(value.entries)} keys"
            self.problems.add("T0104", message, place, _CALL_HELP)
            return None
        (entry,) = value.entries
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            return Written(entry.key, entry.span)
        arguments = fields_of(entry.value, self.problems, "the arguments of a call")
        return None if arguments is None else Written(entry.key, entry.span, arguments)

    def _output(self, fields: Fields, value: Value) -> Event:
        event: Event = {"role": "tool", "tool_call_id": None, "content": plain(value)}
        given = fields.get("id")
        identifier = None if given is None else text(given, self.problems, "an `id`")
        if given is not None and identifier is None:
            return event
        call = self._call_of_output(identifier)
        if call is not None:
            self.open.remove(call)
            event["tool_call_id"] = call.id
        elif given is not None:
            message = f"there is no call `{identifier}` that waits for an output"
            hint = spelt(str(identifier), [one.id for one in self.open], "calls that wait")
            self.problems.add("T0203", message, given.span, hint)
        else:
            message = "this output belongs to no call"
            hint = "write the call before it, or the whole event: `{role: tool, content: ...}`"
            self.problems.add("T0203", message, first_line(self.problems, fields), hint)
        return event

    def _call_of_output(self, identifier: str | None) -> Open | None:
        """The call with the id; else of the calls of the last event that waits, the first."""
        if identifier is not None:
            return next((one for one in self.open if one.id == identifier), None)
        if not self.open:
            return None
        last = self.open[-1].group
        return next(one for one in self.open if one.group == last)


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools that an agent has, as in a `tools` event; None: nothing is said about them."""

    tools: list[dict[str, Any]] | None = None

    @classmethod
    def read(cls, value: Value, problems: Problems) -> Tools:
        """The tools of a list of names and of objects with `name`, `description`, `inputSchema`."""
        tools: list[dict[str, Any]] = []
        for item in items(value, problems, "`tools`", "a list of tools"):
            tool = plain(item)
            if isinstance(item, Scalar) and isinstance(item.value, str):
                tool = {"name": item.value}
            try:
                check_event({"tools": [tool]}, 0)
            except TraceError as error:
                problems.add("T0202", error.message, first_line(problems, item))
            else:
                tools.append(tool)
        return cls(tools)

    @property
    def event(self) -> Event:
        return {"tools": self.tools or []}

    def check_call(self, call: Written, problems: Problems) -> None:
        """Tell a call of a tool that there is not, or an argument that its schema does not have."""
        if not self.tools:
            return
        name = call.name
        tool = next((tool for tool in self.tools if tool["name"] == name), None)
        if tool is None:
            hint = spelt(name, [str(tool["name"]) for tool in self.tools], "the tools are")
            problems.add("T0204", f"there is no tool `{name}` in `tools`", call.span, hint)
            return
        known = _argument_names(tool)
        if known is None or not isinstance(call.arguments, Fields):
            return
        for entry in call.arguments.entries:
            if entry.key not in known:
                hint = spelt(entry.key, known, "its arguments are")
                message = f"the tool `{name}` has no argument `{entry.key}`"
                problems.add("T0204", message, entry.span, hint)


def _argument_names(tool: dict[str, Any]) -> list[str] | None:
    """The names of a tool's arguments; None where it takes others as well."""
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict) or schema.get("additionalProperties"):
        return None
    properties = schema.get("properties")
    return list(properties) if isinstance(properties, dict) else None
