"""What workers are forked with: this module is imported in the process that they come from, so that
none of them pays for what the first compilation loads and makes."""

from __future__ import annotations

import policyc.runtime.server.workers  # noqa: F401  # what they run
from policyc.runtime.server.jobs import Jobs, Judge, Sources

_POLICY = 'raise "x" if:\n    (m: Message)\n    "x" in m.content\n'

Jobs().do(Judge(Sources(((_POLICY, None),)), [], [{"role": "user", "content": ""}]))
