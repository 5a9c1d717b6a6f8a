"""`pii`: what has a form by patterns, and, where a policy asks for names, these by a model."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors import pii
from policyc.runtime.detectors.scanning import in_windows
from policyc.runtime.models import names
from policyc.runtime.models.arguments import positive, text_of
from policyc.runtime.models.engines import Engine, refusal_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.compiler.signatures import Unavailable
    from policyc.runtime.detectors.protocol import Detection

SECONDS = 30
"""What the model may take for a text, where `timeout` does not say."""

KINDS = (*pii.KINDS, *names.NAMES)
_WINDOW, _MARGIN = 65_536, 4_096


def detect(
    text: str, entities: Any = None, *, model: Any = "", timeout: Any = SECONDS
) -> Sequence[Detection]:
    """The personal data in a text, by position; of `entities` only, where these are given. Names
    only where they are asked for.

    Raises:
        BuiltinError: an option is wrong, or the model is not there or fails.
    """
    deadline = monotonic() + positive("timeout", timeout)
    wanted = list(pii.KINDS) if entities is None else _wanted(entities)
    forms = [kind for kind in wanted if kind in pii.KINDS]
    named = [kind for kind in wanted if kind in names.NAMES]
    found: list[Detection] = []
    if forms or not named:
        found += in_windows("pii", lambda part: pii.detect(part, forms), text, _WINDOW, _MARGIN)
    if named:
        found += names.find_names(text, named, text_of("model", model), deadline)
    return pii.without_overlaps(found) if named else found


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why names cannot be found with these options; None where they can, or are not asked for."""
    asked = options.get("entities")
    if not isinstance(asked, list) or not set(map(str, asked)) & set(names.NAMES):
        return None
    return refusal_of(lambda: names.locate(text_of("model", options.get("model", ""))))


def engines() -> tuple[Engine, ...]:
    """The patterns, and the model for names."""
    return (Engine("patterns", "the default", version="1", license="MIT"), names.engine())


def _wanted(entities: Any) -> list[str]:
    if not isinstance(entities, list | tuple) or not all(isinstance(x, str) for x in entities):
        raise BuiltinError(
            f"`entities` takes a list of kinds, not {kind_of(entities)}",
            'Write for example `pii(m, entities=["EMAIL_ADDRESS"])`.',
        )
    unknown = next((kind for kind in entities if kind not in KINDS), None)
    if unknown is not None:
        raise BuiltinError(f"`pii` cannot find `{unknown}`; it knows {', '.join(KINDS)}")
    return list(entities)
