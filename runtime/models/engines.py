"""What a module says of the engines of a function: which there are, and why a call cannot work.

The compiler asks `unavailable` for every call, so that a guard without its model is refused when
the policy is loaded; `policyc detectors` shows `engines`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from policyc.compiler.signatures import Unavailable
from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to get answers: how a policy or the environment chooses it, and `reason`, why it does
    not work here (None: it does). `version`, `license` and the digests of `files` where known."""

    name: str
    choice: str
    reason: str | None = None
    version: str = ""
    license: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


class Engines(Protocol):
    """A module that knows the engines of one function."""

    def unavailable(self, options: Mapping[str, Any], /) -> Unavailable | None:
        """Why the function cannot be called with these options; None where it can."""

    def engines(self) -> tuple[Engine, ...]:
        """All engines of the function."""


def reason_of(resolve: Callable[[], object]) -> str | None:
    """The reason why an engine cannot be found; None where it can."""
    refusal = refusal_of(resolve)
    return None if refusal is None else refusal.reason


def refusal_of(resolve: Callable[[], object]) -> Unavailable | None:
    """The error of finding an engine, as the compiler tells it."""
    try:
        resolve()
    except BuiltinError as error:
        return Unavailable(error.message, error.help or "")
    return None


CLASSIFIER_MODULES = ("onnxruntime", "tokenizers", "numpy")
"""What a classifier in a folder needs: an extra brings it."""


def is_there(module: str) -> bool:
    """Whether a module of Python is installed."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def needs_extra(extra: str, modules: tuple[str, ...] = ()) -> BuiltinError | None:
    """The error where the modules of an extra, by default of one with a classifier, are missing."""
    if all(map(is_there, modules or CLASSIFIER_MODULES)):
        return None
    return BuiltinError(
        f"`policyc[{extra}]` is not installed", f"install it: `pip install 'policyc[{extra}]'`"
    )
