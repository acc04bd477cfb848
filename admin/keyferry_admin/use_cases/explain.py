"""Says what the service answers to a request file now, and why. Reads, and writes nothing."""

import re
from dataclasses import dataclass, replace

from keyferry_admin.errors.licenses import AmbiguousTicket, NoSuchLicense, NoSuchTicket
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.change_license import retry_on_conflict
from keyferry_admin.use_cases.remedies import Case, Refused, Remedy, refused
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.errors import KeyferryError, NotAuthentic
from keyferry_protocol.request import Request, parse_request, verify_proofs
from keyferry_service.adapters.files_s3 import FileGone
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord
from keyferry_service.domain.proof import read_request, refuse_unproven
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.signing_keys import are_too_old
from keyferry_service.domain.ticket import Ticket, ticket_prefix
from keyferry_service.views.refusal_text import show_date

ANSWERED_BEFORE = "answered-before"
_TICKET = re.compile(r"(?:\S*#t=)?(?P<id>[A-Za-z0-9_-]{8,43})")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the service answers to a file now: a refusal, or a response for a seat."""

    rule: str  # the refusal's code, or the rule that gave the seat
    why: str
    remedies: tuple[Remedy, ...] = ()
    refusal: Refusal | None = None
    request: Request | None = None  # None for a file that is none
    license: LicenseRecord | None = None  # None unless there is one with the request's number
    seat: int | None = None
    moves_left: int | None = None  # after the response
    is_verifiable: bool = True  # False for a receipt that its application would reject
    ticket: Ticket | None = None  # of the page, if the file came from there


def looks_like_a_ticket(text: str) -> bool:
    """Whether this is a ticket's id, at least 8 characters of it, or its address on the page."""
    return _TICKET.fullmatch(text) is not None


def explain_ticket(stack: Stack, text: str, now: int) -> Explanation:
    """Explain the file that came on a ticket. Raises NoSuchTicket, AmbiguousTicket."""
    match = _TICKET.fullmatch(text)
    beginning = match["id"] if match else text
    uploads = stack.files.uploads(beginning)
    tickets = {upload.ticket_id for upload in uploads}
    if len(tickets) > 1:
        raise AmbiguousTicket(f"{len(tickets)} tickets begin with {beginning}")
    shown = ticket_prefix(beginning)
    if not uploads:
        raise NoSuchTicket(f"No file came on a ticket {shown}... in the last 30 days")
    ticket = stack.tickets.get(uploads[0].ticket_id, now)
    answered = [each for each in uploads if ticket and each.version_id == ticket.version_id]
    upload = (answered or uploads)[0]
    try:
        file = stack.files.read(upload.ticket_id, upload.version_id)
    except FileGone as error:
        raise NoSuchTicket(f"The file of the ticket {shown}... is gone") from error
    chosen = ticket.choice.seat if ticket is not None and ticket.choice is not None else None
    return replace(explain_file(stack, file, now, chosen), ticket=ticket)


def explain_file(
    stack: Stack, file: bytes, now: int, chosen_seat: int | None = None
) -> Explanation:
    """Explain a request file: the reading, the proofs, and the decision are the service's own.

    `chosen_seat` is the seat that the person on the page chose last.
    """
    request = read_request(file)
    if isinstance(request, Refusal):
        return _explain_unread(file, request)
    no_ticket = stack.tickets.get_item_for("")
    snapshot, _ = retry_on_conflict(
        lambda: stack.decisions.look_up(request, no_ticket, chosen_seat)
    )
    license = snapshot.license
    unproven = refuse_unproven(request, license)
    if unproven is not None or license is None:
        return _explain_unproven(stack, request, license)
    snapshot = stack.decisions.read_unread_seats(request.license_number, snapshot)
    keys = stack.signing_keys.all()
    return explain_proven(Case(request, snapshot, license, keys, now, chosen_seat))


