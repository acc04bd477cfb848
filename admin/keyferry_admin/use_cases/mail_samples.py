"""Every mail and letter with made-up facts, so that a vendor sees their words before a customer."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from keyferry_admin.use_cases.letter import Kind, letter
from keyferry_protocol.messages import language_in_use
from keyferry_service.domain.license import DAY, LicenseRecord
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import LIFE_S, Ticket
from keyferry_service.views.email import Email
from keyferry_service.views.email_texts import (
    Renewals,
    deactivation_email,
    refusal_email,
    renewal_email,
    replacement_email,
    response_email,
)
from keyferry_service.views.refusal_text import Vendor

NUMBER = "015120020093"
CODE = "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX"
YEAR_S = 365 * DAY

Sample = Callable[[Vendor, str, str, int], Email]


def sample(name: str, vendor: Vendor, product: str, page: str, now: int) -> Email:
    """The mail or letter of this name, in the current language and the vendor's words."""
    return SAMPLES[name](vendor, product, page, now)


def _response(kind: str) -> Sample:
    def email(vendor: Vendor, product: str, page: str, now: int) -> Email:
        ticket = replace(_ticket(product, now), kind=kind)
        link = f"{page}/api/responses/{'x' * 43}"
        return response_email(ticket, link, now + LIFE_S, vendor, page)

    return email


def _no_receipt(vendor: Vendor, product: str, page: str, now: int) -> Email:
    return deactivation_email(replace(_ticket(product, now), kind="deactivate"), vendor)


def _refused(vendor: Vendor, product: str, page: str, now: int) -> Email:
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2})
    return refusal_email(_ticket(product, now), refusal, vendor, page)


def _replaced(vendor: Vendor, product: str, page: str, now: int) -> Email:
    ticket = replace(_ticket(product, now), replaced_machine="LAB-03")
    return replacement_email(ticket, vendor)


def _renewed(vendor: Vendor, product: str, page: str, now: int) -> Email:
    renewals = Renewals("Acme-responses.zip", (NUMBER,), (product,), 30, (now + YEAR_S,))
    return renewal_email(renewals, f"{page}/api/responses/{'x' * 43}", now + LIFE_S, vendor)


def _letter(kind: Kind, code: str) -> Sample:
    def email(vendor: Vendor, product: str, page: str, now: int) -> Email:
        license = LicenseRecord(
            NUMBER,
            bytes(32),
            product,
            now,
            licensee="Acme",
            valid_until=now + YEAR_S,
            seats=2,
            first_issued_at=now,
        )
        return letter(license, code, vendor, page, kind)

    return email


def _ticket(product: str, now: int) -> Ticket:
    return Ticket(
        id="x" * 43,
        expires_at=now + LIFE_S,
        language=language_in_use(),
        file_name=f"{NUMBER}-7f3a-18.response",
        license_number=NUMBER,
        machine_name="LAB-07",
        product=product,
        seat=1,
        valid_until=now + YEAR_S,
        previous_valid_until=now,
        seats_used=1,
        seats=2,
    )


SAMPLES: Mapping[str, Sample] = {
    "ready": _response("activate"),
    "updated": _response("update"),
    "deactivated": _response("deactivate"),
    "no-receipt": _no_receipt,
    "refused": _refused,
    "replaced": _replaced,
    "renewed": _renewed,
    "license": _letter(Kind.LICENSE, CODE),
    "new-code": _letter(Kind.NEW_CODE, CODE),
    "license-again": _letter(Kind.AGAIN, ""),
}
