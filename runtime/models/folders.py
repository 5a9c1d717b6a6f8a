"""A model in a folder of this machine, pinned by a digest of all its files; never a download.

A folder holds `model.onnx`, `tokenizer.json` and `config.json`. Its digest is that of the list
which `sha256sum config.json model.onnx tokenizer.json` prints. A policy names that digest, or the
folder holds the list as `SHA256SUMS`; a model that fits neither is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from policyc.runtime.bounds import BuiltinError

FILES = ("config.json", "model.onnx", "tokenizer.json")
SUMS = "SHA256SUMS"
BASE = "POLICYC_MODELS"
"""The variable that names the folder which relative names start from."""

_LISTED = f"sha256sum {' '.join(FILES)}"
_LICENSE = re.compile(r"\A---\n(?:(?!---).*\n)*?license:[ \t]*([\w.+-]+)", re.MULTILINE)
_MODEL_CARD_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder whose files fit their pin. `digests`: of each file. `labels`: by their number."""

    path: Path
    digest: str
    digests: dict[str, str]
    config: dict[str, Any]
    license: str

    @property
    def labels(self) -> list[str]:
        return labels_of(self.config)

    def read(self, name: str) -> bytes:
        """A file of the model, if it is still the one that was looked at.

        Raises:
            BuiltinError: it is another one, or cannot be read.
        """
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            raise BuiltinError(f"`{self.path / name}` cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != self.digests[name]:
            raise BuiltinError(f"`{self.path / name}` has changed since the policy was loaded")
        return data


def place_of(name: str) -> Path:
    """Where a model is: relative names start from POLICYC_MODELS, else from the working folder."""
    return (Path(os.environ.get(BASE, "")) / name).expanduser()


def open_folder(name: str, pin: str = "") -> ModelFolder:
    """The model of a folder, checked against `pin`, or against the list in it.

    Raises:
        BuiltinError: a file is missing or cannot be used, the model has no pin, or another one.
    """
    found = look_into(name)
    if pin:
        _check_pin(found, pin)
    else:
        _check_list(found)
    return found


def look_into(name: str) -> ModelFolder:
    """The model of a folder, pinned or not.

    Raises:
        BuiltinError: a file is missing or cannot be used.
    """
    path = place_of(name)
    if not path.is_dir():
        raise BuiltinError(
            f"there is no folder `{path}` with a model",
            f"put {', '.join(f'`{file}`' for file in FILES)} into a folder and name that: "
            "policyc downloads nothing",
        )
    digests = {file: _digest(path / file) for file in FILES}
    listed = "".join(f"{digests[file]}  {file}\n" for file in FILES)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    return ModelFolder(path, digest, digests, _config(path), _license(path))


def _check_pin(found: ModelFolder, pin: str) -> None:
    if pin.lower() != found.digest:
        raise BuiltinError(
            f"the model in `{found.path}` is not the one that `sha256` names",
            f"its digest is {found.digest}, by `{_LISTED} | sha256sum`",
        )


def _check_list(found: ModelFolder) -> None:
    path = found.path
    try:
        lines = (path / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise BuiltinError(
            f"the model in `{path}` is not pinned",
            f'write `sha256="{found.digest}"`, or keep as `{SUMS}` what `{_LISTED}` prints',
        ) from None
    except (OSError, ValueError) as error:
        raise BuiltinError(f"`{path / SUMS}` cannot be read: {error}") from error
    told = {}
    for line in lines:
        value, _, name = line.partition(" ")
        told[name.strip().removeprefix("*").removeprefix("./")] = value.lower()
    for file, digest in found.digests.items():
        if told.get(file) != digest:
            raise BuiltinError(
                f"`{path / file}` is not the file that `{SUMS}` lists",
                f"if it is the right one, make the list anew: `{_LISTED} > {SUMS}`",
            )


def _digest(path: Path) -> str:
    try:
        found = path.stat()
        return _digest_of(str(path.resolve()), found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError as error:
        raise BuiltinError(
            f"`{path}` cannot be read: {error.strerror}",
            f"a model folder holds {', '.join(f'`{file}`' for file in FILES)}",
        ) from error


@lru_cache(maxsize=256)
def _digest_of(path: str, *_stamp: int) -> str:
    """The digest of a file, once for each state of it: a model may have hundreds of megabytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads((path / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BuiltinError(f"`{path / 'config.json'}` cannot be read: {error}") from error
    if not isinstance(config, dict) or not labels_of(config):
        raise BuiltinError(
            f"`{path / 'config.json'}` does not name the labels of the model",
            'it needs `id2label`, as {"0": "SAFE", "1": "INJECTION"}',
        )
    return config


def labels_of(config: dict[str, Any]) -> list[str]:
    """The labels in `id2label` by their number; none where they are not numbered from 0."""
    told = config.get("id2label")
    if not isinstance(told, dict):
        return []
    labels = [told.get(str(number)) for number in range(len(told))]
    return [one for one in labels if isinstance(one, str)] if all(labels) else []


def _license(path: Path) -> str:
    """The license that the model card (`README.md`) states in its head."""
    try:
        with open(path / "README.md", encoding="utf-8", errors="replace") as file:
            found = _LICENSE.match(file.read(_MODEL_CARD_BYTES))
    except OSError:
        return ""
    return found[1] if found else ""
