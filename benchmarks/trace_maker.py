"""Traces of agents at work, made up from a seed: the same on every machine.

They have the shape of recorded sessions with a mail, file, web and bank assistant: a system prompt
in most, one or two requests, rounds of one or several tool calls with their outputs, an answer.
Messages that only call have no content (None) in most cases; arguments are an object, or JSON text
in about a quarter of the calls. Some hold what the policies of `benchmarks.cases` look for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = dict[str, Any]
Trace = list[Event]

TRACES = 150
SEED = 20

SECRET = "confidential"
URGENT = "urgent"
PASSWORD = "password"

_TOOLS: dict[str, tuple[str, ...]] = {
    "read_inbox": ("folder", "limit"),
    "send_email": ("to", "subject", "body"),
    "read_file": ("path",),
    "write_file": ("path", "text"),
    "list_folder": ("path",),
    "search_web": ("query", "limit"),
    "get_page": ("url",),
    "list_events": ("day",),
    "create_event": ("title", "day", "people"),
    "get_balance": ("account",),
    "transfer_money": ("account", "amount", "reason"),
    "search_flights": ("start", "goal", "day"),
}
_WORDS = """
    the report of last week shows that sales in the north went up while costs stayed the same
    and the team wants to meet on Thursday at ten to talk about the plan for spring please find
    the numbers below and send me what you think before noon we booked two rooms near the
    station and the train leaves at seven from platform four your order has been shipped and
    will arrive within three days thank you for the patience all invoices must be paid by the
    end of the month see the attached list of open items
""".split()  # noqa: SIM905  # a list would be a page long
_LENGTHS = ((20, 150), (150, 900), (900, 4000))
_PEOPLE = ("ann", "bob", "carla", "deniz", "emil", "fatma", "goran", "hana")
_DOMAINS = ("example.com", "example.org", "partner.net", "evil.com")


def _text(random: Random, least: int, most: int) -> str:
    """Words of about that many characters."""
    return " ".join(random.choices(_WORDS, k=max(1, random.randint(least, most) // 5)))


def _with(word: str, text: str, random: Random) -> str:
    """The text with a word somewhere in it."""
    at = random.randrange(len(text))
    return f"{text[:at]} {word} {text[at:]}"


@dataclass(slots=True)
class Maker:
    """Makes events; the chances are those of the three words that policies look for."""

    random: Random
    secret: float = 0.08
    urgent: float = 0.15
    password: float = 0.12
    made: int = field(default=0, init=False)

    def user(self) -> Event:
        text = _text(self.random, 60, 400)
        if self.random.random() < self.password:
            text = _with(PASSWORD, text, self.random)
        return {"role": "user", "content": text}

    def system(self) -> Event:
        return {"role": "system", "content": _text(self.random, 300, 900)}

    def answer(self) -> Event:
        return {"role": "assistant", "content": _text(self.random, 100, 600)}

    def calls(self, names: list[str]) -> Event:
        content = _text(self.random, 30, 120) if self.random.random() < 0.3 else None
        calls = [self._call(name) for name in names]
        return {"role": "assistant", "content": content, "tool_calls": calls}

    def _call(self, name: str) -> Event:
        self.made += 1
        arguments: Any = {key: self._argument(key) for key in _TOOLS[name]}
        if self.random.random() < 0.25:
            arguments = json.dumps(arguments)
        function = {"name": name, "arguments": arguments}
        return {"id": f"call_{self.made}", "type": "function", "function": function}

    def _argument(self, key: str) -> Any:
        random = self.random
        if key == "to":
            return f"{random.choice(_PEOPLE)}@{random.choice(_DOMAINS)}"
        if key in ("limit", "amount"):
            return random.randint(1, 500)
        if key == "people":
            return random.sample(_PEOPLE, 2)
        if key == "path":
            return f"/home/{random.choice(_PEOPLE)}/{random.choice(_WORDS)}.txt"
        if key in ("body", "text"):
            return _text(random, 100, 700)
        return _text(random, 5, 40)

    def output(self, call: Event) -> Event:
        # Most tools answer with a line or two, some with a page.
        least, most = self.random.choices(_LENGTHS, weights=(50, 35, 15))[0]
        text = _text(self.random, least, most)
        if self.random.random() < self.secret:
            text = _with(SECRET, text, self.random)
        if self.random.random() < self.urgent:
            text = _with(URGENT, text, self.random)
        return {"role": "tool", "tool_call_id": call["id"], "content": text}

    def exchange(self, tools: list[str]) -> Iterator[Event]:
        """Some calls at once, and their outputs."""
        count = self.random.choices((1, 2, 3), weights=(85, 11, 4))[0]
        message = self.calls(self.random.choices(tools, k=count))
        yield message
        yield from map(self.output, message["tool_calls"])

    def session(self) -> Trace:
        """One trace."""
        random = self.random
        events = [self.system()] if random.random() < 0.7 else []
        # A session is about some of the tools only.
        tools = random.sample(sorted(_TOOLS), 4) + random.sample(
            ["read_inbox", "send_email", "read_file", "read_file"], 2
        )
        for _ in range(random.choices((1, 2), weights=(85, 15))[0]):
            events.append(self.user())
            for _ in range(random.choices((1, 2, 3, 4, 6), weights=(18, 28, 27, 18, 9))[0]):
                events.extend(self.exchange(tools))
            events.append(self.answer())
        return events


def make_traces(count: int = TRACES, seed: int = SEED) -> list[Trace]:
    """Recorded-like sessions of about ten events."""
    maker = Maker(Random(seed))
    return [maker.session() for _ in range(count)]


def make_long_trace(length: int, seed: int = SEED) -> Trace:
    """A session of exactly that many events, at least four, with one secret output and one mail
    after it.

    Other mails are sent before the secret is read, outputs are read all along.
    """
    maker = Maker(Random(seed), secret=0.0, urgent=0.0, password=0.0)
    events = [maker.user()]
    secret = length // 2
    tools = sorted(_TOOLS)
    harmless = [name for name in tools if name != "send_email"]
    while len(events) < secret:
        events.extend(maker.exchange(tools))
    del events[secret:]
    message = maker.calls(["read_file"])
    output = maker.output(message["tool_calls"][0])
    output["content"] = _with(SECRET, output["content"], maker.random)
    events[-1] = message
    events.append(output)
    while len(events) < length - 1:
        events.extend(maker.exchange(harmless))
    del events[length - 1 :]
    events.append(maker.calls(["send_email"]))
    return events


def make_ordinary_events(count: int, seed: int = SEED) -> Trace:
    """Events in which no policy of the benchmarks finds anything to remember or report."""
    maker = Maker(Random(seed), secret=0.0, urgent=0.0, password=0.0)
    tools = [name for name in sorted(_TOOLS) if name not in ("send_email", "read_inbox")]
    events: Trace = []
    while len(events) < count:
        events.extend(maker.exchange(tools))
    return events[:count]


def make_call_chain(calls: int) -> Trace:
    """That many calls, one a message: reading mail, searching and others in turns, at last one
    mail.
    """
    maker = Maker(Random(SEED))
    names = ["read_inbox", "search_web", "get_page"]
    events = [maker.calls([names[number % 3]]) for number in range(calls - 1)]
    return [*events, maker.calls(["send_email"])]
