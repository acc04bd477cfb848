"""Everyone who signs a response, and the file that all of them signed at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from keyferry_protocol.envelope import RESPONSE, Signature, pack, pae
from keyferry_protocol.keys import Signer
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey

MOST_KEYS = 16

_pool = ThreadPoolExecutor(MOST_KEYS)  # starts a thread when it is needed, and keeps it


class NoSigningKey(Exception):
    """A service without one active signing key; `keyferry-admin keys create` makes it."""


class Signers:
    """Makes each key's signer once: in KMS or, where the key is in a file, in this process."""

    def __init__(
        self, kms_signer: Callable[[str, str, bytes, str], Signer], pem_folder: Path
    ) -> None:
        """`kms_signer` takes a key's ARN, algorithm, public key and keyid."""
        self._kms_signer = kms_signer
        self._pem_folder = pem_folder
        self._signer = lru_cache(MOST_KEYS)(self._make_signer)

    def of(self, keys: Sequence[SigningKey]) -> tuple[Signer, ...]:
        """A signer for every active key. Raises NoSigningKey."""
        active = [key for key in keys if key.status is KeyStatus.ACTIVE]
        if not active:
            raise NoSigningKey("The service has no active signing key.")
        return tuple(self._signer(key) for key in active)

    def _make_signer(self, key: SigningKey) -> Signer:
        if key.kms_arn is not None:
            return self._kms_signer(key.kms_arn, key.alg, key.public, key.keyid)
        # Its libraries load only where a key is in a file.
        from keyferry_service.adapters.signer_pem import PemSigner

        return PemSigner(self._pem_folder / (key.pem or key.keyid))


def seal_response(body: bytes, signers: Sequence[Signer]) -> bytes:
    """The response file of this BODY. The signers work side by side: one may be a network away."""
    message = pae(RESPONSE, body)
    first, *others = signers
    pending = [_pool.submit(signer.sign, message) for signer in others]
    raw = [first.sign(message), *(future.result() for future in pending)]
    signatures = [Signature(s.keyid, sig) for s, sig in zip(signers, raw, strict=True)]
    return pack(RESPONSE, body, signatures)
