"""The rows of the `Tickets` table: their key, and a set that grows to a limit."""

from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import Item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TicketRows:
    """Reads rows by their keys, for `Tickets` and `Emails`."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def _get(self, key: str) -> Item | None:
        reply = self._dynamodb.get_item(
            TableName=self._table, Key=row_key(key), ConsistentRead=True
        )
        return reply.get("Item")


def add_once(
    table: str, key: str, name: str, member: str, limit: int, expires_at: int
) -> dict[str, Any]:
    """The update that adds a member to the set of this name, of at most `limit`.

    A member that is there already fits in, so that it may be repeated.
    """
    values = {":member": member, ":set": {member}, ":limit": limit, ":expires_at": expires_at}
    return {
        "TableName": table,
        "Key": row_key(key),
        "UpdateExpression": f"SET expires_at = :expires_at ADD {name} :set",
        "ConditionExpression": f"attribute_not_exists({name})"
        f" OR contains({name}, :member) OR size({name}) < :limit",
        "ExpressionAttributeValues": to_item(values),
    }


def row_key(key: str) -> Item:
    return to_item({"pk": key})
