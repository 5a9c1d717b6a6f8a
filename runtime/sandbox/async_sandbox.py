"""`Sandbox` for programs with an event loop: each operation waits in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from policyc.runtime.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from policyc.runtime.sandbox.operations import Result

T = TypeVar("T")


class AsyncSandbox:
    """As `Sandbox`, which it makes when the context is entered, with the same arguments.

        async with AsyncSandbox(policy="policy:coding-agent") as box:
            print((await box.exec("ls -la")).text)

    When a task is cancelled, its command is killed before the cancellation goes on.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._make: Callable[[], Sandbox] = lambda: Sandbox(*args, **options)
        self._made: Sandbox | None = None

    async def __aenter__(self) -> Self:
        making = asyncio.create_task(asyncio.to_thread(self._make))
        try:
            self._made = await asyncio.shield(making)
        except asyncio.CancelledError:
            made = await making
            await asyncio.to_thread(made.close)
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self.sandbox.close)

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox itself.

        Raises:
            RuntimeError: the context was not entered.
        """
        if self._made is None:
            raise RuntimeError("the sandbox is made by `async with`")
        return self._made

    async def exec(self, command: str, **options: Any) -> Result:
        """As `Sandbox.exec`."""
        return await self._cancellable(self.sandbox.exec, command, **options)

    async def shell(self, command: str, **options: Any) -> Result:
        """As `Sandbox.shell`."""
        return await self._cancellable(self.sandbox.shell, command, **options)

    async def python(self, code: str, **options: Any) -> Result:
        """As `Sandbox.python`."""
        return await self._cancellable(self.sandbox.python, code, **options)

    async def read_file(self, path: str) -> bytes:
        """As `Sandbox.read_file`."""
        return await asyncio.to_thread(self.sandbox.read_file, path)

    async def write_file(self, path: str, data: bytes) -> None:
        """As `Sandbox.write_file`."""
        await asyncio.to_thread(self.sandbox.write_file, path, data)

    async def edit_file(self, path: str, old: str, new: str) -> None:
        """As `Sandbox.edit_file`."""
        await asyncio.to_thread(self.sandbox.edit_file, path, old, new)

    async def list_files(self, path: str = ".") -> list[str]:
        """As `Sandbox.list_files`."""
        return await asyncio.to_thread(self.sandbox.list_files, path)

    async def upload(self, source: str | Path, target: str) -> list[str]:
        """As `Sandbox.upload`."""
        return await asyncio.to_thread(self.sandbox.upload, source, target)

    async def download(self, source: str, target: str | Path) -> list[str]:
        """As `Sandbox.download`."""
        return await asyncio.to_thread(self.sandbox.download, source, target)

    async def observe(self, messages: Sequence[dict[str, Any]]) -> None:
        """As `Sandbox.observe`."""
        await asyncio.to_thread(self.sandbox.observe, messages)

    @staticmethod
    async def _cancellable(function: Callable[..., T], *args: Any, **options: Any) -> T:
        cancelled = threading.Event()
        work = asyncio.create_task(
            asyncio.to_thread(function, *args, cancelled=cancelled, **options)
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work])
            raise
