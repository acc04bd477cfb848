"""A signing key in a PEM file: for a service without KMS, and for algorithms a KMS lacks."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS
from keyferry_protocol.keys import keyid


class PemSigner:
    """Signs with the one private key of an unencrypted PKCS #8 file."""

    def __init__(self, path: Path) -> None:
        loaded = load_pem_private_key(path.read_bytes(), password=None)
        for alg, algorithm in RESPONSE_ALGORITHMS.items():
            if isinstance(loaded, algorithm.key_types()[0]):
                self.alg = alg
                self._key = loaded
                break
        else:
            raise ValueError(f"{path.name} holds a key of an algorithm that signs no response.")
        self.public = self._key.public_key().public_bytes_raw()
        self.keyid = keyid(self.alg, self.public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
