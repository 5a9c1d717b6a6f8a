"""Commands of the shell that change its state: `cd`, `read`, `set`, `unset`, `printf -v`, ..."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.outputs import output_of
from policyc.runtime.detectors.shell.paths import normalize
from policyc.runtime.detectors.shell.state import Value
from policyc.runtime.detectors.shell.values import NO_LABELS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.detectors.shell.call import Call


def change_state(call: Call) -> None:
    """What a command leaves behind in the shell that runs it."""
    change = _CHANGES.get(call.name)
    if change is not None:
        change(call)


def _cd(call: Call) -> None:
    folder = call.operands[0].value if call.operands else "~"
    state = call.state
    if UNKNOWN in folder or folder == "-":
        state.folder = None
    elif folder.startswith(("/", "~")):
        state.folder = normalize(folder)
    elif state.folder is not None:
        state.folder = normalize(folder, state.folder)
    elif re.fullmatch(r"(?:\.\./)*\.\.", folder):
        state.folder = None


def _read(call: Call) -> None:
    """Variables get the lines of the input; more than one line is more than one value."""
    names = [word.value for word in call.operands if word.value.isidentifier()] or ["REPLY"]
    array = call.options.value("-a")
    data = call.stdin
    labels = NO_LABELS if data is None else data.labels
    if data is None or data.text is None or array is not None:
        text = UNKNOWN if data is None or data.sample is None else data.sample
        for name in names:
            call.state.set_all(name, [Value(text, labels)])
        return
    lines = data.text.splitlines()[:100] or [""]
    for number, name in enumerate(names):
        values = []
        for line in lines:
            parts = line.split(None, len(names) - 1) if len(names) > 1 else [line.strip()]
            values.append(Value(parts[number] if number < len(parts) else "", labels))
        call.state.set_all(name, list(dict.fromkeys(values)))


def _mapfile(call: Call) -> None:
    name = call.verbs[0] if call.verbs else "MAPFILE"
    data = call.stdin
    if data is None or data.text is None:
        call.state.set_all(name, [Value(UNKNOWN, NO_LABELS if data is None else data.labels)])
        return
    words = tuple(data.text.splitlines()[:200])
    call.state.set_all(name, [Value(words[0] if words else "", data.labels, words)])


def _set(call: Call) -> None:
    """`set -- a b` sets the parameters."""
    if "--" in call.args:
        call.state.positional = tuple(call.words[call.args.index("--") + 2 :])
    elif call.args and not call.args[0].startswith(("-", "+")):
        call.state.positional = tuple(call.words[1:])


def _shift(call: Call) -> None:
    positional = call.state.positional
    if positional is not None:
        count = int(call.args[0]) if call.args and call.args[0].isdigit() else 1
        call.state.positional = positional[count:]


def _unset(call: Call) -> None:
    for word in call.operands:
        call.state.unset(word.value)
        if "-f" in call.flags:
            call.state.functions.pop(word.value, None)


def _printf(call: Call) -> None:
    """`printf -v NAME FORMAT ...`."""
    if call.args[:1] == ["-v"] and len(call.args) > 2:
        from policyc.runtime.detectors.shell.call import Call  # noqa: PLC0415  # a cycle

        printed = Call("printf", [call.words[0], *call.words[3:]], call.context, call.state)
        data = output_of(printed)
        text = UNKNOWN if data.text is None else data.text
        call.state.assign(call.args[1], Value(text, data.labels))


def _unalias(call: Call) -> None:
    if "-a" in call.flags:
        call.state.aliases.clear()
    for word in call.operands:
        call.state.aliases.pop(word.value, None)


def _mkfifo(call: Call) -> None:
    call.state.pipes.update(path for path, _ in call.writes)


_CHANGES: dict[str, Callable[[Call], None]] = {
    "cd": _cd,
    "pushd": _cd,
    "popd": lambda call: setattr(call.state, "folder", None),
    "read": _read,
    "mapfile": _mapfile,
    "readarray": _mapfile,
    "set": _set,
    "shift": _shift,
    "unset": _unset,
    "printf": _printf,
    "unalias": _unalias,
    "mkfifo": _mkfifo,
    "mknod": _mkfifo,
}
