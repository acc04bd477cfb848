"""What a call of the API may say: an email address, a language, the network it comes from."""

import ipaddress
import re
from binascii import Error, a2b_base64

from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import BadJson
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json
from keyferry_service.views.problem_document import Problem

MAX_CALL = 4096  # bytes
MAX_EMAIL = 254  # bytes
# One addr-spec of RFC 5321 without quoting; the domain has a dot.
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_LANGUAGE = re.compile("[a-z]{2}(-[A-Za-z]{2,4})?")


def read_call(content_type: str, body: str | None, is_base64: bool | None) -> JsonObject:
    """The JSON object that was sent as such, which no form of another site can. Raises Problem."""
    data = _read_body(content_type, "application/json", body, is_base64)
    try:
        if len(data) > MAX_CALL:
            raise BadJson("The call is too long.")
        return JsonObject(parse_json(data))
    except (BadJson, InvalidMember) as error:
        raise Problem("bad-request") from error


def read_file(content_type: str, body: str | None, is_base64: bool | None) -> bytes:
    """The request file that was sent, unread. Raises Problem."""
    data = _read_body(content_type, "application/octet-stream", body, is_base64)
    if not data:
        raise Problem("empty-file")
    if len(data) > MAX_FILE[REQUEST]:
        raise Problem("too-large")
    return data


def _read_body(
    content_type: str, expected_type: str, body: str | None, is_base64: bool | None
) -> bytes:
    if content_type.partition(";")[0].strip().lower() != expected_type:
        raise Problem("unsupported-media-type")
    data = (body or "").encode("utf-8", "surrogatepass")
    try:
        return a2b_base64(data) if is_base64 else data
    except Error as error:
        raise Problem("bad-request") from error


def read_email(call: JsonObject) -> str:
    """The address to mail to. Raises Problem."""
    try:
        email = call.text("email", str)
    except InvalidMember as error:
        raise Problem("bad-request") from error
    if not is_email(email):
        raise Problem("bad-email")
    return email


def read_seat(call: JsonObject) -> int | None:
    """The number of the seat that was chosen; None for what is no number."""
    try:
        return call.integer("seat", 1)
    except InvalidMember:
        return None


def is_email(text: str) -> bool:
    """Whether it is one address that mail may be sent to."""
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def read_email_or_none(call: JsonObject) -> str | None:
    """The address to mail to; None for no mail. Raises Problem."""
    try:
        return None if call.is_null("email") else read_email(call)
    except InvalidMember as error:
        raise Problem("bad-request") from error


def read_language(call: JsonObject) -> str:
    """The language of the page that calls; English for one we could not know."""
    try:
        language = call.text("language", str)
    except InvalidMember as error:
        raise Problem("bad-request") from error
    return language[:2] if _LANGUAGE.fullmatch(language) else "en"


def network_of(viewer: str | None, source_ip: str) -> str:
    """The network that a caller is counted under: its /24, or /48 where it has IPv6.

    `viewer` is CloudFront's `address:port` of whoever calls it; `source_ip` who calls us.
    """
    text = viewer.rpartition(":")[0].strip("[]") if viewer else source_ip
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, bits), strict=False))
