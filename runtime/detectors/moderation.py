"""`moderated`: whether a text is harmful, by a classifier in a folder or a moderation endpoint.

There is no engine of policyc's own: nothing small and offline judges well enough to rely on. A
policy names a folder or an address, or the environment does.
"""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.protocol import Detection, merged
from policyc.runtime.detectors.scanning import windows
from policyc.runtime.models.arguments import fraction, positive, text_of
from policyc.runtime.models.endpoints import Endpoint, endpoint
from policyc.runtime.models.engines import Engine, needs_extra, reason_of, refusal_of
from policyc.runtime.models.folders import ModelFolder, open_folder
from policyc.runtime.models.labels import of_harm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyc.compiler.signatures import Unavailable

CONFIGURED = "endpoint"
"""The value of `model` for the address in POLICYC_MODERATION_URL."""

SECONDS = 30
"""What the texts of one call may take together, where `timeout` does not say."""

THRESHOLD = 0.5
"""The score from which a label of a classifier counts, where `default_threshold` does not say."""

_SENT, _SHARED = 8_000, 400
"""Characters of a piece that an endpoint gets, and those on each side that the next one has too."""

_TOGETHER = 16
"""Pieces that go into one request."""


class Moderated:
    """The detector: see `protocol.BatchDetector`."""

    def __call__(
        self,
        text: str,
        model: Any = "",
        default_threshold: Any = None,
        cat_thresholds: Any = None,
        *,
        sha256: Any = "",
        labels: Any = None,
        timeout: Any = SECONDS,
    ) -> Sequence[Detection]:
        named = {"sha256": sha256, "labels": labels, "timeout": timeout}
        return self.batch([text], model, default_threshold, cat_thresholds, **named)[0]

    def batch(
        self,
        texts: Sequence[str],
        /,
        model: Any = "",
        default_threshold: Any = None,
        cat_thresholds: Any = None,
        *,
        sha256: Any = "",
        labels: Any = None,
        timeout: Any = SECONDS,
    ) -> list[Sequence[Detection]]:
        """The passages that are harmful in each text; the type of a finding is its category.

        `default_threshold`: the score from which a category counts; None: 0.5 for a classifier,
        what the endpoint itself says for an endpoint. `cat_thresholds`: that of some categories.

        Raises:
            BuiltinError: an argument is of the wrong kind, or the engine is not there or fails.
        """
        deadline = monotonic() + positive("timeout", timeout)
        limits = _Thresholds(default_threshold, cat_thresholds)
        engine = _engine(model, sha256, labels, cat_thresholds)
        if isinstance(engine, ModelFolder):
            return list(_by_folder(engine, texts, limits, labels, deadline))
        return list(_by_endpoint(engine, texts, limits, labels, deadline))


