"""What other libraries would bring to the detectors, measured on their own work.

Each is measured where it is installed: `pip install pyahocorasick phonenumbers python-stdnum
confusable-homoglyphs selectolax`.
"""

from __future__ import annotations

from importlib.util import find_spec
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.detectors import sets
from policyc.runtime.detectors import check_digits, html, pii, rule_files, unicode_tricks
from policyc.runtime.detectors.rule_matching import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PAGE = (
    '<p class=a>some text <a href="https://a.example/x">link</a> and <img src=b.png '
    'alt="an image"> more text of a page</p>\n'
) * 400
IBANS = ["DE89370400440532013000", "GB29NWBK60161331926819", "DE89370400440532013001"] * 500
REGIONS = ("US", "GB", "DE", None)

Row = tuple[str, str, float, str]
"""The task, who does it, its time (ms a KiB), and what came out."""


def rows() -> Iterator[Row]:
    """Every task, done by policyc first and then by what else is installed."""
    yield from _keywords()
    yield from _phones()
    yield from _accounts()
    yield from _look_alikes()
    yield from _html()


def as_text() -> str:
    lines = [
        "## Libraries that detectors could use",
        "",
        "| task | by | ms/KiB | result |",
        "|---|---|--:|---|",
        *(f"| {task} | {name} | {time:.3f} | {told} |" for task, name, time, told in rows()),
    ]
    return "\n".join([*lines, ""])


def _row(
    task: str, name: str, look: Callable[[str], object], texts: Sequence[str], told: str = ""
) -> Row:
    for text in texts:  # expressions are compiled as they are used
        look(text)
    started = process_time()
    for text in texts:
        look(text)
    seconds = process_time() - started
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1024
    return task, name, seconds * 1000 / size, told


def _there(*modules: str) -> bool:
    return all(find_spec(name) is not None for name in modules)


def _keywords() -> Iterator[Row]:
    """Which of the keywords of the rules for credentials occur."""
    task = "keywords of `secrets`"
    own = rule_files.built_in()
    texts = [one.text for part in sets.PARTS for one in sets.secret_items(part)]
    words = sorted({word for rule in own.rules for word in rule.keywords})
    told = f"{len(words)} words"

    def one_by_one(text: str) -> object:
        data = Text(text).lower
        return [word for rule in own.rules for word in rule.keywords if word in data]

    def together(text: str) -> object:
        return own.keywords.rules_for(Text(text).lower)

    yield _row(task, "policyc (google-re2)", together, texts, told)
    yield _row(task, "word by word", one_by_one, texts, told)
    if _there("ahocorasick"):
        import ahocorasick  # type: ignore[import-not-found]  # noqa: PLC0415

        automaton = ahocorasick.Automaton()
        for word in words:
            automaton.add_word(word.decode("latin-1"), word)
        automaton.make_automaton()
        yield _row(
            task,
            "pyahocorasick",
            lambda text: {word for _, word in automaton.iter(Text(text).lower.decode("latin-1"))},
            texts,
            told,
        )


def _phones() -> Iterator[Row]:
    """Numbers of telephones in the labelled texts."""
    task = "telephone numbers"
    data = sets.table("pii", "open")
    wanted = data["kinds"]["PHONE_NUMBER"]
    others = [
        text for kind, some in data["kinds"].items() if kind != "PHONE_NUMBER" for text in some
    ]
    others += data["none"]["texts"]

    def told(look: Callable[[str], bool]) -> str:
        hits, false = sum(map(look, wanted)), sum(map(look, others))
        return f"{hits} of {len(wanted)} found, {false} false"

    def own(text: str) -> bool:
        return bool(pii.detect(text, ("PHONE_NUMBER",)))

    yield _row(task, "policyc", own, [*wanted, *others], told(own))
    if _there("phonenumbers"):
        from phonenumbers import PhoneNumberMatcher  # noqa: PLC0415

        def library(text: str) -> bool:
            return any(PhoneNumberMatcher(text, region).has_next() for region in REGIONS)

        yield _row(task, "phonenumbers", library, [*wanted, *others], told(library))


def _accounts() -> Iterator[Row]:
    """Check digits of bank accounts."""
    task = "check of an IBAN"
    yield _row(task, "policyc", check_digits.is_iban, IBANS, _valid(check_digits.is_iban))
    if _there("stdnum"):
        from stdnum import iban  # type: ignore[import-untyped]  # noqa: PLC0415

        yield _row(task, "python-stdnum", iban.is_valid, IBANS, _valid(iban.is_valid))


def _valid(check: Callable[[str], bool]) -> str:
    return f"{sum(map(check, IBANS))} of {len(IBANS)} valid"


def _look_alikes() -> Iterator[Row]:
    """Texts with disguised characters."""
    task = "disguised characters"
    data = sets.table("unicode", "open")
    deceptive, harmless = data["deceptive"], data["harmless"]

    def told(look: Callable[[str], object]) -> str:
        hits, false = (sum(bool(look(text)) for text in some) for some in (deceptive, harmless))
        return f"{hits} of {len(deceptive)} found, {false} false"

    own = unicode_tricks.detect
    yield _row(task, "policyc", own, [*deceptive, *harmless], told(own))
    if _there("confusable_homoglyphs"):
        from confusable_homoglyphs import (  # type: ignore[import-untyped]  # noqa: PLC0415
            confusables,
        )

        def library(text: str) -> object:
            return confusables.is_dangerous(text, preferred_aliases=["latin"])

        yield _row(task, "confusable-homoglyphs", library, [*deceptive, *harmless], told(library))


def _html() -> Iterator[Row]:
    """Tags and attributes of a page, and the whole of `html_code` for comparison."""
    task = "attributes of HTML"
    yield _row("html_code, all of it", "policyc", html.html_code, [PAGE])
    yield _row(task, "policyc", lambda text: list(html._Tags(text).attributes()), [PAGE])
    if _there("selectolax"):
        from selectolax.lexbor import LexborHTMLParser  # type: ignore[import-untyped]  # noqa: PLC0415

        def library(text: str) -> object:
            root = LexborHTMLParser(text).root
            return [node.attributes for node in root.traverse()]

        yield _row(task, "selectolax", library, [PAGE], "no places in the text")
    if _there("lxml"):
        from lxml import html as parser  # noqa: PLC0415

        def attributes(text: str) -> object:
            return [dict(node.attrib) for node in parser.fromstring(text).iter("*")]

        yield _row(task, "lxml", attributes, [PAGE], "lines only")
