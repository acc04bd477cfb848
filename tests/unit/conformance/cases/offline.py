"""An offline machine for vectors: its state folder, its parts, its clock, and what spoils them."""

import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from tests.unit.conformance.cases.files import (
    COMPONENTS,
    DONGLE,
    RESPONSE,
    Body,
    Vector,
    component,
    encode,
    request,
    request_file,
    response,
    sealed,
)
from tests.unit.conformance.cases.key_sets import LEAKED, key_set
from tests.unit.conformance.cases.keys import (
    DEVICE,
    NUMBER,
    SERVICE,
    STRANGER,
    TOKEN,
    TOKEN_ED25519,
    Key,
    b64,
    keyid,
    seed,
)

DAY = 86400
MARK = sha256(b"keyferry.testing: a key set of a test 2").digest()
MARK_KEY = {"keyid": keyid("Ed25519", MARK), "alg": "Ed25519", "public": b64(MARK)}
THROWAWAY = key_set(SERVICE.in_key_set(), MARK_KEY | {"status": "compromised"})
PARTS = {
    "mac": ["d0bf9c112233", "d0bf9c112234"],
    "os_id": ["2f4d7a3b1c9e4f5a8b6c7d8e9f0a1b2c"],
    "disk_serial": ["S4EWNX0R612345"],
    "user": ["anna"],
}
ANOTHERS_PARTS = {
    "mac": ["d0bf9c999999"],
    "os_id": ["00112233445566778899aabbccddeeff"],
    "disk_serial": ["S4EWNX0R999999"],
    "user": ["anna"],
}
SITE, USER_DIR = f"site/{NUMBER}", f"user/{NUMBER}"
CLOCK = "user/clock.json"
REQUEST_SHA256 = response()["request_sha256"]
WAITING = request_file(request())
P256_SCALAR = (int.from_bytes(seed("token"), "big") >> 1).to_bytes(32, "big")
TOKENS = {
    "p256": {"alg": TOKEN.alg, "public": b64(TOKEN.public), "private": b64(P256_SCALAR)},
    "ed25519": {
        "alg": "Ed25519",
        "public": b64(TOKEN_ED25519.public),
        "private": b64(seed("token")),
    },
}


def at(text: str) -> int:
    """Whole seconds since 1970 of a time of the format."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())


def time(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Offline:
    """One offline machine on which a license is installed; a vector is made of what it holds.

    Attributes are changed freely before `vector`. Files whose name ends in `.json` are objects, or
    bytes where they are damaged; `response` is signed by `signers` and put in its place last.
    """

    def __init__(self, body: Body | None = None, where: str = SITE) -> None:
        self.response = copy.deepcopy(body or response(check_in_by=None))
        self.signers: list[Key] = [SERVICE]
        self.payload_type = RESPONSE
        self.where = where
        self.keys = key_set()
        self.product = "Example Modeler"
        self.environment = "physical"
        self.parts: Mapping[str, list[str]] = PARTS
        self.now = "2026-12-01T12:00:00Z"
        self.released: str | None = None
        self.token: dict[str, Any] | None = None
        self.more: dict[str, Any] = {}  # members that only a few vectors have
        self.files: dict[str, Any] = {
            f"{where}/{name}": data for name, data in key_files(DEVICE.public).items()
        }
        self.files[f"{where}/state.json"] = state(self.response["serial"])

    def file(self) -> bytes:
        """The response file."""
        return sealed(self.payload_type, self.response, self.signers)

    def install(self) -> None:
        """Put the response where it is installed."""
        self.files[f"{self.where}/installed.response"] = self.file()

    def inputs(self) -> Vector:
        token = {} if self.token is None else {"token": self.token}
        released = {} if self.released is None else {"released": self.released}
        return {
            "state": {path: b64(data_of(value)) for path, value in sorted(self.files.items())},
            "key_set": b64(encode(self.keys)),
            "product": self.product,
            "machine": {"environment": self.environment, "components": dict(self.parts)},
            "now": self.now,
            **released,
            **token,
            **self.more,
        }


def data_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def state(max_serial: int, ended: bool = False) -> dict[str, Any]:
    return {"state": 1, "max_serial": max_serial, "ended": ended}


def clock(mark: int | str, lowered: int = 0, note: int | None = None) -> dict[str, Any]:
    """The clock's file; a note is of the request that `response()` answers."""
    notes = {} if note is None else {REQUEST_SHA256: note}
    mark = at(mark) if isinstance(mark, str) else mark
    return {"mark": mark, "lowered": lowered, "at_request": notes}


