"""How much processor time the handler takes as a license and a table grow.

`python -m tests.soak.load.growth` takes ten minutes; `--output FILE` writes the table there, too.
The real handler runs in this process and its tables in the embedded cloud's, so only the handler's
own time is measured.
"""

import argparse
import contextlib
import importlib.util
import io
import itertools
import json
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from benchmarks.measure import Samples, interleave
from keyferry_protocol.keys import KeySet
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.domain.ticket import LIFE_S, Ticket
from local.stack import ROOT, Running, running
from tests.soak.load.report import processor
from tests.support import many
from tests.support.builders import Computer, a_license, a_request_file

ROUNDS = 40
PAIRS = 4  # machines in each round that come and go
SEATS = (1, 1_000, 100_000)
LICENSES = (1_000, 100_000)
MAX_RATIO = 1.1
IN, OUT = "keyferry-bench-in", "keyferry-bench-out"  # nobody listens to these


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--output", type=Path, help="where to write the table too")
    arguments = options.parse_args()
    grown = measured()
    print(grown.table())
    if arguments.output:
        arguments.output.write_text(grown.table())
    return 0 if grown.is_flat else 1


@dataclass(frozen=True)
class Growth:
    """Samples by how full the table was; the calls of each pair, one series if all is well."""

    taken: Mapping[str, Samples]
    calls: frozenset[tuple[str, ...]]

    def times_of_the_first(self, name: str) -> Samples:
        """Of each round the time against that of the first: a busy moment slows both."""
        first = next(iter(self.taken.values()))
        pairs = zip(self.taken[name].seconds, first.seconds, strict=True)
        return Samples([seconds / alone for seconds, alone in pairs])

    @property
    def is_flat(self) -> bool:
        ratios = (self.times_of_the_first(name).median for name in self.taken)
        return len(self.calls) == 1 and max(ratios) <= MAX_RATIO

    def table(self) -> str:
        rows = [
            f"| {name} | {samples.median * 1000:.1f} | {ratio.median:.2f} | {ratio.spread:.2f} |"
            for name, samples in self.taken.items()
            for ratio in [self.times_of_the_first(name)]
        ]
        lines = "\n".join(rows)
        counted = [Counter(calls).items() for calls in self.calls]
        series = "; ".join(", ".join(f"{n} {name}" for name, n in each) for each in counted)
        return f"""\
# Flatness

Written by `python -m tests.soak.load.growth --output docs/operations/flatness.md` on
{datetime.now(UTC):%d %B %Y, %H:%M} UTC ({processor()}, {os.cpu_count()} cores). CPU time of
the real handler for one machine that activates and deactivates, with Ed25519 in the embedded KMS
and ML-DSA-65 in a file, without the cloud's own time. Medians of {ROUNDS} rounds in which all lines
take turns. The ratio compares a line with the first line of the same round; ± is half the distance
between its quartiles. More than {MAX_RATIO} fails.

| table | ms | ratio | ± |
| --- | --- | --- | --- |
{lines}

The calls of each pair, the same for all lines: {series}.

Why this holds at a million: no call scans, and only two query: for the list of seats in a refusal
and, once a minute, for our own keys. Each call names at most 18 rows by their full keys, which
DynamoDB finds in the same time in a table of any size. The only row that all requests of a license
share is the license's own. Of its attributes only the moves are a list, of at most 366 days, so it
stays below 16 KB, of the 400 KB that a row may have. Every test run counts calls, rows and bytes
(`tests/service/functions/test_flatness.py`). The pace of one license does not grow with anything:
its requests are answered one after the other.
"""


def measured() -> Growth:
    license = a_license(moves_per_year=10**9)
    things: dict[str, Callable[[], float]] = {}
    with tempfile.TemporaryDirectory(prefix="keyferry-growth-") as name:
        folder = Path(name)
        with running(folder, 0) as stack:
            handler = Handler(stack, folder / "pem")
            for seats in SEATS:
                full = many.a_license_with_seats(license, seats)
                things[f"1 license, seats taken: {seats:,}"] = handler.answering(full)
            for count in LICENSES:
                full = many.many_licenses(license, count)
                things[f"{count:,} licenses"] = handler.answering(full)
            return Growth(interleave(things, ROUNDS), frozenset(handler.calls))


