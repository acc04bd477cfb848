"""Brings the license table back to a restored copy, and then to what was answered since.

docs/operations/recovery.md has the whole way.
The options `--stack`, `--region`, and `--profile` are those of keyferry-admin:

    .venv/bin/python docs/operations/restore.py pause         requests wait in their queue
    .venv/bin/python docs/operations/restore.py copy TABLE    the restored rows, and no others
    .venv/bin/python docs/operations/restore.py copy-keys TABLE        the same for signing keys
    .venv/bin/python docs/operations/restore.py replay SINCE  answers since 2026-11-24T09:47:00Z
        --responses BUCKET --requests BUCKET                  their copies, if the region is lost
        --renewals FOLDER                                     what `license renew` wrote since then
    .venv/bin/python docs/operations/restore.py resume

Each step can be repeated. `replay` reads the customers' responses from their bucket, and exits
with 1 while a problem remains that only the vendor can solve.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import boto3

from keyferry_admin import script
from keyferry_admin.stack import Stack
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import parse_time
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response
from keyferry_service.adapters.signing_keys_dynamodb import KEYS
from keyferry_service.adapters.uploads_s3 import RESPONSES
from keyferry_service.domain.allocate import Grant, grant, release
from keyferry_service.domain.ledger import entry_for, response_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord
from keyferry_service.domain.renew import Renewal
from keyferry_service.domain.request_context import RequestContext
from keyferry_service.domain.request_context import Snapshot as Rows
from keyferry_service.domain.signing_keys import KeyStatus

PAUSED = ("ProcessRequestFunction", "SendResponseFunction")
PAUSED_MESSAGE = "Requests wait; none is lost for 14 days. What is being answered ends in 20 s"
CLOCKS_S = 600  # how far S3's clock may differ from ours
ENOUGH = 10**9  # seats and moves: what was answered is recorded, and counted afterwards


@dataclass(frozen=True)
class Published:
    """A response that a customer may have, its ticket, and its request."""

    ticket_id: str
    response: Response
    request: Request | None  # None for a resent response: its ticket has no request file

    @property
    def order(self) -> tuple[str, int, bool]:
        """Sort by license and serial, a response before its resent copies."""
        return self.response.license.number, self.response.serial, self.request is None


def main() -> int:
    options = script.options(__doc__)
    steps = options.add_subparsers(dest="step", required=True)
    steps.add_parser("pause")
    for name in ("copy", "copy-keys"):
        steps.add_parser(name).add_argument("table")
    replay = steps.add_parser("replay")
    replay.add_argument("since", type=parse_time)
    replay.add_argument("--responses", help="a copy of the bucket of responses")
    replay.add_argument("--requests", help="a copy of the bucket of requests")
    replay.add_argument("--renewals", type=Path, help="the folder of license renew")
    steps.add_parser("resume")
    arguments = options.parse_args()
    stack = script.connection(arguments).open()
    match arguments.step:
        case "pause" | "resume":
            return set_answering(stack, arguments.step == "resume")
        case "copy":
            return copy(arguments.table, stack.output("LicensesTable"), "license")
        case "copy-keys":
            return copy(arguments.table, stack.output("KeysTable"), "key")
        case _:
            responses = arguments.responses or stack.output("OutBucket")
            requests = arguments.requests or stack.output("InBucket")
            return Replay(stack, arguments.since, responses, requests, arguments.renewals).run()


def set_answering(stack: Stack, is_on: bool) -> int:
    """Turn the queues' functions on or off, and wait until the change takes effect."""
    functions = boto3.client("lambda")
    mappings = [
        mapping["UUID"]
        for name in PAUSED
        for mapping in functions.list_event_source_mappings(FunctionName=stack.output(name))[
            "EventSourceMappings"
        ]
    ]
    for uuid in mappings:
        functions.update_event_source_mapping(UUID=uuid, Enabled=is_on)
    state = "Enabled" if is_on else "Disabled"
    for uuid in mappings:
        while functions.get_event_source_mapping(UUID=uuid)["State"] != state:
            time.sleep(1)
    print("Requests are answered again" if is_on else PAUSED_MESSAGE)
    return 0


