"""Unpacks a typed or scanned response with the request that is waiting for it here."""

from collections.abc import Iterator

from keyferry.store.folder import DEACTIVATE, PENDING, Folder
from keyferry.store.order import in_trying_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.response_text import from_response_text
from keyferry_protocol.typed_response import TypedResponse, looks_typed, typed_rows
from keyferry_protocol.typed_text import decode_text


def unpack(typed: TypedResponse, state_dirs: StateDirs) -> bytes:
    """The response file in lines or codes.

    Raises WrongLine for what is missing, NotRequested if no request here waits for it, and
    UnreadableResponse for what does not fit together.
    """
    return from_response_text(typed.packed(), _request_bodies(state_dirs))


def unpack_text(data: bytes, state_dirs: StateDirs) -> bytes:
    """Like `unpack`, for a text of lines or codes; other bytes are returned unchanged."""
    if not looks_typed(data):
        return data
    typed = TypedResponse()
    for row in typed_rows(decode_text(data)):
        typed.add(row)
    return unpack(typed, state_dirs)


def _request_bodies(state_dirs: StateDirs) -> Iterator[bytes]:
    """The BODY of each request on this computer that can still be answered."""
    for number in in_trying_order(state_dirs):
        for folder in [Folder(root, number) for root in state_dirs]:
            for name in (PENDING, DEACTIVATE):
                request = folder.request(name, ignore_damage=True)
                if request is not None:
                    yield request.envelope.body
