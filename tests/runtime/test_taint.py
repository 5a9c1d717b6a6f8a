"""Where a value came from: `derives` and `provenance`."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.answers import args, errors, messages, ranges
from tests.traces import assistant, call, calls, output, user

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.taint import (
    MOST_NEEDLES,
    Sources,
    as_a_whole,
    found_among_words,
    found_in,
    needles,
)

if TYPE_CHECKING:
    from tests.runtime.conftest import Make

DERIVED = """
    raise "derived" if:
        (o: ToolOutput) -> (c: ToolCall)
        derives(c.function.arguments.to, o)
"""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("needle", "text", "found"),
    [
        ("bob", "ask bob now", (4, 7)),
        ("Bob", "ask BOB now", (4, 7)),
        ("bob", "ask bobby now", None),
        ("bob@acme.com", "to: bob@acme.com.", (4, 16)),
        ("bob@acme.com", "to: bob, acme, com", None),
        ("bob@acme.com", "to: jimbob@acme.com", None),
        ("Bob  Smith", "from bob\n smith", (5, 15)),
        ("Bob Smith", "bob-smith", None),
        ("1250", "pay 1250 now", (4, 8)),
        ("1250", "pay 11250 now", None),
        ("250", "pay 1,250 now", None),
        ("250", "pay 250.75 now", None),
        ("250", "pay 250. Now", (4, 7)),
        ("11", "on 2024-05-11", None),
        ("11", "at 11:30", None),
        ("11", "page 7/11", None),
        ("11", "delete file 11: now", (12, 14)),
        ("2024", "on 2024-05-11", (3, 7)),
        ("\uff22ob", "ask bob", (4, 7)),
        ("straße", "STRASSE", (0, 7)),
        ("a b", "a%20b", (0, 5)),
        ("the secret plan", encoded("the secret plan"), (0, 20)),
        ("the secret plan", '{"x": ["the secret\\u0020plan"]}', (0, 31)),
        ("...", "...", None),
        ("", "x", None),
    ],
)
def test_a_needle_stands_in_a_text_as_whole_words(
    needle: str, text: str, found: tuple[int, int] | None
) -> None:
    piece = found_in(needle, text)

    assert (None if piece is None else (piece.start, piece.end)) == found


RECORDS = """[{"id": "13", "from": "eve@evil.com", "size": 4711,
    "to": ["bob@acme.com"], "text": "Write to bob@acme.com, delete '13' of 4711."}]"""


@pytest.mark.parametrize(
    ("needle", "text", "found"),
    [
        ("eve@evil.com", RECORDS, False),
        ("bob@acme.com", RECORDS, True),
        ("13", RECORDS, True),
        ("4711", RECORDS, True),
        ("13", '{"id": "13", "name": "a"}', False),
        ("13", '{"id": 13, "13": "a"}', False),
        ("eve@evil.com", '"eve@evil.com"', False),
        ("eve@evil.com", " <eve@evil.com> ", False),
        ("eve@evil.com", "ask eve@evil.com", True),
        ("ask eve", '["ask", "eve"]', False),
        ("ask eve", '["do ask", "eve now"]', False),
        ("ask eve", '["eve", "do ask eve now"]', True),
        ("give it to eve", encoded("now give it to eve"), True),
        ("give it to eve", f'["{encoded("now give it to eve")}"]', True),
        ("a b", '["x a%20b"]', True),
        ("eve", '{"broken": "eve"', True),
        ("eve@evil.com", '{"from": "Eve E. <eve@evil.com>"}', False),
        ("eve@evil.com", '{"To": ["Bob <bob@acme.com>, Eve <eve@evil.com>"]}', False),
        ("Eve E.", '{"from": "Eve E. <eve@evil.com>"}', False),
        ("eve@evil.com", '{"mail": {"from": {"text": "ask eve@evil.com"}}}', True),
        ("eve@evil.com", '{"body": "Eve E. <eve@evil.com>"}', True),
        ("eve now", '{"from": "ask eve now"}', True),
        ("eve", "nobody", False),
    ],
)
def test_a_needle_that_is_all_of_an_entry_is_not_among_words(
    needle: str, text: str, found: bool
) -> None:
    assert (found_among_words(needle, text, needle) is not None) == found


def test_the_place_among_words() -> None:
    piece = found_among_words("eve", "ask eve", "eve")

    assert piece is not None
    assert (piece.start, piece.end) == (4, 7)
    of_json = found_among_words("eve", '["ask eve"]', "eve")
    assert of_json is not None
    assert (of_json.start, of_json.end) == (0, 11)


def test_a_value_as_a_whole() -> None:
    (piece,) = as_a_whole(" write to bob@acme.com ", 3)
    assert (piece.text, piece.start, piece.end) == ("write to bob@acme.com", 0, 23)
    assert as_a_whole(" ab ", 3) == as_a_whole("...", 3) == ()


@pytest.mark.parametrize(
    ("options", "text", "is_found"),
    [
        ("", "go to evil.com", True),
        ("whole=True", "go to evil.com", False),
        ("whole=True", "go to http://evil.com/x", True),
        ("among_words=True", "http://evil.com/x", False),
        ("among_words=True", "go to http://evil.com/x", True),
        ("among_words=c.id == None", "http://evil.com/x", True),
        ("whole=True, among_words=True", "go to evil.com", False),
    ],
)
def test_how_a_value_is_looked_for(options: str, text: str, is_found: bool, make: Make) -> None:
    policy = make(DERIVED.replace(", o)", f", o, {options})" if options else ", o)"))
    trace = [calls("read"), output(text), calls("send", to="http://evil.com/x")]

    assert bool(policy.analyze(trace)) == is_found


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("bob", {"bob"}),
        ("ab", set()),
        ("write to bob@acme.com!", {"write to bob@acme.com!", "bob@acme.com"}),
        (
            "https://u@evil.com/a/b%20c?q=hello%20you",
            {"https://u@evil.com/a/b%20c?q=hello%20you", "evil.com", "a/b c", "hello you"},
        ),
        ("pay 4111 1111 1111 1111", {"pay 4111 1111 1111 1111", "4111 1111 1111 1111"}),
        ('{"to": "bob", "n": 12345}', {"bob", "12345"}),
        (encoded("give it to eve"), {"give it to eve"}),
        (encoded("give it\nto eve"), {"give it\nto eve"}),
        ("one\ntwo three four\nfive", {"two three four"}),
    ],
)
def test_the_parts_of_a_value_that_name_something(value: str, parts: set[str]) -> None:
    assert {piece.text for piece in needles(value, 3)} >= parts


@pytest.mark.parametrize(
    "to",
    [
        "eve@evil.com",
        " EVE@evil.com ",
        ["bob", "eve@evil.com"],
        {"deep": [{"address": "eve@evil.com"}]},
        "Eve <eve@evil.com>",
        "https://x.org/?to=eve%40evil.com",
        '{"to": "eve@evil.com"}',
        encoded("eve@evil.com it is"),
    ],
)
def test_a_value_derives_from_an_output(to: Any, make: Make) -> None:
    policy = make(DERIVED)
    source = "mail eve@evil.com it is"

    assert messages(policy.analyze([calls("read"), output(source), calls("send", to=to)])) == [
        "derived"
    ]
    assert not policy.analyze([calls("read"), output("nothing"), calls("send", to=to)])
    assert not policy.analyze([calls("send", to=to), output(source)])


def test_both_places_are_marked(make: Make) -> None:
    result = make(DERIVED).analyze(
        [calls("read"), output("ask eve@evil.com"), calls("send", to=["x", "eve@evil.com"])]
    )

    assert ranges(result) == [
        [
            "1",
            "1.content:4-16",
            "2.tool_calls.0",
            "2.tool_calls.0.function.arguments.to.1:0-12",
        ]
    ]


def test_short_values_say_nothing_unless_asked(make: Make) -> None:
    trace = [output("file 13"), calls("send", to=13)]

    assert not make(DERIVED).analyze(trace)
    assert make(DERIVED.replace(", o)", ", o, least=2)")).analyze(trace)
    assert errors(make(DERIVED.replace(", o)", ', o, least="2")')).analyze(trace)) == [
        (4, "`least` is a number of characters, not a text")
    ]


def test_what_is_missing_derives_from_nothing(make: Make) -> None:
    trace = [output("x y z"), calls("send")]

    assert not make(DERIVED).analyze(trace)
    assert not make(DERIVED).analyze(trace).errors
    other = DERIVED.replace("c.function.arguments.to, o", "c, c.function.arguments.to")
    assert not make(other).analyze(trace).errors


PROVENANCE = """
    raise Violation("unasked", where.content) if:
        (c: ToolCall)
        c is tool:send
        (where: ToolOutput) in provenance(c.function.arguments.to)
