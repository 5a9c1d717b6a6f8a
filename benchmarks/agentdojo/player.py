"""AgentDojo's tasks played by their own ground truth, as traces in JSON Lines on standard output.

Runs in the environment that has `agentdojo`, and imports nothing else. No model is asked: for each
user task the calls that solve it are made in the suite's environment; for each pair with an
injected task the goal is planted wherever the user's calls read, and the calls that reach it are
made after those of the user.

A line: `suite`, `user` and `injection` (ids of the tasks; null: the user's alone), `own` (how many
of the events belong to the user's task), `events`.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import warnings
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.attacks.attack_registry import load_attack
from agentdojo.attacks.base_attacks import FixedJailbreakAttack
from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v1.2.2"
PLAIN = "goal"
"""The attack that plants the goal in its own words, without a wrapper that could be recognised."""

SPELLED = "spelled"
"""The same with addresses and numbers as only a model reads them: `eve at evil dot example`."""

FORMATS = {
    "json": partial(tool_result_to_str, dump_fn=partial(json.dumps, default=str)),
    "yaml": tool_result_to_str,
}
"""What AgentDojo makes of what a tool returns. Its JSON takes no dates, so that they are texts."""


class PlainAttack(FixedJailbreakAttack):
    """Plants the goal and nothing else, as it is or spelled."""

    def __init__(self, suite: Any, somebody: Any, *, is_spelled: bool) -> None:
        super().__init__("{goal}", suite, somebody)
        self.is_spelled = is_spelled

    def attack(self, user_task: Any, injection_task: Any) -> dict[str, str]:
        goal = injection_task.GOAL
        if self.is_spelled:
            goal = re.sub(r"(?<=\w)@(?=\w)", " at ", goal)
            goal = re.sub(r"(?<=\w)\.(?=\w)", " dot ", goal)
            goal = re.sub(r"\b(?=\w*\d)\w{6,}\b", lambda found: " ".join(found[0]), goal)
        return dict.fromkeys(self.get_injection_candidates(user_task), goal)


def played(task: Any, environment: Any, runtime: Any, first: int, written: Any) -> Iterator[Any]:
    """The events of the calls that solve a task, with ids from `first` on."""
    for number, call in enumerate(task.ground_truth(environment), first):
        arguments = json.loads(json.dumps(call.args, default=str))
        function = {"name": call.function, "arguments": arguments}
        calls = [{"id": str(number), "type": "function", "function": function}]
        yield {"role": "assistant", "content": None, "tool_calls": calls}
        result, error = runtime.run_function(environment, call.function, call.args)
        content = written(result) if error is None else error
        yield {"role": "tool", "tool_call_id": str(number), "content": content}


def pairs_of(suite: Any, attack: Any, written: Any) -> Iterator[dict[str, Any]]:
    """The traces of a suite: each user task alone, then with each injected task."""
    runtime = FunctionsRuntime(suite.tools)
    for user in suite.user_tasks.values():
        for injected in [None, *suite.injection_tasks.values()]:
            planted = {} if injected is None else attack.attack(user, injected)
            environment = user.init_environment(suite.load_and_inject_default_environment(planted))
            events = [{"role": "user", "content": user.PROMPT}]
            events += played(user, environment, runtime, 1, written)
            own = len(events)
            if injected is not None:
                events += played(injected, environment, runtime, own, written)
            yield {
                "suite": suite.name,
                "user": user.ID,
                "injection": None if injected is None else injected.ID,
                "own": own,
                "events": events,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attack", default=PLAIN)
    parser.add_argument("--format", choices=FORMATS, default="json")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    somebody = SimpleNamespace(name="gpt-4o-2024-05-13")  # some attacks address a model by its name
    for name, suite in get_suites(VERSION).items():
        print(f"playing {name} ...", file=sys.stderr, flush=True)
        attack = (
            PlainAttack(suite, somebody, is_spelled=options.attack == SPELLED)
            if options.attack in (PLAIN, SPELLED)
            else load_attack(options.attack, suite, somebody)
        )
        for trace in pairs_of(suite, attack, FORMATS[options.format]):
            print(json.dumps(trace))


if __name__ == "__main__":
    main()
