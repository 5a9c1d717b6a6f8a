"""What is missing in a trace is None in what leaves a policy, wherever it stands in a value."""

from __future__ import annotations

import pickle

import policyc
from policyc.runtime.absent import ABSENT
from policyc.runtime.events import to_json

_TRACE = [
    {"role": "user", "content": "x", "metadata": {"there": 1}},
]


def test_violation_holds_none_for_what_is_missing() -> None:
    policy = policyc.Policy.from_string(
        'raise Violation("x", m.metadata.gone, [m.metadata.gone], {k: [m.metadata.gone]}) if:\n'
        "    (m: Message)\n"
    )
    (violation,) = policy.analyze(_TRACE)
    assert violation.args == ["x", None, [None], {"k": [None]}]


def test_absent_as_json_is_none() -> None:
    assert to_json([ABSENT, {"k": ABSENT}]) == [None, {"k": None}]


def test_there_is_one_absent_after_pickling_too() -> None:
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
