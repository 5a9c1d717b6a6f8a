"""The labelled sets in `benchmarks/detector_sets`, read and written out.

Each set has two parts: `open`, which a detector was developed with, and `held_out`, which was
written before the detector's rules and is not used to change them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.detectors.recipes import expand

FOLDER = Path(__file__).parents[1] / "detector_sets"
PARTS = ("open", "held_out")
SECRETS, INJECTION, LINKS, PATHS = "secrets", "injection", "links", "paths"


def table(name: str, part: str) -> dict[str, Any]:
    """The file of a part of a set."""
    suffix = "" if part == "open" else f".{part}"
    return tomllib.loads((FOLDER / f"{name}{suffix}.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class SecretItem:
    """A text and the secret in it; empty where there is none."""

    text: str
    secret: str
    kind: str


def read_set(name: str, part: str) -> list[SecretItem]:
    """The texts of a set of secrets: each form in five contexts, each assignment and each negative
    in two random versions."""
    data = table(name, part)
    random = Random(1)
    items = []
    for kind, recipe in data["formats"].items():
        for context in random.sample(data["contexts"], 5):
            secret = expand(recipe, random)
            items.append(SecretItem(context.replace("{}", secret), secret, kind))
    for kind, recipe in data["assigned"].items():
        for _ in range(2):
            text = expand(recipe, random)
            items.append(SecretItem(text, text, kind))
    for recipe in data["negatives"]["texts"]:
        items += [SecretItem(expand(recipe, random), "", "negative") for _ in range(2)]
    return items
