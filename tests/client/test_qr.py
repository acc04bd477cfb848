"""A request as a QR code: what it holds, how large it gets, and what the command says."""

import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry import Machine, Token
from keyferry.qr import MARGIN, TooLong, qr_lines, qr_svg, qr_version, request_link
from keyferry_protocol.envelope import REQUEST, open_envelope
from keyferry_protocol.text_form import from_text_form, to_text_form
from tests.support.codes import read_blocks
from tests.support.offline import LAB_07, Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

PAGE = "https://activate.example.com"
LONGEST = 1003  # characters, in version 22 at level L


def with_parts(macs: int, disks: int, *others: str) -> Machine:
    """LAB-07 with so many network cards and disks, and these other parts."""
    parts = {
        **{name: LAB_07.components[name] for name in (*others, "user")},
        "mac": [f"d0bf9c0000{n:02x}" for n in range(macs)],
        "disk_serial": [f"S5GXNX0T{n}" for n in range(disks)],
    }
    return replace(LAB_07, components=parts)


ALL = ("tpm_key", "smbios_uuid", "board_serial", "os_id")


# The link


@pytest.mark.parametrize(
    ("page_url", "start"),
    [
        ("https://activate.example.com", "https://activate.example.com/#r=AQE"),
        ("https://activate.example.com/", "https://activate.example.com/#r=AQE"),
        ("https://example.com/activate", "https://example.com/activate#r=AQE"),
        ("https://example.com/activate/?lang=de", "https://example.com/activate/?lang=de#r=AQE"),
        ("http://127.0.0.1:8787/", "http://127.0.0.1:8787/#r=AQE"),
    ],
)
def test_the_link_is_the_pages_address_and_the_text_form(
    room: Room, page_url: str, start: str
) -> None:
    data = room.request()
    link = request_link(page_url, data)
    assert link.startswith(start)
    text = link.partition("#r=")[2]
    assert from_text_form(urlsafe_b64decode(text + "=" * (-len(text) % 4))) == data
    assert not set(text) & set("+/=")


# How large it gets, with the figures in the documents


@pytest.mark.parametrize(
    ("machine", "protection", "largest"),
    [
        pytest.param(with_parts(1, 0), "machine", 16, id="machine, 1 code"),
        pytest.param(LAB_07, "machine", 19, id="machine, 9 codes"),
        pytest.param(LAB_07, "personal", 20, id="personal, 9 codes and the user's"),
        pytest.param(with_parts(8, 7, *ALL), "machine", 22, id="machine, 19 codes"),
    ],
)
def test_a_camera_reads_the_drawn_code_and_gets_the_file(
    room: Room, machine: Machine, protection: str, largest: int
) -> None:
    room.machine = machine
    data = room.request(protection=protection)
    assert_read_back(data, largest)


def test_the_most_codes_that_a_request_can_contain_are_too_many_to_draw(room: Room) -> None:
    room.machine = with_parts(8, 8, *ALL)
    with pytest.raises(TooLong):
        qr_version(request_link(PAGE, room.request()))


@pytest.mark.parametrize("kind", ["update", "deactivate"])
def test_the_later_requests_of_a_license_are_drawn_too(room: Room, kind: str) -> None:
    room.activate()
    assert_read_back(room.request(kind), 18)


def test_a_dongles_request_is_drawn_too(room: Room) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    room.dongle = Token(
        point, "YubiKey 5 NFC", "12345678", lambda message: key.sign(message, ec.ECDSA(SHA256()))
    )
    assert_read_back(room.request(protection="dongle"), 20)


def assert_read_back(data: bytes, largest: int) -> None:
    link = request_link(PAGE, data)
    version = qr_version(link)
    body = open_envelope(data, REQUEST).body
    packed = to_text_form(data)
    print(
        f"body {len(body)} B, file {len(data)} B, text form {len(packed)} B, "
        f"link {len(link)} characters, version {version}"
    )
    assert version <= largest
    assert read_blocks(qr_lines(link)) == link


