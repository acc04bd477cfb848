"""One valid request and one valid response, for tests to break in one place."""

import json
from collections.abc import Callable
from typing import Any

from keyferry_protocol.activation import activation_key
from keyferry_protocol.components import hash_component
from keyferry_protocol.encoding import b64
from keyferry_protocol.envelope import REQUEST, RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer, KeySet, MlDsa65Signer, PinnedKey, Signer
from tests.support.samples import NUMBER

DEVICE = Ed25519Signer(b"d" * 32)
LOAD = Ed25519Signer(b"l" * 32)
ACTIVATION = activation_key("0" * 30, NUMBER)
VENDOR = Ed25519Signer(b"v" * 32)
VENDOR_PQ = MlDsa65Signer(b"q" * 32)

Change = Callable[[dict[str, Any]], object]


def pinned(signer: Signer, trusted: bool = True) -> PinnedKey:
    return PinnedKey(signer.keyid, signer.alg, signer.public, trusted)


CLASSIC = KeySet(("Ed25519",), (pinned(VENDOR),))
HYBRID = KeySet(("Ed25519", "ML-DSA-65"), (pinned(VENDOR), pinned(VENDOR_PQ)))


def request_members() -> dict[str, Any]:
    return {
        "id": "0123456789abcdef" * 2,
        "kind": "activate",
        "created_at": "2026-11-24T09:47:00Z",
        "license_number": NUMBER,
        "product": {"name": "Example Modeler", "version": "4.2.0"},
        "protection": "machine",
        "device_key": b64(DEVICE.public),
        "load_key": b64(LOAD.public),
        "machine": {
            "name": "LAB-07",
            "os": "Debian GNU/Linux 12",
            "environment": "physical",
            "components": {
                "mac": sorted(hash_component(NUMBER, "mac", f"0011223344{n}0") for n in "567"),
                "os_id": [hash_component(NUMBER, "os_id", "ab" * 16)],
            },
        },
        "dongle": None,
        "replaces_seat": None,
        "choose_seat": False,
        "last_serial": 0,
        "trusts": [VENDOR.keyid],
        "client": "keyferry 1.0.0",
    }


def response_members() -> dict[str, Any]:
    return {
        "request_sha256": "ab" * 32,
        "kind": "activate",
        "serial": 1,
        "seat": 1,
        "issued_at": "2026-11-24T09:50:00Z",
        "license": {
            "number": NUMBER,
            "licensee": "Nordhaven Pilot Plant",
            "product": "Example Modeler",
            "edition": "Professional",
            "features": {"solver": True, "threads": 16},
            "environments": ["physical"],
            "trial": False,
            "valid_from": "2026-11-24T00:00:00Z",
            "valid_until": "2027-11-30T23:59:59Z",
            "maintenance_until": None,
        },
        "bound_to": {
            "protection": "machine",
            "device_key": b64(DEVICE.public),
            "load_key": b64(LOAD.public),
            "components": request_members()["machine"]["components"],
            "dongle": None,
        },
        "check_in_by": None,
        "grace_days": 14,
    }


def request_file(change: Change = lambda members: None, *signers: Signer) -> bytes:
    members = request_members()
    change(members)
    return seal(REQUEST, json.dumps(members).encode(), signers or (DEVICE, ACTIVATION))


def response_file(change: Change = lambda members: None, *signers: Signer) -> bytes:
    members = response_members()
    change(members)
    return seal(RESPONSE, json.dumps(members).encode(), signers or (VENDOR,))
