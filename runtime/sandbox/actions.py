"""Tool calls as agents write them, done in a sandbox: the calls of a recorded trace, above all.

A call is done by what its tool is called; several names stand for one operation, as agents of
several makes have them. It keeps its name in the trace, so that policies see what they know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.gate import Refused, refusal_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyc.runtime.sandbox.operations import Operations, Result

Event = dict[str, Any]


class UnknownTool(PolicycError):
    """A tool that a sandbox does not have, or arguments that it does not take."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a call. `verdict` is "done", "refused" (by the policy) or "failed"."""

    id: str
    tool: str
    verdict: str
    text: str
    rules: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        told = {"id": self.id, "tool": self.tool, "verdict": self.verdict, "text": self.text}
        return {**told, "rules": list(self.rules)}


def perform(box: Operations, tool: str, arguments: Mapping[str, Any]) -> str:
    """Do a call; its output as a text.

    Raises:
        UnknownTool: there is no such tool, or an argument is missing.
        Refused: the policy says no.
        SandboxError: it could not be done.
    """
    action = _ACTIONS.get(tool)
    if action is None:
        raise UnknownTool(f"a sandbox has no tool `{tool}`: it has {', '.join(sorted(_ACTIONS))}")
    return action(box, tool, arguments)


def replay(box: Operations, events: Sequence[Event]) -> Iterator[Done]:
    """Do the calls of a trace, one after the other. What was said is told to the gate in between;
    the outputs of the trace are left out, as there are new ones."""
    for event in events:
        calls = event.get("tool_calls") or []
        if event.get("role") == "tool":
            continue
        if not calls or event.get("content"):
            message = {key: value for key, value in event.items() if key != "tool_calls"}
            try:
                box.observe([message])
            except Refused as refused:
                yield _refused("", "message", refused)
        for call in calls:
            yield _done(box, call)


def _done(box: Operations, call: Any) -> Done:
    try:
        function = call["function"]
        number, tool, arguments = str(call.get("id", "")), function["name"], function["arguments"]
        if isinstance(arguments, str):
            arguments = json.loads(arguments)
        if not isinstance(tool, str) or not isinstance(arguments, dict):
            raise UnknownTool(f"the arguments of `{tool}` are no object")
    except (KeyError, TypeError, AttributeError, ValueError):
        return Done("", "", "failed", "this is no tool call")
    except UnknownTool as error:
        return Done("", "", "failed", str(error))
    try:
        return Done(number, tool, "done", perform(box, tool, arguments))
    except Refused as refused:
        return _refused(number, tool, refused)
    except (UnknownTool, SandboxError) as error:
        return Done(number, tool, "failed", str(error))


def _refused(number: str, tool: str, refused: Refused) -> Done:
    decision = refused.decision
    rules = tuple(one.rule.name for one in decision.violations)
    return Done(number, tool, "refused", refusal_text(decision), rules)


def _argument(arguments: Mapping[str, Any], *names: str, default: str | None = None) -> str:
    for name in names:
        value = arguments.get(name)
        if isinstance(value, str):
            return value
    if default is None:
        raise UnknownTool(f"the call has no text `{names[0]}`")
    return default


def _command(box: Operations, tool: str, arguments: Mapping[str, Any]) -> str:
    return _told(box.exec(_argument(arguments, "command", "cmd"), tool=tool))


def _code(box: Operations, tool: str, arguments: Mapping[str, Any]) -> str:
    return _told(box.python(_argument(arguments, "code", "source"), tool=tool))


def _read(box: Operations, _tool: str, arguments: Mapping[str, Any]) -> str:
    return box.read_file(_argument(arguments, "path", "file_path")).decode("utf-8", "replace")


def _write(box: Operations, _tool: str, arguments: Mapping[str, Any]) -> str:
    content = _argument(arguments, "content", "file_text", "text")
    box.write_file(
        _argument(arguments, "path", "file_path"), content.encode("utf-8", "surrogatepass")
    )
    return ""


def _edit(box: Operations, _tool: str, arguments: Mapping[str, Any]) -> str:
    old = _argument(arguments, "old_string", "old_str")
    new = _argument(arguments, "new_string", "new_str")
    box.edit_file(_argument(arguments, "path", "file_path"), old, new)
    return ""


def _list(box: Operations, _tool: str, arguments: Mapping[str, Any]) -> str:
    return "\n".join(box.list_files(_argument(arguments, "path", default=".")))


def _told(result: Result) -> str:
    """An output, and how the command ended where that was not well."""
    text = result.text
    if result.exit_code not in (0, None):
        text += f"\n[exit code {result.exit_code}]"
    elif result.exit_code is None:
        text += f"\n[{result.end.value}]"
    return text


_ACTIONS: Final[dict[str, Callable[[Operations, str, Mapping[str, Any]], str]]] = {
    **dict.fromkeys(
        ("Bash", "bash", "exec", "execute_bash", "run", "run_command", "shell", "terminal"),
        _command,
    ),
    **dict.fromkeys(("execute_ipython_cell", "python", "run_ipython", "run_python"), _code),
    **dict.fromkeys(("Read", "read", "read_file"), _read),
    **dict.fromkeys(("Write", "create_file", "write", "write_file"), _write),
    **dict.fromkeys(("Edit", "edit", "edit_file"), _edit),
    **dict.fromkeys(("list_directory", "list_files"), _list),
}
