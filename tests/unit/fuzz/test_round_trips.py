"""The protocol reads back whatever it writes."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keyferry_protocol.activation import (
    new_activation_code,
    parse_activation_code,
    parse_license_number,
    show_activation_code,
    show_license_number,
)
from keyferry_protocol.components import (
    COMPONENTS,
    PROTECTIONS,
    USER,
    hash_components,
    limit_hashes,
    parse_components,
)
from keyferry_protocol.encoding import escape_controls, free_text
from keyferry_protocol.envelope import (
    REQUEST,
    RESPONSE,
    Signature,
    open_envelope,
    pack,
    seal,
)
from keyferry_protocol.errors import BadJson, WrongActivationCode
from keyferry_protocol.keys import KeySet, PinnedKey
from keyferry_protocol.matching import is_same_machine
from keyferry_protocol.request import RequestBody, parse_request
from keyferry_protocol.response import ResponseBody, verify_response
from keyferry_protocol.strict_json import JsonObject, parse_json
from keyferry_protocol.text_form import from_text_form, to_text_form
from tests.support.strategies import (
    free_texts,
    json_values,
    keyids,
    numbers,
    pinned_keys,
    request_bodies,
    response_bodies,
    strict_texts,
    strict_values,
    texts,
)
from tests.support.valid_files import CLASSIC, DEVICE, VENDOR

SEPARATORS = " \t\r\n.-_/"
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@settings(max_examples=60)
@given(request_bodies())
def test_a_request_and_its_text_form(body: RequestBody) -> None:
    file = seal(REQUEST, body.to_bytes(), [DEVICE])
    assert _members(parse_request(file), body) == _members(body, body)
    assert from_text_form(to_text_form(file)) == file


@settings(max_examples=60)
@given(response_bodies())
def test_a_response(body: ResponseBody) -> None:
    response = verify_response(seal(RESPONSE, body.to_bytes(), [VENDOR]), CLASSIC)
    assert _members(response, body) == _members(body, body)
    assert response.to_bytes() == body.to_bytes()


def _members(read: RequestBody | ResponseBody, body: RequestBody | ResponseBody) -> str:
    """Each member of the BODY, as text, because in Python True == 1."""
    return repr([getattr(read, member.name) for member in fields(body)])


@settings(max_examples=40)
@given(
    pinned_keys(),
    st.sampled_from([("Ed25519",), ("ML-DSA-65",), ("Ed25519", "ML-DSA-65")]),
    st.frozensets(numbers, max_size=5),
)
def test_a_key_set(keys: tuple[PinnedKey, ...], require: Any, revoked: frozenset[str]) -> None:
    written = KeySet(require, keys, revoked)
    assert KeySet.from_json(written.to_json()) == written


@given(
    st.binary(max_size=3000),
    st.lists(st.builds(Signature, keyids, st.binary(max_size=100)), max_size=8),
    st.sampled_from([REQUEST, RESPONSE]),
)
def test_an_envelope(body: bytes, signatures: list[Signature], kind: str) -> None:
    envelope = open_envelope(pack(kind, body, signatures), kind)
    assert (envelope.body, envelope.signatures) == (body, tuple(signatures))


@given(strict_values, st.booleans(), st.sampled_from([None, 1]))
def test_strict_json(value: object, ascii_alone: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_alone, indent=indent).encode()
    assert repr(parse_json(data)) == repr(value)  # in Python True == 1


@given(json_values)
def test_any_parser_reads_strict_json_alike(value: object) -> None:
    data = json.dumps(value).encode()
    assume(repr(json.loads(data)) == repr(value))  # two lone surrogates may make a pair
    try:
        assert repr(parse_json(data)) == repr(value)
    except BadJson:
        assert not _is_strict(value)
    else:
        assert _is_strict(value)


def _is_strict(value: object, depth: int = 0) -> bool:
    match value:
        case float():
            return False
        case bool() | None:
            return True
        case int():
            return abs(value) < 2**53
        case str():
            return value == value.encode("utf-8", "ignore").decode()
        case dict():
            inside = [*value.keys(), *value.values()]
            return depth < 16 and all(_is_strict(entry, depth + 1) for entry in inside)
        case list():
            return depth < 16 and all(_is_strict(entry, depth + 1) for entry in value)
    raise AssertionError(value)


@given(strict_texts, strict_values, strict_values)
def test_a_name_escaped_in_two_ways_is_a_repeated_name(
    name: str, one: object, other: object
) -> None:
    plain, escaped = json.dumps(name, ensure_ascii=False), json.dumps(name)
    data = f"{{{plain}: {json.dumps(one)}, {escaped}: {json.dumps(other)}}}".encode()
    with pytest.raises(BadJson):
        parse_json(data)


@given(texts)
def test_escaped_text_has_no_character_that_could_forge(text: str) -> None:
    shown = escape_controls(text)[:64]
    assert free_text(shown) == shown


@given(free_texts)
def test_free_text_needs_no_escaping(text: str) -> None:
    assert free_text(text) == escape_controls(text) == text


@given(numbers, st.lists(st.text(SEPARATORS, max_size=2), min_size=12, max_size=12))
def test_a_license_number_with_any_separators(number: str, between: list[str]) -> None:
    typed = "".join(digit + gap for digit, gap in zip(number, between, strict=True))
    assert (
        parse_license_number(typed) == parse_license_number(show_license_number(number)) == number
    )


@given(numbers, st.randoms(use_true_random=False), st.integers(0, 29), st.sampled_from(SYMBOLS))
def test_an_activation_code_without_typing_errors(
    number: str, chance: Any, at: int, symbol: str
) -> None:
    code = new_activation_code(number, chance.randbytes)
    likes = str.maketrans("01", chance.choice(["OI", "ol", "0L"]))
    assert parse_activation_code(show_activation_code(code), number) == code
    assert parse_activation_code(code.translate(likes), number) == code
    wrong = code[:at] + symbol + code[at + 1 :]
    swapped = code[:at] + code[at : at + 2][::-1] + code[at + 2 :]
    for slip in {wrong, swapped} - {code}:
        with pytest.raises(WrongActivationCode):
            parse_activation_code(slip, number)


@given(
    st.dictionaries(st.sampled_from([*COMPONENTS, USER]), st.lists(texts, max_size=10)),
    numbers,
    st.sampled_from(PROTECTIONS),
)
def test_a_hashed_machine_is_parsed_and_recognized(
    values: dict[str, list[str]], number: str, protection: str
) -> None:
    encodable = {
        name: [value.encode("utf-8", "ignore").decode() for value in texts_of_component]
        for name, texts_of_component in values.items()
    }
    hashed = limit_hashes(hash_components(number, encodable, protection), {})
    members = {"components": {name: list(hashes) for name, hashes in hashed.items()}}
    assert parse_components(JsonObject(members), protection) == hashed
    assert is_same_machine(hashed, hashed)