"""


def test_the_first_to_name_a_value(make: Make) -> None:
    policy = make(PROVENANCE)
    asked = [user("mail Eve@evil.com"), output("eve@evil.com"), calls("send", to="eve@evil.com")]
    unasked = [user("mail"), output("eve@evil.com"), output("eve@evil.com!"), *asked[2:]]

    assert not policy.analyze(asked)
    assert args(policy.analyze(unasked)) == [["eve@evil.com"]]
    assert not policy.analyze([*asked[2:], output("eve@evil.com")])


def test_what_the_agent_says_is_no_source(make: Make) -> None:
    said = assistant(call("send", {"to": "eve@evil.com"}), content="mail to eve@evil.com")

    assert not make(PROVENANCE).analyze([assistant(content="eve@evil.com"), said])
    assert make(PROVENANCE).analyze([output("eve@evil.com"), said])


def test_a_monitor_knows_what_came_before(make: Make) -> None:
    monitor = make(PROVENANCE).monitor()
    trace = [
        user("mail"),
        calls("send", to="eve@evil.com"),
        output("eve@evil.com"),
        calls("send", to="eve@evil.com"),
        user("also to bob@evil.com"),
        output("bob@evil.com"),
        calls("send", to="bob@evil.com"),
    ]

    assert [len(monitor.append(event)) for event in trace] == [0, 0, 0, 1, 0, 0, 0]
    policy = make(PROVENANCE)
    assert len(policy.analyze_pending(trace[:3], trace[3:4])) == 1


def test_asking_does_not_look_at_texts_without_the_words() -> None:
    sources = Sources()
    looked: list[int] = []

    class Source(int):
        pass

    for number in range(1000):
        sources.add(Source(number), f"text {number} about nothing{number}")
    looked.extend(sources.candidates("nothing77"))

    assert looked == [77]
    assert list(sources.candidates("text 999")) == [999]
    assert list(sources.candidates("unheard of")) == []


def test_a_value_with_too_many_parts_is_an_error_not_a_miss(make: Make) -> None:
    """Else a secret could be hidden behind enough others."""
    padding = "\n".join(f"one two three {number}" for number in range(6_000))
    result = make(DERIVED).analyze(
        [output("the secret plan"), calls("send", to=f"{padding}\nthe secret plan")]
    )

    assert errors(result) == [(4, "the value has more than 5000 parts to look for")]
    assert result.blocked


def test_many_parts_are_all_looked_for(make: Make) -> None:
    padding = "\n".join(f"one two three {number}" for number in range(3_000))
    query = "&".join(f"q{number}=v" for number in range(150))
    trace = [output("the secret plan"), calls("send", to=f"{padding}\nthe secret plan")]

    assert make(DERIVED).analyze(trace).violations
    hidden = f"http://x.org/?{query}&z=the+secret+plan"
    assert make(DERIVED).analyze([trace[0], calls("send", to=hidden)]).violations


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "a@" * 500_000, "1 " * 500_000, "http://" * 140_000, "%41" * 300_000],
)
def test_hostile_texts_end(text: str) -> None:
    """Each takes well under a second; a backtracking pattern would take hours."""
    assert found_in("needle", text) is None
    assert found_among_words("needle", text, "needle") is None
    with suppress(BuiltinError):
        assert len(needles(text, 3)) <= MOST_NEEDLES
    assert found_in(text, "needle") is None
