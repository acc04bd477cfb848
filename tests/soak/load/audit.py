"""After the load: every answer, seat, ledger row and mail counted, none taken on trust."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.response import verify_response
from keyferry_service.adapters.items_dynamodb import plain
from keyferry_service.adapters.ledger_dynamodb import entry_from_item
from keyferry_service.adapters.license_rows_dynamodb import LICENSE
from tests.soak.load.customers import Sent
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

PATIENCE_S = 600  # without one more answer or mail


@dataclass(frozen=True)
class Counted:
    """What was asked for once is to be there once."""

    expected: int
    responses: int  # files in the out bucket, each genuine and equal to its ledger row
    tickets_answered: int
    seats_by_rows: int
    seats_by_licenses: int
    ledger_rows: int
    mails: int
    dead_letters: int

    @property
    def is_exact(self) -> bool:
        counts = (
            self.responses,
            self.tickets_answered,
            self.seats_by_rows,
            self.seats_by_licenses,
            self.ledger_rows,
            self.mails,
        )
        return set(counts) == {self.expected} and self.dead_letters == 0


class Audit:
    """Counts what the service left in its tables, buckets, queues and inbox."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._s3, self._sqs = client(stack, "s3"), client(stack, "sqs")
        self._dynamodb = client(stack, "dynamodb")
        self._keys = KeySet.from_json((stack.run / "keys.json").read_bytes())

    def wait_until_done(self, expected: int) -> None:
        """Wait for as many answers and as many mails, and give up where nothing more comes."""
        most, since = 0, time.monotonic()
        while True:
            done = sum(1 for _ in self._objects()) + self._mailed()
            if done >= 2 * expected:
                return
            if done > most:
                most, since = done, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                return
            time.sleep(2)

    def answered_at(self) -> dict[str, float]:
        """When each ticket's response was put, in seconds since 1970."""
        return {
            entry["Key"].split("/")[1]: entry["LastModified"].timestamp()
            for entry in self._objects()
        }

    def count(self, sent: Sequence[Sent]) -> Counted:
        items = [*self._scan("LicensesTable")]
        rows = [plain(item) for item in items]
        entries = [entry_from_item(item) for item in items if item["sk"]["S"].startswith("answer#")]
        ledger = {entry.request_sha256: entry.body for entry in entries}
        tickets_sent = {each.ticket for each in sent}
        tickets = [plain(row) for row in self._scan("TicketsTable")]
        mails = Counter(to for mail in self._mails() for to in mail["To"])
        return Counted(
            expected=len(sent),
            responses=sum(self._is_genuine(e["Key"], ledger) for e in self._objects()),
            tickets_answered=sum(t.get("id") in tickets_sent and "seat" in t for t in tickets),
            seats_by_rows=sum(r["sk"].startswith("seat#") and r["taken"] for r in rows),
            seats_by_licenses=sum(r["seats_used"] for r in rows if r["sk"] == LICENSE),
            ledger_rows=len(ledger),
            mails=sum(mails.values()) if set(mails) == {e.email for e in sent} else -1,
            dead_letters=self._waiting("RequestsDeadQueue") + self._waiting("ResponsesDeadQueue"),
        )

    def _objects(self) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._stack.outputs["OutBucket"]):
            yield from page.get("Contents", [])

    def _is_genuine(self, key: str, ledger: dict[str, bytes]) -> bool:
        reply = self._s3.get_object(Bucket=self._stack.outputs["OutBucket"], Key=key)
        try:
            response = verify_response(reply["Body"].read(), self._keys)
        except KeyferryError:
            return False
        return ledger.get(response.request_sha256) == response.envelope.body

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("scan")
        for page in pages.paginate(TableName=self._stack.outputs[table]):
            yield from page["Items"]

    def _mailed(self) -> int:
        sent = client(self._stack, "ses").get_send_statistics()["SendDataPoints"]
        return sum(point["DeliveryAttempts"] for point in sent)

    def _mails(self) -> Iterator[dict[str, Any]]:
        url = f"{self._stack.endpoint}/_ministack/ses/messages"
        with urllib.request.urlopen(url, timeout=300) as reply:
            for account in json.load(reply)["messages"].values():
                yield from account

    def _waiting(self, queue: str) -> int:
        reply = self._sqs.get_queue_attributes(
            QueueUrl=self._stack.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(reply["Attributes"]["ApproximateNumberOfMessages"])
