"""From files to programs: reading policies, compiling them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyc.compiler.codegen import generate
from policyc.compiler.pipeline import compile_sources
from policyc.grammar.source import Source
from policyc.runtime.extensions import catalogue
from policyc.runtime.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyc.grammar.diagnostics import Diagnostic


def read_source(path: str | Path) -> Source:
    """The text of a policy file."""
    return Source(Path(path).read_text(encoding="utf-8"), str(path))


def compile_program(
    sources: Sequence[Source], functions: Mapping[str, Callable[..., Any]] | None
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """The program of some sources, and their warnings.

    Raises:
        PolicyError: a source has errors.
    """
    compilation = compile_sources(sources, catalogue(functions))
    plan = compilation.require()
    return Program(plan, generate(plan)), compilation.diagnostics
