"""A process that asks the container once, and one that only uses it: run by tests."""

from __future__ import annotations

import json
import sys
import time

import policyc

POLICY = """\
raise "a banana [risk=low]" if:
    (m: Message)
    "banana" in m.content
"""
TRACE = [{"role": "user", "content": "a banana"}]


def main(how: str) -> None:
    policy = policyc.Policy.from_string(POLICY, backend="container")
    print(json.dumps(policy.analyze(TRACE).to_dict()), flush=True)
    if how == "stay":
        time.sleep(600)
    if how == "close":
        policy.close()


if __name__ == "__main__":
    main(sys.argv[1])
