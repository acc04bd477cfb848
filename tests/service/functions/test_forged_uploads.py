"""Request files that are forged, edited, expired, replayed, stolen, or sent on another's ticket.

Tested elsewhere: no byte of a request can be changed (tests/unit/conformance/test_every_byte.py,
`test_no_byte_of_a_request_can_be_changed`); what S3 lets in (tests/stack/test_passes.py).
"""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import EmailStatus, Ticket
from keyferry_service.domain.upload import Upload
from keyferry_service.use_cases.outcome import Refused
from tests.service.functions.memory import Buckets, Tables
from tests.service.functions.offline import OfflineCommandLine
from tests.support.builders import ACTIVATION, LAB_07, LAB_08, Computer, a_key, a_request_file
from tests.support.journeys import a_machine
from tests.support.samples import DAY, NOW
from tests.support.world import IN, OUT, World

pytestmark = pytest.mark.attack

EVE = a_key("eve")
GOOD = a_request_file(LAB_08)


def edited(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A good file whose BODY somebody changed, its signatures left as they are."""
    envelope = json.loads(GOOD)
    body = json.loads(b64decode(envelope["payload"]))
    change(body)
    envelope["payload"] = b64encode(json.dumps(body, separators=(",", ":")).encode()).decode()
    return json.dumps(envelope).encode()


def signed_as(**changes: Any) -> bytes:
    """A good file whose signatures somebody changed."""
    envelope = json.loads(GOOD)
    for signature in envelope["signatures"]:
        signature.update(changes)
    return json.dumps(envelope).encode()


def with_signatures_of(other: bytes) -> bytes:
    return json.dumps(json.loads(GOOD) | {"signatures": json.loads(other)["signatures"]}).encode()


FORGED = {
    "a guessed code": a_request_file(LAB_08, activation=EVE),
    "no code": a_request_file(LAB_08, signers=(LAB_08.device,)),
    "no device key": a_request_file(LAB_08, signers=(ACTIVATION,)),
    "nobody's signature": a_request_file(LAB_08, signers=()),
    "the code for the device key too": a_request_file(
        LAB_08, device_key=ACTIVATION.public, signers=(ACTIVATION,)
    ),
    "somebody else's keys": a_request_file(LAB_08, signers=(EVE, ACTIVATION)),
    "a wrong number": a_request_file(LAB_08, license_number="999999999999"),
    "an update by a new key": a_request_file(LAB_08, "update"),
    "a deactivation by a new key": a_request_file(LAB_08, "deactivate"),
    "another's key named in an update": a_request_file(
        LAB_08, "update", device_key=LAB_07.device.public
    ),
    "another machine": edited(lambda b: b["machine"]["components"].update(mac=["A" * 22 + "=="])),
    "another name": edited(lambda b: b["machine"].update(name="EVE")),
    "another key": edited(lambda b: b.update(device_key=b64encode(EVE.public).decode())),
    "another license": edited(lambda b: b.update(license_number="015120020094")),
    "another seat": edited(lambda b: b.update(replaces_seat=1)),
    "another kind": edited(lambda b: b.update(kind="deactivate")),
    "the same, written anew": edited(
        lambda b: [b.update({name: b.pop(name)}) for name in sorted(b)]
    ),
    "one space more": edited(lambda b: b.update(client=b["client"] + " ")),
    "signatures of another file": with_signatures_of(a_request_file(LAB_08, id="0" * 32)),
    "zeros for signatures": signed_as(sig=b64encode(bytes(64)).decode()),
    "short signatures": signed_as(sig="AAAA"),
    "signatures under another key's id": signed_as(keyid="0" * 16),
}


@pytest.fixture
def sold(world: World) -> World:
    """One seat of two is LAB-07's."""
    world.sell(seats=2)
    world.activate(a_request_file(LAB_07))
    return world


def test_the_file_that_is_forged_here_would_be_answered(sold: World) -> None:
    assert sold.ticket(sold.activate(GOOD))["state"] == "ready"


@pytest.mark.parametrize("file", FORGED.values(), ids=FORGED.keys())
def test_a_forged_or_edited_request_takes_nothing_tells_nothing_and_mails_nothing(
    sold: World, file: bytes
) -> None:
    rows = sold.rows("Licenses")
    ticket = sold.activate(file, "victim@example.org")
    sold.send(ticket)
    state = sold.ticket(ticket)
    assert state["refusal"]["code"] == "not-authentic"
    assert (state["license_number"], state["email"]) == (None, "withheld")
    assert list(sold.answers(ticket)) == ["refusal.json"]
    assert sold.rows("Licenses") == rows
    assert sold.mails() == []


def test_a_thousand_forged_uploads_send_no_mail(sold: World) -> None:
    tables: Any = Tables()
    buckets: Any = Buckets()
    licenses, tickets = Licenses(tables, "Licenses"), Tickets(tables, "Tickets")
    process = sold.answer_request(
        decisions=Decisions(tables, "Licenses"), tickets=tickets, files=Files(buckets, IN, OUT)
    )
    send = sold.send_email(tickets=tickets, emails=Emails(tables, "Tickets"))
    licenses.create(sold.license())
    files = list(FORGED.values())
    for number in range(1000):
        ticket, address = secrets.token_urlsafe(32), f"victim{number}@example.org"
        tickets.add(Ticket(ticket, NOW + DAY, email=address, email_status=EmailStatus.PENDING))
        file = files[number % len(files)]
        key = f"requests/{ticket}"
        buckets.put_object(Bucket=IN, Key=key, Body=file)
        outcome = process.answer(Upload(ticket, key, "1", NOW), sold.context)
        assert isinstance(outcome, Refused)
    answers = buckets.keys(OUT)
    assert len(answers) == 1000
    for key in answers:
        ticket = key.split("/")[1]
        assert send.send(MailRequest(ticket), f"message {ticket}", sold.context) is None
    assert sold.mails() == []
    assert len(tables.rows) == 1002  # no link, count, or seat: license, its change, and tickets


# Too late, again, and on another's ticket


def test_a_file_that_comes_after_its_ticket_ended_takes_nothing(sold: World) -> None:
    ticket = sold.open_ticket()
    message = sold.upload(ticket, GOOD)
    sold.now += 7 * DAY
    assert sold.process(message) == []
    assert sold.answers(ticket) == {}
    assert sold.license().seats_used == 1


def test_a_replayed_request_gets_the_same_answer_and_no_second_seat(sold: World) -> None:
    first, *others = [sold.activate(GOOD, "anna@example.org") for _ in range(5)]
    for ticket in others:
        assert sold.response(ticket) == sold.response(first)
    assert sold.license().seats_used == 2
    rows = sold.rows("Licenses")
    sold.activate(GOOD)
    assert sold.rows("Licenses") == rows


def test_an_activation_replayed_after_its_deactivation_does_not_take_the_seat_again(
    sold: World,
) -> None:
    old = sold.response(sold.activate(GOOD))
    sold.activate(a_request_file(LAB_08, "deactivate"))
    replayed = sold.activate(GOOD)
    assert sold.response(replayed) == old
    assert sold.license().seats_used == 1


def test_a_deactivation_replayed_after_a_new_activation_frees_nothing(sold: World) -> None:
    deactivation = a_request_file(LAB_07, "deactivate")
    sold.activate(deactivation)
    sold.now += 60
    again = Computer("LAB-07", installation=2)
    sold.activate(a_request_file(again, created_at=NOW + 30))
    sold.activate(deactivation)
    assert sold.license().seats_used == 1
    assert sold.ticket(sold.activate(a_request_file(again, "update")))["state"] == "ready"


@pytest.fixture
def computers(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[int], OfflineCommandLine]:
    return lambda n: OfflineCommandLine(world, a_machine(n), tmp_path / f"{n}", capsys)


def test_a_stolen_request_brings_the_thief_a_response_that_runs_nowhere_else(
    world: World, computers: Callable[[int], OfflineCommandLine]
) -> None:
    world.sell()
    anna, eve = computers(1), computers(2)
    stolen = anna.request()
    response = world.response(world.activate(stolen, "eve@example.org"))
    file = eve.folder.with_suffix(".response")
    file.write_bytes(response)
    assert eve.run("install", str(file)).exit == 6
    assert world.response(world.activate(stolen)) == response
    anna.install(response)
    assert anna.run("check").exit == 0


def test_a_request_whose_answer_was_installed_cannot_bring_an_older_one_back(
    world: World, computers: Callable[[int], OfflineCommandLine]
) -> None:
    world.sell()
    anna = computers(1)
    activation = anna.request()
    first = world.response(world.activate(activation))
    anna.install(first)
    anna.carry("update")
    file = anna.folder.with_suffix(".response")
    file.write_bytes(world.response(world.activate(activation)))
    result = anna.run("install", str(file), "--json")
    assert result.exit == 1
    assert result.json["error"]["code"] in ("older-response", "not-requested")
