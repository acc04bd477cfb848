"""The text form: the same request, small enough for a QR code, and strict when unpacking."""

import json
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.envelope import REQUEST, Signature, open_envelope, pack
from keyferry_protocol.errors import KeyferryError, UnreadableRequest, WrongType
from keyferry_protocol.request import parse_request, verify_request
from keyferry_protocol.text_form import DICTIONARY, from_text_form, to_text_form
from tests.support.builders import ACTIVATION, Computer, a_key, a_request_file

REQUESTS = {
    "activate, everyone": a_request_file(),
    "activate, one user": a_request_file(protection="personal"),
    "activate, a dongle": a_request_file(Computer(dongle=a_key("token"))),
    "activate, in place of a lost computer": a_request_file(replaces_seat=3),
    "update": a_request_file(kind="update", last_serial=4),
    "deactivate": a_request_file(kind="deactivate", last_serial=4),
    "a name in another script": a_request_file(Computer("研究室-７")),
    "no name": a_request_file(Computer("")),
}


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_the_text_form_unpacks_to_the_same_file(data: bytes) -> None:
    unpacked = from_text_form(to_text_form(data))
    assert unpacked == data
    assert verify_request(unpacked, ACTIVATION.public).sha256 == parse_request(data).sha256


def test_the_text_form_is_a_third_of_the_file() -> None:
    data = a_request_file()
    assert len(to_text_form(data)) < len(data) / 2.5


def test_a_file_of_another_writer_comes_out_as_the_client_writes_it() -> None:
    data = a_request_file()
    envelope = json.loads(data)
    reordered = {"log": "a proof", **dict(reversed(envelope.items()))}
    written = json.dumps(reordered, indent=2).encode()
    assert from_text_form(to_text_form(written)) == data


@given(st.integers(0), st.integers(1, 255))
def test_a_text_form_with_one_byte_changed_is_refused_or_invalid(at: int, difference: int) -> None:
    data = a_request_file()
    packed = bytearray(to_text_form(data))
    packed[at % len(packed)] ^= difference
    with suppress(KeyferryError):  # bits after the last block have no meaning
        assert verify_request(from_text_form(bytes(packed)), ACTIVATION.public) == parse_request(
            data
        )


@given(st.binary(max_size=200))
def test_any_bytes_at_all_raise_a_typed_error(data: bytes) -> None:
    for packed in (data, b"\x01\x01" + data, b"\x01\x01\x00" + data):
        with pytest.raises(KeyferryError):
            parse_request(from_text_form(packed))


def test_a_decompression_bomb_is_stopped_at_once() -> None:
    deflater = zlib.compressobj(9, wbits=-15, zdict=DICTIONARY)
    bomb = b"\x01\x01\x00" + deflater.compress(bytes(8_000_000)) + deflater.flush()
    assert len(bomb) <= 8192
    tracemalloc.start()
    with pytest.raises(UnreadableRequest, match="more than 4096 bytes"):
        from_text_form(bomb)
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


def test_a_text_form_longer_than_any_request_file_is_not_unpacked() -> None:
    with pytest.raises(UnreadableRequest, match="longer than any request file"):
        from_text_form(to_text_form(a_request_file()).ljust(8193, b"\0"))


@pytest.mark.parametrize("keyid", ["7F3A" * 4, "7f3a", "7f3a" * 8, "7f 3a " * 4, "zz" * 8, ""])
def test_a_keyid_that_cannot_be_packed_is_refused(keyid: str) -> None:
    data = pack(REQUEST, open_envelope(a_request_file(), REQUEST).body, [Signature(keyid, b"s")])
    with pytest.raises(UnreadableRequest, match="keyid"):
        to_text_form(data)


def test_a_signature_may_be_longer_than_those_of_todays_algorithms() -> None:
    body = open_envelope(a_request_file(), REQUEST).body
    data = pack(REQUEST, body, [Signature("7f3a" * 4, bytes(range(256)) * 3)])
    assert from_text_form(to_text_form(data)) == data


def test_a_response_has_no_text_form() -> None:
    data = pack("application/vnd.keyferry.response.v1+json", b"{}", [])
    with pytest.raises(WrongType):
        to_text_form(data)
