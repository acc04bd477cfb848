"""Where the file of a request is saved: known before, whole on the drive after, and never lost."""

import errno
import fcntl
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import parse_request
from keyferry.files import save_request as saving
from keyferry.request import find_pending
from tests.client.interrupted_journeys import exit_of, in_a_child, start_child
from tests.support.offline import Room
from tests.support.samples import NUMBER
from tests.support.terminal import Printed, Shell

DEACTIVATE = ("deactivate", NUMBER, "--yes")


def activate(shell: Shell) -> None:
    shell.room.activate()
    shell.room.now += 60


# Before anything happens


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("media/KINGSTN", id="a drive that is not plugged in"),
        pytest.param("KINGSTN", id="its name alone"),
        pytest.param("media/KINGSTN/", id="with a slash"),
        pytest.param("media/USB.2", id="a name with a dot"),
        pytest.param("media/KINGSTN/mine.request", id="a file on it"),
        pytest.param("media/KINGSTN/all.zip", id="an archive on it"),
        pytest.param("request.txt", id="a file of another kind"),
    ],
)
@pytest.mark.parametrize("command", [("request", NUMBER), ("update", NUMBER), DEACTIVATE])
def test_a_folder_that_is_not_there_does_not_become_a_file(
    shell: Shell, output: str, command: tuple[str, ...]
) -> None:
    os.mkdir("media")
    if command[0] != "request":
        activate(shell)
    before = shell.room.files()
    printed = shell(*command, "--output", output, "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (2, "usage")
    assert "There is no folder" in printed.json["error"]["detail"]
    assert shell.room.files() == before
    assert sorted(os.listdir()) == sorted(
        {"media", "vendor", *(["state"] if command[0] != "request" else [])}
    )
    assert os.listdir("media") == []


@pytest.mark.parametrize("output", ["mine.request", "MINE.REQUEST", "all.zip", "ALL.ZIP"])
def test_a_path_names_a_file_by_its_ending(shell: Shell, output: str) -> None:
    assert shell("request", NUMBER, "--output", output).exit == 0
    assert os.path.isfile(output)


def test_a_folder_may_be_named_like_a_file(shell: Shell) -> None:
    os.mkdir("all.zip")
    assert shell("request", NUMBER, "--output", "all.zip").exit == 0
    assert [name.endswith(".request") for name in os.listdir("all.zip")] == [True]


ERRORS = {
    errno.EROFS: "Remove the write protection",
    errno.ENOSPC: "Free up space",
    errno.EDQUOT: "Free up space",
    errno.EACCES: "Choose another place with --output",
    errno.EIO: "Choose another place with --output",
}


def fails_with(error: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("command", [("request", NUMBER), ("update", NUMBER), DEACTIVATE])
@pytest.mark.parametrize("output", ["drive", "drive/mine.request", "drive/all.zip"])
def test_a_drive_that_takes_no_file_is_reported_before_anything_changes(
    shell: Shell, output: str, error: int, command: tuple[str, ...]
) -> None:
    os.mkdir("drive")
    if command[0] != "request":
        activate(shell)
    before = shell.room.files()
    with shell.patch.context() as patched:
        patched.setattr(saving.os, "fsync", fails_with(error))
        refused = shell(*command, "--output", output, "--json")
    problem = refused.json["error"]
    assert (refused.exit, problem["code"]) == (1, "cannot-save")
    assert problem["detail"] == f"{output}: {os.strerror(error)}."
    assert problem["next_step"].startswith("Nothing has changed on this computer.")
    assert ERRORS[error] in problem["next_step"]
    assert shell.room.files() == before
    assert os.listdir("drive") == []


# When it fails all the same


def saved_nowhere(shell: Shell, *command: str) -> Printed:
    """What a command says whose drive takes the trial file, but not the request."""
    os.mkdir("drive")
    with shell.patch.context() as patched:
        patched.setattr(saving, "_publish", fails_with(errno.ENOSPC))
        return shell(*command, "--output", "drive")


def test_a_license_that_ended_says_where_its_file_is_and_how_to_save_it(shell: Shell) -> None:
    activate(shell)
    printed = saved_nowhere(shell, *DEACTIVATE)
    assert printed.exit == 10
    assert "(not-saved)" in printed.err
    assert "License 015.120.020.093 has ended on this computer." in printed.err
    assert "Its request file is stored here" in printed.err
    assert "Run the command again with another --output to save the same file." in printed.err
    stored = find_pending(NUMBER, shell.room.state_dirs)
    assert stored is not None
    os.mkdir("other")
    shell.room.now += 3600
    document = shell(*DEACTIVATE, "--output", "other", "--json").json
    assert Path(document["request"]["path"]).read_bytes() == stored.data


@pytest.mark.parametrize("command", [("request", NUMBER), ("update", NUMBER)])
def test_a_request_that_waits_is_saved_by_the_same_command(
    shell: Shell, command: tuple[str, ...]
) -> None:
    if command[0] == "update":
        activate(shell)
    printed = saved_nowhere(shell, *command)
    assert printed.exit == 10
    assert "License 015.120.020.093 is waiting for its response file." in printed.err
    stored = find_pending(NUMBER, shell.room.state_dirs)
    assert stored is not None
    shell.room.now += 3600
    document = shell(*command, "--json").json
    assert Path(document["request"]["path"]).read_bytes() == stored.data


def test_programs_read_the_code_and_the_place(shell: Shell) -> None:
    activate(shell)
    with shell.patch.context() as patched:
        patched.setattr(saving, "_publish", fails_with(errno.ENOSPC))
        problem = shell(*DEACTIVATE, "--output", ".", "--json").json["error"]
    assert (problem["code"], problem["exit"], problem["path"]) == ("not-saved", 10, ".")
    assert problem["license_number"] == NUMBER


# A drive that is pulled as soon as the command is done


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the drive was asked, in order."""
    log: list[str] = []
    fsync, rename = os.fsync, os.replace

    def logged_fsync(handle: int) -> None:
        is_folder = os.path.isdir(f"/proc/self/fd/{handle}")
        log.append("fsync folder" if is_folder else "fsync file")
        fsync(handle)

    def logged_replace(*paths: str, **folders: int) -> None:
        log.append("rename")
        rename(*paths, **folders)

    with monkeypatch.context() as patched:
        patched.setattr(saving.os, "fsync", logged_fsync)
        patched.setattr(saving.os, "replace", logged_replace)
        yield log


@pytest.mark.parametrize("output", ["drive", "drive/mine.request", "drive/all.zip"])
def test_the_file_and_then_its_name_are_on_the_drive_when_the_command_is_done(
    room: Room, tmp_path: Path, calls: list[str], output: str
) -> None:
    (tmp_path / "drive").mkdir()
    room.request()
    pending = find_pending(NUMBER, room.state_dirs)
    assert pending is not None
    for _ in range(2):  # once new, once in the place of itself
        calls.clear()
        saving.save_request(pending, str(tmp_path / output))
        assert calls == ["fsync file", "rename", "fsync folder"]


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_only_a_file_system_that_flushes_no_folder_may_fail_to(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    room.request()
    pending = find_pending(NUMBER, room.state_dirs)
    assert pending is not None

    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr(saving.os, "fsync", fsync)
    if error == errno.EIO:
        with pytest.raises(saving.NotSaved):
            saving.save_request(pending, str(tmp_path))
    else:
        assert os.path.isfile(saving.save_request(pending, str(tmp_path)).path)


# Many computers that save to one place

WRITERS = 12


def at_once(act: Callable[[int], int], writers: int = WRITERS) -> list[int]:
    """The exit codes of processes that all start at the same moment."""
    read_end, write_end = os.pipe()

    def writer(number: int) -> int:
        os.close(write_end)
        os.read(read_end, 1)  # until the parent closes its end
        return act(number)

    children = [start_child(lambda number=n: writer(number)) for n in range(writers)]
    os.close(write_end)
    codes = [exit_of(child) for child in children]
    os.close(read_end)
    return codes


def save_as(room: Room, number: int, output: str, times: int = 1) -> int:
    """Save the request of one computer of the room."""
    name = f"LAB-{number:02}"
    own = replace(room, state=room.state / name, machine=replace(room.machine, name=name))
    own.request()
    pending = find_pending(NUMBER, own.state_dirs)
    assert pending is not None
    for _ in range(times):
        saving.save_request(pending, output)
    return 0


def machines_in(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        requests = [parse_request(opened.read(name)) for name in opened.namelist()]
    return sorted(request.machine.name for request in requests)


ALL = [f"LAB-{n:02}" for n in range(WRITERS)]


def test_no_request_of_a_whole_room_is_lost_from_its_archive(room: Room, tmp_path: Path) -> None:
    archive = tmp_path / "requests.zip"
    codes = at_once(lambda n: save_as(room, n, str(archive), times=3))
    assert codes == [0] * WRITERS
    assert machines_in(archive) == ALL
    assert [path.name for path in tmp_path.glob("requests*")] == ["requests.zip"]


def test_a_new_request_of_a_computer_takes_the_place_of_its_older_one(shell: Shell) -> None:
    shell("request", NUMBER, "--output", "requests.zip", "--machine-name", "BEFORE")
    shell.room.now += 60
    shell("request", NUMBER, "--output", "requests.zip", "--machine-name", "AFTER")
    assert machines_in(Path("requests.zip")) == ["AFTER"]


@pytest.mark.parametrize("command", [("request", NUMBER), ("update", NUMBER), DEACTIVATE])
def test_nothing_is_added_to_an_archive_of_other_files(
    shell: Shell, command: tuple[str, ...]
) -> None:
    if command[0] != "request":
        activate(shell)
    with zipfile.ZipFile("license.docx.zip", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    before = Path("license.docx.zip").read_bytes(), shell.room.files()
    printed = shell(*command, "--output", "license.docx.zip", "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (1, "cannot-save")
    assert (
        "license.docx.zip contains other files. Choose a new name"
        in printed.json["error"]["detail"]
    )
    assert (Path("license.docx.zip").read_bytes(), shell.room.files()) == before


@pytest.mark.parametrize("target", ["of another.zip", "nothing.zip"])
def test_no_link_in_the_place_of_an_archive_is_followed_or_replaced(
    shell: Shell, target: str
) -> None:
    shell("request", NUMBER, "--output", "of another.zip")
    before = Path("of another.zip").read_bytes()
    Path("requests.zip").symlink_to(target)
    printed = shell("request", NUMBER, "--output", "requests.zip", "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (1, "cannot-save")
    assert "requests.zip is a link." in printed.json["error"]["detail"]
    assert Path("requests.zip").is_symlink()
    assert Path("of another.zip").read_bytes() == before
    assert not Path("nothing.zip").exists()


def test_no_computers_file_takes_the_place_of_anothers_of_the_same_name(
    room: Room, tmp_path: Path
) -> None:
    codes = at_once(lambda n: save_as(room, n, str(tmp_path / "mine.request")))
    assert codes == [0] * WRITERS
    files = [path for path in tmp_path.iterdir() if path.name.startswith("mine")]
    assert sorted(parse_request(file.read_bytes()).machine.name for file in files) == ALL


def test_where_files_cannot_be_locked_none_is_lost_either(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", fails_with(errno.ENOLCK))
    # The state of each computer has locks; only the share has none.
    monkeypatch.setattr("keyferry.store.lock.Lock._take", lambda self, directory: os.dup(0))
    archive = tmp_path / "requests.zip"
    assert at_once(lambda n: save_as(room, n, str(archive))) == [0] * WRITERS
    assert machines_in(archive) == ALL


def test_what_an_interrupted_command_left_is_not_waited_for(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_PAUSE_S", 1e9)
    (tmp_path / "mine.request.new").write_bytes(b"half of a requ")
    save_as(room, 1, str(tmp_path / "mine.request"))
    assert parse_request((tmp_path / "mine.request").read_bytes())
    assert not (tmp_path / "mine.request.new").exists()


def test_a_command_that_is_writing_is_waited_for_but_not_for_ever(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_WAIT_S", 0.05)
    with open(tmp_path / "mine.request.new", "xb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(saving.NotSaved):
            save_as(room, 1, str(tmp_path / "mine.request"))
    assert (tmp_path / "mine.request.new").exists(), "it is the other command's"
    assert in_a_child(lambda: save_as(room, 1, str(tmp_path / "mine.request"))) == 0


def test_where_files_cannot_be_locked_only_time_tells_what_was_left(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending_in = replace(room, state=room.state / "LAB-01")
    pending_in.request()
    pending = find_pending(NUMBER, pending_in.state_dirs)
    assert pending is not None
    monkeypatch.setattr(fcntl, "flock", fails_with(errno.EOPNOTSUPP))
    monkeypatch.setattr(saving, "_ABANDON_AFTER_S", 0.05)
    (tmp_path / "mine.request.new").write_bytes(b"half of a requ")
    saving.save_request(pending, str(tmp_path / "mine.request"))
    assert parse_request((tmp_path / "mine.request").read_bytes())
