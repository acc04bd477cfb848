"""What the command prints, its document, and its exit codes."""

import json
from pathlib import Path

import pytest

from keyferry_courier.cli import main
from keyferry_protocol.request import parse_request
from tests.courier.fake_service import FakeService, as_json
from tests.courier.stick import DOCS, OTHER, put, run
from tests.support.samples import NUMBER


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
