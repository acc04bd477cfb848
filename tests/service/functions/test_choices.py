"""No seat is left: the person on the page says which computer is lost, and has the answer."""

import email.policy
import json
from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.use_cases import change_license
from keyferry_protocol.response import verify_response
from keyferry_service.adapters.queue_sqs import parse_decision
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.domain import ticket as ticket_module
from tests.support.builders import LAB_07, LAB_08, Computer, a_request_file
from tests.support.samples import DAY, NUMBER
from tests.support.world import KEYS, World

LAB_09 = Computer("LAB-09")
ANNA = "anna@example.org"
HOUR = 3600


def a_file(computer: Computer = LAB_09, **changes: Any) -> bytes:
    return a_request_file(computer, **{"choose_seat": True, **changes})


@pytest.fixture
def full(world: World) -> World:
    """Two seats, both taken: LAB-07's first, LAB-08's a day later."""
    world.sell(seats=2, contact="owner@example.org")
    world.activate(a_request_file(LAB_07))
    world.now += DAY
    world.activate(a_request_file(LAB_08))
    world.now += HOUR
    return world


def refusal(world: World, ticket: str) -> dict[str, Any]:
    document: dict[str, Any] = world.ticket(ticket)["refusal"]
    return document


def refused_code(world: World, ticket: str, body: object, **headers: str) -> tuple[int, str]:
    reply = world.call("POST", f"/api/requests/{ticket}/seat", body, headers)
    return reply["statusCode"], json.loads(reply["body"])["code"]


def test_the_person_chooses_a_lost_computer_and_has_the_response(full: World) -> None:
    ticket = full.activate(a_file())
    shown = refusal(full, ticket)
    assert (shown["code"], shown["choose_seat"], shown["moves_left"]) == ("no-seats-left", True, 4)
    assert shown["detail"].startswith(
        "Deactivate the license on a computer that no longer needs it"
    )
    message = full.choose(ticket, 2)
    waiting = full.ticket(ticket)
    assert (waiting["state"], "refusal" in waiting) == ("processing", False)
    assert full.process(message) == []
    ready = full.ticket(ticket)
    assert (ready["state"], ready["response"]["seat"]) == ("ready", 2)
    response = verify_response(full.response(ticket), KEYS)
    assert (response.seat, response.bound_to.device_key) == (2, LAB_09.device.public)
    license = full.license()
    assert (license.seats_used, sum(license.moves.values())) == (2, 1)


def test_the_seat_that_was_not_heard_of_for_longest_comes_first(full: World) -> None:
    full.activate(a_request_file(LAB_07, "update"))
    seats = refusal(full, full.activate(a_file()))["seats"]
    assert [seat["machine_name"] for seat in seats] == ["LAB-08", "LAB-07"]


def test_a_seat_that_became_free_is_taken_and_the_chosen_one_is_left_alone(full: World) -> None:
    ticket = full.activate(a_file())
    message = full.choose(ticket, 2)
    full.activate(a_request_file(LAB_07, "deactivate"))
    assert full.process(message) == []
    assert full.ticket(ticket)["response"]["seat"] == 3
    names = {seat.machine_name for seat in full.licenses.seats(NUMBER) if seat.taken}
    assert names == {"LAB-08", "LAB-09"}


def test_the_message_that_comes_again_changes_nothing(full: World) -> None:
    ticket = full.activate(a_file())
    message = full.choose(ticket, 2)
    for _ in range(3):
        assert full.process(message) == []
    assert sum(full.license().moves.values()) == 1
    assert len(full.answers(ticket)) == 2  # the refusal and the response


def test_an_answer_ends_the_choice(full: World) -> None:
    ticket = full.activate(a_file())
    full.process(full.choose(ticket, 2))
    assert refused_code(full, ticket, {"seat": 1}) == (409, "no-choice")
    assert full.ticket(ticket)["response"]["seat"] == 2


def test_until_it_is_decided_another_seat_may_be_chosen_and_the_last_one_counts(
    full: World,
) -> None:
    ticket = full.activate(a_file())
    first, second = full.choose(ticket, 1), full.choose(ticket, 2)
    assert full.process(first, second) == []
    assert full.ticket(ticket)["response"]["seat"] == 2
    assert sum(full.license().moves.values()) == 1


def test_a_call_that_was_cut_off_may_be_repeated(full: World) -> None:
    """The ticket says that a seat was chosen, but no message came of it."""
    ticket = full.activate(a_file())
    full.choose(ticket, 2)
    assert full.ticket(ticket)["state"] == "processing"
    full.process(full.choose(ticket, full.ticket(ticket)["chosen_seat"]))
    assert full.ticket(ticket)["state"] == "ready"
    assert "chosen_seat" not in full.ticket(ticket)


