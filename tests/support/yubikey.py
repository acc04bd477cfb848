"""A made-up maker of YubiKeys: its root, and what its devices attest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FIRMWARE = "1.3.6.1.4.1.41482.3.3"
SERIAL = "1.3.6.1.4.1.41482.3.7"
ATTESTED = {FIRMWARE: bytes((5, 7, 4)), SERIAL: bytes.fromhex("020400f00f14")}  # 15732500

Subject = ec.EllipticCurvePublicKey | Ed25519PublicKey


@cache
def a_private_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 key of this name; another name, another key."""
    return ec.derive_private_key(1 + int.from_bytes(name.encode()), ec.SECP256R1())


def point(name: str) -> bytes:
    public = a_private_key(name).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True)
class Authority:
    """Whoever signs certificates: a name and the name of its key."""

    name: str
    key: str

    def certificate(
        self,
        name: str,
        public: Subject,
        *,
        is_authority: bool | None,
        extensions: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bytes:
        """A certificate in PEM. `is_authority` None: without basic constraints."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2016, 3, 14, tzinfo=UTC))
            .not_valid_after(datetime(2052, 4, 17, tzinfo=UTC))
        )
        if is_authority is not None:
            constraints = x509.BasicConstraints(is_authority, 0 if is_authority else None)
            builder = builder.add_extension(constraints, critical=True)
        for oid, value in extensions.items():
            unrecognized = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(unrecognized, critical=False)
        return builder.sign(a_private_key(self.key), hashes.SHA256()).public_bytes(Encoding.PEM)


MAKER = Authority("Made-up PIV Root CA", "root")
DEVICE = Authority("Made-up PIV Attestation", "device")


def root() -> bytes:
    return MAKER.certificate(MAKER.name, a_private_key("root").public_key(), is_authority=True)


def device(is_authority: bool | None = True) -> bytes:
    """The certificate of a YubiKey, in its slot f9."""
    public = a_private_key(DEVICE.key).public_key()
    return MAKER.certificate(DEVICE.name, public, is_authority=is_authority)


def attestation_of(
    public: Subject, extensions: Mapping[str, bytes] = ATTESTED, by: Authority = DEVICE
) -> bytes:
    """What the YubiKey says about a key that it made."""
    return by.certificate(
        "YubiKey PIV Attestation 9a", public, is_authority=None, extensions=extensions
    )


def chain(key: str = "dongle") -> bytes:
    """A key's attestation and its YubiKey's certificate, as a customer sends them."""
    return attestation_of(a_private_key(key).public_key()) + device()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
