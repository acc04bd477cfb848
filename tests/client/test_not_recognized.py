"""When a computer is not recognized: the failed rule, the parts, and the command that helps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry import Machine
from keyferry.store.folder import Folder
from keyferry_protocol.errors import StateNotReadable, WrongMachine
from keyferry_protocol.matching import COMPONENTS, match
from keyferry_protocol.messages import message
from tests.support.offline import LAB_07, LAB_09, NUMBER, Room
from tests.support.terminal import Shell

UPDATE = f"keyferry update {NUMBER}"
AGAIN = f"keyferry request {NUMBER} --replaces-seat 1"
ONE_MOVE = ", which uses one move of this license."
OWN_SEAT = " to use a seat for this computer."  # the other computer may share the folder

LINUX = Machine(
    "HOST",
    "Debian 12",
    "physical",
    {"mac": ["d0bf9c112233"], "os_id": ["8f2b9d3e"], "disk_serial": ["S1"], "user": ["ann"]},
)
CARD = replace(LINUX, components={"mac": ["d0bf9c112233"]})


def changed(machine: Machine, **values: list[str] | None) -> Machine:
    """The machine with other values; a part that is None cannot be read any more."""
    merged = {**machine.components, **values}
    return replace(machine, components={name: v for name, v in merged.items() if v is not None})


@dataclass(frozen=True)
class Story:
    """A computer before and after, and what is said about it."""

    before: Machine
    after: Machine
    rule: str
    words: str
    parts: tuple[str, ...]
    remedy: str  # the command, or "" if none would be accepted
    first: str = "Change the parts back."
    protection: str = "machine"
    title: str = "This computer is not recognized"
    costs: str = ONE_MOVE


NEW_BOARD = changed(LAB_07, tpm_key=["b"], smbios_uuid=["b"], board_serial=["b"], mac=["b"])
STORIES = {
    "a new system board and network card": Story(
        LAB_07,
        NEW_BOARD,
        "weight",
        "5 of 21 points match",
        ("the TPM", "the system board", "the network card"),
        UPDATE,
    ),
    "a new TPM and a firmware that lost its UUID": Story(
        LAB_07,
        changed(LAB_07, tpm_key=["b"], smbios_uuid=None),
        "hardware",
        "8 of 18 points of hardware match",
        ("the TPM", "the system board"),
        UPDATE,
    ),
    "a service that cannot see the network card": Story(
        LINUX,
        changed(LINUX, mac=None),
        "anchor",
        "5 of 8 points match, but no TPM, system board, or network card does",
        ("the network card",),
        "",
    ),
    "another network card": Story(
        LINUX,
        changed(LINUX, mac=["another"]),
        "anchor",
        "5 of 8 points match, but no TPM, system board, or network card does",
        ("the network card",),
        UPDATE,
    ),
    "one card was recorded and a whole computer is seen": Story(
        CARD,
        LINUX,
        "recorded",
        "3 of 8 points that this computer shows are recorded",
        (),
        UPDATE,
        first="Remove the parts that were added.",
    ),
    "another user of the same computer": Story(
        LINUX,
        changed(LINUX, user=["bob"]),
        "user",
        "License 015.120.020.093 is bound to another user of this computer.",
        (),
        UPDATE,
        first="Sign in as that user.",
        protection="personal",
        title="This license is for another user of this computer",
    ),
    "another user of another computer": Story(
        LINUX,
        changed(LINUX, mac=["b"], os_id=["b"], disk_serial=["b"], user=["bob"]),
        "weight",
        "0 of 8 points match",
        ("the network card", "the operating system", "the disk"),
        f"keyferry request {NUMBER} --protection personal",
        first="Use the license on the computer where it was installed.",
        protection="personal",
        costs=OWN_SEAT,
    ),
    "a copied license folder": Story(
        LAB_07,
        LAB_09,
        "weight",
        "0 of 21 points match",
        ("the TPM", "the system board", "the network card", "the operating system", "the disk"),
        f"keyferry request {NUMBER}",
        first="Use the license on the computer where it was installed.",
        costs=OWN_SEAT,
    ),
    "one of two cards and the system are new": Story(
        changed(LINUX, mac=["a", "b"]),
        changed(LINUX, mac=["a", "c"], os_id=["new"]),
        "weight",
        "3 of 8 points match",
        ("one of the network cards", "the operating system"),
        UPDATE,
    ),
}


@pytest.fixture(params=STORIES.values(), ids=STORIES)
def story(request: pytest.FixtureRequest) -> Story:
    story: Story = request.param
    return story


def refused(room: Room) -> WrongMachine:
    with pytest.raises(WrongMachine) as excinfo:
        room.load()
    return excinfo.value


def assert_tells(text: str, story: Story) -> None:
    assert story.words in text
    for part in story.parts:
        assert part in text
    assert "This file" not in text, "no file is at hand"


def test_load_names_the_rule_the_parts_and_the_command(room: Room, story: Story) -> None:
    room.machine = story.before
    room.activate(story.protection)
    room.machine = story.after
    error = refused(room)
    assert_tells(f"{error} {error.title} {error.next_step}", story)
    assert error.title == story.title
    assert error.next_step.startswith(story.first)
    facts = error.facts["match"]
    assert facts["rule"] == story.rule
    assert facts["current"] > 0
    if story.remedy:
        assert error.next_step.endswith(f"Or run `{story.remedy}`{story.costs}")
        moves = 1 if story.costs == ONE_MOVE else None
        assert (error.facts["command"], error.facts.get("moves")) == (story.remedy, moves)
    else:
        assert error.next_step.endswith("run `keyferry doctor` to see what is missing.")
        assert "command" not in error.facts


@pytest.mark.parametrize("command", ["check", "status", "doctor"])
def test_each_command_says_the_same(shell: Shell, story: Story, command: str) -> None:
    shell.room.machine = story.before
    shell.room.activate(story.protection)
    shell.room.machine = story.after
    printed = shell(command)
    lines = " ".join((printed.out + printed.err).split())
    if command == "doctor" and story.rule == "user":
        assert "the license is bound to another user of this computer" in lines
    else:
        assert_tells(lines, story)
    assert story.remedy in lines
    document = shell(command, "--json").json
    verdict = {
        "check": lambda: document["error"],
        "status": lambda: document["licenses"][0]["error"],
        "doctor": lambda: next(c for c in document["checks"] if c["name"] == "drift"),
    }[command]()
    assert verdict["match"]["rule"] == story.rule


def test_install_of_another_computers_file_says_how_to_move_the_license(
    room: Room, tmp_path: Path
) -> None:
    other = Room(tmp_path / "elsewhere", machine=LAB_09)
    response = other.answer(other.request())
    with pytest.raises(WrongMachine) as excinfo:
        room.install(response)
    error = excinfo.value
    assert error.title == "This file is for another computer"
    assert "0 of 21 points match" in str(error)
    assert error.next_step == (
        f"Use the response to a request made here. Or run `{AGAIN}`{ONE_MOVE}"
    )
    room.activate()
    with pytest.raises(WrongMachine) as excinfo:
        room.install(response)
    assert excinfo.value.next_step == "Use the response to a request made here."


def test_install_of_another_users_file_is_told_as_that(room: Room, tmp_path: Path) -> None:
    other = Room(tmp_path / "elsewhere", machine=LINUX)
    response = other.answer(other.request(protection="personal"))
    room.machine = changed(LINUX, user=["bob"])
    with pytest.raises(WrongMachine) as excinfo:
        room.install(response)
    assert excinfo.value.title == "This file is for another user of this computer"
    assert "--protection personal" in excinfo.value.next_step


def test_a_computer_that_changed_while_its_request_was_out_is_no_other_computer(
    room: Room,
) -> None:
    response = room.answer(room.request())
    room.machine = NEW_BOARD
    with pytest.raises(WrongMachine) as excinfo:
        room.install(response)
    assert excinfo.value.title == "This computer is not recognized"
    assert UPDATE in excinfo.value.next_step


@pytest.mark.parametrize(
    ("gone", "words", "remedy", "moves"),
    [
        pytest.param(["load.key"], "is not on this computer", UPDATE, 0, id="only the load key"),
        pytest.param(
            ["load.key", "device.key", "device.public"],
            "is not on this computer",
            AGAIN,
            1,
            id="every key",
        ),
    ],
)
def test_a_missing_key_is_told_as_that(
    room: Room, gone: list[str], words: str, remedy: str, moves: int
) -> None:
    room.activate()
    for name in gone:
        room.folder().erase(name)
    error = refused(room)
    assert words in str(error)
    assert error.title == "The key of this license is not on this computer"
    assert error.facts["match"]["rule"] == "key"
    assert (error.facts["command"], error.facts["moves"]) == (remedy, moves)
    assert remedy in error.next_step


def test_keys_of_another_folder_are_told_apart_from_missing_ones(
    room: Room, tmp_path: Path
) -> None:
    room.activate()
    other = Room(tmp_path / "elsewhere")
    other.activate()
    for name in ("load.key", "device.key", "device.public"):
        Path(room.folder().path(name)).write_bytes(other.folder().read(name) or b"")
    error = refused(room)
    assert str(error) == "The key on this computer is not the one of license 015.120.020.093."
    assert error.facts["command"] == AGAIN, "an update by this key would not be answered"


def test_a_user_who_may_not_sign_is_sent_to_the_administrator(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    room.machine = NEW_BOARD

    def unreadable(folder: Folder, ignore_damage: bool = False) -> None:
        raise StateNotReadable(path=folder.path("device.key"))

    monkeypatch.setattr(Folder, "device_key", unreadable)
    error = refused(room)
    assert f"ask the administrator who installed the license to run `{UPDATE}`" in error.next_step
    assert error.facts["command"] == UPDATE


sets = st.dictionaries(
    st.sampled_from(list(COMPONENTS)),
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True).map(tuple),
)


@given(sets, sets)
def test_the_points_that_are_shown_never_contradict_the_verdict(
    recorded: Mapping[str, tuple[str, ...]], current: Mapping[str, tuple[str, ...]]
) -> None:
    result = match(recorded, current)
    facts = {name: getattr(result, name) for name in result.__dict__ if name != "rule"}
    text = "" if result.same else message(f"errors.wrong-machine.rule.{result.rule}", **facts)
    for have, of in re.findall(r"(\d+) of (\d+) points", text):
        assert (2 * int(have) > int(of)) is ("half" not in text)
    if result.same and result.of:
        assert 2 * result.have > result.of
    assert (result.have == result.of) is (not result.changed) or result.of < 3
