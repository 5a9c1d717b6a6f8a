"""Runs a detector of invariant-ai over texts.

Started with the interpreter of the environment that has it; imports nothing of policyc. Reads one
JSON object `{"detector": str, "texts": [str], ...}`, prints `{"found": [[str]], "seconds": float}`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from time import process_time
from typing import Any

os.environ["LOCAL_POLICY"] = "1"


def types_by(detect: Any) -> Any:
    """From a text to the types that a detector finds in it."""
    return lambda text: [one.entity for one in detect(text)]


def looker(request: dict[str, Any]) -> Any:
    """The function of a detector: from a text to what it finds."""
    name = request["detector"]
    if name == "secrets":
        from invariant.analyzer.runtime.utils.secrets import (  # type: ignore[import-not-found]  # noqa: PLC0415
            SecretsAnalyzer,
        )

        return types_by(SecretsAnalyzer().detect_all)
    if name == "unicode":
        from invariant.analyzer.runtime.utils.prompt_injections import (  # type: ignore[import-not-found]  # noqa: PLC0415
            UnicodeDetector,
        )

        unicode = UnicodeDetector()
        return types_by(lambda text: unicode.detect_all(text, ["Cf", "Co", "Cs", "Cc"]))
    if name == "copyright":
        from invariant.analyzer.runtime.utils.copyright.copyright import (  # type: ignore[import-not-found]  # noqa: PLC0415
            CopyrightAnalyzer,
        )

        return types_by(CopyrightAnalyzer().detect_all)
    if name == "links":
        from invariant.analyzer.stdlib.invariant.parsers.html import (  # type: ignore[import-not-found]  # noqa: PLC0415
            HiddenDataParser,
        )

        def links(text: str) -> list[str]:
            parser = HiddenDataParser()
            parser.parse(text)
            return [link for link in parser.links if link]

        return links
    if name == "paths":
        # What its `join_paths` checks, besides whether the path exists.
        def outside(text: str) -> list[str]:
            try:
                joined = Path(request["root"]) / Path(text)
                joined.exists()
                return [] if joined.is_relative_to(request["root"]) else ["outside"]
            except (ValueError, OSError):
                return ["outside"]

        return outside
    raise SystemExit(f"no detector {name}")


def main() -> None:
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        look = looker(request)
        look("warm up")
        started = process_time()
        found = [look(text) for text in request["texts"]]
        seconds = process_time() - started
    print(json.dumps({"found": found, "seconds": seconds}))


if __name__ == "__main__":
    main()
