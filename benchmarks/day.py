"""Replay a day at the desk: sales come in, ten customers call, licenses are renewed, the boss asks.

`python -m benchmarks.day [--licenses N]` starts a local stack. Each command is a process of its
own, written as an administrator types it, with the files that customers make and carry in between;
what it prints, writes, and changes is checked. The times are those of the clock.
"""

import argparse
import contextlib
import csv
import json
import os
import pty
import shlex
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyferry
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.components import Machine
from keyferry_protocol.keys import KeySet
from local.demo.page import call, fetch, finished_ticket, upload, wait
from local.stack import running
from tests.support.journeys import a_machine

COLUMNS = "reference,licensee,contact,product,edition,seats,valid_until,moves_per_year,labels"
LABEL = "price-list-2026"  # what all licenses of the day have
EMAIL = "it@customer.example"
HOLDING = "Nordhaven Group"
END_OF_INPUT = b"\x04"


class WrongDay(Exception):
    """A command that failed, or did not say or do what its user relies on."""


@dataclass(frozen=True)
class Step:
    """One command: when and why it is typed, and how long it took."""

    at: str
    story: str
    command: str
    took_s: float


@dataclass
class Desk:
    """The administrator in their folder, with the stack's `keyferry-admin` in their PATH."""

    run: Path  # of the stack
    folder: Path
    steps: list[Step] = field(default_factory=list)
    at: str = ""
    story: str = ""

    def begin(self, at: str, story: str) -> None:
        self.at, self.story = at, story

    def type(self, line: str, *says: str, answer: str = "") -> str:
        """Run a line, and answer what it asks. Raises WrongDay unless it prints all of `says`."""
        environment = os.environ | {"PATH": f"{self.run}{os.pathsep}{os.environ['PATH']}"}
        began = time.perf_counter()
        exit, out = _in_terminal(shlex.split(line), self.folder, environment, answer)
        self.steps.append(Step(self.at, self.story, line, time.perf_counter() - began))
        missing = [text for text in says if text not in out]
        if exit or missing:
            raise WrongDay(f"{line}\nexit {exit}, without {missing}:\n{out[-3000:]}")
        return out

    def ask(self, line: str) -> Any:
        """The JSON document of a command."""
        return json.loads(self.type(f"{line} --json"))


