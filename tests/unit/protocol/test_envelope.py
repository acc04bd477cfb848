"""The envelope: its type, sizes, base64 and signatures."""

import json
from base64 import b64decode
from typing import Any

import pytest

from keyferry_protocol.envelope import MAX_PAE, REQUEST, RESPONSE, Signature, pack, pae, seal
from keyferry_protocol.errors import (
    NotGenuine,
    UnreadableRequest,
    UnreadableResponse,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import verify_response
from tests.support.valid_files import (
    CLASSIC,
    HYBRID,
    VENDOR,
    VENDOR_PQ,
    request_file,
    response_file,
)


def test_the_pae_counts_bytes() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


def changed(file: bytes, **members: Any) -> bytes:
    return json.dumps(json.loads(file) | members).encode()


def test_a_file_of_the_other_kind_is_a_wrong_type_whatever_its_size() -> None:
    with pytest.raises(WrongType, match="This is a response file"):
        parse_request(response_file(lambda m: None, VENDOR, VENDOR_PQ, VENDOR_PQ))
    with pytest.raises(WrongType, match="This is a request file"):
        verify_response(request_file(), CLASSIC)


def test_no_file_is_genuine_under_another_type_than_it_was_signed_for() -> None:
    body = b64decode(json.loads(response_file())["payload"])
    signed_as_request = seal(REQUEST, body, [VENDOR])
    with pytest.raises(NotGenuine):
        verify_response(changed(signed_as_request, payloadType=RESPONSE), CLASSIC)
    verify_response(seal(RESPONSE, body, [VENDOR]), CLASSIC)


@pytest.mark.parametrize(
    ("payload_type", "error"),
    [
        (REQUEST.replace("v1", "v2"), UnsupportedVersion),
        (REQUEST.replace("v1", "v10"), UnsupportedVersion),
        (REQUEST.replace("v1", "v02"), WrongType),
        (REQUEST.replace("v1", "v0"), WrongType),
        (REQUEST.replace("v1", "v٢"), WrongType),
        (REQUEST.upper(), WrongType),
        (REQUEST + " ", WrongType),
        (RESPONSE.replace("v1", "v2"), WrongType),
        ("", WrongType),
    ],
)
def test_the_type_is_compared_before_anything_is_decoded(
    payload_type: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        parse_request(json.dumps({"payloadType": payload_type, "payload": 7}).encode())


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no object"),
        pytest.param(changed(request_file(), payloadType=1), id="type is a number"),
        pytest.param(changed(request_file(), payload="e30"), id="payload without padding"),
        pytest.param(changed(request_file(), payload=None), id="payload is null"),
        pytest.param(changed(request_file(), signatures={}), id="signatures no array"),
        pytest.param(changed(request_file(), signatures=[{"sig": ""}]), id="no keyid"),
        pytest.param(changed(request_file(), signatures=[{"keyid": "x", "sig": "!"}]),
                     id="a stranger's signature is not base64"),
        pytest.param(changed(request_file(), signatures=[{"keyid": "x", "sig": ""}] * 9),
                     id="nine signatures"),
        pytest.param(request_file() + b" " * 8192, id="8 KB"),
        pytest.param(b" " * 20481, id="20 KB of nothing"),
        pytest.param(request_file(lambda m: m.update(x="x" * 4096)), id="PAE too long"),
    ],
)  # fmt: skip
def test_a_malformed_envelope_is_unreadable(file: bytes) -> None:
    with pytest.raises(UnreadableRequest):
        parse_request(file)
    with pytest.raises((UnreadableResponse, WrongType)):
        verify_response(file, CLASSIC)


def test_the_error_names_the_malformed_member() -> None:
    nine = json.loads(request_file())
    nine["signatures"] *= 5
    with pytest.raises(UnreadableRequest, match=r"^signatures holds more than 8\.$"):
        parse_request(json.dumps(nine).encode())


def test_a_pae_of_exactly_the_limit_is_read() -> None:
    body = b"{}".ljust(MAX_PAE - len(pae(RESPONSE, b"")) - 3)  # the length has 4 digits, not 1
    assert len(pae(RESPONSE, body)) == MAX_PAE
    with pytest.raises(UnreadableResponse, match="is missing"):
        verify_response(seal(RESPONSE, body, [VENDOR]), CLASSIC)
    with pytest.raises(UnreadableResponse, match="4096"):
        verify_response(seal(RESPONSE, body + b" ", [VENDOR]), CLASSIC)


def test_unknown_members_and_signatures_are_ignored() -> None:
    file = json.loads(response_file())
    file["log"] = 7
    file["signatures"] = [{"keyid": "", "sig": "", "x": 1}, *file["signatures"]]
    assert verify_response(json.dumps(file).encode(), CLASSIC).serial == 1


def test_url_safe_base64_is_read_in_payload_and_signatures() -> None:
    file = response_file(lambda m: m["license"].update(licensee="???>>>~~~"))
    text = file.decode()
    members = json.loads(text)
    for holder, name in ((members, "payload"), (members["signatures"][0], "sig")):
        holder[name] = holder[name].replace("+", "-").replace("/", "_")
    assert verify_response(json.dumps(members).encode(), CLASSIC).serial == 1


def test_a_file_without_signatures_is_not_genuine() -> None:
    with pytest.raises(NotGenuine):
        verify_response(changed(response_file(), signatures=[]), CLASSIC)


def test_no_stripped_file_passes_a_hybrid_key_set() -> None:
    both = response_file(lambda m: None, VENDOR, VENDOR_PQ)
    assert verify_response(both, HYBRID).serial == 1
    for signers in ((VENDOR,), (VENDOR_PQ,), (VENDOR, VENDOR)):
        with pytest.raises(NotGenuine):
            verify_response(response_file(lambda m: None, *signers), HYBRID)


def test_an_invalid_signature_does_not_spoil_a_valid_one() -> None:
    body = b"{}"
    good = VENDOR.sign(pae(RESPONSE, body))
    wrong = Signature(VENDOR.keyid, b"\0" * 64)
    with pytest.raises(NotGenuine):
        verify_response(pack(RESPONSE, body, [wrong]), CLASSIC)
    with pytest.raises(UnreadableResponse):
        verify_response(pack(RESPONSE, body, [wrong, Signature(VENDOR.keyid, good)]), CLASSIC)
