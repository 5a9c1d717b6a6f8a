"""Names of persons, places and organisations, by Presidio with a model of spaCy on this machine.

The model is a folder, or a package that is installed; nothing is ever downloaded, though Presidio
by itself would.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.detectors.scanning import windows
from policyc.runtime.models.engines import Engine, needs_extra, refusal_of
from policyc.runtime.models.folders import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAMES = ("PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME")
"""What only a model finds, by the names that Presidio uses."""

MODEL = "POLICYC_PII_MODEL"
"""The variable that names the model where a policy does not."""

_EXTRA = "pii-ner"
_MODULES = ("presidio_analyzer", "spacy")
_WINDOW, _MARGIN = 4_000, 400
"""Characters that the model gets at once, and those around a place that it may need."""

_LABELS = {
    "PER": "PERSON", "PERSON": "PERSON",
    "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION", "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION",
    "NORP": "NRP", "NRP": "NRP",
    "DATE": "DATE_TIME", "TIME": "DATE_TIME", "DATE_TIME": "DATE_TIME",
}  # fmt: skip
"""What the labels of spaCy's models mean."""


def find_names(text: str, kinds: Sequence[str], model: str, deadline: float) -> Iterator[Detection]:
    """The names of some kinds in a text, by position; a long text is looked at in windows.

    Raises:
        BuiltinError: the model is not there, fails, or is not ready in time.
    """
    place = locate(model)
    told = f"{place.name} {_meta(place).get('version', '')}".strip()
    recognize = _recognizer(place, _stamp(place))
    for start, end, first, last in windows(len(text), _WINDOW, _MARGIN):
        if monotonic() > deadline:
            raise BuiltinError(
                f"`pii` was too slow: it looked at {start} of {len(text)} characters"
            )
        for one in recognize(text[start:end]):
            at = one.start + start
            if one.entity_type in kinds and first <= at < last:
                score = round(float(one.score), 4)
                yield Detection(one.entity_type, at, one.end + start, score, told)


def locate(model: str) -> Path:
    """The folder of a model: that, or a package of this name.

    Raises:
        BuiltinError: the extra or the model is not installed.
    """
    absent = needs_extra(_EXTRA, _MODULES)
    if absent is not None:
        raise absent
    name = model or os.environ.get(MODEL, "")
    if not name:
        raise BuiltinError(
            "names are found by a model, and none is configured",
            f'name a folder or an installed package of spaCy: `model="en_core_web_sm"`, or set '
            f"`{MODEL}`; policyc downloads nothing",
        )
    for place in _places(name):
        if (place / "meta.json").is_file() and (place / "config.cfg").is_file():
            return place
    raise BuiltinError(
        f"there is no folder and no installed package `{name}` with a model of spaCy",
        "install the package with pip, or name a folder that `nlp.to_disk` wrote: policyc "
        "downloads nothing",
    )


def engine() -> Engine:
    """The model that the environment names, if any."""
    name = os.environ.get(MODEL, "")
    choice = f'`entities=["PERSON"]` with `model=` or {MODEL}'
    refusal = refusal_of(lambda: locate(""))
    if refusal is not None:
        return Engine("presidio", choice, refusal.reason)
    meta = _meta(locate(""))
    version = f"{metadata.version('presidio_analyzer')} with {name} {meta.get('version', '')}"
    return Engine("presidio", choice, None, version.strip(), f"MIT, {meta.get('license', '?')}")


def _places(name: str) -> Iterator[Path]:
    """Where a model may be: as a folder, or as the one folder with data in a package."""
    yield place_of(name)
    spec = find_spec(name) if name.isidentifier() else None
    for root in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield Path(root)
        yield from sorted(Path(root).glob(f"{name}-*"))


def _meta(place: Path) -> dict[str, Any]:
    try:
        meta = json.loads((place / "meta.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BuiltinError(f"`{place / 'meta.json'}` cannot be read: {error}") from error
    return meta if isinstance(meta, dict) else {}


def _stamp(place: Path) -> tuple[int, ...]:
    """Changes when a model is replaced."""
    return tuple((place / name).stat().st_mtime_ns for name in ("meta.json", "config.cfg"))


@lru_cache(maxsize=2)
def _recognizer(place: Path, stamp: tuple[int, ...]) -> Any:
    """A function from texts to what Presidio recognizes in them. Takes a second or more to make."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415  # of an extra
    from presidio_analyzer.nlp_engine import (  # noqa: PLC0415
        NerModelConfiguration,
        SpacyNlpEngine,
    )  # fmt: skip
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer  # noqa: PLC0415

    language = str(_meta(place).get("lang", "en"))
    try:
        engine_of_names = SpacyNlpEngine(
            models=[{"lang_code": language, "model_name": str(place)}],
            ner_model_configuration=NerModelConfiguration(
                model_to_presidio_entity_mapping=_LABELS, labels_to_ignore=[]
            ),
        )
        # Only what the model finds: the other recognizers are `pii`'s own task, and one of them
        # would fetch a list from the internet.
        recognizer = SpacyRecognizer(supported_language=language, supported_entities=list(NAMES))
        registry = RecognizerRegistry([recognizer], supported_languages=[language])
        analyzer = AnalyzerEngine(
            registry=registry, nlp_engine=engine_of_names, supported_languages=[language]
        )
    except Exception as error:  # whatever a library makes of a folder
        raise BuiltinError(f"the model in `{place}` cannot be used: {error}") from error

    def recognize(text: str) -> Any:
        return analyzer.analyze(text, language=language, entities=list(NAMES))

    return recognize
