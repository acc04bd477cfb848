"""The question for the next line or code of a response that someone types or scans."""

from keyferry_protocol.messages import message
from keyferry_protocol.typed_response import TypedResponse


def question(typed: TypedResponse) -> str:
    """Which line is next, or how many codes are here."""
    if typed.codes:
        return message("terminal.typed.codes", n=typed.scanned, of=typed.codes)
    if typed.length is None:
        return message("terminal.typed.line", n=typed.missing)
    return message("terminal.typed.line-of", n=typed.missing, of=typed.length)
