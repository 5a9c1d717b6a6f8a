"""The texts in images, read by tesseract.

`ocr` gives a text for each image; `ocr_words` each word with its place and how sure tesseract is.
Small images are enlarged first: tesseract expects letters of some 30 pixels.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors import images, programs
from policyc.runtime.detectors.kept import Kept, name_of
from policyc.runtime.models.arguments import fraction, positive, text_of
from policyc.runtime.models.engines import Engine, is_there, reason_of, refusal_of
from policyc.runtime.places import whole
from policyc.runtime.records import ImageWord, MarkedList
from policyc.runtime.texts import collect_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyc.compiler.signatures import Unavailable
    from policyc.runtime.places import Mark

SECONDS = 30
"""What the images of one call may take together, where `timeout` does not say."""

ENLARGED = 2
"""How much small images are enlarged; three times reads no better."""

LARGE = 4_000_000
"""Pixels above which an image is not enlarged."""

_MODULES = ("pytesseract", "PIL")
_LANGUAGE = re.compile(r"[A-Za-z_]{2,20}(?:\+[A-Za-z_]{2,20}){0,9}")
_kept: Kept[tuple[str, tuple[ImageWord, ...]]] = Kept(256)
_log = logging.getLogger("policyc.detectors")


def ocr(
    image_data: Any,
    language: Any = "eng",
    min_confidence: Any = 0,
    timeout: Any = SECONDS,
    *,
    on_error: Any = "deny",
    place: Any = None,
) -> MarkedList:
    """The text of each image in a value; `place` is where the value lies in the trace.

    Raises:
        BuiltinError: an image cannot be read, or not in time.
    """
    found = list(_read_all(image_data, place, language, min_confidence, timeout, on_error))
    marks = [whole(one.place) for one in found if one.text and one.place is not None]
    return MarkedList([one.text for one in found], marks)


def ocr_words(
    image_data: Any,
    language: Any = "eng",
    min_confidence: Any = 0,
    timeout: Any = SECONDS,
    *,
    on_error: Any = "deny",
    place: Any = None,
) -> MarkedList:
    """The words in all images of a value, each with its confidence and place in the image.

    Raises:
        BuiltinError: an image cannot be read, or not in time.
    """
    words: list[ImageWord] = []
    marks: list[Mark] = []
    for number, one in enumerate(
        _read_all(image_data, place, language, min_confidence, timeout, on_error)
    ):
        own = [] if one.place is None else [whole(one.place)]
        words += (word.of_image(number).marked({"": own}) for word in one.words)
        marks += own if one.words else []
    return MarkedList(words, marks)


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why images cannot be read here; None where they can."""
    return refusal_of(lambda: _check_installed(str(options.get("language", ""))))


def engines() -> tuple[Engine, ...]:
    """What reads images."""
    reason = reason_of(_check_installed)
    version = "" if reason else programs.version_of("tesseract")
    return (Engine("tesseract", "the only one", reason, version, "Apache-2.0"),)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of an image, and where that lies."""

    text: str
    words: tuple[ImageWord, ...]
    place: Any


def _check_installed(languages: str = "") -> None:
    """Refuse where a part is missing.

    Raises:
        BuiltinError: the extra, the program or a language is not installed.
    """
    advice = "install both: `pip install 'policyc[ocr]'` and `apt install tesseract-ocr`"
    if not all(map(is_there, _MODULES)):
        raise BuiltinError("`policyc[ocr]` is not installed", advice)
    if programs.find("tesseract") is None:
        raise BuiltinError(
            "the program `tesseract` is not installed",
            "install it: `apt install tesseract-ocr`, or `brew install tesseract`",
        )
    if languages in ("", "eng"):
        return
    _check_language(languages)
    absent = set(languages.split("+")) - _languages()
    if absent:
        name = min(absent)
        raise BuiltinError(
            f"tesseract has no language `{name}`",
            f"install it: `apt install tesseract-ocr-{name.replace('_', '-')}`",
        )


def _check_language(language: str) -> None:
    if _LANGUAGE.fullmatch(language) is None:
        raise BuiltinError(f"`{language}` is no language of tesseract", 'Write for example "eng".')


def _languages() -> set[str]:
    code, output, _ = programs.run([programs.find("tesseract") or "", "--list-langs"], 10)
    return set(output.decode("utf-8", "replace").split()) if code == 0 else set()


def _read_all(
    data: Any, place: Any, language: Any, min_confidence: Any, timeout: Any, on_error: Any
) -> Iterator[_Read]:
    least = fraction("min_confidence", min_confidence)
    deadline = monotonic() + positive("timeout", timeout)
    _check_language(text_of("language", language))
    for address, where in collect_images(data, place):
        name = name_of(address, language, least)
        found = _kept.get(name)
        if found is None:
            try:
                found = _read(address, language, least, deadline)
            except BuiltinError as error:
                if on_error != "allow":
                    raise
                _log.warning("allowed without an answer: %s", error)
                found = ("", ())
            else:
                _kept.put(name, found)
        yield _Read(*found, where)


def _read(
    address: str, language: str, least: float, deadline: float
) -> tuple[str, tuple[ImageWord, ...]]:
    """The text of an image, and its words."""
    _check_installed()
    text = ""
    words: list[ImageWord] = []
    for frame in images.frames(address):
        if text:
            text += "\n\n"
        text = _read_frame(frame, language, least, deadline, text, words)
    return text, tuple(words)


def _read_frame(
    frame: Any, language: str, least: float, deadline: float, text: str, words: list[ImageWord]
) -> str:
    """`text` with that of a frame behind it; the words of the frame are added to `words`."""
    scale = 1
    while scale < ENLARGED and frame.width * frame.height * (scale + 1) ** 2 <= LARGE:
        scale += 1
    line: tuple[int, ...] = ()
    for word, confidence, at, box in _tesseract(frame, scale, language, deadline):
        if confidence < least:
            continue
        if line:
            text += " " if at == line else "\n" if at[:2] == line[:2] else "\n\n"
        line = at
        start = len(text)
        text += word
        left, top, width, height = (length // scale for length in box)
        size = [left, top, width, height]
        words.append(ImageWord(word, confidence, [start, len(text)], size))
    return text


def _tesseract(
    frame: Any, scale: int, language: str, deadline: float
) -> Iterator[tuple[str, float, tuple[int, ...], tuple[int, ...]]]:
    """The words of a frame: text, confidence from 0 to 1, its block, paragraph and line, and left,
    top, width and height in the enlarged frame."""
    import pytesseract  # type: ignore[import-untyped]  # noqa: PLC0415  # of an extra

    pytesseract.pytesseract.tesseract_cmd = programs.find("tesseract")
    large = frame if scale == 1 else frame.resize((frame.width * scale, frame.height * scale), 3)
    left = deadline - monotonic()
    if left <= 0:
        raise BuiltinError("images took longer to read than `timeout` says")
    try:
        rows = pytesseract.image_to_data(
            large, lang=language, timeout=left, output_type=pytesseract.Output.DICT
        )
    except pytesseract.TesseractError as error:
        raise BuiltinError(f"tesseract failed: {error.message}") from error
    except RuntimeError as error:  # pytesseract's word for a timeout
        raise BuiltinError("images took longer to read than `timeout` says") from error
    for at, word in enumerate(rows["text"]):
        if word.strip():
            place = tuple(rows[key][at] for key in ("block_num", "par_num", "line_num"))
            box = tuple(rows[key][at] for key in ("left", "top", "width", "height"))
            confidence = round(max(0.0, float(rows["conf"][at])) / 100, 4)
            yield word.strip(), confidence, place, box
