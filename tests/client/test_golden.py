"""The terminal's stories, byte for byte as `tests/client/golden/` has them, at 80 columns."""

import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import cycle
from pathlib import Path

import pytest

from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.typed_response import to_lines
from tests.support.offline import LAB_07, LAB_09, OTHER, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import CODE, NOW, NUMBER
from tests.support.terminal import Keyboard, Shell
from tests.support.typed import text_form

GOLDEN = Path(__file__).parent / "golden"
DEVICE = Ed25519Signer(sha256(b"LAB-07 79438").digest())  # its key id starts with 7f3a
LOAD = Ed25519Signer(sha256(b"LAB-07 load").digest())
STICK = "KINGSTON"
REQUEST = f"{STICK}/015120020093-7f3a.request"


@pytest.fixture(autouse=True)
def _here_and_now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        patched.setenv("COLUMNS", "80")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def lab_07(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """LAB-07, whose keys and request ids are always the same, with a USB drive."""
    keys = cycle([DEVICE, LOAD])
    monkeypatch.setattr(
        "keyferry_protocol.keys.Ed25519Signer.generate", classmethod(lambda _: next(keys))
    )
    monkeypatch.setattr("secrets.token_hex", lambda count: "7b0e" * (count // 2))
    os.mkdir(STICK)
    return shell


def typed(command: str) -> list[str]:
    return command.replace("/media/KINGSTON", STICK).split()


def story(shell: Shell, *steps: str | Callable[[], object], stdin: str = "") -> str:
    """Run the commands; what a person sees, with the USB drive where it is mounted."""
    lines = []
    for step in steps:
        if not isinstance(step, str):
            step()
            continue
        printed = shell(*typed(step), stdin=stdin)
        lines.append(f"$ keyferry {step}" + (f"  [exit {printed.exit}]" if printed.exit else ""))
        lines.append(
            re.sub(r"(digits\): |\[y/N\] )", rf"\g<1>{stdin}", printed.err + printed.out).rstrip()
        )
    text = "\n".join(lines) + "\n"
    for place in (str(Path.cwd().resolve()), str(Path.cwd())):
        text = text.replace(f"{place}/{STICK}", "/media/KINGSTON").replace(place, "/home/lab")
    return text.replace(STICK, "KINGSTON").replace("saved: KINGSTON", "saved: /media/KINGSTON")


def assert_golden(name: str, text: str, ending: str = "txt") -> None:
    file = GOLDEN / f"{name}.{ending}"
    if os.environ.get("WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


ASK = f"request {NUMBER} --output /media/KINGSTON --product-version 4.2.0"


def answered(shell: Shell) -> None:
    shell.carried(REQUEST, f"{STICK}/015120020093-7f3a.response")


def test_request(lab_07: Shell) -> None:
    assert_golden("request", story(lab_07, ASK, f"{ASK} --json"))


def test_request_asks_for_the_code(lab_07: Shell) -> None:
    lab_07.patch.delenv("KEYFERRY_ACTIVATION_CODE")
    assert_golden("request-asks", story(lab_07, ASK, stdin=f"{CODE}\n"))


def test_install(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    answered(lab_07)
    steps = ("install /media/KINGSTON", "install /media/KINGSTON --json")
    assert_golden("install", story(lab_07, *steps))


def test_install_of_lines_that_are_typed(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    request = Path(REQUEST).read_bytes()
    lines = [
        line.partition("  ")[2].lower()
        for line in to_lines(text_form(request, lab_07.room.answer(request)))
    ]
    swapped = lines[3][1] + lines[3][0] + lines[3][2:]
    rows = [*lines[:3], swapped, *lines[3:]]
    printed = lab_07("install", "-", stdin=Keyboard(rows))
    entered = iter(rows)
    shown = re.sub(
        r"Line [0-9]+( of [0-9]+)?: ", lambda asks: f"{asks[0]}{next(entered)}\n", printed.err
    )
    assert_golden("install-typed", f"$ keyferry install -\n{shown}{printed.out.lstrip()}")


def test_a_room_with_one_zip_each_way(lab_07: Shell, tmp_path: Path) -> None:
    requests, responses = Path(STICK, "requests.zip"), Path(STICK, "keyferry-responses.zip")
    other = Room(tmp_path / "elsewhere", machine=LAB_09)
    with zipfile.ZipFile(requests, "w") as archive:
        archive.writestr("015120020093-9b1c.request", other.request())
    ask = ASK.replace("KINGSTON", "KINGSTON/requests.zip")
    text = story(lab_07, ask, f"{ask} --json")
    with zipfile.ZipFile(requests) as incoming, zipfile.ZipFile(responses, "w") as archive:
        for name in sorted(incoming.namelist()):
            answer = lab_07.room.answer(incoming.read(name))
            archive.writestr(f"{Path(name).stem}-1.response", answer)
    install = "install /media/KINGSTON/keyferry-responses.zip"
    text += story(lab_07, install, f"{install} --json")
    with zipfile.ZipFile(responses) as archive:
        archive.extractall()
        names = " ".join(sorted(archive.namelist()))
    text += story(lab_07, f"install {names}")
    assert_golden("room", text)


def test_install_of_another_computers_file(lab_07: Shell, tmp_path: Path) -> None:
    parts = {**LAB_09.components, "disk_serial": LAB_07.components["disk_serial"]}
    other = Room(tmp_path / "elsewhere", machine=replace(LAB_09, components=parts))
    Path("LAB-09.response").write_bytes(other.answer(other.request()))
    text = story(lab_07, "install LAB-09.response", "install LAB-09.response --json")
    assert_golden("install-wrong-machine", text)


def test_status_while_waiting(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    assert_golden("status-waiting", story(lab_07, "status", "check"))


def test_list(lab_07: Shell) -> None:
    assert_golden("list-empty", story(lab_07, "list", "status"))
    lab_07(*typed(ASK))
    answered(lab_07)
    lab_07("install", STICK)
    code = new_activation_code(OTHER, lambda count: bytes(range(count)))
    lab_07.patch.setenv("KEYFERRY_ACTIVATION_CODE", code)
    lab_07("request", OTHER, "--output", STICK)
    assert_golden("list", story(lab_07, "list", "list --json", "status", "status --json"))


def test_check(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    answered(lab_07)
    lab_07("install", STICK)
    steps = ("check", "check threads", "check threads --json", "check cfd", "check cfd --json")
    assert_golden("check", story(lab_07, *steps))


def test_update(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    answered(lab_07)
    lab_07("install", STICK)
    assert_golden("update", story(lab_07, f"update {NUMBER} --output /media/KINGSTON", "status"))


def test_deactivate(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    answered(lab_07)
    lab_07("install", STICK)
    lab_07.room.serial += 1
    text = story(
        lab_07,
        f"deactivate {NUMBER}",
        "status",
        f"cancel {NUMBER}",
        lambda: lab_07.carried("015120020093-7f3a.request", "receipt.response"),
        "inspect receipt.response",
        "install receipt.response",
        stdin="y\n",
    )
    assert_golden("deactivate", text)


def test_cancel(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    assert_golden("cancel", story(lab_07, f"cancel {NUMBER}", f"cancel {NUMBER} --json", "status"))


def test_verify(lab_07: Shell) -> None:
    lab_07.room.signers = (VENDOR, VENDOR_PQ)
    Path("keys.json").write_bytes(key_set(VENDOR, VENDOR_PQ).to_json())
    lab_07(*typed(ASK))
    lab_07.carried(REQUEST, "015120020093-7f3a.response")
    lab_07.room.signers = (VENDOR,)
    lab_07.carried(REQUEST, "stripped.response")
    text = story(
        lab_07,
        "verify 015120020093-7f3a.response --keys keys.json",
        "verify 015120020093-7f3a.response --keys keys.json --json",
        "verify stripped.response --keys keys.json",
    )
    assert_golden("verify", text)


def test_inspect(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    answered(lab_07)
    text = story(
        lab_07,
        "inspect /media/KINGSTON/015120020093-7f3a.request",
        "inspect /media/KINGSTON/015120020093-7f3a.request --json",
        "inspect /media/KINGSTON/015120020093-7f3a.response",
    )
    assert_golden("inspect", text)


def test_the_page_of_inspect(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    step = "inspect /media/KINGSTON/015120020093-7f3a.request --report page.html"
    assert_golden("inspect-report", story(lab_07, step))
    assert_golden("inspect-report-page", Path("page.html").read_text("utf-8"), "html")


def test_inspect_a_folder(lab_07: Shell) -> None:
    lab_07(*typed(ASK))
    lab_07.carried(REQUEST, f"{STICK}/015120020093-7f3a-1.response")
    with open(f"{STICK}/plan.pdf", "wb") as file:
        file.write(b"%PDF-1.7")
    assert_golden("inspect-folder", story(lab_07, "inspect /media/KINGSTON --report page.html"))


def test_no_line_of_a_story_is_a_traceback_or_a_forbidden_word() -> None:
    for file in GOLDEN.glob("*.txt"):
        lines = [line for line in file.read_text().splitlines() if not line.startswith(("{", "$"))]
        for word in ("Traceback", "please", "sorry", "invalid", "fingerprint", "HWID", "envelope"):
            assert not re.search(rf"\b{word}\b", "\n".join(lines), re.IGNORECASE), (file, word)
    assert NOW == 1_795_513_620, "the stories' dates stand in them"
