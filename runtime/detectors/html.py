"""Addresses in texts, and what HTML hides: texts of images and addresses behind links.

`links` looks at a text as it is. `html_code` reads tags and attributes the way a browser does, in
linear time, and looks into comments, scripts and the like as well, since a language model reads
these too."""
# ruff: noqa: A005  # only ever imported as policyc.runtime.detectors.html

from __future__ import annotations

import re
from bisect import bisect_right
from html import unescape
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.protocol import MAX_MARKS, Detection
from policyc.runtime.records import HtmlCode
from policyc.runtime.texts import placed_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyc.runtime.places import Mark

_START = re.compile(
    r"(?P<scheme>(?:git\+)?https?:(?:\\?/|\\)+"
    r"|(?:(?<![a-z0-9+.-])git\+)?(?:ftps?|wss?|(?<![a-z0-9+.-])(?:ssh|sftp|git|svn|rsync|telnet|ldaps?"
    r"|smb|gopher|rediss?|postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|amqps?|nats|tcp|udp|nfs"
    r"|imaps?|smtps?|irc))://)"
    r"|(?P<relative>(?<=[\"'(=<])\\?/\\?/)(?=[a-z0-9\[][a-z0-9.-]{0,250}\.[a-z]{2})"
    r"|(?<![\w.@/:-])www\.(?=[a-z0-9-]{1,63}\.[a-z0-9])",
    re.IGNORECASE,
)
_REMOTE = re.compile(r"@([A-Za-z0-9][A-Za-z0-9.-]{0,250}):(?!\d+\b(?![/\w])|//|\s)[^\s\"'<>]")
_USER = re.compile(r"(?<![\w./@:+-])[A-Za-z0-9_.-]{1,64}\Z")
_ADDRESS_PART = re.compile(r"(?:[^\s<>\"`\\^|()\[\]{}]|\\/)+|[()\[\]{}]")
_NEXT = re.compile("[,;|\uff0c\u3001\uff1b](?:https?|ftp|wss?)://", re.IGNORECASE)
_OPENING = frozenset("([{")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_PUNCTUATION = frozenset(".,;:!?'*_([{\\\u3002\uff0c\u3001\uff01\uff1f\uff1b\u201d\u2019\xbb")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[a-zA-Z][a-zA-Z0-9]{1,31};)")
_SCHEME = re.compile(r"//|[a-z][a-z0-9+.-]{0,30}:", re.IGNORECASE)
_REFRESH = re.compile(
    r"^[\s\d.]{0,30}[;,]?\s{0,10}url\s{0,10}=\s{0,10}['\"]?([^'\"]+)", re.IGNORECASE
)
_STYLE_ADDRESS = re.compile(r"url\(\s{0,10}['\"]?([^'\"()]+)", re.IGNORECASE)
_CONTROL = "".join(map(chr, range(33)))

