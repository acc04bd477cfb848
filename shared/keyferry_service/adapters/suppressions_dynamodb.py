"""Addresses that get no more mail: rows of the `Tickets` table, known by their hash alone."""

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

SUPPRESSED_S = 365 * DAY  # then a mailbox may have been made, and the row is forgotten


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address gets no mail. Times are seconds since 1970."""

    reason: str
    detail: str
    since: int
    expires_at: int
    license_number: str
    ticket: str  # how its id begins, as in the logs
    address_sha256: str


class Suppressions:
    """Reads and writes the rows; `Tickets` asks for them with each mail."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, feedback: Feedback, sent: SentMail, now: int) -> None:
        """Suppress the address of a mail and forget the mail, so that its notice counts once.

        Raises ConditionFailed where the mail was forgotten meanwhile.
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
        """Every address that gets no mail now. Reads the whole table: for the vendor's desk."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :suppressed) AND expires_at > :now",
            ExpressionAttributeValues=to_item({":suppressed": suppressed_key(""), ":now": now}),
        )
        for page in pages:
            for item in page["Items"]:
                yield from_item(Suppression, item)

    def lift(self, address: str, now: int) -> Suppression | None:
        """Let mail go to an address again; what was held against it, if anything."""
        answer: Any = self._dynamodb.delete_item(
            TableName=self._table,
            Key=to_item({"pk": suppressed_key(hash_address(address))}),
            ReturnValues="ALL_OLD",
        )
        item: Item | None = answer.get("Attributes")
        if item is None or plain(item)["expires_at"] <= now:
            return None
        return from_item(Suppression, item)
