"""DynamoDB in memory: the calls that the service makes, each of them at one moment.

test_dynamodb.py holds it against moto. An expression that it does not know ends the test.
A transaction may also hold its rows for a while, as on AWS: see `Tables.hold_rows`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_TOKEN = re.compile(r"\s*(<=|>=|[=<>(),]|[#:]?\w+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
}


def failure(code: str, operation: str, **more: Any) -> ClientError:
    """What boto3 raises for an error that AWS tells."""
    reply: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(reply, operation)


class Tables:
    """Rows by table and key. Nothing here waits, fails by chance or happens at the same time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], Item] = {}
        self.tokens: set[str] = set()
        self.changed: set[tuple[str, ...]] = set()  # places, for who keeps books
        self._held: set[tuple[str, ...]] = set()  # places of transactions that are under way

    def get_item(self, **call: Any) -> dict[str, Any]:
        row = self.rows.get(_place(call["TableName"], call["Key"]))
        return {"Item": deepcopy(row)} if row is not None else {}

    def transact_get_items(self, **call: Any) -> dict[str, Any]:
        reads = [item["Get"] for item in call["TransactItems"]]
        places = [_place(read["TableName"], read["Key"]) for read in reads]
        assert len(reads) <= 100
        assert len(set(places)) == len(places), "two reads of one transaction of one row"
        self._require_free("TransactGetItems", places)
        return {"Responses": [self.get_item(**read) for read in reads]}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        rows = {
            table: [
                row["Item"]
                for key in request["Keys"]
                if (row := self.get_item(TableName=table, Key=key))
            ]
            for table, request in call["RequestItems"].items()
        }
        return {"Responses": rows, "UnprocessedKeys": {}}

    def query(self, **call: Any) -> dict[str, Any]:
        holds = [call["KeyConditionExpression"], call.get("FilterExpression", "")]
        items = [
            deepcopy(row)
            for (table, *_), row in sorted(self.rows.items())
            if table == call["TableName"] and all(_holds(e, row, call) for e in holds if e)
        ]
        return {"Items": items}

    def put_item(self, **call: Any) -> None:
        self._alone("Put", "PutItem", call)

    def update_item(self, **call: Any) -> None:
        self._alone("Update", "UpdateItem", call)

    def delete_item(self, **call: Any) -> None:
        self._alone("Delete", "DeleteItem", call)

    @contextmanager
    def hold_rows(self, **call: Any) -> Iterator[None]:
        """Hold the rows of a TransactWriteItems: until it ends, no other one has them.

        Neither has a plain write nor a TransactGetItems; plain reads and queries see the rows as
        they were. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
        transaction-apis.html#transaction-conflict-handling
        """
        writes = [next(iter(item.items())) for item in call["TransactItems"]]
        places = [_place_of(kind, write) for kind, write in writes]
        self._require_free("TransactWriteItems", places)
        self._held.update(places)
        try:
            yield
        finally:
            self._held.difference_update(places)

    def transact_write_items(self, **call: Any) -> None:
        token = call.get("ClientRequestToken")
        if token in self.tokens:
            return
        writes = [next(iter(item.items())) for item in call["TransactItems"]]
        places = [_place_of(kind, write) for kind, write in writes]
        assert len(writes) <= 100
        assert len(set(places)) == len(places), "two writes of one transaction to one row"
        self._require_free("TransactWriteItems", places)
        outcomes = [self._condition_holds(kind, write) for kind, write in writes]
        if not all(outcomes):
            reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in outcomes]
            code = "TransactionCanceledException"
            raise failure(code, "TransactWriteItems", CancellationReasons=reasons)
        for kind, write in writes:
            self._apply(kind, write)
        if token is not None:
            self.tokens.add(token)

    def _require_free(self, operation: str, places: list[tuple[str, ...]]) -> None:
        """Cancel a transaction that names a row which another one holds."""
        if self._held.isdisjoint(places):
            return
        codes = ["TransactionConflict" if place in self._held else "None" for place in places]
        reasons = [{"Code": code} for code in codes]
        raise failure("TransactionCanceledException", operation, CancellationReasons=reasons)

    def _alone(self, kind: str, operation: str, call: Any) -> None:
        if _place_of(kind, call) in self._held:
            raise failure("TransactionConflictException", operation)
        if not self._condition_holds(kind, call):
            raise failure("ConditionalCheckFailedException", operation)
        self._apply(kind, call)

    def _condition_holds(self, kind: str, write: Any) -> bool:
        row = self.rows.get(_place_of(kind, write), {})
        condition = write.get("ConditionExpression")
        return condition is None or _holds(condition, row, write)

    def _apply(self, kind: str, write: Any) -> None:
        place = _place_of(kind, write)
        if kind != "ConditionCheck":
            self.changed.add(place)
        match kind:
            case "Put":
                self.rows[place] = deepcopy(write["Item"])
            case "Delete":
                self.rows.pop(place, None)
            case "Update":
                row = self.rows.setdefault(place, deepcopy(write["Key"]))
                _update(row, write)
            case _:
                assert kind == "ConditionCheck"


