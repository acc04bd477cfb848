"""Renewals: process_request is invoked with seats, and signs today's terms for each of them."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from keyferry import verify_response
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.response import Response
from keyferry_service.adapters.renewals_lambda import (
    SEATS_AT_ONCE,
    RenewalFailed,
    request_renewals,
)
from keyferry_service.domain.license import RegisteredDongle, Seat, Status
from keyferry_service.domain.renew import RenewalOrder, RenewedSeat, SeatOutcome
from keyferry_service.domain.signing_keys import KeyStatus
from tests.service.functions.offline import OfflineCommandLine
from tests.service.functions.test_resending import TICKET, asked_to_sign, opened_by_the_desk
from tests.support.builders import (
    LAB_07,
    LAB_08,
    SERVICE_KEY,
    Computer,
    a_key,
    a_request_file,
)
from tests.support.offline import LAB_07 as RECORDED
from tests.support.samples import DAY, NUMBER
from tests.support.tables import put_key
from tests.support.world import KEYS, World

YEAR = 365 * DAY
ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOKEN = a_key("token")


class Lambda:
    """Lambda's client, for the function in this process; a failing function is a reply, too."""

    def __init__(self, world: World) -> None:
        self._world = world

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        event = json.loads(Payload)
        try:
            reply = self._world.handlers["process_request"](event, self._world.context)
        except Exception as error:
            reply = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return {"Payload": BytesIO(json.dumps(reply).encode())}


def renew(world: World, *seats: int, **order: Any) -> list[RenewedSeat]:
    """Have seats renewed; `have` maps them to the serials of the files that the vendor has."""
    have = order.pop("have", {})
    serials = {seat: have.get(seat) for seat in seats or (1,)}
    return request_renewals(
        Lambda(world), "process_request", RenewalOrder(NUMBER, serials, **order)
    )


def response(renewed: RenewedSeat) -> Response:
    return verify_response(renewed.file, KEYS)


def seat(world: World, number: int = 1) -> Seat:
    return world.licenses.read_seats(NUMBER, {number})[number]


def extend(world: World, **terms: Any) -> None:
    """What the vendor does at the desk."""
    before = world.license()
    terms = terms or {"valid_until": (before.valid_until or 0) + YEAR}
    world.licenses.change(before, replace(before, revision=before.revision + 1, **terms))


@pytest.fixture
def sold(world: World) -> World:
    """A license with two seats, one of them taken, extended by a year since."""
    world.sell(seats=2)
    world.activate(a_request_file())
    extend(world)
    return world


