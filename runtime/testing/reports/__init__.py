"""Reports of a test run for programs: each form is a function from a `Report` to a text.

`FORMS` names them. The form for people is the command line's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from policyc.runtime.testing.session import Report

FORMS: Final = {
    "json": "json_report",
    "junit": "junit",
    "sarif": "sarif",
    "github": "github",
    "tap": "tap",
}
"""Each form and its module, which has a function `render`."""


def render(report: Report, form: str) -> str:
    """A report in one of the `FORMS`; it ends with a line end, unless it is empty."""
    module = import_module(f"policyc.runtime.testing.reports.{FORMS[form]}")
    text: str = module.render(report)
    return text
