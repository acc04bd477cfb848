"""Another user swaps files and directories for links, a thousand times, while root works there."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keyferry import KeyferryError
from keyferry.doctor.repair import repair
from keyferry.store.clock_file import CLOCK
from tests.client.attacker import NOBODY, only_root, open_folder, swapping
from tests.support.offline import Room
from tests.support.samples import NUMBER

pytestmark = [pytest.mark.attack, only_root]
ROUNDS = 1000


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def room(folder: Path) -> Room:
    """A room with a license, in a folder that others can reach."""
    room = Room(folder / "state")
    room.activate()
    return room


@pytest.fixture
def victim(folder: Path) -> Path:
    """A closed folder of root's with a file in it; nothing may change there."""
    victim = folder / "victim"
    victim.mkdir(mode=0o700)
    (victim / "program").write_bytes(b"root's")
    (victim / "program").chmod(0o700)
    return victim


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_uid,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


def rounds(act: Callable[[], object], before: Callable[[], object] = lambda: None) -> int:
    """Do it a thousand times; how often it succeeded."""
    successes = 0
    for _ in range(ROUNDS):
        before()
        with suppress(KeyferryError):
            act()
            successes += 1
    return successes


def open_to_the_group(*paths: Path, mode: int = 0o775) -> None:
    for path in paths:
        os.chown(path, 0, NOBODY)
        path.chmod(mode)


def request(room: Room) -> None:
    room.now += 1
    room.request("update", product_version=str(room.now))


def test_repair_gives_no_program_of_roots_the_set_uid_bit_of_the_attackers_file(
    room: Room, victim: Path
) -> None:
    site = Path(room.state_dirs.site.path)
    mine, link = site / CLOCK, site / "swapped"
    before = listing(victim)
    mine.write_bytes(b"the attacker's")
    link.symlink_to(victim / "program")
    for path in (mine, link):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    mine.chmod(0o6777)

    def opened_again() -> None:
        open_to_the_group(site)

    with swapping((mine, link)):
        rounds(lambda: repair(room.state_dirs, room.keys), opened_again)
    files = {path for path in site.iterdir() if not path.is_symlink()}
    assert not [p for p in files if p.stat().st_uid == 0 and p.stat().st_mode & 0o6000]
    assert listing(victim) == before


def test_repair_changes_no_mode_behind_a_folder_that_is_swapped_for_a_link(
    room: Room, victim: Path
) -> None:
    site, number = Path(room.state_dirs.site.path), Path(room.folder().path(""))
    (victim / "state.json").write_bytes(b"root's")
    (victim / "state.json").chmod(0o600)
    before = listing(victim)
    link = site / "swapped"
    link.symlink_to(victim)
    (number / "state.json").chmod(0o666)
    with swapping((number, link)):
        rounds(lambda: repair(room.state_dirs, room.keys), lambda: open_to_the_group(site))
    assert listing(victim) == before


@pytest.mark.parametrize(
    "act", [request, Room.load, lambda room: repair(room.state_dirs, room.keys)]
)
def test_nothing_is_written_behind_a_license_folder_that_is_swapped_for_a_link(
    room: Room, victim: Path, act: Callable[[Room], object]
) -> None:
    site, number = Path(room.state_dirs.site.path), Path(room.folder().path(""))
    link, before = site / "swapped", listing(victim)
    link.symlink_to(victim)
    with swapping((number, link)):
        rounds(lambda: act(room), lambda: open_to_the_group(site))
    assert listing(victim) == before


@pytest.mark.parametrize(
    "act", [request, Room.load, lambda room: repair(room.state_dirs, room.keys)]
)
def test_nothing_is_written_behind_the_state_folder_that_is_swapped_for_a_link(
    folder: Path, room: Room, victim: Path, act: Callable[[Room], object]
) -> None:
    """The folder above is no part of the state: who may write there can move the state away."""
    link, before = folder / "swapped", listing(victim)
    link.symlink_to(victim)
    folder.chmod(0o777)
    with swapping((room.state, link)):
        assert rounds(lambda: act(room)) < ROUNDS
    assert listing(victim) == before


def test_repair_changes_no_mode_behind_the_state_folder_that_is_swapped_for_a_link(
    folder: Path, room: Room
) -> None:
    copy = folder / "another"
    shutil.copytree(room.state, copy)
    (copy / "site" / NUMBER / "state.json").chmod(0o600)
    before = listing(copy)
    link = folder / "swapped"
    link.symlink_to(copy)
    folder.chmod(0o777)
    with open(room.folder().path("state.json"), "rb") as opened, swapping((room.state, link)):
        rounds(
            lambda: repair(room.state_dirs, room.keys), lambda: os.fchmod(opened.fileno(), 0o666)
        )
    assert listing(copy) == before


def test_nothing_is_written_through_a_file_that_is_swapped_for_a_link(
    room: Room, victim: Path
) -> None:
    number = Path(room.folder().path(""))
    mine, link = number / "pending.request.new", number / "swapped"
    before = listing(victim)
    mine.write_bytes(b"the attacker's")
    link.symlink_to(victim / "program")
    with swapping((mine, link)):
        rounds(lambda: request(room), lambda: open_to_the_group(number))
    assert listing(victim) == before
