"""A folder that others can write to: no link followed, nothing overwritten, no bomb."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.folder import NOTES
from keyferry_protocol.repair import Repaired, repair_file
from keyferry_protocol.request import parse_request
from tests.courier.fake_service import FakeService
from tests.courier.stick import put, send, states


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
