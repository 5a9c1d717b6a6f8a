"""Regular expressions: wider, narrower, held to the ends of a text or let go of them.

Changes are made on the pieces of a pattern, and kept where `policyc.compiler.patterns` reads the
result as another pattern.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.compiler.patterns import PatternError, compile_pattern, compile_value_pattern
from policyc.grammar import nodes as n
from policyc.runtime.testing.mutation.changes import Change, spelled
from policyc.runtime.testing.mutation.edits import Edit
from policyc.runtime.testing.mutation.operators.regexes import Option, Piece, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyc.runtime.testing.mutation.files import Site, Use

Uses = frozenset["Use"]

_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")


def widen_pattern(site: Site) -> Iterator[Change]:
    yield from _changed(site, _wider)


def narrow_pattern(site: Site) -> Iterator[Change]:
    yield from _changed(site, _narrower)


def unanchor_pattern(site: Site) -> Iterator[Change]:
    yield from _changed(site, _unanchored)


def anchor_pattern(site: Site) -> Iterator[Change]:
    yield from _changed(site, _anchored)


def _changed(site: Site, change: Callable[[str, Uses], Iterator[str]]) -> Iterator[Change]:
    node = site.node
    if not isinstance(node, n.String):
        return
    uses = site.file.patterns.get(node.uid)
    if not uses:
        return
    if _VERBOSE.search(node.value):
        return  # blanks and comments would have to be told from the rest
    seen = {node.value}
    for pattern in change(node.value, uses):
        text = spelled(pattern, site.file.source.slice(node.span))
        if pattern in seen or text is None or not _is_valid(pattern):
            continue
        seen.add(pattern)
        yield site.change(site.made(value=pattern), Edit(node.span, text))


def _is_valid(pattern: str) -> bool:
    try:
        compile_pattern(pattern)
        compile_value_pattern(pattern)
    except PatternError:
        return False
    return True


def _pieces(options: tuple[Option, ...]) -> Iterator[Piece]:
    """All pieces, those in groups after the group."""
    for option in options:
        for piece in option.pieces:
            yield piece
            yield from _pieces(piece.options)


def _put(pattern: str, start: int, end: int, text: str) -> str:
    return pattern[:start] + text + pattern[end:]


# --- wider ----------------------------------------------------------------------------------------

_BOUNDS = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")


def _wider(pattern: str, uses: Uses) -> Iterator[str]:
    for piece in _pieces(options_of(pattern)):
        item, repetition = pattern[piece.start : piece.end], pattern[piece.end : piece.stop]
        if repetition.startswith("+"):
            yield _put(pattern, piece.end, piece.end + 1, "*")
        elif piece.kind == "set" or item == "\\.":
            yield _put(pattern, piece.start, piece.end, ".")
        elif piece.kind == "look":
            yield _put(pattern, piece.start, piece.stop, "")
        yield from _other_bounds(pattern, piece, -1, 1)


def _narrower(pattern: str, uses: Uses) -> Iterator[str]:
    options = options_of(pattern)
    for piece in _pieces(options):
        repetition = pattern[piece.end : piece.stop]
        if piece.kind == "flags" and "i" in pattern[piece.start : piece.end]:
            flags = pattern[piece.start : piece.end].replace("i", "")
            yield _put(pattern, piece.start, piece.end, "" if flags == "(?)" else flags)
        if repetition.startswith("*"):
            yield _put(pattern, piece.end, piece.end + 1, "+")
        elif repetition.startswith(("+", "?")):
            yield _put(pattern, piece.end, piece.stop, "")
        yield from _other_bounds(pattern, piece, 1, -1)
        yield from _without_an_option(pattern, piece.options)
    yield from _without_an_option(pattern, options)


def _other_bounds(pattern: str, piece: Piece, low: int, high: int) -> Iterator[str]:
    """The bounds of `{2,5}` moved, each by itself."""
    found = _BOUNDS.match(pattern, piece.end, piece.stop)
    if found is None:
        return
    least = int(found[1] or 0)
    most = least if found[2] is None else int(found[3]) if found[3] else None
    if least + low >= 0 and (most is None or least + low <= most):
        upper = "" if most is None else most
        yield _put(pattern, found.start(), found.end(), f"{{{least + low},{upper}}}")
    if most is not None and most + high >= least:
        yield _put(pattern, found.start(), found.end(), f"{{{least},{most + high}}}")


def _without_an_option(pattern: str, options: tuple[Option, ...]) -> Iterator[str]:
    if len(options) < 2:
        return
    for number, option in enumerate(options):
        if number:
            yield _put(pattern, option.start - 1, option.end, "")
        else:
            yield _put(pattern, _behind_flags(option), option.end + 1, "")


def _behind_flags(option: Option) -> int:
    """Where an option begins but for the flags of the pattern."""
    return next((x.start for x in option.pieces if x.kind != "flags"), option.end)


# --- the ends of a text ---------------------------------------------------------------------------


def _unanchored(pattern: str, uses: Uses) -> Iterator[str]:
    for piece in _pieces(options_of(pattern)):
        if piece.kind == "anchor":
            yield _put(pattern, piece.start, piece.stop, "")
    if not uses & {"match", "fullmatch"}:
        return
    flags, start, body = _body(pattern)
    if not start.startswith(".*"):
        yield f"{flags}.*{body}"
    if "fullmatch" in uses and not pattern.endswith(".*"):
        yield f"{flags}{body}.*"


def _anchored(pattern: str, uses: Uses) -> Iterator[str]:
    flags, start, body = _body(pattern)
    if start.startswith(".*") and uses & {"match", "fullmatch"}:
        yield flags + start[2:]
    elif "search" in uses and not start.startswith(("^", "\\A")):
        yield f"{flags}^{body}"
    if pattern.endswith(".*") and "fullmatch" in uses:
        yield pattern[:-2]
    elif uses & {"search", "match"} and not pattern.endswith(("$", "\\Z", ".*")):
        yield f"{flags}{body}$"


def _body(pattern: str) -> tuple[str, str, str]:
    """The flags that a pattern begins with, what follows, and the same as one item."""
    options = options_of(pattern)
    at = _behind_flags(options[0])
    rest = pattern[at:]
    return pattern[:at], rest, f"(?:{rest})" if len(options) > 1 else rest
