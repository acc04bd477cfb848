"""`keyferry-courier send`: a folder of request files goes out, the responses come back."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.carry import Outcome, carry
from keyferry_courier.cli import main
from keyferry_courier.exchange import Answer, exchange, is_safe
from keyferry_courier.folder import NOTES, Folder
from keyferry_courier.service import Service
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.repair import Repaired, repair_file
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import parse_response
from tests.courier.fake_service import EXPIRED, FakeService, as_json, problem
from tests.support.offline import LAB_07, Room
from tests.support.samples import CODE, NUMBER

OTHER = "015120099042"
DOCS = Path(__file__).parents[2] / "docs/courier.md"


class Time:
    """A clock that stands still but when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def a_room(stick: Path, computer: int) -> Room:
    parts = {name: [f"{v}{computer}" for v in vs] for name, vs in LAB_07.components.items()}
    machine = replace(LAB_07, name=f"LAB-{computer:02}", components=parts)
    return Room(stick.parent / "rooms" / str(computer), machine)


def put(stick: Path, computer: int = 1, number: str = NUMBER, **options: Any) -> Path:
    """The request file of a computer, on the stick."""
    code = CODE if number == NUMBER else new_activation_code(number)
    data = a_room(stick, computer).request(number=number, code=code, **options)
    file = stick / f"{parse_request(data).file_stem}.request"
    file.write_bytes(data)
    return file


def put_deactivation(stick: Path, computer: int) -> Path:
    room = a_room(stick, computer)
    room.activate()
    data = room.request("deactivate")
    file = stick / f"deactivate-{computer}.request"
    file.write_bytes(data)
    return file


def send(
    service: FakeService, stick: Path, report: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    clock = Time()
    calls = Service(service.page, "en", None, exchange=exchange, sleep=clock.sleep, clock=clock)
    return carry(Folder(str(stick), service.page), calls, report, sleep=clock.sleep, clock=clock)


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.file.name: outcome.state for outcome in outcomes}


def responses(stick: Path) -> dict[str, str]:
    """The names of the response files by the request that they answer."""
    return {
        parse_response(open_envelope(file.read_bytes(), RESPONSE)).request_sha256: file.name
        for file in stick.glob("*.response")
    }


def assert_answered(stick: Path, *files: Path) -> None:
    answered = responses(stick)
    for file in files:
        request = parse_request(file.read_bytes())
        assert answered[request.sha256].startswith(f"{request.file_stem}-")


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


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_no_link_is_followed(service: FakeService, stick: Path) -> None:
    file = put(stick, 1)
    elsewhere = stick.parent / "elsewhere.request"
    file.rename(elsewhere)
    (stick / "link.request").symlink_to(elsewhere)
    assert send(service, stick) == []
    elsewhere.rename(file)
    (stick / "link.request").unlink()
    (outcome,) = send(service, stick)
    (response,) = stick.glob("*.response")
    response.rename(stick.parent / "kept")
    response.symlink_to(stick.parent / "kept")
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("failed", "name-taken")