def test_where_the_file_does_not_allow_it_nothing_is_offered(full: World) -> None:
    ticket = full.activate(a_file(choose_seat=False))
    shown = refusal(full, ticket)
    assert "choose_seat" not in shown
    assert len(shown["seats"]) == 2
    assert 'choose "My old computer is lost or broken"' in shown["detail"]
    assert refused_code(full, ticket, {"seat": 2}) == (409, "no-choice")


def test_where_no_move_is_left_nothing_is_offered(full: World) -> None:
    change(full, moves_per_year=0)
    ticket = full.activate(a_file())
    shown = refusal(full, ticket)
    assert (shown["moves_left"], "choose_seat" in shown) == (0, False)
    assert refused_code(full, ticket, {"seat": 2}) == (409, "no-choice")


def test_a_choice_that_comes_to_nothing_may_be_made_again(full: World) -> None:
    """The last move is used up in the meantime, and then the vendor allows one more."""
    ticket = full.activate(a_file(), ANNA)
    message = full.choose(ticket, 2)
    change(full, moves_per_year=0)
    full.process(message)
    shown = refusal(full, ticket)
    assert (shown["code"], shown["choose_seat"], len(shown["seats"])) == ("move-limit", True, 2)
    assert shown["detail"].endswith("Then choose the lost or broken computer again.")
    full.process(message)  # it comes again, and is not decided again
    change_license.allow_move(full.licenses, NUMBER)
    full.process(message)
    assert refusal(full, ticket) == shown
    full.process(full.choose(ticket, 1))
    assert full.ticket(ticket)["response"]["seat"] == 1


def test_a_chosen_seat_that_another_computer_got_ahead_of_is_told(full: World) -> None:
    ticket = full.activate(a_file())
    message = full.choose(ticket, 1)
    full.activate(a_request_file(LAB_07, "deactivate"))
    full.activate(a_request_file(Computer("LAB-10")))
    full.process(message)
    shown = refusal(full, ticket)
    assert (shown["code"], shown["n"], shown["choose_seat"]) == ("no-such-seat", 1, True)
    assert shown["detail"].startswith("Seat 1 is no longer in use")
    assert [seat["seat"] for seat in shown["seats"]] == [2, 3]
    assert refused_code(full, ticket, {"seat": 1}) == (422, "not-offered")
    full.process(full.choose(ticket, 2))
    assert full.ticket(ticket)["state"] == "ready"


def test_the_proofs_are_checked_again(full: World) -> None:
    """Whoever has the file alone gets nothing any more once the code is changed."""
    ticket = full.activate(a_file())
    change_license.replace_code(full.licenses, NUMBER)
    full.process(full.choose(ticket, 2))
    shown = full.ticket(ticket)
    assert (shown["refusal"]["code"], shown["license_number"]) == ("not-authentic", None)
    assert set(shown["refusal"]) == {"code", "title", "detail"}
    assert refused_code(full, ticket, {"seat": 2}) == (409, "no-choice")


def test_the_same_file_on_two_tickets_gets_one_answer(full: World) -> None:
    first, second = full.activate(a_file()), full.activate(a_file())
    messages = full.choose(first, 1), full.choose(second, 2)
    assert full.process(*messages) == []
    answers = [verify_response(full.response(ticket), KEYS).seat for ticket in (first, second)]
    assert answers[0] == answers[1]
    assert sum(full.license().moves.values()) == 1


@pytest.mark.parametrize("seat", [3, 0, -1, True, "2", 2.0, None, [2]])
def test_what_is_no_listed_seat_is_not_taken(full: World, seat: object) -> None:
    ticket = full.activate(a_file())
    status, code = refused_code(full, ticket, {"seat": seat})
    assert (status, code) == ((400, "bad-request") if seat == 2.0 else (422, "not-offered"))
    assert full.ticket(ticket)["state"] == "refused"


def test_what_is_no_call_is_refused_before_anything_is_read(full: World) -> None:
    ticket = full.activate(a_file())
    assert refused_code(full, ticket, "no JSON") == (400, "bad-request")
    assert refused_code(full, ticket, [2]) == (400, "bad-request")
    assert refused_code(full, ticket, {}) == (422, "not-offered")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert refused_code(full, ticket, {"seat": 2}, **form) == (415, "unsupported-media-type")
    assert refused_code(full, "A" * 43, {"seat": 2}) == (404, "not-found")
    for other in (full.open_ticket(), full.activate(a_request_file(LAB_07))):
        assert refused_code(full, other, {"seat": 2}) == (409, "no-choice")


