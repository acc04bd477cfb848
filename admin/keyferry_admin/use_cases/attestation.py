"""Verifies that a key was made inside a YubiKey, which it cannot leave.

https://developers.yubico.com/PIV/Introduction/PIV_attestation.html
"""

from dataclasses import dataclass
from importlib.resources import files

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    UnrecognizedExtension,
    load_pem_x509_certificates,
)

from keyferry_admin.errors.licenses import BadAttestation

YUBICO = files(__package__) / "yubico_issuers.pem"
_FIRMWARE = ObjectIdentifier("1.3.6.1.4.1.41482.3.3")
_SERIAL = ObjectIdentifier("1.3.6.1.4.1.41482.3.7")
_INTEGER = 2  # the tag in DER


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a YubiKey says about one of its keys: the key, and which YubiKey it is."""

    public: bytes
    serial: str
    firmware: str


def verify_attestation(data: bytes, issuers: bytes) -> Attestation:
    """Verify a PEM file with a key's attestation certificate and its YubiKey's own (slot f9).

    `issuers` are the certificates, in PEM, that sign those of YubiKeys. Exactly one certificate
    stands between them and the key's: the holder of a key that a YubiKey attests can sign
    anything with it, a certificate too. Dates are not asked, since a key that was made in a
    YubiKey stays there. Raises BadAttestation.
    """
    certificates = _read(data)
    if len(certificates) != 2:
        raise BadAttestation(f"The attestation has {len(certificates)} certificates, not 2")
    key, device = certificates
    if not any(_is_issued(device, issuer) for issuer in _read(issuers)):
        raise BadAttestation("The second certificate is not that of a YubiKey")
    if not _is_issued(key, device):
        raise BadAttestation("The first certificate was not made by the YubiKey of the second")
    try:
        return Attestation(_public(key), _serial(key), _firmware(key))
    except ValueError as error:
        raise BadAttestation(f"The first certificate attests no key: {error}") from error


def _read(data: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(data)
    except ValueError as error:
        raise BadAttestation("This is not a PEM file of certificates") from error


def _is_issued(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer is an authority, and its signature is right."""
    try:
        constraints = issuer.extensions.get_extension_for_class(BasicConstraints)
        certificate.verify_directly_issued_by(issuer)
    except (ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    return constraints.value.ca


def _public(key: Certificate) -> bytes:
    match key.public_key():
        case EllipticCurvePublicKey(curve=SECP256R1()) as point:
            return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case Ed25519PublicKey() as public:
            return public.public_bytes_raw()
    raise ValueError("its key is neither Ed25519 nor P-256")


def _serial(key: Certificate) -> str:
    value = _extension(key, _SERIAL)
    if len(value) < 3 or value[0] != _INTEGER or value[1] != len(value) - 2 or value[2] > 0x7F:
        raise ValueError("its serial number is no DER integer")
    return str(int.from_bytes(value[2:], "big"))


def _firmware(key: Certificate) -> str:
    value = _extension(key, _FIRMWARE)
    if len(value) != 3:
        raise ValueError("its firmware version has not 3 bytes")
    return ".".join(map(str, value))


def _extension(key: Certificate, name: ObjectIdentifier) -> bytes:
    try:
        extension = key.extensions.get_extension_for_oid(name).value
    except ExtensionNotFound as error:
        raise ValueError(f"it has no extension {name.dotted_string}") from error
    if not isinstance(extension, UnrecognizedExtension):
        raise ValueError(f"its extension {name.dotted_string} has another form")
    return extension.value
