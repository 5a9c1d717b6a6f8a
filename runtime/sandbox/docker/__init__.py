"""Sandboxes that are containers of an engine on this machine."""

from policyc.runtime.sandbox.docker.provider import DockerProvider

__all__ = ["DockerProvider"]
