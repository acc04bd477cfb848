"""`keyferry-admin request explain`: each refusal with its rule, and what would change it."""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from keyferry_admin.errors.licenses import AmbiguousTicket, NoSuchTicket
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license
from keyferry_admin.use_cases.explain import explain_file, explain_ticket
from keyferry_admin.use_cases.remedies import ANSWERED
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.request import Product, parse_request
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.license import RegisteredDongle, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import EmailStatus, Ticket
from keyferry_service.domain.upload import Upload
from tests.service.admin.conftest import runner
from tests.service.admin.screens import GOLDEN
from tests.service.admin.template import TEMPLATE
from tests.service.simulation.cloud import Clients, Cloud
from tests.service.simulation.dynamodb import Tables
from tests.support.builders import (
    LAB_07,
    LAB_08,
    SERVICE_KEY,
    Computer,
    a_key,
    a_license,
    a_request_file,
)
from tests.support.samples import DAY, NOW, NUMBER

DONGLE = a_key("dongle")
BUCKET = "keyferry-in"
TICKET = "a" * 43


@dataclass(frozen=True)
class Desk:
    """A stack whose tables are in memory, which is much faster than moto."""

    stack: Stack
    tables: Tables

    def rows(self) -> dict[Any, Any]:
        """Every row of both tables."""
        return deepcopy(self.tables.rows)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    cloud = Cloud(random.Random(1), NOW)
    dynamodb = Clients(cloud, lambda: None).client("dynamodb")
    dynamodb.scan = lambda **scan: {
        "Items": [
            row
            for row in cloud.tables.rows.values()
            if "activation_public" in row and scan["Segment"] == 0
        ]
    }
    outputs = {name: each["Value"] for name, each in TEMPLATE["Outputs"].items()}
    tables = {f"{name}Table": name for name in ("Licenses", "Tickets", "Keys")}
    monkeypatch.setattr(Stack, "_dynamodb", dynamodb)
    monkeypatch.setattr(Stack, "_outputs", outputs | tables)
    monkeypatch.setattr(Stack, "_identity", "arn:aws:iam::123456789012:user/ada")
    monkeypatch.setattr("time.time", lambda: NOW)
    stack = Stack("keyferry")
    stack.signing_keys.add(SERVICE_KEY)
    return Desk(stack, cloud.tables)


