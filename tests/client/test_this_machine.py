"""This machine as a request describes it, without a recorded one."""

import os
import sys

import pytest

from keyferry.machine import linux
from keyferry.machine.current_machine import known_machine
from keyferry.machine.this import current_machine, printable, read_components, this_machine
from keyferry_protocol.components import hash_components
from tests.support.offline import LAB_07
from tests.support.samples import NUMBER

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux' reader")


@on_linux
def test_the_user_is_read_for_a_personal_license_only() -> None:
    machine = this_machine()
    assert machine.name == printable(os.uname().nodename)
    assert (machine.os, machine.environment) == (printable(linux.os_name()), linux.environment())
    assert machine.components == read_components(with_user=True)
    assert machine.components["user"] == linux.users()
    assert "user" not in read_components(with_user=False)


@on_linux
def test_without_a_recorded_machine_this_one_is_hashed() -> None:
    machine = current_machine()
    for protection, user in (("machine", False), ("personal", True)):
        expected = hash_components(NUMBER, read_components(user), protection)
        assert machine.hashes(NUMBER, protection) == expected
    assert machine.machine() == this_machine()


def test_a_recorded_machine_replaces_this_one() -> None:
    machine = known_machine(LAB_07)
    assert machine.machine() is LAB_07
    assert machine.hashes(NUMBER, "machine") == hash_components(
        NUMBER, LAB_07.components, "machine"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [("LAB-07", "LAB-07"), ("研究室\n07\x1b[31m", "研究室07[31m"), ("n" * 70, "n" * 64), ("", "")],
)
def test_a_name_is_shortened_to_what_a_file_may_hold(text: str, written: str) -> None:
    assert printable(text) == written