def copy(source: str, target: str, kind: str) -> int:
    """Replace the rows of one table with those of another. If interrupted, run it again.

    The copies of keys among the licenses stay as they are where there are any: no key goes back.
    """
    dynamodb = boto3.resource("dynamodb")
    try:
        is_whole = any(row["sk"].partition("#")[0] == kind for row in _rows(dynamodb.Table(source)))
    except dynamodb.meta.client.exceptions.ResourceNotFoundException:
        print(f"There is no table {source}: nothing was copied. Name the restored table.")
        return 1
    if not is_whole:
        print(f"{source} holds no {kind}: nothing was copied. Name the restored table.")
        return 1
    table, copied = dynamodb.Table(target), set()
    here = {_key(row) for row in _rows(table)}
    kept = {key for key in here if kind == "license" and key[0] == KEYS}
    with table.batch_writer() as batch:
        for row in _rows(dynamodb.Table(source)):
            if _key(row) not in kept:
                copied.add(_key(row))
                batch.put_item(Item=row)
        later = here - copied - kept
        for pk, sk in later:
            batch.delete_item(Key={"pk": pk, "sk": sk})
    print(f"{len(copied)} rows copied; {len(later)} that came later are gone")
    return 0


class Replay:
    """Restores lost ledger entries from the responses that customers received.

    Each request states what it changed. The rules that decided it determine the rows again, and
    the BODY is that of the response, byte for byte.
    """

    def __init__(
        self,
        stack: Stack,
        since: int,
        responses: str,
        requests: str,
        renewals: Path | None = None,
    ) -> None:
        """`responses` and `requests` are buckets, `renewals` is a folder."""
        self._renewals = renewals
        self._stack, self._since = stack, since
        self._responses, self._requests = responses, requests
        self._s3: Any = boto3.client("s3")
        self._keys = [k for k in stack.signing_keys.all() if k.status is not KeyStatus.COMPROMISED]

    def run(self) -> int:
        published = sorted(
            chain(self._published(), self._renewals_in_folder()), key=lambda each: each.order
        )
        results = [self._record(each) for each in published]
        problems = sorted({each for each in results if each}) + self._overfull(published)
        recorded = sum(each == "" for each in results)
        print(f"{recorded} answers recorded again; {results.count(None)} were there")
        print("".join(f"! {problem}\n" for problem in problems), end="")
        return 1 if problems else 0

    def _published(self) -> Iterator[Published]:
        """Every response in that time that one of our keys signed."""
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._responses, Prefix="responses/"):
            for entry in page.get("Contents", []):
                key = RESPONSES.fullmatch(entry["Key"])
                is_late = entry["LastModified"].timestamp() >= self._since - CLOCKS_S
                if key and is_late and key["name"].endswith(".response"):
                    reply = self._s3.get_object(Bucket=self._responses, Key=entry["Key"])
                    with suppress(KeyferryError):
                        envelope = open_envelope(reply["Body"].read(), RESPONSE)
                        if any(envelope.is_signed_by(k.alg, k.public) for k in self._keys):
                            response = parse_response(envelope)
                            yield Published(
                                key["ticket"], response, self._request(key["ticket"], response)
                            )

    def _renewals_in_folder(self) -> Iterator[Published]:
        """Every renewal of that time in the vendor's folder that one of our keys signed."""
        paths = self._renewals.rglob("*.response") if self._renewals is not None else ()
        for path in sorted(paths):
            with suppress(KeyferryError, OSError):
                envelope = open_envelope(path.read_bytes(), RESPONSE)
                response = parse_response(envelope)
                is_ours = any(envelope.is_signed_by(k.alg, k.public) for k in self._keys)
                if is_ours and response.is_renewal and response.issued_at >= self._since:
                    yield Published("", response, None)

    def _record_renewal(self, response: Response) -> str | None:
        """Write the rows of a renewal: its entry, and its serial where the seat has none later."""
        number = response.license.number
        recorded = self._stack.licenses.renewals(number, response.seat)
        if any(response_in(entry).serial == response.serial for entry in recorded):
            return None
        rows = self._stack.decisions.look_up_seat(number, response.seat)
        if rows is None:
            shown = show_license_number(number)
            return f"{shown}: there is no seat {response.seat} for the renewal {response.serial}"
        license, seat = rows
        after, serial = seat, response.serial
        if seat.device_key == response.bound_to.device_key and seat.serial < serial:
            after = seat.with_renewal(serial, response.issued_at, response.license.valid_until)
        revision = max(license.revision + 1, serial)
        renewal = Renewal(
            replace(license, revision=revision), after, None, license.revision, seat.valid_until
        )
        self._stack.decisions.claim_renewal(renewal, entry_for(response, renewal))
        return ""

    def _record(self, published: Published) -> str | None:
        """Write the rows of one response. Returns "" if it wrote them, None if nothing was lost."""
        response = published.response
        if response.is_renewal:
            return self._record_renewal(response)
        number = show_license_number(response.license.number)
        request = published.request
        if request is None:
            known = list(
                self._stack.licenses.ledger_entries(
                    response.license.number, response.request_sha256
                )
            )
            return None if known else f"{number}: no request for serial {response.serial}"
        rows, _ = self._stack.decisions.look_up(
            request, self._stack.tickets.get_item_for(published.ticket_id)
        )
        if rows.ledger_entry is not None:
            return None
        if rows.license is None:
            return f"{number}: there is no such license; create it again, with a new code"
        license = rows.license
        rows = self._stack.decisions.read_unread_seats(request.license_number, rows)
        again = decide_again(request, response, rows, license)
        if again is None:
            return f"{number}: seat {response.seat} (serial {response.serial}) is not found so"
        entry = LedgerEntry(
            response.request_sha256,
            response.envelope.body,
            response.seat,
            response.issued_at,
            again.previous_valid_until,
            replaced=again.replaced is not None,
        )
        self._stack.decisions.claim(request, again, entry, None)
        return ""

    def _request(self, ticket_id: str, response: Response) -> Request | None:
        """The request that was answered, among all files that were uploaded for its ticket."""
        bucket, key = self._requests, f"requests/{ticket_id}"
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
        for version in (version for page in pages for version in page.get("Versions", [])):
            content = self._s3.get_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
            with suppress(KeyferryError):
                request = parse_request(content["Body"].read())
                if request.sha256 == response.request_sha256:
                    return request
        return None

    def _overfull(self, published: Sequence[Published]) -> list[str]:
        """Licenses with more seats than they now allow: a change by the vendor was lost."""
        problems = []
        for number in sorted({each.response.license.number for each in published}):
            license = self._stack.licenses.get(number)
            if license is not None and license.seats_used > license.seats:
                shown = show_license_number(number)
                problems.append(
                    f"{shown}: {license.seats_used} of {license.seats} seats are in use"
                )
        return problems


