"""Texts of about 1 KiB, as agents read and write them, to measure the time of detectors with.

They are made here, from the sentences and lines below, with numbers and names from a random source
with a fixed seed: the same on every machine. What there is to find comes from the `open` parts of
the labelled sets. None was chosen by how long a detector takes on it.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from benchmarks.detectors import sets

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 1024
"""Characters that a text has at least; the last line is not cut."""

VERSIONS = 8
"""Texts of each kind, with and without findings each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text; `kind` is one of `KINDS`."""

    kind: str
    has_findings: bool
    text: str

    @property
    def kib(self) -> float:
        return len(self.text.encode("utf-8", "surrogatepass")) / 1024


Line = tuple[str, ...]

_NOUNS = [
    "report",
    "invoice",
    "schedule",
    "branch",
    "release",
    "ticket",
    "parser",
    "customer",
    "budget",
]
_VERBS = [
    "read",
    "updated",
    "merged",
    "reviewed",
    "moved",
    "closed",
    "measured",
    "sent",
    "renamed",
    "checked",
]
_NAMES = [
    "load_rows",
    "parse_line",
    "total_of",
    "find_user",
    "write_page",
    "next_batch",
    "sort_keys",
    "as_text",
]
_HOSTS = ["db-1", "web-2", "cache-3", "worker-7", "build-4"]

_PROSE = (
    "The {noun} for week {n} was {verb} on Tuesday, and nobody had questions about it.",
    "We {verb} the {noun} twice; the second time it took {n} minutes instead of an hour.",
    "If the {noun} is not there by Friday, please ask the team in the other building.",
    "There were {n} open points, most of them about the {noun} and how it is shown on a phone.",
    "Everybody agreed that the old {noun} can go, as long as its figures are kept for two years.",
    "As you can see in the table below, the {noun} has grown by {n} percent since the spring.",
)
_CODE = (
    "def {name}(rows, limit={n}):\n    return [row for row in rows if len(row) < limit]\n",
    "class {noun}Page(Page):\n    size = {n}\n\n    def {name}(self):\n        return {n}\n",
    "for index, row in enumerate({name}(path)):\n    if index % {n} == 0:\n        print(row)\n",
    "with open('{noun}.csv') as file:\n    {noun} = dict(line.split(',', 1) for line in file)\n",
    "try:\n    {name}({noun}, {n})\nexcept ValueError as error:\n    print('no', error)\n",
)
_LOG = (
    "2026-03-0{d} 10:{nn}:07,{n} INFO  [{host}] {verb} {noun} id={n} in {nn} ms",
    "2026-03-0{d} 10:{nn}:09,{n} DEBUG [{host}] {name}: {n} rows, {nn} skipped",
    "2026-03-0{d} 10:{nn}:11,{n} WARN  [{host}] {noun} is late, attempt {d} of 9",
    '2026-03-0{d} 10:{nn}:12,{n} INFO  [{host}] "GET /api/{noun}/{n} HTTP/1.1" 200 {n}',
)
_PAGE = (
    '<p class="note">The <b>{noun}</b> for week {n} was {verb} by the team on Tuesday.</p>',
    '<a href="/{noun}/{n}">{noun} {n}</a> and <a href="https://{host}.example.org/{n}">more</a>',
    '<img src="{noun}.png" alt="the {noun} of week {n}" width={n}> &amp; so on<br>',
    "<table><tr><td>{noun}</td><td>{n}</td></tr><tr><td>{verb}</td><td>{nn}</td></tr></table>",
)
_SHELL = (
    "cd src/{noun} && git diff --stat HEAD~{d} | sort -k2 | head -{nn} > /tmp/{noun}.txt",
    "for f in $(ls {noun}/*.csv); do wc -l \"$f\" | awk '{{print $1}}'; done",
    "if [ -f {noun}.lock ]; then echo '{noun} is locked'; else touch {noun}.lock; fi",
    "grep -rn '{name}' . --include='*.py' | grep -v test | wc -l",
    "docker compose logs --tail {n} {host} 2>&1 | tee {noun}.log",
    "export LEVEL={n}; make -j{d} {noun} || exit 1",
)


def _filled(lines: Line, random: Random) -> str:
    return random.choice(lines).format(
        noun=random.choice(_NOUNS),
        verb=random.choice(_VERBS),
        name=random.choice(_NAMES),
        host=random.choice(_HOSTS),
        n=random.randrange(100, 1000),
        nn=random.randrange(10, 60),
        d=random.randrange(1, 9),
    )


def _record(random: Random) -> str:
    fields = {
        "id": random.randrange(10**6),
        "name": f"{random.choice(_NOUNS)} {random.randrange(100)}",
        "tags": random.sample(_VERBS, 3),
        "done": random.random() < 0.5,
        "size": round(random.random() * 100, 2),
    }
    return json.dumps(fields)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of text is made: a line of it, a line that holds a finding, and the whole."""

    line: Callable[[Random], str]
    holding: Callable[[str], str]
    whole: Callable[[list[str]], str]


def _joined(lines: list[str]) -> str:
    return "\n".join([*lines, ""])


KINDS = {
    "prose": Kind(
        lambda random: _filled(_PROSE, random), lambda text: f"He wrote: {text}", " ".join
    ),
    "code": Kind(
        lambda random: _filled(_CODE, random), lambda text: f"NOTE = {json.dumps(text)}", _joined
    ),
    "log": Kind(lambda random: _filled(_LOG, random), lambda text: f"ERROR got {text!r}", _joined),
    "JSON": Kind(
        _record,
        lambda text: json.dumps({"note": text}, ensure_ascii=False),
        lambda lines: f"[{', '.join(lines)}]",
    ),
    "page": Kind(lambda random: _filled(_PAGE, random), lambda text: f"<p>{text}</p>", _joined),
    "shell": Kind(
        lambda random: _filled(_SHELL, random),
        lambda text: f"echo {shlex.quote(text)} >> notes.txt",
        _joined,
    ),
}


def samples() -> list[Sample]:
    """All texts: every kind, without findings and with them."""
    random = Random(1)
    return [
        Sample(name, has_findings, _text(kind, has_findings, random))
        for name, kind in KINDS.items()
        for has_findings in (False, True)
        for _ in range(VERSIONS)
    ]


def _text(kind: Kind, has_findings: bool, random: Random) -> str:
    lines = [kind.holding(text) for text in _findings(random)] if has_findings else []
    while len(kind.whole(lines)) < SIZE:
        lines.insert(random.randrange(len(lines) + 1), kind.line(random))
    return kind.whole(lines)


def _findings(random: Random) -> list[str]:
    """A credential, personal data, an order to an agent, a link, and a notice."""
    kinds = sets.table("pii", "open")["kinds"]
    secrets = [one.text for one in sets.secret_items("open") if 0 < len(one.secret) < 200]
    return [
        random.choice(secrets),
        random.choice(kinds[random.choice(sorted(kinds))]),
        random.choice([one.text for one in sets.injection_items("open") if one.is_positive]),
        f'<a href="https://{random.choice(_HOSTS)}.example.org/{random.choice(_NOUNS)}">here</a>',
        f"Copyright (c) {random.randrange(1990, 2026)} Example Ltd",
    ]
