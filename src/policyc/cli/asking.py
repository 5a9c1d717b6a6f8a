"""Asking whoever sits at the terminal whether something may happen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from policyc.grammar.printable import printable
from policyc.runtime.detectors.masking import masked
from policyc.runtime.failures import BackendError

if TYPE_CHECKING:
    from policyc.runtime.sandbox.gate import Question

_SHOWN: Final = 2000
"""Characters of an output or an argument that are shown."""


def ask_at_terminal(question: Question) -> bool:
    """Show a question at the terminal of this process, whatever its streams are, and wait for `y`.

    Raises:
        BackendError: there is no terminal.
    """
    try:
        with open("/dev/tty", "w") as screen, open("/dev/tty") as keys:
            screen.write(_text(question))
            screen.flush()
            return keys.readline().strip().lower() in ("y", "yes")
    except OSError:
        raise BackendError("there is no terminal to ask at") from None


def _parts(shown: str) -> list[str]:
    """The lines of a text, without its middle where it is long: how much is not shown is told, as
    what is asked about may have been padded to hide a part of it."""
    if len(shown) <= _SHOWN:
        return shown.splitlines()
    half = _SHOWN // 2
    left_out = f"[... {len(shown) - 2 * half} characters are NOT shown here ...]"
    return [*shown[:half].splitlines(), left_out, *shown[-half:].splitlines()]


def _text(question: Question) -> str:
    if question.output is None:
        what = f"may `{question.tool}` run?"
        shown = "\n".join(
            f"  {name}: {value if isinstance(value, str) else json.dumps(value)}"
            for name, value in question.arguments.items()
        )
    else:
        what = f"may the output of `{question.tool}` be handed out?"
        shown = masked(question.output)
    lines = [
        f"policy: {masked(question.decision.reason)}",
        *_parts(shown),
        f"{what} [y/N] ",
    ]
    # Nothing that is asked about may move the cursor and hide the question.
    return "\n".join(map(printable, lines))
