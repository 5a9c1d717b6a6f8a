"""The services that a user configured: addresses, keys and models, from the environment.

Nothing is asked unless its address is configured, and a key goes to no other address than the one
that the environment names beside it: a policy can name an address, but cannot send a key there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from policyc.runtime.bounds import BuiltinError

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask: the base address without a slash at its end, the key (empty: none) and the name
    of the model there (empty: the service's own)."""

    url: str
    key: str = field(default="", repr=False)
    model: str = ""

    @property
    def shown(self) -> str:
        """The address for messages: without its query, which may hold a key as well."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    @property
    def is_openai(self) -> bool:
        return urlsplit(self.url).hostname == urlsplit(OPENAI).hostname


def endpoint(service: str, url: str = "", *, openai: bool = False) -> Endpoint | None:
    """The endpoint of `LLM`, `MODERATION` or `INJECTION`; None where none is configured.

    `url`: the address that a policy names, in place of the environment's. `openai`: whether
    OPENAI_BASE_URL and OPENAI_API_KEY stand in for what is not set.

    Raises:
        BuiltinError: an address cannot be used.
    """
    prefix = f"POLICYC_{service}"
    named, key = _read(f"{prefix}_URL"), _read(f"{prefix}_KEY")
    if not named and openai:
        named = _read("OPENAI_BASE_URL") or (OPENAI if _read("OPENAI_API_KEY") else "")
        key = key or _read("OPENAI_API_KEY")
    checked = _checked(named, f"`{prefix}_URL`") if named else ""
    found = Endpoint(checked, key, _read(f"{prefix}_MODEL")) if checked else None
    if found is not None and not found.key and found.is_openai:
        found = Endpoint(found.url, _read("OPENAI_API_KEY"), found.model)
    if not url:
        return found
    wanted = _checked(url, "this call")
    if found is not None and found.url == wanted:
        return found
    return Endpoint(wanted, "", _read(f"{prefix}_MODEL"))


def _read(name: str) -> str:
    return os.environ.get(name, "").strip()


def _checked(url: str, where: str) -> str:
    """An address as it is used.

    Raises:
        BuiltinError: it is none, or holds a user name or password, which would end up in logs.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise BuiltinError(
            f"the address in {where} cannot be used", "write one as `https://host/v1`"
        )
    if "@" in parts.netloc or parts.fragment:
        raise BuiltinError(
            f"the address in {where} holds more than a place",
            "leave out user, password and `#`; a key has a variable of its own",
        )
    return url.rstrip("/")
