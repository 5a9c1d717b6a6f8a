"""The evaluations of policyc's detectors on the project's own labelled sets."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.detectors import contenders, sets
from benchmarks.detectors.agentdojo import injection_texts
from benchmarks.detectors.evaluation import NO, YES, Answers, Evaluation, Item, each
from policyc.runtime.builtins.addresses import host
from policyc.runtime.builtins.file_paths import inside
from policyc.runtime.detectors import (
    copyright_notices,
    pii,
    prompt_injection,
    secrets,
    unicode_tricks,
)
from policyc.runtime.detectors.html import html_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.detectors.evaluation import Engine
    from benchmarks.detectors.upstream import Upstream


def evaluate_secrets(upstream: Upstream | None) -> Evaluation:
    """Whether a text holds a credential; one that is found must overlap the one that is there."""
    secret_of: dict[str, str] = {}
    parts = {}
    for part in sets.PARTS:
        items = sets.secret_items(part)
        secret_of.update((item.text, item.secret) for item in items)
        parts[part] = [Item(item.text, YES if item.secret else NO) for item in items]

    def own(item: Item) -> Answers:
        secret = secret_of.get(item.text, "")
        start = item.text.find(secret)
        found = secrets.detect(item.text)
        if secret:
            found = [one for one in found if one.start < start + len(secret) and one.end > start]
        return YES if found else NO

    engines = [each("policyc", own), *_upstream(upstream, "secrets")]
    if find_spec("detect_secrets") is not None:
        engines.append(contenders.detect_secrets())
    return Evaluation("secrets", parts, engines)


def evaluate_injection(upstream: Upstream | None) -> Evaluation:
    """Whether a text gives orders to an agent. Upstream's detector needs a model from a hub."""
    parts = {
        part: [Item(one.text, YES if one.is_positive else NO) for one in sets.injection_items(part)]
        for part in sets.PARTS
    }
    found = injection_texts()
    if found is not None:
        attacks, harmless = found
        parts["agentdojo"] = [Item(text, YES) for text in attacks]
        parts["agentdojo"] += [Item(text, NO) for text in harmless]
    engine = each("policyc", lambda item: YES if prompt_injection.detect(item.text) else NO)
    return Evaluation("prompt_injection", parts, [engine])


def evaluate_links(upstream: Upstream | None) -> Evaluation:
    """The hosts of the addresses in a text."""
    parts: dict[str, list[Item]] = {}
    addresses: set[Item] = set()
    for part in sets.PARTS:
        items = sets.link_items(part)
        parts[part] = [Item(item.text, frozenset(item.hosts)) for item in items]
        addresses |= {one for one, item in zip(parts[part], items, strict=True) if item.is_address}

    def own(item: Item) -> Answers:
        if item in addresses:
            return _hosts([item.text])
        return _hosts(html_code(item.text).links)

    engines = [each("policyc", own)]
    if upstream is not None:
        engines.append(upstream.engine("links", _hosts_by_the_standard_library))
    if find_spec("urlextract") is not None:
        engines.append(contenders.urlextract(_hosts_by_the_standard_library))
    return Evaluation("links", parts, engines)


def _hosts(links: Iterable[str]) -> Answers:
    return frozenset(found for link in links if (found := host(link)) is not None)


def _hosts_by_the_standard_library(links: Iterable[str]) -> Answers:
    """What those who have no WHATWG parser use."""
    return frozenset(found for link in links if (found := contenders.plain_host(link)) is not None)


def evaluate_paths(upstream: Upstream | None) -> Evaluation:
    """Whether a path leads out of a folder."""
    folder = Path(tempfile.mkdtemp(prefix="policyc-paths-"))
    root = sets.make_root(folder)
    parts = {
        part: [Item(one.path, NO if one.is_inside else YES) for one in sets.path_items(part, root)]
        for part in sets.PARTS
    }
    engines = [
        each("policyc", lambda item: NO if inside(root, item.text) else YES),
        each("policyc, lexical", lambda item: NO if inside(root, item.text, True) else YES),
        each("os.path.abspath", lambda item: contenders.outside_by_abspath(root, item.text)),
        *_upstream(upstream, "paths", root=root),
    ]
    return Evaluation("path.inside", parts, engines)


def evaluate_pii(upstream: Upstream | None) -> Evaluation:
    """The kinds of personal data in a text. Upstream's detector needs a model from a hub."""
    data = sets.table("pii", "open")
    items = [
        Item(text, frozenset({kind})) for kind, texts in data["kinds"].items() for text in texts
    ]
    items += [Item(text, NO) for text in data["none"]["texts"]]
    engine = each("policyc", lambda item: frozenset(one.type for one in pii.detect(item.text)))
    return Evaluation("pii", {"open": items}, [engine])


def evaluate_unicode(upstream: Upstream | None) -> Evaluation:
    """Whether a text hides or disguises characters; for upstream those of Cc, Cf, Co and Cs."""
    data = sets.table("unicode", "open")
    items = [Item(text, YES) for text in data["deceptive"]]
    items += [Item(text, NO) for text in data["harmless"]]
    engine = each("policyc", lambda item: YES if unicode_tricks.detect(item.text) else NO)
    return Evaluation(
        "deceptive_unicode", {"open": items}, [engine, *_upstream(upstream, "unicode")]
    )


def evaluate_copyright(upstream: Upstream | None) -> Evaluation:
    """Whether a text has a notice of copyright or the words of a license."""
    data = sets.table("copyright", "open")
    items = [Item(text, YES) for text in data["present"]]
    items += [Item(text, NO) for text in data["absent"]]
    engine = each("policyc", lambda item: YES if copyright_notices.detect(item.text) else NO)
    return Evaluation("copyright", {"open": items}, [engine, *_upstream(upstream, "copyright")])


def _upstream(upstream: Upstream | None, detector: str, **options: str) -> list[Engine]:
    return [] if upstream is None else [upstream.engine(detector, **options)]
