"""A customer lost the response: the vendor finds it in the ledger and hands it out again."""

import json
import subprocess
from pathlib import Path
from typing import Any

import keyferry
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import client, download, wait_for_ticket
from tests.support.running_stack import RunningStack


def desk(stack: RunningStack, *line: str) -> Any:
    command = [str(stack.run / "keyferry-admin"), *line, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_a_lost_response_is_signed_again_and_mailed(stack: RunningStack, tmp_path: Path) -> None:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path, seats=2)
    lost = keyferry.verify_response(customer.activate(), customer.keys)
    (answer,) = desk(stack, "request", "list", customer.number)["answers"]
    assert answer["request_sha256"] == lost.request_sha256
    before = table.get(customer.number)

    beginning = lost.request_sha256[:12]
    report = desk(stack, "request", "resend", customer.number, beginning, "--to", "jo@example.com")
    ticket = report["page"].removeprefix(f"{stack.page}#t=")
    state = wait_for_ticket(stack, {"id": ticket})
    assert (state["state"], state["email"], state["kind"]) == ("ready", "sent", "activate")
    assert state["response"]["machine_name"] == "LAB-01"
    again = keyferry.verify_response(download(state), customer.keys)
    assert again.envelope.body == lost.envelope.body
    assert table.get(customer.number) == before
