"""Answers that only the right server can give: a secret that it shares with its clients never
travels, but each answer carries what can only be computed with it.

The proof of an answer is the HMAC-SHA256 (RFC 2104) of the question, with a number that the client
used only once, and of the answer: an older answer, or one to another question, is none.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from typing import Final

KEY_VARIABLE: Final = "POLICYC_SERVER_KEY"
NONCE_HEADER: Final = "policyc-nonce"
PROOF_HEADER: Final = "policyc-proof"

LEAST_KEY: Final = 32
"""Characters of a key."""


def key_of_environment() -> str:
    """The key that the environment has; "": none.

    Raises:
        ValueError: it cannot be one; the message says why.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key and len(key) < LEAST_KEY:
        raise ValueError(f"the key in {KEY_VARIABLE} has fewer than {LEAST_KEY} characters")
    if not key.isascii():
        raise ValueError(f"the key in {KEY_VARIABLE} is not plain ASCII")
    return key


def proof(
    key: str, nonce: bytes, method: str, target: bytes, body: bytes, status: int, answer: bytes
) -> str:
    """What a server that knows the key says of its answer, in hexadecimal digits.

    Args:
        nonce: the header with which the client asked.
        target: path and query of the question.
        body, answer: of the question and of the answer.
    """
    parts = (nonce, method.encode(), target, body, str(status).encode(), answer)
    digests = b"".join(sha256(part).digest() for part in parts)
    return hmac.new(key.encode(), digests, sha256).hexdigest()


def is_proof(given: str, expected: str) -> bool:
    """Whether a proof is the right one; it takes as long for every wrong one."""
    return hmac.compare_digest(given.encode(), expected.encode())
