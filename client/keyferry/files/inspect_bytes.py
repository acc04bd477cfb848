"""Reads a request or a response, however it was packed, without verifying it."""

from keyferry.files.kinds import kind_of
from keyferry.inspected import Contents, Inspected
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError, UnreadableRequest, WrongType
from keyferry_protocol.messages import message
from keyferry_protocol.repair import repair_file
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import parse_response


def inspect_bytes(original: bytes) -> Inspected:
    """Read a request or response. Raises KeyferryError; an UnreadableRequest names the kind."""
    data, repairs = repair_file(original, REQUEST)
    try:
        contents: Contents = parse_request(data)
    except WrongType:
        contents = parse_response(open_envelope(data, RESPONSE))
    except UnreadableRequest as error:
        kind = kind_of(original)
        if kind in ("cut", "editor"):
            raise  # it is one of ours, and the error says what is wrong in it
        raise UnreadableRequest(message(f"terminal.kind.{kind}")) from error
    return Inspected(original, data, contents, repairs)


def inspect_any(data: bytes) -> Inspected | str:
    """The same for bytes that may be anything: then their kind."""
    try:
        return inspect_bytes(data)
    except KeyferryError:
        return kind_of(data)