def test_the_largest_code_has_113_modules_and_57_lines() -> None:
    link = "x" * LONGEST
    assert qr_version(link) == 22
    lines = qr_lines(link)
    assert (len(lines), {len(line) for line in lines}) == (57, {113})
    assert read_blocks(lines) == link
    assert 'width="452" height="452"' in qr_svg(link)


@pytest.mark.parametrize("length", [LONGEST + 1, 2953, 2954, 8000])
def test_a_longer_link_is_not_drawn(length: int) -> None:
    for draw in (qr_lines, qr_svg, qr_version):
        with pytest.raises(TooLong) as raised:
            draw("x" * length)
    text = f"{raised.value.title}. {raised.value.next_step}"
    assert text == "This request is too long for a QR code. Save the file instead."


def test_white_surrounds_the_code() -> None:
    lines = qr_lines("x" * 100)
    assert MARGIN == 4
    assert set(lines[0] + lines[1] + lines[-1]) == {"█"}
    assert all(line[:4] == line[-4:] == "████" for line in lines)


def test_the_picture_is_black_on_white_whatever_surrounds_it() -> None:
    svg = qr_svg("x" * 100)
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert 'fill="#fff"' in svg
    assert 'stroke="#000"' in svg
    assert "scale(4)" in svg
    assert "style=" not in svg


def test_segno_is_imported_only_to_draw() -> None:
    code = "import sys, keyferry.qr, keyferry.cli.qr; print('segno' in sys.modules)"
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


# The command


@pytest.fixture
def waiting(shell: Shell) -> Shell:
    """A shell with a pending request."""
    assert shell("request", NUMBER).exit == 0
    return shell


def file_name() -> str:
    (name,) = [name for name in os.listdir() if name.endswith(".request")]
    return name


def test_the_pending_request_is_drawn_above_its_name(waiting: Shell) -> None:
    printed = waiting("qr", NUMBER)
    *code, name, other_way = printed.out.splitlines()
    assert read_blocks(code) == request_link(PAGE, Path(file_name()).read_bytes())
    assert name == file_name()
    assert other_way == "Can't scan? Save the file instead."
    assert (printed.exit, printed.err) == (0, "")


@pytest.mark.parametrize("source", ["015.120.020.093", "FILE", "-"])
def test_a_file_or_standard_input_is_drawn_as_well(waiting: Shell, source: str) -> None:
    name = file_name()
    drawn = waiting("qr", name if source == "FILE" else source, stdin=Path(name).read_bytes())
    assert drawn == waiting("qr", NUMBER)


def test_a_deactivation_is_shown_until_another_request_is_pending(waiting: Shell) -> None:
    waiting.carried(file_name())
    waiting("install", "answer.response")
    waiting("deactivate", NUMBER, "--yes")
    assert waiting("qr", NUMBER, "--json").json["kind"] == "deactivate"
    waiting("request", NUMBER)
    assert waiting("qr", NUMBER, "--json").json["kind"] == "activate"


def test_programs_get_the_link(waiting: Shell) -> None:
    data = Path(file_name()).read_bytes()
    link = request_link(PAGE, data)
    assert waiting("qr", NUMBER, "--json").json == {
        "ok": True,
        "license_number": NUMBER,
        "kind": "activate",
        "link": link,
        "version": qr_version(link),
        "name": file_name(),
        "page": PAGE,
        "output": None,
    }


