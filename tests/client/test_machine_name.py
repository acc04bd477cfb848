"""The computer's name: what was chosen here is what every later request says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry.store.folder import STATE
from keyferry_protocol.request import parse_request
from tests.support.offline import LAB_07, Room
from tests.support.samples import DAY, NUMBER
from tests.support.terminal import Shell

CHOSEN = [pytest.param("Pump 3", id="another name"), pytest.param("", id="no name")]


def name_in(shell: Shell, *arguments: str) -> str:
    """The computer's name in the request file that this command writes."""
    printed = shell(*arguments, "--json")
    assert printed.exit == 0, printed.out
    return parse_request(Path(printed.json["request"]["path"]).read_bytes()).machine.name


def activate(shell: Shell, *options: str) -> None:
    name_in(shell, "request", NUMBER, *options)
    install_answer(shell)


def install_answer(shell: Shell) -> None:
    [file] = Path().glob(f"{NUMBER}-????.request")
    shell.room.serial += 1
    assert shell("install", str(shell.carried(str(file)))).exit == 0
    file.unlink()


def update(shell: Shell) -> str:
    return name_in(shell, "update", NUMBER)


def deactivate(shell: Shell) -> str:
    return name_in(shell, "deactivate", NUMBER, "--yes")


def deactivate_and_activate_again(shell: Shell) -> str:
    deactivate(shell)
    install_answer(shell)
    return name_in(shell, "request", NUMBER)


def cancel_and_ask_again(shell: Shell) -> str:
    update(shell)
    shell("cancel", NUMBER)
    return update(shell)


def ask_again_when_the_first_file_is_too_old(shell: Shell) -> str:
    update(shell)
    shell.room.now += 8 * DAY
    return update(shell)


def activate_again_with_new_keys(shell: Shell) -> str:
    for name in ("device.key", "load.key", "device.public"):
        (shell.room.folder().root.path / Path(NUMBER) / name).unlink()
    return name_in(shell, "request", NUMBER)


def update_after_an_interrupted_install_was_repaired(shell: Shell) -> str:
    update(shell)
    [file] = Path().glob(f"{NUMBER}-????.request")
    response = shell.room.answer(file.read_bytes())
    shell.room.folder().write("installed.response", response)  # and no more
    assert "Finished" in shell("doctor", "--repair").out
    return update(shell)


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize(
    "write",
    [
        update,
        deactivate,
        deactivate_and_activate_again,
        cancel_and_ask_again,
        ask_again_when_the_first_file_is_too_old,
        activate_again_with_new_keys,
        update_after_an_interrupted_install_was_repaired,
    ],
)
def test_every_later_request_has_the_name_that_was_chosen(
    shell: Shell, write: Callable[[Shell], str], name: str
) -> None:
    activate(shell, "--machine-name", name)
    assert write(shell) == name


@pytest.mark.parametrize("name", CHOSEN)
def test_it_holds_until_another_name_is_chosen(shell: Shell, name: str) -> None:
    activate(shell)
    assert update(shell) == "LAB-07"
    assert name_in(shell, "update", NUMBER, "--machine-name", name) == name
    assert update(shell) == name
    assert name_in(shell, "update", NUMBER, "--machine-name", "LAB-07") == "LAB-07"
    assert update(shell) == "LAB-07"


def test_without_a_choice_a_request_has_the_computers_own_name(shell: Shell) -> None:
    activate(shell)
    assert "machine_name" not in json.loads((folder(shell.room) / STATE).read_text())
    shell.room.machine = replace(LAB_07, name="LAB-08")
    assert update(shell) == "LAB-08"


def test_a_waiting_request_that_has_the_own_name_is_made_again(shell: Shell) -> None:
    """Like one that an earlier version wrote, which did not remember the choice."""
    activate(shell)
    assert update(shell) == "LAB-07"
    path = folder(shell.room) / STATE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine_name": ""}))
    assert update(shell) == ""


def test_a_name_that_no_request_may_contain_is_damage(shell: Shell) -> None:
    activate(shell, "--machine-name", "Pump 3")
    path = folder(shell.room) / STATE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine_name": "\u202e"}))
    assert shell("status", "--json").json["licenses"][0]["state"] == "state-damaged"


def test_a_removed_license_leaves_no_name(shell: Shell) -> None:
    activate(shell, "--machine-name", "Pump 3")
    shell("remove", NUMBER, "--yes")
    assert not folder(shell.room).exists()
    assert name_in(shell, "request", NUMBER) == "LAB-07"


def folder(room: Room) -> Path:
    return Path(room.folder().root.path) / NUMBER
