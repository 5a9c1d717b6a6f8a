"""Personal data with a form of its own: addresses, numbers of cards, accounts and persons.

What has a check digit is checked; what has none, and looks like any other number, counts only
beside a word that says what it is. Names and places have no form: finding them needs a model
(`policyc.runtime.models.names`).

Every expression starts at an edge and has bounded repetitions, so the time is linear in the text.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.runtime.detectors import check_digits as check
from policyc.runtime.detectors.protocol import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CONTEXT = 40
"""Characters before a number in which the word that names it may stand."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of numbers: the expression, the check of its characters without separators, the words
    one of which must stand before it."""

    kind: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    words: re.Pattern[str] | None = None


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])", re.IGNORECASE)


_FORMS = (
    Form(
        "CREDIT_CARD",
        re.compile(r"\d(?<![\w.-]\d)(?:[ -]?\d){12,18}(?![\w-]|\.\d)"),
        check.is_card,
    ),
    Form(
        "IBAN_CODE",
        re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])"),
        check.is_iban,
    ),
    Form("US_SSN", re.compile(r"\d(?<![\w-]\d)\d{2}-\d{2}-\d{4}(?![\w-])"), check.is_us_ssn),
    Form(
        "US_SSN",
        re.compile(r"\d(?<![\w-]\d)\d{2} ?\d{2} ?\d{4}(?![\w-])"),
        check.is_us_ssn,
        _words("ssn", "social security", "social security number", "soc sec"),
    ),
    Form("US_ITIN", re.compile(r"9(?<![\w-]9)\d{2}-\d{2}-\d{4}(?![\w-])"), check.is_us_itin),
    Form(
        "UK_NHS",
        re.compile(r"\d(?<![\w-]\d)\d{2}[ -]?\d{3}[ -]?\d{4}(?![\w-])"),
        check.is_uk_nhs,
        _words("nhs", "national health", "health service"),
    ),
    Form(
        "IN_AADHAAR",
        re.compile(r"\d(?<![\w-]\d)\d{3}[ -]?\d{4}[ -]?\d{4}(?![\w-])"),
        check.is_aadhaar,
        _words("aadhaar", "aadhar", "uidai", "uid"),
    ),
    Form("PL_PESEL", re.compile(r"\d(?<![\w-]\d)\d{10}(?![\w-])"), check.is_pesel, _words("pesel")),
    Form(
        "ES_NIF",
        re.compile(r"[\dXYZ](?<![\w-][\dXYZ])\d{7}-?[TRWAGMYFPDXBNJZSQVHLCKE](?![\w-])"),
        check.is_spanish_nif,
    ),
    Form(
        "IT_FISCAL_CODE",
        re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]{5}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z](?!\w)"),
        check.is_italian_fiscal_code,
    ),
    Form(
        "CRYPTO",
        re.compile(
            r"[13b](?<!\w[13b])(?:[1-9A-HJ-NP-Za-km-z]{25,34}|c1[02-9ac-hj-np-z]{11,71})(?!\w)"
        ),
        check.is_bitcoin,
    ),
    Form(
        "MAC_ADDRESS",
        re.compile(
            r"[0-9A-Fa-f](?<![\w:-].)[0-9A-Fa-f][:-](?:[0-9A-Fa-f]{2}[:-]){4}[0-9A-Fa-f]{2}(?![\w:-])"
        ),
    ),
)

_PHONE_WORDS = _words(
    "phone", "tel", "telephone", "mobile", "cell", "call", "called", "fax", "whatsapp", "sms",
    "text", "dial", "ring", "reach", "telefon", "handy", "mobil", "rufnummer",
    r"t[ée]l[ée]phone", "portable", r"tel[ée]fono", "celular", "telefono", "cellulare",
)  # fmt: skip
_DIALLED = re.compile(r"[+(]{0,2}\d[\d ()./-]{5,}")
_PHONE_DIGITS = range(7, 16)

_MAIL_DOMAIN = re.compile(
    r"@([A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))+)"
)
_MAIL_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+'-")
_NO_TOP_DOMAIN = frozenset(
    {
        "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "jsx", "tsx", "py",
        "rb", "go", "rs", "java", "h", "html", "htm", "json", "yaml", "yml", "toml", "xml", "md",
        "txt", "lock", "so", "dll", "exe", "zip", "gz", "tgz", "whl", "local", "internal",
        "localdomain",
    }
)  # fmt: skip
_IPV4 = re.compile(r"\d(?<![\w.]\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w-]|\.\w)")
_IPV6 = re.compile(
    r"[0-9A-Fa-f:](?<![\w:.].)[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,34}(?:(?:\.\d{1,3}){3})?(?![\w:])"
)
_VERSION = re.compile(r"(?:version|v|==|release|build)\W{0,3}\Z", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " -./()+")

KINDS = (
    *dict.fromkeys(("EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS", *(x.kind for x in _FORMS))),
)
"""What is found, by the names that Presidio uses."""


def detect(text: str, wanted: Sequence[str] = KINDS) -> list[Detection]:
    """The personal data of some kinds in a text, by position."""
    found: list[Detection] = []
    if "EMAIL_ADDRESS" in wanted and "@" in text:
        found += _mail_addresses(text)
    for form in _FORMS:
        if form.kind in wanted:
            found += _numbers(text, form)
    if "PHONE_NUMBER" in wanted:
        found += _phone_numbers(text)
    if "IP_ADDRESS" in wanted:
        found += _ip_addresses(text)
    return without_overlaps(found)


def _numbers(text: str, form: Form) -> Iterator[Detection]:
    for match in form.pattern.finditer(text):
        start, end = match.span()
        before = text[max(0, start - CONTEXT) : start]
        if form.words is not None and form.words.search(before) is None:
            continue
        if form.check is None or form.check(match[0].translate(_SEPARATORS)):
            yield Detection(form.kind, start, end)


def _phone_numbers(text: str) -> Iterator[Detection]:
    """Numbers with the code of a country, or beside a word such as "call"."""
    for run in _DIALLED.finditer(text):
        dialled = run[0].rstrip(" (./-")
        if dialled.startswith("(+") and dialled.endswith(")"):
            dialled = dialled[1:-1]
        if dialled.count("(") < dialled.count(")"):
            dialled = dialled.rstrip(" )")
        if dialled.count("(") > dialled.count(")"):
            dialled = dialled.lstrip("(")
        start = run.start() + run[0].index(dialled)
        end = start + len(dialled)
        before = text[max(0, start - CONTEXT) : start]
        if (
            before[-1:].isalnum()
            or before.endswith(tuple("._$€£-"))
            or text[end : end + 1].isalnum()
        ):
            continue
        digits = dialled.translate(_SEPARATORS)
        if len(digits) not in _PHONE_DIGITS:
            continue
        has_country = dialled.lstrip("(").startswith("+") and digits[0] != "0"
        if has_country or _PHONE_WORDS.search(before) is not None:
            yield Detection("PHONE_NUMBER", start, end, 1.0 if has_country else 0.7)


def _mail_addresses(text: str) -> Iterator[Detection]:
    for domain in _MAIL_DOMAIN.finditer(text):
        top = domain[1].rpartition(".")[2].lower()
        if not top.isalpha() or len(top) < 2 or top in _NO_TOP_DOMAIN:
            continue
        start = at = domain.start()
        while start > max(0, at - 64) and text[start - 1] in _MAIL_NAME:
            start -= 1
        while start < at and text[start] in ".'%+-":
            start += 1
        if start == at or text[at - 1] == ".":
            continue
        # `user@host` in an address is no mail address, nor is `git@host:path`.
        before, after = text[max(0, start - 300) : start], text[domain.end() : domain.end() + 1]
        is_address = before.endswith(("//", "/")) or re.search(r"//[^\s/@]{0,200}:\Z", before)
        if is_address or (after == ":" and not text[domain.end() + 1 : domain.end() + 2].isspace()):
            continue
        yield Detection("EMAIL_ADDRESS", start, domain.end())


def _ip_addresses(text: str) -> Iterator[Detection]:
    """Addresses of the public internet: those of local networks and of examples are nobody's."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            # `a::b` is more often a name of C++ than an address.
            if pattern is _IPV6 and match[0].count(":") < 3:
                continue
            try:
                address = ipaddress.ip_address(match[0])
            except ValueError:
                continue
            before = text[max(0, match.start() - 12) : match.start()]
            if address.is_global and _VERSION.search(before) is None:
                yield Detection("IP_ADDRESS", *match.span(), 0.9)


def without_overlaps(found: list[Detection]) -> list[Detection]:
    """Each piece once: as what is most certain, then as what was looked for first."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda one: (one.start, -one.score, one.start - one.end)):
        if kept and one.start < kept[-1].end:
            if one.score > kept[-1].score:
                kept[-1] = one
            continue
        kept.append(one)
    return kept
