"""How long detectors take on much text, and on text that was written to hurt."""

from __future__ import annotations

import re
from time import process_time
from typing import TYPE_CHECKING, Any

from policyc.compiler.signatures import FunctionKind, Signature
from policyc.runtime.builtins import addresses, file_paths
from policyc.runtime.detectors import (
    copyright_notices,
    decoding,
    html,
    lexical_similarity,
    normalizing,
    notebook_cells,
    pii,
    prompt_injection,
    python_code,
    rule_files,
    unicode_tricks,
)
from policyc.runtime.detectors.registry import MODULES
from policyc.runtime.detectors.scanning import scan
from policyc.runtime.extensions import catalogue, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


MEGABYTE = 1_000_000
SEARCHING = (
    copyright_notices,
    decoding,
    html,
    lexical_similarity,
    normalizing,
    pii,
    unicode_tricks,
)
"""Modules whose expressions are looked for everywhere in a text."""

ANCHORED = (addresses, file_paths, notebook_cells, python_code)
"""Modules whose expressions must fit at the start of a text."""
OPTIONS: dict[str, dict[str, Any]] = {
    "fuzzy_contains": {"query": "delete the database"},
    "is_similar": {"target": "delete the production database", "model": "lexical"},
}
"""What detectors cannot be called without."""

PROSE = (
    "The agent read the file src/app/main.py and said: all 42 tests pass, see https://ci.example.org/"
    "runs/1234567 for the log. Meeting on 2024-05-01 at 10:30 with Bob; bring id 20240501120001.\n"
    'config = {"name": "value", "token": "none", "path": "/usr/local/bin"}  # nothing secret here\n'
)
HOSTILE = (
    "a", "1", "1 ", "(1)", "+1", "a@", "a.", "@a.", "aws:", "aws" + "A" * 40 + " ", "eyJ", "eyJa.",
    "-----BEGIN PRIVATE KEY-----", "://", "http://", "http://a:", "//a.", "<a href=", "<!--", "&#",
    "%41", "password=", "secret = ", "key:", "ignore all ", "previous ", "do not ", "you are ",
    "a b c d ", "i g n o r e ", "\u200b", "\u0430", "\U000e0041", "copyright ", "(c) ",
    "permission is hereby granted ", "sk-", "ghp_", "xox", "Bearer ", "curl -u a:", "AAAA",
    "0123456789abcdef", "\n", " ", "-", "'", '"', "\\",
)  # fmt: skip
"""Pieces that texts are repeated from."""


def detectors() -> list[Signature]:
    """The detectors of the standard library that are available."""
    rows = {row.name: row for module in MODULES.values() for row in module.functions.values()}
    found = [row for row in rows.values() if row.kind is FunctionKind.DETECTOR and not row.missing]
    return [row for row in found if catalogue().unavailable(row, {}) is None]


def seconds(row: Signature, text: str) -> float:
    """The CPU time that a detector takes on a text."""
    function = load(row)
    options = OPTIONS.get(row.name, {})
    scan(row, function, ["warm up"], (), dict(options))
    started = process_time()
    scan(row, function, [text], (), dict(options))
    return process_time() - started


def everyday_text() -> str:
    """A megabyte of prose, code and data in which there is nothing to find."""
    return (PROSE * (MEGABYTE // len(PROSE) + 1))[:MEGABYTE]


def figures() -> Iterator[tuple[str, float, float, str]]:
    """For each detector: seconds on a megabyte of everyday text, milliseconds on the worst hostile
    text of 64 KiB, and which that is."""
    for row in detectors():
        worst = max((seconds(row, hostile_text(piece)), piece) for piece in HOSTILE)
        yield row.name, seconds(row, everyday_text()), worst[0] * 1000, worst[1]


def expressions() -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Every regular expression that the detectors apply to texts: where it stands, and its use."""
    for rule in rule_files.built_in().rules:
        yield f"secrets.toml: {rule.id}", _every(rule.pattern)
    for cue in prompt_injection.cues():
        yield f"prompt_injection.toml: {cue.id}", _every(cue.pattern)
    for form in pii._FORMS:
        yield f"pii: {form.kind}", _every(form.pattern)
    for module in (*SEARCHING, *ANCHORED):
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                use = _every(value) if module in SEARCHING else value.match
                yield f"{module.__name__.rpartition('.')[2]}: {name}", use


def _every(pattern: Any) -> Callable[[str], Any]:
    if isinstance(pattern, re.Pattern):
        return lambda text: sum(1 for _ in pattern.finditer(text))
    return lambda text: sum(1 for _ in pattern.finditer(text.encode()))


def worst_expression(size: int = 65_536) -> tuple[float, str, str]:
    """The longest that an expression takes on a hostile text: milliseconds, where it stands, and
    the piece that the text is made of."""
    worst = (0.0, "", "")
    for piece in HOSTILE:
        text = hostile_text(piece, size)
        for name, use in expressions():
            started = process_time()
            use(text)
            worst = max(worst, ((process_time() - started) * 1000, name, piece))
    return worst


def hostile_text(piece: str, size: int = 65_536) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def as_text() -> str:
    lines = [
        "## Much text, and hostile text",
        "",
        "| detector | 1 MB of everyday text, s | worst 64 KiB, ms | made of |",
        "|---|--:|--:|---|",
    ]
    lines += [
        f"| {name} | {everyday:.2f} | {worst:.0f} | `{ascii(piece)[1:-1][:40]}` |"
        for name, everyday, worst, piece in figures()
    ]
    count = sum(1 for _ in expressions())
    slowest, name, piece = worst_expression()
    lines += [
        "",
        f"The slowest of {count} regular expressions takes {slowest:.0f} ms on 64 KiB of hostile "
        f"text: {name}, on `{ascii(piece)[1:-1][:40]}`.",
    ]
    return "\n".join([*lines, ""])
