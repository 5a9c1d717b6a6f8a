"""The files that a case file is about: its policies and its traces, found from its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyc import policies
from policyc.compiler.spelling import closest
from policyc.grammar.diagnostics import Diagnostic, Label, PolicyError
from policyc.runtime.loading import BUNDLED, load_program, read_source
from policyc.runtime.testing.case_values import first_line, items, text
from policyc.runtime.testing.problems import spelt
from policyc.runtime.testing.yaml_tree import Fields, Items, Scalar
from policyc.runtime.traces import TraceError, read_trace

if TYPE_CHECKING:
    from policyc.grammar.source import Source, Span
    from policyc.runtime.program import Program
    from policyc.runtime.testing.problems import Problems

SUFFIXES = (".cases.yaml", ".cases.yml")
"""Ends of the names of case files."""

Events = list[dict[str, Any]]


class Files:
    """Reads what a case file names; what cannot be used is told.

    `depends_on`: every path that was looked at. `of_policies`: the errors of policies.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._path = problems.source.name
        self._is_bundled = self._path.startswith(BUNDLED)
        self._folder = Path(self._path).parent
        self._traces: dict[tuple[str, str], Events | None] = {}
        self.depends_on: dict[str, None] = {} if self._is_bundled else {self._path: None}
        self.of_policies: tuple[Diagnostic, ...] = ()

    # --- policies

    def policies(self, fields: Fields) -> tuple[Source, ...]:
        """The policies of a case file: those it names, or the one beside it."""
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
        self.depends_on[f"{name}.inv"] = None
        message = f"there is no policy `{named}` beside this file"
        self._problems.add("T0201", message, span, "name the policy with `policy: FILE`")
        return None

    def _policy(self, named: str, span: Span) -> Source | None:
        path = named if named.startswith(BUNDLED) else self._place(named)
        if path is None:
            self._refuse_place(named, span)
            return None
        if not named.startswith(BUNDLED):
            self.depends_on[path] = None
        try:
            return read_source(path)
        except PolicyError as error:
            self.of_policies += error.diagnostics
        except OSError as error:
            self._refuse_file("policy", named, path, span, error)
        return None

    def compiled(self, sources: tuple[Source, ...]) -> Program | None:
        """The program of the policies; None where one of them cannot be used."""
        if not sources or self.of_policies:
            return None
        try:
            return load_program(sources, None, keep=True)[0]
        except PolicyError as error:
            self.of_policies += tuple(x for x in error.diagnostics if x.severity == "error")
            return None

    # --- paths and traces

    def _place(self, named: str) -> str | None:
        """The path of a file that the case file names; None where it has no folder."""
        if self._is_bundled:
            return None
        return os.path.normpath(self._folder / named)

    def _refuse_place(self, named: str, span: Span) -> None:
        message = f"a bundled case file cannot name the file `{named}`"
        self._problems.add("T0201", message, span)

    def _refuse_file(self, what: str, named: str, path: str, span: Span, error: OSError) -> None:
        if os.path.exists(path):
            reason = error.strerror or str(error)
            message = f"the {what} `{named}` cannot be read: {reason[:1].lower()}{reason[1:]}"
            self._problems.add("T0201", message, span)
            return
        if named.startswith(BUNDLED):
            hint = spelt(named.removeprefix(BUNDLED), policies.names(), "the bundled policies are")
            self._problems.add("T0201", f"there is no bundled policy `{named}`", span, hint)
            return
        message = f"there is no {what} `{named}`"
        folder = Path(path).parent
        near = None
        if folder.is_dir():
            near = closest(Path(path).name, sorted(x.name for x in folder.iterdir()))
        hint = (
            f"did you mean `{os.path.join(os.path.dirname(named), near)}`?"
            if near
            else f"paths start at the folder of the case file; this one means `{path}`"
        )
        self._problems.add("T0201", message, span, hint)

    def trace(self, value: Scalar, form: str) -> Events | None:
        """The events of a trace file."""
        named = text(value, self._problems, "the path of a trace file")
        path = None if named is None else self._place(named)
        if named is None or path is None:
            if named is not None:
                self._refuse_place(named, value.span)
            return None
        self.depends_on[path] = None
        key = (path, form)
        if key not in self._traces:
            self._traces[key] = self._read_trace(named, path, form, value.span)
        return self._traces[key]

    def _read_trace(self, named: str, path: str, form: str, span: Span) -> Events | None:
        try:
            with open(path, "rb") as file:
                return read_trace(file, form)
        except OSError as error:
            self._refuse_file("trace file", named, path, span, error)
        except TraceError as error:
            reason = error.message.removeprefix(f"{path}: ")
            where = "" if error.path == "$" else f", at `{error.path}`"
            message = f"the trace `{named}` cannot be used: {reason}{where}"
            self._problems.add("T0202", message, span)
        return None
