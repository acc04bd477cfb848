"""A crowd of offline machines at one license: their files go in at once, all is counted after."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Product
from keyferry_protocol.response import Response, verify_response
from keyferry_service.adapters.items_dynamodb import Item, members, to_item
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.tickets_dynamodb import ticket_from_item
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.ticket import LIFE_S, Ticket
from tests.support.builders import Computer, a_request_file
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

AT_ONCE = 8  # threads that upload
Answer = Response | str  # a response that its signatures prove, or why it was refused


@dataclass(frozen=True)
class Counts:
    """What is stored of a license: seats by their rows (`taken`) and by its own count (`used`)."""

    taken: int
    used: int
    ledger: int  # answers
    revision: int


class Crowd:
    """Machines are numbers; a machine has the same device key in all of its files."""

    def __init__(self, stack: RunningStack, **terms: Any) -> None:
        self._s3, dynamodb = client(stack, "s3"), client(stack, "dynamodb")
        self._sqs, self._outputs = client(stack, "sqs"), stack.outputs
        self._dynamodb, self._patience_s = dynamodb, stack.patience_s
        self.licenses = Licenses(dynamodb, stack.outputs["LicensesTable"])
        self._keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self._product = stack.license["product"]
        created = licenses.create(self.licenses, self._product, int(time.time()), **terms)
        self.number = created.license.number
        self._activation = activation_key(created.activation_code, self.number)

    def file(self, machine: int | Computer, kind: str = "activate", **changes: Any) -> bytes:
        """A request file; the same for the same wishes."""
        return a_request_file(
            Computer(f"LAB-{machine:03}") if isinstance(machine, int) else machine,
            kind,
            activation=self._activation,
            license_number=self.number,
            product=Product(self._product, "4.2.0"),
            trusts=tuple(key.keyid for key in self._keys.keys),
            **changes,
        )

    def send(self, files: Sequence[bytes]) -> list[str]:
        """Put all files into the bucket at once, each on a ticket of its own; these tickets.

        The vendor's hand opens them: a network may open a thousand in an hour, and this is more.
        """
        ids = [secrets.token_urlsafe(32) for _ in files]
        for some in _in_parts(ids, 25):
            puts = [{"PutRequest": {"Item": _waiting_ticket(ticket)}} for ticket in some]
            self._dynamodb.batch_write_item(RequestItems={self._outputs["TicketsTable"]: puts})
        with ThreadPoolExecutor(AT_ONCE) as together:
            list(together.map(self._put, ids, files))
        return ids

    def answers(self, tickets: Sequence[str]) -> list[Answer]:
        """What each ticket was answered, once all are."""
        deadline = time.monotonic() + self._patience_s
        answers_by_ticket: dict[str, Answer] = {}
        while waiting := [ticket for ticket in tickets if ticket not in answers_by_ticket]:
            assert time.monotonic() < deadline, f"{len(waiting)} have no answer"
            time.sleep(0.2)
            for ticket in self._settled_tickets(waiting[:100]):
                if ticket.refusal is not None:
                    answers_by_ticket[ticket.id] = str(ticket.refusal.code)
                elif (response := self._response(ticket)) is not None:
                    answers_by_ticket[ticket.id] = verify_response(response, self._keys)
        return [answers_by_ticket[ticket] for ticket in tickets]

    def all_answered(self, files: Sequence[bytes]) -> list[Answer]:
        return self.answers(self.send(files))

    def license(self) -> LicenseRecord:
        return licenses.find(self.licenses, self.number)

    def counts(self) -> Counts:
        license = self.license()
        return Counts(
            taken=sum(seat.taken for seat in self.licenses.seats(self.number)),
            used=license.seats_used,
            ledger=sum(1 for _ in self.licenses.ledger_entries(self.number)),
            revision=license.revision,
        )

    def ledger(self) -> Mapping[str, bytes]:
        """The recorded BODY by its request's SHA-256."""
        return {a.request_sha256: a.body for a in self.licenses.ledger_entries(self.number)}

    def dead_letters(self) -> int:
        """Messages that were given up, whoever's they are."""
        reply = self._sqs.get_queue_attributes(
            QueueUrl=self._outputs["RequestsDeadQueue"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return int(reply["Attributes"]["ApproximateNumberOfMessages"])

    def _put(self, ticket: str, file: bytes) -> None:
        self._s3.put_object(Bucket=self._outputs["InBucket"], Key=f"requests/{ticket}", Body=file)

    def _settled_tickets(self, tickets: Sequence[str]) -> Iterator[Ticket]:
        keys = [to_item({"pk": f"ticket#{ticket}"}) for ticket in tickets]
        name, now = self._outputs["TicketsTable"], int(time.time())
        reply = self._dynamodb.batch_get_item(RequestItems={name: {"Keys": keys}})
        for item in reply["Responses"][name]:
            ticket = ticket_from_item(item, now)
            if ticket is not None and ticket.is_complete:
                yield ticket

    def _response(self, ticket: Ticket) -> bytes | None:
        key = f"responses/{ticket.id}/{ticket.file_name}"
        try:
            reply = self._s3.get_object(Bucket=self._outputs["OutBucket"], Key=key)
        except self._s3.exceptions.NoSuchKey:
            return None  # signed a moment after it was recorded
        content: bytes = reply["Body"].read()
        return content


def _in_parts(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _waiting_ticket(ticket_id: str) -> Item:
    row = members(Ticket(ticket_id, int(time.time()) + LIFE_S))
    known = {name: value for name, value in row.items() if value is not None}
    return to_item({"pk": f"ticket#{ticket_id}", **known})


def responses(answers: Sequence[Answer]) -> list[Response]:
    return [answer for answer in answers if not isinstance(answer, str)]


def refusals(answers: Sequence[Answer]) -> list[str]:
    return [answer for answer in answers if isinstance(answer, str)]