def test_a_second_run_calls_nobody(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    service.calls.clear()
    (outcome,) = send(service, stick)
    assert outcome.state == "ready"
    assert service.calls == []


def test_a_run_without_notes_sends_no_answered_file(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    (stick / NOTES).unlink()
    service.calls.clear()
    assert send(service, stick)[0].state == "ready"
    assert service.calls == []


class Killed(BaseException):
    """The courier is cut off here."""


@pytest.mark.crash
def test_cut_off_at_any_call_it_goes_on_with_the_same_tickets(
    service: FakeService, stick: Path
) -> None:
    files = [put(stick, computer) for computer in (1, 2)]
    send(service, stick)
    calls = len(service.calls)
    for last in range(calls):
        for leftover in (*stick.glob("*.response"), stick / NOTES):
            leftover.unlink()
        service.files.clear()
        cut_off(service, stick, last)
        assert states(send(service, stick)) == {file.name: "ready" for file in files}
        lost = sum(file is None for file in service.files.values())
        assert len(service.files) - lost == 2, f"after call {last}"
        assert lost <= 1, "a ticket whose opening nobody heard of"
        assert_answered(stick, *files)


def cut_off(service: FakeService, stick: Path, last: int) -> None:
    """Kill a run after this many calls: the service has the call, the courier not its answer."""
    count = 0

    def killing(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        answer = exchange(*arguments)
        if count > last:
            raise Killed
        return answer

    calls = Service(service.page, "en", None, exchange=killing, sleep=lambda _: None)
    with pytest.raises(Killed):
        carry(Folder(str(stick), service.page), calls, lambda _: None, sleep=lambda _: None)


def test_a_ticket_that_has_ended_is_opened_again(service: FakeService, stick: Path) -> None:
    file = put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.unlink()
    service.files.clear()  # a week later
    assert states(send(service, stick)) == {file.name: "ready"}


def test_a_response_that_was_moved_is_fetched_on_its_ticket(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.unlink()
    send(service, stick)
    assert response.exists()
    assert len(service.files) == 1


def test_notes_of_another_page_are_not_used(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    notes = {"courier": 1, "page": "https://other.example/", "tickets": {"a" * 64: "t" * 43}}
    (stick / NOTES).write_text(json.dumps(notes))
    assert Folder(str(stick), service.page).ticket("a" * 64) is None


@pytest.mark.parametrize(
    "notes",
    [b"", b"{", b"[]", b'{"courier": 2}', b"\xff", b'{"courier": 1, "page": 1, "tickets": []}'],
)
def test_damaged_notes_are_written_anew(service: FakeService, stick: Path, notes: bytes) -> None:
    put(stick, 1)
    (stick / NOTES).write_bytes(notes)
    assert send(service, stick)[0].state == "ready"


@pytest.mark.parametrize(
    "notes", ['{"../../../etc": "t"}', '{"' + "a" * 64 + '": "../../admin"}', '{"x": 1}']
)
def test_notes_hold_only_tickets(stick: Path, notes: str) -> None:
    page = "https://activate.example.com/"
    (stick / NOTES).write_text(f'{{"courier": 1, "page": "{page}", "tickets": {notes}}}')
    assert Folder(str(stick), page).ticket("a" * 64) is None


def test_where_the_storage_is_out_of_reach_the_page_carries_both_files(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    service.faults = [*[("POST", "/storage", None)] * 3, ("GET", "/storage", None)]
    assert send(service, stick)[0].state == "ready"
    assert f"PUT /api/requests/{0:043}/file" in service.calls
    assert f"GET /api/requests/{0:043}/file" in service.calls


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param((200, {}, b"<html>Sign in</html>"), id="a sign-in page"),
        pytest.param((302, {"Location": "https://evil.example/"}, b""), id="a redirect"),
        pytest.param((403, {}, b"<Error><Code>InvalidRequest</Code></Error>"), id="a refusal"),
    ],
)
def test_what_answers_for_the_storage_is_not_believed(
    service: FakeService, stick: Path, reply: Any
) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", reply), ("GET", "/storage", reply)]
    assert send(service, stick)[0].state == "ready"
    assert f"PUT /api/requests/{0:043}/file" in service.calls


def test_a_pass_that_expired_is_renewed(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", (403, {}, EXPIRED))]
    assert send(service, stick)[0].state == "ready"
    assert service.calls.count("POST /api/requests") == 2


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(None, id="a broken connection"),
        pytest.param(problem(503, "busy", **{"Retry-After": "5"}), id="busy"),
        pytest.param((429, {}, b""), id="the throttle of the whole API"),
        pytest.param(problem(429, "too-many-requests", **{"Retry-After": "60"}), id="too many"),
        pytest.param(problem(500, "failed"), id="failed once"),
    ],
)
@pytest.mark.parametrize("call", ["POST /api/requests", "GET /api/requests/"])
def test_it_tries_again(service: FakeService, stick: Path, fault: Any, call: str) -> None:
    put(stick, 1)
    method, path = call.split()
    service.faults = [(method, path, fault)]
    assert send(service, stick)[0].state == "ready"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param([None] * 3, "unreachable", id="nothing answers"),
        pytest.param([(200, {}, b"<html>Sign in</html>")], "not-ours", id="a sign-in page"),
        pytest.param([(302, {"Location": "http://x/"}, b"")], "not-ours", id="a redirect"),
        pytest.param([as_json(201, {"id": "../x"})], "not-ours", id="a ticket that is none"),
        pytest.param([problem(500, "failed")] * 3, "failed", id="it fails"),
        pytest.param(
            [problem(429, "too-many-requests", **{"Retry-After": "3000"})],
            "too-many-requests",
            id="too many for this hour",
        ),
        pytest.param([problem(400, "bad-email")], "bad-email", id="it will not have the address"),
    ],
)
def test_without_the_service_no_file_is_lost_and_nothing_is_tried_for_each(
    service: FakeService, stick: Path, fault: list[Any], code: str
) -> None:
    put(stick, 1), put(stick, 2)
    service.faults = [("POST", "/api/requests", one) for one in fault]
    outcomes = send(service, stick)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == [code, code]
    assert len(service.calls) == len(fault)
    service.faults.clear()
    assert set(states(send(service, stick)).values()) == {"ready"}


def test_a_file_that_is_never_answered_is_still_waiting(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.slow = 10**6
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("waiting", "waiting")
    service.slow = 0
    assert send(service, stick)[0].state == "ready"
    assert len(service.files) == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"filename": "../evil.response"}, id="a path"),
        pytest.param({"filename": "C:evil.response"}, id="a drive"),
        pytest.param({"filename": NOTES}, id="its own notes"),
        pytest.param({"filename": "015120020093-0000-1.response"}, id="another computer's"),
        pytest.param({"filename": "015120020093-0000-1.exe"}, id="a program"),
        pytest.param({"filename": 7}, id="a number"),
        pytest.param({"sha256": "0" * 64}, id="another hash"),
        pytest.param({"bytes": 1}, id="another size"),
        pytest.param({"bytes": 10**9}, id="more than any response has"),
        pytest.param({"download_url": "http://evil.example/x"}, id="a download without TLS"),
        pytest.param({"download_url": "file:///etc/passwd"}, id="a file of this computer"),
    ],
)
def test_nothing_is_saved_that_is_not_the_response(
    service: FakeService, stick: Path, changed: dict[str, Any]
) -> None:
    file = put(stick, 1)
    service.changed = changed
    (outcome,) = send(service, stick)
    assert outcome.state == "failed"
    assert {path.name for path in stick.iterdir()} == {file.name, NOTES}
    assert {path.name for path in stick.parent.iterdir()} <= {"stick", "rooms", "vendor"}


