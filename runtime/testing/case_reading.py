"""Case files: from the text to the cases, or to everything that is wrong with it.

A file that has any error gives no cases: nothing of it may pass. What is read besides the file
itself (policies, traces) is found from its folder, and listed in `CaseFile.depends_on`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler.spelling import closest
from policyc.grammar.diagnostics import Diagnostic, Label, PolicyError
from policyc.grammar.source import Source
from policyc.runtime.loading import BUNDLED, load_program, read_source
from policyc.runtime.testing.case_events import Tools, Trace
from policyc.runtime.testing.case_expectations import KEYS, Known, read_expectation
from policyc.runtime.testing.case_tables import expand
from policyc.runtime.testing.case_values import (
    fields_of,
    first_line,
    flag,
    items,
    kind_of,
    known_keys,
    refuse,
    text,
    texts,
)
from policyc.runtime.testing.cases import Case, CaseFile
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Fields, Items, Scalar, Value, parse, plain
from policyc.runtime.trace_ranges import indexes
from policyc.runtime.traces import FORMATS, TraceError, read_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.grammar.source import Span
    from policyc.runtime.program import Program

SUFFIX: Final = ".cases.yaml"
SUFFIXES: Final = (SUFFIX, ".cases.yml")
"""Ends of the names of case files."""

_FILE_KEYS: Final = ("policy", "policies", "params", "tools", "cases")
_CASE_KEYS: Final = (
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a case file: its cases and the program of its policies, or diagnostics.

    `depends_on`: the files to look at again when they change, also where there are errors.
    """

    path: str
    file: CaseFile | None
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    depends_on: tuple[str, ...]


def read_case_file(path: str) -> Loaded:
    """Read a case file, or the one of the bundled policy `policy:NAME`.

    Raises:
        OSError: it cannot be read.
        PolicyError: it is no text in UTF-8.
    """
    if path.startswith(BUNDLED):
        from policyc import policies  # noqa: PLC0415  # only where one is asked for

        return _FileReader(Source(policies.read_cases(path.removeprefix(BUNDLED)), path)).read()
    return _FileReader(read_source(path)).read()


