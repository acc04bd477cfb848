"""The state folders: where they are, how files are written, and what damage is told as."""

import json
import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keyferry import KeyferryError
from keyferry.keeping import cancel, prefer, remove
from keyferry.lock import Lock
from keyferry.roots import Root, roots
from keyferry.state import in_trying_order, write
from keyferry_protocol.errors import StateBusy, StateNotWritable
from tests.unit.client.offline import NUMBER, OTHER, Room


@pytest.mark.parametrize(
    ("platform", "environ", "user", "site"),
    [
        (
            "linux",
            {"HOME": "/home/anna"},
            "/home/anna/.local/state/keyferry/acme",
            "/var/lib/keyferry/acme",
        ),
        (
            "linux",
            {"HOME": "/home/anna", "XDG_STATE_HOME": "/x"},
            "/x/keyferry/acme",
            "/var/lib/keyferry/acme",
        ),
        (
            "linux",
            {"HOME": "/home/anna", "XDG_STATE_HOME": "relative"},
            "/home/anna/.local/state/keyferry/acme",
            "/var/lib/keyferry/acme",
        ),
        (
            "darwin",
            {"HOME": "/Users/anna"},
            "/Users/anna/Library/Application Support/Keyferry/acme",
            "/Library/Application Support/Keyferry/acme",
        ),
        (
            "win32",
            {"LOCALAPPDATA": "C:\\Users\\anna\\AppData\\Local", "ProgramData": "C:\\ProgramData"},
            "C:\\Users\\anna\\AppData\\Local\\Keyferry\\acme",
            "C:\\ProgramData\\Keyferry\\acme",
        ),
    ],
)
def test_state_lies_where_other_languages_find_it(
    platform: str, environ: dict[str, str], user: str, site: str
) -> None:
    found = roots("acme", None, platform, environ)
    assert (found.user.path, found.site.path) == (user, site)


def test_the_files_are_those_of_the_format(room: Room) -> None:
    room.activate()
    room.request("update")
    assert set(room.files()) == {
        "user/clock.json",
        f"site/{NUMBER}/device.key",
        f"site/{NUMBER}/installed.response",
        f"site/{NUMBER}/pending.request",
        f"site/{NUMBER}/state.json",
    }
    assert json.loads(room.files()[f"site/{NUMBER}/state.json"]) == {
        "state": 1,
        "max_serial": 1,
        "ended": False,
    }
    assert set(json.loads(room.files()["user/clock.json"])) == {"mark", "lowered", "at_request"}


# Crashes: killed at any point where something reaches the disk, the state is the old or the new.


class Killed(BaseException):
    """No `except` of the code stops it, and nothing tidies up after it."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Die at the n-th call that writes; returns how many there were."""
    count = 0

    def guard(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return real(*arguments, **named)

        return call

    for name in ("open", "replace", "fsync", "unlink", "makedirs"):
        monkeypatch.setattr(os, name, guard(getattr(os, name)))
    return lambda: count


@pytest.fixture
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def standing(room: Room) -> str:
    try:
        return f"active {room.load().serial}"
    except KeyferryError as error:
        return error.code


JOURNEYS = [
    pytest.param("request", {"not-activated", "pending"}, id="request"),
    pytest.param("install", {"pending", "active 1"}, id="install"),
    pytest.param("update", {"active 1"}, id="update"),
    pytest.param("install update", {"active 1", "active 2"}, id="install an update"),
    pytest.param("deactivate", {"active 1", "deactivated"}, id="deactivate"),
    pytest.param("install receipt", {"deactivated"}, id="install a receipt"),
    pytest.param("activate again", {"deactivated", "pending"}, id="ask again after that"),
    pytest.param("install again", {"pending", "deactivated", "active 3"}, id="install after that"),
    pytest.param("cancel", {"pending", "not-activated"}, id="cancel"),
    pytest.param("prefer", {"active 1"}, id="prefer"),
    pytest.param("remove", {"active 1", "not-activated", "wrong-machine"}, id="remove"),
]


def prepare(room: Room, journey: str) -> Callable[[], object]:
    """Bring the room to where the journey starts; the step to be killed in."""
    if journey == "request":
        return room.request
    first = room.request()
    if journey == "cancel":
        return lambda: cancel(NUMBER, room.roots)
    response = room.answer(first)
    if journey == "install":
        return lambda: room.install(response)
    room.install(response)
    if journey == "prefer":
        return lambda: prefer(NUMBER, room.roots)
    if journey == "remove":
        return lambda: remove(NUMBER, room.roots)
    if journey == "update":
        return lambda: room.request("update")
    if journey == "install update":
        response = room.answer(room.request("update"))
        return lambda: room.install(response)
    if journey == "deactivate":
        return lambda: room.request("deactivate")
    receipt = room.answer(room.request("deactivate"))
    if journey == "install receipt":
        return lambda: room.install(receipt)
    room.install(receipt)
    if journey == "activate again":
        return room.request
    response = room.answer(room.request())
    return lambda: room.install(response)


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
@pytest.mark.parametrize(("journey", "allowed"), JOURNEYS)
def test_killed_at_any_write_the_state_is_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journey: str, allowed: set[str]
) -> None:
    undisturbed = Room(tmp_path / "undisturbed")
    prepare(undisturbed, journey)()
    seen = set()
    for step in range(1, 200):
        room = Room(tmp_path / str(step))
        act = prepare(room, journey)
        with monkeypatch.context() as patched:
            writes = kill_at(step, patched)
            with suppress(Killed):
                act()
            total = writes()
        seen.add(standing(room))
        if step > total:
            break
        with suppress(KeyferryError):  # what was done needs no doing again
            act()
        room.now += 1
        assert standing(room) == standing(undisturbed), f"killed at write {step}, then done again"
        assert set(room.files()) == set(undisturbed.files()), f"killed at write {step}"
    assert step > 3, "nothing was killed"
    assert seen <= allowed


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
def test_a_deactivation_killed_anywhere_never_leaves_a_free_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(1, 60):
        room = Room(tmp_path / str(step))
        act = prepare(room, "deactivate")
        with monkeypatch.context() as patched:
            writes = kill_at(step, patched)
            with suppress(Killed):
                act()
            total = writes()
        if room.folder().has("deactivate.request"):
            assert standing(room) == "deactivated", step
        if step > total:
            return
    raise AssertionError("never done")


