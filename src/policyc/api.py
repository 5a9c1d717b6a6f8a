"""`Policy`: what a program embeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from policyc.grammar.source import Source
from policyc.runtime.engine import Engine, as_events, check_parameters
from policyc.runtime.loading import load_program, loader, read_source
from policyc.runtime.monitor import Monitor
from policyc.runtime.results import AnalysisResult, UnhandledViolations

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.limits import Limits
    from policyc.runtime.program import Program

Trace = Sequence[dict[str, Any]]
Functions = Mapping[str, Callable[..., Any]]


class Policy:
    """A compiled policy. Immutable: any number of threads and monitors may use one, and it can be pickled."""

    def __init__(
        self,
        program: Program,
        diagnostics: tuple[Diagnostic, ...] = (),
        functions: Functions | None = None,
        *,
        limits: Limits | None = None,
        optimize: bool = True,
    ) -> None:
        self._program = program
        self._functions = functions
        self._limits = limits
        self._optimize = optimize
        self._engine = Engine(program, loader(functions), limits=limits, optimize=optimize)
        self.diagnostics = diagnostics
        """The warnings of the policy."""

    # --- making one

    @classmethod
    def from_string(
        cls,
        source: str,
        path: str | None = None,
        *,
        functions: Functions | None = None,
        limits: Limits | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile the text of a policy; `path` is what messages call it.

        Args:
            functions: functions and types that the policy may use by these names, besides the standard library.
            limits: budgets; by default the search has none.
            optimize: False evaluates rules plainly, without indexes: slow, for comparison.

        Raises:
            PolicyError: the policy has errors; all of them are told.
        """
        return cls._compile([Source(source, path)], functions, limits, optimize=optimize)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        functions: Functions | None = None,
        limits: Limits | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile a file, or the bundled policy `policy:NAME`.

        Raises:
            PolicyError: the policy has errors, or is no text in UTF-8.
            OSError: the file cannot be read.
        """
        return cls.from_files([path], functions=functions, limits=limits, optimize=optimize)

    @classmethod
    def from_files(
        cls,
        paths: Iterable[str | Path],
        *,
        functions: Functions | None = None,
        limits: Limits | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile several files into one set of rules; what one file declares is not seen by the others.

        What is compiled is kept in the user's cache folder (`POLICYC_CACHE_DIR`, `POLICYC_NO_CACHE=1`).

        Raises:
            PolicyError: some file has errors; those of all files are told.
            OSError: a file cannot be read.
        """
        sources = [read_source(path) for path in paths]
        return cls._compile(sources, functions, limits, optimize=optimize, keep=True)

    @classmethod
    def _compile(
        cls,
        sources: list[Source],
        functions: Functions | None,
        limits: Limits | None,
        *,
        optimize: bool,
        keep: bool = False,
    ) -> Policy:
        program, diagnostics = load_program(sources, functions, keep=keep)
        return cls(program, diagnostics, functions, limits=limits, optimize=optimize)

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _restore,
            (self._program, self.diagnostics, self._functions, self._limits, self._optimize),
        )

    # --- what it needs

    @property
    def parameters(self) -> dict[str, Any]:
        """The names of the `input.*` values that the policy needs, each with its default (None: it has none)."""
        return dict.fromkeys(sorted(self._program.generated.parameters))

    # --- evaluation

    def analyze(
        self, trace: Any, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """Evaluate the policy on a trace: a list of events, or anything that `read_trace` understands.

        A part of an event that no rule looks at is not checked; `read_trace` checks everything.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        if parameters:
            check_parameters(parameters)
        events = trace if type(trace) is list else as_events(trace)
        result = self._engine.analyze(events, parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    def analyze_pending(
        self, past: Any, pending: Any, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """Evaluate the policy on past + pending events; only what involves a pending event is reported.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        check_parameters(parameters)
        result = self._engine.analyze_pending(as_events(past), as_events(pending), parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    async def a_analyze(
        self, trace: Any, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """`analyze` in a thread, so that the event loop goes on."""
        import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

        return await asyncio.to_thread(
            self.analyze, trace, raise_on_violation=raise_on_violation, **parameters
        )

    async def a_analyze_pending(
        self, past: Any, pending: Any, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """`analyze_pending` in a thread, so that the event loop goes on."""
        import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

        return await asyncio.to_thread(
            self.analyze_pending,
            past,
            pending,
            raise_on_violation=raise_on_violation,
            **parameters,
        )

    def monitor(self, **parameters: Any) -> Monitor:
        """A monitor that is fed event by event and reports only what is new."""
        return Monitor(self._engine, parameters)


def _restore(
    program: Program,
    diagnostics: tuple[Diagnostic, ...],
    functions: Functions | None,
    limits: Limits | None,
    optimize: bool,  # noqa: FBT001  # as pickled
) -> Policy:
    return Policy(program, diagnostics, functions, limits=limits, optimize=optimize)
