"""The state directories: where they are, how files are written, how damage is reported."""

import errno
import fcntl
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keyferry import KeyferryError
from keyferry.store.clock import MAX_TIME
from keyferry.store.files import write
from keyferry.store.lock import Lock
from keyferry.store.order import in_trying_order
from keyferry.store.state_dirs import StateDir, find_state_dirs
from keyferry_protocol.errors import StateBusy, StateNotWritable
from tests.client.interrupted_journeys import in_a_child
from tests.support.offline import OTHER, Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell, shell_in


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
def test_state_is_kept_where_clients_in_other_languages_find_it(
    platform: str, environ: dict[str, str], user: str, site: str
) -> None:
    dirs = find_state_dirs("acme", None, platform, environ)
    assert (dirs.user.path, dirs.site.path) == (user, site)


@pytest.mark.parametrize(
    ("environ", "user"),
    [
        pytest.param({}, r"D:\Windows\System32\config\systemprofile\AppData\Local", id="nothing"),
        pytest.param({"LOCALAPPDATA": ""}, None, id="empty"),
        pytest.param({"LOCALAPPDATA": "AppData"}, None, id="relative"),
        pytest.param(
            {"USERPROFILE": r"D:\Users\anna"}, r"D:\Users\anna\AppData\Local", id="profile"
        ),
        pytest.param({"LOCALAPPDATA": r"\\nas\anna\\"}, r"\\nas\anna", id="a share"),
    ],
)
def test_a_service_of_windows_never_keeps_its_state_where_it_happens_to_run(
    environ: dict[str, str], user: str | None
) -> None:
    dirs = find_state_dirs("acme", None, "win32", {"SystemDrive": "D:", **environ})
    user = user or r"D:\Windows\System32\config\systemprofile\AppData\Local"
    assert dirs.user.path == rf"{user}\Keyferry\acme"
    assert dirs.site.path == r"D:\ProgramData\Keyferry\acme"


@pytest.mark.parametrize(
    ("state_dir", "top"),
    [("~", "/home/anna"), ("~/x", "/home/anna/x"), ("x", "x"), ("/x", "/x"), ("~x", "~x")],
)
def test_a_tilde_that_no_shell_replaced_is_the_home(state_dir: str, top: str) -> None:
    assert find_state_dirs(None, state_dir, "linux", {"HOME": "/home/anna"}).user.top == top


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "anna"}, {"HOME": "~"}])
@pytest.mark.parametrize(
    ("recorded", "expected"), [("/home/anna", "/home/anna"), ("", ""), ("~", ""), (None, "")]
)
def test_a_process_without_a_home_never_keeps_its_state_where_it_happens_to_run(
    monkeypatch: pytest.MonkeyPatch, home: dict[str, str], recorded: str | None, expected: str
) -> None:
    def entry(uid: int) -> SimpleNamespace:
        if recorded is None:
            raise KeyError(uid)
        return SimpleNamespace(pw_dir=recorded)

    monkeypatch.setattr("pwd.getpwuid", entry)
    user = find_state_dirs("acme", None, "linux", home).user
    assert user.path == f"{expected}/.local/state/keyferry/acme"


@pytest.fixture
def open_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in a folder that every user can reach; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with shell_in(folder, monkeypatch) as shell:
        yield shell
    shutil.rmtree(folder)


NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@only_root
@pytest.mark.parametrize("variable", ["HOME", "XDG_STATE_HOME"])
@pytest.mark.parametrize("below", ["", "/not/there/yet"])
def test_root_with_another_users_home_uses_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    home, own = tmp_path / "anna", tmp_path / "root"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_dir=str(own)))
    user = find_state_dirs(
        "acme", None, "linux", {"HOME": str(home), variable: f"{home}{below}"}
    ).user
    assert user.path == f"{own}/.local/state/keyferry/acme"
    with Lock(user):
        pass
    assert list(home.rglob("*")) == []


@only_root
def test_sudo_that_keeps_home_leaves_nothing_in_that_home(
    open_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path.cwd()
    home, own = place / "anna", place / "root"
    for folder in (home, own):
        folder.mkdir()
    os.chown(home, NOBODY, NOBODY)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_dir=str(own)))
    monkeypatch.delenv("KEYFERRY_STATE_DIR")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    assert open_shell("request", NUMBER, "--protection", "personal").exit == 0
    assert list(home.rglob("*")) == []
    assert list(own.rglob("pending.request"))


