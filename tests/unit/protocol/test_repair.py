"""Files that lost no byte are repaired, and what was done is said; lost bytes stay lost."""

import gzip
import time
from base64 import b64encode
from typing import Any

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE
from keyferry_protocol.repair import MAX_BYTES, repair_file
from tests.support.make_changed_files import CHANGED, FILE, content, document
from tests.support.valid_files import request_file, response_file

FILES = {"request": request_file(), "response": response_file()}
A_REQUEST, A_RESPONSE = FILES.values()


def test_the_cases_are_those_that_their_script_makes() -> None:
    assert FILE.read_text() == document()


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CHANGED])
def test_a_file_is_repaired_as_far_as_no_byte_is_lost(case: dict[str, Any]) -> None:
    data = content(case)
    for expected in (REQUEST, RESPONSE):
        file = repair_file(data, expected)
        if case["finds"] is None:
            assert file == (data, ())
        else:
            assert list(file.repairs) == case["repairs"]
            assert file.data == (FILES[case["finds"]] if file.repairs else data)


def test_of_a_request_and_its_response_in_one_mail_the_expected_one_is_taken() -> None:
    mail = b"From: Kim\nSubject: both\n\n" + A_RESPONSE + b"\n> " + A_REQUEST
    assert repair_file(mail, REQUEST) == (A_REQUEST, ("email",))
    assert repair_file(mail, RESPONSE) == (A_RESPONSE, ("email",))


def test_a_file_that_was_changed_by_hand_stays_changed() -> None:
    """A repair adds and alters nothing: the signatures decide about the rest."""
    forged = A_RESPONSE.replace(b"eyJ", b"eyK", 1)
    assert repair_file(gzip.compress(forged), RESPONSE).data == forged


UNITS = [
    *(
        " ",
        "\r\n",
        "\0",
        "a",
        "-",
        "{",
        "}",
        '"',
        "\\",
        '\\"',
        "<",
        "<a ",
        "&",
        "&amp;",
        "=3D",
        "> ",
    ),
    *(
        '{"payload":',
        '{ "payload" :',
        '{"payloadType":"',
        "#r=",
        "#r=AQ ",
        "a\n",
        "A: \r\n",
        "\u200b",
    ),
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    A_REQUEST.decode(),
]


@pytest.mark.parametrize("head", ["", '{"payloadType":"', "From: x\n", "=3D", "\x1f\x8b"])
def test_no_content_takes_long(head: str) -> None:
    begun = time.process_time()
    for unit in UNITS:
        data = (head + unit * (MAX_BYTES // len(unit))).encode()[: MAX_BYTES // 16]
        repair_file(data, RESPONSE)
    assert time.process_time() - begun < 10


NOISE = b"".join(b"%d" % (n * n * 7919) for n in range(200))  # so that it packs to some length


def test_what_grows_is_given_up() -> None:
    inner = b"\n \n".join([b64encode(gzip.compress(NOISE + b'{"payload":' * 5700))] * 16)
    outer = b"\n \n".join([b64encode(gzip.compress(inner))] * 16)
    begun = time.process_time()
    for bomb in (gzip.compress(bytes(50_000_000)), outer, b64encode(outer), outer * 20):
        assert repair_file(bomb, RESPONSE) == (bomb, ())
    assert time.process_time() - begun < 10


def test_more_than_a_megabyte_is_not_looked_at() -> None:
    data = b" " * MAX_BYTES + A_RESPONSE + b","
    assert repair_file(data, RESPONSE) == (data, ())
