"""Traces: reading, checking and taking them apart. What other modules import is gathered here."""

from policyc.runtime.trace_access import (
    UNPARSED,
    EventKind,
    TraceError,
    arguments_of,
    event_kind,
    function_of,
    tool_calls_of,
    tool_parameters,
    tools_of,
)
from policyc.runtime.trace_check import check_event, check_trace
from policyc.runtime.trace_corpus import Named, Part, corpus_parts, read_corpus, traces_of
from policyc.runtime.trace_reading import FORMATS, problem_of, read_trace

__all__ = [
    "FORMATS",
    "UNPARSED",
    "EventKind",
    "Named",
    "Part",
    "TraceError",
    "arguments_of",
    "check_event",
    "check_trace",
    "corpus_parts",
    "event_kind",
    "function_of",
    "problem_of",
    "read_corpus",
    "read_trace",
    "tool_calls_of",
    "tool_parameters",
    "tools_of",
    "traces_of",
]
