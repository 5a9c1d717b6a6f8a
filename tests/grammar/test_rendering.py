"""Diagnostics as text, JSON, SARIF and GitHub workflow commands."""

from __future__ import annotations

import json
import re

import pytest

from policyc.grammar.diagnostics import Diagnostic, Label, Severity
from policyc.grammar.parser import parse
from policyc.grammar.printable import display_width
from policyc.grammar.rendering import render_github, render_json, render_sarif, render_text
from policyc.grammar.source import Source, Span


def _found(text: str, marked: str, path: str | None = "dir/mail.inv", **more: object) -> Diagnostic:
    source = Source(text, path)
    start = source.text.index(marked)
    span = Span(start, start + len(marked))
    severity = more.pop("severity", Severity.ERROR)
    fields = {"help": None, **more}
    return Diagnostic("E0301", severity, "cannot find `x`", source, span, **fields)  # type: ignore[arg-type]


def test_the_form(text_snapshot: object) -> None:
    text = 'raise "x" if:\n    (m: Message)\n    any(pii(m.content))\n'
    shown = render_text(
        [
            _found(
                text,
                "pii",
                note="not imported",
                help="add `from invariant.detectors import pii` at the top",
                labels=(Label(Span(19, 20), "`m` is declared here"),),
            ),
            _found(text, "m.content", severity=Severity.WARNING, path=None),
        ]
    )
    assert shown == text_snapshot


def _underlined(shown: str) -> tuple[str, str]:
    """The source line as shown, and what stands above the carets, by display width."""
    line, carets = re.search(r"^\d+ \| (.*)\n *\| ( *\^+)", shown, re.MULTILINE).groups()  # type: ignore[union-attr]
    start, end = len(carets) - carets.count("^"), len(carets)
    above = ""
    column = 0
    for char in line:
        if start <= column < end:
            above += char
        column += display_width(char)
    return line, above


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a == bad", "bad"),
        ("\ta == bad", "bad"),
        ("a\t== \tbad", "bad"),
        ('"日本語" == bad', "bad"),
        ('"e\u0301" == bad', "bad"),
        ("a == 日本 + b", "日本"),
        ('"😀😀" + bad', "bad"),
        ("bad\r\nb", "bad"),
        ("a == bad" + " or x" * 100, "bad"),
        ("x or " * 100 + "bad", "bad"),
        ("x or " * 100 + "bad" + " or x" * 100, "bad"),
        ('"日本" or ' * 50 + "bad" + " or x" * 100, "bad"),
    ],
)
def test_carets_stand_below_what_they_mark(text: str, marked: str) -> None:
    shown = render_text([_found(text, marked)], width=80)
    line, above = _underlined(shown)
    assert above == marked
    assert max(display_width(row) for row in shown.split("\n")) <= 80
    assert display_width(line) <= 76


def test_an_empty_span_has_one_caret_also_at_the_end() -> None:
    source = Source("X :=", "a.inv")
    shown = render_text([Diagnostic("E0201", Severity.ERROR, "x", source, Span(4, 4))])
    assert "1 | X :=\n  |     ^\n" in shown


def test_spans_over_lines(text_snapshot: object) -> None:
    text = "X := f(\n    1,\n    2,\n    3,\n    4,\n    5,\n)\nY := 1\n"
    assert (
        render_text(
            [_found(text, "f(\n    1,\n    2,\n", note="two"), _found(text, text[5:-8], note="all")]
        )
        == text_snapshot
    )


def test_colors_only_when_asked() -> None:
    found = [_found("bad", "bad", help="write `good`")]
    assert "\x1b" not in render_text(found)
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_text(found, color=True)) == render_text(found)
    assert render_text(found, color=True).startswith("\x1b[1;31merror[E0301]\x1b[0m")


def test_long_help_is_wrapped() -> None:
    shown = render_text([_found("bad", "bad", help="write " + "something " * 30)], width=60)
    assert max(len(line) for line in shown.split("\n")) <= 60
    assert shown.count("something") == 30


def test_nothing_shows_as_nothing() -> None:
    assert render_text([]) == ""
    assert render_github([]) == ""
    assert render_json([]) == {"diagnostics": [], "ok": True}
    assert render_sarif([])["runs"][0]["results"] == []


def test_a_policy_cannot_move_the_cursor_of_a_terminal() -> None:
    text = 'X := "\x1b]0;title\x07 \u202e \x9b31m" + \x1b[2J y\n'
    diagnostics = parse(Source(text, "a\x1b.inv")).diagnostics
    assert diagnostics
    for shown in (render_text(diagnostics), render_github(diagnostics)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_json() -> None:
    error = _found("a bad", "bad", help="write `good`")
    warning = _found("a bad", "bad", severity=Severity.WARNING)
    assert render_json([error, warning]) == {
        "diagnostics": [
            {
                "code": "E0301",
                "severity": "error",
                "message": "cannot find `x`",
                "help": "write `good`",
                "path": "dir/mail.inv",
                "line": 1,
                "column": 3,
                "end_line": 1,
                "end_column": 6,
            },
            {**warning.to_dict(), "severity": "warning", "help": None},
        ],
        "ok": False,
    }
    assert render_json([warning])["ok"] is True
    json.dumps(render_json([error]))


def test_sarif() -> None:
    source = "a\nb bad 日本"
    log = render_sarif(
        [
            _found(source, "bad", path="my policies/ä.inv", help="write `good`"),
            _found(source, "日本", labels=(Label(Span(0, 1), "here"),), severity=Severity.WARNING),
        ]
    )
    json.dumps(log)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("E0301", "unknown-name")
    assert rule["help"]["markdown"].startswith("# E0301: ")
    first, second = run["results"]
    assert (first["ruleIndex"], first["level"], second["level"]) == (0, "error", "warning")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20policies/%C3%A4.inv"
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 6}
    assert second["relatedLocations"][0]["message"]["text"] == "here"


def test_absolute_paths_are_file_addresses_in_sarif() -> None:
    for path, uri in (
        ("/a b/c.inv", "file:///a%20b/c.inv"),
        (r"C:\a\b.inv", "file:///C:/a/b.inv"),
    ):
        (run,) = render_sarif([_found("bad", "bad", path=path)])["runs"]
        place = run["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == uri


def test_github() -> None:
    error = _found("a\nb bad", "bad", path="a,b:c%.inv", help="write `good`")
    warning = _found("bad", "bad", severity=Severity.WARNING)
    assert render_github([error, warning]) == (
        "::error file=a%2Cb%3Ac%25.inv,line=2,col=3,endLine=2,endColumn=6,title=E0301"
        "::cannot find `x`%0Awrite `good`\n"
        "::warning file=dir/mail.inv,line=1,col=1,endLine=1,endColumn=4,title=E0301"
        "::cannot find `x`\n"
    )