def test_a_file_is_flushed_before_it_takes_its_place_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def recorded(name: str) -> Callable[..., None]:
        real: Callable[..., None] = getattr(os, name)

        def call(*arguments: Any) -> None:
            events.append(name)
            real(*arguments)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    write(Root(str(tmp_path), shared=False), str(tmp_path / "file"), b"new")
    assert events == ["fsync", "replace", "fsync"]


# Damage


def told(act: Callable[[], object]) -> str:
    """The code of the error that a person is told, "" if there was none."""
    try:
        act()
    except KeyferryError as error:
        return error.code if error.title and error.next_step else "without words"
    return ""


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
def test_a_flipped_bit_anywhere_in_the_state_is_told_and_never_a_traceback(room: Room) -> None:
    room.activate()
    room.request("update")
    prefer(NUMBER, room.roots)
    whole = room.files()
    codes = set()
    for name, data in whole.items():
        for position in range(0, len(data), max(1, len(data) // 20)):
            bit = 0x80 if position % 2 else 0x01
            spoiled = data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :]
            for kept, content in whole.items():
                (room.state / kept).write_bytes(spoiled if kept == name else content)
            for act in (room.load, lambda: room.request("update"), room.request):
                codes.add(told(act))
    assert "state-damaged" in codes
    assert codes <= {
        "",
        "state-damaged",
        "unreadable-response",
        "wrong-type",
        "unsupported-version",
        "not-genuine",
        "wrong-machine",
        "older-response",
        "clock-rolled-back",
        "not-activated",
    }


@pytest.mark.parametrize(
    "name", ["device.key", "state.json", "pending.request", "installed.response", "clock.json"]
)
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 5000, b"x" * 70_000])
def test_a_damaged_file_is_mended_by_a_new_request(room: Room, name: str, content: bytes) -> None:
    room.activate()
    room.request("update")
    folder = Path(room.roots.user.path if name == "clock.json" else room.folder().path(""))
    (folder / name).write_bytes(content)
    with suppress(KeyferryError):
        room.load()
    room.now += 1
    room.install(room.answer(room.request()))
    assert room.load().check()


def test_damage_is_told_with_the_files_name(room: Room) -> None:
    room.activate()
    path = Path(room.folder().path("state.json"))
    path.write_bytes(b"{")
    with pytest.raises(KeyferryError) as found:
        room.load()
    assert found.value.code == "state-damaged"
    assert str(path) in str(found.value)


def test_an_order_file_that_names_unknown_licenses_is_no_trouble(room: Room) -> None:
    room.activate()
    order = Path(room.roots.user.path) / "order.json"
    order.write_text(f'{{"order": ["{OTHER}", "../..", "{NUMBER}", "{NUMBER}"]}}')
    assert in_trying_order(room.roots) == [NUMBER]
    assert room.load().check()


# Locks


def test_a_command_waits_and_then_says_who_is_in_the_way(tmp_path: Path) -> None:
    root = Root(str(tmp_path), shared=False)
    with Lock(root), pytest.raises(StateBusy), Lock(root, wait_s=0.05):
        pass
    with Lock(root, wait_s=0):
        pass


def test_load_waits_for_nobody_and_goes_on_unwritten(room: Room) -> None:
    room.activate()
    room.now += 3600
    with Lock(room.roots.user):
        assert room.load().check()
    before = room.files()["user/clock.json"]
    room.load()
    assert room.files()["user/clock.json"] != before


def test_load_goes_on_where_nothing_can_be_written(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    room.now += 3600

    def opened(path: str, *rest: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.open", opened)
    assert room.load().check()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(StateNotWritable, match="file"), Lock(Root(str(file), shared=True)):
        pass
    with pytest.raises(StateNotWritable, match="file"):
        write(Root(str(file), shared=True), str(file / "state.json"), b"")


def _ask(state: Path, barrier: Any, answers: Any) -> None:
    barrier.wait()
    answers.put(Room(state).request())


def test_two_processes_at_once_make_one_request(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    barrier, answers = fork.Barrier(4), fork.Queue()
    workers = [fork.Process(target=_ask, args=(tmp_path, barrier, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    files = {answers.get(timeout=30) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(files) == 1
    room = Room(tmp_path)
    room.install(room.answer(files.pop()))
    assert room.load().check()