def test_the_picture_is_saved(waiting: Shell) -> None:
    printed = waiting("qr", NUMBER, "--output", "code.svg")
    assert printed.out.splitlines() == [
        "✓ QR code saved: code.svg",
        file_name(),
        "Can't scan? Save the file instead.",
    ]
    link = request_link(PAGE, Path(file_name()).read_bytes())
    assert Path("code.svg").read_text() == qr_svg(link)
    document = waiting("qr", NUMBER, "--output", "code.svg", "--json").json
    assert document["output"] == str(Path("code.svg").resolve())


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        pytest.param(("qr",), 2, "usage", id="nothing named"),
        pytest.param(("qr", "12"), 2, "wrong-license-number", id="no license number"),
        pytest.param(("qr", "015120099042"), 1, "nothing-waits", id="another license"),
        pytest.param(("qr", "gone.request"), 1, "file", id="no such file"),
        pytest.param(("qr", "letter.txt"), 1, "unreadable-request", id="another file"),
        pytest.param(("qr", NUMBER, "--output", "no/code.svg"), 2, "usage", id="no such folder"),
        pytest.param(("qr", NUMBER, "--output", "code.png"), 2, "usage", id="another kind"),
        pytest.param(("qr", "answer.response"), 1, "wrong-type", id="a response"),
    ],
)
def test_a_code_that_cannot_be_drawn_has_its_own_error(
    waiting: Shell, arguments: tuple[str, ...], exit_code: int, code: str
) -> None:
    Path("letter.txt").write_text("Dear customer")
    waiting.carried(file_name())
    printed = waiting(*arguments, "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (exit_code, code)


def test_without_a_request_the_error_says_how_to_make_one(shell: Shell) -> None:
    assert shell("qr", NUMBER).err == (
        "X No request for this license is waiting here (nothing-waits)\n  License "
        "015.120.020.093 has no request waiting here.\n  Make one first:  keyferry request, "
        "update, or deactivate.\n"
    )


def test_a_vendor_without_a_page_has_no_qr_code(waiting: Shell) -> None:
    Path("vendor/vendor.json").write_text('{"id": "example", "product": "Example Modeler"}')
    printed = waiting("qr", NUMBER)
    assert printed.exit == 2
    assert "Set page_url in the vendor.json next to the keys" in printed.err


def test_a_request_that_is_too_long_is_saved_instead(shell: Shell) -> None:
    shell.room.machine = replace(
        with_parts(8, 8, *ALL), name="".join(map(chr, range(0x4E00, 0x4E40)))
    )
    shell("request", NUMBER)
    assert shell("qr", NUMBER).err == (
        "X This request is too long for a QR code (too-long)\n  Save the file instead.\n"
    )


# The window


def in_window(shell: Shell, lines: int, columns: int) -> Shell:
    shell.tty = True
    shell.patch.setenv("LINES", str(lines))
    shell.patch.setenv("COLUMNS", str(columns))
    shell.patch.setenv("TERM", "xterm-256color")
    shell.patch.delenv("NO_COLOR", raising=False)
    return shell


def test_a_window_that_is_too_small_leads_to_the_picture(waiting: Shell) -> None:
    drawn = waiting("qr", NUMBER).out.splitlines()[:-2]
    rows, columns = len(drawn), len(drawn[0])
    for lines, width in ((rows - 1, columns), (rows, columns - 1), (24, 80)):
        printed = in_window(waiting, lines, width)("qr", NUMBER)
        assert (printed.exit, printed.out) == (1, "")
        assert (
            f"It needs {rows} rows and {columns} columns; this window has {lines} and {width}."
            in printed.err
        )
        assert f"keyferry qr {NUMBER} --output file.svg" in printed.err
    assert waiting("qr", NUMBER, "--json").exit == 0  # a program draws the code itself
    assert in_window(waiting, rows, columns)("qr", NUMBER).exit == 0


def test_in_a_window_it_is_white_on_black_whatever_the_windows_colors(waiting: Shell) -> None:
    plain = waiting("qr", NUMBER).out.splitlines()[:-2]
    colored = in_window(waiting, 60, 120)("qr", NUMBER).out.splitlines()[:-2]
    assert colored == [f"\x1b[97m\x1b[40m{line}\x1b[0m" for line in plain]


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_without_colors_there_is_no_escape_sequence(
    waiting: Shell, variable: str, value: str
) -> None:
    shell = in_window(waiting, 60, 120)
    shell.patch.setenv(variable, value)
    assert "\x1b" not in shell("qr", NUMBER).out


def test_a_window_without_half_blocks_leads_to_the_picture(waiting: Shell) -> None:
    waiting.encoding = "cp1252"
    printed = waiting("qr", NUMBER)
    assert printed.out == ""
    assert "This window cannot display half-block characters." in printed.err
    assert waiting("qr", NUMBER, "--output", "code.svg").exit == 0


def test_drawing_a_request_changes_no_file(waiting: Shell) -> None:
    before = waiting.room.files()
    waiting("qr", NUMBER)
    assert waiting.room.files() == before
