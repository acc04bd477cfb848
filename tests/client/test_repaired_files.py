"""Response files that were changed on their way without losing a byte are repaired and said so."""

import gzip
import html
import json
import zipfile
from base64 import encodebytes
from collections.abc import Callable
from pathlib import Path

import pytest

from keyferry import KeyferryError
from tests.support.make_changed_files import as_eml, email, folded, quoted, zipped
from tests.support.offline import Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

Change = Callable[[bytes], bytes]

CHANGES: dict[str, tuple[Change, list[str], str]] = {
    "gzip": (zipped, ["compressed"], "it had been compressed"),
    "UTF-16": (
        lambda data: data.decode().encode("utf-16"),
        ["encoding"],
        "its text encoding had been changed",
    ),
    "byte-order mark": (lambda data: b"\xef\xbb\xbf" + data, ["encoding"], "its text encoding"),
    "folded": (
        lambda data: folded(data.decode()).encode(),
        ["edited"],
        "its line breaks or quotation marks had been changed",
    ),
    "code fence": (
        lambda data: b"```\n" + data + b"\n```",
        ["around"],
        "there was other text around it",
    ),
    "quoted mail": (
        lambda data: quoted(folded(data.decode(), 70)).encode(),
        ["quoted", "edited"],
        "it had been quoted in an email, its line breaks or quotation marks had been changed.",
    ),
    "e-mail": (lambda data: as_eml(email(data)), ["email"], "it was inside an email"),
    "base64": (encodebytes, ["encoded"], "it had been encoded as other text"),
    "web page": (
        lambda data: html.escape(data.decode()).encode(),
        ["encoded"],
        "it had been encoded as other text",
    ),
    "gzip in an e-mail": (
        lambda data: as_eml(email(zipped(data))),
        ["email", "compressed"],
        "it was inside an email, it had been compressed",
    ),
    "zeros after it": (lambda data: data + bytes(900), ["around"], "there was other text"),
}
each_change = pytest.mark.parametrize(
    ("change", "repairs", "words"), [pytest.param(*case, id=name) for name, case in CHANGES.items()]
)


@pytest.fixture
def good(shell: Shell) -> bytes:
    """The response to the pending request."""
    shell("request", NUMBER)
    (file,) = Path().glob("*.request")
    return shell.room.answer(file.read_bytes())


@each_change
def test_a_changed_file_is_installed_as_it_was_made(
    shell: Shell, good: bytes, change: Change, repairs: list[str], words: str
) -> None:
    Path("brought").write_bytes(change(good))
    installed = shell("install", "brought")
    assert installed.exit == 0, installed.err
    assert installed.out.startswith(f"The file was repaired: {words}")
    assert shell.room.load().number == NUMBER
    (stored,) = (
        data for name, data in shell.room.files().items() if name.endswith("installed.response")
    )
    assert stored == good


@each_change
def test_verify_and_inspect_say_what_was_repaired(
    shell: Shell, good: bytes, change: Change, repairs: list[str], words: str
) -> None:
    for command in ("verify", "inspect"):
        printed = shell(command, "-", stdin=change(good))
        assert printed.exit == 0
        assert f"The file was repaired: {words}" in printed.out
        assert shell(command, "-", "--json", stdin=change(good)).json["repaired"] == repairs
    assert shell("install", "-", "--json", stdin=change(good)).json["repaired"] == repairs
    assert shell("install", "-", "--json", stdin=good).json["repaired"] == []


def test_a_changed_request_is_inspected_and_told_from_a_response(shell: Shell, good: bytes) -> None:
    (file,) = Path().glob("*.request")
    for change, repairs, _ in CHANGES.values():
        changed = change(file.read_bytes())
        inspected = shell("inspect", "-", "--json", stdin=changed).json
        assert (inspected["type"], inspected["repaired"]) == ("request", repairs)
        refused = shell("install", "-", "--json", stdin=changed)
        assert refused.json["error"]["code"] == "wrong-type"


def test_a_forged_file_stays_forged_however_it_is_packed(shell: Shell, good: bytes) -> None:
    forged = good.replace(b'"sig":"', b'"sig":"AAAA', 1)
    for data in (forged, *(change(forged) for change, _, _ in CHANGES.values())):
        refused = shell("install", "-", "--json", stdin=data)
        assert refused.json["error"]["code"] == "not-genuine"
    assert shell.room.files().keys() & {"installed.response"} == set()


def test_changed_files_are_found_in_a_folder_and_in_a_zip(shell: Shell, good: bytes) -> None:
    stick = Path("stick")
    stick.mkdir()
    for number in range(20):
        Path(stick, f"photo {number}.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10" + bytes(9000))
    Path(stick, "Fwd.eml").write_bytes(as_eml(email(good)))
    assert shell("install", "stick").exit == 0
    with zipfile.ZipFile("all.zip", "w") as archive:
        archive.writestr("answer.response.gz", gzip.compress(good))
    again = shell("install", "all.zip", "--json")
    assert (again.exit, again.json["already"]) == (0, True)


def test_the_function_of_the_library_repairs_too(room: Room) -> None:
    good = room.answer(room.request())
    with pytest.raises(KeyferryError, match="Unterminated"):
        room.install(good[:-30])
    room.install(quoted(folded(good.decode())).encode("utf-16"))
    assert room.load().number == NUMBER


def test_a_line_break_in_a_shown_name_is_no_repair(shell: Shell, good: bytes) -> None:
    """Only what surrounds the signed bytes is changed, never those."""
    signed = json.loads(good)["payload"]
    installed = shell("install", "-", stdin=folded(good.decode(), 33).encode())
    assert installed.exit == 0
    files = shell.room.files().items()
    (stored,) = (data for name, data in files if name.endswith("installed.response"))
    assert json.loads(stored)["payload"] == signed
