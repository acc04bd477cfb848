"""The signature of a webhook, and when one is tried again (standardwebhooks.com, version 1)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

MIN_KEY_BYTES = 24  # by the standard; a shorter one might be guessed
# Ten tries in two days: SQS holds a message back for 12 hours at most.
WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000)


class UnusableSecret(Exception):
    """A secret with which nothing can be signed. The message does not have it."""


def read_key(secret: str) -> bytes:
    """The key in a secret, with or without its prefix and white space. Raises UnusableSecret."""
    try:
        key = b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise UnusableSecret(
            f"The secret of the webhook is not {MIN_KEY_BYTES} or more bytes in base64. "
            "Put another one: docs/operations/events.md"
        )
    return key


def signed_headers(id: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of a webhook sent `at` this time, with one signature for each secret.

    Raises UnusableSecret.
    """
    message = b".".join([id.encode(), str(at).encode(), body])
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(secret, message) for secret in secrets),
    }


def wait_s(tries: int) -> int:
    """How long to wait after so many tries."""
    return WAITS_S[min(tries, len(WAITS_S)) - 1]


def _signature(secret: str, message: bytes) -> str:
    return "v1," + b64encode(hmac.digest(read_key(secret), message, "sha256")).decode()