_HREF = frozenset({"a", "area", "base", "link"})
_ADDRESS_ATTRIBUTES = frozenset(
    {"action", "background", "cite", "data", "formaction", "href", "poster", "src", "xlink:href"}
)
_RAW = {
    name: re.compile(f"</{name}", re.IGNORECASE)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
"""Elements whose content is no HTML up to their end tag."""

_TAG_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_GAP = re.compile(r"[\s/]*")
_ATTRIBUTE_NAME = re.compile(r"=?[^\s/>=]*")
_EQUALS = re.compile(r"\s*")
_UNQUOTED = re.compile(r"[^\s>]*")


def links(text: str) -> list[Detection]:
    """The addresses in a text, without punctuation and brackets of the sentence around them.

    Those with the scheme of a network, `www.` addresses, `//host` where it cannot be a comment, and
    those of git and scp (`user@host:path`).
    """
    found: list[Detection] = []
    end = 0
    for start, stop in sorted([*_named(text), *_remote_paths(text)]):
        if start >= end and stop > start:
            found.append(Detection("LINK", start, stop))
            end = stop
    return found


def _named(text: str) -> Iterator[tuple[int, int]]:
    """Addresses that their start gives away."""
    place = 0
    while (start := _START.search(text, place)) is not None:
        host = start.end() if start["scheme"] or start["relative"] else start.start()
        place = _address_end(text, host)
        if place > start.end() or (not start["scheme"] and place > host):
            yield start.start(), place
        place = max(place, start.end())


def _remote_paths(text: str) -> Iterator[tuple[int, int]]:
    """`user@host:path`, where the host has a dot and the path is no port."""
    for host in _REMOTE.finditer(text):
        user = _USER.search(text[max(0, host.start() - 65) : host.start()])
        if user is not None and "." in host[1]:
            yield host.start() - len(user[0]), _address_end(text, host.end() - 1)


def _address_end(text: str, start: int) -> int:
    """Where an address ends whose host starts at `start`: at a bracket that was opened before
    it."""
    opened: list[str] = []
    end = start
    while (part := _ADDRESS_PART.match(text, end)) is not None:
        bracket = part[0]
        if bracket in _CLOSING:
            if not opened or opened.pop() != _CLOSING[bracket]:
                break
        elif bracket in _OPENING:
            opened.append(bracket)
        end = part.end()
    following = _NEXT.search(text, start, end)
    if following is not None:
        end = following.start()
    while end > start and text[end - 1] in _PUNCTUATION:
        end -= 1
    return end


def html_code(data: Any, *, place: Any = None) -> HtmlCode:
    """The texts of images and the addresses in all texts of a value, each once; `place` is where
    the value lies in the trace."""
    found: dict[str, dict[str, None]] = {"alt_texts": {}, "links": {}}
    marks: dict[str, list[Mark]] = {"alt_texts": [], "links": []}
    for text, where in placed_texts(data, place):
        for member, value, start, end in _hidden_in(text):
            found[member][value] = None
            if where is not None and len(marks[member]) < MAX_MARKS:
                marks[member].append((where, start, end))
    return HtmlCode(list(found["alt_texts"]), list(found["links"])).marked(marks)


def _hidden_in(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Texts of images and addresses: the member that lists them, and the piece that they are in."""
    for tag, name, value, start, end in _Tags(text).attributes():
        if name == "alt" and value:
            yield "alt_texts", value, start, end
        for address in map(_clean, _addresses_in(tag, name, value)):
            if address and (tag in _HREF or _SCHEME.match(address)):
                yield "links", address, start, end
    decoded = _Unescaped(text)
    for finding in links(decoded.text):
        address = decoded.text[finding.start : finding.end]
        yield "links", address, decoded.place(finding.start), decoded.place(finding.end)


def _addresses_in(tag: str, name: str, value: str) -> Iterable[str]:
    """The addresses that an attribute holds."""
    if name in _ADDRESS_ATTRIBUTES:
        return [value]
    if name in ("srcset", "imagesrcset"):
        return [part.split()[0] for part in value.split(",") if part.split()]
    if name == "style":
        return _STYLE_ADDRESS.findall(value)
    if tag == "meta" and name == "content":
        return _REFRESH.findall(value)
    return ()


def _decode(text: str) -> str:
    return _ENTITY.sub(lambda match: unescape(match[0]), text) if "&" in text else text


class _Unescaped:
    """A text with its entities as the characters that they stand for, and the way back."""

    def __init__(self, text: str) -> None:
        self._ends = [(0, 0)]
        """Behind each entity: the place in the decoded text, and in the text."""

        pieces, last, length = [], 0, 0
        for entity in _ENTITY.finditer(text) if "&" in text else ():
            pieces += [text[last : entity.start()], unescape(entity[0])]
            last = entity.end()
            length += len(pieces[-2]) + len(pieces[-1])
            self._ends.append((length, last))
        self.text = "".join([*pieces, text[last:]])

    def place(self, at: int) -> int:
        """The place in the text of one in the decoded text."""
        number = bisect_right(self._ends, at, key=lambda ends: ends[0]) - 1
        decoded, end = self._ends[number]
        place = end + at - decoded
        return min(place, self._ends[number + 1][1]) if number + 1 < len(self._ends) else place


def _clean(address: str) -> str:
    """An address as a browser reads it: without line ends and tabs, and blanks around it."""
    return address.translate({9: None, 10: None, 13: None}).strip(_CONTROL)


class _Tags:
    """Reads the attributes of all start tags of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.hidden: list[tuple[int, int]] = []
        # A quote that was looked for in vain is not looked for again: it is not further on either.
        self.unclosed: set[str] = set()

    def attributes(self) -> Iterator[tuple[str, str, str, int, int]]:
        """Tag, name, decoded value and place of the value of each attribute, hidden parts last."""
        yield from self._part(0, len(self.text), is_hidden=False)
        for start, end in self.hidden:
            self.unclosed.clear()
            yield from self._part(start, end, is_hidden=True)

    def _part(
        self, start: int, end: int, *, is_hidden: bool
    ) -> Iterator[tuple[str, str, str, int, int]]:
        position = self.text.find("<", start, end)
        while position >= 0:
            if not is_hidden and self.text.startswith("<!--", position):
                position = self._hide(position + 4, self.text.find("-->", position + 4, end), end)
            else:
                name = _TAG_NAME.match(self.text, position + 1, end)
                position += 1
                if name is not None:
                    tag = name[0].lower()
                    position = name.end()
                    while position < end and self.text[position] != ">":
                        position, attribute = self._attribute(position, end)
                        if attribute is not None:
                            yield tag, *attribute
                    if not is_hidden and tag in _RAW:
                        closing = _RAW[tag].search(self.text, position, end)
                        position = self._hide(position, closing.start() if closing else -1, end)
            position = self.text.find("<", position, end)

    def _hide(self, start: int, closing: int, end: int) -> int:
        """Note a hidden part, up to `closing` or to the end; returns where it ends."""
        stop = end if closing < 0 else closing
        self.hidden.append((start, stop))
        return stop

    def _attribute(self, position: int, end: int) -> tuple[int, tuple[str, str, int, int] | None]:
        """Read one attribute; returns where it ends, its name, its value and the place of that."""
        text = self.text
        position = _end(_GAP, text, position, end)
        name_end = _end(_ATTRIBUTE_NAME, text, position, end)
        name = text[position:name_end].lower()
        position = _end(_EQUALS, text, name_end, end)
        if not name or not text.startswith("=", position):
            return position, None
        position = _end(_EQUALS, text, position + 1, end)
        quote = text[position : position + 1]
        if quote in ("'", '"') and quote not in self.unclosed:
            closing = text.find(quote, position + 1, end)
            if closing >= 0:
                value = _decode(text[position + 1 : closing])
                return closing + 1, (name, value, position + 1, closing)
            self.unclosed.add(quote)
        stop = _end(_UNQUOTED, text, position, end)
        return stop, (name, _decode(text[position:stop]), position, stop)


def _end(pattern: re.Pattern[str], text: str, position: int, end: int) -> int:
    match = pattern.match(text, position, end)
    return position if match is None else match.end()
