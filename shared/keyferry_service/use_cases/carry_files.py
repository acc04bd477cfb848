"""Carry a ticket's two files for a browser that cannot reach the storage."""

from dataclasses import dataclass

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.find_ticket import NotReady, find_response, find_ticket


class AlreadyUploaded(Exception):
    """A ticket that has its request file already: only the first one counts."""


@dataclass(frozen=True)
class CarryFiles:
    """Stores the request file and hands out the response file, as the storage would."""

    tickets: Tickets
    files: Files
    clock: Clock

    def take_request_file(self, ticket_id: str, data: bytes) -> None:
        """Store the request file as an upload to the storage does.

        Raises NoSuchTicket, AlreadyUploaded.
        """
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        if ticket.is_complete or not self.files.store_upload(ticket.id, data):
            raise AlreadyUploaded("The ticket has a file already.")

    def response_file(self, ticket_id: str) -> tuple[str, bytes]:
        """The name and the bytes of the response file. Raises NoSuchTicket, NotReady."""
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        published = find_response(ticket, self.files)
        if published is None or not ticket.is_verifiable:
            raise NotReady("The ticket has no response to download.")
        return ticket.file_name, published.data
