"""Facts about a request or response file for people who do not want to trust Keyferry."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from keyferry.inspected import Contents, Inspected
from keyferry.views.repair_note import repair_note
from keyferry.views.request_summary import request_lines
from keyferry.views.response_summary import response_lines
from keyferry_protocol.activation import CODE_SYMBOLS, parse_activation_code
from keyferry_protocol.envelope import MAX_FILE, REQUEST, pack
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.strict_json import parse_json
from keyferry_protocol.symbols import without_separators

# What a shell takes for one word, so that a command with it can be copied.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADDRESS = re.compile(
    r"@|://|www\.|\b\d{1,3}(\.\d{1,3}){3}\b|\b[0-9a-f]{2}([:-][0-9a-f]{2}){5}\b|[0-9a-f]*::[0-9a-f]",
    re.IGNORECASE,
)
_ONE_ROW = "license.features"
_COLUMNS = "  "  # between the label of a summary's line and its text


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


def summary_lines(contents: Contents) -> list[str]:
    """What `inspect` prints about a file."""
    return request_lines(contents) if isinstance(contents, Request) else response_lines(contents)


def summary(contents: Contents) -> tuple[str, list[tuple[str, str]]]:
    """The first of these lines, and of each other line its label and text."""
    first, *others = (line.strip() for line in summary_lines(contents))
    split = (line.partition(_COLUMNS if _COLUMNS in line else " ") for line in others)
    return first, [(label, text.strip()) for label, _, text in split]


def completeness(file: Inspected, entries: Sequence[Row]) -> tuple[str, bool]:
    """Whether these rows are all there is in the file: as sentences, and if nothing more is."""
    unknown = count_unknown(entries)
    is_whole = is_exact(file)
    if unknown:
        text = message("inspect.report.unknown-entries", n=unknown)
    else:
        text = message(f"inspect.report.{'exact' if is_whole else 'written-otherwise'}")
    return f"{repair_note(file.repairs)} {text}".strip(), is_whole


def count_unknown(entries: Sequence[Row]) -> int:
    return sum(not row.is_known for row in entries)


def rows(file: Inspected) -> Iterator[Row]:
    """Every entry of a file, also those that no reader looks at."""
    contents = file.contents
    known = dict(_entries(contents.as_json()))
    yield Row("payloadType", _json(contents.envelope.payload_type), True)
    for path, value in _entries(parse_json(contents.envelope.body)):
        yield Row(path, _json(value), path in known and known[path] == value)
    for signature in contents.envelope.signatures:
        size = message("inspect.report.bytes", n=len(signature.sig))
        yield Row("signatures", f"{_json(signature.keyid)}, {size}", True)
    envelope = parse_json(file.data)
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


def is_exact(file: Inspected) -> bool:
    """Whether Keyferry would write these contents as the very same file."""
    contents, envelope = file.contents, file.contents.envelope
    packed = pack(envelope.payload_type, contents.to_bytes(), envelope.signatures)
    return file.original == packed


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
    file = _typed_name(name)
    if isinstance(contents, Request):
        limit = MAX_FILE[REQUEST]
        read = f"v.open_envelope(open('{file}','rb').read(),'request',{limit})[1].decode()"
    else:
        keys = "v.verify('key-set',open('keys.json','rb').read())"
        read = f"v.verify('response',open('{file}','rb').read(),{keys})"
    return {
        "hash": hash_commands(name),
        "text": text_commands(name),
        "reader": [("Python", f'python3 -c "import verify as v; print({read})"')],
    }


def hash_commands(name: str) -> list[tuple[str, str]]:
    """The SHA-256 of one file, with what each system has."""
    file = _typed_name(name)
    return [
        ("Windows PowerShell", f"Get-FileHash {file}"),
        ("macOS", f"shasum -a 256 {file}"),
        ("Linux", f"sha256sum {file}"),
    ]


# Hidden files, too; names and hashes are never cut.
FOLDER_HASH_COMMANDS = [
    ("Windows PowerShell", "Get-ChildItem -File -Force | Get-FileHash | Format-List Hash, Path"),
    ("macOS", "find . -maxdepth 1 -type f -exec shasum -a 256 {} +"),
    ("Linux", "find . -maxdepth 1 -type f -exec sha256sum {} +"),
]


def text_commands(name: str) -> list[tuple[str, str]]:
    """The text in one file, with what each system has."""
    file = _typed_name(name)
    payload = f"""sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' {file} | base64"""
    powershell = f"(Get-Content -Raw {file} | ConvertFrom-Json).payload"
    decoded = f"[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String({powershell}))"
    return [("Windows PowerShell", decoded), ("macOS", f"{payload} -D"), ("Linux", f"{payload} -d")]


def _typed_name(name: str) -> str:
    return name if is_plain_name(name) else "FILE"
