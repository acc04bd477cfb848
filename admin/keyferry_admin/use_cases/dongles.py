"""The dongles that a license may be used with, registered from files."""

from dataclasses import replace

from keyferry_admin.errors.licenses import (
    BadAttestation,
    BadDongle,
    DongleExists,
    DongleInUse,
    NoSuchDongle,
)
from keyferry_admin.use_cases.attestation import Attestation
from keyferry_admin.use_cases.change_license import next_revision, retry_on_conflict
from keyferry_admin.use_cases.licenses import find_changeable
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.errors import BadJson, KeyferryError
from keyferry_protocol.request import Dongle, parse_dongle, parse_request
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, RegisteredDongle


def parse_dongle_file(data: bytes, number: str) -> Dongle:
    """The dongle of a public key file, or of a request made with it. Raises BadDongle.

    The proofs of a request are not verified: the service refuses a request that is signed with
    an unregistered key.
    """
    try:
        document = parse_json(data)
        if not isinstance(document, dict) or "payloadType" not in document:
            return _require_dongle(parse_dongle(JsonObject({"dongle": document}), "dongle"))
        request = parse_request(data)
    except (BadJson, InvalidMember) as error:
        raise BadDongle(f"This file describes no dongle: {error}") from error
    except KeyferryError as error:
        raise BadDongle(f"This request file cannot be read: {error}") from error
    if request.license_number != number:
        other = show_license_number(request.license_number)
        raise BadDongle(f"This request file is for license {other}", "Name that license.")
    return _require_dongle(request.dongle)


def add(
    licenses: Licenses, number: str, dongle: Dongle, attestation: Attestation | None = None
) -> tuple[LicenseRecord, RegisteredDongle]:
    """Register a dongle for the license.

    With an attestation, model and serial number are those that it proves, not those that the
    customer wrote. Raises NoSuchLicense, AlreadyRevoked, DongleExists or BadAttestation.
    """
    registered = RegisteredDongle(
        dongle.keyid, dongle.alg, dongle.public, dongle.model, dongle.serial
    )
    if attestation is not None:
        if attestation.public != dongle.public:
            raise BadAttestation("The attestation is for another key")
        registered = replace(
            registered,
            model="YubiKey",
            serial=attestation.serial,
            attested_firmware=attestation.firmware,
        )

    def attempt() -> LicenseRecord:
        before = find_changeable(licenses, number)
        if any(each.keyid == dongle.keyid for each in licenses.dongles(number)):
            raise DongleExists(f"The dongle {dongle.keyid} is registered already")
        after = next_revision(before, before)
        licenses.add_dongle(before, after, registered)
        return after

    return retry_on_conflict(attempt), registered


def remove(licenses: Licenses, number: str, keyid: str) -> RegisteredDongle:
    """Remove a dongle that has no seat. Raises NoSuchDongle, DongleInUse or AlreadyRevoked."""

    def attempt() -> RegisteredDongle:
        before = find_changeable(licenses, number)
        dongle = find_removable(licenses, number, keyid)
        licenses.remove_dongle(before, next_revision(before, before), keyid)
        return dongle

    return retry_on_conflict(attempt)


def find_removable(licenses: Licenses, number: str, keyid: str) -> RegisteredDongle:
    """The dongle, if it has no seat. Raises NoSuchDongle or DongleInUse."""
    for dongle in licenses.dongles(number):
        if dongle.keyid != keyid:
            continue
        if dongle.seat is not None:
            raise DongleInUse(
                f"The dongle {keyid} has seat {dongle.seat}",
                "Deactivate it where it is plugged in, or free its seat first:  "
                f"keyferry-admin seat release {number} {dongle.seat}",
                seat=dongle.seat,
            )
        return dongle
    raise NoSuchDongle(f"The license {number} has no dongle {keyid}")


def _require_dongle(dongle: Dongle | None) -> Dongle:
    if dongle is None:
        raise BadDongle("This request was made without a dongle")
    return dongle
