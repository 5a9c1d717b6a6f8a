"""`is_similar` and `embedding_similarity`: by words, or by a model that compares meanings.

`lexical` needs nothing. Another model is used only where a policy names it, with a threshold of its
own: the named thresholds are those of `lexical`.
"""

from __future__ import annotations

from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors import lexical_similarity as lexical
from policyc.runtime.detectors.protocol import Detection
from policyc.runtime.detectors.scanning import in_windows
from policyc.runtime.models.arguments import number, positive, text_of
from policyc.runtime.models.engines import Engine, refusal_of
from policyc.runtime.texts import collect_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyc.compiler.signatures import Unavailable
    from policyc.runtime.models.embeddings import Embedder

LEXICAL = "lexical"
SECONDS = 30
"""What the texts of one call may take together, where `timeout` does not say."""

_WINDOW, _MARGIN = 65_536, 4_096
_SHORTEST, _LONGEST = 20, 2_000
"""Characters of a passage: a shorter sentence is taken together with the next one, a longer one is
cut where it has a blank."""

_MODES: dict[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "min": min,
    "mean": lambda scores: sum(scores) / len(scores),
}


class Similar:
    """The detector `is_similar`: see `protocol.BatchDetector`."""

    def __call__(
        self,
        text: str,
        target: Any,
        threshold: Any = "might_resemble",
        *,
        model: Any,
        sha256: Any = "",
        timeout: Any = SECONDS,
    ) -> Sequence[Detection]:
        named = {"model": model, "sha256": sha256, "timeout": timeout}
        return self.batch([text], target, threshold, **named)[0]

    def batch(
        self,
        texts: Sequence[str],
        /,
        target: Any,
        threshold: Any = "might_resemble",
        *,
        model: Any,
        sha256: Any = "",
        timeout: Any = SECONDS,
    ) -> list[Sequence[Detection]]:
        """The passage of each text that is most like one of the targets, if it is alike enough.

        Raises:
            BuiltinError: an argument is of the wrong kind, or the model is not there or fails.
        """
        deadline = monotonic() + positive("timeout", timeout)
        found = _model(model, sha256, threshold)
        if found is None:
            return [_by_words(text, target, threshold) for text in texts]
        return list(_by_model(found, texts, target, number("threshold", threshold), deadline))


detect = Similar()


def embedding_similarity(
    data: Any, target: Any, mode: Any = "max", *, model: Any, sha256: Any = "", timeout: Any = 30
) -> float:
    """The cosine of the texts in two values: the largest, the smallest or the mean of all pairs.

    Raises:
        BuiltinError: there is no text, or the model is not there or fails.
    """
    deadline = monotonic() + positive("timeout", timeout)
    if text_of("mode", mode) not in _MODES:
        raise BuiltinError(f"`mode` takes {', '.join(map(repr, _MODES))}, not {mode!r}")
    left = [text for text, _ in collect_texts(data)]
    right = [text for text, _ in collect_texts(target)]
    if not left or not right:
        raise BuiltinError("`embedding_similarity` needs a text on both sides")
    found = _model(model, sha256, 0)
    if found is None:
        scores = [lexical.likeness(one, other) for one in left for other in right]
    else:
        from policyc.runtime.models.embeddings import embed, likeness  # noqa: PLC0415  # by need

        vectors = embed(found, [*left, *right], deadline)
        scores = [
            likeness(one, other) for one in vectors[: len(left)] for other in vectors[len(left) :]
        ]
    return round(_MODES[mode](scores), 4)


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why the models cannot be asked with these options; None where they can."""
    if "model" not in options:
        return None
    given = [options.get(name, default) for name, default in (("sha256", ""), ("threshold", 0))]
    return refusal_of(lambda: _model(options["model"], *given))


def engines() -> tuple[Engine, ...]:
    """All engines."""
    from policyc.runtime.models import embeddings  # noqa: PLC0415  # by need

    own = Engine(LEXICAL, f'`model="{LEXICAL}"`', version="1", license="MIT")
    return (own, *embeddings.engines())


def _model(model: Any, sha256: Any, threshold: Any) -> Embedder | None:
    """What to ask; None: compare words."""
    name, pin = text_of("model", model), text_of("sha256", sha256)
    if name == LEXICAL:
        return None
    from policyc.runtime.models.embeddings import embedder  # noqa: PLC0415  # by need

    found = embedder(name, pin)
    if isinstance(threshold, str):
        raise BuiltinError(
            f"`{threshold}` is a threshold of `{LEXICAL}`, which does not fit `{name}`",
            "write a number, as `threshold=0.6`: each model has its own",
        )
    return found


def _by_words(text: str, target: Any, threshold: Any) -> Sequence[Detection]:
    return in_windows(
        "is_similar",
        lambda piece: lexical.detect(piece, target, threshold, model=LEXICAL),
        text,
        _WINDOW,
        _MARGIN,
    )


def _by_model(
    model: Embedder, texts: Sequence[str], target: Any, least: float, deadline: float
) -> Iterator[list[Detection]]:
    from policyc.runtime.models.embeddings import embed, likeness  # noqa: PLC0415  # by need

    targets = [one for one, _ in collect_texts(target)]
    if not targets:
        raise BuiltinError(f"`target` takes a text or a list of texts, not {kind_of(target)}")
    if len(targets) > lexical.MAX_TARGETS:
        raise BuiltinError(f"`is_similar` compares with at most {lexical.MAX_TARGETS} texts")
    wanted = embed(model, targets, deadline)
    spans = [list(_passages(text)) for text in texts]
    pieces = [text[start:end] for text, of in zip(texts, spans, strict=True) for start, end in of]
    vectors = iter(embed(model, pieces, deadline))
    for of_text in spans:
        scored = [
            (round(max(likeness(vector, one) for one in wanted), 4), span)
            for span, vector in zip(of_text, vectors, strict=False)
        ]
        # Of passages that are as much alike, the shortest.
        score, (start, end) = max(
            scored, key=lambda one: (one[0], one[1][0] - one[1][1]), default=(0.0, (0, 0))
        )
        is_alike = bool(scored) and score >= least
        yield [Detection("SIMILAR", start, end, score, model.name)] if is_alike else []


def _passages(text: str) -> Iterator[tuple[int, int]]:
    """The whole of a text that is not too long, its sentences, and every two in a row."""
    sentences = list(_sentences(text))
    if text.strip() and len(text) <= _LONGEST:
        yield 0, len(text)
    if len(sentences) > 1 or len(text) > _LONGEST:
        yield from sentences
        yield from ((one[0], two[1]) for one, two in pairwise(sentences))


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = end = 0
    for sentence in lexical.SENTENCE.finditer(text):
        end = sentence.end()
        while end - start > _LONGEST:
            cut = text.rfind(" ", start + 1, start + _LONGEST)
            cut = cut if cut > 0 else start + _LONGEST
            yield start, cut
            start = cut
        if end - start >= _SHORTEST:
            yield start, end
            start = end
    if text[start:end].strip():
        yield start, end
