"""The files that people bring instead of the response: each kind has its own sentence."""

import gzip
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from keyferry.files.kinds import kind_of
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import LAB_09, OTHER, Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

Make = Callable[[Shell, bytes], bytes]


@pytest.fixture
def good(shell: Shell) -> bytes:
    """The response to the pending request."""
    shell("request", NUMBER)
    return shell.room.answer(request())


def request() -> bytes:
    (file,) = Path().glob("*.request")
    return file.read_bytes()


def half(good: bytes) -> str:
    return good[: len(good) // 2].decode()


def zipped(data: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", data)
    return file.getvalue()


def of_another_license(shell: Shell, good: bytes) -> bytes:
    room = Room(shell.room.state.parent / "elsewhere", shell.room.machine)
    return room.answer(room.request(number=OTHER, code=new_activation_code(OTHER)))


def of_another_machine(shell: Shell, good: bytes) -> bytes:
    room = Room(shell.room.state.parent / "elsewhere", LAB_09)
    return room.answer(room.request())


def forged(shell: Shell, good: bytes) -> bytes:
    room = Room(shell.room.state.parent / "elsewhere", signers=(Ed25519Signer(b"f" * 32),))
    return room.answer(request())


def older(shell: Shell, good: bytes) -> bytes:
    shell.room.install(good)
    shell.room.install(shell.room.answer(shell.room.request("update")))
    shell.room.serial = 0
    return shell.room.answer(shell.room.request("update"))


def a_receipt(shell: Shell, good: bytes) -> bytes:
    room = Room(shell.room.state.parent / "elsewhere", shell.room.machine)
    room.activate()
    return room.answer(room.request("deactivate"))


CUT = "The file is incomplete; its end is missing."
EDITOR = "The file was damaged after it was saved, for example by a text editor."
KINDS: list[tuple[str, Make, str, str]] = [
    ("nothing in it", lambda s, g: b" \n", "unreadable-response", "The file is empty."),
    ("half copied", lambda s, g: g[: len(g) // 2], "unreadable-response", CUT),
    ("half copied in UTF-16", lambda s, g: half(g).encode("utf-16"), "unreadable-response", CUT),
    (
        "half copied, then zeros",
        lambda s, g: g[:900].ljust(2048, b"\0"),
        "unreadable-response",
        CUT,
    ),
    ("letters lost", lambda s, g: g.replace(b"eyJ", b"ey"), "unreadable-response", EDITOR),
    ("nothing but zeros", lambda s, g: bytes(len(g)), "unreadable-response", EDITOR),
    (
        "two in one text",
        lambda s, g: g + of_another_license(s, g),
        "unreadable-response",
        EDITOR,
    ),
    ("a PDF", lambda s, g: b"%PDF-1.7\n", "unreadable-response", "This is a PDF, not"),
    ("a photo", lambda s, g: b"\xff\xd8\xff\xe0", "unreadable-response", "This is a picture"),
    (
        "a shortcut",
        lambda s, g: b"[InternetShortcut]\nURL=https://x",
        "unreadable-response",
        "This is a shortcut",
    ),
    (
        "the email itself",
        lambda s, g: b"Received: from x\n\nDownload it: https://x",
        "unreadable-response",
        "This is an email.",
    ),
    (
        "the sign-in page of a network",
        lambda s, g: b"\r\n<!DOCTYPE html><html><title>Sign in</title>",
        "unreadable-response",
        "This is a web page, for example the sign-in page",
    ),
    (
        "compressed, half copied",
        lambda s, g: gzip.compress(g)[:-400],
        "unreadable-response",
        CUT,
    ),
    (
        "compressed, then damaged",
        lambda s, g: gzip.compress(g)[:-8] + bytes(8),
        "unreadable-response",
        EDITOR,
    ),
    ("a compressed note", lambda s, g: gzip.compress(b"x"), "unreadable-response", "an archive"),
    ("a film", lambda s, g: b"x" * 30_000, "unreadable-response", "The file is too large"),
    ("a note", lambda s, g: b"Dear customer", "unreadable-response", "This is not a response"),
    ("the request", lambda s, g: request(), "wrong-type", "This is a request file, not"),
    ("another license's", of_another_license, "not-requested", "has no request here"),
    ("another machine's", of_another_machine, "wrong-machine", "another computer"),
    ("not the vendor's", forged, "not-genuine", ""),
    ("a receipt of elsewhere", a_receipt, "not-requested", "has no request here"),
]


@pytest.mark.parametrize(
    ("make", "code", "words"), [pytest.param(*rest, id=name) for name, *rest in KINDS]
)
def test_a_wrong_file_is_named_for_what_it_is_and_changes_nothing(
    shell: Shell, good: bytes, make: Make, code: str, words: str
) -> None:
    file = Path("answer.response")
    file.write_bytes(make(shell, good))
    before = shell.room.files()
    result = shell("install", str(file))
    assert result.out == ""
    assert f"({code})" in result.err.splitlines()[0]
    assert words in result.err
    assert "Traceback" not in result.err
    assert shell.room.files() == before


def test_a_word_document_contains_no_response(shell: Shell, good: bytes) -> None:
    Path("letter.docx").write_bytes(zipped(b"<w/>"))
    result = shell("install", "letter.docx")
    assert result.exit == 1
    assert "letter.docx" in result.err


HEADERS = b"Date: Tue\r\nSubject: Fwd\r\nFrom: a@b\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        pytest.param(b"MIME-Version: 1.0\r\n" + HEADERS, "e-mail", id="MIME-Version first"),
        pytest.param(b"DKIM-Signature: v=1;\r\n b=x\r\n" + HEADERS, "e-mail", id="DKIM first"),
        pytest.param(b"X-Mozilla-Status: 0001\r\n" + HEADERS, "e-mail", id="Thunderbird"),
        pytest.param(b"From - Tue Nov 24\r\n" + HEADERS, "e-mail", id="mbox"),
        pytest.param(b"\xef\xbb\xbf" + HEADERS, "e-mail", id="with a byte-order mark"),
        pytest.param(HEADERS.decode().encode("utf-16"), "e-mail", id="in UTF-16"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60) + b"_\0_\0s\0u\0b\0s\0t\0g",
            "e-mail",
            id="Outlook's .msg",
        ),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "archive", id="old Word"),
        pytest.param(b"\x78\x9f\x3e\x22" + bytes(40), "e-mail", id="winmail.dat"),
        pytest.param(b"<!-- x --><HTML>", "web page", id="web page with a comment first"),
        pytest.param(b'<?xml version="1.0"?>\n<!DOCTYPE html>', "web page", id="XHTML"),
        pytest.param(gzip.compress(b"x"), "archive", id="gzip"),
    ],
)
def test_mail_and_web_pages_are_known_by_their_first_lines(start: bytes, kind: str) -> None:
    assert kind_of(start) == kind


@pytest.mark.parametrize("end", [bytes(9), b"\x1a", b"\r\n\0", b"garbage"])
def test_what_follows_a_whole_file_does_not_make_it_incomplete(
    shell: Shell, good: bytes, end: bytes
) -> None:
    assert kind_of(good + end) == "editor"
    assert kind_of(good[:-20] + end) == "cut"


@pytest.mark.parametrize("name", ["holiday.jpg", "015120020093-7f3a.response.txt", "download(1)"])
def test_a_renamed_file_is_the_same_file(shell: Shell, good: bytes, name: str) -> None:
    Path(name).write_bytes(good)
    assert shell("install", name).exit == 0


def test_line_breaks_that_an_editor_adds_do_no_harm(shell: Shell, good: bytes) -> None:
    Path("answer.response").write_bytes(b"\r\n" + good + b"\r\n")
    assert shell("install", "answer.response").exit == 0
