"""Orders to the agent in a text that should hold data: a tripwire, not a wall.

Weighted cues (`prompt_injection.toml`) are looked for in the text without disguise and in what it
holds encoded once. What cues within a passage add up to is its score. An attack in other words, or
one that is only a plain request, has no cue: rules about flows (`->`) must carry what no look at a
text can tell.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import re2  # type: ignore[import-untyped]

from policyc.runtime.detectors.decoding import decoded
from policyc.runtime.detectors.normalizing import Plain, folded, plain, undisguised
from policyc.runtime.detectors.protocol import Detection, merged
from policyc.runtime.detectors.rule_matching import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "PROMPT_INJECTION"

PASSAGE = 500
"""Characters within which cues count together."""

_SHORTEST = 16
"""Characters of the shortest encoded piece that can hold an order."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What is looked for, how much it alone makes of an attack, and what must occur to look."""

    id: str
    weight: float
    pattern: Any
    keywords: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a plain form with cues in it; the cues by name."""

    start: int
    end: int
    score: float
    cues: tuple[str, ...]


@cache
def cues() -> tuple[Cue, ...]:
    """The cues of the data file."""
    file = resources.files("policyc.runtime.detectors") / "prompt_injection.toml"
    options = re2.Options()
    options.max_mem = 64_000_000
    return tuple(
        Cue(
            row["id"],
            float(row["weight"]),
            re2.compile(folded(row["regex"]), options),
            tuple(folded(word).encode() for word in row["keywords"]),
        )
        for row in tomllib.loads(file.read_text("utf-8"))["cues"]
    )


@cache
def _tried() -> Any:
    """Tells in one pass over a text which cues are worth a search of their own: those of which it
    has the words that every match would need."""
    found = re2.Filter()
    for cue in cues():
        found.Add(cue.pattern.pattern, cue.pattern.options)
    found.Compile()
    return found


def detect(text: str, threshold: float = 0.9) -> list[Detection]:
    """The passages of a text that look like orders to an agent, by position.

    `threshold`: the score that a passage must reach, from 0 to 1.
    """
    found = [_detection(one, form) for one, form in _readings(text, threshold)]
    for piece in decoded(text):
        if piece.end - piece.start >= _SHORTEST:
            hidden = [one for one, _ in _readings(piece.text, threshold)]
            if hidden:
                best = max(hidden, key=lambda one: one.score)
                detail = f"in {piece.encoding}: {', '.join(best.cues)}"
                found.append(Detection(KIND, piece.start, piece.end, best.score, detail))
    return merged(found)


def _detection(passage: Passage, form: Plain) -> Detection:
    start, end = form.span(passage.start, passage.end)
    return Detection(KIND, start, end, passage.score, ", ".join(passage.cues))


def _readings(text: str, threshold: float) -> Iterator[tuple[Passage, Plain]]:
    """The passages in the plain form of a text, and in the one without disguise of letters."""
    first = plain(text)
    second = undisguised(first)
    for form in (first, second):
        if form is not None:
            for one in _passages(form.text):
                if one.score >= threshold:
                    yield one, form


def _passages(text: str) -> Iterator[Passage]:
    hits = sorted(_hits(text), key=lambda hit: hit[0])
    at = 0
    while at < len(hits):
        start = hits[at][0]
        stop = at
        while stop < len(hits) and hits[stop][0] < start + PASSAGE:
            stop += 1
        weights: dict[str, float] = {}
        for _, _, cue in hits[at:stop]:
            weights[cue.id] = cue.weight
        rest = 1.0
        for weight in weights.values():
            rest *= 1 - weight
        score = round(1 - rest, 4)
        yield Passage(start, max(hit[1] for hit in hits[at:stop]), score, tuple(weights))
        at += 1


def _hits(plain_text: str) -> Iterator[tuple[int, int, Cue]]:
    text = Text(plain_text)
    known = cues()
    for number in sorted(_tried().Match(text.data, True) or ()):
        cue = known[number]
        if any(word in text.data for word in cue.keywords):
            spans = [match.span() for match in cue.pattern.finditer(text.data)]
            places = text.characters([place for span in spans for place in span])
            for start, end in spans:
                yield places[start], places[end], cue
