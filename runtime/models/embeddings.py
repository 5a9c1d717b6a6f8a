"""Texts as vectors, by a model in a folder (model2vec) or by a service that speaks OpenAI's API.

Scores of different models are not comparable, so a model never changes unnoticed: one in a folder
is pinned by a digest, one behind an address is named by the policy, and an answer of another one is
an error.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.kept import Kept, name_of
from policyc.runtime.models.endpoints import Endpoint, endpoint
from policyc.runtime.models.engines import Engine, needs_extra, reason_of
from policyc.runtime.models.folders import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SERVICE = "endpoint:"
"""What `model` starts with for a model behind the address in POLICYC_EMBEDDINGS_URL."""

FILES = ("config.json", "model.safetensors", "tokenizer.json")
SUMS = "SHA256SUMS"

MAX_TEXTS = 4_000
"""Passages that one call may compare."""

_BATCH = 256
_MODULES = ("model2vec",)
_EXTRA = "embeddings"

Vector = tuple[float, ...]
_kept: Kept[Vector] = Kept(10_000)


class Embedder(Protocol):
    """A model: `name` tells it from every other one."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str], deadline: float) -> list[Vector]:
        """A vector for each text, before a time of `monotonic`."""


def embedder(model: str, sha256: str = "") -> Embedder:
    """The model that a policy names.

    Raises:
        BuiltinError: it is not there, or another one than its pin says.
    """
    if model.startswith(SERVICE):
        name = model.removeprefix(SERVICE)
        if not name:
            raise BuiltinError("no model is named", f'write `model="{SERVICE}NAME"`')
        found = endpoint("EMBEDDINGS")
        if found is None:
            raise BuiltinError(
                "no address is configured for it",
                "set POLICYC_EMBEDDINGS_URL, as https://host/v1; its key is POLICYC_EMBEDDINGS_KEY",
            )
        return _Service(found, name)
    absent = needs_extra(_EXTRA, _MODULES)
    if absent is not None:
        raise absent
    folder = place_of(model)
    if not folder.is_dir():
        raise BuiltinError(
            f"there is no folder `{folder}` with a model",
            f'name one, `model="{SERVICE}NAME"`, or "lexical": policyc downloads nothing',
        )
    return _static(folder, sha256.lower(), _times(folder))


def embed(model: Embedder, texts: Sequence[str], deadline: float) -> list[Vector]:
    """A vector of length 1 for each text (all zeros where the model knows nothing of it).

    Raises:
        BuiltinError: the model fails, is too slow, or there are too many texts.
    """
    if len(texts) > MAX_TEXTS:
        raise BuiltinError(f"more than {MAX_TEXTS} passages are not compared")
    names = {text: name_of(model.name, text) for text in texts}
    vectors = {text: _kept.get(name) for text, name in names.items()}
    new = [text for text, known in vectors.items() if known is None]
    for start in range(0, len(new), _BATCH):
        piece = new[start : start + _BATCH]
        if monotonic() > deadline:
            raise BuiltinError(f"`{model.name}` was too slow")
        for text, vector in zip(piece, model.embed(piece, deadline), strict=True):
            vectors[text] = _unit(vector)
            _kept.put(names[text], _unit(vector))
    return [vectors[text] or () for text in texts]


