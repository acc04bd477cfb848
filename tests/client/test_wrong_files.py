"""The files that people bring instead of the response: each kind has its own sentence."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

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
    ("saved as UTF-16", lambda s, g: g.decode().encode("utf-16"), "unreadable-response", EDITOR),
    ("byte-order mark", lambda s, g: b"\xef\xbb\xbf" + g, "unreadable-response", EDITOR),
    (
        "an editor's curly quotes",
        lambda s, g: g.replace(b'"', "\u201c".encode()),
        "unreadable-response",
        EDITOR,
    ),
    ("pasted twice", lambda s, g: g + g, "unreadable-response", EDITOR),
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
        lambda s, g: b"Received: from x\n\n" + g,
        "unreadable-response",
        "This is an email.",
    ),
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


@pytest.mark.parametrize("name", ["holiday.jpg", "015120020093-7f3a.response.txt", "download(1)"])
def test_a_renamed_file_is_the_same_file(shell: Shell, good: bytes, name: str) -> None:
    Path(name).write_bytes(good)
    assert shell("install", name).exit == 0


def test_line_breaks_that_an_editor_adds_do_no_harm(shell: Shell, good: bytes) -> None:
    Path("answer.response").write_bytes(b"\r\n" + good + b"\r\n")
    assert shell("install", "answer.response").exit == 0
