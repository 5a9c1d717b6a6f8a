"""Measures one detector of one package on texts, in a process and an environment of its own.

Started with the interpreter of an environment that has the package; imports nothing else of this
repository. The first line that it reads is `{"by": str, "detector": str, "texts": [str]}`, and it
answers `{"missing": str | null}`. Each other line asks for one round over the texts, answered by
`{"milliseconds": [float]}`, one for each text.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Look = Any
"""From a text to whatever is found in it."""

QUERY = "delete the production database"
ERRORS = 6
"""What `fuzzy_contains` lets pass with a query of that length: a fifth of the characters."""

CATEGORIES = ["Cc", "Cf", "Co", "Cs"]
_RUNTIME = "policyc.runtime.detectors"


def policyc(detector: str) -> Look:
    """The function behind a detector, without the answers that an analysis would keep."""
    if detector == "shell":
        reader = import_module(f"{_RUNTIME}.shell.reader").Reader
        return lambda text: reader(text).read()
    if detector == "fuzzy_contains":
        fuzzy = import_module(f"{_RUNTIME}.fuzzy_matching").detect
        return lambda text: fuzzy(text, QUERY)
    if detector == "is_similar":
        similar = import_module(f"{_RUNTIME}.similarity").detect
        return lambda text: similar(text, QUERY, model="lexical")
    if detector == "unicode":
        unicode = import_module(f"{_RUNTIME}.unicode_categories").detect
        return lambda text: unicode(text, CATEGORIES)
    module, name = {
        "secrets": ("secrets", "detect"),
        "pii": ("pii", "detect"),
        "prompt_injection": ("prompt_injection", "detect"),
        "unicode, every category": ("unicode_categories", "detect"),
        "deceptive_unicode": ("unicode_tricks", "detect"),
        "copyright": ("copyright_notices", "detect"),
        "python_code": ("python_code", "python_code"),
        "html_code": ("html", "html_code"),
    }[detector]
    return getattr(import_module(f"{_RUNTIME}.{module}"), name)


def invariant(detector: str) -> Look:
    """invariant-ai's own detector."""
    os.environ["LOCAL_POLICY"] = "1"
    utils = "invariant.analyzer.runtime.utils"
    if detector == "secrets":
        return import_module(f"{utils}.secrets").SecretsAnalyzer().detect_all
    if detector.startswith("unicode"):
        unicode = import_module(f"{utils}.prompt_injections").UnicodeDetector().detect_all
        return lambda text: unicode(text, CATEGORIES if detector == "unicode" else None)
    if detector == "copyright":
        return import_module(f"{utils}.copyright.copyright").CopyrightAnalyzer().detect_all
    if detector == "python_code":
        return import_module(f"{utils}.code").PythonCodeDetector().detect
    parsers = import_module("invariant.analyzer.stdlib.invariant.parsers.html")
    return lambda text: parsers.HiddenDataParser().parse(text)


def detect_secrets(_: str) -> Look:
    scan = import_module("detect_secrets.core.scan")
    settings = import_module("detect_secrets.settings").default_settings
    file = os.path.join(import_module("tempfile").mkdtemp(prefix="policyc-latency-"), "text.txt")

    def look(text: str) -> Any:
        with open(file, "w", encoding="utf-8", errors="surrogatepass") as out:
            out.write(text)
        with settings():
            return list(scan.scan_file(file))

    return look


def betterleaks(_: str) -> Look:
    return import_module("betterleaks").scan_string


def kingfisher(_: str) -> Look:
    return import_module("kingfisher_sdk").Scanner().scan


def presidio(_: str) -> Look:
    """Its patterns, with a pipeline of spaCy that has no model."""
    analyzer = import_module("presidio_analyzer")
    engines = import_module("presidio_analyzer.nlp_engine")
    spacy = import_module("spacy")
    engine = engines.SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    found = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    return lambda text: found.analyze(text, "en", score_threshold=0.5)


def aicordon(_: str) -> Look:
    return import_module("aicordon.picket").load().check


def toolwall(_: str) -> Look:
    return import_module("toolwall.detect").CompositeDetector().score


def confusables(_: str) -> Look:
    found = import_module("confusable_homoglyphs.confusables")
    return lambda text: found.is_dangerous(text, preferred_aliases=["latin"])


def regex(_: str) -> Look:
    """What invariant-ai does for the literal half of its `fuzzy_contains`."""
    pattern = import_module("regex").compile(f"(?:{QUERY}){{e<={ERRORS}}}")
    return pattern.search


def lxml(_: str) -> Look:
    html = import_module("lxml.html")
    return lambda text: [dict(node.attrib) for node in html.fromstring(text).iter("*")]


def selectolax(_: str) -> Look:
    parser = import_module("selectolax.lexbor").LexborHTMLParser
    return lambda text: [node.attributes for node in parser(text).root.traverse()]


def urlextract(_: str) -> Look:
    return import_module("urlextract").URLExtract().find_urls


def bashlex(_: str) -> Look:
    return import_module("bashlex").parse


def words(_: str) -> Look:
    return lambda text: list(shlex.shlex(text, posix=True, punctuation_chars=True))


LOOKS: dict[str, Callable[[str], Look]] = {
    "policyc": policyc,
    "invariant-ai": invariant,
    "detect-secrets": detect_secrets,
    "betterleaks": betterleaks,
    "kingfisher": kingfisher,
    "presidio, patterns": presidio,
    "aicordon": aicordon,
    "toolwall": toolwall,
    "confusable-homoglyphs": confusables,
    "regex": regex,
    "lxml": lxml,
    "selectolax": selectolax,
    "urlextract": urlextract,
    "bashlex": bashlex,
    "shlex": words,
}


def milliseconds(look: Look, text: str) -> float:
    started = perf_counter()
    # What a package cannot read counts with the time until it gives up.
    with contextlib.suppress(Exception):
        look(text)
    return (perf_counter() - started) * 1000


def main() -> None:
    # A descriptor of its own: whatever packages print, and whatever programs in them do.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    request = json.loads(sys.stdin.readline())
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            look = LOOKS[request["by"]](request["detector"])
    except (ImportError, OSError) as error:
        print(json.dumps({"missing": str(error)}), file=answers)
        return
    for text in request["texts"]:
        milliseconds(look, text)
    print(json.dumps({"missing": None}), file=answers)
    for _ in sys.stdin:
        times = [milliseconds(look, text) for text in request["texts"]]
        print(json.dumps({"milliseconds": times}), file=answers)


if __name__ == "__main__":
    main()
