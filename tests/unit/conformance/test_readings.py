"""The readers of Windows and macOS agree with every vector of raw readings."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from keyferry.machine import macos, windows
from keyferry_protocol.components import COMPONENTS_BY_PROTECTION
from tests.support import vectors

pytestmark = pytest.mark.conformance

Vector = dict[str, Any]
Values = Mapping[str, Sequence[str]]


@pytest.mark.parametrize("vector", vectors.cases("readings"))
def test_what_a_system_answers_is_read_in_one_way(vector: Vector) -> None:
    read = _windows if vector["system"] == "windows" else _macos
    values, environment = read(vector["answers"])
    assert vector["expect"] == {
        "ok": True,
        "components": _as_hashed(values),
        "environment": environment,
    }


def _windows(answers: Vector) -> tuple[Values, str]:
    smbios = b64decode(answers["smbios"])
    recorded = windows.Recorded(
        smbios=smbios,
        cards=tuple(
            windows.card_of_row(
                bytes.fromhex(row["permanent_physical_address"]),
                row["physical_address_length"],
                row["type"],
                row["flags"],
                row["device"],
                row["container"],
            )
            for row in answers["cards"]
        ),
        disks=tuple(map(b64decode, answers["disks"])),
        machine_guid=answers["machine_guid"],
        endorsement_key=b64decode(answers["endorsement_key"]),
        sid=answers["sid"],
    )
    return windows.components(recorded), windows.environment(smbios)


def _macos(answers: Vector) -> tuple[Values, str]:
    recorded = macos.Recorded(
        answers["platform"].encode(),
        tuple(text.encode() for text in answers["controllers"]),
        answers["disks"].encode(),
    )
    user = {"user": [answers["user"]]} if answers["user"] else {}
    environment = macos.environment(answers["hv_vmm_present"], answers["model"])
    return macos.components(recorded) | user, environment


def _as_hashed(values: Values) -> dict[str, list[str]]:
    """The values in the form that is hashed; equal ones are one."""
    normalize = {c.name: c.normalize for c in COMPONENTS_BY_PROTECTION["personal"]}
    return {name: sorted({normalize[name](v) for v in vs}) for name, vs in values.items()}