def test_the_machine_that_sent_nothing_installs_todays_terms(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sell()
    machine = OfflineCommandLine(world, RECORDED, tmp_path / "LAB-07", capsys)
    machine.carry()
    extend(world, features={"solver": True, "threads": 64})
    (renewed,) = renew(world)
    assert renewed.outcome is SeatOutcome.RENEWED
    machine.install(renewed.file)
    assert "64" in machine.run("check", "threads").out
    world.now += DAY
    machine.carry("update")
    assert seat(world).copies == 0


def test_it_is_no_sign_of_life_and_the_person_who_looks_for_a_lost_computer_sees_it(
    sold: World,
) -> None:
    sold.now += DAY
    sold.activate(a_request_file(LAB_08))
    sold.now += DAY
    renew(sold, 1)
    at, renewed_at = sold.now, format_time(sold.now)
    sold.now += DAY

    def listed() -> list[tuple[str, str | None]]:
        ticket = sold.activate(a_request_file(Computer("LAB-09"), choose_seat=True))
        seats = sold.ticket(ticket)["refusal"]["seats"]
        return [(each["machine_name"], each["renewed_at"]) for each in seats]

    assert listed() == [("LAB-07", renewed_at), ("LAB-08", None)]
    assert seat(sold).last_file_at == at
    sold.activate(a_request_file(LAB_07, "update"))
    assert listed() == [("LAB-08", None), ("LAB-07", None)]
    assert seat(sold).renewed_at is None


def test_it_writes_three_rows_and_changes_nothing_else(sold: World) -> None:
    license, before = sold.license(), seat(sold)
    rows = {(row["pk"]["S"], row["sk"]["S"]) for row in sold.rows("Licenses")}
    (renewed,) = renew(sold)
    granted = response(renewed)
    after = seat(sold)
    assert after == replace(
        before,
        serial=3,
        issued=(1, 3),
        valid_until=(before.valid_until or 0) + YEAR,
        renewed_at=sold.now,
    )
    assert sold.license() == replace(license, revision=3)
    new = {(row["pk"]["S"], row["sk"]["S"]) for row in sold.rows("Licenses")} - rows
    assert new == {(NUMBER, "renewal#1#3")}
    (entry,) = sold.licenses.renewals(NUMBER)
    assert entry.body == granted.envelope.body
    assert (entry.previous_valid_until, entry.issued_at) == (before.valid_until, sold.now)
    assert (granted.kind, granted.seat, granted.serial) == ("renewal", 1, 3)
    assert granted.request_sha256 == before.request_sha256
    assert granted.bound_to.device_key == LAB_07.device.public
    assert granted.bound_to.load_key == LAB_07.load_key.public
    assert granted.bound_to.components == before.components


def test_a_seat_whose_terms_did_not_change_is_left_out(world: World) -> None:
    world.sell()
    world.activate(a_request_file())
    rows = world.rows("Licenses")
    assert [each.outcome for each in renew(world)] == [SeatOutcome.UNCHANGED]
    assert world.rows("Licenses") == rows
    assert [each.outcome for each in renew(world, again=True)] == [SeatOutcome.RENEWED]


def test_a_renewal_that_got_lost_is_signed_again_and_one_that_is_there_is_not(sold: World) -> None:
    (first,) = renew(sold)
    rows = sold.rows("Licenses")
    (again,) = renew(sold)
    assert again.outcome is SeatOutcome.SIGNED_AGAIN
    assert open_envelope(again.file, RESPONSE).body == open_envelope(first.file, RESPONSE).body
    assert [each.outcome for each in renew(sold, have={1: 3})] == [SeatOutcome.UNCHANGED]
    assert sold.rows("Licenses") == rows
    assert [each.outcome for each in renew(sold, have={1: 1})] == [SeatOutcome.SIGNED_AGAIN]


def test_a_lease_is_renewed_each_day_that_it_is_asked_for(world: World) -> None:
    world.sell(lease_days=90)
    world.activate(a_request_file())
    world.now += DAY - 1
    assert [each.outcome for each in renew(world)] == [SeatOutcome.UNCHANGED]
    world.now += 1
    (renewed,) = renew(world)
    assert response(renewed).check_in_by == world.now + 90 * DAY


def test_an_update_by_the_load_key_between_two_renewals(sold: World) -> None:
    (first,) = renew(sold)
    sold.now += 1
    sold.activate(a_request_file(LAB_07, "update", signers=(LAB_07.load_key,), last_serial=3))
    extend(sold)
    (second,) = renew(sold)
    assert response(second).request_sha256 == response(first).request_sha256
    assert seat(sold).issued == (1, 3, 6)


def test_of_many_renewals_the_oldest_serials_are_forgotten_but_not_the_answers(
    sold: World,
) -> None:
    for _ in range(20):
        renew(sold, again=True)
    assert seat(sold).issued == (1, *range(8, 23))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        pytest.param({"status": Status.SUSPENDED}, "license-suspended"),
        pytest.param({"status": Status.REVOKED}, "license-revoked"),
        pytest.param({"valid_until": 1}, "license-expired"),
        pytest.param({"protections": ("personal",)}, "protection-not-allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_seat_whose_update_would_be_refused_is_not_renewed(
    sold: World, terms: dict[str, Any], code: str
) -> None:
    extend(sold, **terms)
    update = sold.activate(a_request_file(LAB_07, "update", last_serial=1))
    assert sold.ticket(update)["refusal"]["code"] == code
    rows = sold.rows("Licenses")
    (refused,) = renew(sold, again=True)
    assert (refused.outcome, refused.code, refused.file) == (SeatOutcome.REFUSED, code, b"")
    assert sold.rows("Licenses") == rows


def test_a_guest_is_renewed_while_guests_are_allowed(world: World) -> None:
    guest = Computer("GUEST", parts=("os_id",), environment="virtual")
    world.sell(environments=("virtual",))
    world.activate(a_request_file(guest))
    extend(world)
    assert [each.outcome for each in renew(world)] == [SeatOutcome.RENEWED]
    extend(world, environments=())
    assert [each.code for each in renew(world)] == ["machine-not-identified"]


def test_seats_that_are_free_or_were_never_taken_are_refused(sold: World) -> None:
    sold.activate(a_request_file(LAB_07, "deactivate", last_serial=1))
    refused = renew(sold, 1, 2)
    assert [(each.seat, each.code) for each in refused] == [
        (1, "no-such-seat"),
        (2, "no-such-seat"),
    ]


def test_the_seat_of_a_dongle_is_renewed_as_long_as_the_dongle_is_its_own(world: World) -> None:
    at_a_dongle = replace(LAB_08, dongle=TOKEN)
    world.sell()
    register(world)
    world.activate(a_request_file(at_a_dongle))
    extend(world)
    granted = response(renew(world)[0])
    assert granted.bound_to.dongle is not None
    assert granted.bound_to.dongle.public == TOKEN.public
    assert granted.bound_to.load_key is None
    key = {"pk": {"S": NUMBER}, "sk": {"S": f"dongle#{TOKEN.keyid}"}}
    world.dynamodb.update_item(
        TableName="Licenses",
        Key=key,
        UpdateExpression="SET seat = :other",
        ExpressionAttributeValues={":other": {"N": "7"}},
    )
    assert [each.code for each in renew(world)] == ["not-activated"]
    world.dynamodb.delete_item(TableName="Licenses", Key=key)
    assert [each.code for each in renew(world)] == ["dongle-not-registered"]


def register(world: World) -> None:
    before = world.license()
    dongle = RegisteredDongle(TOKEN.keyid, ED25519, TOKEN.public, "Token", "1")
    world.licenses.add_dongle(before, replace(before, revision=before.revision + 1), dongle)


def test_seats_for_which_there_is_no_time_are_left_out_and_can_be_asked_for_again(
    sold: World,
) -> None:
    sold.activate(a_request_file(LAB_08))
    sold.left_ms = 5_300  # of which each call of AWS takes 100
    assert renew(sold, 1, 2) == []
    sold.left_ms = 5_700
    assert [each.seat for each in renew(sold, 1, 2)] == [1]
    sold.left_ms = 20_000
    assert [each.outcome for each in renew(sold, 1, 2)] == [
        SeatOutcome.SIGNED_AGAIN,
        SeatOutcome.UNCHANGED,
    ]


BAD_ORDERS = [
    pytest.param({"license_number": "01512002009"}, id="eleven digits"),
    pytest.param({"license_number": "keys"}, id="no number"),
    pytest.param({"seats": []}, id="no seat"),
    pytest.param({"seats": [[n, None] for n in range(1, SEATS_AT_ONCE + 2)]}, id="too many"),
    pytest.param({"seats": [[1, None], [1, 2]]}, id="a seat twice"),
    pytest.param({"seats": [[0, None]]}, id="seat 0"),
    pytest.param({"seats": [[True, None]]}, id="no integer"),
    pytest.param({"seats": [["1", None]]}, id="a text"),
    pytest.param({"seats": [[1]]}, id="no pair"),
    pytest.param({"seats": [[1, "2"]]}, id="a serial in words"),
    pytest.param({"again": 1}, id="again is no boolean"),
    pytest.param({"issued_at": "2027-01-01T00:00:00Z"}, id="a time of the administrator's"),
    pytest.param({"body": "e30="}, id="a text to sign"),
]


@pytest.mark.parametrize("change", BAD_ORDERS)
def test_an_order_that_is_not_as_the_desk_writes_it_renews_nothing(
    sold: World, change: dict[str, Any]
) -> None:
    order = {"license_number": NUMBER, "seats": [[1, None]], "again": False} | change
    rows = sold.rows("Licenses")
    with pytest.raises(KeyError):  # it is no order, and no batch of messages either
        sold.handlers["process_request"]({"renew": order}, sold.context)
    assert sold.rows("Licenses") == rows


def test_a_failing_function_says_so_and_what_it_recorded_is_signed_later(sold: World) -> None:
    put_key(sold.dynamodb, "Keys", replace(SERVICE_KEY, pem=None, kms_arn=ARN))
    with Stubber(sold.service["kms"]) as kms:
        kms.add_client_error("sign", "DisabledException")
        with pytest.raises(RenewalFailed) as failed:
            renew(sold)
    assert failed.value.code == "DisabledException"
    put_key(sold.dynamodb, "Keys", SERVICE_KEY)
    (renewed,) = renew(sold)
    (entry,) = sold.licenses.renewals(NUMBER)
    assert response(renewed).envelope.body == entry.body


def test_without_a_key_that_signs_nothing_is_recorded(sold: World) -> None:
    put_key(sold.dynamodb, "Keys", replace(SERVICE_KEY, status=KeyStatus.RETIRED))
    with pytest.raises(RenewalFailed) as failed:
        renew(sold)
    assert failed.value.code == "NoSigningKey"
    assert list(sold.licenses.renewals(NUMBER)) == []


def test_a_renewal_on_a_ticket_is_signed_again_and_shown_as_an_update(sold: World) -> None:
    """As after a key was compromised: the desk opens a ticket for each seat's last response."""
    renew(sold)
    (second,) = renew(sold, again=True)
    granted = response(second)
    opened_by_the_desk(
        sold,
        kind="renewal",
        request_sha256=granted.request_sha256,
        file_name=granted.file_name,
    )
    assert sold.process(asked_to_sign(sold, TICKET)) == []
    assert verify_response(sold.response(TICKET), KEYS).envelope.body == granted.envelope.body
    assert (sold.ticket(TICKET)["state"], sold.ticket(TICKET)["kind"]) == ("ready", "update")
    assert sold.send(TICKET) == []
    assert len(sold.mails()) == 1


def test_a_seat_that_release_0_9_answered_needs_an_update_first(sold: World) -> None:
    sold.dynamodb.update_item(
        TableName="Licenses",
        Key={"pk": {"S": NUMBER}, "sk": {"S": "seat#1"}},
        UpdateExpression="REMOVE request_sha256, issued",
    )
    assert [each.code for each in renew(sold)] == ["update-needed"]
    sold.activate(a_request_file(LAB_07, "update", last_serial=1))
    assert [each.outcome for each in renew(sold, again=True)] == [SeatOutcome.RENEWED]
