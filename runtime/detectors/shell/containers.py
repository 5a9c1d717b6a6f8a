"""Commands that run inside of a container or a pod: `docker exec`, `kubectl exec`, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.unwrapping import Inside, Nested, data_of

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.unwrapping import Handler

_RUNS = frozenset({"run", "create", "exec"})


def _docker(call: Call) -> Inside | None:
    """`docker [compose] run|exec OPTIONS NAME COMMAND`."""
    operands = call.operands
    verbs = call.verbs
    at = next((n for n, verb in enumerate(verbs[:3]) if verb in _RUNS), None)
    if at is None or len(operands) < at + 2:
        return None
    # Options end at the name: what follows is the command with its own options.
    place = call.words.index(operands[at + 1])
    command = call.words[place + 1 :]
    entry = call.options.value("--entrypoint")
    if entry is not None and entry.start < operands[at + 1].start:
        command = [entry, *command]
    return Inside([command]) if command else None


def _kubectl(call: Call) -> Inside | None:
    """`kubectl exec POD -- COMMAND`, `kubectl run NAME --image=X -- COMMAND`."""
    if not {"exec", "run", "debug"} & set(call.verbs[:1]):
        return None
    place = next((n for n, arg in enumerate(call.args) if arg == "--"), None)
    command = call.operands[2:] if place is None else call.words[place + 2 :]
    return Inside([command]) if command else None


def _after_name(call: Call) -> Inside | None:
    """`lxc exec NAME -- COMMAND`, `machinectl shell NAME COMMAND`, `vagrant ssh -c SCRIPT`."""
    script = _script(call)
    if script is not None:
        return script
    place = next((n for n, arg in enumerate(call.args) if arg == "--"), None)
    if place is not None:
        command = call.words[place + 2 :]
    else:
        command = call.operands[2:] if call.verbs[:1] in (["exec"], ["shell"], ["run"]) else []
    return Inside([command]) if command else None


def _script(call: Call) -> Inside | None:
    for option, word in zip(call.args, call.words[2:], strict=False):
        if option in ("-c", "--command"):
            return Inside(scripts=[Nested(data_of(word), word)])
    return None


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("docker", "podman", "nerdctl", "docker-compose", "crictl"), _docker),
    **dict.fromkeys(("kubectl", "oc", "k3s", "microk8s"), _kubectl),
    **dict.fromkeys(("lxc", "incus", "machinectl", "vagrant", "toolbox", "distrobox"), _after_name),
}
