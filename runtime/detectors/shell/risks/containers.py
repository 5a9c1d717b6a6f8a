"""Leaving a container for the machine below it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {
    "container-escape": "reaches the machine below a container, or gives a container its rights"
}

_RUNS = names("run create exec start")
_HOST = re.compile(r"(?:host|container:.*)")
_MOUNTS = re.compile(
    r"(?:/|/(?:etc|root|home|proc|sys|dev|boot|var|usr|lib|run|var/run|var/lib/(?:docker|kubelet))/?|~/?|"
    r"\$HOME/?|(?:/var)?/run/(?:docker|containerd/containerd|crio/crio|podman/podman)\.sock)"
)
_SOCKET = re.compile(
    r"(?:/var)?/run/(?:docker|containerd/containerd|crio/crio|podman/podman)\.sock"
)


def _docker(call: Call) -> Found:
    verbs = call.verbs
    if not _RUNS & set(verbs[:2]):
        return
    options = call.options
    if any(flag.startswith("--privileged") for flag in call.flags):
        yield "the container has all rights", None
    for word in options.all("-v", "--volume"):
        source = word.value.partition(":")[0]
        if ":" in word.value and _MOUNTS.fullmatch(source):
            yield f"the container sees `{source}` of the machine", word
    for word in options.all("--mount"):
        match = re.search(r"(?:source|src)=([^,]+)", word.value)
        if match is not None and _MOUNTS.fullmatch(match[1]):
            yield f"the container sees `{match[1]}` of the machine", word
    for option in ("--pid", "--userns", "--ipc", "--uts", "--cgroupns"):
        for word in options.all(option):
            if _HOST.fullmatch(word.value):
                yield f"the container shares `{option}` with the machine", word
    for word in options.all("--cap-add"):
        if re.fullmatch(
            r"(?i)(?:CAP_)?(?:ALL|SYS_ADMIN|SYS_PTRACE|SYS_MODULE|DAC_READ_SEARCH|SYS_RAWIO|NET_ADMIN)",
            word.value,
        ):
            yield f"the container may do `{word.shown}`", word
    for word in options.all("--device"):
        if re.match(r"/dev/(?:sd|nvme|vd|xvd|mem|kmem|dm-|mapper)", word.value):
            yield f"the container has the disk `{word.shown}`", word
    for word in options.all("--security-opt"):
        if re.search(r"unconfined|disable|no-new-privileges[=:]false", word.value):
            yield "the container has no protection", word


def _kubectl(call: Call) -> Found:
    text = " ".join(call.args)
    stdin = "" if call.stdin is None or call.stdin.text is None else call.stdin.text
    if re.search(r"hostPath|hostPID|hostNetwork|privileged['\"]?\s*:\s*['\"]?true", text + stdin):
        yield "the pod has rights of its node", None
    if call.verbs[:2] == ["debug", "node"] or (
        call.verbs[:1] == ["debug"] and re.search(r"\bnodes?/", text)
    ):
        yield "opens a shell on a node", None


def _namespaces(call: Call) -> Found:
    targets = [word for word in call.words[1:] if re.fullmatch(r"(?:--target=)?1", word.value)]
    joined = " ".join(call.args)
    if re.search(r"(?:-t|--target)[= ]?1\b", joined) or "--all" in call.args or targets:
        yield "enters the namespaces of the machine", None


_NEAR = re.compile(r"^/proc/|\.sock|release_agent|notify_on_release")


def _roots(call: Call) -> Found:
    for word in call.words[1:]:
        path = word.value
        if "/" not in path or not _NEAR.search(path):
            continue
        if re.match(r"/proc/(?:1|\d+)/(?:root|ns|cwd|fd)(?:/|$)", path):
            yield f"goes through `{path}` to the machine", word
        elif _SOCKET.search(path) and call.name not in (
            "ls",
            "stat",
            "test",
            "[",
            "docker",
            "podman",
        ):
            yield "talks to the engine that runs the containers", word
        elif re.search(r"/(?:release_agent|notify_on_release)$", path):
            yield "makes the machine start a program", word
    for path, word in call.writes:
        if re.search(
            r"/(?:release_agent|notify_on_release)$|/proc/sys/kernel/core_pattern|/sys/fs/cgroup/.*release",
            path,
        ):
            yield "makes the machine start a program", word


_HOST_ROOT = re.compile(r"/(?:host|hostfs|mnt|rootfs|node|target)(?:/.*)?")


def _chroot(call: Call) -> Found:
    if call.operands and _HOST_ROOT.fullmatch(call.path(call.operands[0])):
        yield "works in the file system of the machine", call.operands[0]


def _mount(call: Call) -> Found:
    for word in call.operands:
        if re.match(r"/dev/(?:sd|nvme|vd|xvd|dm-|mapper|disk)", word.value):
            yield f"mounts the disk `{word.shown}`", word
    if (
        call.options.value("-t", "--types")
        and call.options.all("-t", "--types")[0].value == "cgroup"
    ):
        yield "mounts the control groups", None
    if "--bind" in call.args and "/" in call.verbs:
        yield "mounts the root of the machine", None


RULES = (
    Rule("container-escape", _docker, names("docker podman nerdctl docker-compose ctr")),
    Rule("container-escape", _kubectl, names("kubectl oc k3s")),
    Rule("container-escape", _namespaces, names("nsenter")),
    Rule("container-escape", _roots),
    Rule("container-escape", _chroot, names("chroot")),
    Rule("container-escape", _mount, names("mount")),
)
