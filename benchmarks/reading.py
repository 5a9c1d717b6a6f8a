"""Reading a trace: JSON text to checked events."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.pairing import compare, in_process
from benchmarks.results import Row, duration
from benchmarks.setting import agree
from benchmarks.trace_maker import make_long_trace
from policyc import read_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.setting import Setting

EVENTS = 1000


def reading(setting: Setting) -> Iterator[Row]:
    """What finding out the format and checking every event adds to parsing JSON."""
    trace = make_long_trace(EVENTS)
    text = json.dumps(trace)
    agree("reading", expected=trace, policyc=read_trace(text))
    timings = compare(
        {
            "json": in_process(partial(json.loads, text)),
            "policyc": in_process(partial(read_trace, text)),
        },
        setting.effort,
    )
    yield Row(
        "read, and every part checked: to parsing the JSON",
        timings.ratio("policyc", "json"),
        note=f"{duration(timings.time('json') / EVENTS)} an event,"
        f" policyc {duration(timings.time('policyc') / EVENTS)}",
    )
