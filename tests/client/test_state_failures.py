"""What disks, people and backups do to a license folder: it ends in the old state or the new one,
or in a clear error."""

import ctypes
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from keyferry import KeyferryError
from keyferry.manage import cancel
from tests.client.interrupted_journeys import (
    ANSWER,
    DEACTIVATE,
    INSTALL,
    REQUEST,
    STICK,
    TRACEBACK,
    UPDATE,
    Journey,
    Scene,
    Try,
    every_journey,
    exit_of,
    in_a_child,
    journey,
    start_child,
    stopped_before,
)
from tests.support.offline import LAB_09, VENDOR, Room, key_set
from tests.support.samples import CODE, NUMBER, PRODUCT
from tests.support.terminal import Shell, shell_in

pytestmark = pytest.mark.crash

ACTIVE = f"{REQUEST}; answer; {INSTALL}"
WAITING = f"{ACTIVE}; later; {UPDATE}; answer"


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def scene_of(shell: Shell, folder: Path, before: str, command: str = "check") -> Scene:
    return Scene(folder, shell, journey("", before, command))


# A full disk


@every_journey
@pytest.mark.parametrize("room_left", [0, 30, 700], ids="{} bytes".format)
def test_on_a_full_disk_the_state_is_the_old_or_the_new(
    shell: Shell, tmp_path: Path, journey: Journey, room_left: int
) -> None:
    scene = Scene(tmp_path, shell, journey)
    case = scene.copy()

    def without_room() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_left, room_left))
        return case.act()

    assert in_a_child(without_room) in (0, 1)
    assert case.outcome() in journey.allowed
    case.act()
    undisturbed = scene.copy()
    undisturbed.act()
    assert case.outcome() == undisturbed.outcome()


_NEW_MOUNTS, _PRIVATE, _READ_ONLY_AGAIN = 0x20000, 0x44000, 0x21


def mounted_small(place: Path, pages: int) -> bool:
    """Mount a disk of a few pages on a folder, for this process only; False if not allowed."""
    libc = ctypes.CDLL(None)
    size = f"size={pages * resource.getpagesize()}".encode()
    done = (
        libc.unshare(_NEW_MOUNTS)
        or libc.mount(b"none", b"/", None, _PRIVATE, None)
        or libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, size)
    )
    return bool(done == 0)


