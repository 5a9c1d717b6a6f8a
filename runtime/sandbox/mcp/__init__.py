"""A gated sandbox as the tools of a coding agent, over the Model Context Protocol."""

from policyc.runtime.sandbox.mcp.serving import serve

__all__ = ["serve"]
