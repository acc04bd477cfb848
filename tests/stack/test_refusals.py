"""Every refusal there is, on the real stack: real files, and what a vendor did at the desk."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

import keyferry
from keyferry_admin import changes, licenses
from keyferry_protocol.activation import new_activation_code, show_license_number
from keyferry_protocol.encoding import format_time, parse_time
from keyferry_protocol.keys import ED25519, Ed25519Signer, KeySet, PinnedKey
from keyferry_protocol.machine import Machine
from keyferry_service.license import License, Status
from keyferry_service.licenses_dynamodb import Licenses
from keyferry_service.refusals import RefusalCode
from tests.conftest import RunningStack
from tests.journeys import a_machine, carry, client, download

ASK = "licensing@example.com"
UNPROVEN = ("unreadable-request", "unsupported-version", "not-authentic")
OF_OLD = parse_time("2020-01-01T00:00:00Z")


class Customer:
    """A license of its own, the computers of who bought it, and the vendor's desk."""

    def __init__(self, stack: RunningStack, table: Licenses, folder: Path, **terms: Any) -> None:
        self.stack, self.table, self.folder = stack, table, folder
        self.product = stack.license["product"]
        made_at = terms.pop("made_at", int(time.time()))
        made = licenses.create(table, self.product, made_at, **terms)
        self.number, self.code = made.license.number, made.activation_code
        self.keys = KeySet.from_json((stack.run / "keys.json").read_bytes())

    def file(self, computer: int | Machine = 1, kind: str = "activate", **wish: Any) -> bytes:
        """The request file that a computer makes."""
        code = self.code if kind == "activate" else None
        asked = {"activation_code": code, "keys": self.keys, **self._place(computer), **wish}
        return keyferry.make_request(asked.pop("number", self.number), kind=kind, **asked)

    def activate(self, computer: int = 1, **wish: Any) -> bytes:
        """Carry a file there and back; the response that is installed then."""
        (seen,) = carry(self.stack, [self.file(computer, **wish)])
        response = download(seen)
        keyferry.install_response(response, self.keys, **self._place(computer))
        return response

    def change(self, **terms: Any) -> License:
        return changes.change(self.table, self.number, lambda license: replace(license, **terms))

    def set_status(self, status: Status) -> License:
        return changes.set_status(self.table, self.number, status)

    def release(self, seat: int) -> None:
        changes.release(self.table, self.number, seat)

    def _place(self, computer: int | Machine) -> dict[str, Any]:
        machine = a_machine(computer) if isinstance(computer, int) else computer
        return {
            "product": self.product,
            "machine": machine,
            "state_dir": self.folder / machine.name,
        }


def after(*deeds: Callable[[Customer], object]) -> Callable[[Customer], None]:
    """What happened before the file is made."""

    def happen(customer: Customer) -> None:
        for deed in deeds:
            deed(customer)

    return happen


def active(computer: int = 1, **wish: Any) -> Callable[[Customer], object]:
    return lambda customer: customer.activate(computer, **wish)


def become(status: Status) -> Callable[[Customer], object]:
    return lambda customer: customer.set_status(status)


def terms(**changed: Any) -> Callable[[Customer], object]:
    return lambda customer: customer.change(**changed)


def release(customer: Customer) -> None:
    customer.release(1)


def allow_move(customer: Customer) -> None:
    changes.allow_move(customer.table, customer.number)


def request(computer: int = 1, **wish: Any) -> Callable[[Customer], bytes]:
    return lambda customer: customer.file(computer, **wish)


def request_on(**seen: Any) -> Callable[[Customer], bytes]:
    return lambda customer: customer.file(replace(a_machine(1), **seen))


def cut_short(customer: Customer) -> bytes:
    return customer.file()[:-40]


def of_a_later_version(customer: Customer) -> bytes:
    envelope = json.loads(customer.file())
    later = envelope["payloadType"].replace(".v1+", ".v2+")
    return json.dumps(envelope | {"payloadType": later}).encode()


def with_a_wrong_code(customer: Customer) -> bytes:
    return customer.file(activation_code=new_activation_code(customer.number))


def with_an_unknown_number(customer: Customer) -> bytes:
    number = f"{(int(customer.number) + 1) % 10**12:012}"
    return customer.file(number=number, activation_code=new_activation_code(number))


