"""Placeholders of images: where an image is, without the image."""

from __future__ import annotations

from typing import Any


def placeholders(addresses: Any) -> list[str]:
    """Of each address of a list: itself, or the type and size of an image that is in it."""
    if not isinstance(addresses, list):
        return []
    return [_placeholder(each) for each in addresses if isinstance(each, str) and each]


def _placeholder(address: str) -> str:
    if not address.startswith("data:"):
        return address
    head, _, data = address.partition(",")
    return f"{head} ({len(data)} characters)"
