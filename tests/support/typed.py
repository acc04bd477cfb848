"""What the page shows of a response to those who can carry no file back."""

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.response_text import deflate_response, to_response_text


def text_form(request: bytes, response: bytes) -> bytes:
    """The text form of the response to this request."""
    envelope = open_envelope(request, REQUEST)
    deflated = deflate_response(open_envelope(response, RESPONSE).body, envelope.body)
    return to_response_text(response, deflated, envelope.sha256)
