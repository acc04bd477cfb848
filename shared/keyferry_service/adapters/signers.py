"""Everyone who signs a response, and the file that all of them signed at the same time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from keyferry_protocol.envelope import RESPONSE, Signature, pack, pae
from keyferry_protocol.keys import Signer
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


_pool = ThreadPoolExecutor(16)  # starts a thread when it is needed, and keeps it


class NoSigningKey(Exception):
    """A service without one active signing key; `keyferry-admin keys create` makes it."""


def signers_of(keys: Sequence[SigningKey], kms: "KMSClient", pem_folder: str) -> tuple[Signer, ...]:
    """A signer for every active key. Raises NoSigningKey."""
    active = [key for key in keys if key.status is KeyStatus.ACTIVE]
    if not active:
        raise NoSigningKey("The service has no active signing key.")
    return tuple(_signer(key, kms, pem_folder) for key in active)


def seal_response(body: bytes, signers: Sequence[Signer]) -> bytes:
    """The response file of this BODY. The signers work side by side: one may be a network away."""
    message = pae(RESPONSE, body)
    first, *others = signers
    begun = [_pool.submit(signer.sign, message) for signer in others]
    made = [first.sign(message), *(future.result() for future in begun)]
    signatures = [Signature(s.keyid, sig) for s, sig in zip(signers, made, strict=True)]
    return pack(RESPONSE, body, signatures)


def _signer(key: SigningKey, kms: "KMSClient", pem_folder: str) -> Signer:
    if key.kms_arn is not None:
        return KmsSigner(kms, key.kms_arn, key.alg, key.public, key.keyid)
    # Its libraries load only where a key lies in a file.
    from keyferry_service.adapters.signer_pem import PemSigner

    return PemSigner(Path(pem_folder, key.pem or key.keyid))
