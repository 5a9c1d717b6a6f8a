"""What a detector is: a function from one text to findings, and how a policy sees them.

A detector gets one text and the options of the call, and returns a `Detection` for each finding. It
never sees where the text came from: the engine calls it for every text of the argument, marks the
pieces in the trace, and gives the policy what the `Answer` of its signature says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from policyc.compiler.signatures import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


MAX_MARKS = 10_000
"""Findings after which a detector that finds something everywhere may leave out further marks."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A finding: its type and the piece of the text, in characters (code points), `end` exclusive.

    `score`: how sure the detector is, from 0 to 1. `detail`: what a person may want to know of it;
    never a piece of the text. `detector` and `version` say what found it; policyc fills them in.
    """

    type: str
    start: int
    end: int
    score: float = 1.0
    detail: str = ""
    detector: str = ""
    version: str = ""


class Detector(Protocol):
    """A function that finds things in a text: pure, in time bounded by the length of the text."""

    def __call__(
        self, text: str, /, *options: Any, **named_options: Any
    ) -> Sequence[Detection]: ...


class BatchDetector(Protocol):
    """A detector that is quicker on several texts at once: the findings in each, in order."""

    def batch(
        self, texts: Sequence[str], /, *options: Any, **named_options: Any
    ) -> Sequence[Sequence[Detection]]: ...


def merged(found: Iterable[Detection]) -> list[Detection]:
    """Findings by position, those of a type that overlap as one, with the score of the surest."""
    kept: dict[str, list[Detection]] = {}
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        of_type = kept.setdefault(one.type, [])
        if of_type and one.start < of_type[-1].end:
            last = of_type[-1]
            sure = max(last, one, key=lambda each: each.score)
            end = max(last.end, one.end)
            of_type[-1] = Detection(one.type, last.start, end, sure.score, sure.detail)
        else:
            of_type.append(one)
    return sorted((one for each in kept.values() for one in each), key=lambda one: one.start)


def summarize(answer: Answer, found: Iterable[tuple[str, Sequence[Detection]]]) -> list[str] | bool:
    """What a policy sees of the findings in some texts, in the order of texts and findings."""
    match answer:
        case Answer.FOUND:
            return any(detections for _, detections in found)
        case Answer.TYPES:
            return [finding.type for _, detections in found for finding in detections]
        case Answer.DISTINCT:
            types = (finding.type for _, detections in found for finding in detections)
            return list(dict.fromkeys(types))
        case Answer.TEXTS:
            texts = (
                text[finding.start : finding.end]
                for text, detections in found
                for finding in detections
            )
            return list(dict.fromkeys(texts))
        case _:
            assert_never(answer)
