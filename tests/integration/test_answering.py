"""The whole way of a request file through the real handlers."""

from keyferry_protocol.response import verify_response
from tests.builders import LAB_07, NUMBER, a_request_file
from tests.integration.conftest import KEYS, World


def test_a_first_activation_gets_a_response_that_the_application_believes(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    response = verify_response(world.response(ticket), KEYS)
    assert (response.license.number, response.seat, response.serial) == (NUMBER, 1, 1)
    said = world.ticket(ticket)
    assert (said["state"], said["kind"], said["license_number"]) == ("ready", "activate", NUMBER)
    assert said["response"]["machine_name"] == "LAB-07"
    assert world.license().seats_used == 1
