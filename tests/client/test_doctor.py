"""`keyferry doctor`: finds what would go wrong, before a request is written."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import KeySet, Machine, Token
from keyferry.doctor.diagnose import diagnose
from keyferry.doctor.finding import Finding
from keyferry.store.folder import DEVICE_KEY, LOAD_KEY, LicenseState
from keyferry_protocol.keys import Ed25519Signer
from tests.client.test_golden import assert_golden
from tests.support.offline import LAB_07, LAB_09, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.terminal import Shell


@pytest.fixture(autouse=True)
def _in_berlin_and_not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def a_computer(
    machine: Machine = LAB_07, without: str = "", changed: Mapping[str, Sequence[str]] = {}
) -> Machine:
    """The computer with some parts replaced or removed."""
    parts = {**machine.components, **changed}
    return replace(machine, components={n: v for n, v in parts.items() if n not in without.split()})


def another(*names: str) -> Machine:
    return a_computer(changed={name: [f"another {name}"] for name in names})


def diagnosis(room: Room) -> tuple[Finding, ...]:
    return diagnose(room.installation)


def by_check(room: Room) -> dict[str, Finding]:
    """The findings by check; of several for one check, the first that is not ok."""
    findings = {finding.name: finding for finding in reversed(diagnosis(room))}
    return findings | {f.name: f for f in reversed(diagnosis(room)) if f.result != "ok"}


def test_the_terminal_shows_each_check_in_a_line(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = another("mac")
    text = "".join(
        f"$ keyferry {command}\n{shell(*command.split()).out}"
        for command in ("doctor", "doctor --json")
    )
    assert_golden("doctor", without_places(text, shell.room))


def without_places(text: str, room: Room) -> str:
    """What was printed, with the folders of a Windows computer."""
    lines = []
    for line in text.splitlines(keepends=True):
        separator = "\\\\" if line.startswith("{") else "\\"
        for root, parts in (
            (room.state_dirs.site, "ProgramData"),
            (room.state_dirs.user, "Users Anna"),
        ):
            line = line.replace(root.path, separator.join(["C:", *parts.split(), "Keyferry"]))
        lines.append(line)
    return "".join(lines)


def test_several_findings_each_have_their_next_step_below(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = replace(LAB_09, environment="virtual")
    shell.room.now -= 3 * DAY
    assert_golden(
        "doctor-problems", f"$ keyferry doctor\n{without_places(shell('doctor').out, shell.room)}"
    )


def test_without_findings_there_are_five_good_lines_and_exit_0(shell: Shell) -> None:
    printed = shell("doctor")
    assert [line[:11].split() for line in printed.out.splitlines()[:-1]] == [
        ["✓", name] for name in ("Identity", "Drift", "Copies", "Clock", "Storage")
    ]
    assert (printed.exit, printed.err) == (0, "")
    assert printed.out.endswith("0 warnings, 0 problems.\n")


def test_problems_are_no_failure_of_the_command_but_missing_keys_are(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = LAB_09
    assert shell("doctor").exit == 0
    assert shell("doctor", "--keys", "nowhere.json").exit == 1


def test_a_diagnosis_changes_nothing_and_makes_no_folder(room: Room) -> None:
    diagnosis(room)
    assert not room.state.exists()
    room.activate()
    room.request("update")
    before = {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in everything(room)}
    files = room.files()
    diagnosis(room)
    assert room.files() == files
    after = {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in everything(room)}
    assert {p: s for p, s in after.items() if p.is_file()} == {
        p: s for p, s in before.items() if p.is_file()
    }


def everything(room: Room) -> list[Path]:
    return sorted(room.state.rglob("*"))


# Identity


LINUX = Machine("srv", "Debian GNU/Linux 12 (bookworm)", "physical", {})
PC_PARTS = {"mac": ["d0bf9c112233"], "os_id": ["3d" * 16], "disk_serial": ["S5G"], "user": ["anna"]}
A_PC = replace(LINUX, components=PC_PARTS)


@pytest.mark.parametrize(
    ("machine", "result", "text", "next_step"),
    [
        pytest.param(LAB_07, "ok", "6 of 6 parts", "", id="an office PC with Windows"),
        pytest.param(
            a_computer(without="tpm_key"),
            "ok",
            "5 of 6 parts of this computer can be read; cannot read the TPM",
            "",
            id="a PC without a TPM",
        ),
        pytest.param(A_PC, "ok", "3 of 3 parts", "", id="a PC with Linux"),
        pytest.param(
            a_computer(A_PC, "disk_serial"),
            "ok",
            "2 of 3 parts of this computer can be read; cannot read the disk",
            "",
            id="its disk reports no serial number",
        ),
        pytest.param(
            a_computer(A_PC, "mac"),
            "warning",
            "cannot read the network card (no built-in card",
            "virtual machines",
            id="its only network card hangs on USB",
        ),
        pytest.param(
            a_computer(A_PC, "mac os_id"),
            "problem",
            "1 of 3 parts",
            "USB dongle",
            id="only a disk can be read",
        ),
        pytest.param(LINUX, "problem", "0 of 3 parts", "ask the vendor", id="nothing can be read"),
        pytest.param(
            replace(A_PC, environment="virtual"),
            "warning",
            "this is a virtual machine",
            "must allow virtual machines",
            id="a virtual machine",
        ),
        pytest.param(
            replace(A_PC, environment="container"),
            "warning",
            "this is a container",
            "must allow containers",
            id="a container",
        ),
        pytest.param(
            a_computer(A_PC, "user"),
            "warning",
            "3 of 3 parts",
            "everyone on this computer",
            id="a user without a name",
        ),
        pytest.param(
            Machine("mac", "macOS 15.1", "physical", {"smbios_uuid": ["u"], "user": ["anna"]}),
            "ok",
            "1 of 3 parts",
            "",
            id="a Mac that shows only its UUID",
        ),
    ],
)
def test_identity_says_what_can_be_read_and_what_the_license_must_allow(
    room: Room, machine: Machine, result: str, text: str, next_step: str
) -> None:
    room.machine = machine
    finding = by_check(room)["identity"]
    assert (finding.result, text in finding.text, next_step in finding.next_step) == (
        result,
        True,
        True,
    )
    assert bool(finding.next_step) is (result != "ok")


def test_a_license_that_works_here_needs_no_further_permission(room: Room) -> None:
    room.machine = replace(LAB_07, environment="virtual")
    room.activate(environments=("physical", "virtual"))
    assert by_check(room)["identity"].result == "ok"


def test_a_guest_without_anchors_learns_what_a_reinstall_requires(room: Room) -> None:
    room.machine = replace(a_computer(A_PC, "mac"), environment="virtual")
    room.activate(environments=("physical", "virtual"))
    finding = by_check(room)["identity"]
    assert (finding.result, "--replaces-seat" in finding.next_step) == ("warning", True)


# Drift


@pytest.mark.parametrize(
    ("machine", "result", "text", "next_step"),
    [
        pytest.param(LAB_07, "ok", "all 21 points match", "", id="nothing"),
        pytest.param(
            another("mac"),
            "warning",
            "the network card changed; still 18 of 21 points",
            "Before changing more parts:  keyferry update 015120020093",
            id="a new network card",
        ),
        pytest.param(
            a_computer(changed={"mac": ["d0bf9c112233"]}),
            "warning",
            "one of the network cards changed; still 19 of 21",
            "update",
            id="one of two cards was taken out",
        ),
        pytest.param(
            another("os_id", "disk_serial"),
            "warning",
            "the operating system and the disk changed; still 16 of 21",
            "update",
            id="reinstalled on a new disk",
        ),
        pytest.param(
            another("tpm_key", "smbios_uuid", "board_serial"),
            "problem",
            "the TPM and the system board changed; 8 of 21 points match",
            "Change the parts back. Or run `keyferry update 015120020093`",
            id="a new system board",
        ),
        pytest.param(
            LAB_09,
            "problem",
            "0 of 21 points match",
            "Or run `keyferry request 015120020093` to use a seat for this computer.",
            id="another computer",
        ),
    ],
)
def test_drift_says_what_changed_and_how_many_points_are_left(
    room: Room, machine: Machine, result: str, text: str, next_step: str
) -> None:
    room.activate()
    room.machine = machine
    finding = by_check(room)["drift"]
    assert (finding.result, text in finding.text, next_step in finding.next_step) == (
        result,
        True,
        True,
    )


def test_drift_names_the_rule_of_hardware_where_the_points_would_be_enough(room: Room) -> None:
    room.activate()
    room.machine = another("tpm_key", "smbios_uuid")
    finding = by_check(room)["drift"]
    assert "8 of 18 points of hardware match" in finding.text
    match = finding.facts["match"]
    assert (match["rule"], match["have"], match["of"]) == ("hardware", 11, 21)
    assert match["hardware"] == {"have": 8, "of": 18}


def test_drift_names_the_anchor_rule_where_the_points_would_suffice(room: Room) -> None:
    room.machine = A_PC
    room.activate()
    room.machine = a_computer(A_PC, changed={"mac": ["d0bf9c999999"]})
    finding = by_check(room)["drift"]
    assert finding.text == (
        "the network card changed; 5 of 8 points match, but no TPM, system board, or network card"
        " does, and one must"
    )
    match = finding.facts["match"]
    assert (match["rule"], match["have"], match["of"]) == ("anchor", 5, 8)


def test_drift_says_that_the_license_is_another_users(room: Room) -> None:
    room.activate("personal")
    room.machine = another("user")
    assert "another user" in by_check(room)["drift"].text


def test_drift_is_reported_for_each_license_and_pending_request(room: Room) -> None:
    room.activate()
    room.request("update")
    room.machine = LAB_09
    drift = [finding for finding in diagnosis(room) if finding.name == "drift"]
    assert [f.text.partition(":")[0] for f in drift] == [
        "license 015.120.020.093",
        "request for license 015.120.020.093",
    ]
    assert "keyferry request" in drift[1].next_step


def test_a_dongle_license_has_no_drift(room: Room) -> None:
    key = Ed25519Signer(b"t" * 32)
    room.dongle = Token(key.public, "Nitrokey", "42", key.sign)
    room.activate("dongle")
    assert by_check(room)["drift"].text == "no license is bound to this computer yet"
    assert "dongle" not in by_check(room)
    room.dongle = None
    finding = by_check(room)["dongle"]
    assert "Nitrokey 42" in finding.text
    assert "Plug in" in finding.next_step


# Copies


def older_response(room: Room) -> None:
    """A backup restored an old response and nothing else."""
    before = room.activate()
    room.install(room.answer(room.request("update")))
    room.folder().write("installed.response", before)


def older_folder(room: Room) -> None:
    """The request was made from a newer folder than the one that was restored."""
    room.activate()
    room.install(room.answer(room.request("update")))
    room.request("update")
    room.folder().write_state(LicenseState(1))


def another_key(room: Room) -> None:
    """Two folders were mixed: the keys are of one, the response of the other."""
    room.activate()
    other = Room(room.state / "other")
    other.activate()
    key, load_key = other.folder().device_key(), other.folder().load_key()
    assert key is not None
    assert load_key is not None
    room.folder().write_key(DEVICE_KEY, key)
    room.folder().write_device_public(key.public)
    room.folder().write_key(LOAD_KEY, load_key)


def copied_folder(room: Room) -> None:
    """The folder was copied to the next computer."""
    room.activate()
    room.machine = LAB_09


def moved_disk(room: Room) -> None:
    """The disk was cloned, or moved to another computer."""
    room.activate()
    kept = {name: LAB_07.components[name] for name in ("os_id", "disk_serial")}
    room.machine = a_computer(LAB_09, changed=kept)


def became_a_guest(room: Room) -> None:
    """The computer became a virtual machine while its request was pending."""
    room.request()
    room.machine = replace(LAB_07, environment="virtual")


def golden_image(room: Room) -> None:
    """An image with an empty machine-id: each copy should have got its own, and did not."""
    room.machine = a_computer(A_PC, "os_id")


@pytest.mark.parametrize(
    ("happened", "sign", "next_step"),
    [
        (copied_folder, "another-computer", "keyferry request"),
        (moved_disk, "another-body", "keyferry request"),
        (another_key, "another-key", "keyferry request"),
        (older_response, "older-response", "keyferry update"),
        (older_folder, "older-folder", "keyferry update"),
        (became_a_guest, "another-environment", "keyferry request"),
        (golden_image, "no-os-id", "systemd-machine-id-setup"),
        (golden_image, "no-os-id", "dbus-uuidgen --ensure=/etc/machine-id"),  # Alpine, Void, Devuan
    ],
)
def test_copies_reports_a_sign_of_a_clone(
    room: Room, happened: Callable[[Room], None], sign: str, next_step: str
) -> None:
    happened(room)
    finding = by_check(room)["copies"]
    assert [each["sign"] for each in finding.facts["signs"]] == [sign]
    assert (finding.result, next_step in finding.next_step) == ("warning", True)


def test_a_guest_learns_that_a_full_copy_shows_no_sign(room: Room) -> None:
    room.machine = replace(LAB_07, environment="virtual")
    finding = by_check(room)["copies"]
    assert (finding.result, "an exact copy of a guest" in finding.text) == ("ok", True)


# Clock


@pytest.mark.parametrize(
    ("later", "result", "text"),
    [
        pytest.param(60, "ok", "24 November 2026, 10:48 +01:00, later than every time", id="ahead"),
        pytest.param(-3600, "warning", "up to 24 hours are allowed", id="an hour behind"),
        pytest.param(-DAY, "warning", "up to 24 hours are allowed", id="a day behind"),
        pytest.param(-DAY - 1, "problem", "more than 24 hours behind", id="more than a day"),
        pytest.param(-7 * 365 * DAY, "problem", "26 November 2019", id="the battery is dead"),
    ],
)
def test_clock_is_compared_with_the_latest_observed_time(
    room: Room, later: int, result: str, text: str
) -> None:
    room.activate()
    room.now = NOW + later
    finding = by_check(room)["clock"]
    assert (finding.result, text in finding.text) == (result, True)
    # By a clock before the license was issued, an update would be from the future too.
    assert ("keyferry update 015120020093" in finding.next_step) is (result == "warning")


def test_the_latest_time_is_also_the_one_when_the_response_was_issued(room: Room) -> None:
    room.now += 3 * DAY
    room.activate()
    room.now = NOW
    Path(room.state_dirs.user.path, "clock.json").unlink()
    assert by_check(room)["clock"].result == "problem"


# Storage and keys


def in_the_way(room: Room, shared: bool) -> None:
    root = room.state_dirs.site if shared else room.state_dirs.user
    room.state.mkdir(exist_ok=True)
    Path(root.path).write_text("a file where a folder belongs")


def test_storage_says_which_folder_cannot_be_written_and_what_follows(room: Room) -> None:
    in_the_way(room, shared=True)
    finding = by_check(room)["storage"]
    assert finding.result == "warning"
    assert "(Not a directory); licenses are stored for this user in" in finding.text
    in_the_way(room, shared=False)
    finding = by_check(room)["storage"]
    assert (finding.result, "--state-dir" in finding.next_step) == ("problem", True)
    Path(room.state_dirs.site.path).unlink()
    finding = by_check(room)["storage"]
    assert (finding.result, "it cannot store the time" in finding.text) == ("warning", True)


@pytest.mark.parametrize(
    ("name", "next_step"),
    [
        ("installed.response", "Install the last response file again"),
        ("device.key", "Make an activation request"),
        ("state.json", "doctor --repair"),
    ],
)
def test_storage_names_a_damaged_file(room: Room, name: str, next_step: str) -> None:
    room.activate()
    path = room.folder().path(name)
    Path(path).write_bytes(b"{")
    finding = by_check(room)["storage"]
    assert (finding.result, finding.facts["damaged"]) == ("problem", path)
    assert path in finding.text
    assert next_step in finding.next_step


def test_storage_reports_the_missing_key_of_a_license(room: Room) -> None:
    room.activate()
    room.folder().erase("device.key")
    finding = by_check(room)["storage"]
    assert (finding.result, "device.key is gone" in finding.text) == ("problem", True)


HYBRID = key_set(VENDOR, VENDOR_PQ)


def only_compromised() -> KeySet:
    keys = key_set(VENDOR_PQ, VENDOR)
    marked = tuple(replace(key, trusted=key.alg != VENDOR.alg) for key in keys.keys)
    return replace(keys, keys=marked)


@pytest.mark.parametrize(
    ("keys", "text", "next_step"),
    [
        pytest.param(HYBRID, "no ML-DSA-65 signature", "keyferry update", id="requires one more"),
        pytest.param(key_set(VENDOR_PQ), "no ML-DSA-65 signature", "Update", id="other keys"),
        pytest.param(only_compromised(), "marked as compromised", "update", id="compromised"),
        pytest.param(
            key_set(VENDOR, revoked=(NUMBER,)), "has been revoked", "replacement", id="withdrawn"
        ),
    ],
)
def test_keys_that_reject_an_installed_response_are_reported(
    room: Room, keys: KeySet, text: str, next_step: str
) -> None:
    room.activate()
    assert "keys" not in by_check(room)
    room.keys = replace(keys, require=keys.require if keys != only_compromised() else ("Ed25519",))
    finding = by_check(room)["keys"]
    assert (finding.result, text in finding.text, next_step in finding.next_step) == (
        "problem",
        True,
        True,
    )


def test_a_request_that_names_keys_of_the_previous_version_is_reported(room: Room) -> None:
    room.request()
    room.keys = HYBRID
    finding = by_check(room)["keys"]
    assert (finding.result, "other keys" in finding.text) == ("warning", True)


def test_a_request_that_names_a_key_compromised_since_is_reported(room: Room) -> None:
    room.request()
    newer = Ed25519Signer(b"n" * 32)
    marked = (replace(room.keys.keys[0], trusted=False), *key_set(newer).keys)
    room.keys = replace(room.keys, keys=marked)
    assert by_check(room)["keys"].result == "warning"


def test_the_document_puts_first_what_needs_doing(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = LAB_09
    document = shell("doctor", "--json").json
    assert [check["result"] for check in document["checks"]][:2] == ["problem", "warning"]
    assert (document["ok"], document["problems"], document["warnings"]) == (True, 1, 1)
    assert "repairs" not in document
    assert json.loads(shell("doctor", "--repair", "--json").out)["repairs"] == []


def test_every_license_of_the_vendor_is_checked_whatever_its_product(room: Room) -> None:
    room.activate()
    room.product = "Another product"
    room.machine = another("mac")
    assert by_check(room)["drift"].facts["license_number"] == NUMBER
