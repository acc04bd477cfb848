"""The `Tickets` table: tickets, links and counters. Every read checks whether a row has ended."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    plain,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.domain.license import DAY, day_of
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import LIFE_S, Choice, EmailStatus, Ticket, TicketState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR_S = 3600
TICKETS_PER_NETWORK = 1000  # an hour: five rooms of 200 computers
MAILS_PER_LICENSE = 20  # a day
ADDRESSES_PER_REQUEST = 3
MAILS_PER_ADDRESS = 2  # a day, for one request
BOUNCES_PER_LICENSE = 5  # in a period of BOUNCES_S; complaints count, too
BOUNCES_S = 30 * DAY
ADDRESSES_KEPT_S = 30 * DAY
SENT_KEPT_S = 30 * DAY  # complaints may come this late


class TooManyTickets(Exception):
    """A network has opened as many tickets as it may in one hour."""


class MailWithheld(Exception):
    """An email that may not be sent: there were too many, or the address wants none."""


@dataclass(frozen=True, slots=True)
class Link:
    """The file to which a link leads until it ends: a ticket's response, or a zip of renewals."""

    ticket_id: str  # empty for a zip
    file_name: str
    expires_at: int
    zip_id: str = ""


@dataclass(frozen=True, slots=True)
class SentMail:
    """To whom and for what an email was sent, for the feedback that may come.

    Its id is in the tags that SES keeps, and not in the email itself.
    """

    ticket_id: str
    license_number: str
    address_sha256: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class MailedZip:
    """The last email that brought a link to a zip of renewals; kept as long as this link."""

    mail_id: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class MailCounts:
    """How many emails a license sent today, and how many came back in this period."""

    sent_today: int
    bounced: int
    bounces_end_at: int  # when the bounces count from zero again

    @property
    def are_withheld(self) -> bool:
        """Whether the license sends no more email, today or until `bounces_end_at`."""
        return self.sent_today >= MAILS_PER_LICENSE or self.bounced >= BOUNCES_PER_LICENSE


