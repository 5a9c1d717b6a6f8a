"""`prompt_injection`: by cues, by a classifier in a folder, or by one behind an address.

`cues` needs nothing and is the default. Another engine is used only where a policy names it.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.protocol import Detection, merged
from policyc.runtime.detectors.scanning import in_windows, windows
from policyc.runtime.models.arguments import fraction, positive, text_of
from policyc.runtime.models.endpoints import Endpoint, endpoint
from policyc.runtime.models.engines import Engine, needs_extra, reason_of, refusal_of
from policyc.runtime.models.folders import ModelFolder, open_folder
from policyc.runtime.models.labels import of_injections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyc.compiler.signatures import Unavailable

KIND = "PROMPT_INJECTION"
CUES = "cues"
CONFIGURED = "endpoint"
"""The value of `model` for the address in POLICYC_INJECTION_URL."""

_WINDOW, _MARGIN = 65_536, 4_096
"""Characters that cues are looked for in at once, and those around a place that may matter."""

_SENT, _SHARED = 1_500, 100
"""Characters that an endpoint gets at once, which are less than 512 tokens of most languages, and
those on each side that the next piece has too."""

SECONDS = 30
"""What the texts of one call may take together, where `timeout` does not say."""


class PromptInjection:
    """The detector: see `protocol.BatchDetector`."""

    def __call__(
        self,
        text: str,
        model: Any = CUES,
        threshold: Any = 0.9,
        *,
        sha256: Any = "",
        labels: Any = None,
        timeout: Any = SECONDS,
    ) -> Sequence[Detection]:
        named = {"sha256": sha256, "labels": labels, "timeout": timeout}
        return self.batch([text], model, threshold, **named)[0]

    def batch(
        self,
        texts: Sequence[str],
        /,
        model: Any = CUES,
        threshold: Any = 0.9,
        *,
        sha256: Any = "",
        labels: Any = None,
        timeout: Any = SECONDS,
    ) -> list[Sequence[Detection]]:
        """The passages that give orders to an agent, in each text.

        Raises:
            BuiltinError: an argument is of the wrong kind, or the engine is not there or fails.
        """
        least = fraction("threshold", threshold)
        deadline = monotonic() + positive("timeout", timeout)
        engine = _engine(model, sha256, labels)
        if engine is None:
            return [_by_cues(text, least) for text in texts]
        if isinstance(engine, ModelFolder):
            return list(_by_folder(engine, texts, least, labels, deadline))
        return [_by_endpoint(engine, text, least, labels, deadline) for text in texts]


detect = PromptInjection()


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why it cannot be called with these options; None where it can."""
    named = {name: options[name] for name in ("sha256", "labels") if name in options}
    return refusal_of(lambda: _engine(options.get("model", CUES), **named))


def engines() -> tuple[Engine, ...]:
    """All engines of it."""
    absent = needs_extra("injection")
    there = reason_of(lambda: _engine(CONFIGURED))
    return (
        Engine(CUES, "the default"),
        Engine("folder", '`model="FOLDER"`', absent.message if absent else None),
        Engine(CONFIGURED, f'`model="{CONFIGURED}"` or an address', there),
    )


def _engine(model: Any, sha256: Any = "", labels: Any = None) -> ModelFolder | Endpoint | None:
    """What to ask; None: the cues.

    Raises:
        BuiltinError: it is not there.
    """
    name, pin = text_of("model", model), text_of("sha256", sha256)
    if name in ("", CUES):
        return None
    if name == CONFIGURED or name.startswith(("https://", "http://")):
        found = endpoint("INJECTION", "" if name == CONFIGURED else name)
        if found is None:
            raise BuiltinError(
                "no address is configured for it",
                "set `POLICYC_INJECTION_URL`, or leave `model` out",
            )
        return found
    absent = needs_extra("injection")
    if absent is not None:
        raise absent
    folder = open_folder(name, pin)
    if not of_injections(folder.labels, labels):
        raise BuiltinError(
            f"no label of the model in `{folder.path}` names an injection",
            'say which count: `labels=["..."]`',
        )
    return folder


def _by_cues(text: str, least: float) -> Sequence[Detection]:
    from policyc.runtime.detectors import prompt_injection  # noqa: PLC0415  # reads the cues

    return in_windows(
        "prompt_injection",
        lambda piece: prompt_injection.detect(piece, least),
        text,
        _WINDOW,
        _MARGIN,
    )


def _by_folder(
    folder: ModelFolder, texts: Sequence[str], least: float, labels: Any, deadline: float
) -> Iterator[list[Detection]]:
    from policyc.runtime.models.classifier import classifier  # noqa: PLC0415  # loads the model

    counted = of_injections(folder.labels, labels)
    model = classifier(folder)
    for found in model.classify(texts, deadline):
        alarms = []
        for window in found:
            scores = [window.scores[label] for label in counted]
            score = max(scores) if model.is_multi_label else min(1.0, sum(scores))
            if score >= least:
                label = max(counted, key=lambda one: window.scores[one])
                alarms.append(Detection(KIND, window.start, window.end, round(score, 4), label))
        yield merged(alarms)


def _by_endpoint(
    service: Endpoint, text: str, least: float, labels: Any, deadline: float
) -> list[Detection]:
    from policyc.runtime.models.requests import post  # noqa: PLC0415  # loads what opens connections

    alarms = []
    for start, end, _, _ in windows(len(text), _SENT, _SHARED):
        piece = text[start:end]
        if not piece.strip():
            continue
        left = deadline - monotonic()
        if left <= 0:
            raise BuiltinError(f"{service.shown} was too slow for a text of {len(text)} characters")
        scores = _scores(post(service, "", {"inputs": piece}, seconds=left), service)
        counted = of_injections(scores, labels)
        label = max(counted, key=lambda one: scores[one], default=None)
        if label is not None and scores[label] >= least:
            alarms.append(Detection(KIND, start, end, round(scores[label], 4), label))
    return merged(alarms)


def _scores(answer: Any, service: Endpoint) -> dict[str, float]:
    """The scores by label of an answer of the form `[{"label": ..., "score": ...}]`, which may
    stand in another list."""
    rows = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    rows = [rows] if isinstance(rows, dict) else rows
    try:
        scores = {row["label"]: fraction("score", row["score"]) for row in rows}
    except (TypeError, KeyError, BuiltinError):
        scores = {}
    if not scores or not all(isinstance(label, str) for label in scores):
        raise BuiltinError(f"{service.shown} does not answer with labels and scores")
    return scores