@pytest.mark.parametrize("local", ["http://127.0.0.1:1/", "http://localhost:631/jobs"])
def test_a_service_elsewhere_sends_the_courier_to_nothing_on_this_computer(
    stick: Path, local: str
) -> None:
    put(stick, 1)
    called: list[str] = []
    upload = {"url": local, "fields": {}}
    response = {"filename": "x", "bytes": 1, "sha256": "", "download_url": local}

    def lie(method: str, url: str, *_: object) -> Answer:
        called.append(url)
        if method == "POST":
            document: dict[str, Any] = {"id": "t" * 43, "upload": upload}
            return Answer(201, "application/json", 0, json.dumps(document).encode())
        document = {"state": "ready", "response": response}
        return Answer(200, "application/json", 0, json.dumps(document).encode())

    page, clock = "https://evil.example/", Time()
    calls = Service(page, "en", None, exchange=lie, sleep=clock.sleep, clock=clock)
    known = parse_request(next(stick.iterdir()).read_bytes()).sha256
    for ticket in (None, "t" * 43):
        folder = Folder(str(stick), page)
        folder.note(known, ticket)
        (outcome,) = carry(folder, calls, lambda _: None, sleep=clock.sleep, clock=clock)
        assert outcome.error is not None
        assert outcome.error.code == "not-ours"
    assert called
    assert not [url for url in called if not url.startswith(page)]


