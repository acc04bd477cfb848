"""`keyferry doctor --repair`: repairs a damaged folder, or says why it cannot."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from keyferry.store.clock_file import read_clock
from keyferry.store.folder import LicenseState
from keyferry_protocol.encoding import b64
from tests.support.offline import OTHER
from tests.support.samples import NUMBER
from tests.support.terminal import Printed, Shell

STICK = "KINGSTON"
REPAIR = ("doctor", "--repair")


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def desk(shell: Shell) -> Shell:
    """The shell with a USB drive plugged in."""
    os.mkdir(STICK)
    return shell


# The folder before the damage, written by the commands that a person types.


def requested(shell: Shell) -> None:
    assert shell("request", NUMBER, "--output", STICK).exit == 0


def active(shell: Shell) -> None:
    requested(shell)
    shell.carried(request_file(), "answer.response")
    assert shell("install", "answer.response").exit == 0


def personal(shell: Shell) -> None:
    assert shell("request", NUMBER, "--protection", "personal", "--output", STICK).exit == 0
    shell.carried(request_file(), "answer.response")
    assert shell("install", "answer.response").exit == 0


def updating(shell: Shell) -> None:
    active(shell)
    shell.room.now += 60
    assert shell("update", NUMBER, "--output", STICK).exit == 0


def deactivated(shell: Shell) -> None:
    active(shell)
    assert shell("deactivate", NUMBER, "--yes", "--output", STICK).exit == 0


def preferred(shell: Shell) -> None:
    active(shell)
    assert shell("prefer", NUMBER).exit == 0


def nothing(shell: Shell) -> None:
    pass


def request_file() -> str:
    """The request file that was last saved on the stick."""
    return str(max(Path(STICK).glob("*.request"), key=lambda file: file.stat().st_mtime_ns))


# The damage.

Damage = Callable[[Shell], None]


def file_of(shell: Shell, name: str) -> Path:
    """A file of the license, in whichever folder, or of the user's folder."""
    roots = shell.room.state_dirs
    places = [Path(root.path, *under) for root in roots for under in ((NUMBER, name), (name,))]
    existing = [place for place in places if place.exists()]
    return existing[0] if existing else places[2]


def garbled(name: str) -> Damage:
    def damage(shell: Shell) -> None:
        path = file_of(shell, name)
        path.write_bytes(path.read_bytes()[:40] + b"\0" * 200)

    return damage


def emptied(name: str) -> Damage:
    def damage(shell: Shell) -> None:
        file_of(shell, name).write_bytes(b"")

    return damage