def explain_proven(case: Case) -> Explanation:
    """Explain a request whose proofs hold."""
    request, license = case.request, case.license
    is_verifiable = not are_too_old(request.trusts, case.keys)
    no_receipt = "" if is_verifiable else _NO_RECEIPT.format(product=license.product)
    match decide(request, case.snapshot, case.keys, case.now, case.chosen_seat):
        case Refusal() as refusal:
            rule = refused(case, refusal)
            code = refusal.code.value
            return Explanation(code, rule.why, rule.remedies, refusal, request, license)
        case LedgerEntry() as entry:
            issued = show_date(response_in(entry).issued_at)
            return Explanation(
                ANSWERED_BEFORE,
                f"This very file was answered on {issued}. "
                + (no_receipt or "It gets the same response again."),
                request=request,
                license=license,
                seat=entry.seat,
                moves_left=license.moves_left(case.now),
                is_verifiable=is_verifiable,
            )
        case Grant() as grant:
            why = _WHY[grant.rule]
            if grant.rule is GrantRule.REPLACED_SEAT and case.request.replaces_seat is None:
                why = _CHOSEN
            return Explanation(
                grant.rule.value,
                f"{why.format(seat=grant.seat.number)} {no_receipt}".rstrip(),
                request=request,
                license=license,
                seat=grant.seat.number,
                moves_left=grant.license.moves_left(case.now),
                is_verifiable=is_verifiable,
            )


_NO_RECEIPT = (
    "The customer gets no receipt: that version of {product} trusts no active key, and would"
    " reject it. There is nothing to install."
)
_CHOSEN = "The person on the page chose the computer of seat {seat} as lost or broken: a move."
_WHY = {
    GrantRule.OWN_KEY: "Seat {seat} is this computer's or dongle's own.",
    GrantRule.BOUND_AGAIN: "Seat {seat} has this key, but the computer has changed too much: it is"
    " bound again, which is a move.",
    GrantRule.LOAD_KEY: "Seat {seat} is this computer's own. Without its administrator, it gets"
    " today's terms and nothing else.",
    GrantRule.SAME_MACHINE: "Seat {seat} was this computer's under another key, as before a"
    " reinstall: it is taken again, which is a move.",
    GrantRule.REPLACED_SEAT: "The request replaces the computer of seat {seat}, which is a move.",
    GrantRule.NEW_SEAT: "Seat {seat} is free.",
    GrantRule.FREED_SEAT: "This computer or dongle gives seat {seat} back.",
}


def _explain_unread(file: bytes, refusal: Refusal) -> Explanation:
    detail = _reading_error(file)
    if refusal.code is RefusalCode.UNSUPPORTED_VERSION:
        why = "The file was made by a later version than this service knows."
        remedy = Remedy("Deploy the release of Keyferry that your application has.", "make deploy")
    elif refusal.variant:
        why = "This is a response file, not a request."
        remedy = Remedy("The customer installs it on the offline computer.")
    else:
        why = f"The file is no request that can be read: {detail}"
        remedy = Remedy("The customer copies the file again, without opening it in an editor.")
    return Explanation(refusal.code.value, why, (remedy,), refusal)


def _reading_error(file: bytes) -> str:
    try:
        parse_request(file)
    except KeyferryError as error:
        return str(error)
    return ""


def _explain_unproven(stack: Stack, request: Request, license: LicenseRecord | None) -> Explanation:
    if license is None:
        rule = _wrong_number(stack, request)
    else:
        rule = _wrong_proof(stack, request, license)
    refusal = Refusal(RefusalCode.NOT_AUTHENTIC)
    return Explanation(refusal.code.value, rule.why, rule.remedies, refusal, request, license)


def _wrong_number(stack: Stack, request: Request) -> Refused:
    number = show_license_number(request.license_number)
    remedies = [Remedy("The customer compares the number with the license letter.")]
    try:
        licenses.find(stack.licenses, request.license_number)
    except NoSuchLicense as error:
        if error.facts["nearest"]:
            remedies.insert(0, Remedy(error.next_step))
    product = request.product.name
    remedies.append(Remedy(f"If {product} is not yours, the file is for another vendor."))
    return Refused(f"You sold no license {number}; the file is from {product}.", tuple(remedies))


def _wrong_proof(stack: Stack, request: Request, license: LicenseRecord) -> Refused:
    """Which proof fails: the file itself, or the activation code."""
    own = replace(request, kind="update") if request.kind == "activate" else request
    try:
        verify_proofs(own, None)
    except NotAuthentic:
        copy = Remedy("The customer makes a new request, and copies the file unchanged.")
        return Refused("The file was changed after it was made: a signature fails.", (copy,))
    replaced = [c.at for c in stack.licenses.changes(license.number) if c.what == "new-code"]
    since = f" You replaced the code on {show_date(replaced[-1])}." if replaced else ""
    return Refused(
        f"The request was not made with this license's activation code.{since}",
        (
            Remedy("The customer compares number and code with the license letter."),
            Remedy(
                "Send a new code; the old one no longer works then.",
                f"keyferry-admin license new-code {license.number}",
            ),
        ),
    )