@only_root
@pytest.mark.parametrize("home", [None, "", "/", "~", "anna"])
def test_a_user_without_a_name_and_home_makes_no_folder_where_it_happens_to_run(
    open_shell: Shell, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.delenv("KEYFERRY_STATE_DIR")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    place = Path.cwd()
    place.chmod(0o777)

    def nameless() -> int:
        os.setgroups([])
        os.setgid(54321)
        os.setuid(54321)
        for command in (("request", NUMBER), ("request", NUMBER, "--protection", "personal")):
            refused = open_shell(*command, "--output", ".")
            assert "(state-not-writable)" in refused.err, refused
            assert "--state-dir" in refused.err
        assert open_shell("check").exit == 3
        assert open_shell("doctor").exit == 0
        assert open_shell("request", NUMBER, "--state-dir", "here").exit == 0
        return 0

    assert in_a_child(nameless) == 0
    assert not (place / "~").exists()
    assert not (place / "anna").exists()


def test_the_files_are_those_of_the_format(room: Room) -> None:
    room.activate()
    room.request("update")
    assert set(room.files()) == {
        "user/clock.json",
        f"site/{NUMBER}/device.key",
        f"site/{NUMBER}/device.public",
        f"site/{NUMBER}/load.key",
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


# Network drives without locks

NO_LOCKS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.EIO]


def failing_locks(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def fail(handle: int, how: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", fail)


@pytest.mark.parametrize("error", NO_LOCKS, ids=errno.errorcode.get)
@pytest.mark.parametrize("protection", ["machine", "personal"])
def test_a_drive_without_locks_is_told_at_once_in_its_own_words(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: int, protection: str
) -> None:
    monkeypatch.setattr("keyferry.store.lock._PAUSE_S", 1e9)  # nothing is waited for
    failing_locks(monkeypatch, error)
    refused = shell("request", NUMBER, "--protection", protection)
    assert refused.exit == 1
    assert "(state-not-writable)" in refused.err
    assert "files in this folder cannot be locked, as on some network drives" in refused.err
    assert "Use a folder on a local disk with --state-dir" in refused.err
    assert not list(Path().glob("*.request"))


@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EACCES], ids=errno.errorcode.get)
def test_a_lock_that_another_process_holds_is_told_as_that(
    room: Room, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr("keyferry.store.lock.Lock.__init__.__defaults__", (0.0,))
    failing_locks(monkeypatch, error)
    with pytest.raises(StateBusy):
        room.request()


@pytest.mark.parametrize("error", NO_LOCKS, ids=errno.errorcode.get)
def test_without_locks_a_license_loads_at_once_and_the_doctor_says_what_will_fail(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    shell.room.activate()
    shell.room.now += 3600
    monkeypatch.setattr("keyferry.store.lock._PAUSE_S", 1e9)
    failing_locks(monkeypatch, error)
    assert shell.room.load().check()
    report = " ".join(shell("doctor").out.split())
    assert "files in this folder cannot be locked" in report
    assert "ask the person who runs the file server to turn on file locking" in report


# How a file is written


def test_a_file_is_flushed_before_it_takes_its_place_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def recorded(name: str) -> Callable[..., None]:
        real: Callable[..., None] = getattr(os, name)

        def call(*arguments: Any, **directories: Any) -> None:
            events.append(name)
            real(*arguments, **directories)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    write(StateDir(str(tmp_path), shared=False), "file", b"new")
    assert events == ["fsync", "replace", "fsync"]


# Damage


@pytest.mark.parametrize(
    "name", ["device.key", "state.json", "pending.request", "installed.response", "clock.json"]
)
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 5000, b"x" * 70_000])
def test_a_new_request_replaces_a_damaged_file(room: Room, name: str, content: bytes) -> None:
    room.activate()
    room.request("update")
    folder = Path(room.state_dirs.user.path if name == "clock.json" else room.folder().path(""))
    (folder / name).write_bytes(content)
    with suppress(KeyferryError):
        room.load()
    room.now += 1
    room.install(room.answer(room.request()))
    assert room.load().check()


@pytest.mark.parametrize("mark", [MAX_TIME + 1, 2**53 - 1])
def test_a_mark_beyond_the_calendar_is_damage(shell: Shell, mark: int) -> None:
    shell.room.activate()
    clock = Path(shell.room.state_dirs.user.path, "clock.json")
    clock.write_text(f'{{"mark": {mark}, "lowered": 0, "at_request": {{}}}}')
    assert "clock.json" in shell("doctor").out
    assert shell("doctor", "--repair").exit == 0
    assert shell("check").exit == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere every name is text.")
def test_a_usb_drive_whose_name_is_not_text_does_not_harm_the_license(shell: Shell) -> None:
    shell.room.activate()
    os.mkdir(b"drive \xff")
    assert shell("update", NUMBER, "--output", os.fsdecode(b"drive \xff")).exit == 0
    assert shell.room.folder().state().request_path == ""
    assert shell("check").exit == 0


def test_damage_is_reported_with_the_files_name(room: Room) -> None:
    room.activate()
    path = Path(room.folder().path("state.json"))
    path.write_bytes(b"{")
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "state-damaged"
    assert str(path) in str(excinfo.value)


def test_an_order_file_may_name_unknown_licenses(room: Room) -> None:
    room.activate()
    order = Path(room.state_dirs.user.path) / "order.json"
    order.write_text(f'{{"order": ["{OTHER}", "../..", "{NUMBER}", "{NUMBER}"]}}')
    assert in_trying_order(room.state_dirs) == [NUMBER]
    assert room.load().check()


# Locks


def test_a_command_waits_and_then_reports_that_the_state_is_busy(tmp_path: Path) -> None:
    root = StateDir(str(tmp_path), shared=False)
    with Lock(root), pytest.raises(StateBusy), Lock(root, wait_s=0.05):
        pass
    with Lock(root, wait_s=0):
        pass


def test_load_does_not_wait_for_the_lock_and_writes_nothing(room: Room) -> None:
    room.activate()
    room.now += 3600
    with Lock(room.state_dirs.user):
        assert room.load().check()
    before = room.files()["user/clock.json"]
    room.load()
    assert room.files()["user/clock.json"] != before


def test_load_works_where_nothing_can_be_written(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    room.now += 3600
    real: Callable[..., int] = os.open

    def opened(path: str, flags: int, *mode: int, dir_fd: int | None = None) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *mode, dir_fd=dir_fd)

    monkeypatch.setattr("os.open", opened)
    assert room.load().check()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(StateNotWritable, match="file"), Lock(StateDir(str(file), shared=True)):
        pass
    with pytest.raises(StateNotWritable, match="file"):
        write(StateDir(str(file), shared=True), "state.json", b"")


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
