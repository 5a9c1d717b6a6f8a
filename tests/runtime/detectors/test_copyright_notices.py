"""Copyright notices and licenses."""

from __future__ import annotations

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.copyright_notices import detect

MIT = """\
# Permission is hereby granted, free of charge, to any person
# obtaining a copy of this software and associated documentation files (the "Software")
"""


def types(text: str, **options: float) -> list[str]:
    return [finding.type for finding in detect(text, **options)]


@pytest.mark.parametrize(
    "text",
    [
        "/* Copyright (C) Unicorn Inc. */",
        "Copyright © 2020",
        "copyright: 2020 ACME Inc.",
        "© 2021 Somebody",
        "(c) 1999, Somebody",
    ],
)
def test_notices(text: str) -> None:
    assert types(text) == ["COPYRIGHT"]


@pytest.mark.parametrize(
    "text",
    [
        "This project uses the MIT License.",
        "Do you know the Apache License, version 2.0?",
        "We discussed copyright law.",
        "option (c) is the best",
        "the copyright of 20201 things",
        "",
    ],
)
def test_a_mention_is_no_notice(text: str) -> None:
    assert types(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* GNU GENERAL PUBLIC LICENSE, Version 3, 29 June 2007", "GNU_GPL_V3"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GNU_GPL_V2"),
        ("  GNU Affero General Public License v3", "GNU_AGPL_V3"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3", "GNU_LGPL_V3"),
        ("// Mozilla Public License Version 2.0", "MOZILLA_PUBLIC_LICENSE_2.0"),
        ("The Apache License\nVersion 2.0, January 2004", "APACHE_LICENSE_2.0"),
        ("Boost Software License - Version 1.0 - August 17th, 2003", "BOOST_SOFTWARE_LICENSE"),
        ("MIT License\n", "MIT_LICENSE"),
        (MIT, "MIT_LICENSE"),
        ('x = 1  # Licensed under the Apache License, Version 2.0 (the "L', "APACHE_LICENSE_2.0"),
        ("# SPDX-License-Identifier: GPL-2.0-or-later", "GNU_GPL_V2"),
        (
            "it under the terms of the GNU General Public License as published by the Free\n"
            " * Software Foundation, either version 3 of the License",
            "GNU_GPL_V3",
        ),
    ],
)
def test_licenses(text: str, expected: str) -> None:
    assert types(text) == [expected]


def test_the_marks_are_those_of_the_words() -> None:
    text = "x\n" + MIT
    (finding,) = detect(text)
    assert text[finding.start : finding.end].startswith("Permission is hereby")
    assert text[finding.start : finding.end].endswith("documentation files")


def test_the_threshold_leaves_out_bare_titles() -> None:
    assert types("MIT License", threshold=0.75) == []
    assert types("GNU GENERAL PUBLIC LICENSE, Version 3", threshold=0.75) == ["GNU_GPL_V3"]
    assert types("(c) 2020", threshold=1) == ["COPYRIGHT"]
    with pytest.raises(BuiltinError, match="`threshold` takes a number, not a text"):
        detect("", threshold="high")
