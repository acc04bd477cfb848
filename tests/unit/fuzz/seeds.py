"""The fuzzer's seeds: the vectors of docs/vectors, one of each message, and a dictionary."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keyferry_protocol.envelope import RESPONSE, open_envelope, seal
from tests.support.make_changed_files import CHANGED, content
from tests.unit.fuzz.targets import (
    ACCOUNT,
    BUCKET,
    MAILS,
    SIGNER,
    TARGETS,
    Reader,
    for_reader,
    read_api_call,
    read_changed_file,
    read_key_set,
    read_notice,
    read_request_body,
    read_request_file,
    read_response_body,
    read_response_file,
    read_response_text,
    read_text_form,
    read_typed_rows,
    read_viewer,
)

VECTORS = Path(__file__).parents[3] / "docs" / "vectors"
TICKET = "A" * 43
_S3 = {
    "s3": {
        "bucket": {"name": BUCKET},
        "object": {"key": f"requests/{TICKET}", "versionId": "v1"},
    },
    "eventTime": "2026-11-24T09:47:00.123Z",
}
_MAIL = {
    "sendingAccountId": ACCOUNT,
    "tags": {"ses:configuration-set": [MAILS], "mail": ["0" * 32]},
}
MESSAGES: list[Any] = [
    {"Event": "s3:TestEvent"},
    {"Records": [_S3]},
    {"eventType": "Bounce", "mail": _MAIL, "bounce": {"bounceType": "Permanent"}},
    {"eventType": "Complaint", "mail": _MAIL, "complaint": {"complaintFeedbackType": "abuse"}},
    {"mail": {"ticket": TICKET, "to": "anna@example.com"}},
    {"sign": {"ticket": TICKET}},
    {"choice": {"ticket": TICKET, "version": "v1", "seat": 2, "count": 1}},
]
CALLS: list[Any] = [
    {"email": "anna@example.com", "language": "en"},
    {"email": None, "language": "pt-BR"},
    {"email": None, "language": "en", "seat": 2},
]
VIEWERS = ("198.51.100.7:443", "[2001:db8::1]:443", "2001:db8::1:443", "fe80::1%eth0:1", "::1")


def seeds(target: str) -> list[bytes]:
    """Every input that the fuzzer of a target starts with."""
    return [for_reader(reader, d) for reader, d in _seeds() if reader in TARGETS[target]]


def _seeds() -> Iterator[tuple[Reader, bytes]]:
    for file in _decoded("requests", "file"):
        yield read_request_file, file
        yield from ((read_request_body, body) for body in _bodies(file))
    for packed in _decoded("text-forms", "text_form"):
        yield read_text_form, packed
    for file in _decoded("responses", "file"):
        yield read_response_file, file
        yield from ((read_response_body, body) for body in _bodies(file))
    for case in CHANGED:
        yield read_changed_file, content(case)
    yield read_response_file, _signed_by_the_fuzzer()
    for packed in _decoded("response-texts", "text_form"):
        yield read_response_text, packed
    for vector in json.loads((VECTORS / "typed-rows.json").read_text())["vectors"]:
        yield read_typed_rows, "\n".join(vector["rows"]).encode()
    for keys in _decoded("key-sets", "file"):
        yield read_key_set, keys
    for message in MESSAGES:
        yield read_notice, json.dumps(message).encode()
    for call in CALLS:
        yield read_api_call, json.dumps(call).encode()
    for viewer in VIEWERS:
        yield read_viewer, viewer.encode()


def _signed_by_the_fuzzer() -> bytes:
    """A good response under the key that `read_response_file` trusts."""
    first = next(_decoded("responses", "file"))
    return seal(RESPONSE, open_envelope(first, RESPONSE).body, [SIGNER])


def dictionary(target: str) -> list[bytes]:
    """The strings in the seeds' JSON, and the tokens of JSON."""
    words = {b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"false", b"0", b"1", b"-1"}
    words |= {b"9007199254740991", b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z", b"\\ud800"}
    for seed in seeds(target):
        try:
            words |= {json.dumps(text).encode() for text in _strings(json.loads(seed[1:]))}
        except ValueError:
            continue
    return sorted(word for word in words if len(word) <= 60)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for entry in value:
            yield from _strings(entry)
        if isinstance(value, dict):
            yield from _strings(list(value.values()))


def _decoded(kind: str, member: str) -> Iterator[bytes]:
    for vector in json.loads((VECTORS / f"{kind}.json").read_text())["vectors"]:
        yield b64decode(vector[member])


def _bodies(file: bytes) -> list[bytes]:
    try:
        return [b64decode(json.loads(file)["payload"])]
    except (ValueError, KeyError, TypeError):
        return []  # a vector that is to be refused before its payload is read
