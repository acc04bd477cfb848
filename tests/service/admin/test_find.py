"""Licenses are found by what a vendor remembers of them, without the ledger."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.find import Filters, find_all, find_sold
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.domain.license import LicenseRecord, Status
from tests.service.admin.screens import GOLDEN, Pipe
from tests.support.builders import a_license, a_seat
from tests.support.samples import DAY, NOW

SPRING = "2027-04-01"
SPRING_S = 1_806_537_600


def sell(stack: Stack, number: int, **terms: Any) -> LicenseRecord:
    defaults = {"licensee": "", "product": "Modeler", "valid_until": None, "edition": ""}
    key = number.to_bytes(32, "big")
    license = a_license(number=f"{number:012}", activation_public=key, **{**defaults, **terms})
    stack.licenses.create(license)
    return license


def take_seat(
    stack: Stack, license: LicenseRecord, last_response_at: int, computer: str = "LAB-07"
) -> None:
    """Write what the last response to a seat leaves behind."""
    used = replace(license, seats_used=1, next_seat=2, first_issued_at=last_response_at)
    seat = replace(a_seat(), last_response_at=last_response_at, machine_name=computer)
    for name, row in (("license", used), ("seat#1", seat)):
        stack._dynamodb.put_item(
            TableName=stack.output("LicensesTable"),
            Item=to_item({"pk": license.number, "sk": name, **members(row)}),
        )


@pytest.fixture
def shop(stack: Stack) -> Stack:
    """Licenses of three customers, each in another state."""
    sell(stack, 1, licensee="Acme", reference="PO-1", labels=("emea", "key-account"))
    sell(stack, 2, licensee="ACME Holding", reference="PO-2", labels=("emea",), seats=5)
    sell(stack, 3, licensee="Borealis", product="Viewer", edition="Pro", contact="ada@borealis.no")
    sell(stack, 4, licensee="Borealis", valid_until=NOW - DAY)
    sell(stack, 5, licensee="Borealis", valid_until=SPRING_S - 1, status=Status.SUSPENDED)
    sell(
        stack, 6, licensee="Cumulus", valid_until=SPRING_S, status=Status.REVOKED, reference="PO-1"
    )
    return stack


def listed(run: Any, line: str) -> list[int]:
    return [int(each["license_number"]) for each in run(f"{line} --json").json["licenses"]]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("--licensee acme", [1, 2]),
        ("--licensee acme --label key-account", [1]),
        ("--label emea --label key-account", [1]),
        ("--product viewer", [3]),
        ("--product view", []),
        ("--reference PO-1", [1, 6]),
        ("--reference po-1", []),
        ("--status active", [1, 2, 3]),
        ("--status ended", [4]),
        ("--status suspended", [5]),
        ("--status revoked", [6]),
        (f"--ends-before {SPRING}", [4, 5]),
        (f"--ends-before {SPRING}T00:00:01Z", [4, 5, 6]),
        (f"--ends-before {SPRING} --status ended", [4]),
        ("acme", [1, 2]),
        ("acme holding", [2]),
        ("po-2", [2]),
        ("KEY-acc", [1]),
        ("borealis.no", [3]),
        ("pro", [3]),
        ("000.000.000.005", [5]),
        ("000000000005", [5]),
        ("acme viewer", []),
        ("borealis --status ended", [4]),
        ("--sort licensee --reverse", [6, 3, 4, 5, 2, 1]),
        ("--sort ends", [4, 5, 6, 1, 2, 3]),
        ("--rows 2 --page 2", [3, 4]),
        ("--sort ends --reverse --rows 4", [1, 2, 3, 6]),
    ],
)
def test_each_filter_finds_its_licenses(
    run: Any, shop: Stack, options: str, numbers: list[int]
) -> None:
    assert listed(run, f"license list {options}") == numbers


def test_a_trial_ends_when_its_term_does_and_not_before_it_began(run: Any, stack: Stack) -> None:
    for number, began in ((1, None), (2, NOW - 10 * DAY), (3, NOW - 30 * DAY)):
        license = sell(stack, number, trial_days=30)
        if began is not None:
            take_seat(stack, license, began)
    assert listed(run, "license list --status ended") == [3]
    (document,) = run("license list --status ended --json").json["licenses"]
    assert (document["status"], document["state"]) == ("active", "ended")  # as stored, as shown
    shown = run(f"license show {document['license_number']} --json").json["license"]
    assert shown["state"] == "ended"
    assert "\nStatus        ended\n" in run(f"license show {document['license_number']}").out
    assert listed(run, "license list --ends-before 2027-01-01") == [2, 3]
    assert listed(run, "license list --status active") == [1, 2]


def test_unused_are_those_whose_seats_got_no_response_since(run: Any, stack: Stack) -> None:
    before = {"valid_from": NOW - 300 * DAY}
    sell(stack, 1, **before)
    take_seat(stack, sell(stack, 2, **before), NOW - 200 * DAY)
    take_seat(stack, sell(stack, 3, **before), NOW - 10 * DAY)
    sell(stack, 4, valid_from=NOW - DAY)  # sold since: too new to be called unused
    assert listed(run, "license list --unused-since 2026-08-01") == [1, 2]
    assert [
        each.number for each in find_all(stack.licenses, Filters(unused_since=NOW - 100 * DAY), NOW)
    ] == [f"{1:012}", f"{2:012}"]


def test_the_list_shows_use_and_note_which_the_index_has_not(run: Any, stack: Stack) -> None:
    take_seat(stack, sell(stack, 1, note="Ask for Ada", seats=3), NOW)
    assert find_sold(stack.licenses, Filters(), NOW)[0].note == ""
    ran = run("license list --columns license,seats,note", Pipe)
    assert ran.out == "000000000001\t1\t3\tAsk for Ada\n"
    assert run("license list --json").json["licenses"][0]["note"] == "Ask for Ada"


def test_a_list_in_a_terminal_has_pages(run: Any, shop: Stack) -> None:
    text = run("license list --columns license,licensee,ends,status,labels --rows 4").out
    assert text == (GOLDEN / "license-list-page.txt").read_text()
    assert "5 to 6 of 6 licenses." in run("license list --rows 4 --page 2").out
    assert len(run("license list", Pipe).out.splitlines()) == 6
    assert run("license list --json").json["total"] == 6


def test_a_terminal_shows_a_hundred_and_a_pipe_all(run: Any, stack: Stack) -> None:
    for number in range(1, 103):
        sell(stack, number)
    assert "1 to 100 of 102 licenses. Next: --page 2" in run("license list").out
    assert len(run("license list", Pipe).out.splitlines()) == 102


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "license list --columns license,price",
            "'price' is no column. There is license,",
        ),
        ("license list --sort price", "'price' is not one of"),
        ("license list --status sold", "'sold' is not one of 'active', 'ended'"),
        ("license list --ends-before soon", "'soon' is no day like 2027-11-30, and no time"),
        ("license list --rows 0", "0 is not in the range"),
        ("license list --page 7", "There is no page 7: 6 licenses found."),
    ],
)
def test_what_no_list_can_be_made_of(run: Any, shop: Stack, line: str, sentence: str) -> None:
    ran = run(line)
    assert ran.exit == 2
    assert sentence in " ".join(ran.err.split())
    assert run(f"{line} --json").json["error"]["code"] == "usage"


def test_a_list_of_nothing_says_why(run: Any, shop: Stack) -> None:
    assert run("license list --licensee Dorado").out.splitlines()[-1] == "No license matches."


def test_seats_are_listed_by_customer_and_by_computer(run: Any, stack: Stack) -> None:
    taken = [(1, "Acme", "LAB-03"), (2, "Acme", "Desk"), (3, "Borealis", "lab-03b")]
    for number, licensee, computer in taken:
        take_seat(stack, sell(stack, number, licensee=licensee), NOW, computer)
    sell(stack, 4, licensee="Acme")
    text = run("seat list --licensee acme").out
    assert text == (GOLDEN / "seat-list-licensee.txt").read_text()
    by_computer = run("seat list --computer LAB-03 --json").json
    assert by_computer["total"] == 2
    assert [
        (each["license_number"], each["machine_name"], each["seat"])
        for each in by_computer["seats"]
    ] == [(f"{1:012}", "LAB-03", 1), (f"{3:012}", "lab-03b", 1)]
    both = run("seat list --licensee acme --computer lab-03", Pipe).out
    assert both.startswith("000000000001\tAcme\t1\tLAB-03\t")
    assert len(both.splitlines()) == 1
    assert run("seat list --json").json["error"]["code"] == "usage"
    assert run(f"seat list {1:012} --computer LAB --json").json["error"]["code"] == "usage"
