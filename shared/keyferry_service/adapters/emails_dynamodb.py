"""What the `Tickets` table has of emails: to whom they went, how many, and where a link leads."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from keyferry_service.adapters.items_dynamodb import (
    from_item,
    members,
    plain,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.adapters.ticket_rows_dynamodb import TicketRows, add_once, row_key
from keyferry_service.domain.license import DAY, day_of
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket

MAILS_PER_LICENSE = 20  # a day
ADDRESSES_PER_REQUEST = 3
MAILS_PER_ADDRESS = 2  # a day, for one request
BOUNCES_PER_LICENSE = 5  # in a period of BOUNCES_S; complaints count, too
BOUNCES_S = 30 * DAY
ADDRESSES_KEPT_S = 30 * DAY
SENT_KEPT_S = 30 * DAY  # complaints may come this late


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


_Row = TypeVar("_Row", Link, SentMail, MailedZip)


class Emails(TicketRows):
    """Counts emails, keeps their links, and writes on a ticket what became of its own."""

    def get_link(self, token: str, now: int) -> Link | None:
        """The link with this token; None if there is none or it has ended."""
        return self._get_current(Link, link_key(token), now)

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
        self._record_or_withhold(items, "No more mail for this license, request or address.")

    def allow_contact_mail(self, ticket: Ticket, contact: str, mail_id: str, now: int) -> None:
        """Record that an email goes to the license's contact; no number of mails withholds it.

        Moves are few, and so are these. Raises MailWithheld for an address that wants no mail, and
        Conflict.
        """
        items = [
            self._check_not_suppressed(contact, now),
            self._put_sent(ticket.id, ticket.license_number, contact, mail_id, now),
        ]
        self._record_or_withhold(items, "The contact's address wants no mail.")

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
        self._record_or_withhold(items, "No more mail for this license or address.")

    def link_zip(self, token: str, zip_id: str, file_name: str, expires_at: int) -> None:
        """Put a link to a zip of renewals."""
        link = Link("", file_name, expires_at, zip_id)
        item = to_item({"pk": link_key(token), **members(link)})
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def is_mailed(self, zip_id: str, now: int) -> bool:
        """Whether a link to this zip was mailed that still works, and did not come back."""
        mailed = self._get_current(MailedZip, f"mailed#{zip_id}", now)
        return mailed is not None and self.get_sent(mailed.mail_id, now) is not None

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
        return self._get_current(SentMail, sent_key(mail_id), now)

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

    def _record_or_withhold(self, items: list[Any], reason: str) -> None:
        """Write all or nothing. Raises MailWithheld for this reason, Conflict."""
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            raise MailWithheld(reason) from error

    def _get_current(self, cls: type[_Row], key: str, now: int) -> _Row | None:
        """The row with this key; None if there is none or it has ended."""
        item = self._get(key)
        if item is None:
            return None
        row = from_item(cls, item)
        return row if row.expires_at > now else None

    def _email_update(self, ticket_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": row_key(f"ticket#{ticket_id}"),
            "ConditionExpression": "attribute_exists(pk)",
            **set_attributes(values),
        }

    def _update_if(self, update: dict[str, Any]) -> None:
        """Update a row if its condition holds."""
        with suppress(ConditionFailed), translate_conflicts():
            self._dynamodb.update_item(**update)

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
                "Key": row_key(suppressed_key(hash_address(address))),
                "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                "ExpressionAttributeValues": to_item({":now": now}),
            }
        }

    def _check_few_bounces(self, number: str | None, now: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": row_key(bounces_key(number or "", now)),
                "ConditionExpression": "attribute_not_exists(pk) OR bounce_count < :limit",
                "ExpressionAttributeValues": to_item({":limit": BOUNCES_PER_LICENSE}),
            }
        }


def _only_of(ticket: Ticket, update: dict[str, Any]) -> dict[str, Any]:
    """The update of a ticket, on condition that it still has the answer with which it was read."""
    update["ConditionExpression"] = "file_name = :file_name"
    update["ExpressionAttributeValues"] |= to_item({":file_name": ticket.file_name})
    return update


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
