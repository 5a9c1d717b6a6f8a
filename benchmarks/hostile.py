"""Regular expressions that hang a backtracking engine, against a megabyte of text made for that.

Each must be answered, or refused in an error that blocks, within the second that one match may
take.
"""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

from benchmarks.results import Row
from benchmarks.setting import Setting, agree
from policyc import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 10**6

PATTERNS: tuple[tuple[str, str, str], ...] = (
    (r"^(a+)+$", "a", "!"),
    (r"(.*)*x", "a", "!"),
    (r"(x+x+)+y", "x", "!"),
    (r"^([a-zA-Z0-9]+)*@x$", "a", "!"),
    (r"^(\w+\s?)*$", "ab ", "!"),
    (r"^(a|aa)+$", "a", "!"),
    (r".*.*=.*", "a", "!"),
    (r"\s+$", " ", "!"),
    (r"<!--.*?-->.*?<p>", "<!---->", "!"),
    (r"^(?!b)(a+)+$", "a", "!"),
    (r"(a+)+\1b", "a", "!"),
    (r"(?<=a)(a|aa)+c", "a", "!"),
)
"""Pattern, what the text repeats, how it ends: none fits."""


def hostile_patterns(setting: Setting) -> Iterator[Row]:
    """One analysis of one message for each pattern, with all that its first use costs."""
    size = MEGABYTE // 20 if setting.effort.is_quick else MEGABYTE
    for pattern, part, end in PATTERNS:
        text = (part * (size // len(part) + 1))[: size - len(end)] + end
        source = f"raise \"x\" if:\n    (m: Message)\n    any(find(r'{pattern}', m.content))\n"
        policy = Policy.from_string(source)
        start = process_time()
        result = policy.analyze([{"role": "user", "content": text}])
        spent = process_time() - start
        agree(pattern, expected=0, policyc=len(result))
        agree(
            f"{pattern} blocks when it is refused",
            errors=bool(result.errors),
            blocked=result.blocked,
        )
        yield Row(
            f"`{pattern}`",
            spent * 1e3,
            "ms",
            goal=1100,
            stretch=50,
            note="refused, the result blocks" if result.errors else "answered",
        )