def update_by_an_unknown_key(customer: Customer) -> bytes:
    customer.file()  # is never carried
    return customer.file(kind="update")


def by_an_old_application(customer: Customer) -> bytes:
    key = Ed25519Signer.generate()
    pinned = PinnedKey(key.keyid, key.alg, key.public, trusted=True)
    return customer.file(keys=KeySet((ED25519,), (pinned,), frozenset()))


def update_of_a_released_seat(customer: Customer) -> bytes:
    customer.activate()
    file = customer.file(kind="update")
    customer.release(1)
    return file


def answered_before(customer: Customer) -> bytes:
    file = customer.file()
    customer.activate()
    customer.set_status(Status.REVOKED)
    return file


def with_a_dongle(customer: Customer) -> bytes:
    key = Ed25519Signer.generate()
    token = keyferry.Token(key.public, "Token", "1", key.sign)
    return customer.file(protection="dongle", dongle=token)


def for_one_user(customer: Customer) -> bytes:
    machine = replace(a_machine(1), components={**a_machine(1).components, "user": ["anna"]})
    return customer.file(machine, protection="personal")


def nothing(customer: Customer) -> None:
    """The license as it was sold."""


@dataclass(frozen=True)
class Case:
    """One refusal: how it comes about, what is told, what the vendor does about it."""

    code: str
    title: str
    detail: str
    file: Callable[[Customer], bytes]
    sold: dict[str, Any] = field(default_factory=dict)
    before: Callable[[Customer], object] = nothing
    lift: Callable[[Customer], object] | None = None  # then the very same file is answered
    seats: tuple[tuple[int, str], ...] | None = None
    moves_left: int | None = None
    has_next_move: bool = False
    mailed: tuple[str, str] | None = None  # where that is not the page's title and detail


READ_AGAIN = "Copy it again from the offline computer, straight to a USB stick, and choose it here."
UPDATE_APP = "on the offline computer, make a new request file, and choose it here."
APART = "The license number and the activation code do not belong together"
COMPARE = (
    "Compare both with your license e-mail or letter, make a new request file on the offline "
    "computer, and choose it here."
)
GIVE_BACK = (
    "Deactivate it on a computer that no longer needs it. If one is lost or broken, make a new "
    'request file, choose "My old computer is lost or broken" and give its seat number.'
)
MOVED = "This license has moved as often as it may until {next_move}"
WAIT = f"Wait until then, or ask {ASK} to allow one more move."
PHYSICAL = f"Make the request on a physical computer, or ask {ASK} to allow it."
WITHDRAWN = f"It cannot be activated again. Ask {ASK} about a replacement."
FEW_PARTS = {"os_id": ["a1b2" * 8], "disk_serial": ["DISK1"]}