def test_after_the_last_choice_of_a_ticket_the_file_goes_to_a_new_one(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_module, "MAX_CHOICES", 2)
    ticket = full.activate(a_file())
    change(full, moves_per_year=0)
    full.process(full.choose(ticket, 2))
    assert refusal(full, ticket)["choose_seat"] is True
    full.process(full.choose(ticket, 2))
    shown = refusal(full, ticket)
    assert shown.keys() == {"code", "title", "detail", "next_move_at"}
    assert shown["detail"].endswith("to allow one more move.")
    assert refused_code(full, ticket, {"seat": 2}) == (409, "too-many-choices")
    change(full, moves_per_year=4)
    other = full.activate(a_file())
    full.process(full.choose(other, 2))
    assert full.ticket(other)["state"] == "ready"


def test_a_choice_that_is_only_repeated_ends_too(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_module, "MAX_CHOICES", 2)
    ticket = full.activate(a_file())
    full.choose(ticket, 2)
    message = full.choose(ticket, 2)
    assert refused_code(full, ticket, {"seat": 2}) == (409, "too-many-choices")
    full.process(message)
    assert refused_code(full, ticket, {"seat": 2}) == (409, "no-choice")


def test_a_ticket_that_has_ended_takes_no_choice(full: World) -> None:
    ticket = full.activate(a_file())
    message = full.choose(ticket, 2)
    full.now += 7 * DAY
    assert refused_code(full, ticket, {"seat": 2}) == (404, "not-found")
    assert full.process(message) == []
    assert sum(full.license().moves.values()) == 0


def test_the_email_leads_back_to_the_page_and_names_nobody(full: World) -> None:
    ticket = full.activate(a_file(), ANNA)
    full.send(ticket)
    (mail,) = full.mails()
    text = plain(mail)
    assert f"https://activate.example.com/#t={ticket}" in text
    assert "If one is lost or broken, use the link to choose it" in text
    assert "LAB-07" not in text
    assert "LAB-08" not in text


def test_of_a_choice_only_the_answer_is_mailed_and_the_contact_is_told(full: World) -> None:
    ticket = full.activate(a_file(), ANNA)
    full.send(ticket)
    change(full, moves_per_year=0)
    full.process(full.choose(ticket, 2))
    assert full.ticket(ticket)["email"] == "sent"
    change(full, moves_per_year=4)
    full.process(full.choose(ticket, 2))
    assert full.ticket(ticket)["email"] == "pending"
    assert full.send_all(ticket) == []
    refused, contact, answer = map(plain, full.mails())
    assert "was not granted" in refused
    assert "Subject: Seat 2 of license 015.120.020.093 went to another computer" in contact
    assert "LAB-08" in contact
    assert "Subject: Response file for license 015.120.020.093 (LAB-09)" in answer
    assert full.ticket(ticket)["email"] == "sent"


def test_the_refusals_email_that_is_late_does_not_stand_for_the_answers(full: World) -> None:
    """It was still to be sent when the answer came."""
    ticket = full.activate(a_file(), ANNA)
    full.process(full.choose(ticket, 2))
    assert full.send_all(ticket) == []
    mails = list(map(plain, full.mails()))
    assert [ANNA in mail for mail in mails].count(True) == 1
    assert not any("was not granted" in mail for mail in mails)


def test_a_refusal_after_a_choice_is_kept_for_the_vendor_as_one_of_its_own(full: World) -> None:
    ticket = full.activate(a_file())
    full.now += HOUR
    message = full.choose(ticket, 2)
    change(full, moves_per_year=0)
    for _ in range(2):
        full.process(message)
    kept = Refusals(full.dynamodb, "Tickets").of_license(NUMBER, full.now)
    assert [each.refusal.code for each in kept] == ["move-limit", "no-seats-left"]
    assert kept[0].at == full.now
    assert all("seats" not in each.refusal.facts for each in kept)


def test_a_choice_is_late_by_its_own_time(full: World) -> None:
    ticket = full.activate(a_file())
    full.now += DAY
    full.choose(ticket, 2)
    assert "delayed" not in full.ticket(ticket)
    full.now += HOUR
    assert full.ticket(ticket)["delayed"] is True


def test_a_dead_choice_is_brought_back_by_its_ticket(full: World) -> None:
    ticket = full.activate(a_file())
    chosen = parse_decision(full.choose(ticket, 2)["body"])
    assert chosen is not None
    assert (chosen.ticket_id, chosen.seat, chosen.count) == (ticket, 2, 1)


def change(world: World, **terms: Any) -> None:
    change_license.change(world.licenses, NUMBER, lambda license: replace(license, **terms))


def plain(mail: bytes) -> str:
    """A mail as text: to whom it goes, its subject, and what it says."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    return f"To: {message['To']} Subject: {message['Subject']} {text}"
