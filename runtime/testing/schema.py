"""The JSON Schema of case files: for editors, which complete and check them by it.

The reader says more, and says it better: what has to do with the policy and the trace no schema
knows. A file that the reader takes fits the schema.
"""

from __future__ import annotations

from importlib import resources


def schema_text() -> str:
    """The schema, as it stands in the package."""
    return (
        resources.files("policyc.runtime.testing").joinpath("cases.schema.json").read_text("utf-8")
    )
