"""The tools of a sandbox as a model sees them: what they are, and what each call answers in words.

Nothing here knows the protocol. What a model is told of a refusal must let it go on: which rule it
was, whether anything happened, and what to do now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.sandbox.execution import End
from policyc.runtime.sandbox.gate import Refused, refusal_text
from policyc.runtime.sandbox.spec import TEMPORARY, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from policyc.runtime.sandbox.operations import Operations, Result
    from policyc.runtime.sandbox.spec import SandboxSpec

MOST_CHARACTERS: Final = 30_000
"""Of an answer; more would fill the context of a model."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave. `is_error`: it was refused or failed, and the text says why."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, what it does, and its parameters as properties of a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    only_reads: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": {name: dict(one) for name, one in self.parameters.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }


def about(spec: SandboxSpec) -> str:
    """What a sandbox can and cannot do, for the instructions of a model."""
    if "open-network" in spec.loosened:
        network = "The network is open."
    elif spec.allow_hosts:
        network = (
            f"The network reaches {', '.join(spec.allow_hosts)} only, through the proxy of the "
            "environment (https_proxy): do not set another one."
        )
    else:
        network = "There is no network: do not try to download or install anything."
    return (
        "These tools work in a sandbox, apart from the machine of the user. "
        f"Its files are in {WORKSPACE}, the folder in which commands begin, and are deleted with "
        f"it; {TEMPORARY} is for temporary files; the rest is read-only. {network} Commands have "
        "no privileges (no sudo) and end after "
        f"{spec.resources.seconds:g} seconds; what they leave running in the background is killed. "
        "Every call is judged by a policy before it happens, and its output before you see it. A "
        "refused call is an error that names the rule: do what you want in a way that the rule "
        "allows, or ask the user; do not try to get around it."
    )


def tools(spec: SandboxSpec) -> list[Tool]:
    """The tools of a sandbox."""
    seconds = spec.resources.seconds
    path = {"type": "string", "description": f"absolute, or from {WORKSPACE} on"}
    return [
        Tool(
            "bash",
            "Run a script with bash, to its end, in the sandbox. Each call begins anew in "
            f"{WORKSPACE}: `cd` and variables do not last. Standard output and error come "
            f"together, at most {MOST_CHARACTERS} characters; more is cut in the middle, so send "
            "long output to a file and look at parts of it. " + about(spec),
            {
                "command": {"type": "string", "description": "the script"},
                "timeout": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": f"seconds that it may take, at most {seconds:g}",
                },
            },
            ("command",),
        ),
        Tool(
            "read_file",
            "Read a text file of the sandbox. Of a long one, ask for some of its lines.",
            {
                "path": path,
                "offset": {"type": "integer", "minimum": 1, "description": "the first line"},
                "limit": {"type": "integer", "minimum": 1, "description": "how many lines"},
            },
            ("path",),
            only_reads=True,
        ),
        Tool(
            "write_file",
            "Write a file of the sandbox, with the folders that it takes. What was in it is lost.",
            {"path": path, "content": {"type": "string", "description": "all of it"}},
            ("path", "content"),
        ),
        Tool(
            "edit_file",
            "Replace a text in a file of the sandbox. The old text must be in it exactly once: "
            "give enough of what surrounds it.",
            {
                "path": path,
                "old_string": {"type": "string", "description": "what is there now"},
                "new_string": {"type": "string", "description": "what takes its place"},
            },
            ("path", "old_string", "new_string"),
        ),
        Tool(
            "list_files",
            "List a folder of the sandbox: folders first, with `/` at their ends.",
            {"path": {**path, "default": "."}},
            (),
            only_reads=True,
        ),
    ]


