"""A text classifier of a few hundred bytes, made with the real libraries: a word alarms, or not.

Each word of the vocabulary has a score for each label, and those of a text are its highest ones.
Padding would alarm for every label if the model were not told to look away from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ABSENT = "the extra is not installed: pip install 'policyc[injection]' onnx"
onnx = pytest.importorskip("onnx", reason=ABSENT)
pytest.importorskip("onnxruntime", reason=ABSENT)
tokenizers = pytest.importorskip("tokenizers", reason=ABSENT)
np = pytest.importorskip("numpy", reason=ABSENT)

_SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
_NEVER, _PADDING = -9.0, 9.0


def make_model(
    folder: Path,
    labels: Sequence[str],
    words: Mapping[str, Mapping[str, float]],
    *,
    default: Mapping[str, float] | None = None,
    size: int = 16,
    is_old: bool = False,
    **config: Any,
) -> Path:
    """A model folder. `words`: the scores of labels, before they are turned into shares; `default`:
    those of all other words. `size`: the tokens that it takes. `is_old`: with a third input and
    numbers of 32 bits, as some exports have."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*_SPECIAL, *words]
    scores = [[_PADDING] * len(labels)] + [[_NEVER] * len(labels)] * 2
    rows = [default or {}, *words.values()]
    scores += [[row.get(label, _NEVER) for label in labels] for row in rows]
    (folder / "model.onnx").write_bytes(_network(np.array(scores, np.float32), is_old=is_old))
    (folder / "tokenizer.json").write_text(_tokenizer({n: i for i, n in enumerate(names)}))
    told = {"id2label": dict(enumerate(labels)), "max_position_embeddings": size, **config}
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0, **told}))
    return folder


def _network(scores: Any, *, is_old: bool) -> bytes:
    helper, kind = onnx.helper, onnx.TensorProto
    one = onnx.numpy_helper.from_array(np.array([1.0], np.float32), "one")
    far = onnx.numpy_helper.from_array(np.array([1000.0], np.float32), "far")
    axes = onnx.numpy_helper.from_array(np.array([2]), "last")
    first = onnx.numpy_helper.from_array(np.array([1]), "tokens")
    table = onnx.numpy_helper.from_array(scores, "table")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=kind.FLOAT),
        helper.make_node("Sub", ["mask", "one"], ["seen"]),
        helper.make_node("Mul", ["seen", "far"], ["away"]),
        helper.make_node("Unsqueeze", ["away", "last"], ["away3"]),
        helper.make_node("Add", ["each", "away3"], ["shown"]),
        *([helper.make_node("Cast", ["token_type_ids"], ["unused"], to=1)] if is_old else []),
        helper.make_node("ReduceMax", ["shown", "tokens"], ["logits"], keepdims=0),
    ]
    inputs = [
        helper.make_tensor_value_info(name, kind.INT32 if is_old else kind.INT64, ["batch", "size"])
        for name in ("input_ids", "attention_mask", "token_type_ids")[: 3 if is_old else 2]
    ]
    output = helper.make_tensor_value_info("logits", kind.FLOAT, ["batch", scores.shape[1]])
    graph = helper.make_graph(nodes, "tiny", inputs, [output], [one, far, axes, first, table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _tokenizer(vocabulary: dict[str, int]) -> str:
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "[UNK]"))
    made.normalizer = tokenizers.normalizers.Lowercase()
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    text: str = made.to_str()
    return text
