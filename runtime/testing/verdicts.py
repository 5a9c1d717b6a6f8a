"""A verdict in the form of a snapshot: YAML that a reviewer reads in a diff.

    trace: "attack.json"
    blocked: true
    violations:
      - rule: "mail to an outsider"
        risk: "high"
        places:
          "3.tool_calls.0": "call of send_email"
          "3.tool_calls.0.function.arguments.to:4-16": "evil.example"
    errors: []

It says what the policy decides and nothing that changes for other reasons: no paths, lines, keys or
numbers of rules, and violations stand in the order of the names of their rules. Every text is in
quotes, so that the same verdict is the same text always. Credentials are masked.
"""

from __future__ import annotations

import json
import re
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any, Final

from policyc.compiler.risk import without_tags
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.detectors.masking import masked
from policyc.runtime.excerpts import ELLIPSIS, safe_piece
from policyc.runtime.trace_ranges import as_counted, follow, parse_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyc.runtime.results import AnalysisResult, Violation

Verdict = dict[str, Any]
"""`blocked`, and the lists `violations` and `errors` of dicts with a `rule`."""

LISTS: Final = ("violations", "errors")

_LONGEST = 120
"""Characters of a marked text that are shown."""


class VerdictError(PolicycError):
    """A text that is no verdict in the form of a snapshot."""


def verdict_of(result: AnalysisResult, events: Sequence[dict[str, Any]] | None = None) -> Verdict:
    """The verdict of a result; with the events of the trace it shows what the places hold."""
    counted = None if events is None else as_counted(events)
    violations = [_violation(violation, counted) for violation in result.violations]
    errors = [{"rule": error.rule.name, "message": error.message} for error in result.errors]
    return {
        "blocked": result.blocked,
        "violations": sorted(violations, key=_rule),
        "errors": sorted(errors, key=_rule),
    }


def _rule(entry: dict[str, Any]) -> str:
    return str(entry["rule"])


def _violation(violation: Violation, counted: list[dict[str, Any]] | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"rule": violation.rule.name}
    if violation.risk is not None:
        entry["risk"] = violation.risk
    args = violation.args
    if violation.message:
        args = args[1:]
        if without_tags(violation.message) != violation.rule.name:
            entry["message"] = masked(violation.message)
    if counted is None:
        entry["places"] = violation.ranges
    else:
        hidden = frozenset(violation.secrets)
        entry["places"] = {x: _shown(x, counted, x in hidden) for x in violation.ranges}
    if args:
        entry["args"] = _safe(args)
    if violation.kwargs:
        entry["values"] = _safe(violation.kwargs)
    return entry


def _safe(value: Any) -> Any:
    """A JSON value with the credentials in its texts masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _safe(entry) for key, entry in value.items()}
    return [_safe(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(text: str, counted: list[dict[str, Any]], is_secret: bool) -> str | None:
    """What is at a place: the marked text, or what kind of object it is."""
    parts, span = parse_range(text)
    value = follow(counted, parts)
    if span is not None and isinstance(value, str):
        start, end = span
        marked = safe_piece(value, start, min(end, start + _LONGEST))
        if is_secret:
            marked = masked(marked, [(0, len(marked))])
        return marked if end - start <= _LONGEST else marked + ELLIPSIS
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        return f"call of {value['function'].get('name')}"
    if "role" in value:
        return "output of a tool" if value["role"] == "tool" else f"message of the {value['role']}"
    return f"tool {value.get('name')}"


# --- to YAML --------------------------------------------------------------------------------------


def to_yaml(verdict: Verdict, trace: str | None = None) -> str:
    """The text of a verdict, with the name of its trace where there is one."""
    return "\n".join(_lines(verdict, trace)) + "\n"


def _lines(verdict: Verdict, trace: str | None) -> Iterator[str]:
    if trace is not None:
        yield f"trace: {_flow(trace)}"
    yield f"blocked: {_flow(verdict['blocked'])}"
    for name in LISTS:
        entries = verdict[name]
        yield f"{name}:" if entries else f"{name}: []"
        for entry in entries:
            yield entry_text(entry)


def entry_text(entry: dict[str, Any]) -> str:
    """The lines of a violation or an error."""
    lines: list[str] = []
    for key, value in entry.items():
        lead = "    " if lines else "  - "
        if isinstance(value, dict) and value:
            lines.append(f"{lead}{key}:")
            lines.extend(f"      {_flow(name)}: {_flow(inner)}" for name, inner in value.items())
        elif isinstance(value, list) and value:
            lines.append(f"{lead}{key}:")
            lines.extend(f"      - {_flow(inner)}" for inner in value)
        else:
            lines.append(f"{lead}{key}: {_flow(value)}")
    return "\n".join(lines)


def _flow(value: Any) -> str:
    """A JSON value in one line."""
    if isinstance(value, str):
        return f'"{re.sub(_TO_ESCAPE, _escaped, value)}"'
    if isinstance(value, float) and not isfinite(value):
        return ".nan" if isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_flow(str(k))}: {_flow(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return json.dumps(value)


_TO_ESCAPE = re.compile(r'["\\]|[^ -~]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def _escaped(found: re.Match[str]) -> str:
    """A character as it stands in quotes: nothing that is invisible or steers a terminal."""
    char = found[0]
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


# --- from YAML ------------------------------------------------------------------------------------


def from_yaml(text: str) -> Verdict:
    """The verdict that a text holds.

    Raises:
        VerdictError: it holds none.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415  # only where verdicts differ
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        data = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" in line {mark.line + 1}"
        raise VerdictError(f"it is no YAML{place}") from None
    if not isinstance(data, dict) or not isinstance(data.get("blocked"), bool):
        raise VerdictError("it does not say whether the trace is blocked")
    for name in LISTS:
        entries = data.get(name)
        if not isinstance(entries, list) or not all(map(_is_entry, entries)):
            raise VerdictError(f"`{name}` is no list of entries with a `rule`")
    return {"blocked": data["blocked"], **{name: data[name] for name in LISTS}}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("rule"), str)
