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

from keyferry_admin import changes
from keyferry_protocol.encoding import format_time
from tests.builders import Computer
from tests.conftest import ROOT, RunningStack
from tests.journeys import client
from tests.stack.crowd import Answer, Counts, Crowd, refusals, responses

pytestmark = pytest.mark.timeout(300)


class Drill:
    """The vendor's hands in a bad hour."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._dynamodb = client(stack, "dynamodb")
        self._table = stack.outputs["LicensesTable"]

    def remember(self) -> str:
        """A backup, as the embedded cloud has no memory of every second."""
        made = self._dynamodb.create_backup(TableName=self._table, BackupName="drill")
        arn: str = made["BackupDetails"]["BackupArn"]
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

    def rows(self, number: str) -> dict[str, Any]:
        """All that is stored of a license, by sort key."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :number",
            ExpressionAttributeValues={":number": {"S": number}},
        )
        return {row["sk"]["S"]: row for row in found["Items"]}


def bodies(answers: Sequence[Answer]) -> list[bytes]:
    return [response.envelope.body for response in responses(answers)]


def in_turn(crowd: Crowd, files: Sequence[bytes]) -> list[Answer]:
    """Each file goes in when the one before it is answered."""
    return [answer for file in files for answer in crowd.all_answered([file])]


def test_a_restored_table_sells_no_seat_twice_and_answers_the_same(stack: RunningStack) -> None:
    drill, crowd = Drill(stack), Crowd(stack, seats=4)
    before = [crowd.file(1), crowd.file(2)]
    given = in_turn(crowd, before)
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
    given += in_turn(crowd, after[:-1])
    sell_one_more(crowd)
    given += in_turn(crowd, after[-1:])
    assert refusals(given) == []
    last = max(response.serial for response in responses(given))
    lost = drill.rows(crowd.number)

    began = time.monotonic()
    with drill.paused():
        came_meanwhile = crowd.send([crowd.file(7)])
        assert drill.restore("copy", drill.restored(backup))[0] == 0
        assert crowd.counts() == Counts(taken=2, used=2, ledger=2, revision=2)
        code, said = drill.restore("replay", format_time(since))
        # What customers were given is back; what the vendor did is for the vendor to do again.
        assert code == 1
        assert said.startswith(f"{len(after)} answers recorded again")
        assert "5 of 4 seats are in use" in said
        sell_one_more(crowd)
        code, said = drill.restore("replay", format_time(since))
        assert code == 0, said
        assert said.startswith("0 answers recorded again")
    took_s = time.monotonic() - began

    restored = drill.rows(crowd.number)
    assert_same_but_for_the_revision(restored, lost)
    assert refusals(crowd.answers(came_meanwhile)) == ["no-seats-left"]
    assert bodies(crowd.all_answered([*before, *after])) == bodies(given)
    assert drill.rows(crowd.number) == restored
    (newer,) = responses(in_turn(crowd, [crowd.file(3, "update", last_serial=3)]))
    assert newer.serial > last
    print(f"RPO: 0 of {len(after)} answers lost, 1 change of the vendor made again")
    print(f"RTO: {took_s:.1f} s from the pause to the resume, with this table")


def sell_one_more(crowd: Crowd) -> None:
    changes.change(crowd.licenses, crowd.number, lambda license: replace(license, seats=5))


def assert_same_but_for_the_revision(rows: dict[str, Any], before: dict[str, Any]) -> None:
    """Every seat, key, body and ledger row, and the license's counts; only serials went on."""
    revision, earlier = (int(each["license"].pop("revision")["N"]) for each in (rows, before))
    assert rows == before
    assert revision >= earlier
    rows["license"]["revision"] = {"N": str(revision)}


def test_what_left_no_file_behind_is_answered_anew_and_never_with_an_older_serial(
    stack: RunningStack,
) -> None:
    """The bucket of responses forgets after 30 days; a copy older than that ends so."""
    drill, crowd = Drill(stack), Crowd(stack, seats=2)
    backup = drill.remember()
    given = responses(in_turn(crowd, [crowd.file(1), crowd.file(1, "update", last_serial=1)]))
    with drill.paused():
        drill.restore("copy", drill.restored(backup))
    assert crowd.counts() == Counts(0, 0, 0, 0)
    assert in_turn(crowd, [crowd.file(1, "update", last_serial=2)]) == ["not-authentic"]
    asks_again = crowd.file(1, id=f"{1:032x}", last_serial=given[-1].serial)
    (anew,) = responses(in_turn(crowd, [asks_again]))
    assert (anew.seat, anew.serial) == (1, given[-1].serial + 1)
    assert crowd.counts() == Counts(1, 1, 1, revision=anew.serial)
