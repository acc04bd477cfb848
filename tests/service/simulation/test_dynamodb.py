"""The table in memory does what moto's does, for every kind of call that the service makes."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from keyferry_service.adapters.items_dynamodb import to_item
from tests.service.simulation.dynamodb import Tables

KEY = to_item({"pk": "1", "sk": "a"})
VALUES = to_item({":one": 1, ":two": 2, ":x": "x", ":set": {"x"}, ":yes": True, ":none": None})


@pytest.fixture
def moto() -> Iterator[Any]:
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-central-1")
        dynamodb.create_table(
            TableName="T",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield dynamodb


def outcome(client: Any, operation: str, call: dict[str, Any]) -> Any:
    """What a call gave, or how it failed, without what only AWS adds."""
    try:
        answer = getattr(client, operation)(**call) or {}
    except ClientError as error:
        reasons = [r["Code"] for r in error.response.get("CancellationReasons", [])]
        return error.response["Error"]["Code"], reasons
    known = {n: v for n, v in answer.items() if n in ("Item", "Items", "Responses")}
    return {n: v for n, v in known.items() if v}


def put(**more: Any) -> dict[str, Any]:
    row = {"pk": "1", "sk": "a", "n": 1, "s": "x", "message_ids": {"x"}}
    row |= {"taken": True, "seat": None}
    return {"TableName": "T", "Item": to_item(row | more)}


def update(expression: str = "SET #n = :two", condition: str | None = None) -> dict[str, Any]:
    used = f"{expression} {condition or ''}"
    call = {"TableName": "T", "Key": KEY, "UpdateExpression": expression}
    if condition:
        call["ConditionExpression"] = condition
    return call | named(used)


def named(used: str) -> dict[str, Any]:
    """The names and values that an expression uses: AWS refuses any other."""
    words = used.replace("(", " ").replace(")", " ").replace(",", " ").split()
    parameters: dict[str, Any] = {
        "ExpressionAttributeValues": {name: v for name, v in VALUES.items() if name in words}
    }
    if "#n" in words:
        parameters["ExpressionAttributeNames"] = {"#n": "n"}
    return {name: value for name, value in parameters.items() if value}


CONDITIONS = [
    "attribute_exists(pk)",
    "attribute_not_exists(pk)",
    "attribute_not_exists(gone)",
    "#n = :one",
    "#n = :two",
    "gone = :one",
    "taken = :yes",
    "s = :x AND #n < :two",
    "s = :x AND #n < :one",
    "#n > :one",
    "#n <= :one",
    "attribute_not_exists(s) OR #n <= :two",
    "attribute_not_exists(message_ids) OR contains(message_ids, :x) OR size(message_ids) < :one",
    "attribute_not_exists(message_ids) OR size(message_ids) < :two",
]
UPDATES = [
    "SET #n = :two, more = :x",
    "SET s = :x ADD ticket_count :one",
    "SET s = :x ADD #n :two",
    "SET s = :x ADD message_ids :set",
    "SET s = :x ADD seen :set",
]
QUERIES = [
    "pk = :number AND begins_with(sk, :beginning)",
    "pk = :number",
]


# moto takes an attribute that is not there for null, which DynamoDB does not.
ONLY_WITH_A_ROW = ["seat = :none"]


@pytest.mark.parametrize(
    ("condition", "there"),
    [(c, True) for c in CONDITIONS + ONLY_WITH_A_ROW] + [(c, False) for c in CONDITIONS],
)
def test_a_condition_holds_where_it_does_for_moto(moto: Any, condition: str, there: bool) -> None:
    tables = Tables()
    outcomes = []
    for client in (moto, tables):
        if there:
            client.put_item(**put())
        alone = outcome(client, "update_item", update(condition=condition))
        check = {"TableName": "T", "Key": KEY, "ConditionExpression": condition}
        items = [
            {"ConditionCheck": check | named(condition)},
            {"Put": put(sk="b")},
        ]
        together = outcome(client, "transact_write_items", {"TransactItems": items})
        other = outcome(
            client, "get_item", {"TableName": "T", "Key": to_item({"pk": "1", "sk": "b"})}
        )
        outcomes.append((alone, together, other))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("expression", UPDATES)
@pytest.mark.parametrize("there", [True, False], ids=["a row", "no row"])
def test_an_update_leaves_what_it_leaves_with_moto(moto: Any, expression: str, there: bool) -> None:
    rows = []
    for client in (moto, Tables()):
        if there:
            client.put_item(**put())
        client.transact_write_items(TransactItems=[{"Update": update(expression)}])
        rows.append(outcome(client, "get_item", {"TableName": "T", "Key": KEY}))
    assert rows[0] == rows[1]


@pytest.mark.parametrize("expression", QUERIES)
@pytest.mark.parametrize("filtered", [None, "taken = :yes"])
def test_reads_find_what_moto_finds(moto: Any, expression: str, filtered: str | None) -> None:
    values = to_item({":number": "1", ":beginning": "b"})
    values = {name: value for name, value in values.items() if name in expression}
    query = {"TableName": "T", "KeyConditionExpression": expression}
    if filtered:
        query["FilterExpression"] = filtered
        values[":yes"] = {"BOOL": True}
    replies = []
    for client in (moto, Tables()):
        for row in ({"sk": "b1"}, {"sk": "b2", "taken": False}, {"sk": "c"}, {"pk": "2"}):
            client.put_item(**put(**row))
        client.delete_item(TableName="T", Key=to_item({"pk": "1", "sk": "c"}))
        gets = [
            {"Get": {"TableName": "T", "Key": to_item({"pk": "1", "sk": sk})}} for sk in ("b1", "c")
        ]
        batch = {"T": {"Keys": [to_item({"pk": "1", "sk": "b1"})]}}
        replies.append(
            [
                outcome(client, "query", query | {"ExpressionAttributeValues": values}),
                outcome(client, "transact_get_items", {"TransactItems": gets}),
                outcome(client, "batch_get_item", {"RequestItems": batch}),
            ]
        )
    assert replies[0] == replies[1]
    assert replies[0][0]["Items"]


def test_what_the_simulation_does_not_know_ends_it() -> None:
    tables = Tables()
    tables.put_item(**put())
    with pytest.raises(AssertionError):
        tables.update_item(**update(condition="attribute_type(s, :x)"))


def test_a_row_that_a_transaction_holds_is_refused_as_aws_refuses_it() -> None:
    """moto and the embedded cloud never do; a plain read waits for nobody."""
    tables = Tables()
    tables.put_item(**put(sk="b"))
    check = {"TableName": "T", "Key": KEY, "ConditionExpression": "attribute_not_exists(pk)"}
    other = {"Put": put(sk="b")}
    get = {"TransactItems": [{"Get": {"TableName": "T", "Key": KEY}}]}
    canceled = ("TransactionCanceledException", ["None", "TransactionConflict"])
    with tables.hold_rows(TransactItems=[{"ConditionCheck": check}]):
        transaction = {"TransactItems": [other, {"Update": update()}]}
        assert outcome(tables, "transact_write_items", transaction) == canceled
        assert outcome(tables, "transact_get_items", get)[1] == canceled[1][1:]
        for operation, call in (("put_item", put()), ("update_item", update())):
            assert outcome(tables, operation, call) == ("TransactionConflictException", [])
        assert outcome(tables, "get_item", {"TableName": "T", "Key": KEY}) == {}
        tables.put_item(**put(sk="b"))
    tables.put_item(**put())
