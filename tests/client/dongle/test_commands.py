"""A dongle's license at the command line, from the blank dongle to the last check."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from keyferry import parse_request, verify_request
from keyferry.dongle.plugged import PluggedDongle
from keyferry_admin.use_cases import dongles as desk
from keyferry_admin.use_cases.attestation import Attestation, verify_attestation
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_protocol.request import Dongle
from tests.client.dongle.conftest import PIN, Dongles, attest, key_of_another_program
from tests.support.offline import LAB_09, OTHER, Room
from tests.support.samples import CODE, DAY, NUMBER
from tests.support.terminal import Shell
from tests.support.yubikey import a_private_key, attestation_of, device, root

ROOT = Path(__file__).parents[3]


def request_file() -> Path:
    """The request file that was last saved to the working folder."""
    return max(Path().glob("*.request"), key=lambda file: file.stat().st_mtime_ns)


def activate(shell: Shell, *options: str, **changes: Any) -> Path:
    """Activate the license on a dongle; the response file, which any computer may install."""
    request = shell("request", NUMBER, "--protection", "dongle", *options)
    assert request.exit == 0, request.err
    file = shell.carried(str(request_file()), **changes)
    request_file().unlink()
    installed = shell("install", str(file))
    assert installed.exit == 0, installed.err
    return file


# The vendor's side


def test_a_blank_dongle_gets_a_key_and_the_desk_reads_its_public_half(
    shell: Shell, dongles: Dongles
) -> None:
    blank = dongles.new(key=False)
    assert shell("dongle", "list").out.split()[-1] == "-"
    result = shell("dongle", "make-key", "--output", "dongle.json")
    assert result.exit == 0, result.err
    key = dongles.look(blank).keys[0]
    public_half = Path("dongle.json").read_bytes()
    assert desk.parse_dongle_file(public_half, NUMBER) == Dongle(
        "ECDSA-P256-SHA256", key, "SoftHSM v2", blank.serial
    )
    assert set(json.loads(public_half)) == {"alg", "public", "model", "serial"}
    assert "keyferry-admin dongle add NUMBER dongle.json" in result.out


def test_a_dongle_keeps_the_key_that_it_has(shell: Shell, dongles: Dongles) -> None:
    token = dongles.new()
    again = shell("dongle", "make-key")
    assert "has a key already" in again.out
    assert dongles.look(token).keys == token.keys
    assert Path(f"dongle-{token.serial}.json").exists()


def test_list_and_export_need_no_pin(shell: Shell, dongles: Dongles) -> None:
    token = dongles.new("Nordhaven 1")
    shell.patch.delenv("KEYFERRY_DONGLE_PIN")
    (listed,) = shell("dongle", "list", "--json").json["dongles"]
    assert (listed["serial"], listed["label"]) == (token.serial, "Nordhaven 1")
    exported = shell("dongle", "export", "--output", "dongle.json", "--json").json
    assert exported["dongle"] == json.loads(Path("dongle.json").read_bytes())


def test_without_a_dongle_there_is_no_key_to_make(shell: Shell) -> None:
    assert shell("dongle", "list").out == "No dongle was found.\n"
    for command in ("make-key", "export"):
        assert shell("dongle", command, "--json").json["error"]["code"] == "dongle-missing"


# A YubiKey's proof. There is no YubiKey here: the certificates stand in SoftHSM's token as Yubico's
# module shows them (github.com/Yubico/yubico-piv-tool, doc/YKCS11/Functions_and_values.adoc).


def a_yubikey(dongles: Dongles) -> PluggedDongle:
    """A dongle with a key, its attestation, and the certificates that a YubiKey also has."""
    token = dongles.new()
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), token.keys[0])
    another = a_private_key("another").public_key()
    label = "X.509 Certificate for PIV Attestation"
    attest(
        dongles,
        token,
        ("X.509 Certificate for PIV Authentication", der(attestation_of(another))),
        (label, der(device())),
        (f"{label} 9a", der(attestation_of(public))),
    )
    return token


def der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.mark.parametrize("command", ["make-key", "export"])
def test_the_desk_believes_what_a_yubikey_attests(
    shell: Shell, dongles: Dongles, command: str
) -> None:
    token = a_yubikey(dongles)
    saved = shell("dongle", command, "--attest", "--output", "dongle.json")
    assert saved.exit == 0, saved.err
    assert "keyferry-admin dongle add NUMBER dongle.json --attestation dongle.pem" in saved.out
    proof = verify_attestation(Path("dongle.pem").read_bytes(), root())
    assert proof == Attestation(token.keys[0], "15732500", "5.7.4")
    document = shell("dongle", command, "--attest", "--json").json
    assert document["attestation_path"] == str(Path(f"dongle-{token.serial}.pem").absolute())


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([], id="none at all, as another module shows it"),
        pytest.param(["X.509 Certificate for PIV Attestation"], id="for no key, as one imported"),
        pytest.param(["X.509 Certificate for PIV Attestation 9a"], id="without the YubiKey's own"),
        pytest.param(["X.509 Certificate for PIV Authentication"], id="no attestation"),
    ],
)
def test_a_dongle_that_proves_nothing_says_so_and_saves_nothing(
    shell: Shell, dongles: Dongles, labels: list[str]
) -> None:
    token = dongles.new()
    attest(dongles, token, *((label, der(device())) for label in labels))
    refused = shell("dongle", "export", "--attest", "--json").json["error"]
    assert (refused["code"], token.serial in refused["detail"]) == ("dongle-missing", True)
    assert "ykcs11" in refused["next_step"]
    assert not [path for path in Path().iterdir() if path.suffix in (".json", ".pem")]


# The customer's side


def test_a_whole_journey_with_the_dongle_pulled_between_two_checks(
    shell: Shell, dongles: Dongles
) -> None:
    token = dongles.new()
    assert shell("request", NUMBER, "--protection", "dongle").exit == 0
    data = request_file().read_bytes()
    code = activation_key(parse_activation_code(CODE, NUMBER), NUMBER)
    request = verify_request(data, code.public)
    assert request.dongle == Dongle("ECDSA-P256-SHA256", token.keys[0], "SoftHSM v2", token.serial)
    assert request.machine.components == {}
    shell.carried(str(request_file()))
    assert shell("install", "answer.response").exit == 0
    assert shell("check", "threads").exit == 0
    assert shell("status").exit == 0

    dongles.pull(token)
    dongles.restart()
    pulled = shell("check", "--json")
    assert (pulled.exit, pulled.json["error"]["code"]) == (9, "dongle-missing")
    assert token.serial in pulled.json["error"]["detail"]
    status = shell("status")
    assert status.exit == 9
    assert "Plug in the dongle" in status.out

    dongles.plug(token)
    dongles.restart()
    assert shell("check").exit == 0


def test_a_dongle_carried_to_a_second_computer_works_there_after_an_install(
    shell: Shell, dongles: Dongles
) -> None:
    dongles.new()
    response = activate(shell)
    shell.room.machine = LAB_09
    shell.patch.setenv("KEYFERRY_STATE_DIR", "second")
    assert shell("check").exit == 3, "nothing is installed there yet"
    assert shell("install", str(response)).exit == 0
    assert shell("check").exit == 0


def test_of_many_files_on_a_usb_drive_those_for_the_dongle_are_installed(
    shell: Shell, dongles: Dongles, tmp_path: Path
) -> None:
    dongles.new()
    drive = tmp_path / "drive"
    drive.mkdir()
    activate(shell).rename(drive / "old.response")
    assert shell("update", NUMBER).exit == 0
    shell.carried(str(request_file()), str(drive / "new.response"), edition="Enterprise")
    elsewhere = Room(tmp_path / "elsewhere", machine=LAB_09)
    (drive / "LAB-09.response").write_bytes(elsewhere.answer(elsewhere.request()))
    shell.patch.setenv("KEYFERRY_STATE_DIR", "second")
    installed = shell("install", str(drive), "--json")
    assert installed.exit == 0, installed.out
    assert installed.json["edition"] == "Enterprise", "the newest one"
    assert shell("check").exit == 0


def test_doctor_needs_no_pin_to_see_that_a_dongle_is_plugged_in(
    shell: Shell, dongles: Dongles
) -> None:
    token = dongles.new()
    activate(shell)
    shell.patch.delenv("KEYFERRY_DONGLE_PIN")
    dongles.restart()
    assert shell("status").out.splitlines()[0].endswith("The dongle needs its PIN")
    plugged = shell("doctor")
    assert plugged.exit == 0
    assert "is not plugged in" not in plugged.out
    dongles.pull(token)
    dongles.restart()
    assert f"is not plugged in (SoftHSM v2 {token.serial})" in shell("doctor").out


def test_update_and_deactivate_sign_with_the_dongle(shell: Shell, dongles: Dongles) -> None:
    token = dongles.new()
    activate(shell)
    assert shell("update", NUMBER).exit == 0
    update = parse_request(request_file().read_bytes())
    assert update.dongle is not None
    assert update.envelope.is_signed_by(update.dongle.alg, token.keys[0])
    assert shell("install", str(shell.carried(str(request_file())))).exit == 0

    dongles.pull(token)
    dongles.restart()
    for command in (("update", NUMBER), ("deactivate", NUMBER, "--yes")):
        assert shell(*command, "--json").json["error"]["code"] == "dongle-missing"
    dongles.plug(token)
    dongles.restart()
    assert shell("check").exit == 0, "a deactivation without its dongle takes nothing away"

    assert shell("deactivate", NUMBER, "--yes").exit == 0
    assert shell("check").exit == 3
    receipt = shell.carried(str(request_file()))
    dongles.pull(token)
    dongles.restart()
    assert shell("install", str(receipt)).exit == 0, "a receipt wants no dongle"


def test_a_file_for_another_dongle_is_refused_and_changes_nothing(
    shell: Shell, dongles: Dongles
) -> None:
    first = dongles.new()
    response = activate(shell)
    dongles.pull(first)
    dongles.new()
    assert shell("check").exit == 9
    shell.patch.setenv("KEYFERRY_STATE_DIR", "second")
    refused = shell("install", str(response), "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (9, "dongle-missing")
    assert shell("check").exit == 3


def test_each_license_finds_its_own_of_two_dongles(shell: Shell, dongles: Dongles) -> None:
    first, second = dongles.new(), dongles.new()
    printed = shell("request", NUMBER, "--protection", "dongle", "--non-interactive")
    assert printed.exit == 2
    assert "--dongle" in printed.err
    activate(shell, "--dongle", second.serial)
    with shell.patch.context() as patch:
        patch.setenv("KEYFERRY_STATE_DIR", "another")
        activate(shell, "--dongle", first.serial)
        assert shell("check").exit == 0
    assert shell("check").exit == 0
    dongles.pull(first)
    dongles.restart()
    assert shell("check").exit == 0
    dongles.plug(first)
    dongles.pull(second)
    dongles.restart()
    assert shell("check").exit == 9
    unknown = shell("request", NUMBER, "--protection", "dongle", "--dongle", second.serial)
    assert unknown.exit == 9
    assert second.serial in unknown.err


def test_a_dongle_of_another_program_can_be_named_beside_one_of_ours(
    shell: Shell, dongles: Dongles
) -> None:
    ours, card = dongles.new(), dongles.new(key=False)
    key_of_another_program(dongles, card, "PIV AUTH pubkey")
    for serial, options in ((ours.serial, ()), (card.serial, ("--dongle", card.serial))):
        assert shell("dongle", "export", "--output", "dongle.json", *options).exit == 0
        assert json.loads(Path("dongle.json").read_bytes())["serial"] == serial
        request = shell("request", NUMBER, "--protection", "dongle", *options)
        assert request.exit == 0, request.err
        dongle = parse_request(request_file().read_bytes()).dongle
        assert dongle is not None
        assert dongle.serial == serial


def test_a_person_is_asked_which_of_two_dongles(shell: Shell, dongles: Dongles) -> None:
    tokens = {token.serial: token for token in (dongles.new(), dongles.new())}
    request = shell("request", NUMBER, "--protection", "dongle", stdin="2\n")
    assert request.exit == 0, request.err
    dongle = parse_request(request_file().read_bytes()).dongle
    assert dongle is not None
    assert f"2. SoftHSM v2 {dongle.serial}" in request.err
    assert dongle.public == tokens[dongle.serial].keys[0]


# PINs


@pytest.mark.parametrize("pin", ["000000", "48291", "", "x" * 300])
def test_a_wrong_pin_ends_with_9_and_changes_nothing(
    shell: Shell, dongles: Dongles, pin: str
) -> None:
    token = dongles.new()
    response = activate(shell)
    before = shell.room.files()
    dongles.restart()
    shell.patch.setenv("KEYFERRY_DONGLE_PIN", pin)
    for command in (
        ("check",),
        ("update", NUMBER),
        ("install", str(response)),
        ("deactivate", NUMBER, "--yes"),
    ):
        refused = shell(*command, "--json")
        assert (refused.exit, refused.json["error"]["code"]) == (9, "dongle-pin"), command
        assert token.serial in refused.json["error"]["detail"]
    assert shell.room.files() == before
    assert shell("status").exit == 9


def test_a_wrong_pin_makes_no_key(shell: Shell, dongles: Dongles) -> None:
    blank = dongles.new(key=False)
    shell.patch.setenv("KEYFERRY_DONGLE_PIN", "000000")
    refused = shell("dongle", "make-key", "--output", "dongle.json", "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (9, "dongle-pin")
    assert dongles.look(blank).keys == ()
    assert not Path("dongle.json").exists()


def test_no_key_is_made_that_could_not_be_saved(shell: Shell, dongles: Dongles) -> None:
    blank = dongles.new(key=False)
    os.mkdir("dongle.pem")  # where its attestation would go
    for path, more in (("gone/dongle.json", ()), ("dongle.json", ("--attest",))):
        refused = shell("dongle", "make-key", "--output", path, *more, "--json")
        assert (refused.exit, refused.json["error"]["code"]) == (1, "file")
    assert dongles.look(blank).keys == ()
    assert not Path("dongle.json").exists()


def test_a_pin_is_asked_for_at_the_terminal_and_not_shown(shell: Shell, dongles: Dongles) -> None:
    dongles.new(key=False)
    environ = {n: text for n, text in os.environ.items() if n != "KEYFERRY_DONGLE_PIN"}
    child, terminal = pty.fork()
    if child == 0:
        arguments = [sys.executable, "-m", "keyferry", "dongle", "make-key"]
        os.execve(sys.executable, arguments, environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    shown = b""
    while b": " not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, PIN.encode() + b"\n")
    with open(terminal, "rb", buffering=0) as rest:
        try:
            while more := rest.read(1024):
                shown += more
        except OSError:
            pass  # how Linux reports that the other end is closed
    assert os.waitpid(child, 0)[1] == 0, shown
    assert b"PIN of the dongle SoftHSM v2" in shown
    assert b"has a key now" in shown
    assert PIN.encode() not in shown


def test_no_pin_is_stored(shell: Shell, dongles: Dongles, tmp_path: Path) -> None:
    dongles.new()
    activate(shell)
    shell("update", NUMBER)
    for path in tmp_path.rglob("*"):
        if path.is_file() and dongles.folder not in path.parents:
            assert PIN.encode() not in path.read_bytes(), path


def test_a_machine_license_needs_no_dongle(shell: Shell, dongles: Dongles) -> None:
    shell.patch.setenv("KEYFERRY_PKCS11_MODULE", "/not/there.so")
    assert shell("request", NUMBER).exit == 0
    assert shell("install", str(shell.carried(str(request_file())))).exit == 0
    assert shell("check").exit == 0
    printed = shell("request", OTHER, "--protection", "dongle", "--json")
    assert printed.exit == 2, "another code"
    printed = shell("request", NUMBER, "--protection", "dongle", "--json")
    assert printed.json["error"]["detail"] == "/not/there.so cannot be used to read dongles."
    assert "--pkcs11-module" in printed.json["error"]["next_step"]


def test_each_command_finds_the_dongle_in_a_process_of_its_own(
    shell: Shell, dongles: Dongles
) -> None:
    """The commands that a customer types; a computer without the dongle has empty slots."""
    dongles.new()
    shell.room.now = int(time.time())
    anywhere = LICENSABLE_ENVIRONMENTS  # the tests may run in a container
    response = activate(
        shell, valid_from=shell.room.now - DAY, valid_until=None, environments=anywhere
    )

    def run(*arguments: str, **environ: str) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "keyferry", *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ,
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done.returncode

    empty = dongles.folder / "empty.conf"
    empty.write_text(f"directories.tokendir = {dongles.drawer}\nlog.level = ERROR\n")
    second = {"KEYFERRY_STATE_DIR": "second"}
    assert run("check") == 0
    assert run("check", SOFTHSM2_CONF=str(empty)) == 9
    assert run("check") == 0
    assert run("install", str(response), **second) == 0
    assert run("check", **second) == 0
    assert run("check", KEYFERRY_DONGLE_PIN="000000", **second) == 9
