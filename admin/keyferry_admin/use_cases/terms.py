"""Checks the terms of a license: they must fit into a response and not contradict one another."""

import re
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.use_cases.vendor_facts import check_vendor_facts
from keyferry_protocol.algorithms import DONGLE_ALGORITHMS
from keyferry_protocol.components import (
    COMPONENTS_BY_PROTECTION,
    LICENSABLE_ENVIRONMENTS,
    PROTECTIONS,
)
from keyferry_protocol.encoding import free_text
from keyferry_protocol.envelope import MAX_PAE, REQUEST, RESPONSE, Envelope, pae
from keyferry_protocol.request import Dongle, HashedMachine, Product, Request, non_empty_text
from keyferry_protocol.strict_json import MAX_INTEGER
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.license import LicenseRecord, Seat

MAX_DAYS = 36_500  # a hundred years
MAX_COUNT = 1_000_000
DATES = ("valid_until", "maintenance_until")  # terms that are a time
_FEATURE_NAME = re.compile("[a-z0-9_.-]{1,40}")


@dataclass(frozen=True, slots=True)
class Period:
    """`+1y` or `+30d`: that much after the present date, or after today if that is later."""

    years: int = 0
    days: int = 0

    def after(self, seconds: int) -> int:
        """The last second (UTC) of the day that much later. Raises BadTerms."""
        start = datetime.fromtimestamp(seconds, UTC)
        year = start.year + self.years
        day = min(start.day, monthrange(year, start.month)[1])  # 29 February has no next year
        try:
            end = start.replace(year, start.month, day, 23, 59, 59, 0) + timedelta(self.days)
        except (ValueError, OverflowError) as error:
            raise BadTerms("That is later than the year 9999", "Use an earlier date.") from error
        return int(end.timestamp())


def date_of(date: int | Period | None, present: int | None, now: int) -> int | None:
    """The time, in seconds since 1970, that a date or a period means. Raises BadTerms."""
    return date.after(max(present or now, now)) if isinstance(date, Period) else date


def check_terms(license: LicenseRecord) -> None:
    """Raises BadTerms for terms that no offline machine can read, or that never apply."""
    _check_texts(license)
    check_vendor_facts(license)
    _check_numbers(license)
    for name, value in license.features.items():
        if not _FEATURE_NAME.fullmatch(name):
            raise BadTerms(
                f"The feature name {name!r} has other characters than a-z, 0-9, _ . - or is longer"
                " than 40"
            )
        if value is not True and not 1 <= value <= MAX_INTEGER:
            raise BadTerms(f"The limit of the feature {name} is not a whole number from 1")
    if not license.protections or set(license.protections) - set(PROTECTIONS):
        raise BadTerms(f"A protection is one of {', '.join(PROTECTIONS)}")
    if set(license.environments) - set(LICENSABLE_ENVIRONMENTS):
        raise BadTerms(f"An environment is one of {', '.join(LICENSABLE_ENVIRONMENTS)}")
    if license.valid_until is not None and license.valid_until <= license.valid_from:
        raise BadTerms("The license would end before it begins")
    if (size := largest_response(license)) > MAX_PAE:
        raise BadTerms(
            f"A response of this license could have {size} bytes; {MAX_PAE} can be signed",
            "Shorten its texts or grant fewer features.",
        )


def check_agreement(license: LicenseRecord, names: Collection[str], now: int) -> None:
    """Raises BadTerms if the terms of these names have no effect, or have passed already."""
    if "grace_days" in names and license.lease_days is None:
        raise BadTerms(
            "Grace begins when a lease runs out, and this license has no lease",
            "Add --lease DAYS, or omit --grace.",
        )
    if "valid_until" in names or "trial_days" in names:
        _check_end(license, names, now)
    updates = license.maintenance_until
    if "maintenance_until" in names and updates is not None and updates <= now:
        raise BadTerms(
            "Maintenance would have ended already",
            "Use today or a later day with --maintenance-until.",
        )


def _check_end(license: LicenseRecord, names: Collection[str], now: int) -> None:
    end = end_if_used(license, now)
    if end is not None and end <= now:
        raise BadTerms(
            "The license would have ended already",
            f"Use a later day. To stop it: keyferry-admin license suspend {license.number}",
        )
    if license.trial_days is None or "trial_days" in names or license.valid_until == end:
        return
    raise BadTerms(
        f"The license is a trial of {license.trial_days} days, so it would end before that",
        f"To sell it: keyferry-admin license change {license.number} --trial none --until DATE."
        " For a longer trial: --trial DAYS.",
    )


def end_if_used(license: LicenseRecord, now: int) -> int | None:
    """When the license ends; for a trial that no one has started, as if it started now."""
    return license.issued(license.revision, now).ends_at


def _check_texts(license: LicenseRecord) -> None:
    texts = {"edition": license.edition, "product": license.product}
    for name, text in texts.items():
        try:
            non_empty_text(text) if name == "product" else free_text(text)
        except ValueError as error:
            raise BadTerms(f"The {name} {error}") from error


def _check_numbers(license: LicenseRecord) -> None:
    for name, value, least, most in [
        ("number of seats", license.seats, 1, MAX_COUNT),
        ("number of moves a year", license.moves_per_year, 0, MAX_COUNT),
        ("lease in days", license.lease_days, 1, MAX_DAYS),
        ("grace in days", license.grace_days, 0, MAX_DAYS),
        ("trial in days", license.trial_days, 1, MAX_DAYS),
    ]:
        if value is not None and not least <= value <= most:
            raise BadTerms(f"The {name} is not from {least} to {most}")


def largest_response(license: LicenseRecord) -> int:
    """The size, in bytes, of the largest PAE that could be signed for this license."""
    return max(_signed_bytes(license, protection) for protection in license.protections)


def _signed_bytes(license: LicenseRecord, protection: str) -> int:
    key = bytes(32)
    components = {
        component.name: ("0" * 24,) * component.max_hashes
        for component in COMPONENTS_BY_PROTECTION[protection]
    }
    request = Request(
        id="0" * 32,
        kind="activate",  # "deactivate" is longer, but a receipt has no features
        created_at=license.valid_from,
        license_number=license.number,
        product=Product(license.product, ""),
        protection=protection,
        device_key=key,
        load_key=None if protection == "dongle" else key,
        machine=HashedMachine("", "", "physical", components),
        dongle=_largest_dongle() if protection == "dongle" else None,
        replaces_seat=None,
        choose_seat=False,
        last_serial=0,
        trusts=(),
        client="",
        envelope=Envelope(REQUEST, b"", ()),
    )
    late = license.valid_from
    seat = Seat(
        number=MAX_INTEGER,
        taken=True,
        protection=protection,
        device_key=key,
        load_key=request.load_key,
        components=components,
        machine_name="",
        since=late,
        serial=MAX_INTEGER,
        last_request_serial=0,
        last_response_at=late,
        valid_until=late,
    )
    grant = Grant(replace(license, revision=MAX_INTEGER), seat, GrantRule.NEW_SEAT)
    return len(pae(RESPONSE, response_to(request, grant, late).to_bytes()))


def _largest_dongle() -> Dongle:
    largest = max(DONGLE_ALGORITHMS.values(), key=lambda algorithm: algorithm.public_bytes)
    return Dongle(largest.name, bytes(largest.public_bytes), "😀" * 64, "😀" * 64)
