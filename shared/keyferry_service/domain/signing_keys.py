"""The service's own keys: which sign, and which an application must trust to be answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# What a key signs before it counts. It is no PAE, so the signature is none of a file.
PROBE = b"keyferry probe v1"


class KeyStatus(StrEnum):
    """Every active key signs; the others are known as having been this service's."""

    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key's row; the private half is in KMS (`kms_arn`) or in a PEM file (`pem`, its name)."""

    keyid: str
    alg: str
    public: bytes
    status: KeyStatus
    kms_arn: str | None = None
    pem: str | None = None


def are_too_old(trusts: Sequence[str], keys: Sequence[SigningKey]) -> bool:
    """Whether an application that trusts these key ids could not believe today's signatures.

    For each algorithm of which it trusts a key of this service, it must trust an active one.
    """
    known = [key for key in keys if key.keyid in trusts]
    active = {key.alg for key in known if key.status is KeyStatus.ACTIVE}
    return not known or {key.alg for key in known} != active
