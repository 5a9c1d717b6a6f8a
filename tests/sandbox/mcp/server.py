"""A server of a sandbox without walls, as the process that a client starts: POLICY FOLDER.

The trace is written to FOLDER/trace.json at the end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.sandbox.local_provider import LocalProvider

from policyc.runtime.sandbox.mcp import serve
from policyc.sandbox import Resources, Sandbox, SandboxSpec


def main(policy: str, folder: str) -> None:
    provider = LocalProvider(Path(folder) / "boxes")
    spec = SandboxSpec(resources=Resources(seconds=20, output=200_000))
    with Sandbox(policy, provider=provider, spec=spec) as box:
        print("this is no protocol", file=sys.stderr)
        serve(box)
        Path(folder, "trace.json").write_text(json.dumps(box.trace))


if __name__ == "__main__":
    main(*sys.argv[1:])
