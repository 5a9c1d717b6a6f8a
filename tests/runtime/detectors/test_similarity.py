"""Similarity by models: a real one of model2vec, made here, and a real server on this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from policyc import Policy, PolicyError
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors import similarity
from policyc.runtime.models import embeddings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = (
    "Hello to everybody in this nice room. Please purchase an automobile for us. The rain is here."
)
VECTORS = {
    "[UNK]": (0.0, 0.0, 0.0), "car": (1, 0.1, 0), "automobile": (1, 0.12, 0), "buy": (0, 1, 0),
    "purchase": (0, 0.98, 0.1), "weather": (0, 0, 1), "rain": (0, 0.05, 1),
}  # fmt: skip


def pin(folder: Path) -> str:
    lines = (
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in embeddings.FILES
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model2vec = pytest.importorskip("model2vec", reason="policyc[embeddings] is not installed")
    import numpy as np  # noqa: PLC0415  # of an extra
    from tokenizers import (  # noqa: PLC0415  # as above
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
    )  # fmt: skip

    words = {word: number for number, word in enumerate(VECTORS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.array(list(VECTORS.values()), dtype=np.float32)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model2vec.StaticModel(table, tokenizer, normalize=True).save_pretrained(folder)
    return folder


def test_meanings_are_compared_and_the_passage_is_marked(model: Path) -> None:
    (found,) = similarity.detect(TEXT, "buy a car", 0.9, model=str(model), sha256=pin(model))
    assert TEXT[found.start : found.end].strip() == "Please purchase an automobile for us."
    assert found.score > 0.95
    assert found.detail == f"tiny sha256:{pin(model)[:12]}"
    assert not similarity.detect(TEXT, "weather car", 0.95, model=str(model), sha256=pin(model))
    assert not similarity.detect("", "car", 0.5, model=str(model), sha256=pin(model))
    assert not similarity.detect("zzz", "car", 0.5, model=str(model), sha256=pin(model))


def test_nothing_of_a_long_text_is_left_out(model: Path) -> None:
    text = "word " * 5000 + "purchase the automobile" + " word" * 5000
    (found,) = similarity.detect(text, "buy car", 0.9, model=str(model), sha256=pin(model))
    assert "purchase the automobile" in text[found.start : found.end]


def test_embedding_similarity(model: Path) -> None:
    options = {"model": str(model), "sha256": pin(model)}
    compare = similarity.embedding_similarity
    assert compare("car", "automobile", **options) > 0.99
    assert compare(["car", "rain"], "weather", "min", **options) < 0.1
    assert compare(["car", "rain"], "weather", "mean", **options) == pytest.approx(0.5, abs=0.05)
    assert compare("drop the table", "drop a table", model="lexical") > 0.5
    with pytest.raises(BuiltinError, match="`mode` takes"):
        compare("a", "b", "median", **options)
    with pytest.raises(BuiltinError, match="needs a text on both sides"):
        compare([], "b", **options)


@pytest.mark.parametrize("name", embeddings.FILES)
def test_a_model_that_was_changed_is_not_used(model: Path, tmp_path: Path, name: str) -> None:
    for file in embeddings.FILES:
        (tmp_path / file).write_bytes((model / file).read_bytes())
    digest = pin(tmp_path)
    assert similarity.detect("car", "car", 0.9, model=str(tmp_path), sha256=digest)
    (tmp_path / name).write_bytes((model / name).read_bytes() + b" ")
    with pytest.raises(BuiltinError, match="not the one that `sha256` names"):
        similarity.detect("car", "car", 0.9, model=str(tmp_path), sha256=digest)


def refused(call: str) -> tuple[str, str]:
    source = (
        "from invariant.detectors import is_similar\n"
        f'raise "x" if:\n    (m: Message)\n    is_similar(m, "buy a car", {call})\n'
    )
    with pytest.raises(PolicyError) as caught:
        Policy.from_string(source)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0601"
    return problem.message, problem.help or ""


def test_what_is_missing_is_told_when_the_policy_is_loaded(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLICYC_EMBEDDINGS_URL", raising=False)
    given = json.dumps(str(model))
    message, advice = refused(f"0.8, model={given}")
    assert "is not pinned" in message
    assert pin(model) in advice
    message, advice = refused(f'"same_topic", model={given}, sha256="{pin(model)}"')
    assert "`same_topic` is a threshold of `lexical`" in message
    assert "there is no folder" in refused('0.8, model="/no/such/folder"')[0]
    message, advice = refused('0.8, model="endpoint:small"')
    assert "no address is configured" in message
    assert "POLICYC_EMBEDDINGS_URL" in advice
    monkeypatch.setattr(embeddings, "needs_extra", lambda *_: BuiltinError("not installed", "pip"))
    assert "not installed" in refused(f"0.8, model={given}")[0]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A server with the API; `asked` are the bodies that it got, `answer` changes what it says."""
    state: dict[str, Any] = {"asked": [], "answer": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state["asked"].append((self.path, self.headers["Authorization"], body))
            rows = [
                {"index": number, "embedding": [float("car" in text or "auto" in text), 0.5]}
                for number, text in enumerate(body["input"])
            ]
            answer = {"model": body["model"], "data": rows[::-1], **state["answer"]}
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("POLICYC_EMBEDDINGS_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("POLICYC_EMBEDDINGS_KEY", "k3y")
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_is_asked_once_for_each_text(service: dict[str, Any]) -> None:
    for _ in range(2):
        (found,) = similarity.detect(TEXT, "car", 0.99, model="endpoint:small")
        assert "automobile" in TEXT[found.start : found.end]
        assert found.detail.startswith("small at http://127.0.0.1:")
    asked = [text for _, _, body in service["asked"] for text in body["input"]]
    assert len(asked) == len(set(asked))
    assert {(path, key) for path, key, _ in service["asked"]} == {("/v1/embeddings", "Bearer k3y")}
    similarity.detect(TEXT, "car", 0.99, model="endpoint:large")
    assert {body["model"] for _, _, body in service["asked"]} == {"small", "large"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"model": "other"}, "answers with the model `other`, not `small`"),
        ({"data": []}, "does not answer with a vector for each text"),
        ({"data": [{"index": n, "embedding": []} for n in range(9)]}, "cannot be compared"),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error(
    service: dict[str, Any], answer: dict[str, Any], words: str
) -> None:
    service["answer"] = answer
    with pytest.raises(BuiltinError, match=words):
        similarity.detect(f"{TEXT} {answer}", "a target", 0.5, model="endpoint:small")
