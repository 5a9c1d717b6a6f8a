"""Detectors for programs: the same ones that policies import, asked about texts directly.

secrets = policyc.detector("secrets")
secrets.detect(text)                 # [Detection(type="GITHUB_TOKEN", start=7, end=47, ...)]
secrets.detect_batch([text, other])  # a list for each text
await secrets.adetect(text)          # in a thread of a bounded pool
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from policyc.compiler.signatures import FunctionKind
from policyc.runtime.detectors.answers import AnswerCache
from policyc.runtime.detectors.registry import MODULES
from policyc.runtime.detectors.scanning import scan
from policyc.runtime.extensions import ExtensionError, load, plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.compiler.signatures import Signature
    from policyc.runtime.detectors.protocol import Detection


class TextDetector:
    """A detector by name: what it finds in texts, with places in characters, `end` exclusive.

    `name`, `version` and `license` are those that `policyc detectors` lists. Answers about the same
    text are kept, without the text. Threads may share one.
    """

    __slots__ = ("_answers", "_function", "_lock", "_row", "license", "name", "version")

    def __init__(self, row: Signature) -> None:
        self._row = row
        self._function = load(row)
        self._answers = AnswerCache()
        self._lock = Lock()
        self.name = row.name
        self.version = row.version
        self.license = row.license

    def detect(self, text: str, /, **options: Any) -> list[Detection]:
        """What is found in a text, with the options that policies can write.

        Raises:
            PolicycError: the detector failed, or cannot take an option.
        """
        return self.detect_batch([text], **options)[0]

    def detect_batch(self, texts: Sequence[str], /, **options: Any) -> list[list[Detection]]:
        """What is found in each of some texts, in their order.

        Raises:
            PolicycError: the detector failed, or cannot take an option.
        """
        with self._lock:
            found = scan(self._row, self._function, texts, (), options, self._answers)
        return [
            [replace(one, detector=self.name, version=self.version) for one in detections]
            for detections in found
        ]

    async def adetect(self, text: str, /, **options: Any) -> list[Detection]:
        """`detect` in a thread, so that the event loop goes on."""
        return (await self.adetect_batch([text], **options))[0]

    async def adetect_batch(self, texts: Sequence[str], /, **options: Any) -> list[list[Detection]]:
        """`detect_batch` in a thread, so that the event loop goes on."""
        import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_pool(), lambda: self.detect_batch(texts, **options))

    def __repr__(self) -> str:
        return f"TextDetector({self.name!r}, version={self.version!r})"


def detector(name: str) -> TextDetector:
    """The detector that policies import by this name, or that of a plug-in.

    Raises:
        ExtensionError: there is none, or it is not available here.
    """
    modules = (*MODULES.values(), plugins())
    for row in (module.functions[name] for module in modules if name in module.functions):
        if row.missing is None and row.kind is not FunctionKind.DETECTOR:
            raise ExtensionError(f"`{name}` gives a policy more than places: it is no detector")
        return TextDetector(row)
    raise ExtensionError(f"there is no detector `{name}`; `policyc detectors` lists them")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="policyc-detector")