def likeness(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of length 1."""
    return sum(left * right for left, right in zip(one, other, strict=True))


def engines() -> tuple[Engine, ...]:
    """What gives vectors."""
    absent = needs_extra(_EXTRA, _MODULES)
    reason = reason_of(lambda: embedder(f"{SERVICE}any"))
    installed = absent.message if absent else None
    return (
        Engine("folder", '`model="FOLDER"`', installed, license="MIT (model2vec)"),
        Engine("endpoint", f'`model="{SERVICE}NAME"` and POLICYC_EMBEDDINGS_URL', reason),
    )


def _unit(vector: Sequence[float]) -> Vector:
    length = math.sqrt(sum(part * part for part in vector))
    return tuple(part / length for part in vector) if length else tuple(vector)


@dataclass(frozen=True, slots=True)
class _Static:
    """A model of model2vec: the mean of vectors of tokens."""

    name: str
    model: Any

    def embed(self, texts: Sequence[str], deadline: float) -> list[Vector]:
        rows = self.model.encode(list(texts), max_length=None, use_multiprocessing=False)
        return [tuple(map(float, row)) for row in rows]


def _times(folder: Path) -> tuple[int, ...]:
    """When the files of a model were changed."""
    try:
        return tuple((folder / name).stat().st_mtime_ns for name in FILES)
    except OSError as error:
        raise BuiltinError(
            f"`{folder}` is no model of model2vec: {error.strerror}",
            f"it needs {', '.join(f'`{name}`' for name in FILES)}",
        ) from error


@lru_cache(maxsize=4)
def _static(folder: Path, pin: str, times: tuple[int, ...]) -> _Static:
    """The model of a folder, made from the bytes that its pin was compared with."""
    data = {name: (folder / name).read_bytes() for name in FILES}
    listed = "".join(f"{hashlib.sha256(data[name]).hexdigest()}  {name}\n" for name in FILES)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    _check_pin(folder, pin, listed, digest)
    try:
        return _Static(f"{folder.name} sha256:{digest[:12]}", _load(data))
    except Exception as error:  # whatever a library makes of a file
        raise BuiltinError(f"the model in `{folder}` cannot be used: {error}") from error


def _check_pin(folder: Path, pin: str, listed: str, digest: str) -> None:
    if pin == digest:
        return
    if pin:
        raise BuiltinError(
            f"the model in `{folder}` is not the one that `sha256` names",
            f"its digest is {digest}, by `sha256sum {' '.join(FILES)} | sha256sum`",
        )
    sums = folder / SUMS
    if not sums.is_file():
        raise BuiltinError(
            f"the model in `{folder}` is not pinned",
            f'write `sha256="{digest}"`, or keep what `sha256sum {" ".join(FILES)}` prints as '
            f"`{SUMS}`",
        )
    kept = sums.read_text("utf-8", errors="replace").replace(" *", "  ").splitlines()
    if not set(listed.splitlines()) <= set(kept):
        raise BuiltinError(f"the model in `{folder}` is not the one that `{SUMS}` lists")


def _load(data: dict[str, bytes]) -> Any:
    # Not model2vec's own loader: it asks a hub for what it does not find.
    from model2vec import StaticModel  # noqa: PLC0415  # of an extra
    from safetensors.numpy import load  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    tensors = load(data["model.safetensors"])
    config = json.loads(data["config.json"])
    return StaticModel(
        tensors["embeddings"],
        Tokenizer.from_str(data["tokenizer.json"].decode()),
        normalize=bool(config.get("normalize")),
        weights=tensors.get("weights"),
        token_mapping=tensors.get("mapping"),
        max_length=None,
    )


@dataclass(frozen=True, slots=True)
class _Service:
    """A model behind an address."""

    service: Endpoint
    model: str

    @property
    def name(self) -> str:
        return f"{self.model} at {self.service.shown}"

    def embed(self, texts: Sequence[str], deadline: float) -> list[Vector]:
        from policyc.runtime.models.requests import post  # noqa: PLC0415  # loads much

        # The API refuses empty texts.
        body = {"model": self.model, "input": [text if text.strip() else "." for text in texts]}
        seconds = max(0.001, deadline - monotonic())
        answer = post(self.service, "/embeddings", body, seconds=seconds)
        told = answer.get("model") if isinstance(answer, dict) else None
        if isinstance(told, str) and told != self.model:
            raise BuiltinError(
                f"{self.service.shown} answers with the model `{told}`, not `{self.model}`",
                "name the one that answers: thresholds of one model do not fit another",
            )
        return _vectors(answer, len(texts), self.service)


def _vectors(answer: Any, count: int, service: Endpoint) -> list[Vector]:
    try:
        rows = {int(row["index"]): tuple(map(float, row["embedding"])) for row in answer["data"]}
        vectors = [rows[number] for number in range(count)]
    except (TypeError, KeyError, ValueError):
        raise BuiltinError(f"{service.shown} does not answer with a vector for each text") from None
    is_fit = len(set(map(len, vectors))) == 1 and vectors[0]
    if not is_fit or not all(map(math.isfinite, (part for one in vectors for part in one))):
        raise BuiltinError(f"{service.shown} answers with vectors that cannot be compared")
    return vectors