def fill(place: Path) -> None:
    try:
        with open(place / "ballast", "wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
    except OSError:
        return


NOT_ALLOWED = 77


def on_a_small_disk(case: Try, pages: int, then: Callable[[], int]) -> int:
    """Do it with the license folder on a separate disk."""

    def child() -> int:
        kept = case.place / "kept"
        shutil.copytree(case.place / "state", kept)
        if not mounted_small(case.place / "state", pages):
            return NOT_ALLOWED
        shutil.copytree(kept, case.place / "state", dirs_exist_ok=True)
        return then()

    code = in_a_child(child)
    if code == NOT_ALLOWED:
        pytest.skip("this user may mount nothing")
    return code


@pytest.mark.parametrize(
    ("before", "command"),
    [
        pytest.param(WAITING, INSTALL, id="install"),
        pytest.param(f"{ACTIVE}; later", UPDATE, id="update"),
        pytest.param(f"{ACTIVE}; later", DEACTIVATE, id="deactivate"),
        pytest.param(f"{ACTIVE}; later", f"prefer {NUMBER}", id="prefer"),
    ],
)
def test_on_a_full_disk_a_command_fails_and_the_license_keeps_working(
    shell: Shell, tmp_path: Path, before: str, command: str
) -> None:
    case = scene_of(shell, tmp_path, before, command).copy()

    def full() -> int:
        fill(case.place / "state")
        refused = shell(*command.split())
        assert "No space left on device" in refused.err
        assert "state-not-writable" in refused.err
        assert case.outcome() == "active 1"
        assert "No space left on device" in shell("doctor").out
        return refused.exit

    assert on_a_small_disk(case, 8, full) == 1


@pytest.mark.parametrize(
    ("before", "command"),
    [
        pytest.param(REQUEST, f"cancel {NUMBER}", id="cancel"),
        pytest.param(ACTIVE, f"remove {NUMBER} --yes", id="remove"),
    ],
)
def test_on_a_full_disk_removals_still_work(
    shell: Shell, tmp_path: Path, before: str, command: str
) -> None:
    case = scene_of(shell, tmp_path, before, command).copy()

    def full() -> int:
        fill(case.place / "state")
        assert shell(*command.split()).exit == 0
        assert case.outcome() == "not-activated"
        return 0

    assert on_a_small_disk(case, 8, full) == 0


# Folders that cannot be written


def test_on_a_read_only_disk_the_license_works_and_commands_say_why_they_do_not(
    shell: Shell, tmp_path: Path
) -> None:
    case = scene_of(shell, tmp_path, ACTIVE).copy()

    def read_only() -> int:
        place = bytes(case.place / "state")
        ctypes.CDLL(None).mount(b"none", place, None, _READ_ONLY_AGAIN, None)
        shell.room.now += 3600
        for command in ("check", "list", "status", "doctor"):
            assert shell(*command.split()).exit == 0, command
        for command in (UPDATE, DEACTIVATE, f"prefer {NUMBER}"):
            refused = " ".join(shell(*command.split()).err.split())
            assert "state-not-writable" in refused, command
            assert "In a container, mount a volume that can be written there" in refused
        assert "mount a volume" in " ".join(shell("doctor").out.split())
        return 0

    assert on_a_small_disk(case, 64, read_only) == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


NOBODY = 65534


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def as_nobody(
    folder: Path, shell: Shell, then: Callable[[], None], first: Callable[[], None] = lambda: None
) -> None:
    """Do it in a process of a plain user, who owns all but the site's folder."""
    user = Path(shell.room.state_dirs.user.path)
    for path in [folder, user, *user.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    first()

    def child() -> int:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        then()
        return 0

    assert in_a_child(child) == 0


@only_root
def test_a_plain_user_runs_roots_license_and_updates_it_in_a_folder_of_his_own(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shell_in(open_folder, monkeypatch) as shell:
        shell.room.activate()
        shell.room.now += 3600

        def user() -> None:
            assert "state-not-readable" in shell("deactivate", NUMBER, "--yes").err
            assert "is not writable (Permission denied)" in shell("doctor").out
            for command in ("check", f"update {NUMBER}", "check"):
                assert shell(*command.split()).exit == 0, command
            shell.carried(str(next(Path().glob("*.request"))))
            for command in ("install answer.response", "check"):
                assert shell(*command.split()).exit == 0, command
            assert shell.room.folder(shared=False).has("installed.response")

        as_nobody(open_folder, shell, user)


@only_root
@pytest.mark.parametrize(
    ("names", "report", "code"),
    [
        (["../clock.json", "state.json"], "Rebuilt", 0),
        (["load.key"], "This user cannot read it", 1),
        (["installed.response"], "This user cannot read it", 1),
    ],
)
def test_files_that_sudo_left_in_a_users_folder_are_repaired_or_reported(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], report: str, code: int
) -> None:
    with shell_in(open_folder, monkeypatch) as shell:
        shell.room.activate("personal")

        def user() -> None:
            assert shell("check").exit == 1
            assert report in shell("doctor", "--repair").out
            assert shell("check").exit == code

        def of_root() -> None:
            for name in names:
                os.chown(shell.room.folder(shared=False).path(name), 0, 0)

        as_nobody(open_folder, shell, user, of_root)


# Links planted in a folder that others may write


LINKS = {
    "user/clock.json.new": "install",
    "user/order.json.new": "prefer",
    "site/doctor.new": "doctor",
    "user/doctor.new": "doctor",
    "user/lock": "request",
    "site/{number}/state.json.new": "install",
    "site/{number}/installed.response.new": "install",
    "stick/{stem}.request.new": "request",
    "stick/all.zip.new": "request in a zip",
}


@pytest.mark.parametrize(("place", "command"), LINKS.items(), ids=LINKS)
def test_a_planted_link_never_redirects_a_write(
    shell: Shell, tmp_path: Path, place: str, command: str
) -> None:
    os.mkdir("stick")
    shell("request", NUMBER, "--output", "stick")
    (request,) = Path("stick").glob("*.request")
    shell.carried(str(request), "stick/a.response")
    if command == "prefer":
        assert shell("install", "stick/a.response").exit == 0
    other, missing = tmp_path / "other", tmp_path / "missing"
    other.write_text("not ours")
    other.chmod(0o640)
    base = Path() if place.startswith("stick") else shell.room.state
    link = base / place.format(number=NUMBER, stem=request.stem)
    link.parent.mkdir(exist_ok=True)
    for led_to in (other, missing):
        link.unlink(missing_ok=True)
        link.symlink_to(led_to)
        {
            "request": lambda: shell("request", NUMBER, "--output", "stick"),
            "request in a zip": lambda: shell("request", NUMBER, "--output", "stick/all.zip"),
            "install": lambda: shell("install", "stick/a.response"),
            "prefer": lambda: shell("prefer", NUMBER),
            "doctor": lambda: shell("doctor"),
        }[command]()
    assert (other.read_text(), other.stat().st_mode & 0o777) == ("not ours", 0o640)
    assert not missing.exists()


# Two processes at once


@pytest.mark.parametrize(
    ("before", "first", "second", "allowed"),
    [
        pytest.param("", REQUEST, REQUEST, "pending", id="two requests"),
        pytest.param(f"{REQUEST}; answer", INSTALL, INSTALL, "active 1", id="two installs"),
        pytest.param(
            f"{ACTIVE}; later", UPDATE, DEACTIVATE, "deactivated", id="update, deactivate"
        ),
        pytest.param(
            WAITING, INSTALL, f"cancel {NUMBER}", "active 1, active 2", id="cancel, install"
        ),
        pytest.param(WAITING, INSTALL, DEACTIVATE, "deactivated", id="install, deactivate"),
        pytest.param(
            ACTIVE, f"remove {NUMBER} --yes", "check", "not-activated", id="remove, check"
        ),
        pytest.param(
            ACTIVE, f"prefer {NUMBER}", "doctor --repair", "active 1", id="prefer, repair"
        ),
        pytest.param(WAITING, INSTALL, "doctor --repair", "active 2", id="install, repair"),
    ],
)
def test_two_processes_at_once_end_as_one_after_the_other(
    shell: Shell, tmp_path: Path, before: str, first: str, second: str, allowed: str
) -> None:
    scene = scene_of(shell, tmp_path, before)
    for _ in range(5):
        case = scene.copy()
        read_end, write_end = os.pipe()

        def at_the_start(command: str, read_end: int = read_end, write_end: int = write_end) -> int:
            os.close(write_end)
            os.read(read_end, 1)  # until the parent closes its end
            return shell(*command.split()).exit

        children = [start_child(partial(at_the_start, command)) for command in (first, second)]
        os.close(write_end)
        codes = [exit_of(child) for child in children]
        os.close(read_end)
        assert TRACEBACK not in codes
        assert case.outcome() in allowed.split(", "), codes
        assert not list((case.place / "state").rglob("*.new"))


@pytest.mark.parametrize(
    ("writes", "change"),
    [
        pytest.param(INSTALL, "rename installed.response.new", id="installing"),
        pytest.param(DEACTIVATE, "remove device.key", id="deactivating"),
        pytest.param(f"{UPDATE} --machine-name PC", "rename pending.request.new", id="updating"),
        pytest.param(f"remove {NUMBER} --yes", "remove installed.response", id="removing"),
        pytest.param(f"cancel {NUMBER}", "rename clock.json.new", id="cancelling"),
    ],
)
@pytest.mark.parametrize("other", [UPDATE, INSTALL, f"prefer {NUMBER}", "doctor --repair"])
def test_a_process_that_finds_the_state_locked_changes_nothing_and_reports_it(
    shell: Shell, tmp_path: Path, writes: str, change: str, other: str
) -> None:
    before = f"{WAITING}; later"
    if writes.startswith("remove"):
        before += f"; cancel {NUMBER}"  # a license for which a request waits is kept
    case = scene_of(shell, tmp_path, before, writes).copy()
    shell.patch.setattr("keyferry.store.lock.Lock.__init__.__defaults__", (0.0,))
    with stopped_before(case.act, change):
        files = {path: path.read_bytes() for path in case.place.rglob("*") if path.is_file()}
        refused = shell(*other.split()).err
        assert "(state-busy)" in refused or "(not-activated)" in refused  # deactivated by then
        after = {path: path.read_bytes() for path in case.place.rglob("*") if path.is_file()}
        assert after == files


# Copies and backups


def test_a_folder_copied_to_another_computer_is_reported_and_does_no_harm(
    shell: Shell, tmp_path: Path
) -> None:
    case = scene_of(shell, tmp_path, ACTIVE).copy()
    here = shell.room.machine
    shell.room.machine = LAB_09
    assert shell("check").exit == 6
    assert "no part of this computer" in shell("doctor").out
    assert shell(*REQUEST.split()).exit == 0, "it may ask for a seat of its own"
    shell.room.machine = here
    assert case.outcome() == "active 1"


def test_a_restored_snapshot_works_as_before_and_accepts_its_response_again(
    shell: Shell, tmp_path: Path
) -> None:
    scene = scene_of(shell, tmp_path, WAITING, INSTALL)
    assert scene.copy().act() == 0
    restored = scene.copy()
    assert restored.outcome() == "active 1"
    assert restored.act() == 0
    assert restored.outcome() == "active 2"


def test_a_restored_older_response_is_reported_and_an_update_repairs_it(
    room: Room,
) -> None:
    older = room.activate()
    newer = room.answer(room.request("update"))
    room.install(newer)
    room.folder().write("installed.response", older)
    assert code_of(room.load) == "older-response"
    room.now += 60
    room.install(room.answer(room.request("update")))
    assert room.load().serial == 3


def code_of(act: Callable[[], object]) -> str:
    try:
        act()
    except KeyferryError as error:
        return error.code
    return ""


# Truncated and flipped

COMMANDS = ("check", "list", "status", "doctor", "doctor --repair", UPDATE, "check")


def spoiled(data: bytes) -> Iterator[bytes]:
    """Truncated at some lengths, and with one bit flipped in some places."""
    for length in {0, 1, len(data) // 2, len(data) - 1}:
        yield data[:length]
    for place in {0, len(data) // 3, 2 * len(data) // 3, len(data) - 1}:
        for bit in (0x01, 0x80):
            yield data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


CLEAR = {0, 1, 3, 4, 5, 6, 7, 8}


@pytest.mark.parametrize(
    "name",
    [
        "user/clock.json",
        "user/order.json",
        *(f"site/{NUMBER}/{name}" for name in ("device.key", "state.json", "pending.request")),
        f"site/{NUMBER}/installed.response",
    ],
)
def test_a_file_cut_or_changed_anywhere_ends_in_a_license_or_a_clear_error(
    shell: Shell, tmp_path: Path, name: str
) -> None:
    scene = scene_of(shell, tmp_path, f"{WAITING}; prefer {NUMBER}".replace("; answer; p", "; p"))
    case = scene.copy()
    state = case.place / "state"
    whole = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    for data in spoiled(whole[state / name]):
        for path, content in whole.items():
            path.write_bytes(data if path == state / name else content)
        for command in COMMANDS:
            printed = shell(*command.split())
            assert printed.exit in CLEAR, (command, data)
            if printed.exit and command != "status":
                title, *sentences = printed.err.splitlines()
                assert title.startswith("X "), (command, data)
                assert sentences, "what to do now"
        shell.room.now += 60
        for file in Path(STICK).glob("*.request"):
            file.unlink()
        assert shell(*REQUEST.split()).exit == 0, data
        shell.carried(str(next(Path(STICK).glob("*.request"))), ANSWER)
        shell(*INSTALL.split())
        assert shell("check").exit == 0, "a new request mends everything"


def test_a_damaged_trying_order_stops_no_license(room: Room) -> None:
    room.activate()
    Path(room.state_dirs.user.path, "order.json").write_bytes(b"{")
    assert room.load().check()


# A newer response that is refused


def another_computers(room: Room) -> bytes:
    other = Room(room.state / "elsewhere", machine=LAB_09)
    return other.answer(other.request())


def forged(room: Room) -> bytes:
    room.signers = (type(VENDOR)(b"f" * 32),)
    return room.answer(room.request("update"))


def half_copied(room: Room) -> bytes:
    return room.answer(room.request("update"))[:-100]


def for_another_product(room: Room) -> bytes:
    return room.answer(room.request("update"), product=f"{PRODUCT} Light")


def the_request_itself(room: Room) -> bytes:
    return room.request("update")


def never_asked_for(room: Room) -> bytes:
    data = room.answer(room.request("update"))
    cancel(NUMBER, room.state_dirs)
    return data


def for_another_key(room: Room) -> bytes:
    data = room.request("update")
    bound_to = replace(room.load().response.bound_to, device_key=VENDOR.public)
    return room.answer(data, bound_to=bound_to)


def for_a_computer_that_changed(room: Room) -> bytes:
    moved = replace(room.load().response.bound_to, components={"mac": ("A" * 22 + "==",)})
    return room.answer(room.request("update"), bound_to=moved)


@pytest.mark.parametrize(
    ("newer", "code"),
    [
        (another_computers, "wrong-machine"),
        (forged, "not-genuine"),
        (half_copied, "unreadable-response"),
        (for_another_product, "wrong-product"),
        (the_request_itself, "wrong-type"),
        (never_asked_for, "not-requested"),
        (for_another_key, "wrong-machine"),
        (for_a_computer_that_changed, "wrong-machine"),
    ],
)
def test_an_installed_license_keeps_working_while_a_newer_response_is_refused(
    room: Room, newer: Callable[[Room], bytes], code: str
) -> None:
    room.activate()
    room.now += 60
    data = newer(room)
    before = room.files()
    assert code_of(lambda: room.install(data)) == code
    assert room.files() == before
    assert room.load().serial == 1


def test_a_license_keeps_working_while_a_response_of_a_withdrawn_license_is_refused(
    room: Room,
) -> None:
    room.activate()
    room.now += 60
    data = room.answer(room.request("update"))
    room.keys = key_set(VENDOR, revoked=(NUMBER,))
    assert code_of(lambda: room.install(data)) == "license-revoked"
    room.keys = key_set(VENDOR)
    assert (room.load().serial, CODE in data.decode()) == (1, False)
