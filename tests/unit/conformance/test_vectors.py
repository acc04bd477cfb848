"""The protocol agrees with every test vector of docs/vectors."""

from base64 import b64decode
from typing import Any

import pytest

from keyferry_protocol.activation import (
    activation_key,
    parse_activation_code,
    parse_license_number,
    show_activation_code,
    show_license_number,
)
from keyferry_protocol.algorithms import check_public_key, verify_signature
from keyferry_protocol.components import (
    COMPONENTS_BY_PROTECTION,
    ComponentHashes,
    hash_component,
    hash_components,
)
from keyferry_protocol.encoding import b64, format_time, free_text, parse_time, unb64, unb64_any
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet, keyid
from keyferry_protocol.matching import (
    hardware_weight,
    is_identifiable,
    is_same_machine,
    matching_weight,
    recorded_weight,
)
from keyferry_protocol.request import parse_request, verify_request
from keyferry_protocol.response import verify_response
from keyferry_protocol.response_text import SKELETON, from_response_text
from keyferry_protocol.strict_json import parse_json
from keyferry_protocol.text_form import DICTIONARY, from_text_form, to_text_form
from keyferry_protocol.typed_response import TypedResponse
from tests.support import vectors

pytestmark = pytest.mark.conformance

Vector = dict[str, Any]
Facts = dict[str, Any]


@pytest.mark.parametrize("vector", vectors.cases("json"))
def test_json_is_read_strictly(vector: Vector) -> None:
    result: Facts
    try:
        value = parse_json(b64decode(vector["input"]))
        result = {"ok": True} | ({"value": value} if "value" in vector["expect"] else {})
    except KeyferryError as error:
        result = {"code": error.code}
    assert repr(result) == repr(vector["expect"])  # in Python True == 1


@pytest.mark.parametrize("vector", vectors.cases("base64"))
def test_base64_is_canonical(vector: Vector) -> None:
    read = unb64_any if vector["url_safe_too"] else unb64
    result: Facts
    try:
        result = {"ok": True, "hex": read(vector["input"]).hex()}
    except ValueError:
        result = {"ok": False}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("times"))
def test_times_are_real_and_have_one_form(vector: Vector) -> None:
    result: Facts
    try:
        result = {"ok": True, "seconds": parse_time(vector["input"])}
        assert format_time(result["seconds"]) == vector["input"]
    except ValueError:
        result = {"ok": False}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("free-texts"))
def test_free_texts_are_short_and_without_controls(vector: Vector) -> None:
    try:
        result = {"ok": free_text(vector["input"]) == vector["input"]}
    except ValueError:
        result = {"ok": False}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("license-numbers"))
def test_license_numbers_are_read_as_people_write_them(vector: Vector) -> None:
    result: Facts
    try:
        number = parse_license_number(vector["input"])
        result = {"ok": True, "number": number, "shown": show_license_number(number)}
    except KeyferryError as error:
        result = {"code": error.code}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("activation-codes"))
def test_activation_codes_catch_typing_errors_and_give_one_key(vector: Vector) -> None:
    number = vector["number"]
    result: Facts
    try:
        code = parse_activation_code(vector["input"], number)
        key = activation_key(code, number)
        result = {"ok": True, "symbols": code, "shown": show_activation_code(code)}
        result |= {"seed": key.seed.hex(), "public": b64(key.public), "keyid": key.keyid}
    except KeyferryError as error:
        result = {"code": error.code}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("public-keys"))
def test_unsafe_public_keys_are_refused(vector: Vector) -> None:
    alg, public = vector["alg"], b64decode(vector["public"])
    result: Facts
    try:
        result = {"ok": True, "keyid": keyid(alg, check_public_key(alg, public))}
    except ValueError:
        result = {"ok": False}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("signatures"))
def test_signatures_are_verified_as_the_standards_say(vector: Vector) -> None:
    public, message, signature = (
        b64decode(vector[name]) for name in ("public", "message", "signature")
    )
    valid = verify_signature(vector["alg"], public, message, signature)
    assert valid is vector["expect"]["valid"]


@pytest.mark.parametrize("vector", vectors.cases("component-hashes"))
def test_components_are_hashed_in_one_form(vector: Vector) -> None:
    number, name = vector["number"], vector["component"]
    hashed = hash_components(number, {name: [vector["input"]]}, "personal")
    assert hashed == {name: (vector["expect"]["hash"],)}
    assert hash_component(number, name, vector["expect"]["value"]) == vector["expect"]["hash"]


def _set(members: dict[str, list[str]], protection: str = "personal") -> ComponentHashes:
    """A set as it is read for a protection, which ignores the other names."""
    names = {component.name for component in COMPONENTS_BY_PROTECTION[protection]}
    return {name: tuple(hashes) for name, hashes in members.items() if name in names}


