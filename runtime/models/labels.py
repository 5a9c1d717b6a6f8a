"""Which labels of a classifier count, where a policy does not say.

Models name their labels as they like. Names that say what they mean are understood; where one does
not, the policy must say which count: a guess would be a guard that never alarms, or always does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_HARMLESS = frozenset(
    {
        "ok", "safe", "benign", "legit", "legitimate", "clean", "normal", "neutral", "none",
        "harmless", "acceptable", "non_toxic", "not_toxic", "nontoxic", "not_hate",
        "not_offensive", "not_injection", "no_injection",
    }
)  # fmt: skip
_INJECTION = re.compile("(?i)injection|jailbreak|malicious|unsafe|attack")
_NUMBERED = re.compile(r"(?i)label_?\d+|\d+")


def is_harmless(label: str) -> bool:
    return re.sub(r"[\s-]+", "_", label.strip().lower()) in _HARMLESS


def of_injections(present: Iterable[str], wanted: Any) -> frozenset[str]:
    """The labels that say that a text is an injection: those `wanted`, or those whose name says so.

    Raises:
        BuiltinError: a wanted label does not exist, or the name of one says nothing.
    """
    labels = list(present)
    if wanted is not None:
        return _chosen(labels, wanted)
    counted = {one for one in labels if not is_harmless(one) and _INJECTION.search(one)}
    unclear = [one for one in labels if one not in counted and not is_harmless(one)]
    if unclear:
        raise _unclear(unclear)
    return frozenset(counted)


def of_harm(present: Iterable[str], wanted: Any) -> frozenset[str]:
    """The labels that name a kind of harm: those `wanted`, or all but those that say that there is
    none.

    Raises:
        BuiltinError: a wanted label does not exist, or labels are numbers.
    """
    labels = list(present)
    if wanted is not None:
        return _chosen(labels, wanted)
    unclear = [one for one in labels if _NUMBERED.fullmatch(one)]
    if unclear:
        raise _unclear(unclear)
    return frozenset(one for one in labels if not is_harmless(one))


def _chosen(labels: list[str], wanted: Any) -> frozenset[str]:
    if not isinstance(wanted, list | tuple) or not wanted:
        raise BuiltinError(f"`labels` takes a list of texts, not {kind_of(wanted)}")
    for one in wanted:
        if one not in labels:
            known = ", ".join(f"`{label}`" for label in labels)
            raise BuiltinError(f"the model has no label `{one}`", f"it has {known}")
    return frozenset(wanted)


def _unclear(labels: list[str]) -> BuiltinError:
    shown = ", ".join(f"`{one}`" for one in labels)
    return BuiltinError(
        f"the labels of the model do not tell what they mean: {shown}",
        'say which count: `labels=["..."]`',
    )