def _in_terminal(
    words: list[str], folder: Path, environment: Mapping[str, str], answer: str
) -> tuple[int, str]:
    """Run a command in a terminal of its own; its exit code, and what is to be read there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, 160))
    command = subprocess.Popen(
        words, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode() if answer else END_OF_INPUT)
    out = b""
    with contextlib.suppress(
        OSError
    ):  # how Linux tells that the last process has closed a terminal
        while read := os.read(ours, 65536):
            out += read
    os.close(ours)
    return command.wait(), out.decode().replace("\r\n", "\n")


@dataclass
class Customer:
    """Who bought a license, with computers that see no network."""

    page: str  # without a / at its end
    keys: KeySet
    folder: Path
    product: str
    reference: str
    number: str
    code: str

    def make(self, computer: int | Machine, kind: str = "activate", code: str = "") -> Path:
        """The request file that a computer makes."""
        file = self.folder / f"{self.number}-{time.time_ns()}.request"
        code = code or self.code
        sent = code if kind == "activate" else None
        file.write_bytes(
            keyferry.make_request(
                self.number, sent, kind=kind, keys=self.keys, **self._place(computer)
            )
        )
        return file

    def carry(self, file: Path) -> dict[str, Any]:
        """Choose the file on the page; the ticket as it ends, with its id."""
        ticket = call(f"{self.page}/api/requests", {"email": EMAIL, "language": "en"})
        upload(ticket["upload"], file.read_bytes())
        return ticket | wait(lambda: finished_ticket(self.page, ticket))

    def install(self, computer: int | Machine, ticket: Mapping[str, Any]) -> None:
        """Carry the response back. Raises WrongDay if the file was refused."""
        if ticket["state"] != "ready":
            raise WrongDay(f"{self.number}: refused with {ticket['refusal']['code']}")
        response = fetch(ticket["response"]["download_url"])
        keyferry.install_response(response, self.keys, **self._place(computer))

    def activate(self, computer: int | Machine) -> None:
        self.install(computer, self.carry(self.make(computer)))

    def is_refused(self, file: Path, code: str) -> str:
        """The id of the ticket with which the page refuses the file for this reason."""
        ticket = self.carry(file)
        was = ticket.get("refusal", {}).get("code")
        if was != code:
            raise WrongDay(f"{self.number}: {was} instead of {code}")
        return str(ticket["id"])

    def _place(self, computer: int | Machine) -> dict[str, Any]:
        machine = a_machine(computer) if isinstance(computer, int) else computer
        state = self.folder / f"{self.number}-{machine.name}"
        return {"product": self.product, "machine": machine, "state_dir": state}


@dataclass
class Sales:
    """The price list's licenses, as the shop exports them."""

    count: int
    product: str

    def reference(self, index: int) -> str:
        return f"DAY-{index:05}"

    @property
    def customers(self) -> int:
        return max(10, self.count // 6)

    def licensee(self, index: int) -> str:
        return f"Customer {index % self.customers:04} Ltd"

    def sold_to(self, customer: int) -> int:
        """How many licenses this customer has."""
        return len(range(customer, self.count, self.customers))

    @property
    def ending(self) -> int:
        """How many end this month."""
        return sum(self._ends_soon(index) for index in range(self.count))

    def csv(self, today: datetime) -> str:
        soon = (today + timedelta(days=20)).date().isoformat()
        lines = [
            f"{self.reference(index)},{self.licensee(index)},{EMAIL},{self.product},Professional,"
            f"1,{soon if self._ends_soon(index) else '2035-11-30'},{0 if index == 2 else 4},{LABEL}"
            for index in range(self.count)
        ]
        return "\n".join([COLUMNS, *lines, ""])

    def _ends_soon(self, index: int) -> bool:
        return index % 10 == 9


def replay(run: Path, page: str, folder: Path, count: int) -> list[Step]:
    """Play the day on a running stack, which may have other licenses. Raises WrongDay."""
    desk = Desk(run, folder)
    product = json.loads((run / "license.json").read_bytes())["product"]
    sales = Sales(count, product)
    keys = KeySet.from_json((run / "keys.json").read_bytes())
    (folder / "sales.csv").write_text(sales.csv(datetime.now(UTC)))

    desk.begin("08:30", "the shop's licenses")
    would = f"{count:,} licenses would be made."
    desk.type("keyferry-admin license import sales.csv --dry-run", would)
    desk.type(
        "keyferry-admin license import sales.csv --codes codes.csv --letters letters",
        f"{count:,} licenses",
    )
    with (folder / "codes.csv").open(newline="") as file:
        sold = {row["reference"]: row for row in csv.DictReader(file)}
    if len(sold) != count or not any((folder / "letters").iterdir()):
        raise WrongDay(f"{len(sold)} codes, {folder / 'letters'}")
    desk.type(f"keyferry-admin license list --label {LABEL} --rows 20", f"of {count:,} licenses")

    def customer(index: int) -> Customer:
        row = sold[sales.reference(index)]
        number = row["license_number"].replace(".", "")
        code = row["activation_code"]
        return Customer(page, keys, folder, product, row["reference"], number, code)

    take_calls(desk, [customer(index) for index in range(9)], sales)
    change_many(desk, sales, customer(5), customer(6))
    report(desk, sales, customer(0), customer(6))
    return desk.steps


def take_calls(desk: Desk, callers: list[Customer], sales: Sales) -> None:
    """Ten calls; each ends when the customer's computer works, or the question is answered."""
    more, lost, move, virtual, code, when, late, copies, again = callers
    sell_a_seat(desk, more)
    release_the_seat_of(desk, lost, sales.licensee(1))
    allow_a_move(desk, move)
    allow_a_virtual_machine(desk, virtual)
    replace_the_code(desk, code)
    say_when_it_ends(desk, when)
    suspend_until_paid(desk, late)
    resend_the_response(desk, copies)

    desk.begin("11:45", "call 10: “How many computers have we?”")
    again.activate(12)
    desk.type(f'keyferry-admin seat list --licensee "{sales.licensee(8)}"', "LAB-12")
    desk.begin("12:00", "who was refused this morning?")
    desk.type("keyferry-admin request list --refused", show_license_number(more.number), "LAB-02")


def sell_a_seat(desk: Desk, customer: Customer) -> None:
    customer.activate(1)
    refused = customer.make(2)
    customer.is_refused(refused, "no-seats-left")
    desk.begin("09:05", "call 1: “It says no seats are left”")
    remedy = f"keyferry-admin license change {customer.number} --seats 2"
    explain = f"keyferry-admin request explain {refused.name}"
    desk.type(explain, "Refused now: no-seats-left", remedy)
    desk.type(remedy, "2 (was 1)")
    customer.install(2, customer.carry(refused))


def release_the_seat_of(desk: Desk, customer: Customer, licensee: str) -> None:
    customer.activate(3)
    desk.begin("09:20", "call 2: “LAB-03 was stolen”")
    listed = desk.ask(f'keyferry-admin seat list --licensee "{licensee}" --computer lab-03')
    (seat,) = listed["seats"]
    release = f"keyferry-admin seat release {customer.number} {seat['seat']}"
    desk.type(release, "Seat 1", answer=customer.number)
    customer.activate(4)


def allow_a_move(desk: Desk, customer: Customer) -> None:
    customer.activate(5)
    customer.install(5, customer.carry(customer.make(5, "deactivate")))
    refused = customer.make(6)
    customer.is_refused(refused, "move-limit")
    desk.begin("09:40", "call 3: “We may not move it”")
    show = f"keyferry-admin license show {customer.number}"
    desk.type(show, "This license has no moves left")
    desk.type(f"keyferry-admin license allow-move {customer.number}", "1 left")
    customer.install(6, customer.carry(refused))


def allow_a_virtual_machine(desk: Desk, customer: Customer) -> None:
    guest = replace(a_machine(7), environment="virtual")
    refused = customer.make(guest)
    ticket = customer.is_refused(refused, "environment-not-allowed")
    desk.begin("10:00", "call 4: “The page refuses our virtual machine”")
    explained = desk.ask(f"keyferry-admin request explain {ticket[:8]}")
    desk.type(explained["remedies"][0]["command"], "virtual")
    customer.install(guest, customer.carry(refused))


def replace_the_code(desk: Desk, customer: Customer) -> None:
    desk.begin("10:20", "call 5: “We lost the letter”")
    new_code = f"keyferry-admin license new-code {customer.number} --letter new.txt"
    desk.type(new_code, answer=customer.number)
    old, letter = customer.code, (desk.folder / "new.txt").read_text()
    customer.code = letter.split("Activation code")[1].split()[0]
    customer.activate(8)

    desk.begin("10:40", "call 6: “Our second code is refused”")
    refused = customer.make(9, code=old)
    customer.is_refused(refused, "not-authentic")
    desk.type(f"keyferry-admin request explain {refused.name}", "Refused now: not-authentic")


def say_when_it_ends(desk: Desk, customer: Customer) -> None:
    desk.begin("11:00", "call 7: “When does order 6 end?”")
    desk.type(f"keyferry-admin license list --reference {customer.reference}", "30 Nov 2035")
    desk.type(f"keyferry-admin license show {customer.number}", "30 November 2035")


def suspend_until_paid(desk: Desk, customer: Customer) -> None:
    customer.activate(10)
    desk.begin("11:15", "call 8: an invoice unpaid, then paid")
    desk.type(f"keyferry-admin license suspend {customer.number}", answer=customer.number)
    customer.is_refused(customer.make(10, "update"), "license-suspended")
    desk.type(f"keyferry-admin license resume {customer.number}", "active")
    customer.install(10, customer.carry(customer.make(10, "update")))


def resend_the_response(desk: Desk, customer: Customer) -> None:
    customer.activate(11)
    desk.begin("11:30", "call 9: “We lost the response”")
    (answer,) = desk.ask(f"keyferry-admin request list {customer.number}")["answers"]
    start = answer["request_sha256"][:6]
    desk.type(f"keyferry-admin request resend {customer.number} {start} --to {EMAIL}", EMAIL)


def change_many(desk: Desk, sales: Sales, wrong: Customer, refunded: Customer) -> None:
    """Renewals, an acquisition, and a refund, each checked by a second look."""
    desk.begin("13:30", "renewals")
    soon = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    ending, renewed = sales.ending, f"{sales.ending:,} changed, 0 unchanged"
    renew = f"keyferry-admin license extend --label {LABEL} --ends-before {soon} --until +1y"
    desk.type(f"{renew} --dry-run", f"{ending:,} would change, 0 unchanged, 0 cannot change.")
    desk.type(renew, renewed, answer="y")
    desk.type(renew, "0 changed")

    desk.begin("14:30", "an acquisition")
    bought, count = sales.licensee(7), sales.sold_to(7)
    to_holding = f'keyferry-admin license change --where-licensee "{bought}" --licensee "{HOLDING}"'
    desk.type(to_holding, f"{count:,} changed", answer="y")
    desk.type(f'keyferry-admin license list "{HOLDING}"', f"{count} licenses.")

    desk.begin("15:00", "a refund, first for the wrong order")
    desk.type(f"keyferry-admin license suspend {wrong.number}", "suspended", answer=wrong.number)
    undo = f"keyferry-admin license undo {wrong.number}"
    desk.type(undo, "active (was suspended)", answer="y")
    refund = f"keyferry-admin license revoke --reference {refunded.reference}"
    desk.type(refund, "1 changed", answer=refunded.number)
    refunded.is_refused(refunded.make(13), "license-revoked")


def report(desk: Desk, sales: Sales, looked_at: Customer, refunded: Customer) -> None:
    """What others are told of the day, and what git is."""
    desk.begin("16:00", "the boss's report")
    desk.type(f"keyferry-admin stats --label {LABEL} --report report.html --csv report.csv")
    page, table = (
        (desk.folder / "report.html").read_text(),
        (desk.folder / "report.csv").read_text(),
    )
    if "<svg" not in page or "activations" not in table:
        raise WrongDay(f"The report is not whole: {page[:500]} {table[:500]}")

    desk.begin("16:20", "an export for the books")
    export = f"keyferry-admin license export licenses.csv --label {LABEL} --history changes.csv"
    desk.type(export, f"{sales.count:,} licenses")
    with (desk.folder / "licenses.csv").open(newline="") as file:
        exported = {row["reference"]: row for row in csv.DictReader(file)}
    if (len(exported), exported[refunded.reference]["status"]) != (sales.count, "revoked"):
        raise WrongDay(f"{len(exported)} exported: {exported[refunded.reference]}")

    desk.begin("16:30", "who gave them a second seat?")
    desk.type(f"keyferry-admin license history {looked_at.number}", "Seats: 2 (was 1)")

    desk.begin("16:40", "licenses in git")
    (desk.folder / "licenses.yaml").write_text(
        f"licenses:\n  - reference: {looked_at.reference}\n    seats: 3\n"
        f"  - reference: {sales.reference(sales.count)}\n    product: {sales.product}\n"
        f"    licensee: Early Bird\n    labels: [{LABEL}]\n"
    )
    apply = "keyferry-admin apply licenses.yaml --codes codes.csv"
    desk.type(f"{apply} --dry-run", "1 to make, 1 to change, 0 as they are.")
    desk.type(apply, "1 license made", "1 license changed", answer="yes")
    desk.type(f"{apply} --dry-run", "No changes: 2 as they are.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--licenses", type=int, default=6_000)
    count = parser.parse_args().licenses
    with tempfile.TemporaryDirectory(prefix="keyferry-day-") as name:
        folder = Path(name)
        desk = folder / "desk"
        desk.mkdir()
        try:
            with (
                contextlib.redirect_stdout(
                    sys.stderr
                ),  # the stack's lines are no part of the table
                running(folder / "stack", 0) as stack,
            ):
                steps = replay(stack.run, stack.page.rstrip("/"), desk, count)
        except WrongDay as error:
            print(f"FAIL  {error}", file=sys.stderr)
            return 1
    print("\n".join(table(steps)))
    return 0


def table(steps: list[Step]) -> list[str]:
    """A line for each part of the day, then its commands with their seconds, then the sum."""
    lines: list[str] = []
    story = ""
    for step in steps:
        if step.story != story:
            lines.append(f"{step.at}  {step.story}")
            story = step.story
        lines.append(f"{step.took_s:10.2f} s  {step.command}")
    lines.append(f"{sum(step.took_s for step in steps):10.2f} s  {len(steps)} commands in all")
    return lines


if __name__ == "__main__":
    sys.exit(main())