@pytest.mark.parametrize("vector", vectors.cases("identifiable"))
def test_the_weight_of_a_set_decides_whether_it_identifies_a_machine(vector: Vector) -> None:
    components = _set(vector["components"])
    assert vector["expect"] == {
        "weight": recorded_weight(components),
        "hardware": hardware_weight(components),
        "identifiable": is_identifiable(components, vector["protection"]),
    }


@pytest.mark.parametrize("vector", vectors.cases("machine-rule"))
def test_a_machine_is_known_by_more_than_half_of_its_weight(vector: Vector) -> None:
    protection = vector["protection"]
    recorded, current = (_set(vector[name], protection) for name in ("recorded", "seen"))
    assert vector["expect"] == {
        "same": is_same_machine(recorded, current),
        "matching_840ths": matching_weight(recorded, current),
        "recorded_840ths": 840 * recorded_weight(recorded),
        "seen_840ths": 840 * recorded_weight(current),
    }


@pytest.mark.parametrize("vector", vectors.cases("key-sets"))
def test_key_sets_that_could_mislead_are_refused(vector: Vector) -> None:
    result: Facts
    try:
        keys = KeySet.from_json(b64decode(vector["file"]))
        result = {
            "ok": True,
            "require": sorted(keys.require),
            "trusted": [key.keyid for key in keys.keys if key.trusted],
            "revoked": sorted(keys.revoked),
        }
        assert KeySet.from_json(keys.to_json()) == keys
    except KeyferryError as error:
        result = {"code": error.code}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("requests"))
def test_requests_are_parsed_strictly_then_verified(vector: Vector) -> None:
    key = vector["activation_key"]
    result: Facts
    try:
        request = verify_request(b64decode(vector["file"]), key and b64decode(key))
        result = {
            "ok": True,
            "sha256": request.sha256,
            "kind": request.kind,
            "license_number": request.license_number,
            "file_name": f"{request.file_stem}.request",
            "proof": "load_key" if request.is_by_load_key else "device_key",
        }
    except KeyferryError as error:
        result = {"code": error.code}
        if error.code == "wrong-type":
            result["code_at_the_service"] = "unreadable-request"
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("text-forms"))
def test_text_forms_unpack_to_the_same_file(vector: Vector) -> None:
    result: Facts
    try:
        data = from_text_form(b64decode(vector["text_form"]))
    except KeyferryError as error:
        result = {"code": error.code}
    else:
        result = {"ok": True, "file": b64(data), "sha256": parse_request(data).sha256}
        assert from_text_form(to_text_form(data)) == data
    assert result == vector["expect"]


def test_the_dictionary_of_text_forms_is_the_published_one() -> None:
    assert (vectors.FOLDER / "dictionary-1.bin").read_bytes() == DICTIONARY


@pytest.mark.parametrize("vector", vectors.cases("response-texts"))
def test_text_forms_of_responses_unpack_to_the_same_file(vector: Vector) -> None:
    result: Facts
    try:
        bodies = map(b64decode, vector["request_bodies"])
        data = from_response_text(b64decode(vector["text_form"]), bodies)
        result = {"ok": True, "file": b64(data)}
    except KeyferryError as error:
        result = {"code": error.code}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("typed-rows"))
def test_lines_and_codes_are_read_as_they_are_typed(vector: Vector) -> None:
    typed = TypedResponse()
    result: Facts
    try:
        for row in vector["rows"]:
            typed.add(row)
        result = {"ok": True, "text_form": b64(typed.packed())}
    except KeyferryError as error:
        result = {"code": error.code}
    assert result == vector["expect"]


def test_the_dictionary_of_responses_is_the_published_one() -> None:
    assert (vectors.FOLDER / "dictionary-2.bin").read_bytes() == SKELETON


@pytest.mark.parametrize("vector", vectors.cases("responses"))
def test_responses_are_verified_then_parsed_strictly(vector: Vector) -> None:
    keys = KeySet.from_json(vectors.key_sets()[vector["key_set"]])
    result: Facts
    try:
        response = verify_response(b64decode(vector["file"]), keys)
        result = {
            "ok": True,
            "sha256": response.envelope.sha256,
            "request_sha256": response.request_sha256,
            "kind": response.kind,
            "license_number": response.license.number,
            "serial": response.serial,
            "seat": response.seat,
            "file_name": f"{response.file_stem}.response",
            "features": dict(response.license.features),
            "environments": list(response.license.environments),
        }
    except KeyferryError as error:
        result = {"code": error.code}
    assert repr(result) == repr(vector["expect"])  # in Python a limit of 1 == True
