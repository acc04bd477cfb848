"""Take the choice of a lost computer's seat, and have the refused file decided anew."""

from collections.abc import Callable
from dataclasses import dataclass

from keyferry_service.adapters.queue_sqs import ChosenSeat
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.find_ticket import find_ticket


class NoChoice(Exception):
    """A ticket on which no seat may be chosen."""


class NotOffered(Exception):
    """A seat that is none of those of which one may be chosen."""


class TooManyChoices(Exception):
    """A ticket on which a seat was chosen as often as it may be."""


@dataclass(frozen=True)
class ChooseSeat:
    """Records the choice on the ticket, then queues it for process_request."""

    tickets: Tickets
    request_decision: Callable[[ChosenSeat], None]
    clock: Clock

    def choose(self, ticket_id: str, seat: int | None, deadline: HasDeadline) -> None:
        """Have the refused file decided anew, for this seat; None for what is no seat's number.

        While nothing is decided it may be repeated, and another seat chosen. Raises NoSuchTicket,
        TooManyChoices, NoChoice, NotOffered, OutOfTime.
        """
        chosen = retry_until_deadline(deadline, lambda: self._record(ticket_id, seat))
        self.request_decision(chosen)

    def _record(self, ticket_id: str, seat: int | None) -> ChosenSeat:
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        now = int(self.clock.time())
        if ticket.has_chosen_too_often:
            raise TooManyChoices("No other seat may be chosen on this ticket.")
        if ticket.version_id is None or not ticket.offered_seats:
            raise NoChoice("No seat may be chosen on this ticket.")
        if seat is None or seat not in ticket.offered_seats:
            raise NotOffered("This seat may not be chosen.")
        choice = ticket.next_choice(seat, now)
        self.tickets.choose(ticket, choice, now)
        return ChosenSeat(ticket.id, ticket.version_id, choice.seat, choice.count)
