"""`make bench` counts the calls of the step it names, or fails and says why."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from benchmarks import __main__ as bench
from benchmarks import calls
from benchmarks.calls import ACTIVATE, OPEN, Invocation, Records, WrongCount, count
from benchmarks.measure import Row

TICKET, OTHER_TICKET = "a" * 43, "b" * 43
FIRST_ACTIVATION = Invocation(
    request=f"requests/{TICKET}",
    opened=None,
    succeeded=True,
    calls=(
        "S3.GetObject",
        "DynamoDB.TransactGetItems",
        "DynamoDB.TransactWriteItems",
        "KMS.Sign",
        "S3.PutObject",
    ),
)
OPENING_CALLS = ("DynamoDB.UpdateItem", "DynamoDB.PutItem")
OPENING = Invocation("POST /api/requests", TICKET, True, OPENING_CALLS)
POLL = Invocation(f"GET /api/requests/{TICKET}", None, True, ("DynamoDB.GetItem",))
TEST_EVENT = Invocation("s3:TestEvent", None, True, ())


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def write(records: Records, function: str, *invocations: Invocation) -> None:
    lines = [json.dumps(vars(invocation)) + "\n" for invocation in invocations]
    records.path(function).write_text("".join(lines))


def test_a_first_activation_is_counted_among_other_invocations(records: Records) -> None:
    other = replace(FIRST_ACTIVATION, request=f"requests/{OTHER_TICKET}", calls=("S3.GetObject",))
    write(records, "process_request", TEST_EVENT, other, FIRST_ACTIVATION)

    row = records.row(ACTIVATE, f"requests/{TICKET}")

    assert (row.name, row.value, row.goal) == ("process a first activation", 5, 6)
    assert row.detail == ", ".join(FIRST_ACTIVATION.calls)


def test_the_poll_of_a_ticket_is_not_its_opening(records: Records) -> None:
    another = replace(OPENING, opened=OTHER_TICKET, calls=("DynamoDB.GetItem",))
    write(records, "public_api", another, OPENING, POLL)

    row = records.row(OPEN, "POST /api/requests", opened=TICKET)

    assert row.detail == ", ".join(OPENING_CALLS)


def test_a_request_that_was_never_served_is_not_counted(records: Records) -> None:
    write(records, "process_request", TEST_EVENT)
    with pytest.raises(WrongCount, match="never served"):
        records.row(ACTIVATE, f"requests/{TICKET}")


def test_a_request_that_was_served_twice_is_not_counted(records: Records) -> None:
    write(records, "process_request", FIRST_ACTIVATION, FIRST_ACTIVATION)
    with pytest.raises(WrongCount, match="2 times"):
        records.row(ACTIVATE, f"requests/{TICKET}")


@pytest.mark.parametrize(
    ("invocation", "reason"),
    [
        pytest.param(replace(FIRST_ACTIVATION, calls=()), "made no AWS call", id="empty"),
        pytest.param(
            replace(FIRST_ACTIVATION, calls=("DynamoDB.GetItem",)),
            "S3.GetObject is missing from what was counted: DynamoDB.GetItem",
            id="another thing",
        ),
        pytest.param(
            replace(FIRST_ACTIVATION, calls=FIRST_ACTIVATION.calls[:-1]),
            "S3.PutObject is missing",
            id="not finished",
        ),
        pytest.param(
            replace(FIRST_ACTIVATION, succeeded=False), "process_request failed", id="failed"
        ),
    ],
)
def test_an_empty_or_wrong_invocation_is_not_counted(invocation: Invocation, reason: str) -> None:
    with pytest.raises(WrongCount, match=reason):
        count(ACTIVATE, invocation)


def a_row(value: int, detail: str = "S3.GetObject") -> Row:
    return Row("process a first activation", value, "calls", goal=5, detail=detail)


def test_more_calls_than_the_goal_fail() -> None:
    calls.check_goals([a_row(5), Row("request to response", 9.0, "x", goal=1.5)])
    with pytest.raises(WrongCount, match="process a first activation: 6 calls, goal 5"):
        calls.check_goals([a_row(6)])


def test_a_run_with_other_calls_fails() -> None:
    calls.check_same([a_row(1)], [a_row(1)], run=2)
    with pytest.raises(WrongCount, match=r"run 2 made S3\.PutObject; run 1: S3\.GetObject"):
        calls.check_same([a_row(1)], [a_row(1, "S3.PutObject")], run=2)


class Part:
    """A part of the benchmark that has this result."""

    def __init__(self, *rows: Row, error: WrongCount | None = None) -> None:
        self._rows = list(rows)
        self._error = error

    def rows(self) -> list[Row]:
        if self._error:
            raise self._error
        return self._rows


@pytest.mark.parametrize(
    ("part", "exit_code", "reason"),
    [
        pytest.param(Part(a_row(5)), 0, "", id="within its goal"),
        pytest.param(Part(a_row(6)), 1, "6 calls, goal 5", id="beyond its goal"),
        pytest.param(Part(error=WrongCount("Nothing.")), 1, "Nothing.", id="not counted"),
    ],
)
def test_make_bench_exits_with_1_and_the_reason(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    part: Part,
    exit_code: int,
    reason: str,
) -> None:
    monkeypatch.setattr(bench, "OUTPUT", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "PARTS", {"calls": part.rows, bench.LARGE: pytest.fail})
    monkeypatch.setattr(sys, "argv", ["benchmarks"])

    assert bench.main() == exit_code
    assert reason in capsys.readouterr().err


REAL_APP = """
import contextlib, json, boto3

