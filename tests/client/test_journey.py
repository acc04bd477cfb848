"""Where each license stands: one state, the same in the list, the status, `--json`, and wizard."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyferry import parse_request
from keyferry.vendor import read_vendor
from keyferry.wizard.session import Session
from tests.support.offline import LAB_07, LAB_09, OTHER
from tests.support.samples import DAY, NUMBER
from tests.support.terminal import Shell

Happening = Callable[[Shell], object]


def first_request(shell: Shell) -> None:
    shell("request", NUMBER, "--output", "activate.request")


def active(shell: Shell) -> None:
    first_request(shell)
    shell.carried("activate.request", seat=2)
    assert shell("install", "answer.response").exit == 0


def updating(shell: Shell) -> None:
    active(shell)
    shell("update", NUMBER, "--output", "update.request")


def updating_again(shell: Shell) -> None:
    updating(shell)
    shell.room.machine = replace(LAB_07, environment="virtual")
    shell("update", NUMBER, "--output", "again.request")
    shell.room.machine = LAB_07


def updating_after_the_end(shell: Shell) -> None:
    updating(shell)
    shell.room.now += 400 * DAY


def deactivated(shell: Shell) -> None:
    active(shell)
    shell("deactivate", NUMBER, "--yes", "--output", "end.request")


def deactivated_and_asked_again(shell: Shell) -> None:
    deactivated(shell)
    first_request(shell)


def the_stick_was_pulled(shell: Shell) -> None:
    deactivated(shell)
    os.unlink("end.request")


def with_its_receipt(shell: Shell) -> None:
    deactivated(shell)
    shell.room.serial += 1
    shell("install", str(shell.carried("end.request")))


def moved(shell: Shell) -> None:
    active(shell)
    shell.room.machine = LAB_09


STORIES = [
    pytest.param(
        first_request,
        "activation-waiting",
        [("activate", "activate.request")],
        "Waiting for its response file",
        [
            "Request file: ",
            "Next: choose its request file on https://activate.example.com, then install",
        ],
        id="asked to activate",
    ),
    pytest.param(active, "active", [], "Active", ["Seat 2"], id="active"),
    pytest.param(
        updating,
        "update-waiting",
        [("update", "update.request")],
        "Active; update waiting",
        ["Seat 2", "An update is waiting for its response file since 24 November 2026", "Next: "],
        id="an update waits while the license runs",
    ),
    pytest.param(
        updating_again,
        "update-waiting",
        [("update", "again.request")],
        "Active; update waiting",
        ["The response to this older request file will not install here: {here}/update.request"],
        id="an older file that no longer counts",
    ),
    pytest.param(
        updating_after_the_end,
        "update-waiting",
        [("update", "update.request")],
        "Ended on 30 November 2027; update waiting",
        ["An update is waiting for its response file since 24 November 2026"],
        id="it ended while its update waits",
    ),
    pytest.param(
        deactivated,
        "deactivation-waiting",
        [("deactivate", "end.request")],
        "Deactivated, seat not free yet",
        [
            "the seat is free only when its file is handed in",
            "Request file: {here}/end.request",
            "Next: choose its request file on https://activate.example.com. The page says when",
        ],
        id="deactivated, and not handed in",
    ),
    pytest.param(
        the_stick_was_pulled,
        "deactivation-waiting",
        [("deactivate", None)],
        "Deactivated, seat not free yet",
        ["Request file: {here}/end.request (it is not there now)"],
        id="deactivated, and its file is on a USB drive elsewhere",
    ),
    pytest.param(
        deactivated_and_asked_again,
        "activation-waiting",
        [("deactivate", None), ("activate", "activate-2.request")],
        "Waiting for its response file",
        ["Deactivated on 24 November 2026", "An activation is waiting", "Request file: "],
        id="deactivated, not handed in, and asked again",
    ),
    pytest.param(
        with_its_receipt, "deactivated", [], "Deactivated", ["make a"], id="its receipt came"
    ),
    pytest.param(moved, "not-usable", [], "This computer", ["Seat 2"], id="on another computer"),
]


@pytest.mark.parametrize(("story", "step", "waiting", "short", "sentences"), STORIES)
def test_a_license_has_one_state_wherever_it_is_shown(
    shell: Shell,
    story: Happening,
    step: str,
    waiting: list[tuple[str, str | None]],
    short: str,
    sentences: list[str],
) -> None:
    story(shell)
    (license,) = shell("list", "--json").json["licenses"]
    journey = license["journey"]
    assert journey["step"] == step
    here = os.getcwd()
    named = [(kind, name and os.path.join(here, name)) for kind, name in waiting]
    assert [(file["kind"], file["path"]) for file in journey["waiting"]] == named
    assert shell("status", "--json").json["licenses"] == [license]
    for sentence in sentences:
        assert sentence.format(here=here) in "\n".join(journey["text"])
    number = "015.120.020.093"
    expected = f"{number}  " + f"\n{' ' * 17}".join(journey["text"]) + "\n"
    assert shell("status").out == expected
    assert short in shell("list").out
    (row,) = wizard_of(shell).page().data.rows
    assert (row[1], row[3]) == (number, journey["text"][0])
    assert list(wizard_of(shell).page().data.details) == journey["text"][1:]


def wizard_of(shell: Shell) -> Session:
    vendor = read_vendor(Path("vendor/keys.json"))
    assert vendor is not None
    return Session(shell.room.installation, vendor)


def test_a_file_written_again_in_its_place_is_not_void(shell: Shell) -> None:
    shell("request", NUMBER)
    shell("request", NUMBER, "--machine-name", "PRESS-3")
    (license,) = shell("list", "--json").json["licenses"]
    assert license["journey"]["void_path"] is None


def test_a_canceled_requests_file_is_void_beside_the_next_one(shell: Shell) -> None:
    active(shell)
    shell("update", NUMBER, "--output", "canceled.request")
    shell("cancel", NUMBER)
    (license,) = shell("list", "--json").json["licenses"]
    assert license["journey"]["void_path"] == os.path.abspath("canceled.request")
    os.unlink("canceled.request")
    (license,) = shell("list", "--json").json["licenses"]
    assert license["journey"]["void_path"] is None


# What would be lost is kept


KEPT: list[tuple[Happening, str]] = [
    (first_request, "its request is waiting"),
    (updating, "its update is waiting"),
    (deactivated, "its seat is free only when the file of its deactivation is handed in"),
    (deactivated_and_asked_again, "its seat is free only when"),
]


@pytest.mark.parametrize(("story", "why"), KEPT, ids=lambda v: getattr(v, "__name__", ""))
def test_a_license_is_not_removed_while_its_request_waits(
    shell: Shell, story: Happening, why: str
) -> None:
    story(shell)
    before = shell.room.files()
    printed = shell("remove", NUMBER, "--yes")
    assert printed.exit == 0
    assert printed.err.startswith("! License 015.120.020.093 was not removed: ")
    assert why in printed.err
    assert shell("remove", NUMBER, "--yes", "--json").json["state"] == "kept"
    assert shell.room.files() == before
    session = wizard_of(shell)
    session.press(f"begin:remove:{NUMBER}", "list", {})
    session.press("next", "remove", {})
    (problem,) = session.page().problems
    assert why in problem.text
    assert shell.room.files() == before


def test_nothing_is_asked_about_a_license_that_is_kept(shell: Shell) -> None:
    first_request(shell)
    assert "[y/N]" not in shell("remove", NUMBER).err


@pytest.mark.parametrize("story", [active, with_its_receipt, moved])
def test_a_license_for_which_nothing_waits_is_removed(shell: Shell, story: Happening) -> None:
    story(shell)
    assert shell("remove", NUMBER, "--yes", "--json").json["state"] == "removed"
    assert not any(NUMBER in name for name in shell.room.files())


def test_after_cancel_a_license_can_be_removed(shell: Shell) -> None:
    updating(shell)
    shell("cancel", NUMBER)
    assert shell("remove", NUMBER, "--yes", "--json").json["state"] == "removed"


def test_an_update_is_for_the_product_of_its_license(shell: Shell) -> None:
    active(shell)
    options: list[Any] = ["--product", "Example Viewer", "--output", "viewer.request"]
    assert shell("update", NUMBER, *options).exit == 0
    assert parse_request(Path("viewer.request").read_bytes()).product.name == "Example Modeler"
    assert shell("update", OTHER, *options).exit == 3
