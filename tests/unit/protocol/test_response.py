"""Responses: verified first, then parsed strictly."""

import json
from typing import Any

import pytest

from keyferry_protocol.encoding import b64
from keyferry_protocol.errors import KeyCompromised, NotGenuine, UnreadableResponse
from keyferry_protocol.keys import Ed25519Signer, KeySet
from keyferry_protocol.response import verify_response
from tests.support.valid_files import (
    CLASSIC,
    DEVICE,
    VENDOR,
    VENDOR_PQ,
    Change,
    pinned,
    response_file,
    response_members,
)

TOKEN = {"alg": "Ed25519", "public": b64(DEVICE.public), "model": "Nitrokey 3", "serial": "1"}


def receipt(members: dict[str, object]) -> None:
    members["kind"] = "deactivate"
    members["license"] |= {"features": {}, "valid_until": members["issued_at"]}  # type: ignore[operator]


def test_a_valid_response_is_parsed_and_written_back() -> None:
    response = verify_response(response_file(), CLASSIC)
    assert response.as_json() == response_members()
    assert json.loads(response.to_bytes()) == response_members()
    assert not response.is_receipt


def test_a_leased_response_for_a_dongle_is_written_back_with_all_its_times() -> None:
    def leased(members: dict[str, Any]) -> None:
        members["check_in_by"] = "2027-02-22T09:50:00Z"
        members["license"]["maintenance_until"] = "2027-06-30T00:00:00Z"
        members["bound_to"] |= {"protection": "dongle", "load_key": None}
        members["bound_to"] |= {"components": {}, "dongle": TOKEN}

    members = response_members()
    leased(members)
    assert verify_response(response_file(leased), CLASSIC).as_json() == members


def test_a_renewal_is_parsed_and_its_file_name_has_its_serial() -> None:
    response = verify_response(
        response_file(lambda m: m.update(kind="renewal", serial=18)), CLASSIC
    )
    assert (response.kind, response.is_receipt) == ("renewal", False)
    assert response.file_stem == f"015120020093-{DEVICE.keyid[:4]}-18"


def test_a_receipt_is_parsed() -> None:
    assert verify_response(response_file(receipt), CLASSIC).is_receipt


def test_signatures_are_verified_before_the_body_is_parsed() -> None:
    with pytest.raises(NotGenuine):
        verify_response(response_file(lambda m: m.clear(), Ed25519Signer(b"x" * 32)), CLASSIC)


def test_a_compromised_key_verifies_nothing_and_says_so() -> None:
    new = Ed25519Signer(b"n" * 32)
    keys = KeySet(("Ed25519",), (pinned(new), pinned(VENDOR, trusted=False)))
    with pytest.raises(KeyCompromised):
        verify_response(response_file(), keys)
    assert verify_response(response_file(lambda m: None, VENDOR, new), keys).serial == 1


def test_a_missing_algorithm_outweighs_a_compromised_key() -> None:
    new = Ed25519Signer(b"n" * 32)
    keys = KeySet(
        ("Ed25519", "ML-DSA-65"), (pinned(new), pinned(VENDOR, trusted=False), pinned(VENDOR_PQ))
    )
    with pytest.raises(NotGenuine):
        verify_response(response_file(), keys)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda m: m.update(request_sha256="AB" * 32), "request_sha256"),
        (lambda m: m.update(kind="lease"), "kind"),
        (lambda m: m.update(serial=0), "serial"),
        (lambda m: m.update(seat="1"), "seat"),
        (lambda m: m.update(issued_at=None), "issued_at"),
        (lambda m: m.update(grace_days=-1), "grace_days"),
        (lambda m: m.update(grace_days=None), "grace_days"),
        (lambda m: m.update(check_in_by=0), "check_in_by"),
        (lambda m: m["license"].update(product=""), "license.product"),
        (lambda m: m["license"].update(trial=0), "license.trial"),
        (lambda m: m["license"].update(valid_from=None), "license.valid_from"),
        (lambda m: m["license"].update(valid_until="never"), "license.valid_until"),
        (lambda m: m["license"].update(features={"Solver": True}), "license.features.Solver"),
        (lambda m: m["license"].update(features={"": True}), "license.features."),
        (lambda m: m["license"].update(features={"a": False}), "license.features.a"),
        (lambda m: m["license"].update(features={"a": 0}), "license.features.a"),
        (lambda m: m["license"].update(features={"a": "1"}), "license.features.a"),
        (lambda m: m["license"].update(features=["a"]), "license.features"),
        (lambda m: m["license"].update(number="1"), "license.number"),
        (lambda m: m["bound_to"].update(device_key=b64(bytes(32))), "bound_to.device_key"),
        (lambda m: m["bound_to"].update(load_key=None), "bound_to.load_key"),
        (lambda m: m["bound_to"].update(protection="dongle"), "bound_to.load_key"),
        (
            lambda m: m["bound_to"].update(protection="dongle", load_key=None),
            "bound_to.components",
        ),
        (lambda m: m["license"].update(environments=[]), "license.environments must contain"),
        (lambda m: m["license"].update(environments=["virtual"]), "license.environments"),
        (lambda m: m["license"].update(environments=["physical"] * 2), "license.environments"),
        (
            lambda m: m["license"].update(environments=["physical", "unknown"]),
            "license.environments[1] is none of physical, virtual, container",
        ),
        (lambda m: m["bound_to"].pop("dongle"), "bound_to.dongle"),
        (lambda m: m["bound_to"].update(components={"mac": []}), "bound_to.components.mac"),
        (lambda m: m.update(kind="deactivate"), "license.features"),
        (lambda m: (receipt(m), m["license"].update(valid_until=None)), "license.valid_until"),
    ],
)
def test_the_error_names_the_malformed_member_of_a_response(change: Change, path: str) -> None:
    with pytest.raises(UnreadableResponse) as caught:
        verify_response(response_file(change), CLASSIC)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize("name", list(response_members()))
def test_every_member_is_required(name: str) -> None:
    with pytest.raises(UnreadableResponse, match=f"^{name} is missing"):
        verify_response(response_file(lambda m: m.pop(name)), CLASSIC)
