"""The way of a request file through the real handlers, killed and repeated in every place."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.response import Response, verify_response
from keyferry_service.domain.license import RegisteredDongle, Status
from keyferry_service.domain.refusals import BEFORE_PROOF, RefusalCode
from keyferry_service.use_cases.outcome import Answered
from tests.support.builders import LAB_07, LAB_08, VENDOR, Computer, a_key, a_request_file
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.world import KEYS, World, killed_while_it_publishes


def verified(world: World, ticket: str) -> Response:
    return verify_response(world.response(ticket), KEYS)


def ledger(world: World) -> list[bytes]:
    """The BODYs of the ledger's rows."""
    return [entry.body for entry in world.licenses.ledger_entries(NUMBER)]


def body_of(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


def test_a_first_activation_gets_a_response_that_the_application_believes(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    response = verified(world, ticket)
    assert (response.license.number, response.seat, response.serial) == (NUMBER, 1, 1)
    assert (response.bound_to.device_key, response.issued_at) == (LAB_07.device.public, NOW)
    assert response.license.features == {"solver": True, "threads": 16}
    assert world.ticket(ticket) | {"response": {}} == {
        "state": "ready",
        "kind": "activate",
        "license_number": NUMBER,
        "response": {},
        "email": "none",
    }
    document = world.ticket(ticket)["response"]
    assert document.pop("download_url").startswith("https://")
    assert document.pop("text").keys() == {"lines", "codes"}
    file = world.response(ticket)
    assert document == {
        "filename": f"{NUMBER}-{LAB_07.device.keyid[:4]}-1.response",
        "bytes": len(file),
        "sha256": sha256(file).hexdigest(),
        "expires_at": "2026-11-24T09:48:00Z",
        "seat": 1,
        "machine_name": "LAB-07",
        "product": "Example Modeler",
        "edition": "Professional",
        "valid_until": "2027-11-24T09:47:00Z",
        "previous_valid_until": None,
        "link_expires_at": None,
    }
    assert world.license().seats_used == 1


def test_a_license_lives_through_update_reinstall_loss_deactivation_and_move(
    world: World,
) -> None:
    world.sell(lease_days=90)
    first = verified(world, world.activate(a_request_file(LAB_07)))
    assert first.check_in_by == NOW + 90 * DAY
    world.now += 30 * DAY
    update = world.activate(a_request_file(LAB_07, "update", last_serial=1))
    assert verified(world, update).serial == 2
    assert verified(world, update).check_in_by == world.now + 90 * DAY
    assert world.ticket(update)["response"]["previous_valid_until"] == "2027-11-24T09:47:00Z"
    again = LAB_07.reinstalled()
    assert verified(world, world.activate(a_request_file(again))).seat == 1
    assert world.ticket(world.activate(a_request_file(LAB_08)))["state"] == "refused"
    lost = verified(world, world.activate(a_request_file(LAB_08, replaces_seat=1)))
    assert (lost.seat, lost.bound_to.device_key) == (1, LAB_08.device.public)
    late = world.activate(a_request_file(again, "update", last_serial=3))
    assert world.ticket(late)["refusal"]["code"] == "not-activated"
    back = world.activate(a_request_file(LAB_08, "deactivate", last_serial=4))
    receipt = verified(world, back)
    assert receipt.is_receipt
    assert (receipt.license.valid_until, receipt.check_in_by) == (world.now, None)
    assert world.ticket(back)["response"]["valid_until"] == "2026-12-24T09:47:00Z"
    moved = verified(world, world.activate(a_request_file(LAB_07, id="f" * 32)))
    assert moved.seat == 2
    license = world.license()
    assert (license.seats_used, license.seats_ever_used, sum(license.moves.values())) == (1, 1, 3)


def test_a_dongle_takes_its_seat_to_any_computer(world: World) -> None:
    dongle = a_key("dongle")
    world.sell(moves_per_year=0)
    license = world.license()
    registered = RegisteredDongle(dongle.keyid, dongle.alg, dongle.public, "Token", "1")
    world.licenses.add_dongle(license, replace(license, revision=1), registered)
    here, there = replace(LAB_07, dongle=dongle), replace(LAB_08, dongle=dongle)
    assert verified(world, world.activate(a_request_file(here))).seat == 1
    response = verified(world, world.activate(a_request_file(there)))
    assert (response.seat, response.bound_to.components) == (1, {})
    assert response.bound_to.dongle is not None
    assert response.bound_to.dongle.public == dongle.public
    receipt = verified(world, world.activate(a_request_file(there, "deactivate", last_serial=2)))
    assert receipt.is_receipt
    assert world.license().seats_used == 0


# ---- Killed, repeated, in conflict


def test_killed_after_the_transaction_a_redelivery_finishes_with_the_ledgers_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    killed_while_it_publishes(world, message, monkeypatch)
    assert world.answers(ticket) == {}
    assert world.ticket(ticket)["state"] == "processing"
    (recorded,) = ledger(world)
    world.now += 3600  # another hour: bytes made anew would differ
    assert world.process(message) == []
    assert body_of(world.response(ticket)) == recorded
    assert ledger(world) == [recorded]
    assert world.license().seats_used == 1
    assert world.ticket(ticket)["state"] == "ready"


def test_killed_after_a_refusal_a_redelivery_finishes_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell(status=Status.SUSPENDED)
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    killed_while_it_publishes(world, message, monkeypatch)
    suspended = world.license()
    world.dynamodb.put_item(  # the hold is lifted, but this ticket has its answer
        TableName="Licenses",
        Item=_row(world, "license") | {"status": {"S": "active"}},
    )
    assert world.process(message) == []
    assert list(world.answers(ticket)) == ["refusal.json"]
    assert world.license().seats_used == suspended.seats_used == 0


def test_a_message_that_comes_twice_changes_nothing(world: World) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    assert world.process(message, message) == []
    response = world.response(ticket)
    assert world.process(message) == []
    assert world.response(ticket) == response
    versions = world.s3.list_object_versions(Bucket="keyferry-out-123456789012-eu-central-1")
    assert len(versions["Versions"]) == 1


def test_one_file_on_three_tickets_is_three_times_ready_with_one_seat_and_one_body(
    world: World,
) -> None:
    world.sell()
    file = a_request_file(LAB_07)
    tickets = [world.open_ticket() for _ in range(3)]
    assert world.process(*(world.upload(ticket, file) for ticket in tickets)) == []
    assert [world.ticket(ticket)["state"] for ticket in tickets] == ["ready"] * 3
    assert len({body_of(world.response(ticket)) for ticket in tickets}) == 1
    assert len(ledger(world)) == world.license().seats_used == 1
    assert {world.ticket(ticket)["response"]["seat"] for ticket in tickets} == {1}


def test_a_recorded_answer_is_repeated_even_if_the_license_is_suspended_by_then(
    world: World,
) -> None:
    world.sell()
    first = world.activate(a_request_file(LAB_07))
    row = _row(world, "license") | {"status": {"S": "suspended"}}
    world.dynamodb.put_item(TableName="Licenses", Item=row)
    again = world.activate(a_request_file(LAB_07))
    assert body_of(world.response(again)) == body_of(world.response(first))
    other = world.activate(a_request_file(LAB_07, id="0" * 32))
    assert world.ticket(other)["refusal"]["code"] == "license-suspended"


def test_a_license_that_no_file_may_have_records_nothing_and_is_answered_once_it_is_corrected(
    world: World,
) -> None:
    world.sell(licensee="Ac\x1b[31mme")
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file())
    before = world.license()
    assert world.process(message) == [message["messageId"]]
    assert (world.license(), world.answers(ticket)) == (before, {})
    assert "license.licensee holds a control character" in world.log.getvalue()
    world.licenses.change(before, replace(before, licensee="Acme", revision=before.revision + 1))
    assert world.process(message) == []
    assert verify_response(world.response(ticket), KEYS).license.licensee == "Acme"


def test_a_batch_of_one_license_never_oversells(world: World) -> None:
    world.sell(seats=3)
    computers = [Computer(f"PC-{number}") for number in range(8)]
    tickets = [world.open_ticket() for _ in computers]
    files = [a_request_file(computer) for computer in computers]
    messages = [world.upload(t, file) for t, file in zip(tickets, files, strict=True)]
    assert world.process(*messages) == []
    states = [world.ticket(ticket)["state"] for ticket in tickets]
    assert sorted(states) == ["ready"] * 3 + ["refused"] * 5
    assert world.license().seats_used == 3
    assert sorted(
        verified(world, t).seat for t in tickets if world.answers(t).keys() != {"refusal.json"}
    ) == [1, 2, 3]


def conflict(operation: str) -> ClientError:
    reasons = [{"Code": "TransactionConflict"}]
    error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return ClientError(error, operation)


@pytest.mark.parametrize("operation", ["transact_write_items", "transact_get_items"])
def test_a_decision_is_repeated_after_a_transaction_conflict(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    client = world.service["dynamodb"]
    real, calls = getattr(client, operation), []

    def conflicting_twice(**call: Any) -> Any:
        calls.append(operation)
        if len(calls) < 3:
            raise conflict(operation)
        return real(**call)

    monkeypatch.setattr(client, operation, conflicting_twice)
    assert world.process(message) == []
    assert len(calls) == 3
    assert world.ticket(ticket)["state"] == "ready"


def too_late(world: World, monkeypatch: pytest.MonkeyPatch, rival: bytes) -> None:
    """Let another process answer a rival's request between our read and our transaction."""
    client = world.service["dynamodb"]
    real = client.transact_write_items

    def after_the_rival(**call: Any) -> Any:
        monkeypatch.setattr(client, "transact_write_items", real)
        upload = world.put(world.open_ticket(), rival)
        assert isinstance(world.answer_request().answer(upload, world.context), Answered)
        return real(**call)

    monkeypatch.setattr(client, "transact_write_items", after_the_rival)


@pytest.mark.parametrize(
    ("rival", "own", "code"),
    [
        pytest.param(
            a_request_file(Computer("LAB-09"), replaces_seat=1),
            a_request_file(LAB_08, replaces_seat=1),
            "move-limit",
            id="the last move",
        ),
        pytest.param(
            a_request_file(LAB_07, "deactivate"),
            a_request_file(LAB_07, "update", last_serial=1),
            "not-activated",
            id="the seat",
        ),
    ],
)
def test_a_decision_is_repeated_if_its_rows_change_before_the_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, rival: bytes, own: bytes, code: str
) -> None:
    world.sell(moves_per_year=1)
    world.activate(a_request_file(LAB_07))
    ticket = world.open_ticket()
    message = world.upload(ticket, own)
    too_late(world, monkeypatch, rival)
    assert world.process(message) == []
    assert world.ticket(ticket)["refusal"]["code"] == code


def test_a_seat_taken_between_read_and_transaction_is_not_given_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    too_late(world, monkeypatch, a_request_file(LAB_08))
    assert world.process(message) == []
    assert world.ticket(ticket)["refusal"]["code"] == "no-seats-left"
    assert world.license().seats_used == 1


def test_a_message_that_runs_out_of_time_comes_back_in_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    calls: list[dict[str, Any]] = []
    sqs = world.service["sqs"]
    monkeypatch.setattr(sqs, "change_message_visibility", lambda **call: calls.append(call))
    world.left_ms = 5_100
    assert world.process(message) == [message["messageId"]]
    (visibility,) = calls
    assert 1 <= visibility["VisibilityTimeout"] <= 5
    assert visibility["QueueUrl"].endswith("/123456789012/keyferry-requests")
    assert visibility["ReceiptHandle"] == message["receiptHandle"]
    world.left_ms = 20_000
    assert world.process(message) == []
    assert world.ticket(ticket)["state"] == "ready"


def test_only_the_failed_message_of_a_batch_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell(seats=2)
    good, bad = world.open_ticket(), world.open_ticket()
    fine = world.upload(good, a_request_file(LAB_07))
    failing = world.upload(bad, a_request_file(LAB_08))
    s3 = world.service["s3"]
    real = s3.get_object

    def get_object(**call: Any) -> Any:
        if call["Key"] == f"requests/{bad}":
            raise ClientError({"Error": {"Code": "SlowDown"}}, "GetObject")
        return real(**call)

    monkeypatch.setattr(s3, "get_object", get_object)
    assert world.process(fine, failing) == [failing["messageId"]]
    assert world.ticket(good)["state"] == "ready"


# ---- Refusals


def forged(**changes: Any) -> bytes:
    return a_request_file(LAB_07, activation=a_key("wrong code"), **changes)


REFUSED = [
    pytest.param(b"MZ\x90", "unreadable-request", id="no request at all"),
    pytest.param(
        a_request_file().replace(b"request.v1", b"request.v2"), "unsupported-version", id="v2"
    ),
    pytest.param(forged(), "not-authentic", id="wrong code"),
    pytest.param(
        a_request_file(license_number="999999999999"), "not-authentic", id="unknown number"
    ),
    pytest.param(a_request_file(trusts=()), "keys-too-old", id="keys too old"),
    pytest.param(
        a_request_file(replace(LAB_07, environment="container")),
        "environment-not-allowed",
        id="in a container",
    ),
]


@pytest.mark.parametrize(("file", "code"), REFUSED)
def test_a_refusal_is_shown_on_the_page_and_changes_nothing(
    world: World, file: bytes, code: str
) -> None:
    world.sell()
    before = world.rows("Licenses")
    ticket = world.activate(file, "anna@example.org")
    document = world.ticket(ticket)
    proven = code not in BEFORE_PROOF
    assert document["state"] == "refused"
    assert document["license_number"] == (NUMBER if proven else None)
    assert document["kind"] == ("activate" if proven else None)
    assert document["email"] == ("pending" if proven else "withheld")
    assert document["refusal"]["code"] == code
    assert document["refusal"]["title"]
    assert document["refusal"]["detail"].endswith(".")
    assert list(world.answers(ticket)) == ["refusal.json"]
    assert world.rows("Licenses") == before


def test_an_unknown_number_and_a_wrong_code_get_the_very_same_bytes(world: World) -> None:
    world.sell()
    number = world.activate(a_request_file(license_number="999999999999"))
    code = world.activate(forged())
    assert world.answers(number) == world.answers(code)
    assert world.call("GET", f"/api/requests/{number}") == world.call(
        "GET", f"/api/requests/{code}"
    )


def test_an_uploaded_response_file_is_recognized(world: World) -> None:
    world.sell()
    response = world.response(world.activate(a_request_file(LAB_07)))
    document = world.ticket(world.activate(response))["refusal"]
    assert document["code"] == RefusalCode.UNREADABLE_REQUEST
    assert document["title"] == "This is a response file"


def test_a_full_license_lists_its_seats_on_the_page(world: World) -> None:
    world.sell(moves_per_year=1)
    world.activate(a_request_file(LAB_07))
    document = world.ticket(world.activate(a_request_file(LAB_08)))["refusal"]
    assert document["title"] == "The only seat on this license is in use"
    at = "2026-11-24T09:47:00Z"
    assert document["seats"] == [
        {"seat": 1, "machine_name": "LAB-07", "since": at, "last_answered": at, "renewed_at": None}
    ]
    assert document["moves_left"] == 1
    world.activate(a_request_file(LAB_08, replaces_seat=1))
    document = world.ticket(world.activate(a_request_file(Computer("LAB-09"))))["refusal"]
    assert (document["moves_left"], document["next_move_at"]) == (0, "2027-11-25T00:00:00Z")
    assert document["detail"] == (
        "This license cannot be moved again until 25 November 2027. "
        "Wait until then, or ask licensing@example.com to allow one more move."
    )


def _row(world: World, name: str) -> dict[str, Any]:
    (row,) = [row for row in world.rows("Licenses") if row["sk"]["S"] == name]
    return row


def test_the_services_only_key_signed_all_of_it(world: World) -> None:
    world.sell()
    data = json.loads(world.response(world.activate(a_request_file(LAB_07))))
    assert [signature["keyid"] for signature in data["signatures"]] == [VENDOR.keyid]
