"""Facts about a request or response file for people who do not want to trust Keyferry."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from keyferry_protocol.activation import CODE_SYMBOLS, parse_activation_code
from keyferry_protocol.envelope import MAX_FILE, REQUEST, pack
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response
from keyferry_protocol.strict_json import parse_json
from keyferry_protocol.symbols import without_separators

Contents = Request | Response

# What a shell takes for one word, so that a command with it can be copied.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADDRESS = re.compile(
    r"@|://|www\.|\b\d{1,3}(\.\d{1,3}){3}\b|\b[0-9a-f]{2}([:-][0-9a-f]{2}){5}\b|[0-9a-f]*::[0-9a-f]",
    re.IGNORECASE,
)
_ONE_ROW = "license.features"


class Row(NamedTuple):
    """One entry of a file: its path, its value as JSON, and whether this version knows it."""

    path: str
    value: str
    is_known: bool

    @property
    def meaning(self) -> str:
        if not self.is_known:
            return message("inspect.report.unknown")
        path = self.path.removeprefix("bound_to.")
        path = path.removeprefix("machine.") if ".components" in path else path
        return message(f"inspect.report.member.{path}")


def rows(data: bytes, contents: Contents) -> Iterator[Row]:
    """Every entry of a file, also those that no reader looks at."""
    known = dict(_entries(contents.as_json()))
    yield Row("payloadType", _json(contents.envelope.payload_type), True)
    for path, value in _entries(parse_json(contents.envelope.body)):
        yield Row(path, _json(value), path in known and known[path] == value)
    for signature in contents.envelope.signatures:
        size = message("inspect.report.bytes", n=len(signature.sig))
        yield Row("signatures", f"{_json(signature.keyid)}, {size}", True)
    envelope = parse_json(data)
    assert isinstance(envelope, dict)
    for signature in envelope["signatures"]:
        yield from _unknown(signature, ("keyid", "sig"), "signatures")
    yield from _unknown(envelope, ("payloadType", "payload", "signatures"))


def _unknown(members: dict[str, object], known: tuple[str, ...], path: str = "") -> Iterator[Row]:
    others = {name: value for name, value in members.items() if name not in known}
    for entry, value in _entries(others, path) if others else ():
        yield Row(entry, _json(value), False)


def _entries(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """The innermost members of a JSON object, each with its path."""
    if isinstance(value, dict) and value and path != _ONE_ROW:
        for name, member in value.items():
            yield from _entries(member, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def is_exact(original: bytes, contents: Contents) -> bool:
    """Whether Keyferry would write these contents as the very same file."""
    envelope = contents.envelope
    return original == pack(envelope.payload_type, contents.to_bytes(), envelope.signatures)


def absent_from(contents: Contents) -> list[str]:
    """What a file without unknown entries does not contain: names of `inspect.report.absent`."""
    number, texts = _number_and_texts(contents)
    names = [] if any(_has_code(text, number) for text in texts) else ["code"]
    names.append("files")
    if isinstance(contents, Request):
        names.append("person-in-name" if contents.machine.name else "person")
        dongle = contents.dongle
    else:
        dongle = contents.bound_to.dongle
    if not any(map(_ADDRESS.search, texts)):
        names.append("address")
    if dongle is None:
        names.append("serial-number")
    return [*names, "program"]


def _number_and_texts(contents: Contents) -> tuple[str, list[str]]:
    """The license number, and the texts in which anything can be written."""
    if isinstance(contents, Request):
        product, machine, dongle = contents.product, contents.machine, contents.dongle
        number = contents.license_number
        texts = [product.name, product.version, machine.name, machine.os, contents.client]
    else:
        terms, dongle = contents.license, contents.bound_to.dongle
        number = terms.number
        texts = [terms.licensee, terms.product, terms.edition, *terms.features]
    return number, texts if dongle is None else [*texts, dongle.model, dongle.serial]


def _has_code(text: str, number: str) -> bool:
    """Whether an activation code of this license is somewhere in a text."""
    symbols = without_separators(text)
    for start in range(len(symbols) - CODE_SYMBOLS + 1):
        with suppress(KeyferryError):
            parse_activation_code(symbols[start : start + CODE_SYMBOLS], number)
            return True
    return False


def is_plain_name(name: str) -> bool:
    """Whether commands can name the file; for another, they say FILE."""
    return _PLAIN_NAME.fullmatch(name) is not None


def commands(name: str, contents: Contents) -> dict[str, list[tuple[str, str]]]:
    """What to type to check a file without Keyferry: by purpose, the system and its command."""
    file = name if is_plain_name(name) else "FILE"
    payload = f"""sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' {file} | base64"""
    powershell = f"(Get-Content -Raw {file} | ConvertFrom-Json).payload"
    if isinstance(contents, Request):
        limit = MAX_FILE[REQUEST]
        read = f"v.open_envelope(open('{file}','rb').read(),'request',{limit})[1].decode()"
    else:
        keys = "v.verify('key-set',open('keys.json','rb').read())"
        read = f"v.verify('response',open('{file}','rb').read(),{keys})"
    return {
        "hash": [
            ("Windows PowerShell", f"Get-FileHash {file}"),
            ("macOS", f"shasum -a 256 {file}"),
            ("Linux", f"sha256sum {file}"),
        ],
        "text": [
            (
                "Windows PowerShell",
                f"[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String({powershell}))",
            ),
            ("macOS", f"{payload} -D"),
            ("Linux", f"{payload} -d"),
        ],
        "reader": [("Python", f'python3 -c "import verify as v; print({read})"')],
    }
