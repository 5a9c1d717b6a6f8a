"""The labelled sets in `benchmarks/detector_sets`, read and written out.

Each set has two parts: `open`, which a detector was developed with, and `held_out`, which was
written before the detector's rules and is not used to change them.
"""

from __future__ import annotations

import os
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


def secret_items(part: str) -> list[SecretItem]:
    """The texts of a set of secrets: each form in five contexts, each assignment and each negative
    in two random versions."""
    data = table(SECRETS, part)
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


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and whether a detector should find something in it."""

    text: str
    is_positive: bool


def injection_items(part: str) -> list[Labelled]:
    """Attacks, and harmless texts in similar words."""
    data = table(INJECTION, part)
    attacks = [Labelled(text, True) for text in data["attacks"]]
    return attacks + [Labelled(text, False) for text in data["benign"]]


@dataclass(frozen=True, slots=True)
class LinkItem:
    """A text and the hosts of the addresses in it, in order of the alphabet. `is_address`: the text
    is an address as a whole, which may have no scheme."""

    text: str
    hosts: tuple[str, ...]
    is_address: bool = False


def link_items(part: str) -> list[LinkItem]:
    """Texts with addresses and without, and single addresses."""
    data = table(LINKS, part)
    items = [LinkItem(one["text"], tuple(sorted(one["hosts"]))) for one in data["case"]]
    items += [LinkItem(text, ()) for text in data.get("prose", ())]
    for address, host in data.get("url", {}).items():
        items.append(LinkItem(address, (host,) if host else (), is_address=True))
    return items


@dataclass(frozen=True, slots=True)
class PathItem:
    """A path as a tool may be given it, and whether it stays in the root."""

    path: str
    is_inside: bool


def path_items(part: str, root: str) -> list[PathItem]:
    """The paths of a set, for the root that `make_root` made."""
    data = table(PATHS, part)
    pairs = [(one["path"], one["inside"]) for one in data.get("case", ())]
    for is_inside, name in ((True, "inside"), (False, "outside")):
        for path in data.get(name, ()):
            pairs += [(way.replace("{}", path), is_inside) for way in data["ways"]]
        pairs += [(path, is_inside) for path in data.get(f"{name}_alone", ())]
    return [PathItem(_placed(path, root), is_inside) for path, is_inside in pairs]


def _placed(path: str, root: str) -> str:
    """A path of the set, below the folder that the root is in."""
    above = os.path.dirname(root)
    for start in ("/w/", "/tmp/../w/", "///w/"):
        if path.startswith(start):
            return start[: start.index("w")].replace("/tmp/../", "/") + (
                above.lstrip("/") + "/" + path[len(start) :]
            )
    return path.replace("{root}", root)


def make_root(folder: Path) -> str:
    """The folders and links that the sets of paths speak of; returns the root."""
    above = Path(os.path.realpath(folder)) / "w"
    root = above / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").touch()
    for name in ("other", "root2", "root-secret"):
        (above / name).mkdir()
    links = {
        "out": "/etc",
        "up": "..",
        "here": "sub",
        "loop": "loop",
        "sub/deep": "../../other",
        "abs": str(root / "sub"),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    return str(root)
