"""Who finds an activation code takes seats in use; its license's contact is told, and helped.

docs/operations/stolen-code.md is the way back: its commands are run here.
"""

import email
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.cli import main
from keyferry_admin.stack import Stack
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_service.adapters import emails_dynamodb
from keyferry_service.adapters.email_ses import MailRefused
from keyferry_service.adapters.emails_dynamodb import hash_address, suppressed_key
from tests.service.admin.screens import Screen
from tests.support.builders import ACTIVATION, LAB_07, LAB_08, Computer, a_request, a_request_file
from tests.support.samples import NUMBER
from tests.support.world import IN, OUT, ROOT, World

pytestmark = pytest.mark.attack

CONTACT = "contact@example.org"
WAY_BACK = ROOT / "docs" / "operations" / "stolen-code.md"
OUTPUTS = {
    "LicensesTable": "Licenses",
    "KeysTable": "Keys",
    "TicketsTable": "Tickets",
    "InBucket": IN,
    "OutBucket": OUT,
    "PageUrl": "https://activate.example.com",
    "VendorName": "Example",
    "SupportContact": "licensing@example.com",
}
OWN = [Computer(f"LAB-{number}") for number in range(4)]
THIEFS = [Computer(f"EVE-{number}") for number in range(4)]


def mails_to(world: World, address: str) -> list[EmailMessage]:
    mails = [email.message_from_bytes(mail, policy=default) for mail in world.mails()]
    return [mail for mail in mails if isinstance(mail, EmailMessage) and mail["To"] == address]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def replace_seat(world: World, thief: Computer, seat: int, address: str | None = None) -> str:
    ticket = world.activate(a_request_file(thief, replaces_seat=seat), address)
    assert world.ticket(ticket)["state"] == "ready"
    return ticket


def a_sold_seat(world: World, **terms: Any) -> None:
    """One seat, taken by LAB-07."""
    world.sell(contact=CONTACT, **terms)
    world.activate(a_request_file(LAB_07))


def test_the_contact_is_told_which_seat_went_from_which_computer_to_which(world: World) -> None:
    a_sold_seat(world)
    ticket = replace_seat(world, LAB_08, 1)
    assert world.send(ticket) == []
    (mail,) = mails_to(world, CONTACT)
    assert mail["Subject"] == "Seat 1 of license 015.120.020.093 went to another computer"
    assert (
        text_of(mail)
        == """\
Example

Seat 1 of license 015.120.020.093 went from LAB-07 to LAB-08.
Someone who has the activation code, or a copy of the old computer's license
files, requested this. The old computer can no longer update its license.

  License        015.120.020.093
  Seat           1
  Old computer   LAB-07
  New computer   LAB-08

If none of your people did this
1. Ask licensing@example.com for a new activation code. Anyone who has the
   current code can take every seat on this license, even seats in use.
2. Ask them to release seat 1. Activating your computer again then uses up no
   move.
3. On LAB-07, activate again with the new code.

If your people did this, you can ignore this message. Questions? Ask us:
licensing@example.com
"""
    )


def test_the_contact_is_told_of_a_thief_who_passes_for_the_reinstalled_computer(
    world: World,
) -> None:
    a_sold_seat(world)
    parts = a_request(LAB_07).machine  # in a request file that was left on a stick
    world.send(world.activate(a_request_file(LAB_08, machine=parts)))
    assert mails_to(world, CONTACT) == []  # the seat is still bound to LAB-07's parts
    own_parts = replace(a_request(LAB_08).machine, name="LAB-07")
    world.send(world.activate(a_request_file(LAB_08, "update", machine=own_parts)))
    (mail,) = mails_to(world, CONTACT)
    assert text_of(mail).startswith(
        "Example\n\nSeat 1 of license 015.120.020.093 went from LAB-07 to another computer, or\n"
        "LAB-07 with new parts."
    )


def test_the_mail_is_sent_once_and_shown_nowhere(world: World) -> None:
    a_sold_seat(world)
    ticket = replace_seat(world, LAB_08, 1, "eve@example.org")
    for _ in range(3):  # at least once, says the queue
        assert world.send(ticket) == []
    assert len(mails_to(world, CONTACT)) == 1
    again = world.activate(a_request_file(LAB_08, replaces_seat=1))  # the same file on another
    assert world.send(again) == []
    assert len(mails_to(world, CONTACT)) == 1
    for shown in (world.call("GET", f"/api/requests/{ticket}"), world.log.getvalue()):
        assert CONTACT not in str(shown)
    assert CONTACT not in str(mails_to(world, "eve@example.org")[0])
    (row,) = [row for row in world.rows("Tickets") if row["pk"]["S"] == f"ticket#{ticket}"]
    assert CONTACT not in str(row)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(a_request_file(LAB_07.reinstalled()), id="a reinstalled computer"),
        pytest.param(a_request_file(LAB_07, "update"), id="an update"),
        pytest.param(a_request_file(LAB_07.reinstalled(), replaces_seat=1), id="its own seat"),
        pytest.param(a_request_file(LAB_08), id="a new seat"),
        pytest.param(a_request_file(LAB_08, replaces_seat=9), id="a refusal"),
    ],
)
def test_nobody_is_told_where_no_other_computer_lost_its_seat(world: World, file: bytes) -> None:
    a_sold_seat(world, seats=2)
    assert world.send(world.activate(file)) == []
    assert mails_to(world, CONTACT) == []


