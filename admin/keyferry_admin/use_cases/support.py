"""What a support person needs of a license while its customer is on the telephone."""

from dataclasses import dataclass

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.letter import request_command
from keyferry_protocol.messages import message
from keyferry_service.adapters.emails_dynamodb import MailCounts
from keyferry_service.domain.allocate import refuse_new_seat
from keyferry_service.domain.decide import refuse_any
from keyferry_service.domain.license import LicenseRecord, Seat
from keyferry_service.domain.refusals import RefusalCode, RefusalRecord
from keyferry_service.views.refusal_text import Vendor, say_refusal


@dataclass(frozen=True, slots=True)
class Support:
    """A license, its seats in use by number, its refusals newest first, its mails."""

    license: LicenseRecord
    seats: tuple[Seat, ...]
    refusals: tuple[RefusalRecord, ...]
    mails: MailCounts
    next_move_at: int | None  # None while moves are left, or if none will ever be
    next_steps: tuple[str, ...]  # for the customer, word for word


def find_support(stack: Stack, number: str, now: int) -> Support:
    """All of it, read now. Raises NoSuchLicense."""
    license = licenses.find(stack.licenses, number)
    taken = (seat for seat in stack.licenses.seats(number) if seat.taken)
    vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))
    left = license.moves_left(now)
    return Support(
        license=license,
        seats=tuple(sorted(taken, key=lambda seat: seat.number)),
        refusals=tuple(stack.refusals.of_license(number, now)),
        mails=stack.emails.mail_counts(number, now),
        next_move_at=None if left else license.next_move_at(now),
        next_steps=next_steps(license, vendor, stack.output("PageUrl"), now),
    )


def next_steps(license: LicenseRecord, vendor: Vendor, page: str, now: int) -> tuple[str, ...]:
    """What a customer who wants one more computer does next, by the service's own rules."""
    refusal = refuse_any(license, now) or refuse_new_seat(license, now)
    if refusal is not None:
        words = say_refusal(refusal, "en", vendor)
        sentence = f"{words.title}. {words.next_step}"
        if refusal.code is RefusalCode.NO_SEATS_LEFT and license.moves_left(now):
            return (sentence, message("refusals.no-seats-left.on-page", page=page))
        return (sentence,)
    return (
        message("letter.install", product=license.product),
        request_command(license),
        f"{message('letter.page')} {page}",
    )
