"""Answer a request file: read, decide, record, sign, hand out."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import RLock

from keyferry_protocol.request import Request
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.queue_sqs import ChosenSeat
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets, ticket_from_item
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide, refuse_unknown_keys
from keyferry_service.domain.ledger import entry_for, response_in, response_to
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.proof import read_request, refuse_unproven
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.signing_keys import SigningKey, are_too_old
from keyferry_service.domain.ticket import REFUSAL_FILE, Choice, EmailStatus, Ticket, TicketState
from keyferry_service.domain.upload import Upload
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.outcome import Answered, Dropped, FurtherUpload, Outcome, Refused
from keyferry_service.use_cases.publish_response import PublishResponse

_TICKETS = 10_000  # of which a process knows that they have their answer
_LOCKS = 64  # licenses that share a lock wait for each other: slower, never wrong


class AnswerLost(Exception):
    """The ledger has lost what a ticket was answered, as after a restored table."""


@dataclass(frozen=True)
class AnswerRequest:
    """Answers request files. Killed anywhere and run again, each ends in the same BODY."""

    files: Files
    decisions: Decisions
    tickets: Tickets
    refusals: Refusals
    signing_keys: SigningKeys
    responses: PublishResponse
    clock: Clock
    pool: Executor  # reads a ticket beside its file
    answered_versions: dict[str, str | None] = field(default_factory=dict)  # by ticket
    locks: tuple[RLock, ...] = field(default_factory=lambda: tuple(RLock() for _ in range(_LOCKS)))

    def answer(self, upload: Upload, deadline: HasDeadline) -> Outcome:
        """Answer one file. Raises FileGone, OutOfTime, AnswerLost, NoSigningKey."""
        if self.answered_versions.get(upload.ticket_id, upload.version_id) != upload.version_id:
            return FurtherUpload()
        reading = self.pool.submit(self.tickets.get, upload.ticket_id, int(self.clock.time()))
        file = self.files.read(upload.ticket_id, upload.version_id)
        ticket = reading.result()
        if ticket is None or ticket.version_id not in (None, upload.version_id):
            return self._finish(ticket, upload)
        request = read_request(file)
        if isinstance(request, Refusal):
            return retry_until_deadline(deadline, lambda: self._refuse_unread(request, upload))
        return retry_until_deadline(deadline, lambda: self._complete(request, upload))

    def answer_chosen(self, chosen: ChosenSeat, deadline: HasDeadline) -> Outcome:
        """Decide a refused file anew, for the seat that was chosen. Raises as `answer` does."""
        request = read_request(self.files.read(chosen.ticket_id, chosen.version_id))
        if isinstance(request, Refusal):
            return Dropped("The file is no request.")
        return retry_until_deadline(deadline, lambda: self._complete_chosen(request, chosen))

    def _complete(self, request: Request, upload: Upload) -> Outcome:
        """Read all that the request names, decide, write all that follows, hand the answer out."""
        now = int(self.clock.time())
        get_ticket = self.tickets.get_item_for(upload.ticket_id)
        snapshot, item = self.decisions.look_up(request, get_ticket)
        ticket = ticket_from_item(item, now)
        if ticket is None or ticket.is_complete:
            return self._finish(ticket, upload, request, snapshot)
        again = partial(self._complete, request, upload)
        return self._settle(request, snapshot, ticket, ticket.with_upload(upload), again)

    def _complete_chosen(self, request: Request, chosen: ChosenSeat) -> Outcome:
        """As `_complete`, of a ticket that was refused; what was decided on before stays."""
        now = int(self.clock.time())
        get_ticket = self.tickets.get_item_for(chosen.ticket_id)
        snapshot, item = self.decisions.look_up(request, get_ticket, chosen.seat)
        ticket = ticket_from_item(item, now)
        if ticket is None:
            return Dropped("The ticket has ended.")
        if ticket.version_id != chosen.version_id or ticket.choice is None:
            return Dropped("No seat was chosen for this file.")
        if ticket.state is TicketState.PROCESSING:
            return self._finish_answer(ticket, request, snapshot)
        if (ticket.choice.seat, ticket.choice.count) != (chosen.seat, chosen.count):
            return Dropped("Another seat was chosen since.")
        if not ticket.is_undecided and ticket.refusal is not None:
            return self._keep_refusal(ticket, ticket.refusal)
        again = partial(self._complete_chosen, request, chosen)
        return self._settle(request, snapshot, ticket, ticket, again, ticket.choice)

    def _settle(
        self,
        request: Request,
        snapshot: Snapshot,
        ticket: Ticket,
        uploaded: Ticket,
        again: Callable[[], Outcome],
        choice: Choice | None = None,
    ) -> Outcome:
        """Decide, write all that follows, hand the answer out; `again` begins with the reading.

        `ticket` is as it was read, and `uploaded` knows which file was read.
        """
        now, name = int(self.clock.time()), request.machine.name
        keys = self.signing_keys.current(self.clock.monotonic())
        is_verifiable = not are_too_old(request.trusts, keys)
        match self._decide(request, snapshot, keys, now, choice):
            case Refusal() as refusal:
                refused = uploaded.refused(request, refusal).decided_on(choice)
                self.tickets.complete(ticket, refused, now, choice)
                if choice is not None:
                    return self._keep_refusal(refused, refusal)
                return self._publish_refusal(refused, refusal)
            case LedgerEntry() as entry:  # the same file on another ticket: the same answer
                completed = uploaded.answered(
                    response_in(entry),
                    name,
                    entry.previous_valid_until,
                    is_verifiable=is_verifiable,
                ).decided_on(choice)
                self.tickets.complete(ticket, completed, now, choice)
                return self.responses.publish(ticket.id, completed.file_name, entry, keys, request)
            case Grant() as grant:
                response = response_to(request, grant, now)
                completed = uploaded.answered(
                    response, name, grant.previous_valid_until, is_verifiable=is_verifiable
                ).decided_on(choice)
                completed = completed.with_seats_of(grant.license)
                if grant.replaced is not None:
                    completed = completed.with_replaced(grant.replaced, grant.license.contact)
                update = self.tickets.completion_update(ticket, completed, now, choice)
                entry = entry_for(response, grant)
                # One process's grants of one license would only conflict with each other. Only
                # who has proved to know the license waits here.
                lock = self.locks[hash(request.license_number) % len(self.locks)]
                if not lock.acquire(blocking=False):
                    with lock:  # its holder has changed the license by then: decide again
                        return again()
                try:
                    self.decisions.claim(request, grant, entry, update)
                finally:
                    lock.release()
                return self.responses.publish(ticket.id, completed.file_name, entry, keys, request)

    def _decide(
        self,
        request: Request,
        snapshot: Snapshot,
        keys: Sequence[SigningKey],
        now: int,
        choice: Choice | None,
    ) -> LedgerEntry | Grant | Refusal:
        """Decide a request once its proofs hold; until then nothing that rows lead to is read."""
        unproven = refuse_unproven(request, snapshot.license)
        if unproven is not None:
            return unproven
        number = request.license_number
        snapshot = self.decisions.read_unread_seats(number, snapshot)
        decision = decide(request, snapshot, keys, now, choice.seat if choice else None)
        if isinstance(decision, Refusal) and decision.lists_seats:
            return decision.with_seats(self.decisions.seats_in_use(number))
        return decision

    def _refuse_unread(self, refusal: Refusal, upload: Upload) -> Outcome:
        """Refuse a file that is no request: there is nothing else to read or decide."""
        now = int(self.clock.time())
        ticket = self.tickets.get(upload.ticket_id, now)
        if ticket is None or ticket.is_complete:
            return self._finish(ticket, upload)
        refused = ticket.with_upload(upload).refused(None, refusal)
        self.tickets.complete(ticket, refused, now)
        return self._publish_refusal(refused, refusal)

    def _finish(
        self,
        ticket: Ticket | None,
        upload: Upload,
        request: Request | None = None,
        snapshot: Snapshot | None = None,
    ) -> Answered | Refused | Dropped:
        """Hand out again what a ticket was answered; another file on it changes nothing."""
        if ticket is None:
            return Dropped("The ticket has ended.")
        if len(self.answered_versions) == _TICKETS:
            self.answered_versions.clear()
        self.answered_versions[ticket.id] = ticket.version_id
        if ticket.version_id != upload.version_id:
            return FurtherUpload()
        if ticket.refusal is not None:
            return self._publish_refusal(ticket, ticket.refusal)
        return self._finish_answer(ticket, request, snapshot)

    def _finish_answer(
        self, ticket: Ticket, request: Request | None, snapshot: Snapshot | None
    ) -> Answered | Refused:
        """Sign a recorded answer, unless every key that its application trusts ended meanwhile."""
        if not (request and snapshot and snapshot.license and snapshot.ledger_entry):
            # Never silent: an alarm tells the vendor, and the file may go to another ticket.
            raise AnswerLost("The ledger has lost what this ticket was answered.")
        keys = self.signing_keys.current(self.clock.monotonic())
        entry, now = snapshot.ledger_entry, int(self.clock.time())
        is_verifiable = not are_too_old(request.trusts, keys)
        if is_verifiable or self.files.is_published(ticket.id, ticket.file_name):
            return self.responses.publish(ticket.id, ticket.file_name, entry, keys, request)
        refusal = refuse_unknown_keys(request, snapshot.license, keys)
        if refusal is None:  # a deactivation: its seat is free, and there is nothing to install
            if ticket.is_verifiable:
                self.tickets.complete(ticket, replace(ticket, is_verifiable=False), now)
            return self.responses.publish(ticket.id, ticket.file_name, entry, keys, request)
        refused = ticket.refused(request, refusal)
        if refused.email_status is EmailStatus.PENDING and refused.choice is not None:
            refused = replace(refused, email_status=EmailStatus.WITHHELD)
        self.tickets.complete(ticket, refused, now)
        return self._publish_refusal(refused, refusal)

    def _publish_refusal(self, ticket: Ticket, refusal: Refusal) -> Refused:
        """Put the refusal, which makes S3 ask for the email, and keep it for the vendor.

        The page reads the ticket. Both may be repeated, as for a message that comes again.
        """
        body = json.dumps(refusal.as_json()).encode()
        self.files.publish(ticket.id, REFUSAL_FILE, body)
        return self._keep_refusal(ticket, refusal)

    def _keep_refusal(self, ticket: Ticket, refusal: Refusal) -> Refused:
        """Keep the refusal for the vendor: all that follows from one that answers a choice."""
        record = ticket.refusal_record
        if record is not None:
            self.refusals.keep(record)
        return Refused(refusal.code)
