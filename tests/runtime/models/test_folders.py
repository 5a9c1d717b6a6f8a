"""A model is what its pin says, or it is not used."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from tests.runtime.models.tiny_model import make_model

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.models.folders import FILES, open_folder

WORDS = {"ignore": {"INJECTION": 5.0}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model", ["SAFE", "INJECTION"], WORDS, default={"SAFE": 5.0})


def listed(folder: Path) -> str:
    """What `sha256sum` prints of the files of a model."""
    done = subprocess.run(
        ["sha256sum", *FILES], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def refused(folder: Path, pin: str = "") -> BuiltinError:
    with pytest.raises(BuiltinError) as caught:
        open_folder(str(folder), pin)
    return caught.value


def test_the_digest_is_that_of_the_list_that_sha256sum_prints(folder: Path) -> None:
    digest = hashlib.sha256(listed(folder).encode()).hexdigest()
    assert open_folder(str(folder), digest).digest == digest
    assert open_folder(str(folder), digest.upper()).labels == ["SAFE", "INJECTION"]


def test_a_model_without_a_pin_is_refused_with_the_pin_to_write(folder: Path) -> None:
    error = refused(folder)
    assert error.message == f"the model in `{folder}` is not pinned"
    digest = hashlib.sha256(listed(folder).encode()).hexdigest()
    assert f'write `sha256="{digest}"`' in (error.help or "")


@pytest.mark.parametrize("file", FILES)
def test_another_file_than_the_pinned_one_is_refused(folder: Path, file: str) -> None:
    digest = open_folder(str(folder), _pin(folder)).digest
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    assert "is not the one that `sha256` names" in refused(folder, digest).message


@pytest.mark.parametrize("file", FILES)
def test_a_list_in_the_folder_pins_as_well(folder: Path, file: str) -> None:
    (folder / "SHA256SUMS").write_text(listed(folder))
    assert open_folder(str(folder)).digest == _pin(folder)
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    assert "is not the file that `SHA256SUMS` lists" in refused(folder).message


def test_a_list_that_leaves_a_file_out_pins_nothing(folder: Path) -> None:
    (folder / "SHA256SUMS").write_text(listed(folder).splitlines()[0] + "\n")
    assert "`SHA256SUMS` lists" in refused(folder).message


def test_what_changes_after_it_was_looked_at_is_not_loaded(folder: Path) -> None:
    model = open_folder(str(folder), _pin(folder))
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(BuiltinError, match="has changed since"):
        model.read("model.onnx")


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert f"{file}` cannot be read: No such file" in refused(folder).message


def test_a_name_of_a_hub_is_no_folder(tmp_path: Path) -> None:
    error = refused(Path("someone/some-model"))
    assert error.message == "there is no folder `someone/some-model` with a model"
    assert "policyc downloads nothing" in (error.help or "")


@pytest.mark.parametrize(
    "config", ["", "[]", "{}", '{"id2label": {"1": "A"}}', '{"id2label": {"0": 3}}', "[" * 100_000]
)
def test_a_model_without_labels_is_refused(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    assert "config.json" in refused(folder, "0" * 64).message


def test_relative_names_start_from_a_folder_that_can_be_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = _pin(folder)
    monkeypatch.setenv("POLICYC_MODELS", str(folder.parent))
    assert open_folder("model", pin).path == folder


def test_the_license_is_that_of_the_model_card(folder: Path) -> None:
    pin = _pin(folder)
    assert open_folder(str(folder), pin).license == ""
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    assert open_folder(str(folder), pin).license == "apache-2.0"
    (folder / "README.md").write_text("---\nlanguage: en\n---\nlicense: none of that\n")
    assert open_folder(str(folder), pin).license == ""


def _pin(folder: Path) -> str:
    return hashlib.sha256(listed(folder).encode()).hexdigest()
