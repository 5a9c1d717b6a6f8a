"""The server's side of answers that only the right server can give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.proof import NONCE_HEADER, PROOF_HEADER, proof

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

_NONCE = NONCE_HEADER.encode()


def proved(key: str, scope: Scope, body: bytes, send: Send) -> Send:
    """Sends an answer once it is whole, with the proof in its head, if the client asks for it."""
    nonce = next((bytes(value) for name, value in scope["headers"] if name == _NONCE), b"")
    if not nonce:
        return send
    query: bytes = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    head: Message = {}
    pieces: list[bytes] = []

    async def send_whole(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
            return
        pieces.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        answer = b"".join(pieces)
        made = proof(key, nonce, scope["method"], target, body, head["status"], answer)
        head["headers"] = [
            *head.get("headers", ()),
            (PROOF_HEADER.encode(), made.encode()),
        ]
        await send(head)
        await send({"type": "http.response.body", "body": answer})

    return send_whole
