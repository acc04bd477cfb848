"""This machine as a request tells it, where nobody gives a recorded one."""

import os
import sys

import pytest

from keyferry.machine import linux
from keyferry.machine.current_machine import CurrentMachine
from keyferry.machine.this import plain, read_components, this_machine
from keyferry_protocol.components import hash_components
from tests.support.offline import LAB_07, NUMBER

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux' reader")


@on_linux
def test_people_see_its_name_and_system_and_the_user_is_read_for_personal_alone() -> None:
    machine = this_machine()
    assert machine.name == plain(os.uname().nodename)
    assert (machine.os, machine.environment) == (plain(linux.os_name()), linux.environment())
    assert machine.components == read_components(user=True)
    assert machine.components["user"] == linux.users()
    assert "user" not in read_components(user=False)


@on_linux
def test_where_no_machine_is_given_this_one_is_hashed() -> None:
    seen = CurrentMachine(None)
    for protection, user in (("machine", False), ("personal", True)):
        expected = hash_components(NUMBER, read_components(user), protection)
        assert seen.hashes(NUMBER, protection) == expected
    assert seen.machine() == this_machine()


def test_a_recorded_machine_takes_its_place() -> None:
    seen = CurrentMachine(LAB_07)
    assert seen.machine() is LAB_07
    assert seen.hashes(NUMBER, "machine") == hash_components(NUMBER, LAB_07.components, "machine")


@pytest.mark.parametrize(
    ("told", "written"),
    [("LAB-07", "LAB-07"), ("研究室\n07\x1b[31m", "研究室07[31m"), ("n" * 70, "n" * 64), ("", "")],
)
def test_a_name_is_cut_to_what_a_file_may_carry(told: str, written: str) -> None:
    assert plain(told) == written
