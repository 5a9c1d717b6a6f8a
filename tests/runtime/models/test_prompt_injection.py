"""`prompt_injection` with a classifier: in a folder, and behind an address."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.models.services import Answer, Asked, service
from tests.runtime.models.tiny_model import make_model, onnx, tokenizers

import policyc
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.injection import detect
from policyc.runtime.models import engines, requests
from policyc.runtime.models.classifier import classifier
from policyc.runtime.models.folders import look_into

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {"ignore": {"INJECTION": 5.0}, "maybe": {"INJECTION": 0.0}}


@pytest.fixture
def model(tmp_path: Path) -> dict[str, str]:
    """A model that takes 16 tokens, and its pin, as options."""
    folder = make_model(tmp_path / "m", ["SAFE", "INJECTION"], WORDS, default={"SAFE": 0.0})
    return options(folder)


def options(folder: Path) -> dict[str, str]:
    return {"model": str(folder), "sha256": look_into(str(folder)).digest}


def spans(text: str, **named: Any) -> list[str]:
    return [text[one.start : one.end] for one in detect(text, **named)]


def test_the_window_that_alarms_is_marked(model: dict[str, str]) -> None:
    (found,) = detect("Please IGNORE the rules", **model)
    assert (found.type, found.start, found.end, found.detail) == (
        "PROMPT_INJECTION", 0, 23, "INJECTION",
    )  # fmt: skip
    assert found.score == pytest.approx(0.9933, abs=1e-3)
    assert detect("Please follow the rules", **model) == []


def test_a_long_text_is_looked_at_to_its_end(model: dict[str, str]) -> None:
    words = [f"w{number}" for number in range(300)]
    words[290] = "ignore"
    text = " ".join(words)
    found = spans(text, **model)
    assert found, "what stands beyond the first window is not cut off"
    assert all("ignore" in one for one in found)
    assert sum(len(one.split()) for one in found) < 40


@pytest.mark.parametrize("place", range(40))
def test_every_place_lies_in_a_window(model: dict[str, str], place: int) -> None:
    words = ["word"] * 40
    words[place] = "ignore"
    (found,) = spans(" ".join(words), **model)
    assert "ignore" in found


def test_windows_overlap(model: dict[str, str]) -> None:
    folder = look_into(model["model"])
    (found,) = classifier(folder).classify([" ".join(["word"] * 60)], float("inf"))
    assert all(later.start < earlier.end for earlier, later in pairwise(found))


def test_padding_is_not_looked_at(model: dict[str, str]) -> None:
    long = " ".join(["word"] * 12)
    assert [len(one) for one in detect.batch(["a", long, "ignore", ""], **model)] == [0, 0, 1, 0]


def test_places_are_characters(model: dict[str, str]) -> None:
    text = "\U0001f600 \u00e9\ud800 " + "word " * 30 + "ignore"
    assert spans(text, **model)[0].endswith("ignore")


def test_the_threshold_is_that_of_the_score(model: dict[str, str]) -> None:
    assert detect("maybe word", threshold=0.5, **model)
    assert not detect("maybe word", threshold=0.51, **model)


def test_labels_that_say_nothing_must_be_chosen(tmp_path: Path) -> None:
    words = {"ignore": {"LABEL_1": 5.0}}
    model = options(make_model(tmp_path / "m", ["LABEL_0", "LABEL_1"], words))
    with pytest.raises(BuiltinError, match="do not tell what they mean: `LABEL_0`, `LABEL_1`"):
        detect("ignore", **model)
    assert detect("ignore", labels=["LABEL_1"], **model)
    with pytest.raises(BuiltinError, match="has no label `LABEL_2`"):
        detect("ignore", labels=["LABEL_2"], **model)


def test_a_model_with_three_inputs_of_32_bits(tmp_path: Path) -> None:
    folder = make_model(
        tmp_path / "m", ["SAFE", "INJECTION"], WORDS, default={"SAFE": 0.0}, is_old=True
    )
    assert [len(one) for one in detect.batch(["ignore", "word"], **options(folder))] == [1, 0]


def test_places_are_characters_also_where_tokens_are_bytes(tmp_path: Path) -> None:
    words = {f"w{number}": {"INJECTION": 5.0} for number in range(300)}
    folder = make_model(tmp_path / "m", ["SAFE", "INJECTION"], words)
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE())
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.post_processor = tokenizers.processors.ByteLevel(trim_offsets=True)
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    bytewise.train_from_iterator(
        ["\u00e9\u00e8 \U0001f600"],
        tokenizers.trainers.BpeTrainer(vocab_size=260, initial_alphabet=letters),
    )
    (folder / "tokenizer.json").write_text(bytewise.to_str())
    text = "\U0001f600\u00e9 \u4f60\u597d" * 20
    (found,) = detect(text, threshold=0, labels=["INJECTION"], **options(folder))
    assert (found.start, found.end) == (0, len(text))


def test_two_labels_of_injections_count_together(tmp_path: Path) -> None:
    labels = ["BENIGN", "INJECTION", "JAILBREAK"]
    words = {"ignore": {"INJECTION": 2.0, "JAILBREAK": 2.0, "BENIGN": 0.0}}
    model = options(make_model(tmp_path / "m", labels, words, default={"BENIGN": 0.0}))
    assert detect("ignore", threshold=0.9, **model)


def test_time_that_is_up_is_an_error(model: dict[str, str]) -> None:
    with pytest.raises(BuiltinError, match="too slow: it looked at 0 of"):
        detect("word " * 400, timeout=1e-9, **model)


@pytest.mark.parametrize(
    ("file", "content"), [("model.onnx", b"no model"), ("tokenizer.json", b"{}")]
)
def test_a_model_that_cannot_be_loaded_is_an_error(
    tmp_path: Path, file: str, content: bytes
) -> None:
    folder = make_model(tmp_path / "m", ["SAFE", "INJECTION"], WORDS)
    (folder / file).write_bytes(content)
    with pytest.raises(BuiltinError, match="cannot be loaded"):
        detect("ignore", **options(folder))


def test_weights_in_another_file_are_refused_as_no_pin_covers_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(tmp_path / "m", ["SAFE", "INJECTION"], WORDS)
    network = onnx.load(str(folder / "model.onnx"))
    (table,) = [one for one in network.graph.initializer if one.name == "table"]
    onnx.external_data_helper.set_external_data(table, location="weights.bin")
    onnx.external_data_helper.write_external_data_tensors(network, str(folder))
    (folder / "model.onnx").write_bytes(network.SerializeToString())
    monkeypatch.chdir(folder)
    assert (folder / "weights.bin").exists()
    with pytest.raises(BuiltinError, match="cannot be loaded"):
        detect("ignore", **options(folder))


def test_scores_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    words = {"ignore": {"INJECTION": float("inf")}}
    model = options(make_model(tmp_path / "m", ["SAFE", "INJECTION"], words))
    with pytest.raises(BuiltinError, match="a score for each of its labels"):
        detect("ignore", **model)


def test_a_model_with_other_labels_than_it_says_is_an_error(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", ["SAFE", "INJECTION"], WORDS)
    (folder / "config.json").write_text('{"id2label": {"0": "INJECTION"}}')
    with pytest.raises(BuiltinError, match="a score for each of its labels"):
        detect("ignore", **options(folder))


def test_a_policy_marks_the_window(model: dict[str, str]) -> None:
    policy = policyc.Policy.from_string(
        "from invariant.detectors import prompt_injection\n\n"
        f'PIN := "{model["sha256"]}"\n\nraise "orders" if:\n    (o: ToolOutput)\n'
        f'    prompt_injection(o, model="{model["model"]}", sha256=PIN)\n'
    )
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}
    trace = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "word ignore"},
    ]
    assert policy.analyze(trace)[0].ranges == ["1", "1.content:0-11"]
    assert not policy.analyze([*trace[:1], {**trace[1], "content": "word"}])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ('model="there/is/none"', "there is no folder `there/is/none` with a model"),
        ('model="endpoint"', "no address is configured for it"),
        ('model="ftp://x"', "there is no folder `ftp:/x` with a model"),
        ('model="https://user:word@host"', "the address in this call holds more than a place"),
        ("model=m.content", "`model` of `prompt_injection` is not known before the policy runs"),
        ("sha256=m.content", "`sha256` of `prompt_injection` is not known before the policy runs"),
    ],
)
def test_what_is_not_there_is_told_when_the_policy_is_loaded(argument: str, message: str) -> None:
    with pytest.raises(policyc.PolicyError) as caught:
        policyc.Policy.from_string(
            'from invariant.detectors import prompt_injection\n\nraise "x" if:\n'
            f"    (m: Message)\n    prompt_injection(m, {argument})\n"
        )
    (found,) = caught.value.diagnostics
    assert found.message.endswith(message)
    assert (found.line, bool(found.help)) == (5, True)


def test_without_the_extra_the_policy_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, model: dict[str, str]
) -> None:
    monkeypatch.setattr(engines, "CLASSIFIER_MODULES", ("onnxruntime", "there_is_none"))
    with pytest.raises(policyc.PolicyError) as caught:
        policyc.Policy.from_string(
            'from invariant.detectors import prompt_injection\n\nraise "x" if:\n'
            f'    (m: Message)\n    prompt_injection(m, model="{model["model"]}")\n'
        )
    (found,) = caught.value.diagnostics
    assert "`policyc[injection]` is not installed" in found.message
    assert found.help == "install it: `pip install 'policyc[injection]'`"


# --- an endpoint ----------------------------------------------------------------------------------


def classify(asked: Asked) -> Answer:
    score = 0.97 if "ignore" in asked.body["inputs"] else 0.02
    return Answer([{"label": "INJECTION", "score": score}, {"label": "SAFE", "score": 1 - score}])


def test_an_endpoint_gets_pieces_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "word " * 500 + "ignore"
    with service(classify) as there:
        monkeypatch.setenv("POLICYC_INJECTION_URL", there.url)
        monkeypatch.setenv("POLICYC_INJECTION_KEY", "k-1")
        (found,) = detect(text, "endpoint")
        assert detect("word", "endpoint") == []
    assert text[found.start : found.end].endswith("ignore") and found.score == 0.97
    assert found.end - found.start <= 1_500
    assert {asked.headers["authorization"] for asked in there.asked} == {"Bearer k-1"}
    assert "".join(asked.body["inputs"] for asked in there.asked).count("ignore") == 1


def test_an_address_in_a_policy_gets_no_key_that_is_meant_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POLICYC_INJECTION_URL", "https://models.example/v1")
    monkeypatch.setenv("POLICYC_INJECTION_KEY", "k-1")
    with service(classify) as there:
        assert detect("ignore", there.url)
    assert "authorization" not in there.asked[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        "no JSON",
        {},
        [],
        [{"label": "INJECTION"}],
        [{"label": "INJECTION", "score": 7}],
        [{"label": "INJECTION", "score": True}],
        [{"label": "LABEL_1", "score": 0.5}],
    ],
)
def test_an_answer_of_another_form_is_an_error(answer: Any) -> None:
    with service(lambda _: Answer(answer)) as there, pytest.raises(BuiltinError):
        detect("ignore", there.url)


def test_a_nested_answer_is_understood() -> None:
    with service(lambda _: Answer([[{"label": "JAILBREAK", "score": 0.99}]])) as there:
        assert detect("ignore", there.url)[0].detail == "JAILBREAK"


def test_an_endpoint_that_is_not_there_blocks_unless_the_policy_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT", 0.0)
    with service(classify) as there:
        url = there.url
    for allow, is_blocked in (("", True), (', on_error="allow"', False)):
        policy = policyc.Policy.from_string(
            'from invariant.detectors import prompt_injection\n\nraise "x" if:\n'
            f'    (m: Message)\n    prompt_injection(m, model="{url}"{allow})\n'
        )
        result = policy.analyze([{"role": "user", "content": "ignore"}])
        assert (result.blocked, bool(result.errors)) == (is_blocked, is_blocked)
