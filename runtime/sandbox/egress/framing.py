"""Heads of requests, before a parser reads them.

The parser forgives what readers of HTTP disagree on; two that disagree on where a request ends are
how one is smuggled past a proxy. So whatever can be read in two ways is refused here.
"""

from __future__ import annotations

import re
from typing import Final

from policyc.runtime.sandbox.egress.records import Refused, Rule

_END: Final = b"\r\n\r\n"
_FAULTS: Final = re.compile(rb"(?P<null>\0)|(?P<lf>(?<!\r)\n)|(?P<cr>\r(?!\n))|(?P<fold>\r\n[ \t])")
_REASONS: Final = {
    "null": "the head has a NUL",
    "lf": "a line of the head ends with a bare LF",
    "cr": "the head has a CR without LF",
    "fold": "a header is folded over several lines",
}


def find_end(data: bytes, seen: int, limit: int) -> int | None:
    """Where the head that `data` begins with ends; None while that has not come.

    `seen` bytes of it have been looked at before.

    Raises:
        Refused: it cannot be the beginning of a clean head, or is longer than `limit`.
    """
    begin = max(0, seen - len(_END))
    found = data.find(_END, begin)
    end = found + len(_END) if found >= 0 else None
    # At the end of an unfinished head, a CR may still get its LF.
    looked_at = end if end is not None else len(data) - data.endswith(b"\r")
    fault = _FAULTS.search(data[:looked_at], begin)
    # The LF that would tell is the next byte, or begins what was looked at.
    if fault is not None:
        raise Refused(Rule.FRAMING, _REASONS[str(fault.lastgroup)], 400)
    if (end or len(data)) > limit:
        raise Refused(Rule.LIMIT, f"the head has more than {limit} bytes", 431)
    return end


def check_length(head: bytes, limit: int) -> None:
    """Look at the headers that say how long the body is.

    Raises:
        Refused: there is more than one way to read them, or it is more than `limit`.
    """
    request_line, *lines = head.removesuffix(_END).split(b"\r\n")
    lengths, codings = [], []
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            lengths.append(value.strip())
        elif name.strip().lower() == b"transfer-encoding":
            codings.append(value.strip().lower())
    if lengths and codings:
        raise Refused(Rule.FRAMING, "both Content-Length and Transfer-Encoding are given", 400)
    if len(lengths) > 1 or len(codings) > 1:
        raise Refused(Rule.FRAMING, "the length of the body is given more than once", 400)
    if lengths and not re.fullmatch(rb"[0-9]{1,19}", lengths[0]):
        raise Refused(Rule.FRAMING, "Content-Length is no number", 400)
    if codings and codings[0] != b"chunked":
        raise Refused(Rule.FRAMING, "Transfer-Encoding is not `chunked`", 400)
    if codings and not request_line.endswith(b"HTTP/1.1"):
        raise Refused(Rule.FRAMING, "Transfer-Encoding is given in HTTP/1.0", 400)
    if lengths and int(lengths[0]) > limit:
        raise too_long(limit)


def too_long(limit: int) -> Refused:
    """The refusal of a body."""
    return Refused(Rule.LIMIT, f"the body has more than {limit} bytes", 413)
