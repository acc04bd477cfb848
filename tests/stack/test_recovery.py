"""The drill of docs/operations/recovery.md: the license table is lost back to a point in time."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.use_cases import change_license, licenses
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_service.domain.allocate import Grant, grant
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.request_context import RequestContext, Snapshot
from tests.stack.crowd import Answer, Counts, Crowd, refusals, responses
from tests.support.builders import VENDOR, Computer, a_license, a_request
from tests.support.journeys import client
from tests.support.running_stack import ROOT, RunningStack, start, stop, wait_until_ready
from tests.support.samples import NOW

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One of its own: here the licenses of all tests go back in time."""
    folder = tmp_path_factory.mktemp("recovery")
    process = start(folder)
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)


class Drill:
    """The vendor's hands in a bad hour."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._dynamodb = client(stack, "dynamodb")
        self._table = stack.outputs["LicensesTable"]

    def remember(self) -> str:
        """A backup, as the embedded cloud has no memory of every second."""
        backup = self._dynamodb.create_backup(TableName=self._table, BackupName="drill")
        arn: str = backup["BackupDetails"]["BackupArn"]
        return arn

    def restored(self, backup: str) -> str:
        """A new table, as AWS makes one; its name."""
        name = f"{self._table}-{secrets.token_hex(4)}"
        self._dynamodb.restore_table_from_backup(TargetTableName=name, BackupArn=backup)
        return name

    def restore(self, *line: str) -> tuple[int, str]:
        """docs/operations/restore.py: its exit code, and what it says."""
        settings = {
            "AWS_ENDPOINT_URL": self._stack.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, str(ROOT / "docs" / "operations" / "restore.py"), *line]
        ran = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, timeout=120
        )
        assert not ran.stderr, ran.stderr
        return ran.returncode, ran.stdout

    @contextmanager
    def paused(self) -> Iterator[None]:
        try:
            assert self.restore("pause")[0] == 0
            yield
        finally:
            assert self.restore("resume")[0] == 0

    def put_forged_response(self, number: str) -> None:
        """What someone else signed, as if it had been answered."""
        license = replace(a_license(), number=number)
        request = a_request(license_number=number)
        again = grant(RequestContext(request, Snapshot(license=license), license, NOW))
        assert isinstance(again, Grant)
        forged = seal(RESPONSE, response_to(request, again, NOW).to_bytes(), [VENDOR])
        key = f"responses/{secrets.token_urlsafe(32)}/{number}-0000.response"
        bucket = self._stack.outputs["OutBucket"]
        client(self._stack, "s3").put_object(Bucket=bucket, Key=key, Body=forged)

    def rows(self, number: str) -> dict[str, Any]:
        """All that is stored of a license, by sort key."""
        reply = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :number",
            ExpressionAttributeValues={":number": {"S": number}},
        )
        return {row["sk"]["S"]: row for row in reply["Items"]}


def bodies(answers: Sequence[Answer]) -> list[bytes]:
    return [response.envelope.body for response in responses(answers)]


def in_turn(crowd: Crowd, files: Sequence[bytes]) -> list[Answer]:
    """Each file goes in when the one before it is answered."""
    return [answer for file in files for answer in crowd.all_answered([file])]


def test_a_restored_table_sells_no_seat_twice_and_answers_the_same(stack: RunningStack) -> None:
    drill, crowd = Drill(stack), Crowd(stack, seats=4)
    before = [crowd.file(1), crowd.file(2)]
    answers = in_turn(crowd, before)
    backup, since = drill.remember(), int(time.time())
    after = [
        crowd.file(3),
        crowd.file(1, "update", last_serial=1),
        crowd.file(2, "deactivate", last_serial=2),
        crowd.file(4),
        crowd.file(Computer("LAB-001").reinstalled()),
        crowd.file(5),
        crowd.file(6),
    ]
    answers += in_turn(crowd, after[:-1])
    sell_one_more(crowd)
    answers += in_turn(crowd, after[-1:])
    assert refusals(answers) == []
    last = max(response.serial for response in responses(answers))
    lost = drill.rows(crowd.number)

    began = time.monotonic()
    with drill.paused():
        came_meanwhile = crowd.send([crowd.file(7)])
        assert drill.restore("copy", drill.restored(backup))[0] == 0
        assert crowd.counts() == Counts(taken=2, used=2, ledger=2, revision=2)
        code, output = drill.restore("replay", format_time(since))
        # What customers were given is back; what the vendor did is for the vendor to do again.
        assert code == 1
        assert output.startswith(f"{len(after)} answers recorded again")
        assert "5 of 4 seats are in use" in output
        sell_one_more(crowd)
        code, output = drill.restore("replay", format_time(since))
        assert code == 0, output
        assert output.startswith("0 answers recorded again")
    took_s = time.monotonic() - began

    restored = drill.rows(crowd.number)
    assert_same_but_for_the_revision(restored, lost)
    assert refusals(crowd.answers(came_meanwhile)) == ["no-seats-left"]
    assert bodies(crowd.all_answered([*before, *after])) == bodies(answers)
    assert drill.rows(crowd.number) == restored
    (newer,) = responses(in_turn(crowd, [crowd.file(3, "update", last_serial=3)]))
    assert newer.serial > last
    print(f"RPO: 0 of {len(after)} answers lost, 1 change of the vendor made again")
    print(f"RTO: {took_s:.1f} s from the pause to the resume, with this table")


def sell_one_more(crowd: Crowd) -> None:
    change_license.change(crowd.licenses, crowd.number, lambda license: replace(license, seats=5))


def assert_same_but_for_the_revision(rows: dict[str, Any], before: dict[str, Any]) -> None:
    """Every seat, key, body and ledger row, and the license's counts; only serials went on."""
    revision, earlier = (int(each["license"].pop("revision")["N"]) for each in (rows, before))
    assert rows == before
    assert revision >= earlier
    rows["license"]["revision"] = {"N": str(revision)}


