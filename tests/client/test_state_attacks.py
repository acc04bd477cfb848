"""What another user lays into the state, or holds there, gains nothing and stops nobody."""

import fcntl
import os
import pwd
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from grp import struct_group
from pathlib import Path

import pytest

import keyferry.store.lock
from keyferry.store.files import write
from keyferry.store.lock import Lock
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateBusy, StateNotReadable, StateNotWritable
from tests.client.attacker import NOBODY, as_nobody, only_root, open_folder
from tests.support.offline import Room
from tests.support.samples import NUMBER
from tests.support.terminal import Printed, Shell, shell_in

pytestmark = pytest.mark.attack
COMMANDS = (
    "check",
    "list",
    "status",
    f"update {NUMBER}",
    "install answer.response",
    f"prefer {NUMBER}",
    f"deactivate {NUMBER} --yes",
    f"cancel {NUMBER}",
    f"request {NUMBER}",
    f"remove {NUMBER} --yes",
    "doctor --repair",
)


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell with an installed license, in a folder that every user can reach."""
    with open_folder() as folder, shell_in(folder, monkeypatch) as shell:
        activate(shell)
        yield shell
        monkeypatch.undo()
        os.chdir("/")


def activate(shell: Shell) -> None:
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    shell.carried(request.name)
    assert shell("install", "answer.response").exit == 0


def site_of(shell: Shell) -> Path:
    return Path(shell.room.state_dirs.site.path)


def state_of(shell: Shell) -> dict[Path, tuple[int, bytes]]:
    """The mode and contents of all in the state but of the clock, which is a user's own."""
    paths = (p for p in shell.room.state.rglob("*") if p.name not in ("lock", "clock.json"))
    return {
        path: (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths
    }


# Directories that others may write


DIRECTORIES = {
    "the folder given": lambda room: room.state,
    "the site's": lambda room: Path(room.state_dirs.site.path),
    "a license's": lambda room: Path(room.folder().path("")),
}
every_directory = pytest.mark.parametrize("directory", DIRECTORIES.values(), ids=DIRECTORIES)


@every_directory
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
def test_a_directory_that_others_may_write_is_refused_and_the_command_that_closes_it_is_named(
    shell: Shell, directory: Callable[[Room], Path], mode: int
) -> None:
    activate(shell)
    path = directory(shell.room)
    os.chown(path, -1, NOBODY)
    path.chmod(mode)
    before = state_of(shell)
    for command in COMMANDS[:-1]:
        refused = shell(*command.split())
        assert refused.exit == 1, command
        assert "(state-not-readable)" in refused.err, command
        assert f'chmod go-w "{path}"' in refused.err, command
    assert state_of(shell) == before
    doctor = shell("doctor")
    assert f"{path} has the wrong permissions" in doctor.out
    assert shell("doctor", "--repair").exit == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert shell("check").exit == 0


def test_a_users_directory_that_others_may_write_hides_no_license_of_the_site(shell: Shell) -> None:
    activate(shell)
    Path(shell.room.state_dirs.user.path).chmod(0o777)
    assert shell("check").exit == 0
    assert "(state-not-readable)" in shell("update", NUMBER).err


@pytest.mark.parametrize(
    ("group", "members", "allowed"),
    [
        pytest.param("anna", [], True, id="her own"),
        pytest.param("anna", ["anna"], True, id="her own, with herself in it"),
        pytest.param("anna", ["bob"], False, id="her own, with another member"),
        pytest.param("staff", [], False, id="of another name"),
    ],
)
def test_a_group_of_the_owners_name_without_other_members_counts_as_the_owner(
    room: Room, monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], allowed: bool
) -> None:
    room.activate()
    uid, gid = os.geteuid(), os.getegid()
    anna = pwd.struct_passwd(("anna", "x", uid, gid, "", "/home/anna", "/bin/sh"))
    monkeypatch.setattr("pwd.getpwuid", lambda uid: anna)
    monkeypatch.setattr("pwd.getpwall", lambda: [anna])
    monkeypatch.setattr("grp.getgrgid", lambda gid: struct_group((group, "x", gid, members)))
    Path(room.state_dirs.site.path).chmod(0o775)
    if allowed:
        assert room.load().check()
    else:
        with pytest.raises(StateNotReadable):
            room.load()


