"""The way back without a file: lines to type, and QR codes that a handheld scanner types."""

import json
from base64 import b64decode

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.response_text import deflate_response, from_response_text, to_response_text
from keyferry_protocol.typed_response import TypedResponse, to_codes
from keyferry_service.domain.ticket import ResponseFile, Ticket, TicketState
from keyferry_service.views.code_picture import code_svg
from keyferry_service.views.refusal_text import Vendor
from keyferry_service.views.ticket_view import ticket_document
from tests.service.functions.test_calls_counted import counting
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import NOW
from tests.support.valid_files import VENDOR, VENDOR_PQ, response_members
from tests.support.world import OUT, World

FILE = a_request_file(LAB_07)
BODY = open_envelope(FILE, REQUEST).body


def test_the_lines_of_a_ready_ticket_unpack_to_its_response_file(world: World) -> None:
    world.sell()
    ticket = world.activate(FILE)
    text = world.ticket(ticket)["response"]["text"]
    assert len(text["lines"]) == 11
    assert text["codes"] == [f"/api/requests/{ticket}/codes/1"]
    response = TypedResponse()
    for line in reversed(text["lines"]):
        response.add(line)
    assert from_response_text(response.packed(), [BODY]) == world.response(ticket)


def test_asking_for_the_lines_costs_no_call_more(world: World) -> None:
    world.sell()
    ticket = world.activate(FILE)
    with counting(*world.service.values()) as calls:
        assert world.ticket(ticket)["response"]["text"]
    assert calls == ["GetItem", "GetObject"]


def test_a_hybrid_response_is_too_long_to_type_and_comes_by_codes() -> None:
    data = seal(RESPONSE, response_body(), [VENDOR, VENDOR_PQ])
    response = ResponseFile(data, "https://example.org", text_form(data))
    ticket = Ticket("t" * 43, NOW, TicketState.PROCESSING)
    document = ticket_document(ticket, NOW, response, Vendor("", ""), NOW)
    codes = [f"/api/requests/{ticket.id}/codes/{number}" for number in range(1, 8)]
    assert document["response"]["text"] == {"lines": None, "codes": codes}


def test_a_response_of_an_earlier_version_has_no_lines_and_no_codes(world: World) -> None:
    world.sell()
    ticket = world.activate(FILE)
    name = world.ticket(ticket)["response"]["filename"]
    key, file = f"responses/{ticket}/{name}", world.response(ticket)
    world.s3.put_object(Bucket=OUT, Key=key, Body=file)
    assert world.ticket(ticket)["response"]["text"] is None
    answer = world.call("GET", f"/api/requests/{ticket}/codes/1")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "not-found")


@pytest.mark.parametrize("number", ["0", "2", "01", "-1", "99", "100", "1.0", "x", "\u0661"])
def test_a_code_that_there_is_not_is_not_found(world: World, number: str) -> None:
    world.sell()
    ticket = world.activate(FILE)
    answer = world.call("GET", f"/api/requests/{ticket}/codes/{number}")
    assert answer["statusCode"] == 404


def test_a_code_is_a_picture_that_holds_the_response(world: World) -> None:
    world.sell()
    ticket = world.activate(FILE)
    answer = world.call("GET", f"/api/requests/{ticket}/codes/1")
    assert answer["headers"]["Content-Type"] == "image/svg+xml"
    svg = b64decode(answer["body"])
    assert svg == code_svg(to_codes(text_form(world.response(ticket)))[0])
    assert b"<script" not in svg


def text_form(data: bytes) -> bytes:
    deflated = deflate_response(open_envelope(data, RESPONSE).body, BODY)
    return to_response_text(data, deflated, open_envelope(FILE, REQUEST).sha256)


def response_body() -> bytes:
    return json.dumps(response_members(), separators=(",", ":")).encode()
