"""Signing keys: create, retire and compromise them, and export the key set."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from keyferry_admin.errors.keys import (
    BadKey,
    KeyCompromised,
    KeyExists,
    KeyNotUsable,
    KeysChanged,
    LastActiveKey,
    NoActiveKey,
    NoSuchKey,
)
from keyferry_admin.stack import Stack, signing_key_output
from keyferry_protocol.algorithms import (
    RESPONSE_ALGORITHMS,
    SEED_BYTES,
    check_public_key,
    verify_signature,
)
from keyferry_protocol.envelope import (
    MAX_FILE,
    MAX_PAE,
    MAX_SIGNATURES,
    RESPONSE,
    Signature,
    pack,
)
from keyferry_protocol.keys import KeySet, PinnedKey, keyid
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.probe_lambda import (
    FUNCTION_FAILED,
    NO_PEM_KEY,
    ProbeFailed,
    request_probe,
)
from keyferry_service.adapters.retries import Conflict
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.license import Status
from keyferry_service.domain.signing_keys import PROBE, KeyStatus, SigningKey

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

DENIED, WRONG_KIND = "AccessDeniedException", "InvalidKeyUsageException"
RUN_AGAIN = "Run this again. If it fails again, read the log of process_request."
# By the error's code: what to do before the service can sign with a key.
STEPS = {
    DENIED: "Add {arn} to SigningKeyArns, run make deploy, then run this again. The key's policy "
    "must also allow the stack's account.",
    "NotFoundException": "Use the ARN of a key in the region and account of the stack.",
    "DisabledException": "Run aws kms enable-key --key-id {arn}, then run this again.",
    "KMSInvalidStateException": "Wait until aws kms describe-key --key-id {arn} says Enabled, then "
    "run this again.",
    WRONG_KIND: "Create a key of spec {spec} and usage SIGN_VERIFY.",
    "UnsupportedOperationException": "Create a key of spec {spec} and usage SIGN_VERIFY.",
    NO_PEM_KEY: "On AWS, use --kms ARN. In an embedded cloud, put the file into PemFolder.",
    FUNCTION_FAILED: "Deploy this release (make deploy), then run this again.",
}


def own_key_arn(stack: Stack, alg: str) -> str:
    """The ARN of the key that the template made for an algorithm. Raises BadKey."""
    output = signing_key_output(alg)
    if not stack.has_output(output):
        step = "Use --kms ARN, or deploy with MlDsaKey=kms."
        raise BadKey(f"The stack {stack.name} has no {alg} key of its own", step)
    return stack.output(output)


def key_in_kms(kms: "KMSClient", alg: str, arn: str) -> SigningKey:
    """A key that KMS keeps, by its ARN, its id or an alias. Raises BadKey."""
    try:
        reply = kms.get_public_key(KeyId=arn)
        public = load_der_public_key(reply["PublicKey"])
    except (ValueError, UnsupportedAlgorithm) as error:
        step = _step(STEPS[WRONG_KIND], alg, arn)
        raise BadKey(f"KMS gave no public key that can be read: {error}", step) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == DENIED or code not in STEPS:
            raise
        step = _step(STEPS[code], alg, arn)
        raise BadKey(f"KMS does not show the public key of {arn} ({code})", step) from error
    for name, algorithm in RESPONSE_ALGORITHMS.items():
        if isinstance(public, algorithm.key_types()[1]):
            if name == alg:
                key_arn = reply["KeyId"]  # never an alias
                return _new(alg, public.public_bytes_raw(), kms_arn=key_arn)
            step = f"Run this again with --alg {name}."
            raise BadKey(f"The KMS key is of algorithm {name}", step)
    raise BadKey(f"The KMS key is not of algorithm {alg}", _step(STEPS[WRONG_KIND], alg, arn))


def key_in_pem(alg: str, file: Path) -> SigningKey:
    """The key in a PEM file, which is created if it does not exist. Raises BadKey.

    The functions look for a file of this name in the folder of their deployment.
    """
    if not file.exists():
        _write_new_key(alg, file)
    return _new(alg, _public_key_in_pem(alg, file), pem=file.name)


def create(stack: Stack, key: SigningKey) -> None:
    """Sign with a key from now on, once the service has shown that it can.

    Raises KeyNotUsable, and as `register`.
    """
    _check_that_the_service_signs(stack, key)
    register(stack.signing_keys, key)


def take_over(keys: SigningKeys) -> int:
    """Copy the keys of release 0.9 into their own table; how many. Raises KeysChanged."""
    try:
        return keys.take_over()
    except Conflict as error:
        raise KeysChanged("Someone changed the keys at the same moment") from error


def register(keys: SigningKeys, key: SigningKey) -> None:
    """Write the row of a key that signs. Raises KeyExists, BadKey, or KeysChanged.

    An active key that is registered already may be somewhere else now: its replica in another
    region has the same key material under another ARN.
    """
    every = keys.all()
    known = next((each for each in every if each.keyid == key.keyid), None)
    if known is not None and (known == key or known.status is not KeyStatus.ACTIVE):
        raise KeyExists(f"The key {key.keyid} is known already; it is {known.status.value}")
    if known is None:
        _check_that_a_response_fits([key, *every])
    try:
        if known is None:
            keys.add(key)
        else:
            keys.move(key)
    except Conflict as error:
        raise KeysChanged("Someone changed the keys at the same moment") from error


def _check_that_a_response_fits(keys: Sequence[SigningKey]) -> None:
    """Raise BadKey if readers would refuse a file with the signatures of all active keys."""
    active = [key for key in keys if key.status is KeyStatus.ACTIVE]
    samples = {alg: RESPONSE_ALGORITHMS[alg].sign_sample()[1] for alg in {k.alg for k in active}}
    signatures = [Signature(key.keyid, samples[key.alg]) for key in active]
    longest = pack(RESPONSE, bytes(MAX_PAE), signatures)
    if len(signatures) > MAX_SIGNATURES or len(longest) > MAX_FILE[RESPONSE]:
        raise BadKey(
            "A response file would have too many signatures with one more key",
            "Retire a key that no application needs:  keyferry-admin keys retire KEY",
        )


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
    revoked = (license.number for license in licenses.sold() if license.status is Status.REVOKED)
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
        if other.keyid != key.keyid and other.alg == key.alg and other.status is KeyStatus.ACTIVE:
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


def _new(alg: str, public: bytes, kms_arn: str | None = None, pem: str | None = None) -> SigningKey:
    check_public_key(alg, public)
    return SigningKey(keyid(alg, public), alg, public, KeyStatus.ACTIVE, kms_arn, pem)


def _check_that_the_service_signs(stack: Stack, key: SigningKey) -> None:
    where = key.kms_arn or f"{key.pem} in its PemFolder"
    try:
        signature = request_probe(stack.functions, stack.output("ProcessRequestFunction"), key)
    except ProbeFailed as error:
        raise KeyNotUsable(
            f"The service cannot sign with {where} ({error.code})",
            _step(STEPS.get(error.code, RUN_AGAIN), key.alg, where),
            reason=str(error),
        ) from error
    if not verify_signature(key.alg, key.public, PROBE, signature):
        raise KeyNotUsable(
            f"The service signs with {where}, which is not the key {key.keyid}",
            "Put this key there, then run this again.",
        )


def _step(text: str, alg: str, arn: str) -> str:
    return text.format(spec=RESPONSE_ALGORITHMS[alg].kms_key_spec, arn=arn)
