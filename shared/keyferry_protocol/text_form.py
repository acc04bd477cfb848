"""The text form of a request, small enough for a QR code (docs/format.md, "Text form")."""

import zlib

from keyferry_protocol.envelope import MAX_FILE, MAX_PAE, REQUEST, Signature, open_envelope, pack
from keyferry_protocol.errors import UnreadableRequest, UnsupportedVersion
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


def to_text_form(data: bytes) -> bytes:
    """Convert a request file to text form. Raises UnreadableRequest, or as `open_envelope` does."""
    envelope = open_envelope(data, REQUEST)
    packed = bytes((FORM, DICTIONARY_NUMBER, len(envelope.signatures)))
    for signature in envelope.signatures:
        packed += _keyid(signature) + len(signature.sig).to_bytes(2, "big") + signature.sig
    deflater = zlib.compressobj(9, wbits=_RAW, memLevel=9, zdict=DICTIONARY)
    return packed + deflater.compress(envelope.body) + deflater.flush()


def from_text_form(packed: bytes) -> bytes:
    """Restore the exact request file from its text form, without verifying it.

    Raises UnreadableRequest or UnsupportedVersion.
    """
    if len(packed) > MAX_FILE[REQUEST]:
        raise UnreadableRequest(message("errors.unreadable-request.text-form-too-long"))
    form, dictionary, count = packed[:3].ljust(3, b"\0")
    if form in LATER or (form == FORM and dictionary in LATER):
        raise UnsupportedVersion(message("errors.unsupported-version.text-form"))
    if (form, dictionary) != (FORM, DICTIONARY_NUMBER):
        raise UnreadableRequest(message("errors.unreadable-request.no-text-form"))
    signatures, at = [], 3
    for _ in range(count):
        keyid, size = packed[at : at + 8], int.from_bytes(packed[at + 8 : at + 10], "big")
        at += 10 + size
        signatures.append(Signature(keyid.hex(), packed[at - size : at]))
    data = pack(REQUEST, _inflate(packed[at:]), signatures)
    open_envelope(data, REQUEST)  # checks all limits
    return data


def _keyid(signature: Signature) -> bytes:
    try:
        keyid = bytes.fromhex(signature.keyid)
    except ValueError:
        keyid = b""
    if len(keyid) != 8 or keyid.hex() != signature.keyid:
        raise UnreadableRequest(message("format.text-form-key-id"))
    return keyid


def _inflate(stream: bytes) -> bytes:
    inflater = zlib.decompressobj(_RAW, DICTIONARY)
    try:
        body = inflater.decompress(stream, MAX_PAE + 1)
    except zlib.error as error:
        raise UnreadableRequest(message("errors.unreadable-request.text-form-damaged")) from error
    if len(body) > MAX_PAE:
        raise UnreadableRequest(message("errors.unreadable-request.too-much-signed", n=MAX_PAE))
    if not inflater.eof or inflater.unused_data:
        raise UnreadableRequest(message("errors.unreadable-request.text-form-cut"))
    return body