class Tickets:
    """Reads and writes the rows; knows their keys and conditions, and no rules."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

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

    def get_link(self, token: str, now: int) -> Link | None:
        """The link with this token; None if there is none or it has ended."""
        item = self._get(link_key(token))
        if item is None:
            return None
        link = from_item(Link, item)
        return link if link.expires_at > now else None

    def get_item_for(self, ticket_id: str) -> Item:
        """The ticket's part of a TransactGetItems."""
        return {"Get": {"TableName": self._table, "Key": _key(f"ticket#{ticket_id}")}}

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

    def allow_mail(
        self,
        ticket: Ticket,
        address: str,
        token: str | None,
        message_id: str,
        mail_id: str,
        now: int,
    ) -> None:
        """Count an email, record to whom it goes, and put its link if it has one: all or nothing.

        However often its message comes, it counts as one. Raises MailWithheld, Conflict.
        """
        pending = {"email_status": EmailStatus.PENDING, "mail_id": mail_id}
        items = [
            self._count_mail(ticket.license_number, message_id, now),
            self._count_address(ticket, address, now),
            self._count_mail_to(ticket, address, message_id, now),
            self._check_not_suppressed(address, now),
            self._check_few_bounces(ticket.license_number, now),
            self._put_sent(ticket.id, ticket.license_number, address, mail_id, now),
            {"Update": _only_of(ticket, self._email_update(ticket.id, pending))},
        ]
        if token is not None:
            items.append(self._put_link(ticket, token, now))
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            raise MailWithheld("No more mail for this license, request or address.") from error

    def allow_contact_mail(self, ticket: Ticket, contact: str, mail_id: str, now: int) -> None:
        """Record that an email goes to the license's contact; no number of mails withholds it.

        Moves are few, and so are these. Raises MailWithheld for an address that wants no mail, and
        Conflict.
        """
        items = [
            self._check_not_suppressed(contact, now),
            self._put_sent(ticket.id, ticket.license_number, contact, mail_id, now),
        ]
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            raise MailWithheld("The contact's address wants no mail.") from error

    def allow_letter_mail(
        self, number: str, contact: str, mail_id: str, now: int, message_id: str = ""
    ) -> None:
        """Count and record an email that belongs to no ticket: a license's letter to its contact.

        With a `message_id`, it counts once however often it is sent. Raises MailWithheld, Conflict.
        """
        items = [
            self._count_mail(number, message_id or mail_id, now),
            self._check_not_suppressed(contact, now),
            self._check_few_bounces(number, now),
            self._put_sent("", number, contact, mail_id, now),
        ]
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            raise MailWithheld("No more mail for this license or address.") from error

    def link_zip(self, token: str, zip_id: str, file_name: str, expires_at: int) -> None:
        """Put a link to a zip of renewals."""
        link = Link("", file_name, expires_at, zip_id)
        item = to_item({"pk": link_key(token), **members(link)})
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def is_mailed(self, zip_id: str, now: int) -> bool:
        """Whether a link to this zip was mailed that still works, and did not come back."""
        item = self._get(f"mailed#{zip_id}")
        if item is None:
            return False
        mailed = from_item(MailedZip, item)
        return mailed.expires_at > now and self.get_sent(mailed.mail_id, now) is not None

    def mark_mailed(self, zip_id: str, mail_id: str, expires_at: int) -> None:
        """Write that a link to this zip, which ends then, was mailed."""
        mailed = MailedZip(mail_id, expires_at)
        item = to_item({"pk": f"mailed#{zip_id}", **members(mailed)})
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def mail_counts(self, number: str, now: int) -> MailCounts:
        """What the license has mailed: for the vendor."""
        sent, bounced = self._get(mail_key(number, now)), self._get(bounces_key(number, now))
        return MailCounts(
            sent_today=len(plain(sent)["message_ids"]) if sent else 0,
            bounced=plain(bounced)["bounce_count"] if bounced else 0,
            bounces_end_at=(now // BOUNCES_S + 1) * BOUNCES_S,
        )

    def mark_contact_notified(self, ticket_id: str) -> None:
        """Forget whom to tell of a replaced computer: it was done."""
        self._update_if(self._email_update(ticket_id, {"contact": None}))

    def get_sent(self, mail_id: str, now: int) -> SentMail | None:
        """The record of an email, unless it is unknown, was used up by feedback, or has ended."""
        item = self._get(sent_key(mail_id))
        if item is None:
            return None
        sent = from_item(SentMail, item)
        return sent if sent.expires_at > now else None

    def mark_email(self, ticket_id: str, status: EmailStatus) -> None:
        """Write the status of its email on the ticket; a ticket that is gone stays gone."""
        self._update_if(self._email_update(ticket_id, {"email_status": status}))

    def mark_withheld(self, ticket: Ticket) -> None:
        """Write that this answer is not emailed; of one that came since, it says nothing."""
        update = self._email_update(ticket.id, {"email_status": EmailStatus.WITHHELD})
        self._update_if(_only_of(ticket, update))

    def mark_sent(self, ticket_id: str, mail_id: str, link_expires_at: int | None) -> None:
        """Write that an email was sent, unless it came back already or another went after it."""
        values: dict[str, Any] = {"email_status": EmailStatus.SENT}
        if link_expires_at is not None:
            values["link_expires_at"] = link_expires_at
        update = self._email_update(ticket_id, values)
        update["ConditionExpression"] = "mail_id = :mail_id AND #email_status = :pending"
        update["ExpressionAttributeValues"] |= to_item(
            {":mail_id": mail_id, ":pending": EmailStatus.PENDING}
        )
        self._update_if(update)

    def mark_bounced(self, ticket_id: str, mail_id: str) -> None:
        """Write that an email came back, unless another went after it."""
        update = self._email_update(ticket_id, {"email_status": EmailStatus.BOUNCED})
        update["ConditionExpression"] = "mail_id = :mail_id"
        update["ExpressionAttributeValues"] |= to_item({":mail_id": mail_id})
        self._update_if(update)

    def _update_as_read(
        self, before: Ticket, values: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        """The update of a ticket that has not ended and is in the state in which it was read."""
        update = set_attributes(values)
        update["ExpressionAttributeNames"] |= {"#state": "state", "#expires_at": "expires_at"}
        update["ExpressionAttributeValues"] |= to_item({":was": before.state, ":now": now})
        return {
            "TableName": self._table,
            "Key": _key(f"ticket#{before.id}"),
            "ConditionExpression": "#state = :was AND #expires_at > :now",
            **update,
        }

    def _email_update(self, ticket_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": _key(f"ticket#{ticket_id}"),
            "ConditionExpression": "attribute_exists(pk)",
            **set_attributes(values),
        }

    def _update_if(self, update: dict[str, Any]) -> None:
        """Update a row if its condition holds."""
        with suppress(ConditionFailed), translate_conflicts():
            self._dynamodb.update_item(**update)

    def _get(self, key: str) -> Item | None:
        reply = self._dynamodb.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return reply.get("Item")

    def _ticket_item(self, ticket: Ticket) -> Item:
        values = {"pk": f"ticket#{ticket.id}", **_values(ticket)}
        return to_item({name: value for name, value in values.items() if value is not None})

    def _put_link(self, ticket: Ticket, token: str, now: int) -> Any:
        link = Link(ticket.id, ticket.file_name, now + LIFE_S)
        return self._put({"pk": link_key(token), **members(link)})

    def _put_sent(
        self, ticket_id: str, number: str | None, address: str, mail_id: str, now: int
    ) -> Any:
        sent = SentMail(ticket_id, number or "", hash_address(address), now + SENT_KEPT_S)
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
            "TableName": self._table,
            "Key": _key(f"network#{network}#{hour}"),
            "UpdateExpression": "SET expires_at = :expires_at ADD ticket_count :one",
            "ConditionExpression": "attribute_not_exists(ticket_count) OR ticket_count < :limit",
            "ExpressionAttributeValues": to_item(values),
        }

    def _count_mail(self, number: str | None, message_id: str, now: int) -> Any:
        key = mail_key(number or "", now)
        return self._add_once(key, "message_ids", message_id, MAILS_PER_LICENSE, now + 2 * DAY)

    def _count_address(self, ticket: Ticket, address: str, now: int) -> Any:
        key, end = f"mail#{ticket.request_sha256}", now + ADDRESSES_KEPT_S
        hashed = hash_address(address)
        return self._add_once(key, "address_hashes", hashed, ADDRESSES_PER_REQUEST, end)

    def _count_mail_to(self, ticket: Ticket, address: str, message_id: str, now: int) -> Any:
        key = f"mail#{ticket.request_sha256}#{hash_address(address)}#{day_of(now)}"
        return self._add_once(key, "message_ids", message_id, MAILS_PER_ADDRESS, now + 2 * DAY)

    def _add_once(self, key: str, name: str, member: str, limit: int, expires_at: int) -> Any:
        return {"Update": add_once(self._table, key, name, member, limit, expires_at)}

    def _check_not_suppressed(self, address: str, now: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(suppressed_key(hash_address(address))),
                "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                "ExpressionAttributeValues": to_item({":now": now}),
            }
        }

    def _check_few_bounces(self, number: str | None, now: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(bounces_key(number or "", now)),
                "ConditionExpression": "attribute_not_exists(pk) OR bounce_count < :limit",
                "ExpressionAttributeValues": to_item({":limit": BOUNCES_PER_LICENSE}),
            }
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


