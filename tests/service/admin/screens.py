"""A terminal, a pipe, and the items that the service writes, for the tests of the commands."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys
from keyferry_protocol.algorithms import ED25519
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.domain.license import Seat
from keyferry_service.domain.signing_keys import SigningKey
from tests.support.samples import NOW, NUMBER

GOLDEN = Path(__file__).parent / "golden"


class Screen(io.StringIO):
    """A terminal, or a pipe if `terminal` is False."""

    terminal = True
    encoding = "utf-8"

    def isatty(self) -> bool:
        return self.terminal

    def reconfigure(self, **settings: Any) -> None:
        pass


class Pipe(Screen):
    terminal = False


class OldPipe(Pipe):
    encoding = "cp1252"


@dataclass
class Ran:
    exit: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def pem_key(stack: Stack, file: Path, alg: str = ED25519) -> SigningKey:
    """Have a key in a new file sign."""
    key = keys.key_in_pem(alg, file)
    keys.register(stack.signing_keys, key)
    return key


def take_seat(stack: Stack, number: int, **facts: Any) -> None:
    """Write the item of a seat as the service does."""
    known: dict[str, Any] = {
        "protection": "machine",
        "device_key": bytes(32),
        "load_key": bytes(32),
        "components": {},
        "machine_name": f"LAB-{number:02}",
        "since": NOW,
        "serial": 1,
        "last_request_serial": 0,
        "last_response_at": NOW,
    }
    seat = Seat(number, **({"taken": True} | known | facts))
    boto3.client("dynamodb").put_item(
        TableName=stack.output("LicensesTable"),
        Item=to_item({"pk": NUMBER, "sk": f"seat#{number}", **members(seat)}),
    )