def half_written(name: str) -> Damage:
    def damage(shell: Shell) -> None:
        path = file_of(shell, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{path}.new").write_bytes(b'{"payloadType": "appl')

    return damage


def renaming_cut_off(name: str) -> Damage:
    """The new file was flushed, the old one hit by the power failure before the rename."""

    def damage(shell: Shell) -> None:
        path = file_of(shell, name)
        shutil.copy(path, f"{path}.new")
        path.write_bytes(b"\0" * 512)

    return damage


def with_rights(mode: int, name: str) -> Damage:
    return lambda shell: file_of(shell, name).chmod(mode)


def deactivation_cut_off(shell: Shell) -> None:
    """The power failed when the request was written, and nothing else was done."""
    kept = shell.room.files()
    request = shell.room.request("deactivate")
    for name, data in kept.items():
        (shell.room.state / name).write_bytes(data)
    shell.room.folder().write("deactivate.request", request)


def damaged_deactivation_cut_off(shell: Shell) -> None:
    deactivation_cut_off(shell)
    garbled("deactivate.request")(shell)


def install_cut_off(shell: Shell) -> None:
    """The power failed after the response was written, before its request was removed."""
    deactivated(shell)
    shell.room.install(shell.carried(request_file(), "receipt.response").read_bytes())
    os.remove(request_file())
    requested(shell)
    answer = shell.carried(request_file(), "answer.response").read_bytes()
    shell.room.folder().write("installed.response", answer)


def stick_lost(damage: Damage) -> Damage:
    def both(shell: Shell) -> None:
        damage(shell)
        os.remove(request_file())

    return both


def a_folder_where_a_file_belongs(shell: Shell) -> None:
    file_of(shell, "state.json").unlink()
    Path(shell.room.folder().path("state.json")).mkdir()


STORIES = [
    pytest.param(active, half_written("installed.response"), 0, "Removed", id="power cut, install"),
    pytest.param(active, half_written("clock.json"), 0, "Removed", id="power cut, clock"),
    pytest.param(nothing, half_written("device.key"), 3, "Removed", id="power cut, first request"),
    pytest.param(active, deactivation_cut_off, 3, "Finished", id="power cut, deactivation"),
    pytest.param(
        active,
        install_cut_off,
        0,
        "Finished an interrupted installation",
        id="power cut, new install",
    ),
    pytest.param(
        active, renaming_cut_off("device.key"), 0, "Replaced a damaged file", id="key not renamed"
    ),
    pytest.param(
        active,
        renaming_cut_off("installed.response"),
        0,
        "Replaced a damaged file",
        id="response not renamed",
    ),
    pytest.param(active, emptied("state.json"), 0, "Rebuilt", id="state.json emptied"),
    pytest.param(updating, garbled("state.json"), 0, "Rebuilt", id="state.json while updating"),
    pytest.param(requested, garbled("state.json"), 4, "Rebuilt", id="state.json while waiting"),
    pytest.param(deactivated, garbled("state.json"), 3, "Rebuilt", id="state.json, deactivated"),
    pytest.param(active, garbled("clock.json"), 0, "Rebuilt", id="clock.json garbled"),
    pytest.param(preferred, garbled("order.json"), 0, "trying order", id="order.json garbled"),
    pytest.param(requested, garbled("pending.request"), 4, "Restored", id="request, drive there"),
    pytest.param(
        deactivated, garbled("deactivate.request"), 3, "Restored", id="deactivation, drive there"
    ),
    pytest.param(personal, with_rights(0o644, "device.key"), 0, "Permissions", id="key shown"),
    pytest.param(personal, with_rights(0o400, "state.json"), 0, "Permissions", id="read only"),
    pytest.param(
        active, with_rights(0o600, "installed.response"), 0, "Permissions", id="hidden from others"
    ),
    pytest.param(active, with_rights(0o777, ""), 0, "Permissions", id="everybody may write"),
]
HOPELESS = [
    pytest.param(
        active,
        garbled("installed.response"),
        1,
        "Install the last response file again",
        "install answer.response",
        id="the response is damaged",
    ),
    pytest.param(
        active, garbled("load.key"), 1, "update 015120020093", "", id="the load key is damaged"
    ),
    pytest.param(
        requested,
        stick_lost(garbled("pending.request")),
        4,
        "Make the request again",
        f"request {NUMBER} --output {STICK}",
        id="the request is damaged and its file lost",
    ),
    pytest.param(
        deactivated,
        stick_lost(garbled("deactivate.request")),
        3,
        "ask the vendor to free the seat",
        "",
        id="the deactivation is damaged and its file lost",
    ),
    pytest.param(
        active,
        a_folder_where_a_file_belongs,
        1,
        "Not repaired",
        "",
        id="a folder where a file belongs",
    ),
]


def run_repair(shell: Shell) -> Printed:
    printed = shell(*REPAIR)
    assert printed.exit == 0
    assert "Traceback" not in printed.out + printed.err
    return printed


@pytest.mark.parametrize(("before", "damage", "code", "did"), STORIES)
def test_a_repaired_folder_works_as_before_the_damage(
    desk: Shell, before: Callable[[Shell], None], damage: Damage, code: int, did: str
) -> None:
    before(desk)
    damage(desk)
    assert "doctor --repair" in desk("doctor").out
    printed = run_repair(desk)
    assert did in printed.out, printed.out
    assert desk("check").exit == code
    again = run_repair(desk)
    assert "Nothing to repair" in again.out, again.out
    assert "doctor --repair" not in again.out


@pytest.mark.parametrize(("before", "damage", "code", "why", "then"), HOPELESS)
def test_what_cannot_be_repaired_is_kept_and_reported_with_the_next_step(
    desk: Shell, before: Callable[[Shell], None], damage: Damage, code: int, why: str, then: str
) -> None:
    before(desk)
    good = desk("check").exit
    damage(desk)
    kept = desk.room.files()
    printed = run_repair(desk)
    assert why in printed.out, printed.out
    assert desk("check").exit == code
    assert desk.room.files() == kept, "nothing is thrown away that somebody may still read"
    if then:
        assert desk(*then.split()).exit == 0
        assert desk("check").exit == good


def test_a_damaged_deactivation_that_was_never_saved_keeps_the_license(desk: Shell) -> None:
    active(desk)
    damaged_deactivation_cut_off(desk)
    assert desk("check").exit == 1
    assert "never given out" in run_repair(desk).out
    assert desk("check").exit == 0
    assert desk("deactivate", NUMBER, "--yes").exit == 0
    assert desk("check").exit == 3


@pytest.mark.parametrize(
    ("before", "modes"),
    [
        pytest.param(personal, {"folder": 0o700, "file": 0o600, "owner's file": 0o600}, id="user"),
        pytest.param(active, {"folder": 0o755, "file": 0o644, "owner's file": 0o600}, id="site"),
    ],
)
@pytest.mark.parametrize("wrong", [0o777, 0o7777])
def test_repair_restores_the_permissions_of_a_state_directory(
    desk: Shell, before: Callable[[Shell], None], modes: dict[str, int], wrong: int
) -> None:
    before(desk)
    roots = desk.room.state_dirs
    root = Path((roots.user if before is personal else roots.site).path)
    for path in [root, *root.rglob("*")]:
        path.chmod(wrong)
    assert "Permissions" in run_repair(desk).out
    for path in [root, *root.rglob("*")]:
        is_owners = path.name in ("lock", "device.key")
        kind = "folder" if path.is_dir() else "owner's file" if is_owners else "file"
        assert stat.S_IMODE(path.stat().st_mode) == modes[kind], path
    assert desk("check").exit == 0


def test_a_receipt_or_a_forged_file_is_never_put_in_the_place_of_a_license(desk: Shell) -> None:
    active(desk)
    path = file_of(desk, "installed.response")
    whole = path.read_bytes()
    path.write_bytes(b"{")
    Path(f"{path}.new").write_bytes(whole.replace(b'"sig":"', b'"sig":"AAAA'))
    assert "Not repaired" in run_repair(desk).out
    assert desk("check").exit == 1


def test_repair_brings_back_no_deactivated_license(desk: Shell) -> None:
    active(desk)
    kept = {name: file_of(desk, name).read_bytes() for name in ("device.key", "installed.response")}
    assert desk("deactivate", NUMBER, "--yes", "--output", STICK).exit == 0
    for name, data in kept.items():
        Path(desk.room.folder().path(f"{name}.new")).write_bytes(data)
    run_repair(desk)
    assert desk("check").exit == 3
    assert not desk.room.folder().has("device.key")


def test_repair_brings_back_no_removed_license(desk: Shell) -> None:
    active(desk)
    kept = {name: file_of(desk, name).read_bytes() for name in ("device.key", "installed.response")}
    assert desk("remove", NUMBER, "--yes").exit == 0
    folder = Path(desk.room.folder().path(""))
    folder.mkdir()
    for name, data in kept.items():
        (folder / f"{name}.new").write_bytes(data)
    run_repair(desk)
    assert desk("check").exit == 3
    assert not folder.exists()


def test_a_rebuilt_state_file_keeps_a_deactivated_license_ended(desk: Shell) -> None:
    deactivated(desk)
    file_of(desk, "state.json").write_bytes(b"")
    run_repair(desk)
    assert desk.room.folder().state() == LicenseState(1, ended=True)


def test_a_rebuilt_clock_gains_no_day_that_a_file_proves(desk: Shell) -> None:
    updating(desk)
    file_of(desk, "clock.json").write_bytes(b"")
    run_repair(desk)
    assert read_clock(desk.room.state_dirs.user).mark == desk.room.now


def test_a_rebuilt_serial_is_the_highest_in_any_file(desk: Shell) -> None:
    active(desk)
    desk.room.folder().write_state(LicenseState(7))
    desk.room.now += 60
    assert desk("update", NUMBER, "--output", STICK).exit == 0
    file_of(desk, "state.json").write_bytes(b"")
    run_repair(desk)
    assert desk.room.folder().state().max_serial == 7


def test_another_devices_file_does_not_replace_the_pending_request(desk: Shell) -> None:
    requested(desk)
    name = Path(request_file())
    other = Shell(type(desk.room)(Path("elsewhere").resolve()), desk.patch)
    name.write_bytes(other.room.request())
    garbled("pending.request")(desk)
    assert "Not repaired" in run_repair(desk).out


def test_a_forged_file_does_not_replace_the_pending_request(desk: Shell) -> None:
    deactivated(desk)
    name = Path(request_file())
    envelope = json.loads(name.read_bytes())
    envelope["signatures"][0]["sig"] = b64(bytes(64))
    name.write_text(json.dumps(envelope))
    garbled("deactivate.request")(desk)
    assert "Not repaired" in run_repair(desk).out


def test_one_damaged_license_leaves_the_others_alone(desk: Shell) -> None:
    active(desk)
    folder = Path(desk.room.state_dirs.site.path, OTHER)
    folder.mkdir()
    for name in ("device.key", "state.json", "pending.request", "installed.response"):
        (folder / name).write_bytes(b"\xff")
    kept = {n: d for n, d in desk.room.files().items() if NUMBER in n}
    run_repair(desk)
    assert {n: d for n, d in desk.room.files().items() if NUMBER in n} == kept
    assert desk("check").exit == 0


def test_the_document_lists_what_was_done(desk: Shell) -> None:
    active(desk)
    half_written("installed.response")(desk)
    path = str(file_of(desk, "installed.response")) + ".new"
    (deed,) = desk(*REPAIR, "--json").json["repairs"]
    assert (deed["what"], deed["done"], deed["path"]) == ("leftover", True, path)
    assert path in deed["text"]


def test_repair_comes_before_the_question_which_product_is_meant(desk: Shell) -> None:
    active(desk)
    half_written("installed.response")(desk)
    Path("vendor/vendor.json").unlink()
    printed = desk(*REPAIR)
    assert "Removed what an interrupted write had left" in printed.out
    assert printed.exit == 2
    assert "--product" in printed.err
