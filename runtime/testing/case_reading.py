"""Case files: from the text to the cases, or to everything that is wrong with it.

A file that has any error gives no cases: nothing of it may pass. What is read besides the file
itself (policies, traces) is found from its folder, and listed in `CaseFile.depends_on`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from policyc.grammar.diagnostics import PolicyError
from policyc.grammar.source import Source
from policyc.runtime.loading import BUNDLED, read_source
from policyc.runtime.testing.case_entries import CaseReader, Shared, read_params
from policyc.runtime.testing.case_events import Tools
from policyc.runtime.testing.case_files import Files
from policyc.runtime.testing.case_values import fields_of, first_line, items, known_keys
from policyc.runtime.testing.cases import Case, CaseFile
from policyc.runtime.testing.problems import Problems
from policyc.runtime.testing.yaml_tree import Fields, Items, Value, parse

if TYPE_CHECKING:
    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.program import Program

_KEYS: Final = ("policy", "policies", "params", "tools", "cases")


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
    """
    if path.startswith(BUNDLED):
        from policyc import policies  # noqa: PLC0415  # only where one is asked for

        read_source(path)  # says so if there is no such policy
        return read_cases(Source(policies.read_cases(path.removeprefix(BUNDLED)), path))
    try:
        return read_cases(read_source(path))
    except PolicyError as error:  # no text
        found = tuple(replace(one, code="T0101") for one in error.diagnostics)
        return Loaded(path, None, None, found, (path,))


def read_cases(source: Source) -> Loaded:
    """Read the text of a case file, whose path is that of the source."""
    problems = Problems(source)
    files = Files(problems)
    tree = parse(problems)
    found = None if tree is None else _file(tree, files, problems)
    diagnostics = (*problems.diagnostics, *files.of_policies)
    depends_on = tuple(files.depends_on)
    if diagnostics or found is None:
        return Loaded(source.name, None, None, diagnostics, depends_on)
    sources, program, cases = found
    file = CaseFile(source.name, sources, cases, depends_on)
    return Loaded(source.name, file, program, (), depends_on)


def _file(
    tree: Value, files: Files, problems: Problems
) -> tuple[tuple[Source, ...], Program, tuple[Case, ...]] | None:
    fields = fields_of(tree, problems, "a case file", "an object with `cases`")
    if fields is None:
        return None
    known_keys(fields, _KEYS, problems, "a case file")
    sources = files.policies(fields)
    program = files.compiled(sources)
    params, tools = fields.get("params"), fields.get("tools")
    needed, taken = frozenset[str](), None
    if program is not None:
        needed = frozenset(program.generated.parameters)
        taken = needed | program.generated.defaults.keys()
    shared = Shared(
        files=files,
        params={} if params is None else read_params(params, taken, problems),
        tools=Tools() if tools is None else Tools.read(tools, problems),
        rules=None if program is None else [rule.ref for rule in program.plan.rules],
        taken=taken,
        needed=needed,
    )
    reader = CaseReader(shared, problems)
    cases = tuple(case for value in _listed(fields, problems) for case in reader.read(value))
    return None if program is None else (sources, program, cases)


def _listed(fields: Fields, problems: Problems) -> tuple[Value, ...]:
    """The items of `cases`; a file without any would pass whatever the policy does."""
    entry = fields.entry("cases")
    if entry is not None and not (isinstance(entry.value, Items) and not entry.value.items):
        return items(entry.value, problems, "`cases`", "a list of cases")
    place = first_line(problems, fields) if entry is None else entry.span
    hint = "list them below `cases:`, each with `- name: ...`"
    problems.add("T0105", "there are no cases in this file", place, hint)
    return ()