@pytest.fixture
def run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command at this desk."""
    return runner(monkeypatch)


def answer(stack: Stack, file: bytes) -> None:
    """Have a file answered, as the service does."""
    request = parse_request(file)
    snapshot, _ = stack.decisions.look_up(request, stack.tickets.get_item_for(""))
    snapshot = stack.decisions.read_unread_seats(NUMBER, snapshot)
    grant = decide(request, snapshot, stack.signing_keys.all(), NOW)
    assert isinstance(grant, Grant), grant
    entry = entry_for(response_to(request, grant, NOW), grant)
    stack.decisions.claim(request, grant, entry, None)


Before = Callable[[Stack], object]


def nothing(_: Stack) -> None:
    """The license as it was sold."""


def answered(*files: bytes) -> Before:
    return lambda stack: [answer(stack, file) for file in files]


def active(*computers: Computer) -> Before:
    return answered(*map(a_request_file, computers))


def after(*steps: Before) -> Before:
    return lambda stack: [step(stack) for step in steps]


def become(status: Status) -> Before:
    return lambda stack: change_license.set_status(stack.licenses, NUMBER, status)


def released(seat: int) -> Before:
    return lambda stack: change_license.release_seat(stack.licenses, NUMBER, seat)


def given_a_new_code(stack: Stack) -> None:
    change_license.replace_code(stack.licenses, NUMBER)


def registered(stack: Stack) -> None:
    license = stack.licenses.get(NUMBER)
    assert license is not None
    dongle = RegisteredDongle(DONGLE.keyid, ED25519, DONGLE.public, "Token", "1")
    changed = replace(license, revision=license.revision + 1)
    stack.licenses.add_dongle(license, changed, dongle)


@dataclass(frozen=True)
class Case:
    """A refusal, what is said of it, and the commands that would change it."""

    code: str
    why: str
    file: bytes
    before: Before = nothing
    sold: dict[str, Any] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


WITH_DONGLE = replace(LAB_07, dongle=DONGLE)
ONE_DISK = Computer("LAB-07", parts=("os_id", "disk_serial"))
CHANGED = replace(LAB_07, changed=("smbios_uuid", "board_serial", "tpm_key", "mac"))

CASES = {
    "cut short": Case("unreadable-request", "no request that can be read", b"{"),
    "a response": Case(
        "unreadable-request",
        "This is a response file, not a request.",
        a_request_file(LAB_07).replace(b"request.v1+", b"response.v1+"),
    ),
    "a later version": Case(
        "unsupported-version",
        "later version",
        a_request_file(LAB_07).replace(b"request.v1+", b"request.v2+"),
    ),
    "another vendor's": Case(
        "not-authentic",
        "You sold no license 999.999.999.999; the file is from Other Product.",
        a_request_file(LAB_07, license_number="999999999999", product=Product("Other Product", "")),
    ),
    "a mistyped number": Case(
        "not-authentic",
        "You sold no license 015.120.020.039",
        a_request_file(LAB_07, license_number="015120020039"),
    ),
    "a wrong code": Case(
        "not-authentic",
        "The request was not made with this license's activation code.",
        a_request_file(LAB_07, activation=a_key("a guess")),
    ),
    "an old code": Case(
        "not-authentic",
        "You replaced the code on 24 November 2026.",
        a_request_file(LAB_07),
        given_a_new_code,
    ),
    "an edited file": Case(
        "not-authentic",
        "The file was changed after it was made: a signature fails.",
        a_request_file(LAB_07, signers=(a_key("another"),)),
    ),
    "an update of a computer that was never active": Case(
        "not-authentic",
        "The license has never known the key of this computer, so it cannot update it.",
        a_request_file(LAB_08, "update"),
    ),
    "a deactivation with a strange dongle": Case(
        "not-authentic",
        "The license has never known this dongle, so it cannot deactivate it.",
        a_request_file(WITH_DONGLE, "deactivate"),
    ),
    "an old application": Case(
        "keys-too-old",
        "The application trusts these keys: none. Active are: " + SERVICE_KEY.keyid,
        a_request_file(LAB_07, trusts=()),
    ),
    "an update after its seat was released": Case(
        "not-activated",
        "Seat 1, which this computer had, is free.",
        a_request_file(LAB_07, "update"),
        after(active(LAB_07), released(1)),
    ),
    "an update after its seat was replaced": Case(
        "not-activated",
        "Seat 1, which this computer had, is LAB-08 since 24 November 2026",
        a_request_file(LAB_07, "update"),
        answered(a_request_file(LAB_07), a_request_file(LAB_08, replaces_seat=1)),
    ),
    "an activation from before its deactivation": Case(
        "not-activated",
        "before this computer was deactivated on 24 November 2026.",
        a_request_file(LAB_07, id="b" * 32, created_at=NOW - 100),
        answered(a_request_file(LAB_07), a_request_file(LAB_07, "deactivate")),
    ),
    "a deactivation of a dongle without a seat": Case(
        "not-activated",
        "No seat belongs to this computer or dongle.",
        a_request_file(WITH_DONGLE, "deactivate"),
        registered,
    ),
    "a computer that shows a disk alone": Case(
        "machine-not-identified",
        "The request shows of the computer: os_id, disk_serial.",
        a_request_file(ONE_DISK),
        commands=("license change {number} --environment virtual",),
    ),
    "a user's update on a computer that changed": Case(
        "needs-administrator",
        "every user of the computer can read",
        a_request_file(CHANGED, "update", signers=(LAB_07.load_key,)),
        active(LAB_07),
    ),
    "on hold": Case(
        "license-suspended",
        "You suspended the license.",
        a_request_file(LAB_07),
        become(Status.SUSPENDED),
        commands=("license resume {number}",),
    ),
    "on hold, and for another product": Case(
        "license-suspended",
        "You suspended the license.",
        a_request_file(LAB_07, product=Product("Viewer", "")),
        become(Status.SUSPENDED),
        commands=("license resume {number}",),
    ),
    "revoked": Case(
        "license-revoked",
        "You revoked the license",
        a_request_file(LAB_07),
        become(Status.REVOKED),
    ),
    "ended": Case(
        "license-expired",
        "The license ended on 23 November 2026.",
        a_request_file(LAB_07),
        sold={"valid_until": NOW - DAY},
        commands=("license change {number} --until +1y",),
    ),
    "a trial that ended": Case(
        "license-expired",
        "The trial ended on 24 November 2026.",
        a_request_file(LAB_08),
        sold={"valid_until": None, "trial_days": 30, "first_issued_at": NOW - 30 * DAY},
        commands=("license change {number} --trial none --until +1y",),
    ),
    "another product": Case(
        "product-mismatch",
        "The license is for Example Modeler; the request comes from Viewer.",
        a_request_file(LAB_07, product=Product("Viewer", "")),
        commands=("license change {number} --product Viewer",),
    ),
    "for one user": Case(
        "protection-not-allowed",
        "The request is for personal; the license allows machine, dongle.",
        a_request_file(LAB_07, protection="personal"),
        sold={"protections": ("machine", "dongle")},
        commands=(
            "license change {number} --protection machine --protection personal"
            " --protection dongle",
        ),
    ),
    "a dongle where the computer has a seat": Case(
        "protection-not-allowed",
        "has seat 1 for machine; the request is for dongle.",
        a_request_file(WITH_DONGLE),
        after(active(LAB_07), registered),
    ),
    "on a virtual machine": Case(
        "environment-not-allowed",
        "The computer is a virtual machine; the license allows physical, container.",
        a_request_file(replace(LAB_07, environment="virtual")),
        sold={"environments": ("physical", "container")},
        commands=("license change {number} --environment virtual --environment container",),
    ),
    "in a container": Case(
        "environment-not-allowed",
        "The computer is a container; the license allows physical.",
        a_request_file(replace(LAB_07, environment="container")),
        commands=("license change {number} --environment container",),
    ),
    "a strange dongle": Case(
        "dongle-not-registered",
        f"The dongle {DONGLE.keyid} is not registered",
        a_request_file(WITH_DONGLE),
        commands=("dongle add {number} FILE",),
    ),
    "a seat that nobody has": Case(
        "no-such-seat",
        "The request replaces seat 7, which no computer has.",
        a_request_file(LAB_08, replaces_seat=7),
        active(LAB_07),
    ),
    "no seat": Case(
        "no-seats-left",
        "2 of 2 seats are in use",
        a_request_file(Computer("LAB-09"), choose_seat=True),
        active(LAB_07, LAB_08),
        {"seats": 2},
        ("license change {number} --seats 3", "seat release {number} SEAT"),
    ),
    "no move": Case(
        "move-limit",
        "The request needs a move: 1 of 1 were used in the last 365 days.",
        a_request_file(Computer("LAB-09"), replaces_seat=1),
        answered(a_request_file(LAB_07), a_request_file(LAB_08, replaces_seat=1)),
        {"moves_per_year": 1},
        ("license allow-move {number}", "license change {number} --moves-per-year 2"),
    ),
}


def sell(stack: Stack, case: Case, folder: Path | None = None) -> Path | None:
    """The license as it was sold and used; the file of the case, in this folder."""
    stack.licenses.create(a_license(**case.sold))
    case.before(stack)
    if folder is None:
        return None
    path = folder / "a.request"
    path.write_bytes(case.file)
    return path


def test_the_table_has_every_refusal() -> None:
    assert {case.code for case in CASES.values()} == set(RefusalCode)


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_names_its_rule_and_nothing_is_written(desk: Desk, name: str) -> None:
    case = CASES[name]
    sell(desk.stack, case)
    before = desk.rows()
    explanation = explain_file(desk.stack, case.file, NOW)
    assert desk.rows() == before
    assert explanation.refusal is not None
    assert (explanation.rule, explanation.refusal.code) == (case.code, case.code)
    assert case.why in explanation.why
    promised = [each.command for each in explanation.remedies if each.then]
    assert promised == [f"keyferry-admin {each.format(number=NUMBER)}" for each in case.commands]
    assert all(each.text.endswith(".") for each in explanation.remedies)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.commands])
def test_each_command_with_a_promise_keeps_it(
    run: Any, desk: Desk, tmp_path: Path, name: str
) -> None:
    """What the same file gets then is decided by the service's own rules, not left to words."""
    case = CASES[name]
    path = sell(desk.stack, case, tmp_path)
    kept = desk.rows()
    for remedy in explain_file(desk.stack, case.file, NOW).remedies:
        if not remedy.then:
            continue
        desk.tables.rows = deepcopy(kept)
        line = remedy.command.removeprefix("keyferry-admin ")
        line = line.replace("SEAT", "1 --yes").replace("FILE", str(path))
        if "license change" in line:
            line += " --yes"
        if "--product" in line:
            line += " --shorten --new-product"
        ran = run(line)
        assert ran.exit == 0, ran.err
        again = explain_file(desk.stack, case.file, NOW)
        assert remedy.then == (again.rule if again.refusal else ANSWERED)
        assert again.rule != case.code