CASES = {
    "a file cut short": Case(
        "unreadable-request", "We could not read this file", READ_AGAIN, cut_short
    ),
    "a response": Case(
        "unreadable-request",
        "This is a response file",
        "You already have what you need: carry it to the offline computer and install it there.",
        Customer.activate,
    ),
    "a later version": Case(
        "unsupported-version",
        "This file was made by a version we do not support",
        f"Update the application {UPDATE_APP}",
        of_a_later_version,
    ),
    "a wrong code": Case("not-authentic", APART, COMPARE, with_a_wrong_code),
    "an unknown number": Case("not-authentic", APART, COMPARE, with_an_unknown_number),
    "an unknown key": Case("not-authentic", APART, COMPARE, update_by_an_unknown_key),
    "an old application": Case(
        "keys-too-old",
        "This version of Example Modeler is too old for our current signature",
        f"Update Example Modeler {UPDATE_APP}",
        by_an_old_application,
    ),
    "an update after the seat was released": Case(
        "not-activated",
        "This license is not active on this computer",
        "There is nothing to update or deactivate. To use it here, make a request to activate.",
        update_of_a_released_seat,
        lift=active(),
    ),
    "a physical computer that shows a disk alone": Case(
        "machine-not-identified",
        "Too little of this computer can be recognised",
        "Run the check in License Configuration (`keyferry doctor`) there; it names what is "
        f"missing. Or use a USB dongle, or ask {ASK}.",
        request_on(components=FEW_PARTS),
        lift=terms(environments=("physical", "virtual")),
    ),
    "on hold": Case(
        "license-suspended",
        "This license is on hold",
        f"Ask {ASK} to lift the hold. Then choose the same request file again.",
        request(),
        before=become(Status.SUSPENDED),
        lift=become(Status.ACTIVE),
    ),
    "withdrawn": Case(
        "license-revoked",
        "This license was withdrawn",
        WITHDRAWN,
        request(),
        before=become(Status.REVOKED),
    ),
    "withdrawn after the answer": Case(
        "license-revoked", "This license was withdrawn", WITHDRAWN, answered_before
    ),
    "ended": Case(
        "license-expired",
        "This license ended on 30 November 2020",
        "Renew it with Example. Then choose the same request file again.",
        request(),
        sold={"made_at": OF_OLD, "valid_until": parse_time("2020-11-30T23:59:59Z")},
        lift=terms(valid_until=parse_time("2099-11-30T23:59:59Z")),
    ),
    "another product": Case(
        "product-mismatch",
        "This license is for Example Modeler, the request came from Example Viewer",
        "Make the request in Example Modeler, or use your license number for Example Viewer.",
        request(product="Example Viewer"),
        mailed=(  # whose name is free text from a file
            "This license is for Example Modeler, the request came from another product",
            "Make the request in Example Modeler, or use your license number for another product.",
        ),
    ),
    "for one user": Case(
        "protection-not-allowed",
        "This license cannot be used with one user of this computer",
        "Make a new request file and choose everyone on this computer or a USB dongle.",
        for_one_user,
        sold={"protections": ("machine", "dongle")},
        lift=terms(protections=("personal",)),
    ),
    "a dongle where the computer has a seat": Case(
        "protection-not-allowed",
        "This computer already has a seat as everyone on this computer",
        "Deactivate it there first, then make a new request. Or make a request for everyone on "
        "this computer.",
        with_a_dongle,
        before=active(),
    ),
    "on a virtual machine": Case(
        "environment-not-allowed",
        "This license does not run on a virtual machine",
        PHYSICAL,
        request_on(environment="virtual"),
        lift=terms(environments=("virtual",)),
    ),
    "in a container": Case(
        "environment-not-allowed",
        "This license does not run in a container",
        PHYSICAL,
        request_on(environment="container"),
        lift=terms(environments=("container",)),
    ),
    "a strange dongle": Case(
        "dongle-not-registered",
        "This dongle is not registered for this license",
        "Use the dongle that came with the license, or ask "
        "licensing@example.com to register this one.",
        with_a_dongle,
    ),
    "a seat that nobody has": Case(
        "no-such-seat",
        "This license has no seat 2",
        "Its seats in use are listed below. Make a new request file with one of these numbers.",
        request(9, replaces_seat=2),
        sold={"seats": 2},
        before=active(),
        lift=active(2),
        seats=((1, "LAB-01"),),
        moves_left=5,
    ),
    "no seat": Case(
        "no-seats-left",
        "All 2 seats of this license are in use",
        GIVE_BACK,
        request(9),
        sold={"seats": 2},
        before=after(active(1), active(2)),
        lift=terms(seats=3),
        seats=((1, "LAB-01"), (2, "LAB-02")),
        moves_left=4,
    ),
    "no seat and no move": Case(
        "no-seats-left",
        "All 1 seats of this license are in use",
        f"{MOVED}. {WAIT}",
        request(9),
        sold={"moves_per_year": 1},
        before=after(active(1), active(2, replaces_seat=1)),
        lift=release,
        seats=((1, "LAB-02"),),
        moves_left=0,
        has_next_move=True,
    ),
    "no move": Case(
        "move-limit",
        MOVED,
        WAIT,
        request(9, replaces_seat=1),
        sold={"moves_per_year": 1},
        before=after(active(1), active(2, replaces_seat=1)),
        lift=allow_move,
        has_next_move=True,
    ),
}


def test_the_table_has_every_refusal() -> None:
    assert {case.code for case in CASES.values()} == set(RefusalCode)


@dataclass(frozen=True)
class Told:
    """What a customer was told: first, and once the vendor had done what was asked for."""

    began: int
    customer: Customer
    first: dict[str, Any]
    again: dict[str, Any]
    mails: list[dict[str, Any]]


