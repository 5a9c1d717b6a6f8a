"""What is fuzzed. A target takes a number, makes its input from it, and raises if policyc
misbehaves on it.

Misbehaving is any exception but the announced ones, an answer that is no JSON, a place outside the
text, a search that failed in an unforeseen way. That it takes too long is noticed by who runs it
(see `watch`).
"""

from __future__ import annotations

import io
import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import policyc
from policyc.compiler.frontend import check_source
from policyc.grammar.formatter import format_source
from policyc.grammar.parser import parse
from policyc.grammar.rendering import render_text
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.limits import Limits
from policyc.runtime.testing.case_reading import read_cases
from policyc.runtime.traces import FORMATS
from tests.differential.choices import SeededChoices
from tests.differential.policy_makers import PARAMETERS, make_policy
from tests.differential.trace_makers import make_trace
from tests.fuzz.corpus import TRACES, case_files, policies
from tests.fuzz.mutations import damage_text, damage_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.results import AnalysisResult

UNFORESEEN = "the search failed"
"""How the error of a rule begins where the engine gave up on an exception it did not expect."""


def policy_text(number: int) -> str:
    rng = random.Random(f"text/{number}")
    texts = policies()
    if rng.random() < 0.2:
        text = make_policy(SeededChoices(number), tame=False).source
    else:
        text = rng.choice(texts)
    return damage_text(rng, text, texts)


def fuzz_checker(number: int) -> None:
    """Reading, checking, formatting and showing a damaged policy."""
    text = policy_text(number)
    source = Source(text)
    diagnostics = check_source(source, catalogue()).diagnostics
    for found in diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(source.text), found
        assert 1 <= found.line <= found.end_line <= source.text.count("\n") + 1, found
        assert found.message
        assert not found.message[0].isspace()
    render_text(diagnostics, color=False, width=80)
    try:
        formatted = format_source(source)
    except policyc.PolicyError:
        return
    assert parse(Source(formatted)).tree == parse(source).tree
    assert format_source(Source(formatted)) == formatted


def fuzz_reader(number: int) -> None:
    """Reading a damaged trace, as data or as text, in a format or in the one that is found out."""
    rng = random.Random(f"trace/{number}")
    value = damage_value(rng, rng.choice(TRACES))
    form = rng.choice(("auto", "auto", *FORMATS))
    try:
        events = policyc.read_trace(_as_text(rng, value) if rng.random() < 0.5 else value, form)
    except policyc.TraceError as error:
        announced(error)
        return
    assert isinstance(events, list)
    assert all(isinstance(event, dict) for event in events)


def fuzz_cases(number: int) -> None:
    """Reading a damaged case file about a bundled policy."""
    rng = random.Random(f"cases/{number}")
    text = damage_text(rng, rng.choice(case_files()), case_files())
    source = Source(text, "policy:secrets")
    loaded = read_cases(source)
    for found in loaded.diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(source.text) + 1, found
        assert found.message
    render_text(loaded.diagnostics, color=False, width=80)
    assert (loaded.file is None) == bool(loaded.diagnostics)
    if loaded.file is not None:
        assert loaded.file.cases


def announced(error: policyc.TraceError) -> None:
    """An error about a trace says where and what."""
    assert error.path
    assert error.message


def _as_text(rng: random.Random, value: Any) -> Any:
    """A file with the value as JSON or JSON Lines, most often with a damaged text."""
    lines = value if isinstance(value, list) and rng.random() < 0.3 else [value]
    try:
        text = "\n".join(map(json.dumps, lines))
    except RecursionError:
        text = "[" * 100_000
    if rng.random() < 0.6:
        text = damage_text(rng, text, ["[]", '{"a": 1}', '"', "[" * 3000])
    return io.StringIO(text)


def fuzz_engine(number: int) -> None:
    """Running a generated or written policy on a damaged trace, in every way there is."""
    rng = random.Random(f"run/{number}")
    choices = SeededChoices(number)
    text = make_policy(choices, tame=False).source if rng.random() < 0.7 else rng.choice(policies())
    try:
        policy = policyc.Policy.from_string(text, limits=Limits(work=50_000))
    except policyc.PolicyError:
        return
    trace = damage_value(rng, make_trace(choices, tame=False))
    parameters = damage_value(rng, PARAMETERS)
    if not isinstance(parameters, dict) or not all(name.isidentifier() for name in parameters):
        parameters = {}
    boundary = rng.randrange(4)
    judge(lambda: policy.analyze(trace, **parameters))
    if not isinstance(trace, list):
        return
    judge(lambda: policy.analyze_pending(trace[:boundary], trace[boundary:], **parameters))
    monitor = policy.monitor(**parameters)
    for event in trace:
        judge(partial(monitor.append, event))


def judge(analyze: Callable[[], AnalysisResult]) -> None:
    """Whether an analysis answers, in JSON, or says that the trace is none."""
    try:
        result = analyze()
    except policyc.TraceError as error:
        announced(error)
        return
    told = result.to_dict()
    json.dumps(told)
    assert told["blocked"] == bool(result) == bool(told["violations"] or told["errors"])
    for failure in result.errors:
        if failure.message.startswith(UNFORESEEN):
            raise AssertionError(failure.message) from failure.cause


TARGETS: dict[str, Callable[[int], None]] = {
    "checker": fuzz_checker,
    "reader": fuzz_reader,
    "engine": fuzz_engine,
    "cases": fuzz_cases,
}
