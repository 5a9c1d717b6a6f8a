"""Parametrised cases: a case with an `each` table stands for a case for each row of it.

    - name: mail to ${to}
      each:
        - {to: eve@evil.example, risk: high}
        - {to: bob@acme.example, risk: low}
      trace: [{call: {send_email: {to: "${to}"}}}]
      violations: [{risk: "${risk}"}]

`${NAME}` is replaced in every text and key; a text that is nothing else becomes the value itself,
of any type. `$${NAME}` stays as `${NAME}`. Without `each` nothing is replaced.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.grammar.diagnostics import Label
from policyc.runtime.testing.case_values import fields_of, first_line, items
from policyc.runtime.testing.problems import Problems, spelt
from policyc.runtime.testing.yaml_tree import Entry, Fields, Items, Scalar, Value, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.grammar.source import Span

_PLACE = re.compile(r"(\$?)\$\{([^${}]*)\}")


def expand(case: Fields, problems: Problems) -> Iterator[Fields]:
    """The cases that a case stands for; itself where it has no table."""
    table = case.entry("each")
    if table is None:
        yield case
        return
    rows = list(_rows(table.value, problems))
    bare = Fields(case.span, tuple(entry for entry in case.entries if entry is not table))
    used: set[str] = set()
    for number, row in enumerate(rows, 1):
        filling = _Filling(row, problems, used)
        filled = filling.value(bare)
        if isinstance(filled, Fields):
            yield filled if filling.has_name_changed(bare, filled) else _numbered(filled, number)
    for entry in rows[0].entries if rows else ():
        if entry.key not in used:
            message = f"`{entry.key}` is not used in the case"
            hint = f"write `${{{entry.key}}}` where its value belongs"
            problems.add("T0401", message, entry.span, hint)


def _rows(value: Value, problems: Problems) -> Iterator[Fields]:
    """The rows of a table, all with the names of the first."""
    wanted = "a list of rows such as {to: eve, risk: high}"
    listed = items(value, problems, "`each`", wanted)
    if isinstance(value, Items) and not listed:
        problems.add("T0401", "`each` has no rows, so that there is no case", value.span)
    first: Fields | None = None
    for item in listed:
        row = fields_of(item, problems, "a row of `each`", "an object such as {to: eve}")
        if row is None:
            continue
        if first is None:
            first = row
            for entry in row.entries:
                if not re.fullmatch(r"\w[\w -]*", entry.key):
                    problems.add("T0401", f"`{entry.key}` cannot be a name", entry.span)
            if not row.entries:
                problems.add("T0401", "a row must not be empty", row.span)
        elif not _has_the_names(row, first, problems):
            continue
        yield row


def _has_the_names(row: Fields, first: Fields, problems: Problems) -> bool:
    names = [entry.key for entry in first.entries]
    missing = [name for name in names if name not in row]
    more = [entry for entry in row.entries if entry.key not in names]
    begin = Label(first_line(problems, first), "the first row")
    for entry in more:
        message = f"the first row has no `{entry.key}`"
        problems.add("T0401", message, entry.span, spelt(entry.key, names, "it has"), begin)
    for name in missing:
        message = f"this row has no `{name}`"
        problems.add("T0401", message, first_line(problems, row), None, begin)
    return not missing and not more


def _numbered(case: Fields, number: int) -> Fields:
    """The case with its number in its name, which is the same for all rows."""
    entries = []
    for entry in case.entries:
        value = entry.value
        if entry.key == "name" and isinstance(value, Scalar) and isinstance(value.value, str):
            value = Scalar(value.span, f"{value.value} [{number}]", value.written)
        entries.append(Entry(entry.key, entry.span, value))
    return Fields(case.span, tuple(entries))


@dataclass(slots=True)
class _Filling:
    """Puts the values of one row into a case."""

    row: Fields
    problems: Problems
    used: set[str] = field(default_factory=set)

    @staticmethod
    def has_name_changed(before: Fields, after: Fields) -> bool:
        left, right = before.get("name"), after.get("name")
        return left is None or right is None or plain(left) != plain(right)

    def value(self, value: Value) -> Value:
        if isinstance(value, Items):
            return Items(value.span, tuple(map(self.value, value.items)))
        if isinstance(value, Fields):
            entries = (
                Entry(self._text(entry.key, entry.span), entry.span, self.value(entry.value))
                for entry in value.entries
            )
            return Fields(value.span, tuple(entries))
        if not isinstance(value.value, str):
            return value
        whole = _PLACE.fullmatch(value.value)
        if whole and not whole[1]:
            found = self._look_up(whole[2], value.span)
            return value if found is None else _placed(found, value.span)
        filled = self._text(value.value, value.span)
        return Scalar(value.span, filled, filled)

    def _text(self, written: str, span: Span) -> str:
        def put(place: re.Match[str]) -> str:
            if place[1]:
                return place[0][1:]
            found = self._look_up(place[2], span)
            return place[0] if found is None else _shown(found)

        return _PLACE.sub(put, written)

    def _look_up(self, name: str, span: Span) -> Value | None:
        found = self.row.get(name)
        if found is None:
            message = f"the rows of `each` have no `{name}`"
            names = [entry.key for entry in self.row.entries]
            near = spelt(name, names, "they have") or "they are empty"
            hint = f"{near}; `$${{{name}}}` stands for the text `${{{name}}}` itself"
            self.problems.add("T0401", message, span, hint)
        else:
            self.used.add(name)
        return found


def _placed(value: Value, span: Span) -> Value:
    """A value of the table, which has the place of the text that it stands for."""
    if isinstance(value, Scalar):
        return Scalar(span, value.value, value.written)
    return value


def _shown(value: Value) -> str:
    """A value within a text: a text as it is, anything else as JSON."""
    found = plain(value)
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
