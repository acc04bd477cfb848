"""Several computers that share a home or a state directory: each has a seat, and none loses it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import KeyferryError, Machine, Token, parse_request
from keyferry.manage import cancel, remove
from keyferry.request import find_pending
from keyferry.store.own_folders import own_folders
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.keys import Ed25519Signer
from tests.client.test_saving import at_once
from tests.support.offline import LAB_07, LAB_09, Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

PROTECTIONS = pytest.mark.parametrize("protection", ["personal", "machine"])


def computer(n: int, **components: list[str]) -> Machine:
    """One of many computers of a room, with these components in place of its own."""
    own = {
        "mac": [f"d0bf9c00{n:04x}"],
        "os_id": [f"{n:032x}"],
        "disk_serial": [f"DISK-{n}"],
        "user": ["anna"],
    }
    return Machine(f"LAB-{n:02}", "Debian 13", "physical", {**own, **components})


@pytest.fixture
def rooms(tmp_path: Path) -> tuple[Room, Room]:
    """Two computers with one home."""
    return Room(tmp_path / "home", LAB_07), Room(tmp_path / "home", LAB_09, serial=1)


def code_of(act: Callable[[], object]) -> str:
    try:
        act()
    except KeyferryError as error:
        return error.code
    return "runs"


def own_dirs(room: Room) -> StateDirs:
    return own_folders(room.state_dirs, room.installation.machine.hashes, NUMBER)


@PROTECTIONS
def test_each_computer_runs_by_a_seat_and_keys_of_its_own(
    rooms: tuple[Room, Room], protection: str
) -> None:
    a, b = rooms
    requests = [parse_request(room.request(protection=protection)) for room in rooms]
    for key in ("device_key", "load_key"):
        assert getattr(requests[0], key) != getattr(requests[1], key)
    for room in rooms:
        room.activate(protection)
    assert [code_of(room.load) for room in rooms] == ["runs", "runs"]
    a.now = b.now = a.now + 60
    for room in rooms:
        room.serial += 10
        room.install(room.answer(room.request("update")))
    assert [room.load().serial for room in rooms] == [12, 13]


@PROTECTIONS
def test_the_first_computers_folder_stays_where_clients_in_other_languages_look(
    rooms: tuple[Room, Room], protection: str
) -> None:
    for room in rooms:
        room.activate(protection)
    folders = {path.parent.name for path in rooms[0].state.rglob("installed.response")}
    assert folders == {NUMBER, f"{NUMBER}-2"}


def test_a_room_of_computers_activates_at_once_in_one_home(tmp_path: Path) -> None:
    rooms = [Room(tmp_path / "home", computer(n), serial=n) for n in range(8)]

    def act(n: int) -> int:
        rooms[n].activate("personal")
        return 0

    assert at_once(act, len(rooms)) == [0] * len(rooms)
    assert [code_of(room.load) for room in rooms] == ["runs"] * len(rooms)


def test_a_room_made_from_one_image_has_a_seat_for_each_computer(tmp_path: Path) -> None:
    image = {"os_id": ["8f2b9d3e6a514c07b1d0e4f5a6978812"]}
    rooms = [Room(tmp_path / "home", computer(n, **image), serial=n) for n in range(3)]
    for room in rooms:
        room.activate("personal")
    assert [code_of(room.load) for room in rooms] == ["runs"] * 3
    for room in rooms:
        room.now += 60
        room.serial += 10
        room.install(room.answer(room.request("update")))
    assert [code_of(room.load) for room in rooms] == ["runs"] * 3


def test_a_computer_whose_hardware_was_all_replaced_keeps_its_seat_by_an_update(
    tmp_path: Path,
) -> None:
    room = Room(tmp_path / "home", computer(1))
    key = parse_request(room.request(protection="personal")).device_key
    room.activate("personal")
    room.now += 60
    room.machine = computer(1, mac=["another"], disk_serial=["another"])
    data = room.request("update")
    assert parse_request(data).device_key == key
    room.install(room.answer(data))
    assert code_of(room.load) == "runs"


def test_a_computer_that_has_no_license_in_a_shared_home_changes_none(
    rooms: tuple[Room, Room],
) -> None:
    a, b = rooms
    a.activate("personal")
    a.request("update")
    before = a.files()
    assert code_of(b.load) == "wrong-machine"
    for act in (
        lambda: b.request("update"),
        lambda: b.request("deactivate"),
        lambda: cancel(NUMBER, own_dirs(b)),
    ):
        with pytest.raises(KeyferryError) as raised:
            act()
        assert raised.value.code == "not-activated"
        assert f"{NUMBER} belongs to another computer" in str(raised.value)
    assert a.files() == before


def test_the_commands_say_so_too(shell: Shell) -> None:
    shell.room.activate()
    before = shell.room.files()
    shell.room.machine = LAB_09
    for command in ("update", "deactivate --yes", "cancel", "qr"):
        name, *options = command.split()
        printed = shell(name, NUMBER, *options)
        assert printed.exit in (1, 3), command
        assert command == "qr" or "belongs to another computer" in printed.err, command
    removal = shell("remove", NUMBER, stdin="n\n")
    assert "was activated by another computer" in removal.err
    assert shell.room.files() == before
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    assert parse_request(request.read_bytes()).replaces_seat is None
    shell.carried(str(request))
    assert shell("install", "answer.response").exit == 0
    assert shell("check").exit == 0
    shell.room.machine = LAB_07
    assert shell("check").exit == 0


@PROTECTIONS
def test_one_computer_gives_its_seat_back_and_the_other_keeps_its_own(
    rooms: tuple[Room, Room], protection: str
) -> None:
    a, b = rooms
    for room in rooms:
        room.activate(protection)
    a.now += 60
    receipt = a.answer(a.request("deactivate"))
    assert (code_of(a.load), code_of(b.load)) == ("deactivated", "runs")
    a.install(receipt)
    remove(NUMBER, own_dirs(a))
    assert code_of(b.load) == "runs"
    a.now += 60
    a.serial = 9
    a.activate(protection)
    assert (code_of(a.load), code_of(b.load)) == ("runs", "runs")


def test_what_another_computer_waits_for_is_neither_overwritten_nor_shown_as_ones_own(
    rooms: tuple[Room, Room],
) -> None:
    a, b = rooms
    data = a.request(protection="personal")
    b.request(protection="personal")
    assert a.request(protection="personal") == data
    waiting = find_pending(NUMBER, own_dirs(b))
    assert waiting is not None
    assert waiting.request.machine.name == "LAB-09"
    a.install(a.answer(data))
    assert code_of(a.load) == "runs"


CHANGES = [
    pytest.param(["mac"], id="another network card"),
    pytest.param(["disk_serial", "os_id"], id="reinstalled on a new disk"),
    pytest.param(["mac", "os_id"], id="its disk alone is left"),
]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("kind", ["activate", "update"])
def test_a_computer_that_changed_keeps_its_folder_and_keys(
    tmp_path: Path, changes: list[str], kind: str
) -> None:
    room = Room(tmp_path / "home", computer(1))
    key = parse_request(room.request(protection="personal")).device_key
    room.activate("personal")
    room.now += 60
    room.machine = computer(1, **{name: ["another"] for name in changes})
    options = {"protection": "personal"} if kind == "activate" else {}
    data = room.request(kind, **options)
    assert parse_request(data).device_key == key
    room.install(room.answer(data))
    assert code_of(room.load) == "runs"


def test_a_computer_that_shows_nothing_now_is_not_taken_for_another_one(tmp_path: Path) -> None:
    room = Room(tmp_path / "home", computer(1))
    room.activate("personal")
    room.machine = replace(room.machine, components={"user": ["anna"]})
    assert code_of(lambda: room.request("update")) == "machine-not-identified"
    assert parse_request(room.request("deactivate")).kind == "deactivate"


def test_only_a_damaged_or_empty_folder_is_nobodys(rooms: tuple[Room, Room]) -> None:
    a, b = rooms
    a.request(protection="personal")
    cancel(NUMBER, own_dirs(a))
    b.activate("personal")
    assert {path.parent.name for path in b.state.rglob("load.key")} == {NUMBER}
    a.serial = 5
    a.activate("personal")
    assert [code_of(room.load) for room in rooms] == ["runs", "runs"]


def test_a_dongles_license_goes_beside_that_of_another_computer(
    rooms: tuple[Room, Room], tmp_path: Path
) -> None:
    a, b = rooms
    a.activate()
    signer = Ed25519Signer(b"t" * 32)
    token = Token(signer.public, "SoftToken", "1", signer.sign)
    elsewhere = Room(tmp_path / "elsewhere", LAB_09, dongle=token, serial=7)
    response = elsewhere.activate("dongle")
    b.dongle = token
    b.install(response)
    assert [code_of(room.load) for room in rooms] == ["runs", "runs"]


def test_permissions_of_every_computers_folder_are_checked(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = LAB_09
    shell.room.activate()
    Path(shell.room.state_dirs.site.path, f"{NUMBER}-2").chmod(0o777)
    assert "Other users can change" in shell("list").err + shell("doctor").out
    assert shell("doctor", "--repair").exit == 0
    assert Path(shell.room.state_dirs.site.path, f"{NUMBER}-2").stat().st_mode & 0o777 == 0o755
    assert shell("check").exit == 0
