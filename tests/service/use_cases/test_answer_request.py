"""Answering and signing anew: what comes of a file, and what its caller is told."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_service.adapters.files_s3 import FileGone
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.domain.ticket import LIFE_S, REFUSAL_FILE, Ticket, TicketState
from keyferry_service.use_cases import answer_request
from keyferry_service.use_cases.answer_request import AnswerLost
from keyferry_service.use_cases.outcome import Answered, Dropped, FurtherUpload, Refused
from keyferry_service.use_cases.resign import Resign
from tests.service.simulation.cloud import IN, OUT, Killed
from tests.service.simulation.dynamodb import failure
from tests.service.use_cases.fakes import TICKET, Deadline, Service
from tests.support.builders import LAB_07, LAB_08, a_request, a_request_file
from tests.support.samples import NOW, NUMBER

FILE = a_request_file(LAB_07)
FILE_NAME = f"{NUMBER}-{LAB_07.device.keyid[:4]}-1.response"
OTHER = "o" * 43


def test_a_file_is_answered_with_the_bytes_that_the_ledger_has(service: Service) -> None:
    upload = service.upload(FILE)
    assert service.answering.answer(upload, Deadline()) == Answered(FILE_NAME, 1)
    (entry,) = service.licenses.ledger_entries(NUMBER)
    response = service.cloud.objects[OUT, f"responses/{TICKET}/{FILE_NAME}"][0]
    assert open_envelope(response, RESPONSE).body == entry.body
    ticket = service.tickets.get(TICKET, NOW)
    assert ticket is not None
    assert (ticket.state, ticket.seat, ticket.seats_used) == (TicketState.PROCESSING, 1, 1)


def test_a_refusal_is_handed_out_too(service: Service) -> None:
    upload = service.upload(b"no request")
    assert service.answering.answer(upload, Deadline()) == Refused("unreadable-request")
    assert service.published() == [REFUSAL_FILE]
    again = service.answering.answer(upload, Deadline())
    assert again == Refused("unreadable-request")


def test_killed_before_it_signs_it_ends_in_the_same_answer(service: Service) -> None:
    upload = service.upload(FILE)
    service.cloud.faults = lambda call: "killed before" if call == "sign" else None
    with pytest.raises(Killed):
        service.answering.answer(upload, Deadline())
    (entry,) = service.licenses.ledger_entries(NUMBER)
    service.cloud.faults = lambda _: None
    service.clock.now += 3600
    assert service.answering.answer(upload, Deadline()) == Answered(FILE_NAME, 1)
    assert list(service.licenses.ledger_entries(NUMBER)) == [entry]


def test_another_file_on_an_answered_ticket_is_dropped(service: Service) -> None:
    service.answering.answer(service.upload(FILE), Deadline())
    second = service.upload(a_request_file(LAB_08))
    outcome = service.answering.answer(second, Deadline())
    assert outcome == FurtherUpload()


def test_a_process_remembers_only_so_many_tickets(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_request, "_TICKETS", 1)
    service.tickets.add(Ticket(OTHER, NOW + LIFE_S))
    answering_all = service.answering
    for ticket in (TICKET, OTHER):
        answering_all.answer(service.upload(FILE, ticket), Deadline())
        for _ in range(2):
            outcome = answering_all.answer(service.upload(FILE, ticket), Deadline())
            assert outcome == FurtherUpload()
    assert list(answering_all.answered_versions) == [OTHER]


def test_a_file_on_an_ended_ticket_is_dropped(service: Service) -> None:
    upload = service.upload(FILE)
    service.clock.now += LIFE_S
    assert service.answering.answer(upload, Deadline()) == Dropped("The ticket has ended.")


def test_a_file_that_is_gone_is_an_error(service: Service) -> None:
    upload = service.upload(FILE)
    with pytest.raises(FileGone):
        service.answering.answer(replace(upload, version_id="9"), Deadline())


def test_conflicts_until_the_deadline_are_an_error_and_change_nothing(service: Service) -> None:
    upload = service.upload(FILE)
    is_write = "transact_write_items"
    service.cloud.faults = lambda call: "conflict" if call == is_write else None
    service.cloud.calls.clear()
    with pytest.raises(OutOfTime):
        service.answering.answer(upload, Deadline(left_ms=5500))
    assert service.cloud.calls.count(is_write) == 4  # at 5.4, 5.3, 5.2 and 5.1 seconds left
    assert list(service.licenses.ledger_entries(NUMBER)) == []


@pytest.mark.attack
def test_a_write_that_is_not_valid_is_tried_once_and_locks_nobody_out(service: Service) -> None:
    upload, transact = service.upload(FILE), service.dynamodb.transact_write_items
    writes: list[int] = []

    def cancel(**call: Any) -> None:
        writes.append(len(call["TransactItems"]))
        reasons = [{"Code": "ValidationError"}]
        raise failure("TransactionCanceledException", "write", CancellationReasons=reasons)

    service.dynamodb.transact_write_items = cancel
    use_case = service.answering
    with pytest.raises(ClientError):
        use_case.answer(upload, Deadline())
    assert len(writes) == 1
    service.dynamodb.transact_write_items = transact
    with ThreadPoolExecutor(1) as another:  # whose locks are not this thread's
        answer = another.submit(use_case.answer, upload, Deadline()).result(timeout=10)
    assert answer == Answered(FILE_NAME, 1)


def test_an_answer_that_the_ledger_lost_is_an_error(service: Service) -> None:
    upload = service.upload(FILE)
    service.answering.answer(upload, Deadline())
    place = ("Licenses", NUMBER, f"answer#{a_request(LAB_07).sha256}")
    del service.cloud.tables.rows[place]
    with pytest.raises(AnswerLost):
        service.answering.answer(upload, Deadline())


# ---- Signing anew


def resigning(service: Service) -> Resign:
    return Resign(
        service.licenses, service.tickets, service.signing_keys, service.responses, service.clock
    )


def the_vendors_ticket(sha256: str | None) -> Ticket:
    return Ticket(
        OTHER,
        NOW + LIFE_S,
        state=TicketState.PROCESSING,
        license_number=NUMBER,
        request_sha256=sha256,
        file_name="again.response",
    )


def test_a_recorded_answer_is_signed_anew(service: Service) -> None:
    service.answering.answer(service.upload(FILE), Deadline())
    service.tickets.add(the_vendors_ticket(a_request(LAB_07).sha256))
    assert resigning(service).resign(OTHER) == Answered("again.response", 1)
    first, again = (
        open_envelope(service.cloud.objects[OUT, key][0], RESPONSE).body
        for key in (f"responses/{TICKET}/{FILE_NAME}", f"responses/{OTHER}/again.response")
    )
    assert first == again


def test_what_was_never_answered_is_never_signed(service: Service) -> None:
    service.tickets.add(the_vendors_ticket("0" * 64))
    assert resigning(service).resign(OTHER) == Dropped("The ledger has no such answer.")
    assert resigning(service).resign("x" * 43) == Dropped("The ticket has ended.")
    assert service.cloud.signed == []
    assert (IN, f"requests/{OTHER}") not in service.cloud.objects
