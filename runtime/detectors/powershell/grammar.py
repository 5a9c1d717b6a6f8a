"""From text to a syntax tree: the only module that knows the parser of PowerShell."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.script import ParseClock, Script

if TYPE_CHECKING:
    from tree_sitter import Language

_FOREIGN = re.compile(r"[^\x01-\x7f]")


@cache
def _language() -> Language:
    from tree_sitter import Language  # noqa: PLC0415  # slow, and from an extra
    from tree_sitter_powershell import language  # noqa: PLC0415

    return Language(language())


def parse(text: str, clock: ParseClock) -> Script:
    """Read a text as PowerShell."""
    # One character for one: every position of the tree is one of the text.
    tree = clock.tree(_FOREIGN.sub("x", text), _language())
    return Script(text, None if tree is None else tree.root_node)
