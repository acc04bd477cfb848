"""Licenses, machines and signed requests for tests; each shows only what matters to its case."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from keyferry_protocol.activation import activation_key
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.components import COMPONENTS, ComponentHashes, hash_components
from keyferry_protocol.envelope import REQUEST, seal
from keyferry_protocol.keys import Ed25519Signer, Signer
from keyferry_protocol.request import (
    Dongle,
    HashedMachine,
    Product,
    Request,
    RequestBody,
    parse_request,
)
from keyferry_service.domain.license import LicenseRecord, Seat
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.support.samples import BARE_CODE, DAY, NOW, NUMBER, PRODUCT

ACTIVATION = activation_key(BARE_CODE, NUMBER)
VENDOR = Ed25519Signer(b"vendor's signing key............")
SERVICE_KEY = SigningKey(VENDOR.keyid, VENDOR.alg, VENDOR.public, KeyStatus.ACTIVE, pem="test.pem")


def a_key(name: str) -> Ed25519Signer:
    """A key that is the same for the same name."""
    return Ed25519Signer(sha256(name.encode()).digest())


@dataclass(frozen=True)
class Computer:
    """A computer, and the device key that it has now; `changed` parts are new ones."""

    name: str = "LAB-07"
    user: str = "anna"
    installation: int = 1
    parts: tuple[str, ...] = tuple(COMPONENTS)
    changed: tuple[str, ...] = ()
    environment: str = "physical"
    dongle: Signer | None = field(default=None, compare=False)

    @property
    def device(self) -> Ed25519Signer:
        return a_key(f"{self.name} {self.installation}")

    @property
    def load_key(self) -> Ed25519Signer:
        return a_key(f"{self.name} {self.installation}, load")

    def reinstalled(self) -> "Computer":
        """The same computer after its system was set up afresh: a new key, new soft parts."""
        return replace(self, installation=self.installation + 1, changed=("os_id", "disk_serial"))

    def components(self, protection: str) -> ComponentHashes:
        new = {part: "new " if part in self.changed else "" for part in self.parts}
        values = {part: [f"{prefix}{part} of {self.name}"] for part, prefix in new.items()}
        return hash_components(NUMBER, {**values, "user": [self.user]}, protection)


LAB_07 = Computer("LAB-07")
LAB_08 = Computer("LAB-08")


def a_license(**changes: Any) -> LicenseRecord:
    """One seat, a year to go, every protection allowed."""
    terms = {
        "edition": "Professional",
        "features": {"solver": True, "threads": 16},
        "licensee": "Nordhaven Pilot Plant",
        "valid_until": NOW + 365 * DAY,
    }
    license = LicenseRecord(NUMBER, ACTIVATION.public, PRODUCT, valid_from=NOW - DAY)
    return replace(license, **{**terms, **changes})


def a_seat(computer: Computer = LAB_07, number: int = 1, **changes: Any) -> Seat:
    """A taken seat, as the first answer to this computer left it."""
    protection = changes.get("protection", "machine")
    seat = Seat(
        number=number,
        taken=True,
        protection=protection,
        device_key=computer.device.public,
        load_key=None if protection == "dongle" else computer.load_key.public,
        components=computer.components(protection),
        machine_name=computer.name,
        since=NOW - DAY,
        serial=number,
        last_request_serial=0,
        last_response_at=NOW - DAY,
        request_sha256="0" * 64,
        issued=(number,),
        valid_until=NOW + 100 * DAY,
        dongle_keyid=computer.dongle.keyid if computer.dongle else None,
    )
    return replace(seat, **changes)


def a_request_file(
    computer: Computer = LAB_07,
    kind: str = "activate",
    *,
    activation: Signer = ACTIVATION,
    signers: tuple[Signer, ...] | None = None,
    **changes: Any,
) -> bytes:
    """A signed request file of this computer."""
    protection = changes.pop("protection", "dongle" if computer.dongle else "machine")
    dongle = computer.dongle
    body = RequestBody(
        id=changes.pop("id", sha256(f"{computer} {kind} {changes}".encode()).hexdigest()[:32]),
        kind=kind,
        created_at=NOW - 60,
        license_number=NUMBER,
        product=Product(PRODUCT, "4.2.0"),
        protection=protection,
        device_key=computer.device.public,
        load_key=None if protection == "dongle" else computer.load_key.public,
        machine=HashedMachine(
            computer.name, "Windows 11", computer.environment, computer.components(protection)
        ),
        dongle=Dongle(ED25519, dongle.public, "Token", "1") if dongle else None,
        replaces_seat=None,
        choose_seat=False,
        last_serial=0,
        trusts=(VENDOR.keyid,),
        client="keyferry 1.0.0",
    )
    body = replace(body, **changes)
    if signers is None:
        proofs = [computer.device, activation if kind == "activate" else None, dongle]
        signers = tuple(signer for signer in proofs if signer is not None)
    return seal(REQUEST, body.to_bytes(), signers)


def a_request(computer: Computer = LAB_07, kind: str = "activate", **changes: Any) -> Request:
    """The same, read."""
    return parse_request(a_request_file(computer, kind, **changes))