OLD_DEACTIVATION = a_request_file(LAB_07, "deactivate", trusts=())


def given_back(stack: Stack) -> None:
    answer(stack, OLD_DEACTIVATION)


GRANTS = [
    pytest.param(GrantRule.NEW_SEAT, a_request_file(LAB_08), active(LAB_07), 2),
    pytest.param(GrantRule.OWN_KEY, a_request_file(LAB_07, "update"), active(LAB_07), 1),
    pytest.param(GrantRule.BOUND_AGAIN, a_request_file(CHANGED, "update"), active(LAB_07), 1),
    pytest.param(
        GrantRule.LOAD_KEY,
        a_request_file(LAB_07, "update", signers=(LAB_07.load_key,)),
        active(LAB_07),
        1,
    ),
    pytest.param(GrantRule.SAME_MACHINE, a_request_file(LAB_07.reinstalled()), active(LAB_07), 1),
    pytest.param(
        GrantRule.REPLACED_SEAT, a_request_file(LAB_08, replaces_seat=1), active(LAB_07), 1
    ),
    pytest.param(GrantRule.FREED_SEAT, a_request_file(LAB_07, "deactivate"), active(LAB_07), 1),
    pytest.param(
        GrantRule.NEW_SEAT, a_request_file(WITH_DONGLE), registered, 1, id="with a dongle"
    ),
    pytest.param(
        GrantRule.FREED_SEAT,
        a_request_file(WITH_DONGLE, "deactivate"),
        after(registered, active(WITH_DONGLE)),
        1,
        id="back with a dongle",
    ),
    pytest.param("answered-before", a_request_file(LAB_07), active(LAB_07), 1),
]


