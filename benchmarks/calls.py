"""Count the AWS calls of each step of an activation, inside the functions of a running stack.

`python -m benchmarks.calls --runs 20` starts a new stack for each run and requires the same calls
in all of them.
"""

import argparse
import contextlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import keyferry
from benchmarks.measure import Row
from keyferry_protocol.keys import KeySet
from local.demo.offline import RECORDED
from local.demo.page import call, fetch, finished_ticket, first_mail, upload, wait
from local.stack import BUILD, Running, running

FUNCTIONS = ("public_api", "process_request", "send_response")
EMAIL = "ada@example.com"
T = TypeVar("T")


class WrongCount(Exception):
    """Nothing was counted, or something other than the step whose calls were to be counted."""


@dataclass(frozen=True)
class Step:
    """One thing that a function does, and how many AWS calls it may take."""

    name: str
    function: str
    goal: int
    required: tuple[str, ...]  # calls without which the step was not done


OPEN = Step("open a ticket", "public_api", 2, ("DynamoDB.UpdateItem", "DynamoDB.PutItem"))
# The ticket is read beside the file: one call more than there are one after the other.
ANSWERING = ("S3.GetObject", "DynamoDB.TransactWriteItems", "KMS.Sign", "S3.PutObject")
ACTIVATE = Step("process a first activation", "process_request", 6, ANSWERING)
UPDATE = Step(
    "process where a seat row must be read",
    "process_request",
    7,
    (*ANSWERING, "DynamoDB.BatchGetItem"),
)
SEND = Step("send the email", "send_response", 4, ("SESv2.SendEmail", "DynamoDB.UpdateItem"))
CLICK = Step("click its link", "public_api", 2, ("DynamoDB.GetItem", "S3.HeadObject"))


@dataclass(frozen=True)
class Invocation:
    """What counted_app.py recorded of one request: what was asked, and the calls it took."""

    request: str  # "POST /api/requests", or the key of the object that a message announced
    opened: str | None  # the ticket that it opened
    succeeded: bool
    calls: tuple[str, ...]


