"""The environment is asked for when a response is installed, and again at every start."""

from dataclasses import replace

import pytest

from keyferry import KeyferryError, Token
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import LAB_07, Room
from tests.support.terminal import Shell

TOKEN_KEY = Ed25519Signer(b"t" * 32)
TOKEN = Token(TOKEN_KEY.public, "SoftToken", "1", TOKEN_KEY.sign)


def code_of(error: "pytest.ExceptionInfo[KeyferryError]") -> tuple[str, int]:
    return error.value.code, error.value.exit


@pytest.mark.attack
@pytest.mark.parametrize("environment", ["virtual", "container"])
@pytest.mark.parametrize("protection", ["machine", "personal", "dongle"])
def test_a_license_for_physical_machines_does_not_run_elsewhere(
    room: Room, environment: str, protection: str
) -> None:
    room.dongle = TOKEN if protection == "dongle" else None
    room.activate(protection)
    room.machine = replace(LAB_07, environment=environment)
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert code_of(excinfo) == ("environment-not-allowed", 6)


@pytest.mark.parametrize("environment", ["virtual", "container"])
def test_what_may_not_run_here_is_not_installed(room: Room, environment: str) -> None:
    response = room.answer(room.request())
    room.machine = replace(LAB_07, environment=environment)
    before = room.files()
    with pytest.raises(KeyferryError) as excinfo:
        room.install(response)
    assert code_of(excinfo) == ("environment-not-allowed", 6)
    assert room.files() == before


@pytest.mark.parametrize(
    ("allowed", "environment"),
    [
        pytest.param(("physical",), "physical", id="physical"),
        pytest.param(("physical",), "unknown", id="unknown counts as physical"),
        pytest.param(("physical", "virtual"), "virtual", id="virtual"),
        pytest.param(("container", "physical"), "container", id="container"),
        pytest.param(("physical", "virtual", "container"), "container", id="all"),
    ],
)
def test_a_license_runs_where_it_may(
    room: Room, allowed: tuple[str, ...], environment: str
) -> None:
    room.machine = replace(LAB_07, environment=environment)
    room.activate(environments=allowed)
    assert room.load().check()


def test_another_guest_is_not_allowed_either(room: Room) -> None:
    room.activate(environments=("physical", "virtual"))
    room.machine = replace(LAB_07, environment="container")
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert code_of(excinfo) == ("environment-not-allowed", 6)


def test_a_seat_can_be_given_back_from_anywhere(room: Room) -> None:
    room.activate()
    room.machine = replace(LAB_07, environment="container")
    assert room.install(room.answer(room.request("deactivate"))).kind == "deactivate"


def test_the_machine_is_asked_before_its_environment(room: Room) -> None:
    room.activate()
    room.machine = replace(LAB_07, environment="virtual", components={"os_id": ["another"]})
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "wrong-machine"


def test_the_command_says_so(shell: Shell) -> None:
    shell.room.activate()
    shell.room.machine = replace(LAB_07, environment="container")
    refused = shell("check", "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (6, "environment-not-allowed")
    (row,) = shell("list", "--json").json["licenses"]
    assert row["state"] == "environment-not-allowed"
