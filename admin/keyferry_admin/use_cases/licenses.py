"""Creates and finds licenses. Activation codes are never stored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

from keyferry_admin.errors import NoSuchLicense, NumberInUse
from keyferry_admin.use_cases.terms import check_terms
from keyferry_protocol.activation import activation_key, new_activation_code
from keyferry_service.adapters.licenses_dynamodb import LicenseExists, Licenses
from keyferry_service.adapters.retries import Conflict
from keyferry_service.domain.license import LicenseRecord


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
    while True:
        candidate = number or f"{secrets.randbelow(10**12):012}"
        code = new_activation_code(candidate)
        public = activation_key(code, candidate).public
        license = LicenseRecord(candidate, public, product, valid_from=now, **terms)
        check_terms(license)
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
    """The license with this number. Raises NoSuchLicense."""
    license = licenses.get(number)
    if license is None:
        raise NoSuchLicense(f"There is no license {number}")
    return license
