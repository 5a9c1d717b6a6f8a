"""The server: tools of a sandbox on standard input and output, with the official SDK."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from policyc.runtime.sandbox.failures import SandboxError
from policyc.runtime.sandbox.mcp.tools import Answer, Calls, about

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp.types import (
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
    )

    from policyc.runtime.sandbox.operations import Operations

_MAJOR: Final = 2
"""Version of the SDK."""
_BEAT_SECONDS: Final = 2.0
"""Between signs of life of a call that takes long."""


def serve(sandbox: Operations) -> None:
    """Offer a sandbox to a client on standard input and output, until that ends.

    Only the protocol goes to the standard output: meanwhile, what else is written there goes to the
    standard error. The sandbox is not closed.

    Raises:
        SandboxError: the SDK is not installed, or another version of it.
    """
    try:
        _check_version()
        import anyio  # noqa: PLC0415  # of an extra
        from mcp.server.stdio import stdio_server  # noqa: PLC0415

        server = _server(Calls(sandbox), about(sandbox.spec))
    except ImportError as error:
        raise SandboxError(
            "a sandbox is offered over MCP with the package `mcp` 2.x: "
            f"pip install 'policyc[mcp]' ({error})"
        ) from None

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)


def _check_version() -> None:
    """
    Raises:
        ImportError: the SDK is none that this module is written for.
    """
    found = version("mcp")
    if not found.startswith(f"{_MAJOR}."):
        raise ImportError(f"there is mcp {found}")


def _server(calls: Calls, instructions: str) -> Server[dict[str, Any]]:
    from mcp import types  # noqa: PLC0415  # of an extra
    from mcp.server.lowlevel import Server  # noqa: PLC0415

    async def list_tools(
        _context: ServerRequestContext[dict[str, Any]], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.schema,
                    annotations=types.ToolAnnotations(read_only_hint=tool.only_reads),
                )
                for tool in calls.tools
            ]
        )

    async def call_tool(
        context: ServerRequestContext[dict[str, Any]], params: CallToolRequestParams
    ) -> CallToolResult:
        answer = await _call(calls, context, params.name, params.arguments or {})
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answer.text)], is_error=answer.is_error
        )

    return Server(
        "policyc-sandbox",
        version=version("policyc"),
        instructions=instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _call(
    calls: Calls,
    context: ServerRequestContext[dict[str, Any]],
    name: str,
    arguments: dict[str, Any],
) -> Answer:
    """Make a call in a thread. Who cancels it, or goes away, ends its command."""
    import anyio  # noqa: PLC0415  # of an extra

    cancelled = threading.Event()

    async def beat() -> None:
        seconds = 0.0
        while True:
            await anyio.sleep(_BEAT_SECONDS)
            seconds += _BEAT_SECONDS
            await context.session.report_progress(
                seconds, message=f"`{name}` has run for {seconds:g} seconds"
            )

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(beat)
            answer = await anyio.to_thread.run_sync(
                calls.call, name, arguments, cancelled, abandon_on_cancel=True
            )
            group.cancel_scope.cancel()
    finally:
        cancelled.set()
    return answer
