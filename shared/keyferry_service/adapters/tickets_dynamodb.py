"""Tickets, and the counter of each network. Every read checks whether a row has ended."""

from collections.abc import Mapping
from typing import Any

from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    plain,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.adapters.ticket_rows_dynamodb import TicketRows, row_key
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import Choice, EmailStatus, Ticket, TicketState

HOUR_S = 3600
TICKETS_PER_NETWORK = 1000  # an hour: five rooms of 200 computers


class TooManyTickets(Exception):
    """A network has opened as many tickets as it may in one hour."""


class Tickets(TicketRows):
    """Reads and writes the rows; knows their keys and conditions, and no rules."""

    def open(self, ticket: Ticket, network: str, now: int) -> None:
        """Count a new ticket for its network, then put it. Raises TooManyTickets, Conflict.

        No transaction, since all callers of a network share its counter, and transactions that
        write one row cancel each other. If the second call fails, one ticket too many is counted.
        """
        try:
            with translate_conflicts():
                self._dynamodb.update_item(**self._count_ticket(network, now))
        except ConditionFailed as error:
            raise TooManyTickets("This network opened too many tickets.") from error
        # No condition: nobody else has this id, and a call that boto3 repeats must not fail.
        self._dynamodb.put_item(TableName=self._table, Item=self._ticket_item(ticket))

    def add(self, ticket: Ticket) -> None:
        """Put a new ticket that the vendor opened: it counts for no network. Raises Conflict."""
        with translate_conflicts():
            self._dynamodb.put_item(
                TableName=self._table,
                Item=self._ticket_item(ticket),
                ConditionExpression="attribute_not_exists(pk)",
            )

    def get(self, ticket_id: str, now: int) -> Ticket | None:
        """The ticket; None if there is none or it has ended."""
        return ticket_from_item(self._get(f"ticket#{ticket_id}"), now)

    def get_item_for(self, ticket_id: str) -> Item:
        """The ticket's part of a TransactGetItems."""
        return {"Get": {"TableName": self._table, "Key": row_key(f"ticket#{ticket_id}")}}

    def completion_update(
        self, before: Ticket, after: Ticket, now: int, choice: Choice | None = None
    ) -> dict[str, Any]:
        """The update of a ticket that is as it was, for a transaction or a call of its own.

        With a choice, only while that is the last one and nobody has decided on it.
        """
        waiting = _values(before)
        changed = {n: value for n, value in _values(after).items() if value != waiting[n]}
        if choice is None:
            return self._update_as_read(before, changed, now)
        if after.refusal is None:
            changed["mail_id"] = None  # a refusal's email that is still on its way says nothing
        update = self._update_as_read(before, changed, now)
        update["ConditionExpression"] += (
            " AND #version_id = :version_id AND #choice = :choice AND #decided < :count"
        )
        update["ExpressionAttributeNames"] |= {
            f"#{name}": name for name in ("version_id", "choice", "decided")
        }
        update["ExpressionAttributeValues"] |= to_item(
            {
                ":version_id": before.version_id,
                ":choice": members(choice),
                ":count": choice.count,
            }
        )
        return update

    def complete(
        self, before: Ticket, after: Ticket, now: int, choice: Choice | None = None
    ) -> None:
        """Change a ticket's answer where nothing else is written. Raises Conflict."""
        with translate_conflicts():
            self._dynamodb.update_item(**self.completion_update(before, after, now, choice))

    def choose(self, before: Ticket, choice: Choice, now: int) -> None:
        """Write the next choice of a seat on a ticket that is refused. Raises Conflict."""
        values = {"choice": members(choice), "decided": before.decided}
        update = self._update_as_read(before, values, now)
        if before.choice is None:
            update["ConditionExpression"] += " AND attribute_not_exists(#choice)"
        else:
            update["ConditionExpression"] += " AND #choice = :choice"
            update["ExpressionAttributeValues"] |= to_item({":choice": members(before.choice)})
        with translate_conflicts():
            self._dynamodb.update_item(**update)

    def _update_as_read(
        self, before: Ticket, values: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        """The update of a ticket that has not ended and is in the state in which it was read."""
        update = set_attributes(values)
        update["ExpressionAttributeNames"] |= {"#state": "state", "#expires_at": "expires_at"}
        update["ExpressionAttributeValues"] |= to_item({":was": before.state, ":now": now})
        return {
            "TableName": self._table,
            "Key": row_key(f"ticket#{before.id}"),
            "ConditionExpression": "#state = :was AND #expires_at > :now",
            **update,
        }

    def _ticket_item(self, ticket: Ticket) -> Item:
        values = {"pk": f"ticket#{ticket.id}", **_values(ticket)}
        return to_item({name: value for name, value in values.items() if value is not None})

    def _count_ticket(self, network: str, now: int) -> Any:
        hour = now // HOUR_S
        values = {":one": 1, ":limit": TICKETS_PER_NETWORK, ":expires_at": (hour + 2) * HOUR_S}
        return {
            "TableName": self._table,
            "Key": row_key(f"network#{network}#{hour}"),
            "UpdateExpression": "SET expires_at = :expires_at ADD ticket_count :one",
            "ConditionExpression": "attribute_not_exists(ticket_count) OR ticket_count < :limit",
            "ExpressionAttributeValues": to_item(values),
        }


def ticket_from_item(item: Item | None, now: int) -> Ticket | None:
    """The ticket of an item, unless it has ended: DynamoDB deletes expired rows late."""
    if not item:
        return None
    row = plain(item)
    ticket = from_item(
        Ticket,
        item,
        state=TicketState(row["state"]),
        email_status=EmailStatus(row["email_status"]),
        refusal=Refusal.from_json(row["refusal"]) if row.get("refusal") else None,
        choice=Choice(**row["choice"]) if "choice" in row else None,
    )
    return ticket if ticket.expires_at > now else None


def _values(ticket: Ticket) -> dict[str, Any]:
    """The attributes of a ticket's row."""
    refusal, choice = ticket.refusal, ticket.choice
    return members(ticket) | {
        "refusal": None if refusal is None else refusal.as_json(),
        "choice": None if choice is None else members(choice),
    }
