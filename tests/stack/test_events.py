"""Events are switched on in a running stack: from its tables over its bus to a server."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.change import Author
from tests.stack.test_dead_letters import eventually
from tests.stack.test_mail_feedback import a_notice, publish
from tests.stack.test_resending import desk
from tests.support.customer import Customer, with_a_wrong_code
from tests.support.journeys import carry, client, deploy_again
from tests.support.running_stack import ROOT, RunningStack

RECEIVER = ROOT / "docs" / "operations" / "webhook_receiver.py"


@dataclass
class Server:
    """The vendor's server, as docs/operations/events.md runs it, and what it has printed."""

    stack: RunningStack
    output: Path

    def events(self, number: str) -> list[dict[str, Any]]:
        """What it received about a license, and about files that name none."""
        events = map(json.loads, self.output.read_text().splitlines())
        return [event for event in events if event.get("subject", number) == number]


@contextmanager
def running_server(stack: RunningStack, folder: Path) -> Iterator[Server]:
    """Have the stack send its events to a server; both end with the context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ExitStack() as afterwards:
        afterwards.callback(deploy_again, stack, Events="off", WebhookUrl="")
        deploy_again(stack, Events="on", WebhookUrl=f"http://127.0.0.1:{port}/keyferry")
        (described,) = client(stack, "cloudformation").describe_stacks(StackName="keyferry")[
            "Stacks"
        ]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
        secret = client(stack, "secretsmanager").get_secret_value(SecretId=outputs["WebhookSecret"])
        output = folder / "events"
        with output.open("w") as file:
            process = afterwards.enter_context(
                subprocess.Popen(
                    [sys.executable, str(RECEIVER), str(port)],
                    env=os.environ | {"WEBHOOK_SECRET": f"whsec_{secret['SecretString']}"},
                    stdout=file,
                )
            )
        afterwards.callback(process.terminate)
        yield Server(replace(stack, outputs=outputs), output)


@pytest.fixture
def server(stack: RunningStack, tmp_path: Path) -> Iterator[Server]:
    with running_server(stack, tmp_path) as server:
        yield server


def test_what_happens_to_a_license_reaches_the_vendors_server(
    server: Server, tmp_path: Path
) -> None:
    stack = server.stack
    desk_of_anna = Author("arn:aws:sts::000000000000:assumed-role/Desk/anna", int(time.time()))
    rows = client(stack, "dynamodb")
    table = Licenses(rows, stack.outputs["LicensesTable"], lambda: desk_of_anna)
    customer = Customer(stack, table, tmp_path, seats=1, licensee="Nordhaven Pilot Plant")
    address = f"gone-{customer.number}@example.com"
    (ticket,) = carry(stack, [customer.file(1)], [address])
    publish(stack, a_notice(stack, ticket["id"]))
    carry(stack, [with_a_wrong_code(customer), customer.file(2)])
    carry(stack, [customer.file(3, replaces_seat=1)])
    customer.change(seats=2)

    def received() -> list[tuple[str, ...]]:
        return sorted(
            (event["type"].removeprefix("keyferry."), *_facts(event["data"]))
            for event in server.events(customer.number)
        )

    expected = [
        ("email.bounced",),
        ("license.changed", "change"),
        ("license.changed", "create"),
        ("request.answered",),
        ("request.answered",),
        ("request.refused", "no-seats-left"),
        ("request.refused", "not-authentic"),
        ("seat.replaced",),
    ]
    eventually(lambda: len(received()) >= len(expected))
    assert received() == sorted(expected)
    replayed = desk(stack, "events", "replay", datetime.now(UTC).date().isoformat())
    assert replayed["events"] >= len(expected)
    text = json.dumps(server.events(customer.number))
    for secret in (customer.code, address, "Nordhaven", "LAB-0", "Desk", ticket["id"]):
        assert secret not in text


def _facts(data: dict[str, str]) -> list[str]:
    """By which two events of one type differ."""
    return [data[name] for name in ("code", "what") if name in data]