@pytest.fixture(scope="module")
def told(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """All cases at once, for their files only wait for one another's answers otherwise."""
    began = int(time.time())
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])

    def prepare(case: Case) -> tuple[Customer, bytes]:
        customer = Customer(stack, table, tmp_path_factory.mktemp("customer"), **case.sold)
        case.before(customer)
        return customer, case.file(customer)

    emails = [f"{name.replace(' ', '-')}@example.com" for name in CASES]
    with ThreadPoolExecutor(4) as together:
        customers, files = zip(*together.map(prepare, CASES.values()), strict=True)
        first = carry(stack, files, emails)
        lifts = [case.lift or nothing for case in CASES.values()]
        list(together.map(lambda lift, customer: lift(customer), lifts, customers))
    again = carry(stack, files)
    inbox = requests.get(f"{stack.inbox}/messages", timeout=60).json()
    mails = [[mail for mail in inbox if email in mail["to"]] for email in emails]
    every = zip(CASES, customers, first, again, mails, strict=True)
    return {name: Told(began, *facts) for name, *facts in every}


named = pytest.mark.parametrize("name", CASES)


def next_move(customer: Customer) -> datetime:
    """When the one move of this license is no longer of the last 365 days."""
    license = customer.table.get(customer.number)
    assert license is not None
    (day,) = license.moves
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=366)


def in_words(text: str, customer: Customer) -> str:
    if "{next_move}" not in text:
        return text
    day = next_move(customer)
    return text.format(next_move=f"{day.day} {day:%B %Y}")


@pytest.mark.timeout(300)
@named
def test_a_refusal_says_what_is_and_what_to_do(told: dict[str, Told], name: str) -> None:
    case, customer, seen = CASES[name], told[name].customer, told[name].first
    refusal = seen["refusal"]
    assert (seen["state"], refusal["code"]) == ("refused", case.code)
    assert refusal["title"] == in_words(case.title, customer)
    assert refusal["detail"] == in_words(case.detail, customer)
    assert refusal.get("moves_left") == case.moves_left
    at = format_time(int(next_move(customer).timestamp())) if case.has_next_move else None
    assert refusal.get("next_move_at") == at
    seats = refusal.get("seats", ())
    assert tuple((seat["seat"], seat["machine_name"]) for seat in seats) == (case.seats or ())
    for seat in seats:
        since, answered = parse_time(seat["since"]), parse_time(seat["last_answered"])
        assert told[name].began <= since <= answered <= time.time()


@named
def test_only_a_proven_request_is_named_and_mailed(told: dict[str, Told], name: str) -> None:
    case, customer, seen = CASES[name], told[name].customer, told[name].first
    if case.code in UNPROVEN:
        assert (seen["kind"], seen["license_number"], seen["email"]) == (None, None, "withheld")
        assert told[name].mails == []
        return
    kind = "update" if case.code == "not-activated" else "activate"
    assert (seen["kind"], seen["license_number"], seen["email"]) == (kind, customer.number, "sent")
    title, step = (in_words(text, customer) for text in case.mailed or (case.title, case.detail))
    (mail,) = told[name].mails
    number = show_license_number(customer.number)
    said = f"{title[0].lower()}{title[1:]}"
    assert mail["subject"] == f"Request for license {number} was not granted: {said}"
    text = " ".join(mail["text"].split())
    assert text.startswith(f"{title}. {step} License {number} Computer ")
    assert text.endswith(f" Your request file is unchanged. Questions? Ask us: {ASK}")
    assert "/api/responses/" not in mail["text"] + mail["html"]


@named
def test_a_refusal_is_not_held_against_the_file(told: dict[str, Told], name: str) -> None:
    first, again = told[name].first, told[name].again
    if CASES[name].lift is None:
        assert again["refusal"] == first["refusal"]
        return
    assert (again["state"], again["license_number"]) == ("ready", told[name].customer.number)
    response = keyferry.verify_response(download(again), told[name].customer.keys)
    assert response.license.number == told[name].customer.number


def test_a_stranger_learns_nothing(stack: RunningStack, told: dict[str, Told]) -> None:
    """A number that nobody has and a wrong code for one that somebody has: the very same bytes."""
    ids = [told[name].first["id"] for name in CASES if CASES[name].code == "not-authentic"]
    answers = {requests.get(f"{stack.api}/requests/{id}", timeout=60).content for id in ids}
    assert len(ids) == 3
    assert len(answers) == 1