@pytest.mark.parametrize(("rule", "file", "before", "seat"), GRANTS)
def test_a_response_names_its_rule_and_nothing_is_written(
    desk: Desk, rule: str, file: bytes, before: Before, seat: int
) -> None:
    sell(desk.stack, Case("", "", file, before, {"seats": 2}))
    table = desk.rows()
    explanation = explain_file(desk.stack, file, NOW)
    assert desk.rows() == table
    assert explanation.refusal is None
    assert (explanation.rule, explanation.seat) == (rule, seat)
    assert explanation.remedies == ()


@pytest.mark.parametrize("before", [active(LAB_07), after(active(LAB_07), given_back)])
def test_a_deactivation_whose_application_would_reject_the_receipt_is_told_as_that(
    desk: Desk, run: Any, tmp_path: Path, before: Before
) -> None:
    path = sell(desk.stack, Case("", "", OLD_DEACTIVATION, before), tmp_path)
    ran = run(f"request explain {path}")
    assert "Answered now" in ran.out
    text = " ".join(ran.out.split())
    assert "gets no receipt: that version of Example Modeler trusts no active key" in text
    document = run(f"request explain {path} --json").json
    assert (document["outcome"], document["verifiable"]) == ("response", False)
    verifiable = tmp_path / "verifiable.request"
    verifiable.write_bytes(a_request_file(LAB_07))
    assert run(f"request explain {verifiable} --json").json["verifiable"] is True