def key_files(public: bytes) -> dict[str, bytes]:
    return {
        "device.key": b64(seed("device")).encode(),
        "device.public": b64(public).encode(),
        "load.key": b64(seed("load")).encode(),
    }


def terms(machine: Offline, **changes: Any) -> None:
    machine.response["license"] |= changes


def bound(machine: Offline, **changes: Any) -> None:
    machine.response["bound_to"] |= changes


def dongle_bound() -> Offline:
    """A license that a token carries; it needs no key of the machine's."""
    machine = Offline()
    bound(machine, protection="dongle", load_key=None, components={}, dongle=DONGLE)
    machine.token = TOKENS["p256"]
    del machine.files[f"{SITE}/load.key"]
    return machine


def personal() -> Offline:
    """A license for one user, in the user's directory."""
    machine = Offline(where=USER_DIR)
    user = {"user": [component("user", "anna")]}
    bound(machine, protection="personal", components=COMPONENTS | user)
    return machine


Spoil = Callable[[Offline], object]
Fault = tuple[str, str, Spoil]  # name, code, what spoils it


def puts(path: str, value: Any) -> Spoil:
    """Write a file of the state."""
    return lambda machine: machine.files.__setitem__(path, value)


def removes(path: str) -> Spoil:
    return lambda machine: machine.files.pop(path, None)


def with_state(**changes: Any) -> Spoil:
    """Change members of `state.json`, unless it is damaged."""

    def spoil(machine: Offline) -> None:
        path = f"{machine.where}/state.json"
        if isinstance(machine.files[path], dict):
            machine.files[path] = machine.files[path] | changes

    return spoil


def sets(**changes: Any) -> Spoil:
    """Change what is no file: product, now, parts, environment, released, token."""
    return lambda machine: [setattr(machine, name, value) for name, value in changes.items()]


def revokes(machine: Offline) -> None:
    machine.keys = machine.keys | {"revoked": [NUMBER]}


def leaks(machine: Offline) -> None:
    """The file is signed only by a key that the key set calls compromised."""
    machine.signers = [LEAKED]
    revoked = machine.keys.get("revoked", [])
    keys = (SERVICE.in_key_set(), LEAKED.in_key_set("compromised"))
    machine.keys = key_set(*keys, revoked=revoked)


def waits_to_end(machine: Offline) -> None:
    """A deactivation of this device key waits for its receipt."""
    body = request(kind="deactivate", choose_seat=False)
    machine.files[f"{machine.where}/deactivate.request"] = request_file(body, [DEVICE])


def is_of_type(payload_type: str) -> Spoil:
    return lambda machine: setattr(machine, "payload_type", payload_type)


def has_bad_form(machine: Offline) -> None:
    machine.response["grace_days"] = -1


def has_a_weak_set(machine: Offline) -> None:
    bound(machine, components={"disk_serial": [component("disk_serial", "S4EWNX0R612345")]})


def begins_later(machine: Offline) -> None:
    terms(machine, valid_from="2028-01-01T00:00:00Z")


BAD_KEY_SETS: list[Fault] = [
    ("a key set that is empty", "bad-key-set", sets(keys={"keyset": 1})),
    ("a key set of a test", "bad-key-set", sets(keys=THROWAWAY)),
]
BAD_SIGNATURES: list[Fault] = [
    ("another vendor's signature", "not-genuine", sets(signers=[STRANGER])),
    ("a compromised key's signature", "key-compromised", leaks),
]
