"""A license for one user: it is kept with its user, and no one else on the computer can use it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import KeyferryError, Machine, parse_request
from keyferry.machine import linux
from keyferry.manage import prefer
from tests.support.offline import LAB_07, Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

NOBODY = 65534
as_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="only root can run as two users",
)


@pytest.fixture
def open_room() -> Iterator[Room]:
    """A room in a folder that every user can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Room(folder / "state", machine=as_whoever_runs())
    shutil.rmtree(folder)


def as_whoever_runs() -> Machine:
    """The machine, with the user that this process runs as."""
    return replace(LAB_07, components={**LAB_07.components, "user": linux.users()})


def asked_as(uid: int, room: Room) -> str:
    """What `load` says to this user: `ok` or the error's code and sentence."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(uid)
            room.machine = as_whoever_runs()
            os.write(write_end, room.load().check().code.encode())
        except KeyferryError as error:
            os.write(write_end, f"{error.code}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


@as_root
def test_another_user_of_the_computer_finds_no_license_of_the_first(open_room: Room) -> None:
    open_room.activate("personal")
    assert asked_as(0, open_room) == "ok"
    assert asked_as(NOBODY, open_room).startswith("not-activated: ")


@as_root
def test_a_copy_of_the_users_folder_is_refused_to_another_user(open_room: Room) -> None:
    open_room.activate("personal")
    for path in (open_room.state, *open_room.state.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    refused = asked_as(NOBODY, open_room)
    words = "License 015.120.020.093 is bound to another user of this computer."
    assert refused == f"wrong-machine: {words}"


@as_root
def test_the_closed_folder_of_one_user_hides_no_license_for_everyone(
    open_room: Room,
) -> None:
    open_room.activate("machine")
    assert asked_as(NOBODY, open_room) == "ok"


def test_another_user_cannot_check_a_personal_license_at_the_command_line(shell: Shell) -> None:
    assert shell("request", NUMBER, "--protection", "personal").exit == 0
    (file,) = Path().glob("*.request")
    assert shell("install", str(shell.carried(str(file)))).exit == 0
    assert shell("check").exit == 0
    assert shell("update", NUMBER).exit == 0
    assert parse_request(file.read_bytes()).protection == "personal"
    another = {**LAB_07.components, "user": ["S-1-5-21-1002"]}
    shell.room.machine = replace(LAB_07, components=another)
    refused = shell("check", "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (6, "wrong-machine")
    assert "another user" in refused.json["error"]["detail"]


def test_a_user_who_cannot_be_identified_gets_no_personal_license(shell: Shell) -> None:
    nameless = {name: of for name, of in LAB_07.components.items() if name != "user"}
    shell.room.machine = replace(LAB_07, components=nameless)
    refused = shell("request", NUMBER, "--protection", "personal", "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (6, "machine-not-identified")
    assert shell.room.files() == {}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder's owner is all there is")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_no_other_user_can_read_a_personal_license(room: Room, umask: int) -> None:
    before = os.umask(umask)
    try:
        room.activate("personal")
        room.request("update")
        prefer(NUMBER, room.state_dirs)
    finally:
        os.umask(before)
    user = Path(room.state_dirs.user.path)
    kept = {path.name: path.stat().st_mode & 0o777 for path in (user, *user.rglob("*"))}
    folders, files = (user.name, NUMBER), set(kept) - {user.name, NUMBER}
    assert {kept[name] for name in folders} == {0o700}
    assert files >= {"device.key", "installed.response", "pending.request", "state.json"}
    assert files >= {"clock.json", "order.json", "lock"}
    assert {kept[name] for name in files} == {0o600}
    assert not Path(room.state_dirs.site.path, NUMBER).exists()
