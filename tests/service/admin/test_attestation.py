"""A YubiKey's attestation: what it proves, and what does not pass for one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificates

from keyferry_admin.errors.licenses import BadAttestation
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.attestation import YUBICO, Attestation, verify_attestation
from keyferry_protocol.algorithms import ECDSA_P256
from keyferry_protocol.request import Dongle
from tests.service.admin.screens import GOLDEN
from tests.support.samples import NUMBER
from tests.support.yubikey import (
    ATTESTED,
    DEVICE,
    FIRMWARE,
    MAKER,
    SERIAL,
    Authority,
    a_private_key,
    attestation_of,
    chain,
    device,
    point,
    root,
)

CLAIMED = Dongle(ECDSA_P256, point("dongle"), "YubiKey 5C NFC", "99999999")
DONGLE = a_private_key("dongle").public_key()
STRANGER = Authority(MAKER.name, "stranger")
ROOT_CERTIFICATES = YUBICO.with_name("yubico_root.pem")  # type: ignore[attr-defined]


def attested(**changed: bytes) -> bytes:
    names = {"firmware": FIRMWARE, "serial": SERIAL}
    return attestation_of(DONGLE, ATTESTED | {names[name]: v for name, v in changed.items()})


def without(oid: str) -> bytes:
    return attestation_of(DONGLE, {name: v for name, v in ATTESTED.items() if name != oid})


def by_an_attested_key() -> bytes:
    """What its holder signs with a key that a genuine YubiKey attests: for a key in a file."""
    holder = Authority("YubiKey PIV Attestation 9a", "dongle")
    return attestation_of(a_private_key("file").public_key(), by=holder)


# What it proves


def test_a_genuine_chain_proves_key_serial_and_firmware() -> None:
    assert verify_attestation(chain(), root()) == Attestation(point("dongle"), "15732500", "5.7.4")


def test_an_ed25519_key_is_attested_too() -> None:
    """YubiKeys make them since firmware 5.7."""
    key = Ed25519PrivateKey.generate().public_key()
    proof = verify_attestation(attestation_of(key) + device(), root())
    assert proof.public == key.public_bytes_raw()


def test_any_of_several_issuers_may_have_signed() -> None:
    other = STRANGER.certificate("Another", a_private_key("x").public_key(), is_authority=True)
    assert verify_attestation(chain(), other + root())


# What does not pass


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not a PEM file", id="nothing"),
        pytest.param(b'{"alg": "Ed25519"}', "not a PEM file", id="a key file"),
        pytest.param(chain()[:300], "not a PEM file", id="cut short"),
        pytest.param(attested(), "1 certificates, not 2", id="without the YubiKey's certificate"),
        pytest.param(
            attestation_of(DONGLE, by=STRANGER) + device(),
            "not made by the YubiKey",
            id="signed by somebody else",
        ),
        pytest.param(
            attestation_of(DONGLE, by=Authority(DEVICE.name, "stranger")) + device(),
            "not made by the YubiKey",
            id="signed by somebody else who gives the YubiKey's name",
        ),
        pytest.param(
            attested()
            + STRANGER.certificate(
                DEVICE.name, a_private_key("device").public_key(), is_authority=True
            ),
            "not that of a YubiKey",
            id="a device of somebody else who gives the maker's name",
        ),
        pytest.param(device() + attested(), "not that of a YubiKey", id="the wrong way round"),
        pytest.param(attested() + root(), "not made by the YubiKey", id="the root as the device"),
        pytest.param(
            by_an_attested_key() + attested(),
            "not that of a YubiKey",
            id="attested by a key that is attested",
        ),
        pytest.param(
            by_an_attested_key() + attested() + device(),
            "3 certificates, not 2",
            id="the same, with the whole chain",
        ),
        pytest.param(
            attested() + device(is_authority=False), "not made by the YubiKey", id="no authority"
        ),
        pytest.param(
            attested() + device(is_authority=None),
            "not made by the YubiKey",
            id="an authority that does not say so, as in the first YubiKeys 4",
        ),
        pytest.param(
            attestation_of(ec.generate_private_key(ec.SECP384R1()).public_key()) + device(),
            "neither Ed25519 nor P-256",
            id="a key of another kind",
        ),
        pytest.param(without(SERIAL) + device(), re.escape(SERIAL), id="no serial number"),
        pytest.param(without(FIRMWARE) + device(), re.escape(FIRMWARE), id="no firmware"),
        pytest.param(attested(firmware=b"\5\7") + device(), "3 bytes", id="half a firmware"),
        pytest.param(attested(serial=b"") + device(), "DER integer", id="an empty serial number"),
        pytest.param(attested(serial=b"\2\1\xff") + device(), "DER integer", id="a negative one"),
        pytest.param(attested(serial=b"\2\5\1\1") + device(), "DER integer", id="a short one"),
        pytest.param(attested(serial=b"\4\1\1") + device(), "DER integer", id="no integer"),
    ],
)
def test_what_proves_nothing_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadAttestation, match=reason):
        verify_attestation(data, root())


@pytest.mark.attack
def test_a_made_up_maker_is_not_yubico() -> None:
    with pytest.raises(BadAttestation, match="not that of a YubiKey"):
        verify_attestation(chain(), YUBICO.read_bytes())


@pytest.mark.attack
def test_a_flipped_bit_anywhere_is_refused() -> None:
    """In the certificates themselves; what stands around them in a PEM file is not read."""
    genuine = verify_attestation(chain(), root())
    data = chain()
    for place in range(0, len(data), 7):
        changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        try:
            assert verify_attestation(changed, root()) == genuine
        except BadAttestation:
            continue
        assert load_pem_x509_certificates(changed) == load_pem_x509_certificates(data)


# Yubico's own certificates


def test_yubicos_certificates_are_those_that_it_publishes() -> None:
    """By the fingerprints of what https://developers.yubico.com/PKI/ serves."""
    issuers = load_pem_x509_certificates(YUBICO.read_bytes())
    assert [(fingerprint(each), common_name(each)) for each in issuers] == [
        ("63ece914e54dd879", "Yubico PIV Root CA Serial 263751"),
        ("6de693f05376f5d8", "Yubico PIV Attestation A 1"),
        ("2d55b7998f4e4256", "Yubico PIV Attestation B 1"),
        ("0c90b7d184a36edf", "Yubico PIV Attestation B2 1"),
    ]


