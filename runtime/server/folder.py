"""The policies that a server has loaded by name, and reads again when their files change."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from policyc.grammar.diagnostics import PolicycError
from policyc.runtime.loading import BUNDLED, read_source
from policyc.runtime.server.jobs import BadPolicy, Compile, Done, Sources
from policyc.runtime.server.workers import TooLate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.server.state import State

SECONDS: Final = 1.0
"""Between two looks at the files."""

SUFFIXES: Final = (".inv", ".gr", ".iv", ".policy")

_log = logging.getLogger("policyc.server")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy that compiles. `digest`: SHA-256 of its texts. `needs`: its parameters."""

    name: str
    sources: Sources
    digest: str
    needs: dict[str, Any]


class LoadError(PolicycError):
    """A policy cannot be loaded; the message has all reasons."""


def digest_of(sources: Sources) -> str:
    """SHA-256 over the texts of a policy, in hexadecimal digits."""
    found = hashlib.sha256()
    for text, _ in sources.texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(f"{len(data)}:".encode() + data)
    return found.hexdigest()


def read_policies(places: Sequence[str]) -> dict[str, Sources]:
    """The texts of policies by name: files and bundled policies, those in and below folders.

    Raises:
        LoadError: a file cannot be read, or two policies have the same name.
    """
    found: dict[str, Sources] = {}
    for place in places:
        for name, path in _named(place):
            if name in found:
                raise LoadError(
                    f"two policies have the name `{name}`: {_path(found[name])}, {path}"
                )
            try:
                source = read_source(path)
            except OSError as error:
                raise LoadError(f"cannot read `{path}`: {error.strerror or error}") from None
            found[name] = Sources(((source.text, path),), is_trusted=True)
    return found


def _named(place: str) -> list[tuple[str, str]]:
    """The policies of a place: their names and paths."""
    if place.startswith(BUNDLED):
        return [(place.removeprefix(BUNDLED), place)]
    path = Path(place)
    if not path.is_dir():
        return [(path.stem, place)]
    inside = sorted(x for x in path.rglob("*") if x.suffix in SUFFIXES and x.is_file())
    return [(x.relative_to(path).with_suffix("").as_posix(), str(x)) for x in inside]


async def load(state: State, places: Sequence[str]) -> None:
    """Compile all policies, and put them in the place of those that were loaded.

    Raises:
        LoadError: one cannot be read or compiled; what was loaded stays.
    """
    try:
        texts = await asyncio.to_thread(read_policies, places)
    except PolicycError as error:
        raise LoadError(str(error)) from None
    loaded: dict[str, Loaded] = {}
    problems: list[str] = []
    for name, sources in texts.items():
        known = state.policies.get(name)
        if known is not None and known.sources == sources:
            loaded[name] = known
            continue
        answer = await state.workers.do(Compile(sources), owner="folder", seconds=60)
        match answer:
            case Done(findings=needs):
                loaded[name] = Loaded(name, sources, digest_of(sources), needs)
            case BadPolicy(diagnostics=diagnostics):
                problems += (_told(one) for one in diagnostics)
            case TooLate(seconds=seconds):
                problems.append(f"{_path(sources)}: not compiled within {seconds:g} seconds")
            case _:
                problems.append(f"{_path(sources)}: {answer}")
    if problems:
        raise LoadError("\n".join(problems))
    state.policies = loaded


def _path(sources: Sources) -> str | None:
    return sources.texts[0][1]


def _told(diagnostic: dict[str, Any]) -> str:
    place = f"{diagnostic['path']}:{diagnostic['line']}:{diagnostic['column']}"
    return f"{place}: {diagnostic['code']}: {diagnostic['message']}"


async def watch(state: State, places: Sequence[str]) -> None:
    """Load policies again whenever a file changes; one that is bad changes nothing."""
    before = await asyncio.to_thread(_signature, places)
    while True:
        await asyncio.sleep(SECONDS)
        try:
            now = await asyncio.to_thread(_signature, places)
        except OSError:
            # A folder that changes while it is read is read again.
            continue
        if now == before:
            continue
        before = now
        try:
            await load(state, places)
        except (LoadError, OSError) as error:
            state.metrics.reload(is_good=False)
            _log.error("policies not reloaded", extra={"problems": str(error).splitlines()})
        else:
            state.metrics.reload(is_good=True)
            _log.info("policies reloaded", extra={"policies": sorted(state.policies)})


def _signature(places: Sequence[str]) -> list[tuple[str, int, int, int]]:
    """What changes when a file is written, comes or goes."""
    found = []
    for place in places:
        if place.startswith(BUNDLED):
            continue
        for _, path in _named(place):
            try:
                status = os.stat(path)
            except OSError:
                continue
            found.append((path, status.st_mtime_ns, status.st_size, status.st_ino))
    return found
