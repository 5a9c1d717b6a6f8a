"""From files to programs: reading policies, compiling them, keeping what was compiled."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from errno import ENOENT
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyc.grammar.diagnostics import Diagnostic, PolicyError, Severity
from policyc.grammar.source import Source, Span
from policyc.runtime.cache import cached
from policyc.runtime.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyc.compiler.signatures import Signature
    from policyc.runtime.extensions import StandardCatalogue


BUNDLED = "policy:"
"""Before the name of a bundled policy."""


def read_source(path: str | Path) -> Source:
    """The text of a policy file, or of the bundled policy `policy:NAME`.

    Raises:
        OSError: it cannot be read.
        PolicyError: it is no text in UTF-8.
    """
    name = str(path)
    if name.startswith(BUNDLED):
        return _read_bundled(name)
    return decode_source(Path(path).read_bytes(), name)


def _read_bundled(path: str) -> Source:
    from policyc import policies  # noqa: PLC0415  # only where one is asked for

    name = path.removeprefix(BUNDLED)
    try:
        return Source(policies.read(name), path)
    except KeyError:
        from policyc.compiler.spelling import did_you_mean  # noqa: PLC0415  # only for the message

        hint = did_you_mean(name, policies.names())
        reason = f"there is no bundled policy of this name{f', {hint}' if hint else ''}"
        raise FileNotFoundError(ENOENT, reason, path) from None


def decode_source(data: bytes, name: str) -> Source:
    """The text of a policy in UTF-8; `name` is what messages call it.

    Raises:
        PolicyError: it is no text in UTF-8.
    """
    try:
        return Source(data.decode(), name)
    except UnicodeDecodeError as error:
        # The place is counted in the text where each wrong byte has become one character.
        source = Source(data.decode(errors="replace"), name)
        start = len(data[: error.start].decode().removeprefix("\ufeff"))
        found = Diagnostic(
            "E0101",
            Severity.ERROR,
            f"the byte `0x{data[error.start]:02x}` is no text in UTF-8",
            source,
            Span(start, start + 1),
            help="save the file in the encoding UTF-8",
        )
        raise PolicyError([found]) from None


def load_program(
    sources: Sequence[Source],
    functions: Mapping[str, Callable[..., Any]] | None,
    *,
    keep: bool = False,
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """The program of some sources, and their warnings.

    `keep`: look for it in the cache, and put it there. What depends on more than the sources, such
    as functions of the host, plug-ins, extras and models, is not kept.

    Raises:
        PolicyError: a source has errors.
    """

    def compiled() -> tuple[Program, tuple[Diagnostic, ...]]:
        # What only the compilation needed is freed when its function returns, before collection
        # goes on.
        with _uncollected():
            return compile_program(sources, functions)

    if keep and not functions and not any("policyc.detectors" in x.text for x in sources):
        return cached(sources, compiled, _is_complete)
    return compiled()


def compile_program(
    sources: Sequence[Source],
    functions: Mapping[str, Callable[..., Any]] | None,
    *,
    is_trusted: bool = True,
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """Compile some sources.

    `is_trusted`: they may reach beyond values, to files, models and services.

    Raises:
        PolicyError: a source has errors, or reaches further than it may.
    """
    # The compiler is loaded where something is compiled: a cached policy needs none of it.
    from policyc.compiler.codegen import generate  # noqa: PLC0415
    from policyc.compiler.pipeline import compile_sources  # noqa: PLC0415
    from policyc.compiler.reach import refusals  # noqa: PLC0415
    from policyc.runtime.extensions import catalogue  # noqa: PLC0415

    known = replace(catalogue(functions), is_trusted=is_trusted)
    compilation = compile_sources(sources, known)
    plan = compilation.require()
    if not is_trusted and (found := refusals(plan)):
        raise PolicyError(found)
    return Program(plan, generate(plan)), compilation.diagnostics


def _is_complete(program: Program) -> bool:
    """Whether a program depends on nothing that may be gone when it is loaded again: whether an
    extra or a model is there is looked at when a policy is compiled."""
    from policyc.compiler.plan import walk  # noqa: PLC0415  # only after a compilation
    from policyc.runtime.outside import needs_more  # noqa: PLC0415

    plan = program.plan
    tops = (*plan.rules, *plan.predicates, *plan.constants)
    return not any(needs_more(node) for top in tops for node in walk(top))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: of all that a compilation makes nothing can be freed before
    its end, and each look at it costs more the larger the host's own heap is."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def loader(
    functions: Mapping[str, Callable[..., Any]] | None,
) -> Callable[[Signature], Callable[..., Any]]:
    """How the functions of a policy are found; the catalogue is made when the first is asked
    for."""

    @cache
    def made() -> StandardCatalogue:
        from policyc.runtime.extensions import catalogue  # noqa: PLC0415  # as above

        return catalogue(functions)

    def load(signature: Signature) -> Callable[..., Any]:
        return made().load(signature)

    return load
