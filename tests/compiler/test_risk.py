from __future__ import annotations

import pytest

from policyc.compiler.risk import risk_tags


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("x [risk=low]", "low"),
        ("[RISK=High] x", "high"),
        ("[risk=critical]", "high"),
        ("[risk=Medium]", "medium"),
        ("[risk=huge]", None),
        ("[risk = high]", None),
        ("[risk: high]", None),
        ("[risk=]", None),
    ],
)
def test_level_of_a_tag(text: str, level: str | None) -> None:
    (tag,) = risk_tags(text)
    assert tag.level == level
    assert text[tag.start : tag.end] == tag.written


def test_only_tags_are_tags() -> None:
    assert list(risk_tags("a risk=high, [risky], [risk] and [a risk=low]")) == []
    assert [tag.level for tag in risk_tags("[risk=low] [risk=high]")] == ["low", "high"]
