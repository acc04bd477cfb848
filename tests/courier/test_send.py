"""What goes out from a folder of request files, and what comes back."""

import zipfile
from pathlib import Path

import pytest

from keyferry_courier.folder import NOTES
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request
from tests.courier.fake_service import FakeService, as_json
from tests.courier.stick import (
    OTHER,
    a_room,
    assert_answered,
    put,
    put_deactivation,
    responses,
    run,
    send,
    states,
)


def test_each_request_has_its_response_beside_it(service: FakeService, stick: Path) -> None:
    service.slow = 3
    files = [put(stick, computer) for computer in (1, 2, 3)]
    assert states(send(service, stick)) == {file.name: "ready" for file in files}
    assert_answered(stick, *files)
    assert len(service.files) == 3
    assert service.opened[0] == {"email": None, "language": "en"}
    assert {file.name for file in stick.iterdir()} == {
        *(file.name for file in files),
        *responses(stick).values(),
        NOTES,
    }


def test_the_files_install(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    room = a_room(stick, 1)
    room.install(response.read_bytes())
    assert room.load().check()


def test_requests_in_a_zip_are_sent_too_and_copies_once(service: FakeService, stick: Path) -> None:
    first, second = put(stick, 1), put(stick, 2)
    with zipfile.ZipFile(stick / "requests.zip", "w") as archive:
        archive.write(first, "a/first.txt")
        archive.write(second, "second.request")
    first.unlink()
    outcomes = send(service, stick)
    assert sorted(states(outcomes).values()) == ["ready", "ready"]
    assert len(service.files) == 2
    assert len(responses(stick)) == 2


def test_deactivations_are_answered_before_others_are_sent(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    put_deactivation(stick, 2)
    service.slow = 2
    send(service, stick)
    kinds = [parse_request(file).kind for file in service.files.values() if file]
    assert kinds == ["deactivate", "activate"]
    opened = [n for n, call in enumerate(service.calls) if call == "POST /api/requests"]
    downloaded = service.calls.index(f"GET /storage/{0:043}")
    assert opened[0] < downloaded < opened[1]


def test_a_refused_file_keeps_its_sentence_and_stops_no_other(
    service: FakeService, stick: Path
) -> None:
    refused, good = put(stick, 1, OTHER), put(stick, 2)
    service.refused = {OTHER}
    outcomes = {outcome.file.name: outcome for outcome in send(service, stick)}
    error = outcomes[refused.name].error
    assert error is not None
    assert (error.code, error.title) == ("no-seats-left", "All 2 seats on this license are in use")
    assert error.next_step.startswith("Deactivate the license on a computer")
    assert "below" not in error.next_step, "there is no list in a terminal"
    assert outcomes[good.name].state == "ready"
    service.refused = set()  # the vendor lifts it
    assert set(states(send(service, stick)).values()) == {"ready"}
    assert len(service.files) == 3, "the refused file on a new ticket, the other one on none"


def test_a_bad_file_has_its_sentence_and_stops_no_other(service: FakeService, stick: Path) -> None:
    good, bad = put(stick, 1), put(stick, 2)
    bad.write_bytes(bad.read_bytes()[:-200])
    outcomes = {outcome.file.name: outcome for outcome in send(service, stick)}
    assert outcomes[good.name].state == "ready"
    assert outcomes[bad.name].state == "unreadable"
    error = outcomes[bad.name].error
    assert error is not None
    assert error.code == "unreadable-request"
    assert error.next_step
    assert len(service.files) == 1


def test_a_file_that_was_changed_on_its_way_is_repaired_as_on_the_page(
    service: FakeService, stick: Path
) -> None:
    file = put(stick, 1)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert set(states(send(service, stick)).values()) == {"ready"}


def test_other_files_are_left_alone(service: FakeService, stick: Path) -> None:
    (stick / "letter.txt").write_text("Dear Anna")
    (stick / "photo.jpg").write_bytes(b"\xff\xd8\xff" + bytes(1000))
    (stick / "below").mkdir()
    (stick / "damaged.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    assert send(service, stick) == []
    assert service.calls == []


def test_a_file_that_is_never_answered_is_still_waiting(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.slow = 10**6
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("waiting", "waiting")
    service.slow = 0
    assert send(service, stick)[0].state == "ready"
    assert len(service.files) == 1


def test_a_receipt_that_nobody_could_verify_is_no_file(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_deactivation(stick, 1)
    names = ("filename", "bytes", "sha256", "download_url")
    service.changed = dict.fromkeys(names)
    assert run(service, stick) == 0
    assert "The seat is free, and there is nothing to install." in capsys.readouterr().err
    assert list(stick.glob("*.response")) == []


def test_the_seats_of_a_license_are_listed_on_the_page_and_not_below(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    refusal = {
        "code": "no-such-seat",
        "title": message("refusals.no-such-seat.title", n=9),
        "detail": message("refusals.no-such-seat.next-step", n=9),
    }
    document = {"state": "refused", "refusal": refusal}
    service.faults = [("GET", "/api", as_json(200, document))]
    (outcome,) = send(service, stick)
    assert outcome.error is not None
    assert outcome.error.next_step.startswith(f"Open {service.page}#t={next(iter(service.files))} ")
    assert "below" not in outcome.error.next_step


@pytest.mark.parametrize("choose_seat", [None, False, "yes"])
def test_where_no_seat_can_be_chosen_the_sentence_of_the_service_stays(
    service: FakeService, stick: Path, choose_seat: object
) -> None:
    put(stick, 1)
    refusal = {"code": "no-seats-left", "title": "All in use", "detail": "Enter its seat number."}
    document = {"state": "refused", "refusal": refusal | {"choose_seat": choose_seat}}
    service.faults = [("GET", "/api", as_json(200, document))]
    (outcome,) = send(service, stick)
    assert outcome.error is not None
    assert outcome.error.next_step == "Enter its seat number."


def test_an_email_goes_with_each_ticket_and_is_not_waited_for(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    assert run(service, stick, "--email", "anna@example.com", "--lang", "en") == 0
    assert service.opened == [{"email": "anna@example.com", "language": "en"}]
