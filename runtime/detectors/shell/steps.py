"""Functions that call one another to any depth without using the stack of Python.

Such a function is a generator: `answer = yield other(...)` calls another one. `run` keeps them in a
list, so that a text cannot make the depth of the host's stack.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

Steps = Generator[Any, Any, Any]
"""A call: what it yields is a call too, and what it is sent is the answer of that."""


def run(call: Steps) -> Any:
    """The answer of a call."""
    stack = [call]
    answer: Any = None
    while stack:
        try:
            following = stack[-1].send(answer)
        except StopIteration as end:
            stack.pop()
            answer = end.value
        else:
            stack.append(following)
            answer = None
    return answer