def test_no_cap_withholds_the_contacts_mail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sell(contact=CONTACT)
    world.send(world.activate(a_request_file(LAB_07), "anna@example.org"))
    monkeypatch.setattr(emails_dynamodb, "MAILS_PER_LICENSE", 1)
    ticket = replace_seat(world, LAB_08, 1, "eve@example.org")
    assert world.send(ticket) == []
    assert world.ticket(ticket)["email"] == "withheld"
    assert len(mails_to(world, CONTACT)) == 1


def test_an_address_that_fails_keeps_the_contact_from_no_mail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_sold_seat(world)
    ticket = replace_seat(world, LAB_08, 1, "eve@example.org")
    ses = world.service["sesv2"]

    def refuse_eve(params: Any, **_: Any) -> None:
        if params["Destination"]["ToAddresses"] == ["eve@example.org"]:
            raise MailRefused("SES: MessageRejected")

    ses.meta.events.register("provide-client-params.sesv2.SendEmail", refuse_eve)
    try:
        assert len(world.send(ticket)) == 1  # comes again, as it should
    finally:
        ses.meta.events.unregister("provide-client-params.sesv2.SendEmail", refuse_eve)
    assert len(mails_to(world, CONTACT)) == 1


def test_a_contact_that_wants_no_mail_gets_none(world: World) -> None:
    a_sold_seat(world)
    key = {"pk": {"S": suppressed_key(hash_address(CONTACT))}}
    expires_at = {"N": str(world.now + 1)}
    world.dynamodb.put_item(TableName="Tickets", Item=key | {"expires_at": expires_at})
    assert world.send(replace_seat(world, LAB_08, 1)) == []
    assert mails_to(world, CONTACT) == []


def test_a_name_that_could_carry_a_message_is_not_repeated(world: World) -> None:
    world.sell(contact=CONTACT)
    world.activate(a_request_file(Computer("visit evil.example")))
    assert world.send(replace_seat(world, Computer("call 555-0100"), 1)) == []
    (mail,) = mails_to(world, CONTACT)
    assert "went from the old computer to another" in text_of(mail)
    assert "evil" not in mail.as_string()
    assert "555-0100" not in mail.as_string()


# ---- The whole theft, and the way back


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`keyferry-admin` on this world's tables, run in a folder of its own."""
    monkeypatch.setattr(Stack, "_outputs", OUTPUTS)
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [*words, "--json"])
        with (
            redirect_stdout(Screen()) as out,
            redirect_stderr(Screen()) as err,
            pytest.raises(SystemExit) as ended,
        ):
            main()
        assert not ended.value.code, err.getvalue()
        document: dict[str, Any] = json.loads(out.getvalue())
        return document

    return command


def documented_commands() -> list[list[str]]:
    """The commands of the way back, in their order."""
    _, way_back = WAY_BACK.read_text().split("**The way back**")
    return [line.split() for line in re.findall("^keyferry-admin .*", way_back, re.MULTILINE)]


def test_a_theft_of_all_seats_is_undone_in_under_ten_commands(world: World, desk: Any) -> None:
    world.sell(seats=4, contact=CONTACT)
    for own, thiefs in zip(OWN, THIEFS, strict=True):
        world.activate(a_request_file(own))
        seat = len(mails_to(world, CONTACT)) + 1
        assert world.send(replace_seat(world, thiefs, seat)) == []
    assert len(mails_to(world, CONTACT)) == 4, "the contact is told of each theft"
    refused = world.ticket(world.activate(a_request_file(LAB_07, replaces_seat=1)))
    assert refused["refusal"]["code"] == "move-limit", "the customer is locked out for a year"

    commands = documented_commands()
    assert len(commands) < 10
    for words in commands:
        needs_yes = words[2] in ("new-code", "release")
        desk(*words, *["--yes"] * needs_yes)
    letter = Path("new-code.txt").read_text()
    (shown,) = re.findall("[0-9a-z]{6}(?:-[0-9a-z]{6}){4}", letter)
    new_code = activation_key(parse_activation_code(shown, NUMBER), NUMBER)

    for number, own in enumerate(OWN):
        file = a_request_file(own, activation=new_code, id=f"{number:032x}", created_at=world.now)
        assert world.ticket(world.activate(file))["state"] == "ready"
    license = world.license()
    assert (license.seats_used, license.seats_ever_used) == (4, 4)
    assert sum(license.moves.values()) == 4, "coming back used up no move"
    for number, thiefs in enumerate(THIEFS):
        for kind, code in (("activate", "not-authentic"), ("update", "not-activated")):
            file = a_request_file(thiefs, kind, activation=ACTIVATION, id=f"{number:031x}a")
            assert world.ticket(world.activate(file))["refusal"]["code"] == code