def test_each_issuer_is_vouched_for_by_yubicos_root() -> None:
    first, *intermediates = load_pem_x509_certificates(YUBICO.read_bytes())
    first.verify_directly_issued_by(first)
    top, *between = load_pem_x509_certificates(ROOT_CERTIFICATES.read_bytes())
    assert fingerprint(top) == "62760c6a6ef91679"
    top.verify_directly_issued_by(top)
    by_name = {each.subject: each for each in between}
    for issuer in intermediates:
        above = by_name[issuer.issuer]
        issuer.verify_directly_issued_by(above)
        above.verify_directly_issued_by(top)


def fingerprint(certificate: Certificate) -> str:
    return certificate.fingerprint(SHA256()).hex()[:16]


def common_name(certificate: Certificate) -> str:
    return certificate.subject.rfc4514_string().removeprefix("CN=")


# At the desk


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A dongle's file as a customer wrote it, and what proves more."""
    paths = {name: tmp_path / name for name in ("dongle.json", "dongle.pem", "root.pem")}
    paths["dongle.json"].write_text(json.dumps(CLAIMED.as_json()))
    paths["dongle.pem"].write_bytes(chain())
    paths["root.pem"].write_bytes(root())
    return paths


@pytest.fixture
def add(run: Any, stack: Stack, files: dict[str, Path]) -> str:
    """The command that registers the dongle with its attestation."""
    run(f"license create --number {NUMBER} --seats 2")
    proof = f"--attestation {files['dongle.pem']} --issuers {files['root.pem']}"
    return f"dongle add {NUMBER} {files['dongle.json']} {proof}"


def test_an_attested_dongle_is_registered_as_its_maker_says(
    run: Any, stack: Stack, add: str
) -> None:
    """Not as the customer's file says: model and serial number are the attested ones."""
    assert run(add).out == (GOLDEN / "dongle-add-attested.txt").read_text()
    (registered,) = stack.licenses.dongles(NUMBER)
    assert (registered.model, registered.serial) == ("YubiKey", "15732500")
    assert registered.attested_firmware == "5.7.4"
    (listed,) = run(f"dongle list {NUMBER} --json").json["dongles"]
    assert listed["attested_firmware"] == "5.7.4"
    assert "firmware 5.7.4" in run(f"dongle list {NUMBER}").out


@pytest.mark.attack
def test_a_key_in_a_file_gets_no_dongles_proof(
    run: Any, stack: Stack, files: dict[str, Path], add: str
) -> None:
    """The customer's own YubiKey attests its key, but the file brings another one."""
    file = Dongle(ECDSA_P256, point("file"), CLAIMED.model, "15732500")
    files["dongle.json"].write_text(json.dumps(file.as_json()))
    refused = run(f"{add} --json")
    assert (refused.exit, refused.json["error"]["code"]) == (1, "bad-attestation")
    assert list(stack.licenses.dongles(NUMBER)) == []


@pytest.mark.attack
def test_a_dongle_without_a_proof_is_said_to_prove_nothing(
    run: Any, stack: Stack, files: dict[str, Path], add: str
) -> None:
    printed = run(f"dongle add {NUMBER} {files['dongle.json']}").out
    assert "Nothing proves the model, the serial number" in printed
    (registered,) = stack.licenses.dongles(NUMBER)
    assert registered.attested_firmware is None
