"""`keyferry-admin dongle`: add, list, remove."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.request import Dongle
from tests.service.admin.screens import GOLDEN, Pipe
from tests.service.admin.test_dongles import give_seat
from tests.support.builders import Computer, a_key, a_request_file
from tests.support.samples import NUMBER

STICK = Dongle(ED25519, a_key("stick").public, "YubiKey 5C NFC", "12345678")
NAMELESS = Dongle(ED25519, a_key("nameless").public, "", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The public key file of a dongle."""
    file = tmp_path / "dongle.json"
    file.write_text(json.dumps(STICK.as_json()))
    return file


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    file = tmp_path / "nameless.json"
    file.write_text(json.dumps(NAMELESS.as_json()))
    return file


@pytest.fixture
def sold(run: Any, stack: Stack) -> Stack:
    run(f"license create --number {NUMBER} --seats 2")
    return stack


def test_dongles_are_added_listed_and_removed(
    run: Any, sold: Stack, file: Path, nameless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(f"dongle add {NUMBER} {file}").out == (GOLDEN / "dongle-add.txt").read_text()
    run(f"dongle add {NUMBER} {nameless}")
    give_seat(sold, STICK, 1)
    assert run(f"dongle list {NUMBER}").out == (GOLDEN / "dongle-list.txt").read_text()
    rows = run(f"dongle list {NUMBER}", Pipe).out.splitlines()
    assert sorted(rows) == sorted(
        [
            f"{STICK.keyid}\tEd25519\tYubiKey 5C NFC\t12345678\t1\t",
            f"{NAMELESS.keyid}\tEd25519\t\t\t\t",
        ]
    )
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: "no")
    prompt = run(f"dongle remove {NUMBER} {NAMELESS.keyid}")
    assert prompt.out == (GOLDEN / "dongle-remove-prompt.txt").read_text()
    removed = run(f"dongle remove {NUMBER} {NAMELESS.keyid} --yes")
    assert removed.out == (GOLDEN / "dongle-remove.txt").read_text()
    (left,) = run(f"dongle list {NUMBER} --json").json["dongles"]
    assert left == {
        "keyid": STICK.keyid,
        **STICK.as_json(),
        "seat": 1,
        "attested_firmware": None,
    }


def test_the_list_of_no_dongles_says_how_to_start(run: Any, sold: Stack) -> None:
    assert f"No dongle yet. Register one:  keyferry-admin dongle add {NUMBER} FILE" in (
        run(f"dongle list {NUMBER}").out
    )
    assert run(f"dongle list {NUMBER}", Pipe).out == ""


def test_a_refused_request_and_a_piped_file_register_a_dongle_too(
    run: Any, sold: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = tmp_path / f"{NUMBER}-7f3a.request"
    request.write_bytes(a_request_file(Computer(dongle=a_key("another"))))
    added = run(f"dongle add {NUMBER} {request} --json").json["dongle"]
    assert (added["keyid"], added["model"]) == (a_key("another").keyid, "Token")
    piped = io.BytesIO(json.dumps(STICK.as_json()).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=piped, isatty=lambda: False))
    assert run(f"dongle add {NUMBER} - --json").json["dongle"]["keyid"] == STICK.keyid


def test_a_license_that_allows_no_dongles_shows_the_command_that_does(
    run: Any, stack: Stack, file: Path
) -> None:
    run(f"license create --number {NUMBER} --protection machine")
    ran = run(f"dongle add {NUMBER} {file}")
    assert "! This license does not allow dongles. To allow them:" in ran.out
    assert f"license change {NUMBER} --protection machine --protection dongle" in ran.out
    assert run(f"license change {NUMBER} --protection machine --protection dongle").exit == 0


def test_a_dongle_in_use_cannot_be_removed(run: Any, sold: Stack, file: Path) -> None:
    run(f"dongle add {NUMBER} {file}")
    give_seat(sold, STICK, 2)
    ran = run(f"dongle remove {NUMBER} {STICK.keyid} --yes")
    assert ran.exit == 1
    assert f"X The dongle {STICK.keyid} has seat 2 (dongle-in-use)" in ran.err
    assert f"keyferry-admin seat release {NUMBER} 2" in ran.err
    document = run(f"dongle remove {NUMBER} {STICK.keyid} --yes --json").json
    assert document["error"]["seat"] == 2
    run(f"seat release {NUMBER} 2 --yes")
    assert run(f"dongle remove {NUMBER} {STICK.keyid} --yes").exit == 0


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        pytest.param("dongle list 000000000001", "no-such-license", 1, id="list of nothing"),
        pytest.param("dongle add 000000000001 {file}", "no-such-license", 1, id="add to nothing"),
        pytest.param("dongle remove {n} 0f3b --yes", "no-such-dongle", 1, id="no such dongle"),
        pytest.param("dongle add {n} {file}", "dongle-exists", 1, id="registered before"),
        pytest.param("dongle add {n} {bad}", "bad-dongle", 1, id="a file that tells of none"),
        pytest.param("dongle add {n} nowhere.json", "usage", 2, id="no such file"),
    ],
)
def test_an_error_is_printed_as_text_or_as_a_document(
    run: Any, sold: Stack, file: Path, tmp_path: Path, line: str, code: str, exit_code: int
) -> None:
    run(f"dongle add {NUMBER} {file}")
    (tmp_path / "bad.json").write_text("{}")
    line = line.format(n=NUMBER, file=file, bad=tmp_path / "bad.json")
    text, document = run(line), run(f"{line} --json")
    assert (text.exit, text.out, document.exit) == (exit_code, "", exit_code)
    assert document.json["error"]["code"] == code
    assert document.json["error"]["title"] in text.err
