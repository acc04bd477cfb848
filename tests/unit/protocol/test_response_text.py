"""The text form of a response: only news travels, and it unpacks to the same file."""

import json
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, pack, seal
from keyferry_protocol.errors import (
    KeyferryError,
    NotRequested,
    UnreadableResponse,
    UnsupportedVersion,
)
from keyferry_protocol.request import parse_request
from keyferry_protocol.response_text import (
    SKELETON,
    deflate_response,
    from_response_text,
    to_response_text,
)
from keyferry_protocol.text_form import to_text_form
from tests.support.valid_files import VENDOR
from tests.unit.conformance.cases import files

REQUEST_FILE = files.request_file(files.request())
REQUEST_BODY = open_envelope(REQUEST_FILE, REQUEST).body
SHA256 = parse_request(REQUEST_FILE).sha256
OTHER_BODY = files.encode(files.request(id="0" * 32))


def a_response(**changes: object) -> bytes:
    return files.response_file(files.response(**changes))


def text_of(data: bytes) -> bytes:
    deflated = deflate_response(open_envelope(data, RESPONSE).body, REQUEST_BODY)
    return to_response_text(data, deflated, SHA256)


RESPONSES = {
    "activate": a_response(),
    "no lease": a_response(check_in_by=None),
    "a receipt": files.response_file(files.receipt()),
    "for a dongle": files.response_file(files.dongle_response()),
    "to another request of this machine": a_response(request_sha256="0" * 64),
    "no signatures": files.response_file(files.response(), ()),
}


@pytest.mark.parametrize("data", RESPONSES.values(), ids=RESPONSES)
def test_it_unpacks_to_the_same_file(data: bytes) -> None:
    assert from_response_text(text_of(data), [OTHER_BODY, REQUEST_BODY]) == data


def test_it_is_a_seventh_of_the_file() -> None:
    assert len(text_of(a_response())) < len(a_response()) / 7


def test_another_writers_file_comes_out_as_the_service_writes_it() -> None:
    envelope = json.loads(a_response())
    written = json.dumps({"log": "a proof", **dict(reversed(envelope.items()))}, indent=2).encode()
    assert from_response_text(text_of(written), [REQUEST_BODY]) == a_response()


def test_only_the_computer_that_made_the_request_can_unpack_it() -> None:
    for bodies in ([], [OTHER_BODY]):
        with pytest.raises(NotRequested):
            from_response_text(text_of(a_response()), bodies)


def test_every_byte_that_is_cut_or_added_is_noticed() -> None:
    packed = text_of(a_response())
    for wrong in (*(packed[:size] for size in range(len(packed))), packed + b"\0"):
        with pytest.raises(UnreadableResponse):
            from_response_text(wrong, [REQUEST_BODY])


@pytest.mark.parametrize(
    ("start", "error"),
    [
        (b"\x02\x02", UnsupportedVersion),
        (b"\x01\x03", UnsupportedVersion),
        (b"\x01\x0f", UnsupportedVersion),
        (b"\x01\x01", UnreadableResponse),  # a request's
        (b"\x01\x10", UnreadableResponse),
        (b"\x00\x02", UnreadableResponse),
        (b"\x10\x02", UnreadableResponse),
    ],
)
def test_later_forms_are_told_from_damage(start: bytes, error: type[KeyferryError]) -> None:
    with pytest.raises(error):
        from_response_text(start + text_of(a_response())[2:], [REQUEST_BODY])


def test_a_requests_text_form_is_none_of_a_response() -> None:
    with pytest.raises(UnreadableResponse):
        from_response_text(to_text_form(REQUEST_FILE), [REQUEST_BODY])


@given(st.integers(0), st.integers(1, 255))
def test_one_byte_changed_gives_an_error_or_other_bytes_that_signatures_refuse(
    at: int, difference: int
) -> None:
    data = a_response()
    packed = bytearray(text_of(data))
    packed[at % len(packed)] ^= difference
    with suppress(UnreadableResponse, UnsupportedVersion, NotRequested):
        restored = open_envelope(from_response_text(bytes(packed), [REQUEST_BODY]), RESPONSE)
        same = restored == open_envelope(data, RESPONSE)
        alg, public = "Ed25519", files.SERVICE.public
        assert restored.is_signed_by(alg, public) <= (
            restored.body == files.encode(files.response())
        )
        assert same or restored != open_envelope(data, RESPONSE)


def test_a_decompression_bomb_is_stopped_at_once() -> None:
    dictionary = SKELETON + SHA256.encode() + REQUEST_BODY
    deflater = zlib.compressobj(9, wbits=-15, zdict=dictionary)
    stream = deflater.compress(bytes(8_000_000)) + deflater.flush()
    data = pack(RESPONSE, b"{}", [])
    tracemalloc.start()
    with pytest.raises(UnreadableResponse, match="more than 4096 bytes"):
        from_response_text(to_response_text(data, stream, SHA256), [REQUEST_BODY])
    assert tracemalloc.get_traced_memory()[1] < 300_000
    tracemalloc.stop()


def test_a_keyid_that_cannot_be_packed_is_refused() -> None:
    data = seal(RESPONSE, files.encode(files.response()), [VENDOR])
    changed = json.loads(data)
    changed["signatures"][0]["keyid"] = "my key"
    with pytest.raises(UnreadableResponse, match="keyid"):
        text_of(json.dumps(changed).encode())