class _FileReader:
    def __init__(self, source: Source) -> None:
        self._problems = Problems(source)
        self._path = source.name
        self._is_bundled = self._path.startswith(BUNDLED)
        self._folder = Path(self._path).parent
        self._depends_on: dict[str, None] = {} if self._is_bundled else {self._path: None}
        self._of_policies: tuple[Diagnostic, ...] = ()
        self._traces: dict[tuple[str, str], list[dict[str, Any]] | None] = {}

    def read(self) -> Loaded:
        tree = parse(self._problems)
        found = None if tree is None else self._file(tree)
        diagnostics = (*self._problems.diagnostics, *self._of_policies)
        depends_on = tuple(self._depends_on)
        if diagnostics or found is None:
            return Loaded(self._path, None, None, diagnostics, depends_on)
        sources, program, cases = found
        file = CaseFile(self._path, sources, cases, depends_on)
        return Loaded(self._path, file, program, (), depends_on)

    def _file(self, tree: Value) -> tuple[tuple[Source, ...], Program, tuple[Case, ...]] | None:
        fields = fields_of(tree, self._problems, "a case file", "an object with `cases`")
        if fields is None:
            return None
        known_keys(fields, _FILE_KEYS, self._problems, "a case file")
        sources = self._policies(fields)
        program = self._compiled(sources)
        defaults = _Defaults(
            params=self._params(fields, sources if program else ()),
            tools=self._tools(fields),
        )
        reader = _CaseReader(self, defaults, program, sources)
        cases = tuple(reader.cases(self._listed(fields)))
        return None if program is None else (sources, program, cases)

    def _listed(self, fields: Fields) -> tuple[Value, ...]:
        entry = fields.entry("cases")
        if entry is None:
            place = first_line(self._problems, fields)
            help = "list them below `cases:`, each with `- name: ...`"
            self._problems.add("T0105", "there are no cases in this file", place, help)
            return ()
        listed = items(entry.value, self._problems, "`cases`", "a list of cases")
        if isinstance(entry.value, Items) and not listed:
            self._problems.add("T0105", "there are no cases in this file", entry.span)
        return listed

    # --- policies

    def _policies(self, fields: Fields) -> tuple[Source, ...]:
        one, many = fields.entry("policy"), fields.entry("policies")
        if one is not None and many is not None:
            label = Label(one.span, "and `policy` here")
            message = "a case file has either `policy` or `policies`"
            self._problems.add("T0108", message, many.span, None, label)
        if one is not None:
            named = text(one.value, self._problems, "`policy`")
            found = [] if named is None else [self._policy(named, one.value.span)]
        elif many is not None:
            found = [
                self._policy(named, item.span)
                for item in items(many.value, self._problems, "`policies`", "a list of policies")
                if (named := text(item, self._problems, "a policy")) is not None
            ]
            if isinstance(many.value, Items) and not many.value.items:
                self._problems.add("T0104", "`policies` must not be empty", many.span)
        else:
            found = [self._beside(first_line(self._problems, fields))]
        return tuple(source for source in found if source is not None)

    def _beside(self, span: Span) -> Source | None:
        """The policy with the name of the case file."""
        if self._is_bundled:
            return self._policy(self._path, span)
        name = self._path
        for suffix in SUFFIXES:
            name = name.removesuffix(suffix)
        named = f"{Path(name).name}.inv"
        if os.path.exists(f"{name}.inv"):
            return self._policy(named, span)
        self._depends_on[f"{name}.inv"] = None
        message = f"there is no policy `{named}` beside this file"
        self._problems.add("T0201", message, span, "name the policy with `policy: FILE`")
        return None

    def _policy(self, named: str, span: Span) -> Source | None:
        path = named if named.startswith(BUNDLED) else self.place(named)
        if path is None:
            self._refuse_place(named, span)
            return None
        if not named.startswith(BUNDLED):
            self._depends_on[path] = None
        try:
            return read_source(path)
        except PolicyError as error:
            self._of_policies += error.diagnostics
        except OSError as error:
            self.refuse_file("policy", named, path, span, error)
        return None

    def _compiled(self, sources: tuple[Source, ...]) -> Program | None:
        if not sources or self._of_policies:
            return None
        try:
            return load_program(sources, None, keep=True)[0]
        except PolicyError as error:
            self._of_policies += tuple(x for x in error.diagnostics if x.severity == "error")
            return None

    # --- what cases share

    def _params(self, fields: Fields, sources: tuple[Source, ...]) -> dict[str, Any]:
        entry = fields.entry("params")
        return {} if entry is None else self.params(entry.value, sources)

    def params(self, value: Value, sources: tuple[Source, ...]) -> dict[str, Any]:
        """The values of `params`; a name that no policy mentions is a slip of the pen."""
        fields = fields_of(value, self._problems, "`params`")
        if fields is None:
            return {}
        for entry in fields.entries:
            if entry.key in ("data", "self"):
                message = f"a parameter cannot be named `{entry.key}`"
                self._problems.add("T0304", message, entry.span)
            elif sources and not any(
                re.search(rf"\b{re.escape(entry.key)}\b", source.text) for source in sources
            ):
                names = dict.fromkeys(
                    name
                    for source in sources
                    for name in re.findall(r"\binput\s*\.\s*(\w+)", source.text)
                )
                message = f"the policy does not mention the parameter `{entry.key}`"
                help = spelt(entry.key, names, "its parameters are")
                self._problems.add("T0304", message, entry.span, help)
        found: dict[str, Any] = plain(fields)
        return found

    def _tools(self, fields: Fields) -> Tools:
        entry = fields.entry("tools")
        return Tools() if entry is None else Tools.read(entry.value, self._problems)

    # --- files

    def place(self, named: str) -> str | None:
        """The path of a file that the case file names; None where it has no folder."""
        if self._is_bundled:
            return None
        return os.path.normpath(self._folder / named)

    def _refuse_place(self, named: str, span: Span) -> None:
        message = f"a bundled case file cannot name the file `{named}`"
        self._problems.add("T0201", message, span)

    def refuse_file(self, what: str, named: str, path: str, span: Span, error: OSError) -> None:
        if os.path.exists(path):
            reason = error.strerror or str(error)
            message = f"the {what} `{named}` cannot be read: {reason[:1].lower()}{reason[1:]}"
            self._problems.add("T0201", message, span)
            return
        if named.startswith(BUNDLED):
            self._problems.add("T0201", f"there is no bundled policy `{named}`", span, None)
            return
        message = f"there is no {what} `{named}`"
        folder = Path(path).parent
        near = None
        if folder.is_dir():
            near = closest(Path(path).name, sorted(x.name for x in folder.iterdir()))
        help = (
            f"did you mean `{os.path.join(os.path.dirname(named), near)}`?"
            if near
            else f"paths start at the folder of the case file; this one means `{path}`"
        )
        self._problems.add("T0201", message, span, help)

    def trace(self, value: Scalar, form: str) -> list[dict[str, Any]] | None:
        """The events of a trace file."""
        named = text(value, self._problems, "the path of a trace file")
        path = None if named is None else self.place(named)
        if named is None or path is None:
            if named is not None:
                self._refuse_place(named, value.span)
            return None
        self._depends_on[path] = None
        key = (path, form)
        if key not in self._traces:
            self._traces[key] = self._read_trace(named, path, form, value.span)
        return self._traces[key]

    def _read_trace(
        self, named: str, path: str, form: str, span: Span
    ) -> list[dict[str, Any]] | None:
        try:
            with open(path, "rb") as file:
                return read_trace(file, form)
        except OSError as error:
            self.refuse_file("trace file", named, path, span, error)
        except TraceError as error:
            reason = error.message.removeprefix(f"{path}: ")
            where = "" if error.path == "$" else f", at `{error.path}`"
            message = f"the trace `{named}` cannot be used: {reason}{where}"
            self._problems.add("T0202", message, span)
        return None

    @property
    def problems(self) -> Problems:
        return self._problems