def _place_of(kind: str, write: Any) -> tuple[str, ...]:
    return _place(write["TableName"], write["Item"] if kind == "Put" else write["Key"])


def _place(table: str, key: Mapping[str, Any]) -> tuple[str, ...]:
    return (table, *(key[name]["S"] for name in ("pk", "sk") if name in key))


def _update(row: Item, write: Any) -> None:
    names, values = write.get("ExpressionAttributeNames", {}), write["ExpressionAttributeValues"]
    expression = write["UpdateExpression"]
    sets, _, adds = expression.removeprefix("SET ").partition(" ADD ")
    for pair in sets.split(", "):
        name, value = pair.split(" = ")
        row[names.get(name, name)] = deepcopy(values[value])
    for pair in filter(None, adds.split(", ")):
        written, value = pair.split(" ")
        name = names.get(written, written)
        (kind, added), before = next(iter(values[value].items())), row.get(name, {})
        if kind == "N":
            row[name] = {"N": str(int(before.get("N", "0")) + int(added))}
        else:
            row[name] = {kind: sorted({*before.get(kind, []), *added})}


def _holds(expression: str, row: Item, call: Any) -> bool:
    """Whether a condition holds for a row: OR of ANDs of comparisons and functions."""
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == expression.replace(" ", ""), expression
    return any(
        all(_term(term, row, call) for term in _split(part, "AND")) for part in _split(tokens, "OR")
    )


def _split(tokens: list[str], word: str) -> Iterator[list[str]]:
    part: list[str] = []
    for token in tokens:
        if token == word:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _term(tokens: list[str], row: Item, call: Any) -> bool:
    match tokens:
        case ["attribute_exists", "(", name, ")"]:
            return _name(name, call) in row
        case ["attribute_not_exists", "(", name, ")"]:
            return _name(name, call) not in row
        case ["contains", "(", name, ",", value, ")"]:
            return _value(value, row, call) in (_value(name, row, call) or ())
        case ["begins_with", "(", name, ",", value, ")"]:
            return str(_value(name, row, call)).startswith(str(_value(value, row, call)))
        case ["size", "(", name, ")", comparison, value]:
            stored = _value(name, row, call)
            return stored is not _ABSENT and _COMPARISONS[comparison](
                len(stored), _value(value, row, call)
            )
        case [name, comparison, value]:
            left, right = _value(name, row, call), _value(value, row, call)
            return left is not _ABSENT and _COMPARISONS[comparison](left, right)
    raise AssertionError(f"An expression that the simulation does not know: {tokens}")


class _Absent:
    def __iter__(self) -> Iterator[Any]:
        return iter(())


_ABSENT = _Absent()


def _name(name: str, call: Any) -> str:
    return str(call["ExpressionAttributeNames"][name]) if name.startswith("#") else name


def _value(name: str, row: Item, call: Any) -> Any:
    is_given = name.startswith(":")
    typed = call["ExpressionAttributeValues"][name] if is_given else row.get(_name(name, call))
    if typed is None:
        return _ABSENT
    ((kind, value),) = typed.items()
    return int(value) if kind == "N" else value
