"""The Unicode categories of the characters of a text: `Cf` for invisible ones, for example."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from policyc.runtime.bounds import BuiltinError, kind_of
from policyc.runtime.detectors.protocol import MAX_MARKS, Detection

_CATEGORIES = (
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
)  # fmt: skip
_NAME_OF = {chr(ord("A") + number): name for number, name in enumerate(_CATEGORIES)}
"""For each category a character that stands for it."""

_SIGN_OF = {name: sign for sign, name in _NAME_OF.items()}


class _Signs(dict[int, str]):
    """For the code of a character the sign of its category, to translate texts with."""

    def __missing__(self, code: int) -> str:
        sign = self[code] = _SIGN_OF[unicodedata.category(chr(code))]
        return sign


_IN_ASCII = _Signs()
for _code in range(128):
    _IN_ASCII[_code]
_OF_ASCII = frozenset(_NAME_OF[sign] for sign in _IN_ASCII.values())


def detect(text: str, categories: Any = None) -> list[Detection]:
    """A finding for each run of characters of one category, or of one of `categories`.

    After MAX_MARKS findings only categories that did not occur before are added.

    Raises:
        BuiltinError: `categories` is no list of texts.
    """
    wanted = None if categories is None else _categories(categories)
    is_ascii = text.isascii()
    if wanted is not None and is_ascii and not wanted & _OF_ASCII:
        return []
    # Of its own for other texts: a table that is kept would grow with every character there is.
    signs = text.translate(_IN_ASCII if is_ascii else _Signs(_IN_ASCII))
    found: list[Detection] = []
    seen: set[str] = set()
    for run in _runs_of(wanted).finditer(signs):
        category = _NAME_OF[signs[run.start()]]
        if len(found) < MAX_MARKS or category not in seen:
            found.append(Detection(category, *run.span()))
        seen.add(category)
    return found


@lru_cache(maxsize=64)
def _runs_of(wanted: frozenset[str] | None) -> re.Pattern[str]:
    """Finds runs of the signs of some categories, or of all."""
    signs = [sign for sign, name in _NAME_OF.items() if wanted is None or name in wanted]
    return re.compile("|".join(f"{re.escape(sign)}+" for sign in signs) or "(?!)")


def _categories(categories: Any) -> frozenset[str]:
    if isinstance(categories, list | tuple | set | frozenset) and all(
        isinstance(category, str) for category in categories
    ):
        return frozenset(categories)
    raise BuiltinError(
        f"`categories` takes a list of category names, not {kind_of(categories)}",
        'Write for example `unicode(data, ["Cf", "Co"])`.',
    )
