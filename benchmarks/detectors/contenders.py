"""Other packages as engines. Each is used where it is installed; none is needed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.detectors.evaluation import NO, YES, Answers, Engine, each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.detectors.evaluation import Item


def detect_secrets() -> Engine:
    """detect-secrets with its default plug-ins, on a file, as its command does."""
    from detect_secrets.core import scan  # type: ignore[import-not-found]  # noqa: PLC0415
    from detect_secrets.settings import default_settings  # type: ignore[import-not-found]  # noqa: PLC0415

    file = Path(tempfile.mkdtemp(prefix="policyc-secrets-")) / "text.txt"

    def look(item: Item) -> Answers:
        file.write_text(item.text, "utf-8")
        with default_settings():
            return YES if list(scan.scan_file(str(file))) else NO

    return each("detect-secrets", look)


def urlextract(hosts: Callable[[Iterable[str]], Answers]) -> Engine:
    """urlextract with the list of top domains that it ships."""
    import urlextract as package  # type: ignore[import-not-found]  # noqa: PLC0415

    extractor = package.URLExtract()
    return each("urlextract", lambda item: hosts(extractor.find_urls(item.text)))


def plain_host(link: str) -> str | None:
    """The host of an address by the standard library."""
    try:
        return urlsplit(link if "//" in link else f"//{link}").hostname
    except ValueError:
        return None


def outside_by_abspath(root: str, path: str) -> Answers:
    """What many programs do: join, resolve `..`, compare the start."""
    try:
        whole = os.path.abspath(os.path.join(root, path))
    except ValueError:
        return YES
    return NO if whole.startswith(root) else YES