def test_another_users_primary_group_is_nobodys_own(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    uid, gid = os.geteuid(), os.getegid()
    users = [
        pwd.struct_passwd((name, "x", uid + n, gid, "", "/", "/bin/sh"))
        for n, name in enumerate(("anna", "bob"))
    ]
    monkeypatch.setattr("pwd.getpwuid", lambda uid: users[0])
    monkeypatch.setattr("pwd.getpwall", lambda: users)
    monkeypatch.setattr("grp.getgrgid", lambda gid: struct_group(("anna", "x", gid, [])))
    Path(room.state_dirs.site.path).chmod(0o775)
    with pytest.raises(StateNotReadable):
        room.load()


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux keeps access lists there")
def test_an_access_list_lets_another_user_write_whatever_the_group(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    site = Path(room.state_dirs.site.path)
    monkeypatch.setattr("keyferry.store.directory._is_group_of_owner", lambda status: True)
    entries = [(1, 7, -1), (2, 7, NOBODY), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
    packed = b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who % 2**32).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    try:
        os.setxattr(site, "system.posix_acl_access", (2).to_bytes(4, "little") + packed)
    except OSError:
        pytest.skip("this file system keeps no access lists")
    assert stat.S_IMODE(site.stat().st_mode) == 0o775
    with pytest.raises(StateNotReadable):
        room.load()


# Directories of another user


@only_root
@every_directory
def test_root_writes_nothing_into_a_directory_of_another_user(
    shell: Shell, directory: Callable[[Room], Path]
) -> None:
    activate(shell)
    path = directory(shell.room)
    os.chown(path, NOBODY, NOBODY)
    before = state_of(shell)
    for command in (f"update {NUMBER}", "install answer.response", f"deactivate {NUMBER} --yes"):
        refused = shell(*command.split())
        assert refused.exit == 1, command
        assert str(path) in refused.err, command
        assert "belongs to another user" in refused.err, command
    shell("doctor", "--repair")
    assert state_of(shell) == before
    assert shell("check").exit == 0


@only_root
def test_root_writes_nothing_below_anothers_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    user = StateDir(f"{home}/.local/state/keyferry/acme", shared=False)
    with pytest.raises(StateNotWritable, match="another user"), Lock(user):
        pass
    with pytest.raises(StateNotWritable, match="another user"):
        write(user, "clock.json", b"{}")
    assert list(home.iterdir()) == []


@only_root
@pytest.mark.parametrize("mode", [0o600, 0o6777])
def test_repair_changes_no_file_of_another_user(shell: Shell, mode: int) -> None:
    activate(shell)
    file = Path(shell.room.folder().path("installed.response"))
    os.chown(file, NOBODY, NOBODY)
    file.chmod(mode)
    printed = shell("doctor", "--repair")
    assert f"Not repaired: {file}: it belongs to another user" in printed.out
    assert stat.S_IMODE(file.stat().st_mode) == mode


# Links


def test_a_link_in_place_of_a_license_folder_is_followed_by_nobody(
    shell: Shell, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = site_of(shell)
    site.mkdir(parents=True)
    (site / NUMBER).symlink_to(closed)
    for command in (f"request {NUMBER}", "check", f"remove {NUMBER} --yes", "doctor --repair"):
        shell(*command.split())
    assert list(closed.iterdir()) == []
    assert f"{site / NUMBER} is a link" in shell("request", NUMBER).err
    assert f"{site / NUMBER} is a link" in shell("doctor").out


def test_a_link_in_place_of_a_state_directory_is_refused(shell: Shell) -> None:
    activate(shell)
    site = site_of(shell)
    site.rename(site.with_name("moved"))
    site.symlink_to("moved")
    for command in ("check", "list", f"update {NUMBER}", f"remove {NUMBER} --yes"):
        assert "(state-not-readable)" in shell(*command.split()).err, command


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_link_in_place_of_the_folder_given_is_refused(
    room: Room, tmp_path: Path, end: str
) -> None:
    room.activate()
    (tmp_path / "link").symlink_to(room.state)
    through_link = Room(tmp_path / "link")
    through_link.state = f"{tmp_path / 'link'}{end}"  # type: ignore[assignment]
    with pytest.raises(StateNotReadable, match="is a link"):
        through_link.load()


def test_a_link_above_the_state_is_the_systems_own(room: Room, tmp_path: Path) -> None:
    room.activate()
    (tmp_path / "link").symlink_to(tmp_path)
    assert Room(tmp_path / "link" / room.state.name).load().check()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("state.json", "doctor --repair"),
        ("device.key", "doctor --repair"),
        ("state.json.new", "install answer.response"),
        ("installed.response.new", "install answer.response"),
        ("../lock", "install answer.response"),
    ],
)
def test_a_second_name_of_another_file_is_neither_written_nor_opened_to_others(
    shell: Shell, tmp_path: Path, name: str, command: str
) -> None:
    activate(shell)
    secret = tmp_path / "secret"
    secret.write_bytes(b"root's")
    secret.chmod(0o600)
    place = Path(shell.room.folder().path(name))
    place.unlink(missing_ok=True)
    os.link(secret, place)
    shell(*command.split())
    assert (secret.read_bytes(), stat.S_IMODE(secret.stat().st_mode)) == (b"root's", 0o600)


# What is no regular file


def lay_pipe(path: Path) -> None:
    os.mkfifo(path)


def lay_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def lay_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def lay_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero never ends


def lay_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


PLACES = (
    "user/clock.json",
    "user/clock.json.new",
    "user/order.json",
    "user/lock",
    "site/lock",
    *(
        f"site/{NUMBER}/{name}"
        for name in ("device.key", "pending.request", "installed.response", "state.json")
    ),
    f"site/{NUMBER}/deactivate.request",
    f"site/{NUMBER}/installed.response.new",
    "site/doctor.new",
    f"site/{NUMBER}",
)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "lay",
    [lay_pipe, lay_directory, lay_socket, lay_link, pytest.param(lay_device, marks=only_root)],
)
def test_no_command_waits_for_what_is_no_file_or_breaks_on_it(
    shell: Shell, tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    activate(shell)
    kept = tmp_path / "kept"
    shell.room.state.rename(kept)
    for name in PLACES:
        shutil.rmtree(shell.room.state, ignore_errors=True)
        shutil.copytree(kept, shell.room.state)
        remove(shell.room.state / name)
        lay(shell.room.state / name)
        for command in COMMANDS:
            assert_clear(shell(*command.split()), f"{command} with {name}")


def assert_clear(printed: Printed, what: str) -> None:
    assert printed.exit in {0, 1, 3, 4}, what
    assert "Traceback" not in printed.out + printed.err, what
    if printed.exit and printed.err:
        assert len(printed.err.splitlines()) > 1, f"{what}: what to do now"


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for inside in path.iterdir():
            remove(inside)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


# Pipes among the files that are carried in and out


@pytest.mark.timeout(30)
@pytest.mark.parametrize("command", ["install", "inspect", "qr", "verify"])
def test_a_named_pipe_is_refused_and_not_waited_for(shell: Shell, command: str) -> None:
    os.mkfifo("pipe.request")
    refused = shell(command, "pipe.request")
    assert refused.exit == 1
    assert "pipe.request: not a regular file" in refused.err


def test_a_response_still_comes_in_by_a_pipe_of_ones_own(shell: Shell) -> None:
    activate(shell)
    response = Path("answer.response").read_bytes()
    assert shell("install", "-", stdin=response).exit == 0


@pytest.mark.timeout(30)
@pytest.mark.parametrize("lay", [lay_pipe, lay_link])
def test_a_request_is_saved_in_place_of_what_was_laid_for_it(
    shell: Shell, lay: Callable[[Path], None]
) -> None:
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    saved = request.read_bytes()
    request.unlink()
    lay(Path(f"{request}.new"))
    assert shell("request", NUMBER).exit == 0
    assert request.read_bytes() == saved


@pytest.mark.timeout(30)
def test_a_pipe_where_a_request_was_saved_holds_up_no_repair(shell: Shell) -> None:
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    request.unlink()
    os.mkfifo(request)
    Path(shell.room.folder().path("pending.request")).write_bytes(b"{")
    assert "Its saved file is not where it was" in shell("doctor", "--repair").out


# Locks


@only_root
def test_no_other_user_can_open_the_sites_lock(reachable: Shell) -> None:
    lock = site_of(reachable) / "lock"

    def open_it() -> int:
        try:
            lock.open("rb")
        except PermissionError:
            return 0
        return 1

    assert as_nobody(open_it) == 0


def held_by_another(lock: Path) -> int:
    """A handle that holds a lock, as a process of another user would; it was opened for reading."""
    handle = os.open(lock, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def test_whoever_holds_a_lock_that_all_could_open_stops_a_writer_for_the_usual_wait_alone(
    tmp_path: Path,
) -> None:
    root = StateDir(str(tmp_path), shared=True)
    lock = tmp_path / "lock"
    lock.touch(mode=0o644)
    handle = held_by_another(lock)
    started = time.monotonic()
    with Lock(root, wait_s=0.2):
        assert 0.2 <= time.monotonic() - started < 2
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with pytest.raises(StateBusy), Lock(root, wait_s=0):
            pass
    os.close(handle)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize(("shared", "mode"), [(True, 0o600), (False, 0o644)])
def test_a_lock_that_no_other_user_can_hold_is_never_taken_from_its_holder(
    tmp_path: Path, shared: bool, mode: int
) -> None:
    root = StateDir(str(tmp_path), shared=shared)
    lock = tmp_path / "lock"
    lock.touch(mode=mode)
    handle = held_by_another(lock)
    with pytest.raises(StateBusy), Lock(root, wait_s=0.05):
        pass
    os.close(handle)
    with Lock(root, wait_s=0):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_lock_that_is_replaced_before_it_is_taken_is_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = StateDir(str(tmp_path), shared=True)
    lock = tmp_path / "lock"
    take = keyferry.store.lock._lock
    replacements = iter([tmp_path / "replaced"])

    def take_late(handle: int) -> bool:
        for aside in replacements:
            lock.rename(aside)
            lock.touch(mode=0o600)
        return take(handle)

    monkeypatch.setattr(keyferry.store.lock, "_lock", take_late)
    with Lock(root), pytest.raises(StateBusy), Lock(root, wait_s=0.05):
        pass


@only_root
def test_load_and_a_users_own_commands_need_no_lock_of_the_site(reachable: Shell) -> None:
    user: StateDirs = reachable.room.state_dirs
    for path in (Path(user.user.path), *Path(user.user.path).rglob("*")):
        os.chown(path, NOBODY, NOBODY)

    def act() -> int:
        with Lock(user.user):
            assert reachable.room.load().check()
        return reachable("prefer", NUMBER).exit

    with Lock(user.site):
        assert as_nobody(act) == 0


# Files that another user left where they could once write


@only_root
@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("device.key", (f"request {NUMBER}", f"update {NUMBER}", f"deactivate {NUMBER} --yes")),
        ("load.key", ("check", f"update {NUMBER}")),
        ("installed.response", ("check",)),
    ],
)
def test_a_file_that_another_user_left_is_not_used_once_the_folder_is_closed(
    shell: Shell, name: str, commands: tuple[str, ...]
) -> None:
    """Its owner knows what is in it, and may still change it."""
    activate(shell)
    left = Path(shell.room.folder().path(name))
    os.chown(left, NOBODY, NOBODY)
    left.parent.chmod(0o777)
    shell("doctor", "--repair")
    assert stat.S_IMODE(left.parent.stat().st_mode) == 0o755
    for command in commands:
        refused = shell(*command.split())
        assert refused.exit == 1, command
        assert f"{left} is damaged: It cannot be read: it belongs to another user" in refused.err


@only_root
def test_a_state_file_that_another_user_left_is_derived_anew(shell: Shell) -> None:
    activate(shell)
    state = Path(shell.room.folder().path("state.json"))
    os.chown(state, NOBODY, NOBODY)
    assert shell("check").exit == 1
    assert shell("doctor", "--repair").exit == 0
    assert state.stat().st_uid == os.geteuid()
    assert shell("check").exit == 0


@only_root
def test_a_lock_that_another_user_owns_is_replaced(shell: Shell) -> None:
    activate(shell)
    lock = site_of(shell) / "lock"
    lock.unlink()
    lock.touch(0o600)
    os.chown(lock, NOBODY, NOBODY)
    with lock.open() as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        assert shell("update", NUMBER).exit == 0
    assert lock.stat().st_uid == os.geteuid()
