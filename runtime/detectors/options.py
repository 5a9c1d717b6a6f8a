"""Options that every detector has, besides its own, and what of a detector depends on an extra."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from policyc.compiler.signatures import FunctionKind, Param
from policyc.compiler.typesystem import TEXT

if TYPE_CHECKING:
    from policyc.compiler.signatures import Signature

ON_ERROR = ("deny", "allow")
"""What happens where a detector fails: its rule fails and blocks, or it counts as nothing found."""

ON_ERROR_PARAM = Param("on_error", TEXT, "deny", keyword_only=True, choices=ON_ERROR)


def complete(row: Signature) -> Signature:
    """A row with what all rows of its kind have: `on_error`, and whether its extra is there."""
    if row.kind is FunctionKind.DETECTOR and all(one.name != "on_error" for one in row.parameters):
        row = replace(row, parameters=(*row.parameters, ON_ERROR_PARAM))
    if row.missing is None and not all(map(_is_there, row.requires)):
        row = replace(row, missing=_reason(row))
    return row


def _reason(row: Signature) -> str:
    if row.extra:
        return f"`policyc[{row.extra}]` is not installed"
    absent = next(name for name in row.requires if not _is_there(name))
    return f"it needs the Python module `{absent}`"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