@dataclass(frozen=True, slots=True)
class _Defaults:
    params: dict[str, Any]
    tools: Tools


class _CaseReader:
    def __init__(
        self,
        file: _FileReader,
        defaults: _Defaults,
        program: Program | None,
        sources: tuple[Source, ...],
    ) -> None:
        self._file = file
        self._problems = file.problems
        self._defaults = defaults
        self._rules = None if program is None else [rule.ref for rule in program.plan.rules]
        self._sources = sources if program else ()
        self._names: dict[str, Span] = {}

    def cases(self, listed: tuple[Value, ...]) -> Iterator[Case]:
        for value in listed:
            fields = fields_of(value, self._problems, "a case", "an object with `name`")
            if fields is None:
                continue
            known_keys(fields, _CASE_KEYS, self._problems, "a case")
            for case in expand(fields, self._problems):
                yield self._case(case)

    def _case(self, fields: Fields) -> Case:
        name = self._name(fields)
        entry = fields.entry("params")
        own = {} if entry is None else self._file.params(entry.value, self._sources)
        entry = fields.entry("tools")
        tools = self._defaults.tools if entry is None else Tools.read(entry.value, self._problems)
        past, events, labels = self._trace(fields, tools)
        known = Known(
            self._rules,
            None if events is None else [*(past or ()), *events],
            labels,
            has_past="past" in fields or "pending" in fields,
        )
        expectation = read_expectation(fields, known, self._problems)
        if not any(key in fields for key in KEYS):
            help = f"say what must come out: {', '.join(f'`{key}`' for key in KEYS)}"
            message = "this case expects nothing, so that it could not fail"
            self._problems.add("T0107", message, self._place(fields), help)
        return Case(
            name=name,
            line=self._problems.line(self._place(fields)),
            events=events or [],
            expectation=expectation,
            past=past,
            parameters={**self._defaults.params, **own},
            is_stream=self._flag(fields, "stream"),
            labels=labels,
            tags=self._tags(fields),
            skip=self._skip(fields),
            is_only=self._flag(fields, "only"),
            timeout=self._timeout(fields),
        )

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
    ) -> tuple[list[dict[str, Any]] | None, list[dict[str, Any]] | None, dict[str, int]]:
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
            help = "give `trace`, or `past` and `pending`"
            self._problems.add("T0105", message, self._place(fields), help)
            return None, None, {}
        stream = fields.entry("stream")
        if pending is not None and stream is not None:
            message = "`stream` needs a whole trace: pending events are judged at once"
            self._problems.add("T0108", message, stream.span)
        reader = Trace(self._problems, tools)
        before: list[dict[str, Any]] | None = None
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

    def _events(self, value: Value, what: str, reader: Trace, form: str) -> list[dict[str, Any]]:
        """The events of a list or a file, which `reader` has then read."""
        start = len(reader.events)
        if isinstance(value, Scalar):
            found = None
            if isinstance(value.value, str):
                found = self._file.trace(value, form)
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
            help = spelt(form, FORMATS, "the formats are")
            self._problems.add("T0104", message, entry.value.span, help)
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
