"""Which providers of sandboxes there are: entry points of the group `policyc.sandboxes`, each a
class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.compiler.spelling import did_you_mean
from policyc.runtime.sandbox.failures import InvalidSpec, ProviderUnavailable, SandboxError
from policyc.runtime.sandbox.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from policyc.runtime.sandbox.spec import SandboxSpec

GROUP: Final = "policyc.sandboxes"
PREFERRED: Final = ("docker", "embedded")
"""What is used where none is named: the first that works."""


def provider_names() -> list[str]:
    """The names of all providers that are installed, in order."""
    return sorted({entry.name for entry in _entries()})


def choose(name: str | None = None, spec: SandboxSpec | None = None) -> Provider:
    """The provider of that name, which may or may not work here; without a name one that does:
    containers where an engine answers, else embedded sandboxes.

    Args:
        name: of an entry point.
        spec: what shall be made; a provider that lacks something for it, such as the image, is
            passed over where none is named.

    Raises:
        ProviderUnavailable: none works; the message tells of each why, and what to do.
        SandboxError: there is no provider of that name, or it cannot be loaded.
    """
    if name is not None:
        return _make(name)
    reasons: list[str] = []
    for provider in _working(reasons):
        try:
            if spec is not None:
                provider.check(spec)
        except (SandboxError, InvalidSpec) as error:
            provider.close()
            reasons.append(f"{provider.name}: {error}")
        else:
            return provider
    told = "".join(f"\n  {one}" for one in reasons)
    raise ProviderUnavailable(f"nothing on this machine runs sandboxes:{told}")


def working() -> list[Provider]:
    """The providers of this machine that work."""
    return list(_working([]))


def _working(reasons: list[str]) -> Iterator[Provider]:
    """Those that work, the preferred one first; of the others why not."""
    for name in PREFERRED:
        try:
            provider = _make(name)
        except SandboxError as error:
            reasons.append(f"{name}: {error}")
            continue
        try:
            provider.probe()
        except ProviderUnavailable as error:
            provider.close()
            reasons.append(f"{name}: {error}")
        else:
            yield provider


def _make(name: str) -> Provider:
    found = [entry for entry in _entries() if entry.name == name]
    if not found:
        known = provider_names()
        help_ = did_you_mean(name, known) or f"known are {', '.join(f'`{one}`' for one in known)}"
        raise SandboxError(f"there is no provider of sandboxes `{name}`: {help_}")
    if len({entry.value for entry in found}) > 1:
        owners = " and ".join(sorted(f"`{_owner(entry)}`" for entry in found))
        raise SandboxError(f"{owners} both have a provider of sandboxes `{name}`")
    try:
        loaded = found[0].load()
        made = loaded()
    except Exception as error:  # foreign code: whatever it raises is the reason
        raise SandboxError(
            f"the provider `{name}` of `{_owner(found[0])}` cannot be loaded: {error}"
        ) from error
    if not isinstance(made, Provider):
        raise SandboxError(f"the provider `{name}` of `{_owner(found[0])}` is no Provider")
    return made


def _entries() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and seldom needed

    return list(entry_points(group=GROUP))


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
