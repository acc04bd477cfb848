"""The text form of a request, small enough for a QR code (docs/format.md, "Text form")."""

import zlib
from collections.abc import Iterable

from keyferry_protocol.envelope import MAX_FILE, MAX_PAE, REQUEST, Signature, open_envelope, pack
from keyferry_protocol.errors import UnreadableRequest, UnreadableResponse, UnsupportedVersion
from keyferry_protocol.messages import message

FORM = 1
# The text that requests share, most likely last. Never change it; add dictionary number 2.
DICTIONARY = (
    b"macOS Windows Server 2022 Windows 10 Enterprise Ubuntu 24.04 LTS"
    b"Debian GNU/Linux 12 (bookworm)Windows 11 Pro 24H2"
    b'"protection":"personal""user":["'
    b'"protection":"dongle","load_key":null,"machine":{"name":"","components":{}},'
    b'"dongle":{"alg":"ECDSA-P256-SHA256","public":"B","model":"","serial":""},'
    b'"environment":"virtual","environment":"container","environment":"unknown",'
    b'"kind":"deactivate","kind":"update",null,"choose_seat":false,"last_serial":'
    b'{"id":"0","kind":"activate","created_at":"2026-11-24T00:00:00Z","license_number":"0",'
    b'"product":{"name":"","version":"1.0.0"},"protection":"machine","device_key":"=",'
    b'"load_key":"=","machine":{"name":"","os":"","environment":"physical","components":{'
    b'"tpm_key":["=="],"smbios_uuid":["=="],"board_serial":["=="],"mac":["==","=="],"os_id":["=="],'
    b'"disk_serial":["==","=="]}},"dongle":null,"replaces_seat":null,"choose_seat":true,'
    b'"last_serial":0,"trusts":["",""],"client":"keyferry 1.0.0"}'
)
DICTIONARY_NUMBER = 1
LATER = range(2, 16)  # numbers of later forms and dictionaries; any other means damage
_RAW = -zlib.MAX_WBITS  # DEFLATE without a header or checksum


Unreadable = type[UnreadableRequest] | type[UnreadableResponse]


def to_text_form(data: bytes) -> bytes:
    """Convert a request file to text form. Raises UnreadableRequest, or as `open_envelope` does."""
    envelope = open_envelope(data, REQUEST)
    head = bytes((FORM, DICTIONARY_NUMBER))
    signatures = pack_signatures(envelope.signatures, UnreadableRequest)
    return head + signatures + deflate(envelope.body, DICTIONARY)


def from_text_form(packed: bytes) -> bytes:
    """Restore the exact request file from its text form, without verifying it.

    Raises UnreadableRequest or UnsupportedVersion.
    """
    if len(packed) > MAX_FILE[REQUEST]:
        raise UnreadableRequest(message("errors.unreadable-request.text-form-too-long"))
    check_form(packed, DICTIONARY_NUMBER, UnreadableRequest)
    signatures, stream = unpack_signatures(packed[2:])
    data = pack(REQUEST, inflate(stream, DICTIONARY, UnreadableRequest), signatures)
    open_envelope(data, REQUEST)  # checks all limits
    return data


def check_form(packed: bytes, dictionary_number: int, unreadable: Unreadable) -> None:
    """Check the first two bytes. Raises UnsupportedVersion for those of a later version."""
    form, dictionary = packed[:2].ljust(2, b"\0")
    if form in LATER or (form == FORM and dictionary in LATER and dictionary > dictionary_number):
        name = "typed" if unreadable is UnreadableResponse else "text-form"
        raise UnsupportedVersion(message(f"errors.unsupported-version.{name}"))
    if (form, dictionary) != (FORM, dictionary_number):
        raise unreadable(message(f"errors.{unreadable.code}.no-text-form"))


def pack_signatures(signatures: Iterable[Signature], unreadable: Unreadable) -> bytes:
    """Their number, and each one's keyid, length, and bytes. Raises `unreadable`."""
    parts = [
        _keyid(signature, unreadable) + len(signature.sig).to_bytes(2, "big") + signature.sig
        for signature in signatures
    ]
    return bytes((len(parts),)) + b"".join(parts)


def unpack_signatures(packed: bytes) -> tuple[list[Signature], bytes]:
    """The signatures, and the bytes that follow them: none where signatures are cut."""
    signatures, at = [], 1
    for _ in range(packed[0] if packed else 0):
        keyid, size = packed[at : at + 8], int.from_bytes(packed[at + 8 : at + 10], "big")
        at += 10 + size
        signatures.append(Signature(keyid.hex(), packed[at - size : at]))
    return signatures, packed[at:]


def deflate(body: bytes, dictionary: bytes) -> bytes:
    """Compress a BODY to raw DEFLATE (RFC 1951) with a preset dictionary."""
    deflater = zlib.compressobj(9, wbits=_RAW, memLevel=9, zdict=dictionary)
    return deflater.compress(body) + deflater.flush()


def inflate(stream: bytes, dictionary: bytes, unreadable: Unreadable) -> bytes:
    """The BODY in a stream with nothing after it, at most MAX_PAE bytes. Raises `unreadable`."""
    inflater = zlib.decompressobj(_RAW, dictionary)
    try:
        body = inflater.decompress(stream, MAX_PAE + 1)
    except zlib.error as error:
        raise unreadable(message(f"errors.{unreadable.code}.text-form-damaged")) from error
    if len(body) > MAX_PAE:
        raise unreadable(message(f"errors.{unreadable.code}.too-much-signed", n=MAX_PAE))
    if not inflater.eof or inflater.unused_data:
        raise unreadable(message(f"errors.{unreadable.code}.text-form-cut"))
    return body


def _keyid(signature: Signature, unreadable: Unreadable) -> bytes:
    try:
        keyid = bytes.fromhex(signature.keyid)
    except ValueError:
        keyid = b""
    if len(keyid) != 8 or keyid.hex() != signature.keyid:
        raise unreadable(message("format.text-form-key-id"))
    return keyid
