"""Compares what KMS signed, as CloudTrail tells it, with the ledger. It reads only.

docs/operations/signatures.md says what it means.
The options `--stack`, `--region`, and `--profile` are those of keyferry-admin:

    .venv/bin/python docs/operations/count_signatures.py SINCE UNTIL FILE...

SINCE and UNTIL are times like 2026-11-24T00:00:00Z. The files are CloudTrail's own (`.json.gz`) or
what `aws cloudtrail lookup-events` prints. It ends with 1 where somebody else signed, and where the
ledger has more answers than a key signed.
"""

import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import boto3

from keyferry_admin import script
from keyferry_admin.stack import Stack
from keyferry_protocol.encoding import parse_time
from keyferry_service.domain.signing_keys import KeyStatus

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Signing:
    """One call of kms:Sign."""

    key: str  # its ARN
    by: str  # the ARN of the role, else of the caller
    at: int
    error: str | None


def main() -> int:
    options = script.options(__doc__)
    options.add_argument("since", type=parse_time)
    options.add_argument("until", type=parse_time)
    options.add_argument("files", nargs="+", type=Path)
    settings = options.parse_args()
    stack = script.connection(settings).open()
    ours = _role(stack)
    keys = {key.kms_arn: key for key in stack.signing_keys.all() if key.kms_arn}
    answers = _count_answers(stack, settings.since, settings.until)
    called = [
        signing
        for event in _unique(event for file in settings.files for event in _events(file))
        if (signing := _signing(event)) is not None
        if signing.key in keys and settings.since <= signing.at < settings.until
    ]
    counted = Counter(signing.key for signing in called if signing.by == ours and not signing.error)
    print(f"{answers} new answers in the ledger")
    alarms = 0
    for arn, key in keys.items():
        print(f"{counted[arn]} signatures by {key.alg} key {key.keyid}, {counted[arn] - answers:+}")
        if key.status is KeyStatus.ACTIVE and counted[arn] < answers:
            print("  ALARM: fewer than answers; docs/operations/signatures.md has the reasons")
            alarms += 1
    for (who, arn, failure), count in Counter(
        (each.by, each.key, each.error) for each in called if each.by != ours
    ).items():
        print(f"ALARM: {who} called Sign {count} times with {arn}: {failure or 'it signed'}")
        alarms += 1
    return 1 if alarms else 0


def _role(stack: Stack) -> str:
    name = stack.output("ProcessRequestFunction")
    role: str = boto3.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    return role


def _count_answers(stack: Stack, since: int, until: int) -> int:
    return sum(
        since <= answer.issued_at < until
        for license in stack.licenses.all()
        for answer in chain(
            stack.licenses.ledger_entries(license.number), stack.licenses.renewals(license.number)
        )
    )


def _events(file: Path) -> Iterator[Any]:
    try:
        data = file.read_bytes()
        document = json.loads(gzip.decompress(data) if data.startswith(GZIP) else data)
        records, looked_up = document.get("Records", []), document.get("Events", [])
    except (OSError, EOFError, ValueError, AttributeError, zlib.error) as error:
        sys.exit(f"{file} cannot be read as events of CloudTrail: {error}. Save it again.")
    yield from records
    yield from (json.loads(event["CloudTrailEvent"]) for event in looked_up)


def _unique(events: Iterator[Any]) -> Iterator[Any]:
    """Drop duplicates, because CloudTrail may report an event more than once."""
    return iter({event["eventID"]: event for event in events}.values())


def _signing(event: Any) -> Signing | None:
    if (event["eventSource"], event["eventName"]) != ("kms.amazonaws.com", "Sign"):
        return None
    who = event["userIdentity"]
    by = who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn") or who.get("arn")
    return Signing(
        key=next((r["ARN"] for r in event.get("resources") or [] if "ARN" in r), ""),
        by=by or who.get("invokedBy") or who["type"],
        at=parse_time(event["eventTime"]),
        error=event.get("errorCode"),
    )


if __name__ == "__main__":
    script.run(main)
