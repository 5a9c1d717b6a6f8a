"""Makes traces: lists of event dicts as agents leave them, with the odd shapes that guards must
stand.

`make_trace` takes decisions and gives JSON data. A *tame* trace holds only what the reference
implementation reads as policyc does; the others also hold unlinked outputs, unknown chunks, broken
arguments and the like.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.differential.choices import Choices

Event = dict[str, Any]

ROLES = ("user", "assistant", "system")
TEXTS = (
    "hello",
    "send it to bob",
    "secret plan",
    "X12Y and X7Y",
    "a, b",
    "ab",
    "user",
    "bob",
    '{"sender": "bob", "n": 3}',
    "",
    "Hello bob\nsecret",
    "3",
    "grüße ab",
)
TOOLS = ("send", "read", "search", "send_mail", "get-inbox", "ns/read.all")
NAMES = ("bob", "eve", "bob@x.com", "user", "ab\n", "")
NUMBERS = (1, 0, 2, 3, 2.5, 3.0, -1)
LISTS: tuple[list[Any], ...] = ([], ["a"], ["a", "b"], ["bob", 3], ["a", "a"], [1, 2])
OBJECTS: tuple[dict[str, Any], ...] = (
    {},
    {"to": "bob"},
    {"to": "eve", "n": 2},
    {"get": "x", "keys": ["k"]},
)
URLS = ("https://x.com/a.png", "data:image/png;base64,AAAA")


class TraceMaker:
    """Makes the events of one trace; tool calls get the ids c0, c1, ..."""

    def __init__(self, choices: Choices, *, tame: bool) -> None:
        self.choices = choices
        self.tame = tame
        self.calls = 0
        self.ids: list[str] = []

    def event(self) -> Event:
        pick = self.choices.below(20)
        if pick < 7:
            return self._message()
        if pick < 13:
            return self._calling()
        if pick < 18:
            return self._output()
        if pick < 19:
            return self._call(is_bare=True)
        return {"tools": [self._tool() for _ in range(self.choices.between(1, 2))]}

    # --- messages

    def _message(self) -> Event:
        event: Event = {"role": self.choices.pick(ROLES), "content": self._content()}
        if self.choices.chance(10):
            event["metadata"] = {"server": self.choices.pick(NAMES), "turn": self.choices.below(3)}
        if not self.tame and self.choices.chance(5):
            del event["content"]
        return event

    def _content(self) -> Any:
        pick = self.choices.below(20)
        if pick < 14:
            return self.choices.pick(TEXTS)
        if pick < (15 if self.tame else 17):
            return None
        return [self._chunk() for _ in range(self.choices.between(1, 2))]

    def _chunk(self) -> Event:
        pick = self.choices.below(10)
        if pick < 7 or (self.tame and pick < 9):
            return {"type": "text", "text": self.choices.pick(TEXTS)}
        if pick < 9 or self.tame:
            return {"type": "image_url", "image_url": {"url": self.choices.pick(URLS)}}
        return {"type": "audio", "data": self.choices.pick(TEXTS)}

    # --- calls and outputs

    def _calling(self) -> Event:
        event: Event = {"role": "assistant", "content": self.choices.pick((None, *TEXTS[:4]))}
        event["tool_calls"] = [self._call() for _ in range(self.choices.pick((1, 1, 2, 3, 0)))]
        if self.choices.chance(10):
            event["metadata"] = {"server": self.choices.pick(NAMES)}
        if not self.tame and self.choices.chance(5):
            event["tool_calls"] = None
        return event

    def _call(self, *, is_bare: bool = False) -> Event:
        arguments: Any = self._arguments()
        if not is_bare and self.choices.chance(15):
            arguments = json.dumps(arguments)
        elif not self.tame and self.choices.chance(8):
            arguments = self.choices.pick(("", "no json", "[1, 2]", None, 7))
        function = {"name": self.choices.pick(TOOLS), "arguments": arguments}
        call: Event = {"id": f"c{self.calls}", "type": "function", "function": function}
        self.calls += 1
        if not self.tame and self.choices.chance(8):
            call["id"] = self.choices.pick((None, "c0", 5))
            if self.choices.chance(30):
                del call["id"]
        if isinstance(call.get("id"), str):
            self.ids.append(call["id"])
        return call

    def _arguments(self) -> Event:
        arguments: Event = {}
        values = {"to": NAMES, "n": NUMBERS, "text": TEXTS, "tags": LISTS, "opts": OBJECTS}
        for name, candidates in values.items():
            # The reference gives up where one is missing, so a tame trace has most of them.
            if self.choices.chance(93 if self.tame else 55):
                arguments[name] = self.choices.pick(candidates)
        if self.choices.chance(20):
            arguments["flag"] = self.choices.pick((True, False, None))
        return arguments

    def _output(self) -> Event:
        event: Event = {"role": "tool", "content": self._content()}
        if self.ids and self.choices.chance(90):
            event["tool_call_id"] = self.choices.pick(self.ids)
        elif not self.ids or self.choices.chance(50):
            event["tool_call_id"] = "none"
        if not self.tame and self.choices.chance(10):
            event["content"] = self.choices.pick((5, {"sender": "bob"}, True, [{"a": 1}]))
        if not self.tame and self.choices.chance(5):
            event["tool_call_id"] = self.choices.pick((None, 5, "c9"))
        return event

    # --- tools

    def _tool(self) -> Event:
        tool: Event = {"name": self.choices.pick(TOOLS)}
        if self.choices.chance(80):
            tool["description"] = self.choices.pick((*TEXTS[:4], "calls send", None))
        properties: Event = {}
        for name in ("to", "user_name")[: self.choices.below(3)]:
            properties[name] = {"type": self.choices.pick(("string", "integer", "array"))}
            if self.choices.chance(50):
                properties[name]["description"] = self.choices.pick(TEXTS[:5])
        tool["inputSchema"] = {"type": "object", "properties": properties, "required": ["to"]}
        if self.choices.chance(20):
            tool["metadata"] = {"server": self.choices.pick(NAMES)}
        return tool


def make_trace(choices: Choices, *, tame: bool, most: int = 9) -> list[Event]:
    """A trace of up to `most` events."""
    maker = TraceMaker(choices, tame=tame)
    return [maker.event() for _ in range(choices.between(0, most))]
