"""Signing keys: create, retire and compromise them, and export the key set."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from keyferry_admin.errors import (
    BadKey,
    KeyCompromised,
    KeyExists,
    KeysChanged,
    LastActiveKey,
    NoActiveKey,
    NoSuchKey,
)
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS, SEED_BYTES, check_public_key
from keyferry_protocol.keys import KeySet, PinnedKey, keyid
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import ConditionFailed, Conflict
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.license import Status
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


def create_in_kms(keys: SigningKeys, kms: "KMSClient", alg: str, arn: str) -> SigningKey:
    """Start signing with a KMS key. Raises BadKey or KeyExists."""
    return _create(keys, alg, public_key_in_kms(kms, alg, arn), kms_arn=arn)


def create_in_pem(keys: SigningKeys, alg: str, file: Path) -> SigningKey:
    """Start signing with the key in a PEM file, which is created if it does not exist.

    The functions look for a file of this name in the folder of their deployment. Raises BadKey or
    KeyExists.
    """
    if not file.exists():
        _write_new_key(alg, file)
    return _create(keys, alg, _public_key_in_pem(alg, file), pem=file.name)


def export(keys: SigningKeys, licenses: Licenses) -> KeySet:
    """The key set for applications. Raises NoActiveKey.

    It requires the algorithms of the active keys. Retired keys stay trusted, because responses that
    they signed are still in use.
    """
    known = keys.all()
    signing = {key.alg for key in known if key.status is KeyStatus.ACTIVE}
    require = tuple(alg for alg in RESPONSE_ALGORITHMS if alg in signing)
    if not require:
        raise NoActiveKey("No key signs yet, so applications would have nothing to trust")
    pinned = (
        PinnedKey(key.keyid, key.alg, key.public, key.status is not KeyStatus.COMPROMISED)
        for key in known
    )
    revoked = (license.number for license in licenses.all() if license.status is Status.REVOKED)
    return KeySet(require, tuple(pinned), frozenset(revoked))


def find(keys: SigningKeys, keyid: str) -> SigningKey:
    """The key with this keyid. Raises NoSuchKey."""
    for key in keys.all():
        if key.keyid == keyid:
            return key
    raise NoSuchKey(f"There is no key {keyid}")


def retire(keys: SigningKeys, keyid: str) -> SigningKey:
    """Stop signing with a key; what it signed stays valid. Raises LastActiveKey, KeyCompromised."""
    key = find(keys, keyid)
    if key.status is KeyStatus.COMPROMISED:
        raise KeyCompromised(f"The key {keyid} is marked as compromised, and stays so")
    return _end(keys, key, KeyStatus.RETIRED)


def compromise(keys: SigningKeys, keyid: str) -> SigningKey:
    """Stop signing with a key and trusting it. Raises LastActiveKey."""
    return _end(keys, find(keys, keyid), KeyStatus.COMPROMISED)


def other_active(keys: SigningKeys, key: SigningKey) -> SigningKey:
    """Another active key of the same algorithm. Raises LastActiveKey."""
    for other in keys.all():
        if other != key and other.alg == key.alg and other.status is KeyStatus.ACTIVE:
            return other
    raise LastActiveKey(
        f"No other {key.alg} key signs, and applications that require one would get no answer",
        f"Make another one first: keyferry-admin keys create --alg {key.alg} --kms ARN",
    )


def _end(keys: SigningKeys, key: SigningKey, status: KeyStatus) -> SigningKey:
    other = other_active(keys, key)
    if key.status is not status:
        try:
            keys.end(key, status, other)
        except Conflict as error:
            raise KeysChanged("Someone changed the keys at the same moment") from error
    return replace(key, status=status)


def public_key_in_kms(kms: "KMSClient", alg: str, arn: str) -> bytes:
    """The raw public key of a KMS key. Raises BadKey."""
    try:
        public = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(f"KMS gave no public key that can be read: {error}") from error
    _, public_type = RESPONSE_ALGORITHMS[alg].key_types()
    if not isinstance(public, public_type):
        raise BadKey(f"The KMS key is not of algorithm {alg}")
    return public.public_bytes_raw()


def _public_key_in_pem(alg: str, file: Path) -> bytes:
    try:
        signer = PemSigner(file)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{file} holds no private key that can be read: {error}") from error
    if signer.alg != alg:
        raise BadKey(f"{file} holds a key of algorithm {signer.alg}, not {alg}")
    return signer.public


def _write_new_key(alg: str, file: Path) -> None:
    key = RESPONSE_ALGORITHMS[alg].private_key(os.urandom(SEED_BYTES))
    new = file.with_name(f"{file.name}.new")  # a killed process leaves no half of a key
    try:
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        new.rename(file)
    except OSError as error:
        raise BadKey(f"{file} cannot be written: {error.strerror}") from error


def _create(
    keys: SigningKeys,
    alg: str,
    public: bytes,
    *,
    kms_arn: str | None = None,
    pem: str | None = None,
) -> SigningKey:
    check_public_key(alg, public)
    key = SigningKey(keyid(alg, public), alg, public, KeyStatus.ACTIVE, kms_arn, pem)
    try:
        keys.add(key)
    except ConditionFailed as error:
        raise KeyExists(f"The key {key.keyid} is known already") from error
    return key
