"""A small server that speaks as the API of a cluster does, as far as sandboxes need it: pods,
policies of the network, and the stream of a process with its channels.

It is a simulation of the wire, not a cluster: nothing is scheduled or pulled, and no policy is
enforced. What runs in a pod is real: its node makes an embedded sandbox for it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.provider import Creation
from policyc.runtime.sandbox.remote.streaming import in_thread
from policyc.runtime.sandbox.spec import MIB, Resources, SandboxSpec

if TYPE_CHECKING:
    from policyc.runtime.sandbox.provider import Process, Provider

TOKEN = "a token of the cluster"
NAMESPACE = "sandboxes"
V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
VERSION = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0-simulated",
    "gitCommit": "none",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}


@dataclass
class Simulation:
    """What the cluster has, and how it misbehaves.

    `pending_looks`: how often a pod is seen before it runs. `waiting`: a reason for which it never
    does. `protocols`: of streams. `enforces`: whether policies of the network are. `forbids`: verbs
    that the token does not allow. `stuck`: pods are not deleted.
    """

    node: Provider
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    pending_looks: int = 1
    waiting: str = ""
    protocols: tuple[str, ...] = (V5, V4)
    enforces: bool = True
    forbids: frozenset[str] = frozenset()
    stuck: bool = False
    looks: dict[str, int] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)
    """What was asked for, as the verbs and resources of rights."""

    def node_name(self, pod: str) -> str:
        """The sandbox of the node that runs a pod."""
        return f"node-{pod}"

    def run(self, pod: dict[str, Any]) -> None:
        """Do what the kubelet does with a pod."""
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        variables = {one["name"]: one["value"] for one in container["env"]}
        host = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
        sizes = {one["name"]: int(one["emptyDir"]["sizeLimit"]) for one in spec["volumes"]}
        limits = container["resources"]["limits"]
        made = SandboxSpec(
            environment={**variables, **host},
            resources=Resources(
                memory=int(limits["memory"]),
                cpus=int(limits["cpu"].removesuffix("m")) / 1000,
                disk=sizes["workspace"],
                temporary=sizes["temporary"],
                lifetime=spec["activeDeadlineSeconds"],
            ),
        )
        assert sizes["secrets"] == MIB
        self.node.create(Creation(self.node_name(pod["metadata"]["name"]), made, "", ""))

    def status(self, name: str) -> dict[str, Any]:
        """The status of a pod."""
        self.looks[name] = self.looks.get(name, 0) + 1
        if self.waiting or self.looks[name] <= self.pending_looks:
            waiting = {"waiting": {"reason": self.waiting or "ContainerCreating"}}
            return {"phase": "Pending", "containerStatuses": [_container(waiting)]}
        if self.node.record(self.node_name(name)) is None:
            return {"phase": "Failed", "reason": "DeadlineExceeded"}
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        return {"phase": "Running", "containerStatuses": [_container(running)]}


def _right(request: Request) -> tuple[str, str]:
    """The right that a request needs."""
    resource, _, name = (
        request.url.path.rpartition("/namespaces/")[2].partition("/")[2].partition("/")
    )
    verbs = {"POST": "create", "DELETE": "delete", "GET": "get" if name else "list"}
    return verbs[request.method], resource


def _container(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "sandbox",
        "image": "",
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def _failure(code: int, reason: str, message: str) -> Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    return JSONResponse(body, status_code=code)


def make_app(simulation: Simulation) -> FastAPI:
    """The server."""
    app = FastAPI()
    pods_path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    policies_path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"

    @app.middleware("http")
    async def check(request: Request, go_on: Any) -> Any:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _failure(401, "Unauthorized", "Unauthorized")
        if request.url.path != "/version/":  # which everybody may ask for
            simulation.asked.add(_right(request))
        verb = f"{request.method} {request.url.path.rsplit('/namespaces/')[-1].split('/')[-1]}"
        if request.method in simulation.forbids or verb in simulation.forbids:
            return _failure(403, "Forbidden", f"user cannot {request.method} {request.url.path}")
        return await go_on(request)

    @app.get("/version/")
    async def version() -> Any:
        return VERSION

    @app.post(pods_path, status_code=201)
    async def create(request: Request) -> Any:
        pod = await request.json()
        name = pod["metadata"]["name"]
        if name in simulation.pods:
            return _failure(409, "AlreadyExists", f'pods "{name}" already exists')
        if pod["spec"]["containers"][0]["image"] == "not an image":
            return _failure(422, "Invalid", "spec.containers[0].image: Invalid value")
        pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        simulation.pods[name] = pod
        if not simulation.waiting:
            await in_thread(simulation.run, pod)
        return pod

    async def shown(name: str) -> dict[str, Any]:
        pod = simulation.pods[name]
        return {**pod, "status": await in_thread(simulation.status, name)}

    @app.get(pods_path)
    async def list_pods(labelSelector: str = "") -> Any:
        name, _, value = labelSelector.partition("=")
        found = [
            await shown(one)
            for one, pod in simulation.pods.items()
            if pod["metadata"]["labels"].get(name) == value
        ]
        return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found}

    @app.get(pods_path + "/{name}")
    async def read(name: str) -> Any:
        if name not in simulation.pods:
            return _failure(404, "NotFound", f'pods "{name}" not found')
        return await shown(name)

    @app.delete(pods_path + "/{name}")
    async def delete(name: str) -> Any:
        if name not in simulation.pods:
            return _failure(404, "NotFound", f'pods "{name}" not found')
        pod = await shown(name)
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if not simulation.stuck:
            await in_thread(simulation.node.remove, simulation.node_name(name))
            del simulation.pods[name]
        return pod

    @app.post(policies_path, status_code=201)
    async def create_policy(request: Request) -> Any:
        policy = await request.json()
        simulation.policies[policy["metadata"]["name"]] = policy
        return policy

    @app.get(policies_path + "/{name}")
    async def read_policy(name: str) -> Any:
        if name not in simulation.policies:
            return _failure(404, "NotFound", f'networkpolicies "{name}" not found')
        return simulation.policies[name]

    @app.websocket(pods_path + "/{name}/exec")
    async def execute(websocket: WebSocket, name: str) -> None:
        offered = websocket.headers.get("sec-websocket-protocol", "").split(",")
        common = [one for one in simulation.protocols if one in {x.strip() for x in offered}]
        if websocket.headers.get("authorization") != f"Bearer {TOKEN}" or not common:
            await websocket.send_denial_response(_failure(403, "Forbidden", "no"))
            return
        simulation.asked.add(("get", "pods/exec"))
        question = websocket.query_params
        assert question["container"] == "sandbox" and question["tty"].lower() == "false"
        node = simulation.node_name(name)
        command = question.getlist("command")
        if not simulation.enforces:
            # As if the address of the API could be reached from the pod.
            command = [one.replace("timeout 1 bash", "true timeout 1 bash") for one in command]
        try:
            process = await in_thread(simulation.node.start_process, node, command)
        except SandboxError as error:
            await websocket.send_denial_response(_failure(500, "InternalError", str(error)))
            return
        await websocket.accept(subprotocol=common[0])
        try:
            await _stream(websocket, process, closes_input=common[0] == V5)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            await in_thread(process.close)

    return app


async def _stream(websocket: WebSocket, process: Process, *, closes_input: bool) -> None:
    """The channels: 0 input, 1 output, 2 errors, 3 status; in version 5, 255 closes one."""
    for channel in (1, 2, 3):
        await websocket.send_bytes(bytes([channel]))
    entering = asyncio.create_task(_enter(websocket, process, closes_input))
    try:
        while True:
            try:
                chunk = await in_thread(process.read, 0.1)
            except TimeoutError:
                if entering.done():
                    return
                continue
            if chunk is None:
                break
            await websocket.send_bytes(bytes([1 if chunk.stream == "stdout" else 2]) + chunk.data)
        finish = await in_thread(process.finish, 10)
    finally:
        entering.cancel()
    code = finish.exit_code if finish.signal is None else 128 + finish.signal
    status: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if code:
        cause = {"reason": "ExitCode", "message": str(code)}
        status = {"metadata": {}, "status": "Failure", "details": {"causes": [cause]}}
    if code is not None:
        await websocket.send_bytes(bytes([3]) + json.dumps(status).encode())
    await websocket.close()


async def _enter(websocket: WebSocket, process: Process, closes_input: bool) -> None:
    with suppress(WebSocketDisconnect, KeyError):
        while True:
            data = await websocket.receive_bytes()
            if closes_input and data == bytes([255, 0]):
                await in_thread(process.close_input)
            elif data[0] == 0:
                with suppress(BrokenPipeError):
                    await in_thread(process.write, data[1:], is_waited_for=False)