def test_every_rule_that_gives_a_seat_is_explained() -> None:
    assert {case.values[0] for case in GRANTS} == {*GrantRule, "answered-before"}


@pytest.mark.parametrize(
    ("golden", "name"),
    [
        ("request-explain", "no seat"),
        ("request-explain-unknown", "a mistyped number"),
        ("request-explain-damaged", "cut short"),
    ],
)
def test_a_refusal_is_explained_as_at_the_telephone(
    run: Any, desk: Desk, tmp_path: Path, golden: str, name: str
) -> None:
    path = sell(desk.stack, CASES[name], tmp_path)
    out = run(f"request explain {path}").out
    assert out == (GOLDEN / f"{golden}.txt").read_text()
    document = run(f"request explain {path} --json").json
    assert (document["outcome"], document["rule"]) == ("refusal", CASES[name].code)
    assert document["why"] in out.replace("\n  ", " ")
    assert max(map(len, out.splitlines())) < 80


@pytest.mark.parametrize(
    ("choose_seat", "moves", "words"),
    [
        (True, 4, "chooses the same file again, and on the page the lost computer (4 moves left)."),
        (False, 1, "new request that replaces a lost computer (1 move left); with this one, the"),
        (True, 0, "Allow one more move. The customer then chooses the same file again, and on the"),
    ],
)
def test_whether_a_lost_computer_can_be_chosen_on_the_page_is_explained(
    desk: Desk, choose_seat: bool, moves: int, words: str
) -> None:
    file = a_request_file(LAB_08, choose_seat=choose_seat)
    sold = {"seats": 1, "moves_per_year": moves}
    sell(desk.stack, Case("", "", file, active(LAB_07), sold))
    assert words in explain_file(desk.stack, file, NOW).remedies[-1].text


def test_with_no_move_and_no_choice_only_the_vendor_can_help(desk: Desk) -> None:
    file = a_request_file(LAB_08)
    sell(desk.stack, Case("", "", file, active(LAB_07), {"seats": 1, "moves_per_year": 0}))
    remedies = explain_file(desk.stack, file, NOW).remedies
    assert all(each.command for each in remedies)


def test_a_response_is_explained_too(run: Any, desk: Desk, tmp_path: Path) -> None:
    path = sell(
        desk.stack, Case("", "", a_request_file(LAB_08), active(LAB_07), {"seats": 2}), tmp_path
    )
    lines = run(f"request explain {path}").out.splitlines()
    assert lines[2:] == [
        "✓ Answered now: new-seat",
        "  Seat 2 is free.",
        "  4 moves left after that.",
    ]
    document = run(f"request explain {path} --json").json
    assert (document["outcome"], document["seat"], document["page"]) == ("response", 2, None)


@pytest.mark.parametrize("text", ["aaaa", "/", "no/such/file.request"])
def test_what_is_neither_a_file_nor_a_ticket_is_said(run: Any, text: str) -> None:
    ran = run(f"request explain {text} --json")
    assert (ran.exit, ran.json["error"]["code"]) == (2, "usage")
    assert text in ran.json["error"]["title"]