def _only_of(ticket: Ticket, update: dict[str, Any]) -> dict[str, Any]:
    """The update of a ticket, on condition that it still has the answer with which it was read."""
    update["ConditionExpression"] = "file_name = :file_name"
    update["ExpressionAttributeValues"] |= to_item({":file_name": ticket.file_name})
    return update


def _values(ticket: Ticket) -> dict[str, Any]:
    """The attributes of a ticket's row."""
    refusal, choice = ticket.refusal, ticket.choice
    return members(ticket) | {
        "refusal": None if refusal is None else refusal.as_json(),
        "choice": None if choice is None else members(choice),
    }


def add_once(
    table: str, key: str, name: str, member: str, limit: int, expires_at: int
) -> dict[str, Any]:
    """The update that adds a member to the set of this name, of at most `limit`.

    A member that is there already fits in, so that it may be repeated.
    """
    values = {":member": member, ":set": {member}, ":limit": limit, ":expires_at": expires_at}
    return {
        "TableName": table,
        "Key": _key(key),
        "UpdateExpression": f"SET expires_at = :expires_at ADD {name} :set",
        "ConditionExpression": f"attribute_not_exists({name})"
        f" OR contains({name}, :member) OR size({name}) < :limit",
        "ExpressionAttributeValues": to_item(values),
    }


def link_key(token: str) -> str:
    return f"link#{sha256(token.encode()).hexdigest()}"


def sent_key(mail_id: str) -> str:
    return f"sent#{mail_id}"


def suppressed_key(address_sha256: str) -> str:
    return f"suppressed#{address_sha256}"


def mail_key(license_number: str, now: int) -> str:
    """The key of the row that counts a license's emails on the day of `now`."""
    return f"mail#{license_number}#{day_of(now)}"


def bounces_key(license_number: str, now: int) -> str:
    """The key of the row that counts a license's bounces in the period of `now`."""
    return f"bounces#{license_number}#{now // BOUNCES_S}"


def hash_address(address: str) -> str:
    """An address as the table holds it: not readable, and the same in upper and lower case."""
    return sha256(address.lower().encode()).hexdigest()


def _key(key: str) -> Item:
    return to_item({"pk": key})
