"""The JSON Schemas of docs/schemas accept and refuse what the test vectors do."""

import json
from base64 import b64decode, urlsafe_b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

DOCS = Path(__file__).parents[3] / "docs"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in DOCS.glob("schemas/*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)

JSON_TEXTS = [
    "a surrogate encoded in UTF-8",
    "a name twice, once escaped",
    "a lone high surrogate",
    "NaN",
    "a fraction that is whole",
    "an exponent",
    "minus zero",
    "2 to the 53rd",
    "nested deeper than 16",
    "a byte-order mark",
]
# The rules of docs/schemas/README.md that no schema can state, and the vectors that break them.
BEYOND_SCHEMAS = {
    "Strict JSON": {
        *(f"envelope: JSON of the envelope: {text}" for text in JSON_TEXTS),
        *(f"BODY: JSON, {text}" for text in JSON_TEXTS),
        *(f"JSON: {text}" for text in JSON_TEXTS),
        "keyset is 1.0",
    },
    "File size": {"a file of 8,193 bytes", "a file of 20,481 bytes"},
    "Ascending order": {
        "BODY: machine.components.mac: descending",
        "BODY: bound_to.components.mac: descending",
    },
    "Different hashes": {
        f"BODY: {place}.components: one hash in {one} and in {other}"
        for place in ("machine", "bound_to")
        for one, other in [
            ("mac", "smbios_uuid"),
            ("mac", "disk_serial"),
            ("os_id", "board_serial"),
            ("tpm_key", "user"),
        ]
    },
    "Point on the curve": {
        "BODY: dongle.public: off the curve",
        "BODY: bound_to.dongle.public: off the curve",
    },
    "Equal members": {"BODY: a receipt that ends later", "BODY: a receipt that ends sooner"},
    "Computed key id": {
        "a key twice, once compromised",
        "a keyid of another key",
        "a keyid under another algorithm's name",
    },
}
BEYOND = {name for names in BEYOND_SCHEMAS.values() for name in names}
REFUSED_FOR_FORM = {
    "unreadable-request",
    "unreadable-response",
    "wrong-type",
    "unsupported-version",
    "bad-key-set",
}

# Signatures of a response come before its form, so this one ends as not-genuine.
NEVER_PARSED = "bad form and a bad signature: the signature is told"


def vectors(kind: str) -> list[Any]:
    read = json.loads((DOCS / "vectors" / f"{kind}.json").read_text())["vectors"]
    return [pytest.param(vector, id=vector["name"]) for vector in read]


@cache
def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": schema}, registry=REGISTRY)


def conforms(document: object, schema: str) -> bool:
    return bool(validator(schema).is_valid(document))


def has_good_form(file: bytes, kind: str) -> bool:
    """Whether the envelope conforms, and then its BODY."""
    try:
        envelope = json.loads(file)
        if not conforms(envelope, f"envelope.schema.json#/$defs/{kind}"):
            return False
        payload = envelope["payload"].replace("+", "-").replace("/", "_")
        body = json.loads(urlsafe_b64decode(payload))
    except ValueError:
        return False
    return conforms(body, f"{kind}.schema.json")


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("vector", vectors("requests"))
def test_requests_have_the_form_of_their_schema(vector: dict[str, Any]) -> None:
    parses = vector["expect"].get("code") not in REFUSED_FOR_FORM
    good = has_good_form(b64decode(vector["file"]), "request")
    assert good is (parses or vector["name"] in BEYOND)


@pytest.mark.parametrize("vector", vectors("responses"))
def test_responses_have_the_form_of_their_schema(vector: dict[str, Any]) -> None:
    code = vector["expect"].get("code")
    parses = code not in REFUSED_FOR_FORM and vector["name"] != NEVER_PARSED
    good = has_good_form(b64decode(vector["file"]), "response")
    assert good is (parses or vector["name"] in BEYOND)


@pytest.mark.parametrize("vector", vectors("key-sets"))
def test_key_sets_have_the_form_of_their_schema(vector: dict[str, Any]) -> None:
    parses = vector["expect"].get("code") not in REFUSED_FOR_FORM
    try:
        good = conforms(json.loads(b64decode(vector["file"])), "keyset.schema.json")
    except ValueError:
        good = False
    assert good is (parses or vector["name"] in BEYOND)


def test_the_document_gives_the_reason_for_each_vector_that_passes() -> None:
    document = (DOCS / "schemas" / "README.md").read_text()
    stated = [line.split(" | ")[0][2:] for line in document.splitlines() if line.startswith("| ")]
    assert stated[stated.index("rule") + 2 :] == list(BEYOND_SCHEMAS)
    named = {param.id for kind in ("requests", "responses", "key-sets") for param in vectors(kind)}
    assert BEYOND - named == set()