class TestTickets:
    @pytest.fixture
    def uploaded(self, stack: Stack) -> Stack:
        """A ticket that was refused, on which another file came later."""
        s3 = boto3.client("s3")
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        stack.signing_keys.add(SERVICE_KEY)
        stack.licenses.create(a_license())
        answer(stack, a_request_file(LAB_07))
        key, file = f"requests/{TICKET}", a_request_file(LAB_08)
        version = s3.put_object(Bucket=BUCKET, Key=key, Body=file)["VersionId"]
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"another file, later")
        opened = Ticket(TICKET, NOW + DAY, email="a@b.example", email_status=EmailStatus.SENT)
        stack.tickets.add(opened)
        refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 1})
        uploaded = opened.with_upload(Upload(TICKET, key, version, NOW))
        stack.tickets.complete(opened, uploaded.refused(parse_request(file), refusal), NOW)
        return stack

    def test_the_file_that_was_answered_is_explained(self, uploaded: Stack) -> None:
        for text in ("a" * 8, TICKET, f"https://activate.example.com/#t={TICKET}"):
            explanation = explain_ticket(uploaded, text, NOW)
            assert explanation.rule == "no-seats-left"
            assert explanation.ticket == uploaded.tickets.get(TICKET, NOW)
        explanation = explain_ticket(uploaded, "aaaaaaaa", NOW + 8 * DAY)
        assert (explanation.rule, explanation.ticket) == ("no-seats-left", None)

    def test_the_ticket_says_what_it_was_answered_and_no_address(
        self, uploaded: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.time", lambda: NOW)
        run = runner(monkeypatch)
        document = run("request explain aaaaaaaa --json").json
        assert document["ticket"] == {
            "ticket": "aaaaaaaa",
            "expires_at": "2026-11-25T09:47:00Z",
            "state": "refused",
            "code": "no-seats-left",
            "chosen_seat": None,
            "email": "sent",
        }
        out = run("request explain aaaaaaaa").out
        assert "Ticket   aaaaaaaa, refused: no-seats-left; email: sent\n" in out
        assert "a@b" not in out + str(document)

    def test_it_is_decided_for_the_seat_that_was_chosen_on_the_page(
        self, uploaded: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.time", lambda: NOW)
        ticket = uploaded.tickets.get(TICKET, NOW)
        assert ticket is not None
        uploaded.tickets.choose(ticket, ticket.next_choice(1, NOW), NOW)
        run = runner(monkeypatch)
        explained = run("request explain aaaaaaaa").out
        assert "refused: no-seats-left; seat 1 was chosen" in explained
        assert "Answered now: replaced-seat" in explained
        assert "The person on the page chose the computer of seat 1 as lost or broken" in explained
        document = run("request explain aaaaaaaa --json").json
        assert (document["seat"], document["ticket"]["chosen_seat"]) == (1, 1)
        change_license.change(uploaded.licenses, NUMBER, lambda each: replace(each, seats=2))
        assert explain_ticket(uploaded, TICKET, NOW).rule == "new-seat"
        change_license.change(uploaded.licenses, NUMBER, lambda each: replace(each, seats=1))
        answer(uploaded, a_request_file(LAB_07, "deactivate"))
        answer(uploaded, a_request_file(Computer("LAB-10")))
        explanation = explain_ticket(uploaded, TICKET, NOW)
        assert explanation.rule == "no-such-seat"
        assert "Seat 1, which was chosen on the page, is no longer in use" in explanation.why

    def test_a_ticket_without_a_file_is_said(self, uploaded: Stack) -> None:
        with pytest.raises(NoSuchTicket, match=r"No file came on a ticket bbbbbbbb\.\.\."):
            explain_ticket(uploaded, "b" * 43, NOW)

    def test_two_tickets_that_begin_alike_are_told_apart(self, uploaded: Stack) -> None:
        other = f"requests/{'a' * 42}b"
        s3 = boto3.client("s3")
        s3.put_object(Bucket=BUCKET, Key=other, Body=a_request_file(LAB_08))
        with pytest.raises(AmbiguousTicket):
            explain_ticket(uploaded, "aaaaaaaa", NOW)
        assert explain_ticket(uploaded, TICKET, NOW).rule == "no-seats-left"