class Records:
    """The invocations that the functions recorded, one file for each function."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, function: str) -> Path:
        return self._folder / f"{function}.records"

    def find(self, function: str, request: str, opened: str | None = None) -> list[Invocation]:
        """The invocations that served this request; for an opened ticket, the one it came from."""
        lines = self.path(function).read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        invocations = [Invocation(**{**entry, "calls": tuple(entry["calls"])}) for entry in entries]
        return [each for each in invocations if (each.request, each.opened) == (request, opened)]

    def row(self, step: Step, request: str, opened: str | None = None) -> Row:
        """The row of a step that this request caused. Raises WrongCount."""
        match self.find(step.function, request, opened):
            case []:
                raise WrongCount(f"{step.name}: {step.function} never served {request}.")
            case [invocation]:
                return count(step, invocation)
            case several:
                raise WrongCount(
                    f"{step.name}: {step.function} served {request} {len(several)} times."
                )


def count(step: Step, invocation: Invocation) -> Row:
    """The row of a step from the invocation that served it. Raises WrongCount."""
    listed = ", ".join(invocation.calls)
    if not invocation.succeeded:
        raise WrongCount(f"{step.name}: {step.function} failed after these calls: {listed}.")
    if not invocation.calls:
        raise WrongCount(f"{step.name}: the invocation that was counted made no AWS call.")
    for name in step.required:
        if name not in invocation.calls:
            raise WrongCount(f"{step.name}: {name} is missing from what was counted: {listed}.")
    return Row(step.name, len(invocation.calls), "calls", step.goal, detail=listed)


def rows() -> list[Row]:
    """Start a stack, activate on it, and count. Raises WrongCount."""
    with tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name:
        folder = Path(name)
        records = Records(folder)
        build = counting_build(folder / "build", BUILD, records)
        # The stack prints a line for every request; they are no part of the table.
        with contextlib.redirect_stdout(sys.stderr), running(folder / "stack", 0, build) as stack:
            return Journey(stack, records, folder / "offline").rows()


def counting_build(build: Path, source: Path, records: Records) -> Path:
    """Copy the artifacts of `make build` and put the counting handler before each real one."""
    (build / "functions").mkdir(parents=True)
    (build / "shared").symlink_to(source / "shared")
    for name in FUNCTIONS:
        code = shutil.copytree(source / "functions" / name, build / "functions" / name)
        (code / "app.py").rename(code / "real_app.py")
        shutil.copy(Path(__file__).with_name("counted_app.py"), code / "app.py")
        (code / "records_path").write_text(str(records.path(name)))
        records.path(name).touch()
    return build


class Journey:
    """What a customer does from the first request to an update, on a stack that counts."""

    def __init__(self, stack: Running, records: Records, state_dir: Path) -> None:
        self._page = stack.page
        self._records = records
        self._license = json.loads((stack.run / "license.json").read_bytes())
        self._keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self._installation: dict[str, Any] = {
            "product": self._license["product"],
            "machine": RECORDED,
            "state_dir": state_dir,
        }

    def rows(self) -> list[Row]:
        ticket = self._open_ticket(EMAIL)
        answer = self._send_request(ticket, "activate")
        response = fetch(answer["download_url"])
        keyferry.install_response(response, self._keys, **self._installation)

        response_key = f"responses/{ticket['id']}/{answer['filename']}"
        self._wait_for_record(SEND, response_key)
        link = self._link_from_mail()
        fetch(link)

        update_ticket = self._open_ticket(None)
        self._send_request(update_ticket, "update")
        return [
            self._records.row(ACTIVATE, request_key(ticket)),
            self._records.row(UPDATE, request_key(update_ticket)),
            self._records.row(OPEN, "POST /api/requests", opened=ticket["id"]),
            self._records.row(SEND, response_key),
            self._records.row(CLICK, "GET " + link.removeprefix(self._page)),
        ]

    def _open_ticket(self, email: str | None) -> dict[str, Any]:
        return call(f"{self._page}/api/requests", {"email": email, "language": "en"})

    def _send_request(self, ticket: dict[str, Any], kind: str) -> dict[str, Any]:
        """Upload a request and return the `response` member of the ticket it settles."""
        code = self._license["activation_code"] if kind == "activate" else None
        request = keyferry.make_request(
            self._license["number"], code, kind=kind, keys=self._keys, **self._installation
        )
        upload(ticket["upload"], request)
        step = ACTIVATE if kind == "activate" else UPDATE
        self._wait_for_record(step, request_key(ticket))
        answered = wait_for(step, "an answer", lambda: finished_ticket(self._page, ticket))
        if answered["state"] != "ready":
            raise WrongCount(f"{step.name}: the ticket ended as {answered['state']}.")
        response: dict[str, Any] = answered["response"]
        return response

    def _wait_for_record(self, step: Step, key: str) -> None:
        wait_for(step, f"record of {key}", lambda: self._records.find(step.function, key) or None)

    def _link_from_mail(self) -> str:
        mail = wait_for(SEND, "mail", lambda: first_mail(self._page))
        link = re.search(rf"{re.escape(self._page)}/api/responses/\S+", mail["text"])
        if link is None or mail["to"] != [EMAIL]:
            raise WrongCount(f"{SEND.name}: the newest mail has no link or another recipient.")
        return link[0]


def request_key(ticket: dict[str, Any]) -> str:
    """The key under which a ticket's request file is stored."""
    return f"requests/{ticket['id']}"


def wait_for(step: Step, what: str, look: Callable[[], T | None]) -> T:
    """What `look` returns once that is not None. Raises WrongCount where nothing comes."""
    try:
        return wait(look)
    except AssertionError as error:
        raise WrongCount(f"{step.name}: no {what}. {error}") from error


def check_goals(rows: Sequence[Row]) -> None:
    """Raises WrongCount for the first step that makes more calls than its goal."""
    for row in rows:
        if row.unit == "calls" and row.is_missed:
            raise WrongCount(f"{row.name}: {row.value:.0f} calls, goal {row.goal:g}: {row.detail}.")


def check_same(first: Sequence[Row], other: Sequence[Row], run: int) -> None:
    """Raises WrongCount where a later run made other calls than the first."""
    for expected, row in zip(first, other, strict=True):
        if expected != row:
            raise WrongCount(f"{row.name}: run {run} made {row.detail}; run 1: {expected.detail}.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="how often, each on a new stack")
    options = parser.parse_args()
    first: list[Row] = []
    try:
        for run in range(1, options.runs + 1):
            counted = rows()
            first = first or counted
            counts = ", ".join(f"{row.name} {row.value:.0f}" for row in counted)
            print(f"run {run:2}: {counts}", flush=True)
            check_goals(counted)
            check_same(first, counted, run)
    except WrongCount as error:
        print(f"FAIL  {error}", file=sys.stderr)
        return 1
    for row in first:
        print(f"{row.name}: {row.detail}")
    print(f"The same calls in {options.runs} runs." if options.runs > 1 else "Within all goals.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
