"""Sandboxes on another machine: the runtime API that OpenHands uses, with what is needed to start
processes, and both ends of it. The end that serves it needs the extra `policyc[server]`."""

from policyc.runtime.sandbox.remote.provider import RemoteProvider

__all__ = ["RemoteProvider"]
