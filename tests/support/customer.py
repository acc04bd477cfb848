"""A customer and the vendor: what both can do, and the files that come of it."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import keyferry
from keyferry_admin.use_cases import change_license, licenses
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.components import Machine
from keyferry_protocol.envelope import REQUEST, seal
from keyferry_protocol.keys import Ed25519Signer, KeySet, PinnedKey
from keyferry_protocol.request import parse_request
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Status
from tests.support.journeys import a_machine, carry, download
from tests.support.running_stack import RunningStack


class Customer:
    """A license of its own, the computers of who bought it, and the vendor's desk."""

    def __init__(self, stack: RunningStack, table: Licenses, folder: Path, **terms: Any) -> None:
        self.stack, self.table, self.folder = stack, table, folder
        self.product = stack.license["product"]
        made_at = terms.pop("made_at", int(time.time()))
        created = licenses.create(table, self.product, made_at, **terms)
        self.number, self.code = created.license.number, created.activation_code
        self.keys = KeySet.from_json((stack.run / "keys.json").read_bytes())

    def file(self, computer: int | Machine = 1, kind: str = "activate", **options: Any) -> bytes:
        """The request file that a computer makes."""
        code = self.code if kind == "activate" else None
        arguments = {"activation_code": code, "keys": self.keys, **self.place(computer), **options}
        return keyferry.make_request(arguments.pop("number", self.number), kind=kind, **arguments)

    def activate(self, computer: int | Machine = 1, **options: Any) -> bytes:
        """Carry a file there and back; the response that is installed then."""
        (ticket,) = carry(self.stack, [self.file(computer, **options)])
        response = download(ticket)
        place = {**self.place(computer), "dongle": options.get("dongle")}
        keyferry.install_response(response, self.keys, **place)
        return response

    def change(self, **terms: Any) -> LicenseRecord:
        return change_license.change(
            self.table, self.number, lambda license: replace(license, **terms)
        )

    def set_status(self, status: Status) -> LicenseRecord:
        return change_license.set_status(self.table, self.number, status)

    def release(self, seat: int) -> None:
        change_license.release_seat(self.table, self.number, seat)

    def place(self, computer: int | Machine) -> dict[str, Any]:
        """What every call of the client is told of a computer."""
        machine = a_machine(computer) if isinstance(computer, int) else computer
        return {
            "product": self.product,
            "machine": machine,
            "state_dir": self.folder / machine.name,
        }


def after(*actions: Callable[[Customer], object]) -> Callable[[Customer], None]:
    """What happened before the file is made."""

    def run_all(customer: Customer) -> None:
        for action in actions:
            action(customer)

    return run_all


def active(computer: int = 1, **options: Any) -> Callable[[Customer], object]:
    return lambda customer: customer.activate(computer, **options)


def become(status: Status) -> Callable[[Customer], object]:
    return lambda customer: customer.set_status(status)


def terms(**changed: Any) -> Callable[[Customer], object]:
    return lambda customer: customer.change(**changed)


def release(customer: Customer) -> None:
    customer.release(1)


def allow_move(customer: Customer) -> None:
    change_license.allow_move(customer.table, customer.number)


def request(computer: int = 1, **options: Any) -> Callable[[Customer], bytes]:
    return lambda customer: customer.file(computer, **options)


def request_on(**facts: Any) -> Callable[[Customer], bytes]:
    return lambda customer: customer.file(replace(a_machine(1), **facts))


def cut_short(customer: Customer) -> bytes:
    return customer.file()[:-40]


def of_a_later_version(customer: Customer) -> bytes:
    envelope = json.loads(customer.file())
    later = envelope["payloadType"].replace(".v1+", ".v2+")
    return json.dumps(envelope | {"payloadType": later}).encode()


def with_a_wrong_code(customer: Customer) -> bytes:
    return customer.file(activation_code=new_activation_code(customer.number))


def with_an_unknown_number(customer: Customer) -> bytes:
    number = f"{(int(customer.number) + 1) % 10**12:012}"
    return customer.file(number=number, activation_code=new_activation_code(number))


def update_by_an_unknown_key(customer: Customer) -> bytes:
    customer.file()  # is never carried
    return customer.file(kind="update")


def by_an_old_application(customer: Customer) -> bytes:
    key = Ed25519Signer.generate()
    pinned = PinnedKey(key.keyid, key.alg, key.public, trusted=True)
    return customer.file(keys=KeySet((ED25519,), (pinned,), frozenset()))


def update_of_a_released_seat(customer: Customer) -> bytes:
    customer.activate()
    file = customer.file(kind="update")
    customer.release(1)
    return file


def update_by_the_load_key_on_a_changed_computer(customer: Customer) -> bytes:
    """What a user asks for who cannot read the device key."""
    customer.activate()
    os_id = a_machine(1).components["os_id"]  # by which the client knows its own folder
    changed = replace(a_machine(1), components={**a_machine(2).components, "os_id": os_id})
    body = parse_request(customer.file(changed, kind="update")).envelope.body
    (load_key,) = (customer.folder / changed.name).rglob("load.key")
    return seal(REQUEST, body, [Ed25519Signer(b64decode(load_key.read_bytes()))])


def answered_before(customer: Customer) -> bytes:
    file = customer.file()
    customer.activate()
    customer.set_status(Status.REVOKED)
    return file


def a_token() -> keyferry.Token:
    """A dongle as most are: a P-256 key that is nowhere else."""
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return keyferry.Token(point, "Token", "1", lambda data: key.sign(data, ec.ECDSA(SHA256())))


TOKEN = a_token()


def with_a_dongle(customer: Customer) -> bytes:
    return customer.file(protection="dongle", dongle=TOKEN)


def register_the_dongle(customer: Customer) -> None:
    """The vendor is sent the refused file, and reads at the desk which dongle it names."""
    refused = with_a_dongle(customer)  # while it waits it is the very same file
    desk: list[str | Path] = [
        customer.stack.run / "keyferry-admin",
        "dongle",
        "add",
        customer.number,
        "-",
    ]
    subprocess.run(desk, input=refused, check=True, capture_output=True)


def for_one_user(customer: Customer) -> bytes:
    machine = replace(a_machine(1), components={**a_machine(1).components, "user": ["anna"]})
    return customer.file(machine, protection="personal")


def nothing(customer: Customer) -> None:
    """The license as it was sold."""