def test_a_storage_that_wants_a_day_is_not_waited_for(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", (503, {"Retry-After": "86400"}, b""))]
    clock = Time()
    calls = Service(service.page, "en", None, exchange=exchange, sleep=clock.sleep, clock=clock)
    folder = Folder(str(stick), service.page)
    (outcome,) = carry(folder, calls, lambda _: None, sleep=clock.sleep, clock=clock)
    assert outcome.state == "ready"
    assert clock.now < 60


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_notes_that_are_a_pipe_are_not_waited_for(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    os.mkfifo(stick / NOTES)
    outcome = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from keyferry_courier.folder import Folder; Folder(sys.argv[1], '')",
            str(stick),
        ],
        timeout=20,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert outcome.returncode == 0
    assert send(service, stick)[0].state == "ready"


def test_the_response_to_another_request_is_not_saved(service: FakeService, stick: Path) -> None:
    data = put(stick, 1).read_bytes()
    other = service.vendor.answer(data, request_sha256="0" * 64)
    service.answers[parse_request(data).sha256] = other
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("failed", "not-ours")
    assert list(stick.glob("*.response")) == []


def test_a_receipt_that_nobody_could_verify_is_no_file(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_deactivation(stick, 1)
    names = ("filename", "bytes", "sha256", "download_url")
    service.changed = dict.fromkeys(names)
    assert run(service, stick) == 0
    assert "The seat is free, and there is nothing to install." in capsys.readouterr().err
    assert list(stick.glob("*.response")) == []


def test_a_file_that_has_the_name_is_not_overwritten(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.write_text("mine")
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("failed", "name-taken")
    assert response.read_text() == "mine"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://activate.example.com/", True),
        ("http://127.0.0.1:8787/", True),
        ("http://localhost:8787/", True),
        ("http://activate.example.com/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://localhost@evil.example/", False),
        ("https://user:secret@example.com/", False),
        ("file:///etc/passwd", False),
        ("ftp://example.com/", False),
        ("https://", False),
        ("https://exa mple.com/", False),
        ("https://example.com/\r\nX: y", False),
        ("https://example.com:99999/", False),
        ("", False),
    ],
)
def test_only_addresses_with_tls_or_of_this_computer_are_called(url: str, safe: bool) -> None:
    assert is_safe(url) is safe
    if not safe:
        with pytest.raises(ValueError, match=f"^{re.escape(url)}$"):
            exchange("GET", url)


def test_an_answer_is_read_to_its_limit_and_no_further(service: FakeService, stick: Path) -> None:
    service.faults = [("GET", "/big", (200, {}, bytes(10**6)))]
    assert len(exchange("GET", f"{service.origin}/big").body) < 2**17


def run(service: FakeService, stick: Path, *more: str) -> int:
    return main(["send", str(stick), "--page", service.page, *more])


def test_the_command_says_what_became_of_each_file(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, refused = put(stick, 1), put(stick, 2, OTHER)
    service.refused = {OTHER}
    assert run(service, stick) == 3
    printed = capsys.readouterr()
    (response,) = stick.glob("*.response")
    assert f"ready: {good.name}, answered by {response.name}" in printed.err
    example = DOCS.read_text().split("```")[3].strip()
    for shown, real in {
        "015120020093-7f3a.request": good.name,
        "015120020093-7f3a-18.response": response.name,
        "015120020093-9c01.request": refused.name,
        "https://activate.example.com/": service.page,
        "9Qm3xVd0c7LrTzK2hWb5NfYs8uEa1JgPo4iXkDq6RtM": next(
            ticket for ticket, file in service.files.items() if file == refused.read_bytes()
        ),
        r"E:\requests": str(stick),
    }.items():
        assert shown in example
        example = example.replace(shown, real)
    assert (printed.err + printed.out).splitlines() == example.splitlines()
    service.refused = set()
    assert run(service, stick) == 0


def test_where_none_was_answered_no_folder_of_responses_is_named(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(stick, 2, OTHER)
    service.refused = {OTHER}
    assert run(service, stick) == 3
    assert capsys.readouterr().out.splitlines() == [
        "No request has been answered.",
        "1 request was refused. Its line says what to do.",
    ]


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


def test_the_document_of_json(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = put(stick, 1)
    (stick / "bad.request").write_text("{")
    assert run(service, stick, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    (response,) = stick.glob("*.response")
    assert (document["ok"], document["page"]) == (False, service.page)
    good, bad = document["files"]
    assert good == {
        "file": file.name,
        "state": "ready",
        "kind": "activate",
        "license_number": NUMBER,
        "computer": "LAB-01",
        "request_sha256": parse_request(file.read_bytes()).sha256,
        "response": response.name,
        "error": None,
    }
    assert (bad["state"], bad["error"]["code"]) == ("unreadable", "unreadable-request")


@pytest.mark.parametrize(
    "arguments",
    [
        ("send",),
        ("send", "."),
        ("send", "gone", "--page", "https://example.com"),
        ("send", ".", "--page", "http://example.com"),
        ("send", ".", "--page", "example.com"),
        ("send", ".", "--page", "https://example.com/?x=1"),
        ("fetch",),
    ],
)
def test_a_usage_error_is_one_line_and_a_document(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_each_exit_code(service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyferry_courier.service.PATIENCE_S", 0)
    monkeypatch.setattr("keyferry_courier.carry.PATIENCE_S", 0)
    assert run(service, stick) == 0, "there is nothing to do"
    put(stick, 1)
    service.slow = 10
    assert run(service, stick) == 4
    service.slow = 0
    service.faults = [("GET", "/api", (200, {}, b"<html>"))]
    assert run(service, stick) == 1
    assert run(service, stick) == 0


def test_hostile_texts_of_the_service_are_only_text(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(stick, 1)
    title = "\x1b[2J\u202eevil" + "x" * 5000
    refusal = {"code": "no-seats-left", "title": title, "detail": 3}
    document = {"state": "refused", "email": "none", "refusal": refusal}
    service.faults = [("GET", "/api", as_json(200, document))]
    assert run(service, stick) == 3
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert len(printed) < 2000


@pytest.mark.parametrize("size", [0, 10**6])
def test_a_zip_of_nothing_or_of_much_is_no_request(
    service: FakeService, stick: Path, size: int
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.request", bytes(size))
    (stick / "requests.zip").write_bytes(content.getvalue())
    assert {outcome.state for outcome in send(service, stick)} <= {"unreadable"}
    assert service.calls == []


def test_many_files_that_are_no_requests_cost_little(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired: list[bytes] = []

    def count(data: bytes, expected: str) -> Repaired:
        repaired.append(data)
        return repair_file(data, expected)

    monkeypatch.setattr("keyferry_courier.folder.MAX_REPAIRED", 3)
    monkeypatch.setattr("keyferry_courier.folder.repair_file", count)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.request", b"A" * 1000)
    (stick / "requests.zip").write_bytes(content.getvalue())
    file = put(stick, 1)
    outcomes = send(service, stick)
    assert states(outcomes).pop(file.name) == "ready"
    assert [outcome.state for outcome in outcomes].count("unreadable") == 8
    assert {outcome.file.data for outcome in outcomes if outcome.error} == {b""}
    assert len([data for data in repaired if data.startswith(b"A")]) == 3


def test_an_email_goes_with_each_ticket_and_is_not_waited_for(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    assert run(service, stick, "--email", "anna@example.com", "--lang", "en") == 0
    assert service.opened == [{"email": "anna@example.com", "language": "en"}]
