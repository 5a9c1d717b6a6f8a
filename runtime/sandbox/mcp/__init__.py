"""A gated sandbox as the tools of a coding agent, over the Model Context Protocol."""
