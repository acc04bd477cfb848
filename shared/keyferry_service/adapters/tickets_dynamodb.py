"""The `Tickets` table: journeys, links and counters. Each row has an end, checked when read."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    plain,
    setting,
    to_item,
)
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.domain.license import DAY, day_of
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import LIFE_S, Mail, Ticket, TicketState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR_S = 3600
TICKETS_PER_NETWORK = 1000  # an hour: five rooms of 200 computers
MAILS_PER_LICENSE = 20  # a day
ADDRESSES_PER_REQUEST = 3
ADDRESSES_KEPT_S = 30 * DAY
SENT_KEPT_S = 30 * DAY  # as late as a complaint of a mail still comes


class TooManyTickets(Exception):
    """A network opened as many tickets as it may in one hour."""


class MailWithheld(Exception):
    """A mail that may not be sent: too many of them, or an address that wants none."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a mailed link leads, until it ends."""

    ticket_id: str
    file_name: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SentMail:
    """Whose a mail is, for the notice that may come of it; its id is in the mail's tags alone."""

    ticket_id: str
    license_number: str
    address_sha256: str
    expires_at: int


class Tickets:
    """Reads and writes the rows; knows their keys and conditions, and no rules."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def open(self, ticket: Ticket, network: str, now: int) -> None:
        """Put a new ticket and count it for its network. Raises TooManyTickets, Conflict."""
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(
                    TransactItems=[self._put_ticket(ticket), self._count_ticket(network, now)]
                )
        except ConditionFailed as error:
            raise TooManyTickets("This network opened too many tickets.") from error

    def add(self, ticket: Ticket) -> None:
        """Put a new ticket that the vendor opened: no network is counted. Raises Conflict."""
        with translate_conflicts():
            self._dynamodb.put_item(**self._put_ticket(ticket)["Put"])

    def get(self, ticket_id: str, now: int) -> Ticket | None:
        """The ticket, unless there is none or it has ended."""
        return ticket_from_item(self._get(f"ticket#{ticket_id}"), now)

    def get_link(self, token: str, now: int) -> Link | None:
        """Where the link with this token leads, unless there is none or it has ended."""
        item = self._get(link_key(token))
        if item is None:
            return None
        link = from_item(Link, item)
        return link if link.expires_at > now else None

    def get_item_for(self, ticket_id: str) -> Item:
        """The ticket's part of a TransactGetItems."""
        return {"Get": {"TableName": self._table, "Key": _key(f"ticket#{ticket_id}")}}

    def completion_update(self, before: Ticket, after: Ticket, now: int) -> dict[str, Any]:
        """The update that gives a waiting ticket its one answer, for a transaction or alone."""
        waiting = _values(before)
        update = setting({n: value for n, value in _values(after).items() if value != waiting[n]})
        update["ExpressionAttributeNames"]["#expires_at"] = "expires_at"
        update["ExpressionAttributeValues"] |= to_item(
            {":awaiting": TicketState.AWAITING_UPLOAD, ":now": now}
        )
        return {
            "TableName": self._table,
            "Key": _key(f"ticket#{before.id}"),
            "ConditionExpression": "#state = :awaiting AND #expires_at > :now",
            **update,
        }

    def complete(self, before: Ticket, after: Ticket, now: int) -> None:
        """Give a waiting ticket its one answer, where nothing else is written. Raises Conflict."""
        with translate_conflicts():
            self._dynamodb.update_item(**self.completion_update(before, after, now))

    def allow_mail(
        self,
        ticket: Ticket,
        address: str,
        token: str | None,
        message_id: str,
        mail_id: str,
        now: int,
    ) -> None:
        """Count a mail, note whose it is and, if it carries a link, make that: all or nothing.

        However often its message is brought, it is one mail. Raises MailWithheld, Conflict.
        """
        items = [
            self._count_mail(ticket, message_id, now),
            self._count_address(ticket, address, now),
            self._check_not_suppressed(address, now),
            self._put_sent(ticket, address, mail_id, now),
            {"Update": self._marking(ticket.id, {"mail": Mail.PENDING, "mail_id": mail_id})},
        ]
        if token is not None:
            items.append(self._put_link(ticket, token, now))
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            raise MailWithheld("No more mail for this license, request or address.") from error

    def get_sent(self, mail_id: str, now: int) -> SentMail | None:
        """Whose a mail is, unless it is unknown, was told of before, or is long ago."""
        item = self._get(sent_key(mail_id))
        if item is None:
            return None
        sent = from_item(SentMail, item)
        return sent if sent.expires_at > now else None

    def mark_mail(self, ticket_id: str, mail: Mail) -> None:
        """Note on the ticket what becomes of its mail; a ticket that is gone stays gone."""
        self._mark(self._marking(ticket_id, {"mail": mail}))

    def mark_sent(self, ticket_id: str, mail_id: str, link_expires_at: int | None) -> None:
        """Note that a mail was sent, unless it came back already or another went after it."""
        said = {"mail": Mail.SENT, "link_expires_at": link_expires_at}
        values = {name: value for name, value in said.items() if value is not None}
        marking = self._marking(ticket_id, values)
        marking["ConditionExpression"] = "mail_id = :mail_id AND #mail = :pending"
        marking["ExpressionAttributeValues"] |= to_item(
            {":mail_id": mail_id, ":pending": Mail.PENDING}
        )
        self._mark(marking)

    def mark_bounced(self, ticket_id: str, mail_id: str) -> None:
        """Note that a mail came back, unless another went after it."""
        marking = self._marking(ticket_id, {"mail": Mail.BOUNCED})
        marking["ConditionExpression"] = "mail_id = :mail_id"
        marking["ExpressionAttributeValues"] |= to_item({":mail_id": mail_id})
        self._mark(marking)

    def _marking(self, ticket_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": _key(f"ticket#{ticket_id}"),
            "ConditionExpression": "attribute_exists(pk)",
            **setting(values),
        }

    def _mark(self, marking: dict[str, Any]) -> None:
        try:
            with translate_conflicts():
                self._dynamodb.update_item(**marking)
        except ConditionFailed:
            return

    def _get(self, key: str) -> Item | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return answer.get("Item")

    def _put_ticket(self, ticket: Ticket) -> Any:
        values = {"pk": f"ticket#{ticket.id}", **_values(ticket)}
        return self._put({name: value for name, value in values.items() if value is not None})

    def _put_link(self, ticket: Ticket, token: str, now: int) -> Any:
        link = Link(ticket.id, ticket.file_name, now + LIFE_S)
        return self._put({"pk": link_key(token), **members(link)})

    def _put_sent(self, ticket: Ticket, address: str, mail_id: str, now: int) -> Any:
        sent = SentMail(
            ticket.id, ticket.license_number or "", hash_address(address), now + SENT_KEPT_S
        )
        return self._put({"pk": sent_key(mail_id), **members(sent)})

    def _put(self, row: Mapping[str, Any]) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_item(row),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _count_ticket(self, network: str, now: int) -> Any:
        hour = now // HOUR_S
        values = {":one": 1, ":limit": TICKETS_PER_NETWORK, ":expires_at": (hour + 2) * HOUR_S}
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(f"network#{network}#{hour}"),
                "UpdateExpression": "SET expires_at = :expires_at ADD happened :one",
                "ConditionExpression": "attribute_not_exists(happened) OR happened < :limit",
                "ExpressionAttributeValues": to_item(values),
            }
        }

    def _count_mail(self, ticket: Ticket, message_id: str, now: int) -> Any:
        key = f"mail#{ticket.license_number}#{day_of(now)}"
        return self._count_once(key, message_id, MAILS_PER_LICENSE, now + 2 * DAY)

    def _count_address(self, ticket: Ticket, address: str, now: int) -> Any:
        key, hashed = f"mail#{ticket.request_sha256}", hash_address(address)
        return self._count_once(key, hashed, ADDRESSES_PER_REQUEST, now + ADDRESSES_KEPT_S)

    def _count_once(self, key: str, name: str, limit: int, expires_at: int) -> Any:
        values = {":name": name, ":set": {name}, ":limit": limit, ":expires_at": expires_at}
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(key),
                "UpdateExpression": "SET expires_at = :expires_at ADD counted :set",
                "ConditionExpression": "attribute_not_exists(counted)"
                " OR contains(counted, :name) OR size(counted) < :limit",
                "ExpressionAttributeValues": to_item(values),
            }
        }

    def _check_not_suppressed(self, address: str, now: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(suppressed_key(hash_address(address))),
                "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                "ExpressionAttributeValues": to_item({":now": now}),
            }
        }


def ticket_from_item(item: Item | None, now: int) -> Ticket | None:
    """The ticket of an item, unless it has ended: the table forgets its rows late."""
    if not item:
        return None
    row = plain(item)
    ticket = from_item(
        Ticket,
        item,
        state=TicketState(row["state"]),
        mail=Mail(row["mail"]),
        refusal=Refusal.from_json(row["refusal"]) if "refusal" in row else None,
    )
    return ticket if ticket.expires_at > now else None


def _values(ticket: Ticket) -> dict[str, Any]:
    """The attributes of a ticket's row."""
    refusal = ticket.refusal
    return members(ticket) | {"refusal": None if refusal is None else refusal.as_json()}


def link_key(token: str) -> str:
    return f"link#{sha256(token.encode()).hexdigest()}"


def sent_key(mail_id: str) -> str:
    return f"sent#{mail_id}"


def suppressed_key(address_sha256: str) -> str:
    return f"suppressed#{address_sha256}"


def hash_address(address: str) -> str:
    """How an address stands in the table's counters: not readable, the same for any case."""
    return sha256(address.lower().encode()).hexdigest()


def _key(key: str) -> Item:
    return to_item({"pk": key})
