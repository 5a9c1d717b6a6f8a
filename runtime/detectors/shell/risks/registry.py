"""The rules by the names of the commands that they are about, and the kinds of risk.

A rule looks at one command (`Call`) and yields a finding for each risk: a reason, and the word that
it is about or None for the whole command.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.handlers import HANDLERS
from policyc.runtime.detectors.shell.interpreters import language_of
from policyc.runtime.detectors.shell.risks import (
    accounts,
    containers,
    credentials,
    deletion,
    disks,
    downloads,
    environment,
    exfiltration,
    git,
    halting,
    logs,
    networks,
    packages,
    permissions,
    persistence,
    resources,
    reverse_shells,
    security,
    shell_escapes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.risks.rule import Rule
    from policyc.runtime.detectors.shell.values import Word

FAMILIES = (
    deletion,
    disks,
    downloads,
    reverse_shells,
    exfiltration,
    credentials,
    persistence,
    accounts,
    permissions,
    environment,
    logs,
    security,
    containers,
    shell_escapes,
    git,
    resources,
    packages,
    networks,
    halting,
)

RULES: tuple[Rule, ...] = tuple(rule for family in FAMILIES for rule in family.RULES)

KINDS: dict[str, str] = {kind: text for family in FAMILIES for kind, text in family.KINDS.items()}
"""The kinds of risk, each with what it says."""

KNOWN_NAMES: frozenset[str] = frozenset(
    {name for rule in RULES for name in rule.commands or ()} | set(HANDLERS)
)
"""Commands that rules or handlers know, tried where a name is hidden behind a pattern."""


@lru_cache(maxsize=2_048)
def _rules_for(name: str) -> tuple[Rule, ...]:
    names = {name, language_of(name) or name}
    return tuple(
        rule for rule in RULES if rule.commands is None or not names.isdisjoint(rule.commands)
    )


def findings(call: Call) -> Iterator[tuple[str, str, Word | None]]:
    """The kind, the reason and the word of each risk of a command."""
    for rule in _rules_for(call.name):
        if not rule.about or getattr(call, rule.about):
            for reason, word in rule.check(call):
                yield rule.kind, reason, word