def decide_again(
    request: Request, response: Response, rows: Rows, license: LicenseRecord
) -> Grant | None:
    """The grant that led to a response, if its seat can be found. It is never refused."""
    roomy = replace(license, seats=ENOUGH, moves_per_year=ENOUGH)
    contexts = [
        RequestContext(request, rows, terms, response.issued_at) for terms in (license, roomy)
    ]
    again = next((g for context in contexts if (g := _leads_to(context, response))), None)
    if again is None:
        return None
    revision = max(license.revision + 1, response.serial)
    seat = replace(
        again.seat,
        serial=again.seat.serial if response.is_receipt else response.serial,
        issued=tuple(response.serial if n == again.serial else n for n in again.seat.issued),
        valid_until=response.license.valid_until,
    )
    return replace(again, license=replace(again.license, revision=revision), seat=seat)


def _leads_to(context: RequestContext, response: Response) -> Grant | None:
    """The grant for this request, if it leads to the seat of the response."""
    if not response.is_receipt:
        again = grant(context)
    elif context.current_seat is not None:
        again = release(context, context.current_seat)
    else:
        return None
    return again if isinstance(again, Grant) and again.seat.number == response.seat else None


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    page = table.scan(ConsistentRead=True)
    yield from page["Items"]
    while "LastEvaluatedKey" in page:
        page = table.scan(ConsistentRead=True, ExclusiveStartKey=page["LastEvaluatedKey"])
        yield from page["Items"]


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["pk"], row["sk"]


if __name__ == "__main__":
    script.run(main)
