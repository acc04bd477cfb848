"""A ticket: one file's journey as the page shows it, with every fact for page and email."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from keyferry_protocol.request import Request
from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.license import DAY, LicenseRecord, Seat
from keyferry_service.domain.refusals import Refusal, RefusalRecord
from keyferry_service.domain.upload import Upload

LIFE_S = 7 * DAY  # as long as a mailed link
MAX_CHOICES = 50  # of seats on one ticket, with those that the page makes again after a reload
DOWNLOAD_URL_S = 60  # how long one click may take
REFUSAL_FILE = "refusal.json"
TICKET_ID = "[A-Za-z0-9_-]{43}"


class TicketState(StrEnum):
    """The stored states. `ready` is none of them: it is the existence of the response."""

    AWAITING_UPLOAD = "awaiting-upload"
    PROCESSING = "processing"
    REFUSED = "refused"


class EmailStatus(StrEnum):
    """What became of the ticket's email."""

    NONE = "none"
    PENDING = "pending"
    SENT = "sent"
    BOUNCED = "bounced"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """A response that is there, and a URL that downloads it; good for DOWNLOAD_URL_S.

    `text_form` is what a person may type instead; None where its request is not known.
    """

    data: bytes
    download_url: str
    text_form: bytes | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The seat that the person on the page chose on a refused ticket."""

    seat: int
    count: int  # which choice on this ticket it is, from 1
    at: int  # when it was made, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Ticket:
    """Times are seconds since 1970. Facts of a license are None until its request proved itself."""

    id: str
    expires_at: int
    state: TicketState = TicketState.AWAITING_UPLOAD
    email: str | None = None
    language: str = "en"
    email_status: EmailStatus = EmailStatus.NONE
    link_expires_at: int | None = None
    version_id: str | None = None
    uploaded_at: int | None = None
    request_sha256: str | None = None
    file_name: str = REFUSAL_FILE
    kind: str | None = None
    license_number: str | None = None
    machine_name: str = ""
    product: str = ""
    edition: str = ""
    seat: int | None = None
    valid_until: int | None = None
    previous_valid_until: int | None = None
    is_verifiable: bool = True  # False for a receipt that its application would call a forgery
    seats_used: int | None = None  # right after its own answer; unknown for a repeated one
    seats: int | None = None
    refusal: Refusal | None = None
    choice: Choice | None = None  # the last one
    decided: int = 0  # the count of the last choice that was decided on
    chosen_at: int | None = None  # when the choice was made that `refusal` answers
    contact: str | None = None  # who is still to be told that the seat was another computer's
    replaced_machine: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a file has its answer on this ticket, so that it is only handed out again."""
        return self.state is not TicketState.AWAITING_UPLOAD

    @property
    def is_undecided(self) -> bool:
        """Whether a seat was chosen, and its request has not been decided anew."""
        is_refused = self.state is TicketState.REFUSED
        return is_refused and self.choice is not None and self.choice.count > self.decided

    @property
    def offered_seats(self) -> tuple[int, ...]:
        """The seats of which the person on the page may choose one."""
        return self.refusal.offered_seats if self.refusal else ()

    @property
    def has_chosen_too_often(self) -> bool:
        """Whether a refused file can be decided anew only on another ticket."""
        is_refused = self.state is TicketState.REFUSED
        return is_refused and self.choice is not None and self.choice.count >= MAX_CHOICES

    def next_choice(self, seat: int, now: int) -> Choice:
        """The choice of this seat, the first one or another one.

        Later than what it follows: by its time the event of its refusal is known from any other.
        """
        if self.choice is None:
            return Choice(seat, 1, max(now, (self.uploaded_at or 0) + 1))
        return Choice(seat, self.choice.count + 1, max(now, self.choice.at + 1))

    def decided_on(self, choice: Choice | None) -> "Ticket":
        """The ticket once its request was decided anew. Of a choice, only an answer is emailed."""
        if choice is None:
            return self
        if self.refusal is not None:
            last = choice.count >= MAX_CHOICES
            refusal = self.refusal.offering_none if last else self.refusal
            return replace(self, refusal=refusal, decided=choice.count, chosen_at=choice.at)
        status = EmailStatus.NONE if self.email is None else EmailStatus.PENDING
        return replace(self, decided=choice.count, email_status=status)

    def with_upload(self, upload: Upload) -> "Ticket":
        """The ticket once this file arrived on it."""
        return replace(self, version_id=upload.version_id, uploaded_at=upload.at)

    def answered(
        self,
        response: ResponseBody,
        machine_name: str,
        previous_valid_until: int | None,
        *,
        is_verifiable: bool = True,
    ) -> "Ticket":
        """The ticket once its request was granted."""
        return replace(
            self,
            state=TicketState.PROCESSING,
            refusal=None,
            request_sha256=response.request_sha256,
            file_name=response.file_name,
            kind=response.kind,
            license_number=response.license.number,
            machine_name=machine_name,
            product=response.license.product,
            edition=response.license.edition,
            seat=response.seat,
            valid_until=response.license.valid_until,
            previous_valid_until=previous_valid_until,
            is_verifiable=is_verifiable,
        )

    def with_seats_of(self, license: LicenseRecord) -> "Ticket":
        """The ticket with the seats of the license as its own answer left them."""
        return replace(self, seats_used=license.seats_used, seats=license.seats)

    def with_replaced(self, seat: Seat, contact: str) -> "Ticket":
        """The ticket with the computer that its answer took the seat from, and whom to tell."""
        return replace(self, contact=contact or None, replaced_machine=seat.machine_name)

    def refused(self, request: Request | None, refusal: Refusal) -> "Ticket":
        """The ticket once its file was refused; no license is named before the proof."""
        proven = request if refusal.is_proven else None
        return replace(
            self,
            state=TicketState.REFUSED,
            file_name=REFUSAL_FILE,
            refusal=refusal,
            request_sha256=proven.sha256 if proven else None,
            kind=proven.kind if proven else None,
            license_number=proven.license_number if proven else None,
            machine_name=proven.machine.name if proven else "",
        )

    @property
    def refusal_record(self) -> RefusalRecord | None:
        """What is kept of the refusal; None before the proof, when anyone could have written it."""
        if self.refusal is None or self.license_number is None:
            return None
        return RefusalRecord(
            license_number=self.license_number,
            at=self.chosen_at or self.uploaded_at or 0,
            kind=self.kind or "",
            machine_name=self.machine_name,
            ticket=ticket_prefix(self.id),
            refusal=self.refusal.without_seats,
        )


def new_ticket_id(token_urlsafe: Callable[[int], str]) -> str:
    """An id that nobody can guess, whose prefix no command line takes for an option."""
    while (ticket_id := token_urlsafe(32)).startswith("-"):
        continue
    return ticket_id


def ticket_prefix(ticket_id: str) -> str:
    """Enough of a ticket's id to follow it through the logs, and too little to use it."""
    return ticket_id[:8]
