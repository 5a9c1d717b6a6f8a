"""Requests to a service: JSON out, JSON back, within a time; and again where it is busy.

No text of an answer with an error status gets into a message, except the reason that the service
gives for a request that it did not understand; and no key does.
"""

from __future__ import annotations

import json
from functools import cache
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError

if TYPE_CHECKING:
    import ssl

    import httpx

    from policyc.runtime.models.endpoints import Endpoint

ATTEMPTS = 3
"""How often a request is sent before its failure counts."""

FIRST_WAIT = 0.5
"""Seconds before the second attempt where the service names none; twice as long before the next."""

MAX_BYTES = 8_000_000
"""Of an answer."""

_BUSY = frozenset({408, 429, 500, 502, 503, 504, 529})
_EXPLAINED = frozenset({400, 404, 413, 422})
_LONGEST_REASON = 200


def post(endpoint: Endpoint, path: str, body: Any, *, seconds: float) -> Any:
    """What a service answers to a request, as JSON; all attempts together within `seconds`.

    Raises:
        BuiltinError: it cannot be reached, refuses, is too slow, or answers with something else.
    """
    import httpx  # noqa: PLC0415  # slow to load, and seldom needed

    deadline = monotonic() + seconds
    url = httpx.URL(endpoint.url)
    url = url.copy_with(path=url.path.rstrip("/") + path)
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    verify: ssl.SSLContext | bool = _context() if url.scheme == "https" else True
    with httpx.Client(verify=verify, headers=headers) as client:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status, content, wait = _send(client, url, body, deadline)
                if status not in _BUSY:
                    return _read(endpoint, status, content)
                failure = f"answers with status {status}"
            except httpx.TimeoutException:
                failure, wait = "did not answer in time", None
            except httpx.HTTPError as error:
                failure, wait = f"cannot be reached ({type(error).__name__})", None
            pause = FIRST_WAIT * 2 ** (attempt - 1) if wait is None else wait
            if attempt == ATTEMPTS or monotonic() + pause >= deadline:
                break
            sleep(pause)
    raise _failed(endpoint, f"{failure}, after {_attempts(attempt)}")


@cache
def _context() -> ssl.SSLContext:
    """The certificates, which take long to load."""
    import httpx  # noqa: PLC0415  # as above

    return httpx.create_ssl_context()


def _send(
    client: httpx.Client, url: httpx.URL, body: Any, deadline: float
) -> tuple[int, bytes, float | None]:
    """Status and content of an answer, and the seconds after which to ask again, where it says."""
    import httpx  # noqa: PLC0415  # as above

    left = deadline - monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("no time is left")
    # Half of a pair of surrogates, as hostile texts have, is nothing that UTF-8 can say.
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json"}
    with client.stream("POST", url, content=data, headers=headers, timeout=left) as response:
        content = b""
        for piece in response.iter_bytes():
            content += piece
            if monotonic() > deadline:
                raise httpx.ReadTimeout("no time is left")
            if len(content) > MAX_BYTES:
                raise httpx.DecodingError("the answer is too long")
        return response.status_code, content, _wait(response.headers.get("Retry-After", ""))


def _wait(told: str) -> float | None:
    try:
        return max(0.0, float(told))
    except ValueError:
        return None


def _read(endpoint: Endpoint, status: int, content: bytes) -> Any:
    if status in (401, 403):
        raise _failed(endpoint, f"refuses the key (status {status})")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not 200 <= status < 300:
        reason = _reason(endpoint, answer) if status in _EXPLAINED else ""
        raise _failed(endpoint, f"answers with status {status}{reason}")
    if answer is None:
        raise _failed(endpoint, "does not answer with JSON")
    return answer


def _reason(endpoint: Endpoint, answer: Any) -> str:
    """What a service says of a request that it did not understand."""
    error = answer.get("error") if isinstance(answer, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    if not isinstance(told, str) or not told:
        return ""
    if endpoint.key:
        told = told.replace(endpoint.key, "***")
    return f": {' '.join(told.split())[:_LONGEST_REASON]}"


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def _failed(endpoint: Endpoint, what: str) -> BuiltinError:
    return BuiltinError(f"{endpoint.shown} {what}")
