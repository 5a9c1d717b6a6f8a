"""Images from a trace, checked before anything decodes them: form, size, pixels.

An image is a `data:` address, as models get it. One behind an `https:` address is not fetched.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""What is read, by Pillow's names."""

MAX_BYTES = 20_000_000
"""Of an image as it is sent."""

MAX_PIXELS = 25_000_000
"""Of an image, all its frames together."""

_ADDRESS = re.compile(r"data:image/[\w.+-]{1,40}(?:;[\w=.+-]{1,60}){0,3};base64,", re.IGNORECASE)


def frames(address: str) -> Iterator[Any]:
    """The frames of an image as Pillow's images in RGB, what is transparent on white.

    Raises:
        BuiltinError: it is no image, one of another form, or too large.
    """
    from PIL import Image, ImageSequence  # noqa: PLC0415  # of an extra

    data = _data(address)
    pixels = 0
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            # Pillow's own limit is a warning; ours is an error, and lower.
            warnings.simplefilter("ignore")
            for frame in ImageSequence.Iterator(image):
                pixels += frame.width * frame.height
                if pixels > MAX_PIXELS:
                    raise BuiltinError(f"an image of more than {MAX_PIXELS} pixels is not read")
                layer = frame.convert("RGBA")
                page = Image.new("RGBA", layer.size, "white")
                yield Image.alpha_composite(page, layer).convert("RGB")
    except BuiltinError:
        raise
    except Exception as error:  # whatever a decoder makes of a hostile file
        raise BuiltinError(f"an image cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError  # noqa: PLC0415  # of an extra

    if isinstance(error, UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}"
    return str(error) or type(error).__name__


def _data(address: str) -> bytes:
    start = _ADDRESS.match(address)
    if start is None:
        kind = address.partition(":")[0][:20]
        raise BuiltinError(
            f"an image at a `{kind}:` address is not read",
            "policyc fetches nothing: only images that are in the trace as `data:` can be read",
        )
    if (len(address) - start.end()) * 3 // 4 > MAX_BYTES:
        raise BuiltinError(f"an image of more than {MAX_BYTES} bytes is not read")
    try:
        return base64.b64decode("".join(address[start.end() :].split()), validate=True)
    except (binascii.Error, ValueError):
        raise BuiltinError("an image is not valid base64") from None
