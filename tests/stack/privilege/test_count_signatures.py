"""A vendor compares what KMS signed with the ledger, by the script of docs/operations."""

import gzip
import importlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import client
from tests.support.running_stack import ROOT, RunningStack

pytestmark = [pytest.mark.privilege, pytest.mark.timeout(300)]
SOMEBODY = "arn:aws:iam::000000000000:role/Administrator"
NEVER = "2000-01-01T00:00:00Z"  # the beginning of all time: every answer of the stack counts


class Trail:
    """What CloudTrail would have written of the stack's own key, in AWS's documented form."""

    def __init__(self, stack: RunningStack) -> None:
        self._key = stack.outputs["Ed25519KeyArn"]
        config = client(stack, "lambda").get_function_configuration(
            FunctionName=stack.outputs["ProcessRequestFunction"]
        )
        self._role = config["Role"]
        self.events: list[dict[str, Any]] = []

    def signed(self, times: int, by: str | None = None, **more: Any) -> None:
        issuer = {"type": "Role", "arn": by or self._role}
        for _ in range(times):
            event = {
                "eventVersion": "1.08",
                "userIdentity": {
                    "type": "AssumedRole",
                    "sessionContext": {"sessionIssuer": issuer},
                },
                "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "eventSource": "kms.amazonaws.com",
                "eventName": "Sign",
                "eventID": f"event-{len(self.events)}",
                "resources": [{"type": "AWS::KMS::Key", "ARN": self._key}],
            }
            self.events.append(event | more)


@pytest.fixture
def trail(stack: RunningStack, tmp_path: Path) -> Trail:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    Customer(stack, table, tmp_path, seats=1).activate()
    return Trail(stack)


def compare(stack: RunningStack, file: Path) -> tuple[int, list[str]]:
    settings = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    until = datetime.fromtimestamp(time.time() + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    script = ROOT / "docs" / "operations" / "count_signatures.py"
    ran = subprocess.run(
        [sys.executable, str(script), NEVER, until, str(file)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not ran.stderr, ran.stderr
    return ran.returncode, ran.stdout.splitlines()


def answers(stack: RunningStack) -> int:
    """Rows of the ledger, counted in another way than the script does."""
    pages = (
        client(stack, "dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack.outputs["LicensesTable"])
    )
    rows = [item["sk"]["S"] for page in pages for item in page["Items"]]
    return sum(row.startswith("answer#") for row in rows)


def test_a_file_without_events_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "operations")
    script = importlib.import_module("count_signatures")
    for number, content in enumerate((b"", b"[]", b"\x1f\x8bcut", gzip.compress(b"{}")[:-9])):
        (file := tmp_path / str(number)).write_bytes(content)
        with pytest.raises(SystemExit, match=f"{file} cannot be read"):
            list(script._events(file))


def test_as_many_signatures_as_answers_and_some_more_are_no_alarm(
    stack: RunningStack, trail: Trail, tmp_path: Path
) -> None:
    count = answers(stack)
    trail.signed(count + 2)
    trail.signed(3, errorCode="ThrottlingException")
    trail.signed(4, eventName="GetPublicKey")
    trail.events.append(trail.events[0])  # CloudTrail may tell of one twice
    file = tmp_path / "000000000000_CloudTrail.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"Records": trail.events}).encode()))
    code, output = compare(stack, file)
    assert (code, output[0]) == (0, f"{count} new answers in the ledger")
    assert output[1].startswith(f"{count + 2} signatures by Ed25519 key ")
    assert output[1].endswith(", +2")


def test_a_signature_by_anyone_else_is_an_alarm(
    stack: RunningStack, trail: Trail, tmp_path: Path
) -> None:
    trail.signed(answers(stack))
    trail.signed(1, by=SOMEBODY)
    file = tmp_path / "looked-up.json"
    looked_up = [{"CloudTrailEvent": json.dumps(event)} for event in trail.events]
    file.write_text(json.dumps({"Events": looked_up}))
    code, output = compare(stack, file)
    assert code == 1
    key = stack.outputs["Ed25519KeyArn"]
    assert output[-1] == f"ALARM: {SOMEBODY} called Sign 1 times with {key}: it signed"


def test_fewer_signatures_than_answers_are_an_alarm(
    stack: RunningStack, trail: Trail, tmp_path: Path
) -> None:
    trail.signed(answers(stack) - 1)
    file = tmp_path / "trail.json"
    file.write_text(json.dumps({"Records": trail.events}))
    code, output = compare(stack, file)
    assert code == 1
    assert output[-1].strip().startswith("ALARM: fewer than answers;")
