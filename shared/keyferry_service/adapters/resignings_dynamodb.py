"""The row of each re-signing of all that a key signed, beside the tickets that it opened."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyferry_service.adapters.items_dynamodb import from_item, members, to_item
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.domain.ticket import LIFE_S

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Resigning:
    """The secret that its tickets are named by; it ends no later than the first of them."""

    secret: bytes
    expires_at: int


class Resignings:
    """Reads and writes the rows; of two beginnings the first counts, as long as it lasts."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def begin(self, keyid: str, secret: bytes, now: int) -> Resigning:
        """Begin with this secret, or go on with that of a run before."""
        begun = Resigning(secret, now + LIFE_S)
        key = to_item({"pk": f"resigning#{keyid}"})
        try:
            with translate_conflicts():
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=key | to_item(members(begun)),
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
                    ExpressionAttributeValues=to_item({":now": now}),
                )
        except ConditionFailed:
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            return from_item(Resigning, answer["Item"])
        return begun