class Handler:
    """process_request with the stack's keys, and a table of its own for each measurement."""

    def __init__(self, stack: Running, pem: Path) -> None:
        outputs = json.loads((stack.run / "stack.json").read_bytes())["outputs"]
        os.environ |= {
            "LICENSES_TABLE": outputs["LicensesTable"],
            "KEYS_TABLE": outputs["KeysTable"],
            "TICKETS_TABLE": outputs["TicketsTable"],
            "IN_BUCKET": IN,
            "OUT_BUCKET": OUT,
            "PEM_FOLDER": str(pem),
            "POWERTOOLS_SERVICE_NAME": "keyferry",
            "POWERTOOLS_METRICS_NAMESPACE": "Keyferry",
            "POWERTOOLS_METRICS_DISABLED": "true",
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        }
        self._s3: Any = boto3.client("s3")
        for bucket in (IN, OUT):
            self._s3.create_bucket(Bucket=bucket)
            self._s3.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self._trusts = tuple(key.keyid for key in keys.keys)
        self._app: Any = _load()
        self._computers = itertools.count()
        self.calls: set[tuple[str, ...]] = set()  # of each pair

    def answering(self, full: Iterator[many.Row]) -> Callable[[], float]:
        """Seconds of the processor for one pair of answers, with a table as full as this."""
        table = self._fill(full)

        def measure() -> float:
            self._app.answer_request = replace(self._app.answer_request, decisions=table)
            events = [event for _ in range(PAIRS) for event in self._pair()]
            self._app.signing_keys.current(time.monotonic())
            calls = _Calls(self._app)
            began = time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):  # its metrics
                for event in events:
                    answer = self._app.lambda_handler(event, _Context())
                    assert answer == {"batchItemFailures": []}
            took = time.process_time() - began
            self._note(calls.ended())
            return took / PAIRS

        return measure

    def _note(self, calls: tuple[str, ...]) -> None:
        """Note the calls of each pair by name: their order varies where two run side by side."""
        each = len(calls) // PAIRS
        pairs = (calls[begin : begin + each] for begin in range(0, len(calls), each))
        self.calls |= {tuple(sorted(pair)) for pair in pairs}

    def _fill(self, rows: Iterator[many.Row]) -> Decisions:
        name, client = f"Licenses-{secrets.token_hex(4)}", boto3.client("dynamodb")
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        many.write(boto3.resource("dynamodb").Table(name), rows)
        return Decisions(self._app.dynamodb, name)

    def _pair(self) -> Iterator[dict[str, Any]]:
        """What the queue brings of a machine that never was here, and then of its return."""
        computer = Computer(f"PC-{next(self._computers)}")
        for kind in ("activate", "deactivate"):
            yield self._upload(a_request_file(computer, kind, trusts=self._trusts))

    def _upload(self, file: bytes) -> dict[str, Any]:
        ticket = secrets.token_urlsafe(32)
        self._app.tickets.add(Ticket(ticket, int(time.time()) + LIFE_S))
        key = f"requests/{ticket}"
        put = self._s3.put_object(Bucket=IN, Key=key, Body=file)
        example = ROOT / "functions/process_request/event.json"
        event: dict[str, Any] = json.loads(example.read_bytes())
        (record,) = event["Records"]
        notice = json.loads(record["body"])
        notice["Records"][0]["s3"]["bucket"]["name"] = IN
        notice["Records"][0]["s3"]["object"] |= {"key": key, "versionId": put["VersionId"]}
        return {"Records": [record | {"body": json.dumps(notice)}]}


class _Calls:
    """The names of the handler's calls, until they are ended."""

    def __init__(self, app: Any) -> None:
        self._clients = (app.dynamodb, app.kms, app.files._s3)
        self._names: list[str] = []
        for client in self._clients:
            client.meta.events.register("before-call", self._note)

    def ended(self) -> tuple[str, ...]:
        for client in self._clients:
            client.meta.events.unregister("before-call", self._note)
        return tuple(self._names)

    def _note(self, model: Any, **_: Any) -> None:
        if model.name != "Query":  # our own keys, once a minute
            self._names.append(model.name)


@dataclass
class _Context:
    function_name: str = "keyferry"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:keyferry"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def _load() -> ModuleType:
    path = ROOT / "functions" / "process_request" / "app.py"
    spec = importlib.util.spec_from_file_location("process_request_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
