"""A signing key in a PEM file: for a service without KMS, and for algorithms a KMS lacks."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyferry_protocol.algorithms import ED25519, ML_DSA_65
from keyferry_protocol.keys import keyid


class PemSigner:
    """Signs with the one private key of an unencrypted PKCS #8 file."""

    def __init__(self, path: Path) -> None:
        key = load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            self.alg = ED25519
        elif isinstance(key, MLDSA65PrivateKey):
            self.alg = ML_DSA_65
        else:
            raise ValueError(f"{path.name} holds a key of an algorithm that signs no response.")
        self._key = key
        self.public = key.public_key().public_bytes_raw()
        self.keyid = keyid(self.alg, self.public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
