"""Addresses that get no more e-mail: rows of the `Tickets` table that hold only a hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.feedback_ses import Feedback
from keyferry_service.adapters.items_dynamodb import Item, from_item, members, plain, to_item
from keyferry_service.adapters.retries import translate_conflicts
from keyferry_service.adapters.tickets_dynamodb import (
    SentMail,
    hash_address,
    sent_key,
    suppressed_key,
)
from keyferry_service.domain.license import DAY
from keyferry_service.domain.ticket import ticket_prefix

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUPPRESSED_S = 365 * DAY  # by then the mailbox may exist again


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address gets no e-mail. Times are seconds since 1970."""

    reason: str
    detail: str
    since: int
    expires_at: int
    license_number: str
    ticket: str  # the prefix of its id, as in the logs
    address_sha256: str


class Suppressions:
    """Reads and writes the rows; `Tickets.allow_mail` checks them for each e-mail."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, feedback: Feedback, sent: SentMail, now: int) -> None:
        """Suppress the address of an e-mail and delete the e-mail's record: a notice counts once.

        Raises ConditionFailed if the record was deleted meanwhile.
        """
        row = Suppression(
            reason=feedback.reason,
            detail=feedback.detail,
            since=now,
            expires_at=now + SUPPRESSED_S,
            license_number=sent.license_number,
            ticket=ticket_prefix(sent.ticket_id),
            address_sha256=sent.address_sha256,
        )
        item = to_item({"pk": suppressed_key(sent.address_sha256), **members(row)})
        with translate_conflicts():
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": self._table, "Item": item}},
                    {
                        "Delete": {
                            "TableName": self._table,
                            "Key": to_item({"pk": sent_key(feedback.mail_id)}),
                            "ConditionExpression": "attribute_exists(pk)",
                        }
                    },
                ]
            )

    def all(self, now: int) -> Iterator[Suppression]:
        """Every address that gets no e-mail now. Scans the table: for the vendor alone."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :suppressed) AND expires_at > :now",
            ExpressionAttributeValues=to_item({":suppressed": suppressed_key(""), ":now": now}),
        )
        for page in pages:
            for item in page["Items"]:
                yield from_item(Suppression, item)

    def lift(self, address: str, now: int) -> Suppression | None:
        """Allow e-mail to an address again. Returns the suppression, or None if there was none."""
        reply: Any = self._dynamodb.delete_item(
            TableName=self._table,
            Key=to_item({"pk": suppressed_key(hash_address(address))}),
            ReturnValues="ALL_OLD",
        )
        item: Item | None = reply.get("Attributes")
        if item is None or plain(item)["expires_at"] <= now:
            return None
        return from_item(Suppression, item)
