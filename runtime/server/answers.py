"""Requests and answers in JSON: strict about what comes in, safe in what goes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

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
            text = (await self.body()).decode("utf-8", "replace")
            try:
                self._json = json.loads(text, parse_constant=_refuse)
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


def wrong_input(error: RequestValidationError) -> Json:
    """422 with the place and the reason of each mistake."""
    found = []
    for one in error.errors():
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


def http_error(error: HTTPException) -> Json:
    """An error of HTTP with its reason as `detail`."""
    return Json({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
