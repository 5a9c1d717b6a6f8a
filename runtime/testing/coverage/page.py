"""Coverage as one HTML page: an index of the files, and each file with its conditions marked.

The page needs nothing but itself: no script, no other file, no network. It is made as a tree of
elements, so whatever a policy holds is text in it. Conditions can be reached with the Tab key; what
was seen of one is shown where the pointer or the focus is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from policyc.grammar.printable import printable
from policyc.runtime.testing.coverage.findings import (
    UNREACHED,
    State,
    by_line,
    missing,
    seen,
    state_of,
    unfinished,
)
from policyc.runtime.testing.coverage.page_style import STYLE
from policyc.runtime.testing.coverage.points import Kind
from policyc.runtime.testing.coverage.spans import comments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.grammar.source import Source
    from policyc.runtime.testing.coverage.counts import Counts
    from policyc.runtime.testing.coverage.coverage import Coverage, FileCoverage, Ratio, Summary
    from policyc.runtime.testing.coverage.findings import Found
    from policyc.runtime.testing.coverage.points import Point

_MOST_NOTES = 2
"""What is told of a line beside it; the marks tell the rest."""

_LONGEST_NAME = 32
"""Characters of a condition that is named there."""


def render_page(coverage: Coverage, title: str = "Policy coverage") -> str:
    """The page as text."""
    root = ET.Element("html", lang="en")
    head = _add(root, "head")
    _add(head, "meta", charset="utf-8")
    _add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _add(head, "meta", name="color-scheme", content="light dark")
    _add(head, "title", printable(title))
    _add(head, "style", STYLE)
    body = _add(root, "body")
    _add(body, "a", "Skip to the policies", href="#files", **{"class": "skip"})
    files = coverage.files
    _header(body, title, coverage.summary)
    main = _add(body, "main")
    _index(main, files)
    _legend(main)
    for number, file in enumerate(files, 1):
        _File(file, f"f{number}").write(main)
    return f"<!doctype html>\n{ET.tostring(root, encoding='unicode', method='html')}\n"


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


# --- above the files ------------------------------------------------------------------------------


def _header(body: ET.Element, title: str, summary: Summary) -> None:
    header = _add(body, "header")
    _add(header, "h1", printable(title))
    cards = _add(header, "div", **{"class": "cards"})
    _card(cards, summary.rules, "rules fired")
    _card(cards, summary.outcomes, "outcomes seen")


def _card(parent: ET.Element, ratio: Ratio, what: str) -> None:
    card = _add(parent, "div", **{"class": f"card {_level(ratio)}"})
    _add(card, "strong", f"{ratio.percent:g} %")
    _add(card, "span", f"{ratio.seen} of {ratio.total} {what}")
    _bar(card, ratio)


def _bar(parent: ET.Element, ratio: Ratio) -> None:
    bar = _add(parent, "span", **{"class": f"bar {_level(ratio)}", "aria-hidden": "true"})
    _add(bar, "i", style=f"width:{ratio.percent:g}%")


def _level(ratio: Ratio) -> State:
    if ratio.seen == ratio.total:
        return State.FULL
    return State.PART if ratio.seen else State.NONE


def _index(main: ET.Element, files: Sequence[FileCoverage]) -> None:
    section = _add(main, "section", id="files")
    if not files:
        _add(section, "p", "No policy was run.")
        return
    table = _add(section, "table", **{"class": "index"})
    row = _add(_add(table, "thead"), "tr")
    for text in ("Policy", "Rules fired", "Outcomes seen", "Of all outcomes"):
        _add(row, "th", text, scope="col")
    rows = _add(table, "tbody")
    for number, file in enumerate(files, 1):
        row = _add(rows, "tr")
        name = _add(row, "th", scope="row")
        _add(name, "a", printable(file.file.source.name), href=f"#f{number}")
        for ratio in (file.summary.rules, file.summary.outcomes):
            _add(row, "td", f"{ratio.seen} / {ratio.total}", **{"class": "number"})
        cell = _add(row, "td", **{"class": "rate"})
        _bar(cell, file.summary.outcomes)
        _add(cell, "span", f"{file.summary.outcomes.percent:g} %", **{"class": "number"})


def _legend(main: ET.Element) -> None:
    legend = _add(main, "p", **{"class": "legend"})
    for state, words in (
        (State.FULL, "came out both ways; of a rule: fired"),
        (State.PART, "came out one way only; of a rule: never fired"),
        (State.NONE, "never reached"),
    ):
        _add(legend, "span", words, **{"class": f"p {state}"})
    legend[-1].tail = "Point at a condition, or go through them with Tab, to see its counts."


# --- a file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Region:
    """A piece of a line that is marked: for a point by its number, or as a comment."""

    start: int
    end: int
    number: int | None


class _File:
    """The section of one file; `name` is the beginning of its anchors."""

    def __init__(self, file: FileCoverage, name: str) -> None:
        self.file = file
        self.name = name
        self.source: Source = file.file.source
        self.numbers = {point: number for number, (point, _) in enumerate(file.points)}
        self.by_line = by_line(file)
        self.regions = self._regions_by_line()
        self.anchored: set[int] = set()

    def write(self, main: ET.Element) -> None:
        section = _add(main, "section", id=self.name, **{"class": "file"})
        head = _add(section, "h2", printable(self.source.name))
        summary = self.file.summary
        for ratio, what in ((summary.rules, "rules fired"), (summary.outcomes, "outcomes seen")):
            text = f"{ratio.seen} of {ratio.total} {what}"
            _add(head, "small", text, **{"class": _level(ratio)})
        for sentence in unfinished(self.file):
            _add(section, "p", sentence, **{"class": "warning"})
        self._gaps(section)
        table = _add(_add(section, "table", **{"class": "code"}), "tbody")
        for line in range(1, self.source.position(len(self.source.text.rstrip())).line + 1):
            self._line(table, line)
        back = _add(section, "p", **{"class": "back"})
        _add(back, "a", "Back to the index", href="#files")

    def _gaps(self, section: ET.Element) -> None:
        """A list of what is missing, with links to the places."""
        gaps = [found for found in self.file.points if missing(*found)]
        if not gaps:
            _add(section, "p", "Nothing is missing.", **{"class": "full"})
            return
        details = _add(section, "details")
        _add(details, "summary", f"{len(gaps)} gap{'s' if len(gaps) > 1 else ''}")
        listed = _add(details, "ul")
        for point, counts in gaps:
            line = self.source.position(point.span.start).line
            item = _add(listed, "li")
            link = _add(item, "a", f"line {line}", href=f"#{self._anchor(self.numbers[point])}")
            link.tail = f" {point.kind} "
            _add(item, "code", point.text).tail = f" {missing(point, counts)}"

    def _anchor(self, number: int) -> str:
        return f"{self.name}p{number}"

    def _line(self, table: ET.Element, line: int) -> None:
        found = self.by_line.get(line, [])
        row = _add(table, "tr", id=f"{self.name}L{line}", **{"class": _line_state(found)})
        number = _add(row, "th", scope="row")
        _add(number, "a", str(line), href=f"#{self.name}L{line}")
        cell = _add(row, "td")
        code = _add(cell, "code")
        start = self.source.line_starts[line - 1]
        end = start + len(self.source.line(line))
        self._write(code, start, end, self._regions(line, start, end))
        notes = _notes(found)
        if notes:
            _add(cell, "small", notes)

    def _regions_by_line(self) -> dict[int, list[_Region]]:
        """What to mark, outer pieces first, on each line that it lies on."""
        regions = [
            _Region(point.span.start, point.span.end, self.numbers[point])
            for point, _ in self.file.points
        ]
        regions += [_Region(x.start, x.end, None) for x in comments(self.source.text)]
        found: dict[int, list[_Region]] = {}
        for region in sorted(regions, key=lambda x: (x.start, -x.end)):
            first, last = map(self.source.position, (region.start, region.end))
            for line in range(first.line, last.line + 1):
                found.setdefault(line, []).append(region)
        return found

    def _regions(self, line: int, start: int, end: int) -> list[_Region]:
        """The pieces to mark on a line. Those that overlap in part, such as the links of a chain of
        comparisons, are cut."""
        regions: list[_Region] = []
        opened: list[_Region] = []
        for region in self.regions.get(line, []):
            first, last = max(start, region.start), min(end, region.end)
            if region.start < start:
                # The indentation of a line belongs to nothing.
                text = self.source.text[start:end]
                first += len(text) - len(text.lstrip())
            while opened and opened[-1].end <= first:
                opened.pop()
            if opened and last > opened[-1].end:
                first = opened[-1].end
                while opened and opened[-1].end <= first:
                    opened.pop()
            if first < last:
                opened.append(_Region(first, last, region.number))
                regions.append(opened[-1])
        return regions

    def _write(self, parent: ET.Element, start: int, end: int, regions: list[_Region]) -> None:
        """Write a piece of the text with the regions in it, each inside the one around it."""
        at = start
        parent.text = ""
        last: ET.Element | None = None

        def plain(until: int) -> None:
            text = _shown(self.source.text[at:until])
            if last is None:
                parent.text = f"{parent.text}{text}"
            else:
                last.tail = f"{last.tail or ''}{text}"

        while regions:
            region = regions[0]
            inside = [x for x in regions[1:] if x.end <= region.end]
            regions = regions[1 + len(inside) :]
            plain(region.start)
            last = self._mark(parent, region)
            self._write(last, region.start, region.end, inside)
            at = region.end
        plain(end)

    def _mark(self, parent: ET.Element, region: _Region) -> ET.Element:
        if region.number is None:
            return _add(parent, "span", **{"class": "comment"})
        point, counts = self.file.points[region.number]
        state = state_of(point, counts)
        failed = " failed" if counts.failed and point.kind is not Kind.RULE else ""
        mark = _add(parent, "span", **{"class": f"p {state}{failed}"})
        gap = missing(point, counts)
        about = f"{point.kind} of {point.owner}"
        if point.kind is Kind.RULE:
            about = point.owner
        said = f"{about}\n{seen(point, counts)}{f': {gap}' if gap and counts.reached else ''}"
        mark.set("data-tip", said if counts.reached else f"{about}\n{gap}")
        if region.number not in self.anchored:
            self.anchored.add(region.number)
            mark.set("id", self._anchor(region.number))
            mark.set("tabindex", "0")
            mark.set("aria-description", said.replace("\n", ": "))
        return mark


def _shown(text: str) -> str:
    """Text as the page shows it, with tabs as they are."""
    return "\t".join(map(printable, text.split("\t")))


def _line_state(found: Sequence[Found]) -> str:
    if not found:
        return ""
    states = {state_of(*entry) for entry in found}
    return states.pop() if len(states) == 1 else State.PART


def _notes(found: Sequence[Found]) -> str:
    """What is missing on a line, in a few words; what is inside something that was not reached
    goes without saying."""
    gaps: list[Found] = []
    end = 0
    for point, counts in found:
        if not missing(point, counts) or (not counts.reached and point.span.start < end):
            continue
        if not counts.reached:
            end = point.span.end
        gaps.append((point, counts))
    kinds = {missing(*gap) for gap in gaps}
    if (len(gaps) == 1 and len(found) == 1) or kinds == {UNREACHED}:
        return kinds.pop()
    notes = [_note(*gap) for gap in gaps]
    more = len(notes) - _MOST_NOTES
    shown = notes if more <= 1 else [*notes[:_MOST_NOTES], f"{more} more"]
    return " · ".join(shown)


def _note(point: Point, counts: Counts) -> str:
    gap = missing(point, counts)
    is_named = point.kind is not Kind.RULE and len(point.text) <= _LONGEST_NAME
    return f"`{point.text}` {gap}" if is_named else gap
