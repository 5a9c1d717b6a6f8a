"""The text of traces from where it is kept: paths, open files and streams, bytes.

Gives lines, one by one, so that a stream may be larger than memory. Files compressed with gzip or
Zstandard are told by their first bytes, and so are the encodings that JSON may have.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from policyc.runtime.trace_access import TraceError, name_of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_LONGEST_MARK = 4
_BLOCK = 1 << 16


class Stream:
    """A text that is opened when it is first read, and closed afterwards."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def read(self) -> str:
        """All of it.

        Raises:
            TraceError: there is no such file, or no text in it.
        """
        text = "".join(self.lines())
        if not self._is_of_texts and not is_text(text):
            raise no_text()
        return text

    def lines(self) -> Iterator[str]:
        """The lines with their ends. What is no text in UTF-8 is told by `is_text`, so that a bad
        line does not hide those after it.

        Raises:
            TraceError: there is no such file, or it is damaged.
        """
        try:
            if isinstance(self._source, str | os.PathLike):
                with Path(self._source).open("rb") as file:
                    yield from _decoded(file)
            elif isinstance(self._source, bytes):
                yield from _decoded(io.BytesIO(self._source))
            elif self._is_of_texts:
                yield from self._source
            else:
                yield from _decoded(self._source)
        except UnicodeError:
            raise no_text() from None
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "the file is damaged"
            raise TraceError("$", f"cannot be read: {reason[:1].lower()}{reason[1:]}") from None
        except ValueError:
            raise TraceError("$", "cannot be read: this is no path of a file") from None

    @property
    def _is_of_texts(self) -> bool:
        """Whether it is an open file that gives texts, which nobody has to decode."""
        if isinstance(self._source, str | bytes | os.PathLike):
            return False
        return isinstance(self._source.read(0), str)


def is_text(text: str) -> bool:
    """Whether a text of `Stream.lines` was one: bytes that are not UTF-8 come as surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def no_text() -> TraceError:
    """The error for what `is_text` refuses."""
    return TraceError("$", "this is no text in UTF-8")


def stream_of(source: Any) -> tuple[str, Stream]:
    """The name (empty for what has none) and the text of a source.

    Raises:
        TraceError: nothing can be read from it.
    """
    if isinstance(source, bytes):
        return "", Stream(source)
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n")[:1] in ("", "[", "{"):
        return "", Stream(io.StringIO(source))
    if isinstance(source, str | os.PathLike):
        return os.fspath(source), Stream(source)
    if not hasattr(source, "read"):
        raise TraceError("$", f"a trace cannot be read from {name_of_type(source)}")
    name = getattr(source, "name", "")
    return (name if isinstance(name, str) else ""), Stream(source)


# --- bytes -> lines -----------------------------------------------------------------------------


def _decoded(file: BinaryIO) -> Iterator[str]:
    head, file = _look_ahead(file)
    unpack = _unpacker(head)
    if unpack is not None:
        head, file = _look_ahead(unpack(file))
    encoding = json.detect_encoding(head)
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    with io.TextIOWrapper(file, encoding=encoding, errors=errors) as text:
        yield from text


def _unpacker(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """How to read a file that starts with these bytes; None: as it is."""
    if head.startswith(_GZIP):
        gzip: Callable[[BinaryIO], BinaryIO] = import_module("gzip").open
        return gzip
    if head.startswith(_ZSTD):
        zstd: Callable[[BinaryIO], BinaryIO] = _zstandard().open
        return zstd
    return None


def _zstandard() -> Any:
    """The library for Zstandard: of Python from 3.14, else the same one for older versions."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise TraceError(
        "$", "cannot be read: it is compressed with Zstandard; `pip install 'policyc[zstd]'`"
    )


def _look_ahead(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a file, and the file with these bytes still to be read."""
    head = b""
    while len(head) < _LONGEST_MARK and (more := file.read(_LONGEST_MARK - len(head))):
        head += more
    return head, io.BufferedReader(_Rejoined(head, file), _BLOCK)


class _Rejoined(io.RawIOBase):
    """Bytes that were read ahead, and the rest of the file they are from, which may be a pipe.

    Closing it leaves the file open.
    """

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        # What there is now rather than a full block: a stream may pause.
        self._read: Callable[[int], bytes | None] = getattr(file, "read1", file.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head or self._read(len(buffer)) or b""
        self._head = b""
        buffer[: len(data)] = data
        return len(data)