def test_what_only_the_vendor_knows_is_told_until_it_is_done_again(stack: RunningStack) -> None:
    drill, crowd = Drill(stack), Crowd(stack, seats=1)
    in_turn(crowd, [crowd.file(1)])
    backup, since = drill.remember(), int(time.time())
    change_license.release_seat(crowd.licenses, crowd.number, seat_number=1)
    (moved,) = responses(in_turn(crowd, [crowd.file(2)]))
    later = Crowd(stack, seats=1)
    (sold,) = responses(in_turn(later, [later.file(3)]))
    drill.put_forged_response(crowd.number)
    with drill.paused():
        drill.restore("copy", drill.restored(backup))
        code, output = drill.restore("replay", format_time(since))
        assert code == 1
        assert output.startswith("1 answers recorded again")
        assert f"{show_license_number(crowd.number)}: 2 of 1 seats are in use" in output
        assert f"{show_license_number(later.number)}: there is no such license" in output
        change_license.release_seat(crowd.licenses, crowd.number, seat_number=1)
        licenses.create(later.licenses, sold.license.product, since, later.number, seats=1)
        code, output = drill.restore("replay", format_time(since))
        assert code == 0, output
        assert output.startswith("1 answers recorded again")
    assert crowd.counts() == Counts(taken=1, used=1, ledger=2, revision=4)
    assert later.counts() == Counts(taken=1, used=1, ledger=1, revision=1)
    assert later.ledger() == {sold.request_sha256: sold.envelope.body}
    assert in_turn(crowd, [crowd.file(4)]) == ["no-seats-left"]
    (newer,) = responses(in_turn(crowd, [crowd.file(2, "update", last_serial=moved.serial)]))
    assert newer.serial > moved.serial


def test_what_left_no_file_behind_is_answered_anew_and_never_with_an_older_serial(
    stack: RunningStack,
) -> None:
    """The bucket of responses forgets after 30 days; a copy older than that ends so."""
    drill, crowd = Drill(stack), Crowd(stack, seats=2)
    backup = drill.remember()
    answers = responses(in_turn(crowd, [crowd.file(1), crowd.file(1, "update", last_serial=1)]))
    with drill.paused():
        drill.restore("copy", drill.restored(backup))
    assert crowd.counts() == Counts(0, 0, 0, 0)
    assert in_turn(crowd, [crowd.file(1, "update", last_serial=2)]) == ["not-authentic"]
    asks_again = crowd.file(1, id=f"{1:032x}", last_serial=answers[-1].serial)
    (anew,) = responses(in_turn(crowd, [asks_again]))
    assert (anew.seat, anew.serial) == (1, answers[-1].serial + 1)
    assert crowd.counts() == Counts(1, 1, 1, revision=anew.serial)
