"""What can go wrong with a sandbox. Every message says what to do."""

from __future__ import annotations

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.failures import BackendError


class SandboxError(BackendError):
    """A sandbox, or what it runs on, does not do what it was asked for."""


class ProviderUnavailable(SandboxError):
    """A provider cannot work on this machine."""


class ImageAbsent(SandboxError):
    """The image of a sandbox is not on this machine."""


class SandboxAbsent(SandboxError):
    """There is no such sandbox."""


class SandboxLost(SandboxError):
    """The sandbox ended, or its provider went away, while something was asked of it."""


class WrongState(SandboxError):
    """The state of a sandbox does not allow what was asked for."""


class SandboxBusy(SandboxError):
    """Somebody else uses the sandbox, and did not let it go in time."""


class InvalidSpec(PolicycError):
    """A specification that cannot be carried out, or would not be safe."""


class LimitReached(SandboxError):
    """As many sandboxes hold resources as may, and room cannot be made."""


class InvalidRequest(PolicycError):
    """A question about sandboxes that has no answer: a page or a number that there is not."""
