"""Sandboxes without an engine: namespaces, control groups, Landlock and a filter of system calls,
made by policyc itself. Linux only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyc.runtime.sandbox.embedded.provider import EmbeddedProvider as EmbeddedProvider

__all__ = ["EmbeddedProvider"]


def __getattr__(name: str) -> Any:
    """Load the provider when it is asked for: what runs in a sandbox imports this package too."""
    if name != "EmbeddedProvider":
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from policyc.runtime.sandbox.embedded.provider import EmbeddedProvider  # noqa: PLC0415

    return EmbeddedProvider
