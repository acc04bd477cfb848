"""Licenses as the vendor sells them; no activation code is ever stored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

from keyferry_admin.errors import NoSuchLicense, NumberInUse
from keyferry_admin.use_cases.terms import check_terms
from keyferry_protocol.activation import activation_key, new_activation_code
from keyferry_service.adapters.licenses_dynamodb import LicenseExists, Licenses
from keyferry_service.domain.license import LicenseRecord


class Terms(TypedDict, total=False):
    """What may be said of a new license; what is left out has `License`'s default."""

    licensee: str
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
class Created:
    """A license and its activation code (30 symbols), which is known here and nowhere else."""

    license: LicenseRecord
    activation_code: str


def create(
    licenses: Licenses, product: str, now: int, number: str | None = None, **terms: Unpack[Terms]
) -> Created:
    """Make a license that begins now. Raises BadTerms, or NumberInUse for a number asked for."""
    while True:
        drawn = number or f"{secrets.randbelow(10**12):012}"
        code = new_activation_code(drawn)
        public = activation_key(code, drawn).public
        license = LicenseRecord(drawn, public, product, valid_from=now, **terms)
        check_terms(license)
        try:
            licenses.create(license)
        except LicenseExists as error:
            if number is None:
                continue  # one in a million million
            raise NumberInUse(f"There is a license {number} already") from error
        return Created(license, code)


def find(licenses: Licenses, number: str) -> LicenseRecord:
    """The license of this number. Raises NoSuchLicense."""
    license = licenses.get(number)
    if license is None:
        raise NoSuchLicense(f"There is no license {number}")
    return license
