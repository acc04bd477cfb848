"""Runs that sign again all that a compromised key signed: rows of the `Tickets` table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyferry_service.adapters.items_dynamodb import from_item, members, to_item
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.domain.ticket import LIFE_S

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Resigning:
    """A run. Its ticket ids derive from the secret; it ends no later than the first of them."""

    secret: bytes
    expires_at: int


class Resignings:
    """Reads and writes the runs, one at a time for each key."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def begin(self, keyid: str, secret: bytes, now: int) -> Resigning:
        """Begin a run with this secret, or continue the one that was begun before."""
        resigning = Resigning(secret, now + LIFE_S)
        key = to_item({"pk": f"resigning#{keyid}"})
        try:
            with translate_conflicts():
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=key | to_item(members(resigning)),
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
                    ExpressionAttributeValues=to_item({":now": now}),
                )
        except ConditionFailed:
            reply = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            return from_item(Resigning, reply["Item"])
        return resigning
