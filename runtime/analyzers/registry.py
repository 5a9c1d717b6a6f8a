"""Which analyzers there are: entry points of the group `policyc.analyzers`, each a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policyc.compiler.spelling import did_you_mean
from policyc.runtime.analyzers.analyzer import SecurityAnalyzer
from policyc.runtime.analyzers.risk import AnalyzerError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "policyc.analyzers"


def analyzer_names() -> list[str]:
    """The names of all analyzers that are installed, in order."""
    return sorted({entry.name for entry in _entries()})


def make_analyzer(name: str, **options: Any) -> SecurityAnalyzer:
    """Make the analyzer of that name; `options` are those of its class.

    Raises:
        AnalyzerError: there is no such analyzer, it cannot be loaded, or it refuses its options.
    """
    found = [entry for entry in _entries() if entry.name == name]
    if not found:
        known = analyzer_names()
        help_ = did_you_mean(name, known) or f"known are {', '.join(f'`{one}`' for one in known)}"
        raise AnalyzerError(f"there is no analyzer `{name}`: {help_}")
    if len({entry.value for entry in found}) > 1:
        owners = " and ".join(sorted(f"`{_owner(entry)}`" for entry in found))
        raise AnalyzerError(f"{owners} both have an analyzer `{name}`")
    cls = _class(found[0])
    try:
        return cls(**options)
    except TypeError as error:
        raise AnalyzerError(f"the analyzer `{name}` cannot be made so: {error}") from error


def _class(entry: EntryPoint) -> type[SecurityAnalyzer]:
    try:
        loaded = entry.load()
    except Exception as error:  # foreign code: whatever it raises is the reason
        raise AnalyzerError(
            f"the analyzer `{entry.name}` of `{_owner(entry)}` cannot be loaded: {error}"
        ) from error
    if not isinstance(loaded, type) or not issubclass(loaded, SecurityAnalyzer):
        raise AnalyzerError(
            f"the analyzer `{entry.name}` of `{_owner(entry)}` is no class of a SecurityAnalyzer"
        )
    return loaded


def _entries() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and seldom needed

    return list(entry_points(group=GROUP))


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
