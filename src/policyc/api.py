"""`Policy`: what a program embeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from policyc.grammar.source import Source
from policyc.runtime.backends.base import EMBEDDED, make_backend
from policyc.runtime.engine import Engine, as_events, check_parameters
from policyc.runtime.failures import BackendError
from policyc.runtime.limits import Limits, limits_of
from policyc.runtime.loading import load_program, loader, read_source
from policyc.runtime.monitor import Monitor
from policyc.runtime.results import AnalysisResult, UnhandledViolations

if TYPE_CHECKING:
    from pathlib import Path

    from policyc.grammar.diagnostics import Diagnostic
    from policyc.runtime.backends.base import Backend, RemoteMonitor
    from policyc.runtime.explanation import Explanation
    from policyc.runtime.program import Program

Trace = Sequence[dict[str, Any]]
Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """How a policy is evaluated, besides its text."""

    functions: Functions | None = None
    limits: Limits | None = None
    optimize: bool = True
    backend: str | None = None
    """Where it is evaluated; None: in this process."""

    @classmethod
    def of(
        cls,
        functions: Functions | None,
        limits: Limits | Mapping[str, Any] | None,
        backend: str | None,
        *,
        optimize: bool,
    ) -> Options:
        if backend in (None, EMBEDDED):
            return cls(functions, limits_of(limits), optimize)
        for name, given in (("functions", functions), ("limits", limits)):
            if given:
                raise BackendError(
                    f"`{name}` cannot be sent to a server: give them to the embedded engine only"
                )
        return cls(optimize=optimize, backend=backend)


class Policy:
    """A compiled policy. Immutable: any number of threads and monitors may use one, and it can be
    pickled.

    `diagnostics` are its warnings.

    All ways of making one take:

    - `functions`: functions and types that the policy may use by these names, besides the standard
      library;
    - `limits`: budgets (`Limits`, or a mapping of its fields); by default the search has none;
    - `backend`: where it is evaluated: `"embedded"`, in this process, is the default; the address
      of a server, `"http://127.0.0.1:8000"`, sends each trace there. `session+http://...` and
      `stateless+http://...` say that it is an Invariant server, with this API. `"container"` is a
      server of this version in a container on this machine, started by need (`policyc container
      build` makes its image); `"container:IMAGE"` one of another image;
    - `optimize`: False evaluates rules plainly, without indexes: slow, for comparison.
    """

    def __init__(
        self,
        program: Program,
        diagnostics: tuple[Diagnostic, ...] = (),
        options: Options | None = None,
    ) -> None:
        options = options or Options()
        self._program = program
        self._options = options
        self._engine = Engine(
            program, loader(options.functions), limits=options.limits, optimize=options.optimize
        )
        self._judge: Engine | Backend = self._engine
        """What judges: the engine, or a server. Explanations are always of the engine."""
        if options.backend is not None:
            self._judge = make_backend(options.backend, program.plan.sources)
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
        limits: Limits | Mapping[str, Any] | None = None,
        backend: str | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile the text of a policy; `path` is what messages call it.

        Raises:
            PolicyError: the policy has errors; all of them are told.
        """
        options = Options.of(functions, limits, backend, optimize=optimize)
        return cls._compile([Source(source, path)], options)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        functions: Functions | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        backend: str | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile a file, or the bundled policy `policy:NAME`.

        Raises:
            PolicyError: the policy has errors, or is no text in UTF-8.
            OSError: the file cannot be read.
        """
        options = Options.of(functions, limits, backend, optimize=optimize)
        return cls._compile([read_source(path)], options, keep=True)

    @classmethod
    def from_files(
        cls,
        paths: Iterable[str | Path],
        *,
        functions: Functions | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        backend: str | None = None,
        optimize: bool = True,
    ) -> Policy:
        """Compile several files into one set of rules; what one file declares is not seen by the
        others.

        What is compiled is kept in the user's cache folder (`POLICYC_CACHE_DIR`,
        `POLICYC_NO_CACHE=1`).

        Raises:
            PolicyError: some file has errors; those of all files are told.
            OSError: a file cannot be read.
        """
        options = Options.of(functions, limits, backend, optimize=optimize)
        return cls._compile([read_source(path) for path in paths], options, keep=True)

    @classmethod
    def _compile(cls, sources: list[Source], options: Options, *, keep: bool = False) -> Policy:
        program, diagnostics = load_program(sources, options.functions, keep=keep)
        return cls(program, diagnostics, options)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Policy, (self._program, self.diagnostics, self._options))

    # --- what it is, and what it needs

    @property
    def sources(self) -> dict[str, str]:
        """The texts that the policy was compiled from, by what messages call them."""
        return {source.name: source.text for source in self._program.plan.sources}

    @property
    def parameters(self) -> dict[str, Any]:
        """The names of the `input.*` values that the policy takes, each with its default (None: it
        has none)."""
        generated = self._program.generated
        known = {**generated.defaults, **dict.fromkeys(generated.parameters)}
        return {name: deepcopy(known[name]) for name in sorted(known)}

    @property
    def required_parameters(self) -> frozenset[str]:
        """The names of those without a default: a rule that reaches one that is missing fails."""
        return self._program.generated.parameters

    # --- evaluation

    def analyze(
        self, trace: Any, /, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """Evaluate the policy on a trace: a list of events, or anything that `read_trace`
        understands.

        A part of an event that no rule looks at is not checked; `read_trace` checks everything.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        if parameters:
            check_parameters(parameters)
        events = trace if type(trace) is list else as_events(trace)
        result = self._judge.analyze(events, parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    def analyze_pending(
        self, past: Any, pending: Any, /, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """Evaluate the policy on past + pending events; only what involves a pending event is
        reported.

        Raises:
            TraceError: the trace is malformed.
            UnhandledViolations: the result blocks, and `raise_on_violation` is set.
        """
        check_parameters(parameters)
        result = self._judge.analyze_pending(as_events(past), as_events(pending), parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    async def a_analyze(
        self, trace: Any, /, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """`analyze`, while the event loop goes on: in a thread, or waiting for a server."""
        if isinstance(self._judge, Engine):
            import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

            return await asyncio.to_thread(
                self.analyze, trace, raise_on_violation=raise_on_violation, **parameters
            )
        check_parameters(parameters)
        result = await self._judge.a_analyze(as_events(trace), parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    async def a_analyze_pending(
        self, past: Any, pending: Any, /, *, raise_on_violation: bool = False, **parameters: Any
    ) -> AnalysisResult:
        """`analyze_pending`, as `a_analyze`."""
        if isinstance(self._judge, Engine):
            import asyncio  # noqa: PLC0415  # slow to load, and seldom needed

            return await asyncio.to_thread(
                self.analyze_pending,
                past,
                pending,
                raise_on_violation=raise_on_violation,
                **parameters,
            )
        check_parameters(parameters)
        given = (as_events(past), as_events(pending))
        result = await self._judge.a_analyze_pending(*given, parameters)
        if raise_on_violation and result:
            raise UnhandledViolations(result)
        return result

    def monitor(self, /, **parameters: Any) -> Monitor | RemoteMonitor:
        """A monitor that is fed event by event and reports only what is new."""
        if isinstance(self._judge, Engine):
            return Monitor(self._engine, parameters)
        check_parameters(parameters)
        return self._judge.monitor(parameters)

    def bounded(self, seconds: float, /, **parameters: Any) -> Policy | None:
        """The same policy with so many seconds for an analysis, or for each event of a monitor,
        which it keeps to by itself (`Limits.seconds`).

        None where it cannot promise that, because with these parameters it calls what may take any
        time: functions of the host or of plug-ins, services, models, the file system, another
        backend.
        """
        if not isinstance(self._judge, Engine) or not self._engine.is_bounded(parameters):
            return None
        limits = self._options.limits or Limits()
        if limits.seconds is None or limits.seconds > seconds:
            limits = replace(limits, seconds=seconds)
        return Policy(self._program, self.diagnostics, replace(self._options, limits=limits))

    def close(self) -> None:
        """End what the policy has on a server; a container is stopped by its last user. Of the
        embedded engine there is nothing to end."""
        if not isinstance(self._judge, Engine):
            self._judge.close()

    # --- explanations

    def why(self, trace: Any, /, rule: str | int | None = None, **parameters: Any) -> Explanation:
        """Why rules fired on a trace, or did not: `print` it, or take `to_dict()`.

        Args:
            trace: as for `analyze`.
            rule: only this one: its name or a part of it, its number from 1, or a line of it
                (`":12"`, `"mail.inv:12"`).

        Raises:
            PolicycError: there is no such rule; the message lists those there are.
            TraceError: the trace is malformed.
        """
        from policyc.runtime.why import explain  # noqa: PLC0415  # seldom needed

        check_parameters(parameters)
        return explain(self._engine, as_events(trace), parameters, rule)
