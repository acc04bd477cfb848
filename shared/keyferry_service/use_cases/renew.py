"""Renew seats for the vendor: read, decide, record, sign, and hand the files back."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from keyferry_protocol.errors import UnreadableResponse
from keyferry_service.adapters.call_deadline import CallTooLate
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.retries import HasDeadline, OutOfTime, retry_until_deadline
from keyferry_service.adapters.signers import Signers, seal_response
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.ledger import ResponseTooLong, entry_for, response_in, response_of
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.renew import (
    RenewalOrder,
    RenewedSeat,
    SeatOutcome,
    grants_the_same,
    renew,
)
from keyferry_service.use_cases.edge import Clock

# Beside the codes of refusals. Release 0.9 recorded no request, which a renewal has to name.
TOO_LONG, NO_REQUEST, BAD_TERMS = "response-too-long", "update-needed", "bad-terms"


@dataclass(frozen=True)
class Renew:
    """Renews seats one after the other: each changes the revision on which the next one rests.

    If it is killed anywhere and runs again, it signs the same BODY for a seat that was renewed,
    unless the license changed in the meantime.
    """

    decisions: Decisions
    signing_keys: SigningKeys
    signers: Signers
    clock: Clock
    pool: Executor  # signs a seat while the next one is read

    def renew(self, order: RenewalOrder, deadline: HasDeadline) -> list[RenewedSeat]:
        """Renew the seats of an order, and omit those for which no time is left.

        Raises NoSigningKey before anything is recorded.
        """
        # The vendor may ask because a key was compromised: do not trust what was read before.
        signers = self.signers.of(self.signing_keys.refresh(self.clock.monotonic()))
        pending: list[tuple[RenewedSeat, Future[bytes] | None]] = []
        for number in order.seats:

            def attempt(number: int = number) -> tuple[RenewedSeat, LedgerEntry | None]:
                return self._renew(order, number)

            try:
                seat, entry = retry_until_deadline(deadline, attempt)
            except (OutOfTime, CallTooLate):
                break
            sign = self.pool.submit
            pending.append((seat, sign(seal_response, entry.body, signers) if entry else None))
        return [
            replace(seat, file=signing.result()) if signing else seat for seat, signing in pending
        ]

    def _renew(self, order: RenewalOrder, number: int) -> tuple[RenewedSeat, LedgerEntry | None]:
        """What becomes of a seat, and the entry to sign. Raises Conflict."""
        rows = self.decisions.look_up_seat(order.license_number, number)
        if rows is None:
            return RenewedSeat(number, SeatOutcome.REFUSED, code=RefusalCode.NO_SUCH_SEAT), None
        license, seat = rows
        last, dongle = self.decisions.look_up_last(license.number, seat)
        now = int(self.clock.time())
        renewal = renew(license, seat, dongle, now)
        if isinstance(renewal, Refusal):
            return RenewedSeat(number, SeatOutcome.REFUSED, code=renewal.code), None
        if not seat.request_sha256:
            return RenewedSeat(number, SeatOutcome.REFUSED, code=NO_REQUEST), None
        response = response_of(renewal, now)
        if last is not None and not order.again:
            before = response_in(last)
            if grants_the_same(before, response):
                if before.is_renewal and order.seats[number] != before.serial:
                    return RenewedSeat(number, SeatOutcome.SIGNED_AGAIN), last
                return RenewedSeat(number, SeatOutcome.UNCHANGED), None
        try:
            entry = entry_for(response, renewal)
        except ResponseTooLong:
            return RenewedSeat(number, SeatOutcome.REFUSED, code=TOO_LONG), None
        except UnreadableResponse:
            return RenewedSeat(number, SeatOutcome.REFUSED, code=BAD_TERMS), None
        self.decisions.claim_renewal(renewal, entry)
        return RenewedSeat(number, SeatOutcome.RENEWED), entry
