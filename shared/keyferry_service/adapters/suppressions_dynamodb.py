"""Who gets no more email: addresses, known by a hash, and licenses with too many bounces."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.emails_dynamodb import (
    BOUNCES_PER_LICENSE,
    BOUNCES_S,
    SentMail,
    bounces_key,
    hash_address,
    sent_key,
    suppressed_key,
)
from keyferry_service.adapters.feedback_ses import Feedback
from keyferry_service.adapters.items_dynamodb import Item, from_item, members, plain, to_item
from keyferry_service.adapters.retries import translate_conflicts
from keyferry_service.domain.license import DAY
from keyferry_service.domain.ticket import ticket_prefix

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUPPRESSED_S = 365 * DAY  # by then the mailbox may exist again


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address gets no email. Times are seconds since 1970."""

    reason: str
    detail: str
    since: int
    expires_at: int
    license_number: str
    ticket: str  # the prefix of its id, as in the logs
    address_sha256: str


@dataclass(frozen=True, slots=True)
class StoppedLicense:
    """A license that sends no email because too many came back or were complained of."""

    license_number: str
    bounce_count: int
    expires_at: int


class Suppressions:
    """Reads and writes the rows; `Emails.allow_mail` checks them for each email."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, feedback: Feedback, sent: SentMail, now: int) -> None:
        """Suppress an email's address, count it for its license, delete its record: only once.

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
                    {"Update": self._count_bounce(sent.license_number, now)},
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
        """Every address that gets no email now. Scans the table: for the vendor alone."""
        for item in self._scan(suppressed_key(""), now):
            yield from_item(Suppression, item)

    def stopped_licenses(self, now: int) -> Iterator[StoppedLicense]:
        """Every license that sends no email now. Scans the table: for the vendor alone."""
        for item in self._scan("bounces#", now):
            license = from_item(StoppedLicense, item)
            if license.bounce_count >= BOUNCES_PER_LICENSE:
                yield license

    def lift(self, address: str, now: int) -> Suppression | None:
        """Allow email to an address again. Returns the suppression, or None if there was none."""
        reply: Any = self._dynamodb.delete_item(
            TableName=self._table,
            Key=to_item({"pk": suppressed_key(hash_address(address))}),
            ReturnValues="ALL_OLD",
        )
        item: Item | None = reply.get("Attributes")
        if item is None or plain(item)["expires_at"] <= now:
            return None
        return from_item(Suppression, item)

    def allow_license(self, license_number: str, now: int) -> None:
        """Let a license send email again: its bounces count from zero."""
        key = to_item({"pk": bounces_key(license_number, now)})
        self._dynamodb.delete_item(TableName=self._table, Key=key)

    def _scan(self, beginning: str, now: int) -> Iterator[Item]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :beginning) AND expires_at > :now",
            ExpressionAttributeValues=to_item({":beginning": beginning, ":now": now}),
        )
        for page in pages:
            yield from page["Items"]

    def _count_bounce(self, license_number: str, now: int) -> Any:
        values = {
            ":one": 1,
            ":license_number": license_number,
            ":expires_at": (now // BOUNCES_S + 1) * BOUNCES_S,
        }
        return {
            "TableName": self._table,
            "Key": to_item({"pk": bounces_key(license_number, now)}),
            "UpdateExpression": "SET license_number = :license_number, expires_at = :expires_at"
            " ADD bounce_count :one",
            "ExpressionAttributeValues": to_item(values),
        }