class Calls:
    """Calls of the tools of one sandbox, from any thread."""

    def __init__(self, sandbox: Operations) -> None:
        self._sandbox = sandbox
        self._tools = {tool.name: tool for tool in tools(sandbox.spec)}
        self._answers: dict[str, Callable[[Mapping[str, Any], Event], Answer]] = {
            "bash": self._bash,
            "read_file": self._read,
            "write_file": self._write,
            "edit_file": self._edit,
            "list_files": self._list,
        }

    @property
    def tools(self) -> list[Tool]:
        """What can be called."""
        return list(self._tools.values())

    def call(self, name: str, arguments: Mapping[str, Any], cancelled: Event) -> Answer:
        """What a call answers, also where it goes wrong. `cancelled` ends a command."""
        tool = self._tools.get(name)
        if tool is None:
            return Answer(f"there is no tool `{name}`: use {', '.join(self._tools)}", True)
        fault = _fault(tool, arguments)
        if fault:
            return Answer(f"the arguments of `{name}` are wrong: {fault}", True)
        try:
            return self._answers[name](arguments, cancelled)
        except Refused as refused:
            return Answer(_refused(refused), True)
        except PolicycError as error:
            return Answer(str(error), True)
        except Exception as error:  # the model may go on; the next call may work
            return Answer(f"the sandbox failed: {type(error).__name__}: {error}", True)

    def _bash(self, arguments: Mapping[str, Any], cancelled: Event) -> Answer:
        result = self._sandbox.exec(
            arguments["command"], seconds=arguments.get("timeout"), cancelled=cancelled
        )
        notes = _notes(result)
        text = shortened(result.text)
        if notes:
            text = f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}[{notes}]"
        return Answer(text or "[no output]", result.end is not End.EXITED)

    def _read(self, arguments: Mapping[str, Any], _cancelled: Event) -> Answer:
        data = self._sandbox.read_file(arguments["path"])
        if b"\0" in data:
            return Answer(f"it is no text, but {len(data)} bytes: look at it with commands", True)
        lines = data.decode("utf-8", "replace").splitlines(keepends=True)
        first = arguments.get("offset", 1) - 1
        chosen = lines[first : first + arguments.get("limit", len(lines))]
        if lines and not chosen:
            return Answer(f"the file has {len(lines)} lines only", True)
        return Answer(shortened("".join(chosen)) or "[the file is empty]")

    def _write(self, arguments: Mapping[str, Any], _cancelled: Event) -> Answer:
        data = arguments["content"].encode("utf-8", "surrogatepass")
        self._sandbox.write_file(arguments["path"], data)
        return Answer(f"wrote {len(data)} bytes to `{arguments['path']}`")

    def _edit(self, arguments: Mapping[str, Any], _cancelled: Event) -> Answer:
        self._sandbox.edit_file(arguments["path"], arguments["old_string"], arguments["new_string"])
        return Answer(f"edited `{arguments['path']}`")

    def _list(self, arguments: Mapping[str, Any], _cancelled: Event) -> Answer:
        names = self._sandbox.list_files(arguments.get("path", "."))
        return Answer(shortened("\n".join(names)) or "[the folder is empty]")


def shortened(text: str) -> str:
    """A text without its middle where it is too long; a note stands there."""
    if len(text) <= MOST_CHARACTERS:
        return text
    head, tail = MOST_CHARACTERS * 2 // 3, MOST_CHARACTERS // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[... {left_out} characters are left out here ...]\n{text[-tail:]}"


def _notes(result: Result) -> str:
    """What an output does not say by itself."""
    notes = []
    if result.end is End.TIMEOUT:
        notes.append(f"it was killed after {result.seconds:.0f} seconds, its time was up")
    elif result.end is End.CANCELLED:
        notes.append("it was cancelled")
    elif result.end is End.SIGNALLED:
        notes.append(f"it was ended by signal {result.signal}")
    elif result.end is not End.EXITED:
        notes.append(f"it ended with {result.end.value}")
    elif result.exit_code:
        notes.append(f"exit code {result.exit_code}")
    if result.truncated:
        notes.append("it wrote too much, so the middle of its output was dropped")
    if result.redacted:
        notes.append("the policy has parts of the output masked")
    return "; ".join(notes)


def _refused(refused: Refused) -> str:
    told = refusal_text(refused.decision)
    if refused.decision.cause == "error":
        what = "The call could not be judged, which counts as a refusal"
    elif refused.stage == "output":
        what = "The call was made, but what it gave is withheld"
    else:
        what = "The call was not made"
    return (
        f"{told}\n{what}. Do it in a way that the policy allows, or tell the user what you need; "
        "do not try to get around the policy."
    )


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
}


def _fault(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """What is wrong with arguments; empty if nothing is."""
    for name in tool.required:
        if name not in arguments:
            return f"`{name}` is missing"
    for name, value in arguments.items():
        parameter = tool.parameters.get(name)
        if parameter is None:
            return f"there is no `{name}`, only {', '.join(tool.parameters)}"
        kind = parameter["type"]
        if isinstance(value, bool) or not isinstance(value, _TYPES[kind]):
            return f"`{name}` must be of the type {kind}"
        if kind != "string" and not value > parameter.get("exclusiveMinimum", 0):
            return f"`{name}` must be above 0"
    return ""
