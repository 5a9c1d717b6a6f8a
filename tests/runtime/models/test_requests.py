"""Requests to a service: what is tried again, what is told of a failure, and what never is."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.runtime.models.services import Answer, Asked, service

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.models import requests
from policyc.runtime.models.endpoints import Endpoint, endpoint
from policyc.runtime.models.requests import post

KEY = "sk-the-key-of-a-test"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT", 0.0)


def ask(answers: list[Answer], seconds: float = 20) -> tuple[Any, list[Asked]]:
    """What comes of asking a service that answers so, and what it was asked."""
    left = list(answers)
    with service(lambda _: left.pop(0)) as there:
        try:
            said = post(Endpoint(there.url, KEY), "/x", {"a": 1}, seconds=seconds)
        except BuiltinError as error:
            said = error
        return said, there.asked


def test_an_answer() -> None:
    said, (asked,) = ask([Answer({"b": 2})])
    assert (said, asked.path, asked.body) == ({"b": 2}, "/v1/x", {"a": 1})


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(status: int) -> None:
    said, asked = ask([Answer("", status), Answer("", status), Answer({"b": 2})])
    assert said == {"b": 2}
    assert len(asked) == requests.ATTEMPTS


def test_it_is_not_asked_for_ever() -> None:
    said, asked = ask([Answer("", 503)] * 9)
    assert "answers with status 503, after 3 attempts" in str(said)
    assert len(asked) == 3


def test_a_wait_that_the_service_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(requests, "sleep", waits.append)
    ask([Answer("", 429, {"Retry-After": "7"}), Answer("", 429), Answer({})])
    assert waits == [7.0, 0.0]


def test_a_wait_beyond_the_time_is_a_failure() -> None:
    said, asked = ask([Answer("", 429, {"Retry-After": "600"})])
    assert "status 429, after 1 attempt" in str(said)
    assert len(asked) == 1


def test_a_slow_service_is_a_failure() -> None:
    said, _ = ask([Answer({}, delay=1.0)], seconds=0.2)
    assert "did not answer in time" in str(said)


@pytest.mark.parametrize("status", [301, 307])
def test_no_redirection_is_followed(status: int) -> None:
    said, asked = ask([Answer("", status, {"Location": "/elsewhere"})])
    assert f"answers with status {status}" in str(said)
    assert len(asked) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[" * 100_000])
def test_an_answer_that_is_no_json_is_a_failure(body: str) -> None:
    assert "does not answer with JSON" in str(ask([Answer(body)])[0])


def test_an_answer_without_end_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_BYTES", 1_000)
    assert "cannot be reached" in str(ask([Answer("x" * 2_000)] * 3)[0])


def test_half_a_character_does_not_stop_a_request() -> None:
    with service(lambda asked: Answer(asked.body)) as there:
        assert post(Endpoint(there.url), "/x", ["a\ud800b"], seconds=20) == ["a?b"]


def test_no_key_gets_into_messages_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = Answer({"error": {"message": f"no model for {KEY}"}}, 404)
    for answers in ([Answer(f"{KEY} is wrong", 401)], [echo], [Answer("", 500)] * 3):
        said, asked = ask(answers)
        assert asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert isinstance(said, BuiltinError)
        assert KEY not in f"{said} {said.help} {said.__cause__} {said.__context__}"
    assert "no model for ***" in str(ask([echo])[0])
    assert KEY not in caplog.text
    assert KEY not in repr(Endpoint("https://x.example", KEY))


def test_a_key_that_cannot_be_sent_is_not_told() -> None:
    with pytest.raises(BuiltinError) as caught:
        post(Endpoint("http://127.0.0.1:9/v1", f"{KEY}\nx"), "/x", {}, seconds=5)
    assert KEY not in str(caught.value)


# --- which endpoint -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "url", "found"),
    [
        ({}, "", None),
        ({"OPENAI_API_KEY": "o"}, "", ("https://api.openai.com/v1", "o", "")),
        (
            {"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://a.example/v1/"},
            "",
            ("https://a.example/v1", "o", ""),
        ),
        # The key for one service is not for another.
        (
            {"OPENAI_API_KEY": "o", "POLICYC_LLM_URL": "https://a.example/v1"},
            "",
            ("https://a.example/v1", "", ""),
        ),
        (
            {"OPENAI_API_KEY": "o", "POLICYC_LLM_URL": "https://api.openai.com/v1"},
            "",
            ("https://api.openai.com/v1", "o", ""),
        ),
        (
            {"POLICYC_LLM_KEY": "k", "POLICYC_LLM_URL": "https://a.example/v1"},
            "https://b.example/v1",
            ("https://b.example/v1", "", ""),
        ),
        (
            {"POLICYC_LLM_KEY": "k", "POLICYC_LLM_URL": "https://a.example/v1"},
            "https://a.example/v1/",
            ("https://a.example/v1", "k", ""),
        ),
        ({"OPENAI_API_KEY": "o"}, "https://b.example/v1", ("https://b.example/v1", "", "")),
        (
            {"POLICYC_LLM_URL": "http://localhost:1/v1", "POLICYC_LLM_MODEL": "m"},
            "",
            ("http://localhost:1/v1", "", "m"),
        ),
    ],
)
def test_which_endpoint_and_which_key(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    url: str,
    found: tuple[str, str, str] | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert endpoint("LLM", url, openai=True) == (None if found is None else Endpoint(*found))


def test_other_services_are_not_asked_because_of_a_key_of_openai(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "o")
    assert endpoint("MODERATION") is None


@pytest.mark.parametrize(
    "url",
    [
        "host",
        "file:///etc",
        "https://",
        "https://u:p@host",
        "https://host#x",
        "http://[",
        "http://a:x",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(BuiltinError) as caught:
        endpoint("LLM", url)
    assert url not in str(caught.value)
