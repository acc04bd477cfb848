"""A dongle's license from the real service: register the dongle, request, respond, install."""

import subprocess
from pathlib import Path

import pytest

from keyferry import install_response, load
from keyferry.dongle.find import find_dongle
from keyferry_admin.use_cases import licenses
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.client.dongle.conftest import PIN, Dongles
from tests.support.customer import Customer
from tests.support.journeys import a_machine, carry, client
from tests.support.running_stack import RunningStack
from tests.support.terminal import Shell


@pytest.mark.timeout(300)
def test_the_service_answers_what_a_registered_dongle_signs(
    stack: RunningStack, tmp_path: Path, dongles: Dongles, shell: Shell
) -> None:
    token = dongles.new()
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path)
    dongle = find_dongle(PIN, dongles.module)
    (refused,) = carry(stack, [customer.file(protection="dongle", dongle=dongle)])
    assert refused["refusal"]["code"] == "dongle-not-registered"

    assert shell("dongle", "export", "--output", "dongle.json").exit == 0
    desk = [str(stack.run / "keyferry-admin"), "dongle", "add", customer.number, "dongle.json"]
    subprocess.run(desk, check=True, capture_output=True)
    response = customer.activate(protection="dongle", dongle=dongle)
    (registered,) = table.dongles(customer.number)
    assert (registered.public, registered.serial) == (token.keys[0], token.serial)
    assert registered.seat == 1

    place = {"product": customer.product, "state_dir": tmp_path / "second", "dongle": dongle}
    install_response(response, customer.keys, machine=a_machine(2), **place)
    assert load(keys=customer.keys, machine=a_machine(2), **place).check()
    customer.activate(2, protection="dongle", dongle=dongle)
    assert licenses.find(table, customer.number).seats_used == 1, "carried on, it is the same seat"
