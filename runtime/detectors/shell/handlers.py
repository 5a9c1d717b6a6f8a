"""All handlers of commands that run other commands, by the command's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell import containers, escapes, interpreters, prefixes, shells

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.unwrapping import Handler

HANDLERS: dict[str, Handler] = {
    **prefixes.HANDLERS,
    **escapes.HANDLERS,
    **interpreters.HANDLERS,
    **containers.HANDLERS,
    **shells.HANDLERS,
}
