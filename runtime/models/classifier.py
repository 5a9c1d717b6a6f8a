"""A text classifier in ONNX: the scores of its labels for each window of a text.

A long text is not cut: it is looked at in windows of as many tokens as the model takes (at most
512), which overlap, so that what crosses the border of one lies within another.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from policyc.runtime.models.folders import ModelFolder

WINDOW = 512
"""Tokens that a model gets at once, where it takes so many."""

OVERLAP = 64
"""Tokens that two windows share."""

BATCH = 8
"""Windows that a model gets together; between two batches the time is looked at."""

_EXTERNAL = "session.model_external_initializers_file_folder_path"
"""The option of onnxruntime that says where other files of a model are."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_INPUTS = {
    "input_ids": "ids",
    "attention_mask": "attention_mask",
    "token_type_ids": "type_ids",  # no password
}
"""What a model may take, and what of an encoding that is."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text, in characters, and the score of each label for it, from 0 to 1."""

    start: int
    end: int
    scores: dict[str, float]


class Classifier:
    """A model that is loaded. Threads may share one."""

    def __init__(self, folder: ModelFolder) -> None:
        """Load a model from its folder.

        Raises:
            BuiltinError: it is no text classifier that policyc can run.
        """
        self.labels = folder.labels
        self.is_multi_label = folder.config.get("problem_type") == "multi_label_classification"
        try:
            self._pad = int(folder.config.get("pad_token_id") or 0)
            self._tokenizer = _tokenizer(folder)
            self._session = _session(folder)
        except BuiltinError:
            raise
        except Exception as error:  # whatever the libraries say of a file that they cannot read
            reason = f"the model in `{folder.path}` cannot be loaded: {_first_line(error)}"
            raise BuiltinError(reason) from error
        self._inputs = {one.name: one.type for one in self._session.get_inputs()}
        if "input_ids" not in self._inputs or not self._inputs.keys() <= _INPUTS.keys():
            names = ", ".join(f"`{name}`" for name in self._inputs)
            raise BuiltinError(f"the model in `{folder.path}` takes {names}: no text classifier")

    def classify(self, texts: Sequence[str], deadline: float) -> list[list[Window]]:
        """The windows of each text with their scores.

        Raises:
            BuiltinError: time is up before all are looked at, or the model answers with no scores.
        """
        found: list[list[Window]] = [[] for _ in texts]
        pieces = [(number, one) for number, text in enumerate(texts) for one in self._windows(text)]
        for at in range(0, len(pieces), BATCH):
            if monotonic() > deadline:
                raise BuiltinError(
                    f"the model was too slow: it looked at {at} of {len(pieces)} windows",
                    "give it more time: `timeout=`",
                )
            batch = pieces[at : at + BATCH]
            rows = self._scores([encoding for _, encoding in batch])
            for (number, encoding), row in zip(batch, rows, strict=True):
                start, end = _span(encoding)
                scores = dict(zip(self.labels, map(float, row), strict=True))
                found[number].append(Window(start, end, scores))
        return found

    def _windows(self, text: str) -> Iterator[Any]:
        """The encodings of a text, those without a token of the text left out."""
        whole = self._tokenizer.encode(_SURROGATE.sub("\ufffd", text))
        return (one for one in (whole, *whole.overflowing) if _span(one) != (0, 0))

    def _scores(self, encodings: Sequence[Any]) -> NDArray[np.floating[Any]]:
        import numpy as np  # noqa: PLC0415  # of an extra

        size = max(len(one.ids) for one in encodings)
        feed = {}
        for name, type_ in self._inputs.items():
            fill = self._pad if name == "input_ids" else 0
            kind = np.int32 if type_ == "tensor(int32)" else np.int64
            table = np.full((len(encodings), size), fill, kind)
            for row, one in enumerate(encodings):
                values = getattr(one, _INPUTS[name])
                table[row, : len(values)] = values
            feed[name] = table
        logits = np.asarray(self._session.run(None, feed)[0], np.float64)
        if logits.shape != (len(encodings), len(self.labels)) or not np.isfinite(logits).all():
            raise BuiltinError("the model does not answer with a score for each of its labels")
        if self.is_multi_label or len(self.labels) == 1:
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _tokenizer(folder: ModelFolder) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415  # of an extra

    tokenizer = Tokenizer.from_buffer(folder.read("tokenizer.json"))
    most = folder.config.get("max_position_embeddings")
    size = min(WINDOW, most) if isinstance(most, int) and most > 0 else WINDOW
    tokenizer.no_padding()
    special = tokenizer.num_special_tokens_to_add(False)
    if size <= special + 1:
        raise BuiltinError(f"the model in `{folder.path}` takes only {size} tokens")
    tokenizer.enable_truncation(size, stride=min(OVERLAP, (size - special) // 2))
    return tokenizer


def _session(folder: ModelFolder) -> Any:
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415  # of an extra

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors are raised as well
    # A model may say that parts of it are in other files, which no pin covers: there are none.
    options.add_session_config_entry(_EXTERNAL, os.path.join(os.devnull, "none"))
    # From what was read, not from the path: that could be another file by now.
    return onnxruntime.InferenceSession(
        folder.read("model.onnx"), options, providers=["CPUExecutionProvider"]
    )


def _span(encoding: Any) -> tuple[int, int]:
    """The piece of the text that an encoding stands for, in characters."""
    places = [
        place
        for place, is_special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        if not is_special and place[1] > place[0]
    ]
    return (min(a for a, _ in places), max(b for _, b in places)) if places else (0, 0)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


_loading = Lock()


def classifier(folder: ModelFolder) -> Classifier:
    """The model of a folder; loaded once.

    Raises:
        BuiltinError: it is no text classifier that policyc can run.
    """
    with _loading:
        return _loaded(_Key(folder))


class _Key:
    """A folder by what it holds."""

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder

    def __hash__(self) -> int:
        return hash(self.folder.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.folder.digest == other.folder.digest


@lru_cache(maxsize=4)
def _loaded(key: _Key) -> Classifier:
    return Classifier(key.folder)
