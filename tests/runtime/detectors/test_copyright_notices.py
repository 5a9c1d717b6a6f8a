"""Copyright notices and licenses."""

from __future__ import annotations

from pathlib import Path

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


REPOSITORY = Path(__file__).parents[3]
DEBIAN = Path("/usr/share/common-licenses")


def test_a_body_is_found_whatever_its_names_and_its_lines() -> None:
    text = (REPOSITORY / "LICENSE").read_text("utf-8")
    rewrapped = " ".join(text.replace("Software", "Thing").split())
    for body in (text, rewrapped, "\n".join(f"# {line}" for line in text.splitlines())):
        found = [one for one in detect(body) if one.detail == "body"]
        assert [one.type for one in found] == ["MIT_LICENSE"] or body is rewrapped
    (found,) = [one for one in detect(text) if one.detail == "body"]
    assert found.score > 0.9
    assert text[: found.start].count("\n") < 6


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs the licenses of a Debian system")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GPL-2", "GNU_GPL_V2"),
        ("GPL-3", "GNU_GPL_V3"),
        ("LGPL-2.1", "LGPL_2.1"),
        ("LGPL-3", "GNU_LGPL_V3"),
        ("Apache-2.0", "APACHE_LICENSE_2.0"),
        ("MPL-2.0", "MOZILLA_PUBLIC_LICENSE_2.0"),
        ("MPL-1.1", "MPL_1.1"),
    ],
)
def test_bodies_of_common_licenses(name: str, kind: str) -> None:
    text = (DEBIAN / name).read_text("utf-8")
    assert {one.type for one in detect(text) if one.detail == "body"} == {kind}
    both = detect(text + "\n\n" + (REPOSITORY / "LICENSE").read_text("utf-8"))
    assert {one.type for one in both if one.detail == "body"} == {kind, "MIT_LICENSE"}


@pytest.mark.parametrize(
    ("tag", "kinds"),
    [
        ("MIT", ["MIT_LICENSE"]),
        ("GPL-2.0-or-later", ["GNU_GPL_V2"]),
        ("GPL-2.0+", ["GNU_GPL_V2"]),
        ("(Apache-2.0 OR MIT)", ["APACHE_LICENSE_2.0", "MIT_LICENSE"]),
        ("BSD-3-Clause", ["BSD_3_CLAUSE"]),
        ("NOASSERTION", []),
    ],
)
def test_tags(tag: str, kinds: list[str]) -> None:
    assert types(f"# SPDX-License-Identifier: {tag}\nx = 1") == kinds


def test_holders_without_a_year() -> None:
    assert types("Copyright Acme Corp. All rights reserved.") == ["COPYRIGHT"]
    assert types("Copyright The Go Authors") == ["COPYRIGHT"]
    assert types("copyright is a right") == []
