"""Creates and finds licenses. Activation codes are never stored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypedDict, Unpack

from botocore.exceptions import ClientError

from keyferry_admin.errors.licenses import AlreadyRevoked, NoSuchLicense, NumberInUse
from keyferry_admin.use_cases.terms import check_agreement, check_terms
from keyferry_protocol.activation import activation_key, new_activation_code, show_license_number
from keyferry_service.adapters.licenses_dynamodb import LicenseExists, Licenses
from keyferry_service.adapters.retries import Conflict
from keyferry_service.domain.license import LicenseRecord, Status

_NEAR = 0.8  # share of digits in the same order: one mistyped digit, or two swapped


class Terms(TypedDict, total=False):
    """The terms of a new license. Missing ones have the defaults of `LicenseRecord`."""

    licensee: str
    contact: str
    reference: str
    note: str
    labels: tuple[str, ...]
    edition: str
    features: Mapping[str, bool | int]
    trial_days: int | None
    valid_until: int | None
    maintenance_until: int | None
    lease_days: int | None
    grace_days: int
    protections: tuple[str, ...]
    environments: tuple[str, ...]
    seats: int
    moves_per_year: int


@dataclass(frozen=True, slots=True)
class LicenseWithCode:
    """A license and its activation code (30 symbols), which is never stored."""

    license: LicenseRecord
    activation_code: str


def create(
    licenses: Licenses, product: str, now: int, number: str | None = None, **terms: Unpack[Terms]
) -> LicenseWithCode:
    """Create a license that is valid immediately. Raises BadTerms or NumberInUse."""
    chosen = [name for name, value in terms.items() if value is not None]
    while True:
        candidate = number or f"{secrets.randbelow(10**12):012}"
        code = new_activation_code(candidate)
        public = activation_key(code, candidate).public
        license = LicenseRecord(candidate, public, product, valid_from=now, **terms)
        check_terms(license)
        check_agreement(license, chosen, now)
        try:
            licenses.create(license)
        except LicenseExists as error:
            if number is None:
                continue  # the odds are one in 10**12 for each license
            raise NumberInUse(f"There is a license {number} already") from error
        except Conflict:
            continue  # someone makes a license with this very number
        return LicenseWithCode(license, code)


def find(licenses: Licenses, number: str) -> LicenseRecord:
    """The license with this number. Raises NoSuchLicense, which tells the nearest numbers."""
    license = licenses.get(number)
    if license is None:
        raise _no_such_license(licenses, number)
    return license


def find_changeable(licenses: Licenses, number: str) -> LicenseRecord:
    """The license with this number. Raises NoSuchLicense or AlreadyRevoked.

    Key sets in applications may list a revoked license for good.
    """
    license = find(licenses, number)
    if license.status is Status.REVOKED:
        raise AlreadyRevoked(f"The license {number} was revoked for good")
    return license


def _no_such_license(licenses: Licenses, number: str) -> NoSuchLicense:
    try:
        sold = {license.number: license for license in licenses.sold()}
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        sold = {}  # the table of an older release has no index yet
    nearest = [sold[near] for near in get_close_matches(number, sold, cutoff=_NEAR)]
    whose = [_whose(license) for license in nearest]
    return NoSuchLicense(
        f"There is no license {number}",
        f"Nearest: {'; '.join(whose)}. {NoSuchLicense.next_step}" if nearest else "",
        nearest=[license.number for license in nearest],
    )


def _whose(license: LicenseRecord) -> str:
    names = [name for name in (license.licensee, license.product) if name]
    return f"{show_license_number(license.number)} ({', '.join(names)})"
