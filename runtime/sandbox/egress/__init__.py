"""The way out of a sandbox that has no network: a proxy with an allow-list and a judge."""
