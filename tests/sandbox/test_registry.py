"""Which provider is used."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from policyc.runtime.sandbox import registry
from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable, SandboxError
from policyc.runtime.sandbox.provider import Capabilities


class Works(EmbeddedProvider):
    name = "works"

    def probe(self) -> Capabilities:
        return Capabilities("works", "1", "none", frozenset(), can_pause=False)


class Fails(EmbeddedProvider):
    name = "fails"

    def probe(self) -> Capabilities:
        raise ProviderUnavailable("its part is missing: install it")


def _install(monkeypatch: pytest.MonkeyPatch, **providers: str) -> None:
    entries = [
        EntryPoint(name, f"{__name__}:{value}" if ":" not in value else value, registry.GROUP)
        for name, value in providers.items()
    ]
    monkeypatch.setattr(registry, "_entries", lambda: entries)


def test_own_providers_are_installed() -> None:
    assert {"docker", "embedded"} <= set(registry.provider_names())
    assert isinstance(registry.choose("embedded"), EmbeddedProvider)


def test_an_engine_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, embedded="Works", docker="Works")
    monkeypatch.setattr(Works, "name", "docker")
    assert registry.choose().name == "docker"


def test_embedded_where_no_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, docker="Fails", embedded="Works")
    assert isinstance(registry.choose(), Works)


def test_others_are_used_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, docker="Fails", embedded="Fails", other="Works")
    with pytest.raises(ProviderUnavailable):
        registry.choose()
    assert isinstance(registry.choose("other"), Works)


def test_none_works(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, docker="Fails", embedded="Fails")
    with pytest.raises(ProviderUnavailable) as caught:
        registry.choose()
    assert str(caught.value).splitlines() == [
        "nothing on this machine runs sandboxes:",
        "  docker: its part is missing: install it",
        "  embedded: its part is missing: install it",
    ]


def test_a_named_one_is_not_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, docker="Fails")
    assert isinstance(registry.choose("docker"), Fails)


def test_a_misspelt_name() -> None:
    with pytest.raises(SandboxError, match="did you mean `docker`"):
        registry.choose("dokcer")


def test_two_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [EntryPoint("x", f"{__name__}:{one}", registry.GROUP) for one in ("Works", "Fails")]
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    with pytest.raises(SandboxError, match="both have a provider of sandboxes `x`"):
        registry.choose("x")


@pytest.mark.parametrize(
    ("value", "words"),
    [("no_such_module:X", "cannot be loaded"), ("builtins:dict", "is no Provider")],
)
def test_one_that_is_broken(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    _install(monkeypatch, x=value)
    with pytest.raises(SandboxError, match=words):
        registry.choose("x")
