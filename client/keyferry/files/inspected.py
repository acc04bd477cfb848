"""What is in one file: a request or a response, and how it had to be repaired to be read."""

from typing import NamedTuple

from keyferry.files.kinds import kind_of
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import UnreadableRequest, WrongType
from keyferry_protocol.messages import message
from keyferry_protocol.repair import repair_file
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response

Contents = Request | Response


class Inspected(NamedTuple):
    """A file that was parsed and not verified: `original` as it is, `data` after the repairs."""

    original: bytes
    data: bytes
    contents: Contents
    repairs: tuple[str, ...]


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
