"""A folder that others can write to: no link followed, nothing overwritten, no bomb."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.folder import NOTES, Folder
from keyferry_protocol.envelope import MAX_FILE, RESPONSE, open_envelope, pack
from keyferry_protocol.repair import Repaired, repair_file
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import BoundTo, parse_response
from tests.courier.fake_service import FakeService
from tests.courier.stick import OTHER, put, run, send, states


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


def test_a_file_that_has_the_name_is_not_overwritten(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.write_text("mine")
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.error and outcome.error.code) == ("failed", "name-taken")
    assert response.read_text() == "mine"


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


UNSIGNED: dict[str, Callable[[FakeService, bytes], bytes]] = {
    "without a signature": lambda service, data: pack(
        RESPONSE, open_envelope(service.vendor.answer(data), RESPONSE).body, []
    ),
    "for another computer": lambda service, data: service.vendor.answer(
        data, bound_to=replace(bound_to(service, data), device_key=bytes(32))
    ),
    "for another key of the computer": lambda service, data: service.vendor.answer(
        data, bound_to=replace(bound_to(service, data), load_key=bytes(32))
    ),
    "for another license": lambda service, data: service.vendor.answer(data, number=OTHER),
    "of another kind": lambda service, data: service.vendor.answer(data, kind="update"),
    "a renewal, which repeats the hash": lambda service, data: service.vendor.renewal(
        service.vendor.answer(data)
    ),
    "too big": lambda service, data: service.vendor.answer(data) + b" " * MAX_FILE[RESPONSE],
    "not strict": lambda service, data: service.vendor.answer(data)[:-1] + b',"payload":""}',
}


def bound_to(service: FakeService, data: bytes) -> BoundTo:
    return parse_response(open_envelope(service.vendor.answer(data), RESPONSE)).bound_to


@pytest.mark.parametrize("forge", UNSIGNED.values(), ids=UNSIGNED)
def test_a_file_that_only_looks_like_the_response_is_not_believed(
    service: FakeService, stick: Path, forge: Callable[[FakeService, bytes], bytes]
) -> None:
    """Neither where it lies beside the request nor where the service sends it."""
    data = put(stick, 1).read_bytes()
    forged = forge(service, data)
    (stick / "a.response").write_bytes(forged)
    (outcome,) = send(service, stick)
    assert (outcome.state, outcome.was_there) == ("ready", False)
    assert outcome.response != "a.response"
    for name in ("a.response", str(outcome.response), NOTES):
        (stick / name).unlink()
    service.answers[parse_request(data).sha256] = forged
    service.changed = {"filename": outcome.response, "bytes": len(forged)}
    (outcome,) = send(service, stick)
    assert outcome.state == "failed"
    assert list(stick.glob("*.response")) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_in_the_folder_is_only_text(
    service: FakeService, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = put(stick, 1).read_bytes()
    response = service.vendor.answer(data)
    (stick / "\x1b[2J\u202e.response").write_bytes(response)
    assert run(service, stick) == 0
    assert service.calls == []
    printed = capsys.readouterr()
    assert not {"\x1b", "\u202e"} & {*printed.err, *printed.out}


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_notes_that_are_a_link_are_neither_read_nor_written_through(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    theirs = stick.parent / "theirs.json"
    send(service, stick)
    (stick / NOTES).rename(theirs)
    content = theirs.read_text()
    (stick / NOTES).symlink_to(theirs)
    (known,) = json.loads(content)["tickets"]
    assert Folder(str(stick), service.page).ticket(known) is None
    next(stick.glob("*.response")).unlink()
    assert send(service, stick)[0].state == "ready"
    assert theirs.read_text() == content
    assert not (stick / NOTES).is_symlink()
