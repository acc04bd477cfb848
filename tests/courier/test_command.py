"""What the command prints, its document, and its exit codes."""

import io
import json
import os
import re
from pathlib import Path

import pytest

from keyferry_courier.cli import EXITS, USAGE_EXIT, main
from keyferry_courier.cli import run as courier
from keyferry_protocol.request import parse_request
from tests.courier.fake_service import FakeService, as_json, problem
from tests.courier.stick import DOCS, OTHER, put, run
from tests.support.samples import NUMBER

GOLDEN = Path(__file__).parent / "golden"


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


def test_the_documented_document_has_the_members_of_the_real_one(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(stick, 1)
    run(service, stick, "--json")
    document = json.loads(capsys.readouterr().out)
    shown = re.findall(r'"(\w+)":', DOCS.read_text().split("```")[5].partition("9c01")[0])
    assert shown[:-1] == [*document, *document["files"][0]], "then comes the second file"


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


@pytest.mark.parametrize("arguments", [("--help",), ("send", "--help")])
def test_the_help_is_as_it_was_read(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`WRITE_GOLDEN=1` writes the file anew."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(arguments) == 0
    golden = GOLDEN / f"{'-'.join(arguments).replace('--', '')}.txt"
    printed = capsys.readouterr().out
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(printed)
    assert printed == golden.read_text()


def test_the_help_and_the_documentation_name_the_same_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(("send", "--help"))
    helped = re.findall(r"^ +([0-9])  ", capsys.readouterr().out, re.MULTILINE)
    documented = re.findall(r"^\| ([0-9]) \|", DOCS.read_text(), re.MULTILINE)
    assert helped == documented == [str(code) for code in sorted({0, USAGE_EXIT, *EXITS.values()})]


def test_the_email_address_need_not_be_in_the_list_of_processes(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYFERRY_COURIER_EMAIL", "anna@example.com")
    put(stick, 1)
    assert run(service, stick) == 0
    put(stick, 2)
    assert run(service, stick, "--email", "ben@example.com") == 0
    monkeypatch.setenv("KEYFERRY_COURIER_EMAIL", "")
    put(stick, 3)
    assert run(service, stick) == 0
    emails = [document["email"] for document in service.opened]
    assert emails == ["anna@example.com", "ben@example.com", None]


def test_a_long_wait_is_announced(
    service: FakeService,
    stick: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(stick, 1)
    busy = problem(429, "too-many-requests", **{"Retry-After": "1"})
    service.faults = [("POST", "/api/requests", busy)]
    assert run(service, stick) == 0
    assert "Continuing within 1 minute." in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii", "utf-8"])
def test_a_console_shows_what_it_can(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    put(stick, 1).rename(stick / "LABOR-\u00dc \u30d7\u30e9\u30f3\u30c8.request")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    monkeypatch.setattr(
        "sys.argv", ["keyferry-courier", "send", str(stick), "--page", service.page]
    )
    with pytest.raises(SystemExit) as ended:
        courier()
    assert ended.value.code == 0
    err.seek(0)
    assert err.read().startswith("ready: LABOR-")
