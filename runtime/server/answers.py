"""Requests and answers in JSON: strict about what comes in, safe in what goes out."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import Field

from policyc.runtime.server.sessions import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException as AnyHttpError

EventList = Annotated[list[dict[str, Any]], Field(fail_fast=True)]
"""A list of events; of wrong ones the first is told."""

MOST_MISTAKES = 20
"""That an error tells."""

LONGEST_INPUT = 200
"""Characters of a wrong input that an error repeats."""


class Json(JSONResponse):
    """JSON in ASCII: what no encoding has, a lone surrogate above all, goes out as it came."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


class StrictRequest(Request):
    """A request whose JSON has no `NaN` and no number that is too long to be read."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            body = await self.body()
            text = ""
            try:
                text = body.decode()
                self._json = json.loads(text, parse_constant=_refuse)
            except UnicodeDecodeError as error:
                reason = f"the byte 0x{body[error.start]:02x} is no text in UTF-8"
                raise json.JSONDecodeError(reason, text, error.start) from None
            except json.JSONDecodeError:
                raise
            except (ValueError, RecursionError) as error:
                raise json.JSONDecodeError(str(error), text, 0) from None
        return self._json


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


class StrictRoute(APIRoute):
    """A route that reads its body as `StrictRequest` does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


@contextmanager
def full_is_429() -> Iterator[None]:
    """Where more sessions, or what is to be kept in them, may be refused."""
    try:
        yield
    except Full:
        raise HTTPException(
            429, "there are too many sessions, or they keep too much", {"retry-after": "60"}
        ) from None


def wrong_input(error: RequestValidationError) -> Json:
    """422 with the place and the reason of each mistake, of many of the first ones."""
    found = []
    for one in error.errors()[:MOST_MISTAKES]:
        given = one.get("input")
        is_short = len(repr(given)) <= LONGEST_INPUT if isinstance(given, str | int) else False
        found.append(
            {
                "type": one["type"],
                "loc": list(one["loc"]),
                "msg": one["msg"],
                "input": given if is_short else None,
            }
        )
    return Json({"detail": found}, status_code=422)


def http_error(error: AnyHttpError) -> Json:
    """An error of HTTP with its reason as `detail`."""
    return Json({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
