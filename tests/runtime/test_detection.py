"""Detectors for programs."""

from __future__ import annotations

import asyncio

import pytest

import policyc
from policyc.runtime.extensions import ExtensionError

TOKEN = "ghp_" + "aB3" * 12


def test_a_detection_says_what_found_it() -> None:
    secrets = policyc.detector("secrets")
    (found,) = secrets.detect(f"use {TOKEN}")
    assert (found.type, found.start, found.end) == ("GITHUB_TOKEN", 4, 44)
    assert (found.detector, found.version) == ("secrets", secrets.version)
    assert secrets.license == "MIT"


def test_several_texts_and_threads_give_the_same() -> None:
    secrets = policyc.detector("secrets")
    texts = [f"use {TOKEN}", "nothing", TOKEN]
    together = secrets.detect_batch(texts)
    assert together == [secrets.detect(text) for text in texts]
    assert asyncio.run(secrets.adetect_batch(texts)) == together
    assert asyncio.run(secrets.adetect(texts[0])) == together[0]


def test_options_are_those_of_policies() -> None:
    fuzzy = policyc.detector("fuzzy_contains")
    assert fuzzy.detect("helo world", query="hello")
    assert not fuzzy.detect("goodbye", query="hello")


@pytest.mark.parametrize("name", ["no_such_detector", "ocr", "python_code"])
def test_what_is_no_detector_here(name: str) -> None:
    with pytest.raises(ExtensionError, match=f"`{name}`"):
        policyc.detector(name)
