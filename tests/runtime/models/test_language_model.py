"""`llm` and `llm_confirm` in policies: what is sent, what an answer must be, and how often is
asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.models.services import Answer, Asked, Service, chat, service

import policyc
from policyc.runtime.models import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIRM = """\
from invariant import llm_confirm

raise "rude" if:
    (m: Message)
    m.role == "user"
    llm_confirm("The message is rude: " + m.content{})
"""


def user(*contents: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content} for content in contents]


def confirm(options: str = "") -> policyc.Policy:
    return policyc.Policy.from_string(CONFIRM.format(options))


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT", 0.0)


Serve = "Callable[[Callable[[Asked], Answer]], Service]"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Service]]:
    """Starts the configured service, which answers as it is told."""
    running = []

    def start(answer: Callable[[Asked], Answer]) -> Service:
        running.append(service(answer))
        found = running[-1].__enter__()
        monkeypatch.setenv("POLICYC_LLM_URL", found.url)
        monkeypatch.setenv("POLICYC_LLM_KEY", "sk-test-key-of-policyc")
        monkeypatch.setenv("POLICYC_LLM_MODEL", "some-model")
        return found

    yield start
    for one in running:
        one.__exit__(None, None, None)


def rude(asked: Asked) -> Answer:
    return chat("Yes." if "fool" in asked.body["messages"][-1]["content"] else "no")


# --- one request ----------------------------------------------------------------------------------


def test_what_is_sent(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    assert confirm().analyze(user("You fool")).blocked
    (asked,) = there.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer sk-test-key-of-policyc"
    system, prompt = asked.body.pop("messages")
    assert asked.body == {"model": "some-model", "temperature": 0.2, "max_tokens": 500}
    assert prompt == {"role": "user", "content": "The message is rude: You fool"}
    assert system["role"] == "system" and "yes" in system["content"]


def test_options_of_a_call_are_sent(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    confirm(', "Judge mildly.", model="other", temperature=0, max_tokens=5').analyze(user("a"))
    body = there.asked[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("other", 0, 5)
    assert body["messages"][0]["content"].startswith("Judge mildly.\n\nAnswer")


def test_llm_gives_the_text(serve: Callable[..., Service]) -> None:
    there = serve(lambda _: chat("  blue\n"))
    policy = policyc.Policy.from_string(
        'from invariant import llm\n\nraise Violation("seen", colour=llm(m.content)) if:\n'
        '    (m: Message)\n    "blue" in llm(m.content)\n'
    )
    (found,) = policy.analyze(user("Which colour?"))
    assert found.kwargs == {"colour": "  blue\n"}
    assert len(there.asked) == 1, "the report does not ask again"
    assert there.asked[0].body["messages"] == [{"role": "user", "content": "Which colour?"}]


@pytest.mark.parametrize(
    ("answer", "is_rude"),
    [("yes", True), ("YES.", True), (" No\n", False), ("no.", False)],
)
def test_yes_and_no(serve: Callable[..., Service], answer: str, is_rude: bool) -> None:
    serve(lambda _: chat(answer))
    result = confirm().analyze(user("a"))
    assert (bool(result.violations), result.errors) == (is_rude, [])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (chat("Maybe"), "neither yes nor no"),
        (chat("yes, certainly"), "neither yes nor no"),
        (chat("no yes"), "neither yes nor no"),
        (chat("nope"), "neither yes nor no"),
        (chat(""), "the model did not answer"),
        (chat(None), "the model did not answer"),
        (chat("no", "length"), "was cut off"),
        (chat("no", "content_filter"), "finish reason `content_filter`"),
        (chat(["no"]), "the model did not answer"),
        (Answer({"choices": []}), "does not answer with a choice"),
        (Answer({}), "does not answer with a choice"),
        (Answer([1]), "does not answer with a choice"),
        (Answer({}, 401), "refuses the key (status 401)"),
        (Answer({}, 500), "answers with status 500, after 3 attempts"),
    ],
)
def test_anything_else_is_an_error_that_blocks(
    serve: Callable[..., Service], answer: Answer, message: str
) -> None:
    serve(lambda _: answer)
    result = confirm().analyze(user("a"))
    assert result.blocked and not result.violations
    assert message in str(result.errors[0])
    assert "sk-test" not in str(result.to_dict())


def test_nobody_there_is_an_error_that_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(rude) as there:
        monkeypatch.setenv("POLICYC_LLM_URL", there.url)
    result = confirm(', model="m"').analyze(user("a"))
    assert "cannot be reached (ConnectError)" in str(result.errors[0])


def test_openai_before_a_name_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from policyc.runtime.models.settings import settings  # noqa: PLC0415

    monkeypatch.setenv("OPENAI_API_KEY", "o")
    assert settings().model("openai/gpt-4o") == "gpt-4o"
    monkeypatch.setenv("POLICYC_LLM_URL", "https://router.example/v1")
    assert settings().model("openai/gpt-4o") == "openai/gpt-4o"


# --- several requests -----------------------------------------------------------------------------


def test_the_same_request_is_asked_once_in_an_analysis(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    policy = confirm()
    result = policy.analyze(user("fool", "fool", "a", "a"))
    assert len(result.violations) == 2
    assert len(there.asked) == 2
    policy.analyze(user("fool"))
    assert len(there.asked) == 3, "nothing is kept for the next analysis"


def test_a_failure_is_not_asked_again_in_an_analysis(serve: Callable[..., Service]) -> None:
    there = serve(lambda _: chat("Maybe") if len(there.asked) == 1 else chat("no"))
    result = confirm().analyze(user("a", "a"))
    assert result.blocked
    assert len(there.asked) == 1
    broken = serve(lambda _: Answer({}, 400))
    confirm().analyze(user("a", "a"))
    assert len(broken.asked) == 1


def test_pending_events_are_one_evaluation_with_the_past(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    policy = policyc.Policy.from_string(
        'from invariant import count, llm_confirm\n\nraise "rude" if:\n    count(min=1):\n'
        '        (m: Message)\n        llm_confirm("rude: " + m.content)\n'
    )
    assert not policy.analyze_pending(user("fool"), user("a")).violations
    assert len(there.asked) <= 2


def test_a_monitor_asks_for_each_event(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    monitor = confirm().monitor()
    assert [monitor.append(event).blocked for event in user("a", "fool", "fool")] == [
        False, True, True,
    ]  # fmt: skip
    assert len(there.asked) == 3


@pytest.mark.parametrize("name", ["POLICYC_LLM_CALLS", "POLICYC_LLM_SECONDS"])
def test_a_budget_that_is_used_up_blocks(
    serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    there = serve(rude)
    monkeypatch.setenv(name, "2" if name.endswith("CALLS") else "1e-9")
    monkeypatch.setenv("POLICYC_LLM_TIMEOUT", "20")
    result = confirm().analyze(user("a", "b", "c", "d"))
    assert result.blocked
    told = "asked as much as one evaluation may" if name.endswith("CALLS") else "in time"
    assert told in str(result.errors[0])
    assert len(there.asked) == (2 if name.endswith("CALLS") else 0)


def test_the_budget_of_a_monitor_begins_anew_with_each_event(
    serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(rude)
    monkeypatch.setenv("POLICYC_LLM_CALLS", "1")
    monitor = confirm().monitor()
    assert not any(monitor.append(event) for event in user("a", "b", "c"))


def test_the_plain_engine_agrees(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    policy = policyc.Policy.from_string(CONFIRM.format(""), optimize=False)
    assert [one.ranges for one in policy.analyze(user("a", "fool", "fool"))] == [["1"], ["2"]]
    assert len(there.asked) == 2


def test_an_explanation_asks_what_the_analysis_asks(serve: Callable[..., Service]) -> None:
    there = serve(rude)
    policy = confirm()
    policy.why([{"role": "assistant", "content": "fool"}])
    assert there.asked == []


# --- when the policy is loaded --------------------------------------------------------------------


def refused(options: str = "") -> Any:
    with pytest.raises(policyc.PolicyError) as caught:
        confirm(options)
    (found,) = caught.value.diagnostics
    assert found.code == "E0601"
    return found


def test_without_configuration_the_policy_is_refused() -> None:
    found = refused()
    assert found.message == "`llm_confirm` is not available: no language model is configured"
    assert "set `POLICYC_LLM_URL`" in found.help and "functions=" in found.help


def test_without_a_model_the_policy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "o")
    assert "no model is named for it" in refused().message
    confirm(', model="gpt-4o"')
    confirm(', model="m", url="http://localhost:1/v1"')


@pytest.mark.parametrize("value", ["many", "0", "-1", "inf"])
def test_a_budget_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("POLICYC_LLM_URL", "http://localhost:1/v1")
    monkeypatch.setenv("POLICYC_LLM_CALLS", value)
    assert "`POLICYC_LLM_CALLS` is not a number above 0" in refused(', model="m"').message


def test_an_address_comes_from_no_trace() -> None:
    with pytest.raises(policyc.PolicyError, match="`url` of `llm_confirm` is not known"):
        confirm(", url=m.content")


def test_a_function_of_the_host_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYC_LLM_URL", "http://localhost:1/v1")
    policy = policyc.Policy.from_string(
        CONFIRM.format(""), functions={"llm_confirm": lambda text: "fool" in text}
    )
    assert policy.analyze(user("fool")).blocked
