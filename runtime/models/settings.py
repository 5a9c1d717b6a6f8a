"""What a user set for `llm` and `llm_confirm`: where to ask, how much, and recorded answers."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.models.endpoints import OPENAI, Endpoint, endpoint


@dataclass(frozen=True, slots=True)
class Settings:
    """`calls` and `seconds`: the budget of one evaluation. `timeout`: seconds for one request with
    all its attempts. `record`, `replay`: files; at most one is set."""

    endpoint: Endpoint | None
    calls: int
    seconds: float
    timeout: float
    record: str
    replay: str

    def model(self, written: str) -> str:
        """The model to ask for: the one that the policy writes, else the configured one.

        Services other than OpenAI's may have models with a slash; there, `openai/` before a name
        only says whose it is, and is left out.

        Raises:
            BuiltinError: there is none.
        """
        assert self.endpoint is not None  # noqa: S101  # looked at before
        name = written or self.endpoint.model
        if not name:
            raise BuiltinError(
                "no model is named for it", 'write `model="..."`, or set `POLICYC_LLM_MODEL`'
            )
        return name.removeprefix("openai/") if self.endpoint.is_openai else name


def settings(url: str = "") -> Settings:
    """The settings of the environment; `url`: the address that a policy names.

    Raises:
        BuiltinError: a variable cannot be used, or nothing is configured.
    """
    found = Settings(
        endpoint("LLM", url, openai=True),
        int(_number("POLICYC_LLM_CALLS", 20)),
        _number("POLICYC_LLM_SECONDS", 60),
        _number("POLICYC_LLM_TIMEOUT", 30),
        os.environ.get("POLICYC_LLM_RECORD", ""),
        os.environ.get("POLICYC_LLM_REPLAY", ""),
    )
    if found.record and found.replay:
        raise BuiltinError(
            "answers cannot be recorded and replayed at once",
            "set one of `POLICYC_LLM_RECORD` and `POLICYC_LLM_REPLAY`",
        )
    if found.endpoint is None and not found.replay:
        raise BuiltinError(
            "no language model is configured",
            f"set `POLICYC_LLM_URL`, as `{OPENAI}`, or `POLICYC_LLM_REPLAY` for recorded answers; "
            "or pass a function of your own: `functions={...}`",
        )
    return found


def _number(name: str, default: float) -> float:
    told = os.environ.get(name, "").strip()
    try:
        value = float(told) if told else default
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise BuiltinError(
            f"`{name}` is not a number above 0", f"it is {default:g} where it is not set"
        )
    return value