detect = Moderated()


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why it cannot be called with these options; None where it can."""
    known = ("model", "sha256", "labels", "cat_thresholds")
    return refusal_of(lambda: _engine(**{name: options[name] for name in known if name in options}))


def engines() -> tuple[Engine, ...]:
    """All engines of it; the folder that the environment names with its digests."""
    absent = needs_extra("moderation")
    reason = absent.message if absent else None
    local = Engine("folder", '`model="FOLDER"` or `POLICYC_MODERATION_MODEL`', reason)
    name = os.environ.get("POLICYC_MODERATION_MODEL", "")
    if name and not os.environ.get("POLICYC_MODERATION_URL"):
        try:
            found = _engine()
        except BuiltinError as error:
            local = Engine(local.name, local.choice, error.message)
        else:
            if isinstance(found, ModelFolder):
                version = f"sha256:{found.digest[:12]}"
                local = Engine(
                    local.name, local.choice, None, version, found.license, found.digests
                )
    there = reason_of(lambda: _engine(CONFIGURED))
    chosen = f'`POLICYC_MODERATION_URL`, `model="{CONFIGURED}"` or an address'
    return (local, Engine(CONFIGURED, chosen, there))


def _engine(
    model: Any = "", sha256: Any = "", labels: Any = None, cat_thresholds: Any = None
) -> ModelFolder | Endpoint:
    """What to ask.

    Raises:
        BuiltinError: it is not there.
    """
    name, pin = text_of("model", model), text_of("sha256", sha256)
    is_address = name.startswith(("https://", "http://"))
    if is_address or name in ("", CONFIGURED):
        found = endpoint("MODERATION", name if is_address else "")
        if found is not None:
            return found
        if name == CONFIGURED:
            raise BuiltinError(
                "no address is configured for it",
                "set `POLICYC_MODERATION_URL`, or name a folder: `model=`",
            )
        name = os.environ.get("POLICYC_MODERATION_MODEL", "")
        pin = pin or os.environ.get("POLICYC_MODERATION_SHA256", "")
    absent = needs_extra("moderation")
    if not name:
        install = f"; {absent.help}" if absent else ""
        raise BuiltinError(
            "no model is configured for it",
            'name a folder, `model="FOLDER"`, or set `POLICYC_MODERATION_URL` or '
            '`POLICYC_MODERATION_MODEL`; or pass your own: `functions={"moderated": ...}`'
            + install,
        )
    if absent is not None:
        raise absent
    folder = open_folder(name, pin)
    _check_categories(of_harm(folder.labels, labels), cat_thresholds)
    return folder


class _Thresholds:
    """From which score a category counts."""

    def __init__(self, default: Any, by_category: Any) -> None:
        self.default = None if default is None else fraction("default_threshold", default)
        if not isinstance(by_category, dict | None):
            raise BuiltinError(f"`cat_thresholds` takes an object, not {kind_of(by_category)}")
        self.by_category = {
            name: fraction("cat_thresholds", value) for name, value in (by_category or {}).items()
        }

    def of(self, category: str) -> float | None:
        return self.by_category.get(category, self.default)


def _check_categories(present: frozenset[str], by_category: Any) -> None:
    """Refuse a threshold of a category that there is not: it would never count.

    Raises:
        BuiltinError: there is one.
    """
    for name in by_category if isinstance(by_category, dict) else ():
        if name not in present:
            known = ", ".join(f"`{one}`" for one in sorted(present))
            raise BuiltinError(f"the model has no category `{name}`", f"it has {known}")


def _by_folder(
    folder: ModelFolder,
    texts: Sequence[str],
    limits: _Thresholds,
    labels: Any,
    deadline: float,
) -> Iterator[list[Detection]]:
    from policyc.runtime.models.classifier import classifier  # noqa: PLC0415  # loads the model

    counted = sorted(of_harm(folder.labels, labels))
    for found in classifier(folder).classify(texts, deadline):
        alarms = []
        for window in found:
            for label in counted:
                score, limit = window.scores[label], limits.of(label)
                if score >= (THRESHOLD if limit is None else limit):
                    alarms.append(Detection(label, window.start, window.end, round(score, 4)))
        yield merged(alarms)


def _by_endpoint(
    service: Endpoint,
    texts: Sequence[str],
    limits: _Thresholds,
    labels: Any,
    deadline: float,
) -> Iterator[list[Detection]]:
    pieces = [
        (number, start, end)
        for number, text in enumerate(texts)
        for start, end, _, _ in windows(len(text), _SENT, _SHARED)
        if text[start:end].strip()
    ]
    alarms: list[list[Detection]] = [[] for _ in texts]
    for at in range(0, len(pieces), _TOGETHER):
        batch = pieces[at : at + _TOGETHER]
        answers = _ask(
            service, [texts[number][start:end] for number, start, end in batch], deadline
        )
        for (number, start, end), answer in zip(batch, answers, strict=True):
            for category, score in _alarming(answer, service, limits, labels):
                alarms[number].append(Detection(category, start, end, score))
    return map(merged, alarms)


def _ask(service: Endpoint, pieces: list[str], deadline: float) -> list[Any]:
    """What a service says of each piece."""
    from policyc.runtime.models.requests import post  # noqa: PLC0415  # loads what opens connections

    left = deadline - monotonic()
    if left <= 0:
        raise BuiltinError(f"{service.shown} was too slow")
    body = {"input": pieces, **({"model": service.model} if service.model else {})}
    answer = post(service, "/moderations", body, seconds=left)
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != len(pieces):
        raise BuiltinError(f"{service.shown} does not answer with a result for each text")
    return results


def _alarming(
    result: Any, service: Endpoint, limits: _Thresholds, labels: Any
) -> Iterator[tuple[str, float]]:
    """The categories that count, with their scores.

    Raises:
        BuiltinError: the result has another form.
    """
    try:
        said = {name: bool(value) for name, value in result["categories"].items()}
        told = result.get("category_scores") or {}
        scores = {name: fraction("score", value) for name, value in told.items()}
        is_flagged = bool(result["flagged"])
    except (TypeError, KeyError, AttributeError, BuiltinError) as error:
        raise BuiltinError(f"{service.shown} does not answer with categories") from error
    counted = frozenset(said) if labels is None else of_harm(said, labels)
    _check_categories(counted, limits.by_category)
    found = []
    for name in sorted(counted):
        limit = limits.of(name)
        if limit is not None and name not in scores:
            raise BuiltinError(f"{service.shown} tells no score of `{name}`")
        if said[name] if limit is None else scores[name] >= limit:
            found.append((name, scores.get(name, 1.0)))
    if not found and is_flagged and not any(said.values()):
        # Said to be harmful, without a category that a policy could choose.
        found.append(("flagged", 1.0))
    return iter(found)
