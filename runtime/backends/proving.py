"""The client's side of answers that only the right server can give."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx

from policyc.runtime.failures import BackendError
from policyc.runtime.proof import KEY_VARIABLE, NONCE_HEADER, PROOF_HEADER, is_proof, proof

if TYPE_CHECKING:
    from collections.abc import Generator


class ServerUnproved(BackendError):
    """What answered does not know the key of the server."""


class Proved(httpx.Auth):
    """Takes no verdict from a server that does not prove that it knows the key. Errors need no
    proof: they allow nothing."""

    requires_request_body = True
    requires_response_body = True

    def __init__(self, key: str) -> None:
        self.key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if request.url.userinfo:
            # As without a proof: a user and a password in the address are sent.
            basic = httpx.BasicAuth(request.url.username, request.url.password)
            request = next(basic.auth_flow(request))
        nonce = secrets.token_hex(16)
        request.headers[NONCE_HEADER] = nonce
        answer = yield request
        if not answer.is_success:
            return
        expected = proof(
            self.key,
            nonce.encode(),
            request.method,
            request.url.raw_path,
            request.content,
            answer.status_code,
            answer.content,
        )
        if not is_proof(answer.headers.get(PROOF_HEADER, ""), expected):
            url = request.url.copy_with(raw_path=b"/", userinfo=b"")
            raise ServerUnproved(
                f"what answers at {str(url).rstrip('/')} is not the server that is wanted, or was "
                f"started without the key ({KEY_VARIABLE})"
            )
