"""The signature of a webhook, and when one is tried again (standardwebhooks.com, version 1)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

# Ten tries in two days: SQS holds a message back for 12 hours at most.
WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000)


def signed_headers(id: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of a webhook sent `at` this time, with one signature for each secret."""
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
    """Raises ValueError for a secret that is no base64, with or without its prefix."""
    key = b64decode(secret.removeprefix("whsec_"), validate=True)
    return "v1," + b64encode(hmac.digest(key, message, "sha256")).decode()
