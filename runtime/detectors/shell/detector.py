"""`shell` for policies."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.shell.reader import Reader
from policyc.runtime.detectors.shell.records import ShellCode
from policyc.runtime.detectors.shell.sources import Source, sources
from policyc.runtime.places import occurrences

if TYPE_CHECKING:
    from collections.abc import Callable


def shell(data: Any, *, place: Any = None) -> ShellCode:
    """What the commands in a value would do; `place` is where the value lies in the trace.

    Raises:
        BuiltinError: the value is nested deeper than a trace may be.
    """
    return read_all(data, place, read_shell)


@lru_cache(maxsize=128)
def read_shell(text: str) -> ShellCode:
    """What shell code would do. Ends with a result for every text."""
    return Reader(text).read()


def read_all(data: Any, place: Any, read: Callable[[str], ShellCode]) -> ShellCode:
    """The results of all scripts in a value as one, with its marks."""
    return _together([_placed(source, read(source.text)) for source in sources(data, place)])


def _placed(source: Source, code: ShellCode) -> ShellCode:
    """A result with the places of what is in it."""
    # Ordinary commands have nothing to be placed; policies ask for them again and again.
    if not source.parts or not (code.risks or code.undecidable or code.hosts):
        return code
    risks = [one.marked({"": source.marks(*one.span)}) for one in code.risks]
    gaps = [one.marked({"": source.marks(*one.span)}) for one in code.undecidable]
    marks = {
        "risks": [mark for one in risks for mark in one.marks_of("")],
        "undecidable": [mark for one in gaps for mark in one.marks_of("")],
        "hosts": [
            mark
            for host in code.hosts
            for start, end in occurrences(host, source.text)
            for mark in source.marks(start, end)
        ],
    }
    return replace(code, risks=risks, undecidable=gaps).marked(marks)


def _together(codes: list[ShellCode]) -> ShellCode:
    """Several results as one."""
    if len(codes) == 1:
        return codes[0]
    members = ("risks", "undecidable", "hosts")
    return ShellCode(
        commands=[one for code in codes for one in code.commands],
        pipes=[one for code in codes for one in code.pipes],
        redirects=[one for code in codes for one in code.redirects],
        hosts=list(dict.fromkeys(one for code in codes for one in code.hosts)),
        reads=list(dict.fromkeys(one for code in codes for one in code.reads)),
        writes=list(dict.fromkeys(one for code in codes for one in code.writes)),
        risks=[one for code in codes for one in code.risks],
        undecidable=[one for code in codes for one in code.undecidable],
        syntax_error=any(code.syntax_error for code in codes),
    ).marked({key: [mark for code in codes for mark in code.marks_of(key)] for key in members})
