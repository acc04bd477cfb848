"""Units of DynamoDB on demand, counted from a client's calls and the rows that they write.

A consistent read costs a unit for a row of at most 4 KB, as all of ours are. A write costs a unit
for each 1,024 bytes that its row has begun, before or after it, whichever is more. In a transaction
both cost twice that, and a ConditionCheck costs as much as a write. moto counts nothing.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

UNIT_BYTES = 1024
KEYS = ("pk", "sk")


@dataclass(frozen=True)
class Write:
    """One row that one call wrote or checked."""

    key: dict[str, Any]
    bytes: int
    units: int


@dataclass
class Units:
    """What a client did since it was watched, or since `take`."""

    reads: int = 0
    writes: list[Write] = field(default_factory=list)

    def take(self) -> "Units":
        """What was counted until now; counting begins again."""
        taken = Units(self.reads, self.writes)
        self.reads, self.writes = 0, []
        return taken


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of a row; where AWS says "approximately", the larger one."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(typed: Mapping[str, Any]) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return 2 + len(value) // 2
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(member.encode()) for member in value)
        case "L":
            return 3 + sum(1 + _value_bytes(member) for member in value)
        case "M":
            return 3 + len(value) + item_bytes(value)
    raise AssertionError(f"a type that no row has: {kind}")


@contextmanager
def counting_units(client: Any, reader: Any) -> Iterator[Units]:
    """What this client reads and writes meanwhile; `reader` is another one, which sees sizes."""
    units = Units()
    pending: list[tuple[int, str, dict[str, Any], int]] = []

    def size(table: str, key: dict[str, Any]) -> int:
        return item_bytes(reader.get_item(TableName=table, Key=key).get("Item", key))

    def before(model: Any, params: dict[str, Any], **_: Any) -> None:
        units.reads += _reads_of(model.name, params)
        factor, parts = _writes_of(model.name, params)
        for part in parts:
            row = part.get("Key") or part["Item"]
            key = {name: row[name] for name in KEYS if name in row}
            pending.append((factor, part["TableName"], key, size(part["TableName"], key)))

    def after(**_: Any) -> None:
        for factor, table, key, old in pending:
            most = max(old, size(table, key))
            units.writes.append(Write(key, most, factor * -(-most // UNIT_BYTES)))
        pending.clear()

    client.meta.events.register("provide-client-params.dynamodb", before)
    client.meta.events.register("after-call.dynamodb", after)
    yield units
    client.meta.events.unregister("provide-client-params.dynamodb", before)
    client.meta.events.unregister("after-call.dynamodb", after)


def _reads_of(operation: str, params: dict[str, Any]) -> int:
    match operation:
        case "TransactGetItems":
            return 2 * len(params["TransactItems"])
        case "BatchGetItem":
            return sum(len(table["Keys"]) for table in params["RequestItems"].values())
        case "GetItem":
            return 1
    return 0  # a Query reads the signing keys, once a minute


def _writes_of(operation: str, params: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    match operation:
        case "TransactWriteItems":
            return 2, [part for item in params["TransactItems"] for part in item.values()]
        case "PutItem" | "UpdateItem" | "DeleteItem":
            return 1, [params]
    return 1, []