dynamodb = boto3.client("dynamodb", region_name="us-east-1")

def lambda_handler(event, context):
    if "Records" not in event:
        dynamodb.list_tables()
        return {"statusCode": 201, "body": json.dumps({"id": "a" * 43})}
    [record] = event["Records"]
    if "s3:TestEvent" in record["body"]:
        return {"batchItemFailures": []}
    with contextlib.suppress(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.query(
            TableName="licenses",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "keys"}},
        )
    dynamodb.list_tables()
    if "b" * 43 in record["body"]:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    if "c" * 43 in record["body"]:
        raise RuntimeError("broken")
    dynamodb.describe_limits()
    return {"batchItemFailures": []}
"""


@pytest.fixture
def app(tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """process_request as the benchmark deploys it, around a stand-in for the real handler."""
    source = tmp_path / "source"
    for name in calls.FUNCTIONS:
        (source / "functions" / name).mkdir(parents=True)
        (source / "functions" / name / "app.py").write_text(REAL_APP)
    build = calls.counting_build(tmp_path / "build", source, records)
    path = build / "functions" / "process_request" / "app.py"
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.delitem(sys.modules, "real_app", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    spec = importlib.util.spec_from_file_location("counted_process_request", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock_aws():
        spec.loader.exec_module(module)
        yield module
    sys.modules.pop("real_app", None)


def a_message(ticket: str) -> dict[str, Any]:
    notice = {"Records": [{"s3": {"object": {"key": f"requests/{ticket}"}}}]}
    return {"messageId": ticket[:1], "body": json.dumps(notice)}


def test_each_message_of_a_batch_has_its_own_calls(app: ModuleType, records: Records) -> None:
    test_event = {"messageId": "t", "body": json.dumps({"Event": "s3:TestEvent"})}

    batch = [test_event, a_message(TICKET), a_message(OTHER_TICKET)]
    reply = app.lambda_handler({"Records": batch}, None)

    assert reply == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    (answered,) = records.find("process_request", f"requests/{TICKET}")
    assert answered.succeeded
    assert answered.calls == ("DynamoDB.ListTables", "DynamoDB.DescribeLimits")
    (failed,) = records.find("process_request", f"requests/{OTHER_TICKET}")
    assert not failed.succeeded
    assert failed.calls == ("DynamoDB.ListTables",)
    assert records.find("process_request", "s3:TestEvent") == [TEST_EVENT]


def test_a_handler_that_raises_is_recorded_as_failed(app: ModuleType, records: Records) -> None:
    ticket = "c" * 43
    with pytest.raises(RuntimeError, match="broken"):
        app.lambda_handler({"Records": [a_message(ticket)]}, None)
    (invocation,) = records.find("process_request", f"requests/{ticket}")
    assert not invocation.succeeded


def test_an_http_request_is_recorded_with_the_ticket_it_opened(
    app: ModuleType, records: Records
) -> None:
    http = {"method": "POST", "path": "/api/requests"}
    app.lambda_handler({"requestContext": {"http": http}}, None)
    (invocation,) = records.find("process_request", "POST /api/requests", opened=TICKET)
    assert invocation.calls == ("DynamoDB.ListTables",)


def test_an_event_of_no_known_kind_is_recorded_too(app: ModuleType, records: Records) -> None:
    app.lambda_handler({}, None)
    assert records.find("process_request", "unknown", opened=TICKET)
