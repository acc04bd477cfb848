"""A plant whose machines are renewed by one zip: no trip out, one stick in."""

import json
import subprocess
import time
from pathlib import Path

import pytest

import keyferry
from keyferry.api import open_installation
from keyferry.files.install_files import INSTALLED, NOT_OURS, install_files
from keyferry.files.read_responses import read_collection
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import carry, client, download
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.timeout(300)
MACHINES = 30
MOST_S = 60  # it takes about two


def test_a_plant_of_thirty_machines_is_renewed_by_one_zip(
    stack: RunningStack, tmp_path: Path
) -> None:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    plant = Customer(
        stack, table, tmp_path / "plant", seats=MACHINES, licensee="Nordhaven: Plant 2"
    )
    tickets = carry(stack, [plant.file(number) for number in range(1, MACHINES + 1)])
    for number in (1, MACHINES):
        response = download(tickets[number - 1])
        keyferry.install_response(response, plant.keys, **plant.place(number))
    plant.change(features={"threads": 64})
    began = time.monotonic()
    command = [stack.run / "keyferry-admin", "license", "renew", plant.number, "--json"]
    ran = subprocess.run(
        [*command, "--folder", tmp_path / "renewals"], capture_output=True, text=True, check=True
    )
    taken_s = time.monotonic() - began
    renewed = json.loads(ran.stdout)
    assert [each["seat"] for each in renewed["renewed"]] == list(range(1, MACHINES + 1))
    assert taken_s < MOST_S
    print(f"{MACHINES} machines renewed by one zip in {taken_s:.1f} s")
    (archive,) = renewed["zips"]
    for number in (1, MACHINES):
        place = plant.place(number)
        installation = open_installation(
            place["product"], plant.keys, place["state_dir"], place["machine"], None, None, None
        )
        reports = install_files(read_collection(archive, plant.keys), installation)
        outcomes = [report.outcome for report in reports]
        assert (outcomes.count(INSTALLED), outcomes.count(NOT_OURS)) == (1, MACHINES - 1)
        assert keyferry.load(keys=plant.keys, **place).check("threads").value == 64
