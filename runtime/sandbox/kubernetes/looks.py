"""What is run in a pod besides the commands that it is for: with their limits, to see what protects
and what is used, and to kill them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.failures import SandboxLost
from policyc.runtime.sandbox.kubernetes.manifests import user_of
from policyc.runtime.sandbox.provider import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.runtime.sandbox.provider import Process
    from policyc.runtime.sandbox.spec import SandboxSpec

NETWORK_HELP: Final = (
    " (the network plugin of the cluster does not enforce NetworkPolicies: install one that does, "
    "such as Calico or Cilium)"
)

KILL: Final = ("sh", "-c", "kill -9 -1")

PROTECTIONS: Final = (
    "bash",
    "-c",
    """
while IFS=$' \\t' read -r name value _; do
  case $name in
    Uid:) echo "user=$value" ;;
    CapPrm:|CapEff:|CapBnd:) echo "$name=$value" ;;
    NoNewPrivs:) echo "no_new_privileges=$value" ;;
    Seccomp:) echo "seccomp=$value" ;;
  esac
done < /proc/self/status
(: > /.policyc) 2>/dev/null && rm -f /.policyc && echo root=writable || echo root=read-only
[ -e /var/run/secrets/kubernetes.io/serviceaccount/token ] && echo token=there || echo token=none
if [ -z "$KUBERNETES_SERVICE_HOST" ]; then echo network=none
elif timeout 1 bash -c ': < /dev/tcp/$KUBERNETES_SERVICE_HOST/$KUBERNETES_SERVICE_PORT' 2>/dev/null
then echo network=open; else echo network=none; fi
""",
)
"""Whether the API of the cluster is reached tells whether a policy keeps the pod from networks."""

_GROUPS: Final = "/sys/fs/cgroup"
USAGE: Final = (
    "sh",
    "-c",
    f"cat {_GROUPS}/memory.current {_GROUPS}/memory/memory.usage_in_bytes 2>/dev/null | head -n 1"
    f"; echo; cat {_GROUPS}/pids.current {_GROUPS}/pids/pids.current 2>/dev/null | head -n 1"
    f"; echo; grep -h usage_usec {_GROUPS}/cpu.stat 2>/dev/null"
    f" || cat {_GROUPS}/cpuacct/cpuacct.usage 2>/dev/null",
)

_MOST: Final = 64 * 1024


def limited(argv: Sequence[str], environment: Mapping[str, str], open_files: int) -> list[str]:
    """A command with what a pod cannot say of it: its limit of open files, and variables."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    with_variables = ["env", *variables, *argv] if variables else list(argv)
    return ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(open_files), *with_variables]


def output(process: Process, seconds: float) -> str:
    """What a short command wrote, whatever its exit code.

    Raises:
        TimeoutError: it took too long.
        SandboxLost: its sandbox went.
    """
    end = time.monotonic() + seconds
    found = b""
    with process:
        process.close_input()
        while (chunk := process.read(max(0.01, end - time.monotonic()))) is not None:
            if chunk.stream == "stdout":
                found = (found + chunk.data)[:_MOST]
        finish = process.finish(max(0.01, end - time.monotonic()))
    if finish.lost:
        raise SandboxLost(f"the {finish.lost} was lost")
    return found.decode(errors="replace")


def seen(text: str) -> dict[str, str]:
    """The protections that were seen, by their names."""
    rows = (one.partition("=") for one in text.splitlines())
    facts = {name: value.strip() for name, found, value in rows if found}
    held = [value for name, value in facts.items() if name.startswith("Cap")]
    facts = {name: value for name, value in facts.items() if not name.startswith("Cap")}
    are_none = len(held) == 3 and all(set(one) == {"0"} for one in held)
    return {**facts, "capabilities": "none" if are_none else " ".join(held) or "unknown"}


def wanting(facts: Mapping[str, str], spec: SandboxSpec) -> list[str]:
    """The names of the protections that were promised and are not there."""
    promised = {
        "user": str(user_of(spec)),
        "capabilities": "none",
        "no_new_privileges": "1",
        "seccomp": "2",
        "root": "read-only",
        "token": "none",
        "network": "none",
    }
    if "writable-root" in spec.loosened:
        del promised["root"]
    if "open-network" in spec.loosened:
        del promised["network"]
    return [name for name, value in promised.items() if facts.get(name) != value]


def usage_of(text: str) -> Usage:
    """What is used, of what `USAGE` wrote."""
    memory, processes, spent = (*(one.strip() for one in text.split("\n\n")), "", "", "")[:3]
    cpu = None
    if spent.startswith("usage_usec"):
        cpu = int(spent.split()[1]) / 1e6
    elif spent.isdecimal():
        cpu = int(spent) / 1e9
    return Usage(_number(memory), _number(processes), cpu)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
