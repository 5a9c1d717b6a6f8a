"""Rule files in the form of gitleaks (TOML): reads them into rules that can be applied.

What of the form concerns a text is read: `rules` with `regex`, `secretGroup`, `entropy`,
`keywords`, `tags` and `allowlists`, global allow-lists, `extend.useDefault` (policyc's own rules,
not those of gitleaks) and `extend.disabledRules`. What concerns files and commits has no meaning
for a text and is passed over; a rule without a `regex` looks at paths only.

Expressions are those of Go's regexp package, which google-re2 reads in the same way and applies in
time linear in the text.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import re2  # type: ignore[import-untyped]

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.keywords import Keywords

MAX_FILE = 2_000_000
"""Bytes of a rule file."""

_MEMORY = 64_000_000
"""Bytes that an expression may take, compiled: rule files use long counted repetitions."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Findings that are none: `target` says what the expressions look at (`secret`, `match` or
    `line`); with `needs_all` both an expression and a stopword must fit."""

    regexes: tuple[Any, ...] = ()
    stopwords: tuple[bytes, ...] = ()
    target: str = "secret"
    needs_all: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `group` is the group of the expression that holds the secret, 0 for the first that
    took part, or the whole match."""

    id: str
    kind: str
    pattern: Any
    group: int = 0
    entropy: float = 0.0
    keywords: tuple[bytes, ...] = ()
    allow: tuple[AllowList, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order in which they are believed, and what no rule may find."""

    rules: tuple[Rule, ...]
    allow: tuple[AllowList, ...]
    keywords: Keywords


@cache
def built_in() -> RuleSet:
    """policyc's own rules."""
    file = resources.files("policyc.runtime.detectors") / "secrets.toml"
    return _rule_set(tomllib.loads(file.read_text("utf-8")), "secrets.toml")


def from_file(path: str) -> RuleSet:
    """The rules of a file; each place is read once.

    Raises:
        BuiltinError: it cannot be read, or a rule of it cannot be used.
    """
    # The same relative path is another file in another working directory.
    return _from_place(os.path.abspath(path), path)


@cache
def _from_place(place: str, path: str) -> RuleSet:
    """The rules of the file at `place`, which errors call `path`."""
    name = Path(place).name
    try:
        with Path(place).open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise BuiltinError(f"the rules `{path}` cannot be read: {reason}") from None
    if len(data) > MAX_FILE:
        raise BuiltinError(f"the rules `{path}` have more than {MAX_FILE} bytes")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except ValueError:
        # What is wrong would quote the file, and whoever names one may not be allowed to see it.
        raise BuiltinError(f"the rules `{path}` are not TOML") from None
    return _rule_set(table, name)


def _rule_set(table: dict[str, Any], file: str) -> RuleSet:
    rules = [
        _rule(entry, file)
        for entry in _tables(table.get("rules"), "rules", file)
        if entry.get("regex")
    ]
    allow = _allow_lists(table, file)
    extend = table.get("extend")
    if isinstance(extend, dict):
        if extend.get("path") or extend.get("url"):
            raise BuiltinError(f"`{file}` extends another file, which is not read")
        if extend.get("useDefault"):
            mine = {rule.id for rule in rules}
            rules += [rule for rule in built_in().rules if rule.id not in mine]
        disabled = set(_texts(extend.get("disabledRules"), "disabledRules", file))
        rules = [rule for rule in rules if rule.id not in disabled]
    if not rules:
        raise BuiltinError(f"`{file}` has no rule that looks at texts")
    return RuleSet(tuple(rules), allow, Keywords([rule.keywords for rule in rules]))


def _rule(entry: dict[str, Any], file: str) -> Rule:
    name = entry.get("id")
    if not isinstance(name, str) or not name:
        raise BuiltinError(f"a rule of `{file}` has no `id`")
    where = f"{file}: {name}"
    pattern = _pattern(entry["regex"], where)
    group, entropy = entry.get("secretGroup", 0), entry.get("entropy", 0.0)
    if not isinstance(group, int) or not 0 <= group <= pattern.groups:
        raise BuiltinError(f"`secretGroup` of `{where}` is no group of its expression")
    if isinstance(entropy, bool) or not isinstance(entropy, int | float):
        raise BuiltinError(f"`entropy` of `{where}` is no number")
    kinds = (
        tag.removeprefix("kind=")
        for tag in _texts(entry.get("tags"), "tags", where)
        if tag.startswith("kind=")
    )
    return Rule(
        name,
        next(kinds, name.upper().replace("-", "_")),
        pattern,
        group,
        float(entropy),
        _words(entry.get("keywords"), "keywords", where),
        _allow_lists(entry, where),
    )


def _allow_lists(table: dict[str, Any], where: str) -> tuple[AllowList, ...]:
    entries = _tables(table.get("allowlists"), "allowlists", where)
    if isinstance(table.get("allowlist"), dict):
        entries.append(table["allowlist"])
    found = (_allow_list(entry, where) for entry in entries)
    return tuple(one for one in found if one is not None)


def _allow_list(entry: dict[str, Any], where: str) -> AllowList | None:
    needs_all = str(entry.get("condition", "OR")).upper() in ("AND", "&&")
    if needs_all and (entry.get("paths") or entry.get("commits")):
        return None  # a text has neither, so this never fits
    regexes = tuple(
        _pattern(text, where) for text in _texts(entry.get("regexes"), "regexes", where)
    )
    words = _words(entry.get("stopwords"), "stopwords", where)
    if not regexes and not words:
        return None
    target = str(entry.get("regexTarget", "secret"))
    return AllowList(regexes, words, target, needs_all and bool(regexes) and bool(words))


def _pattern(text: Any, where: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(text, options)
    except (re2.error, TypeError):
        raise BuiltinError(f"an expression of `{where}` is not one that can be used") from None


def _tables(value: Any, name: str, where: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BuiltinError(f"`{name}` of `{where}` are no tables")
    return list(value)


def _texts(value: Any, name: str, where: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise BuiltinError(f"`{name}` of `{where}` are no texts")
    return value


def _words(value: Any, name: str, where: str) -> tuple[bytes, ...]:
    return tuple(word.lower().encode("utf-8") for word in _texts(value, name, where))
