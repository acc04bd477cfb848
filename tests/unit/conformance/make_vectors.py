"""Writes docs/vectors/*.json: `python -m tests.unit.conformance.make_vectors`.

Seeds are fixed, so the same bytes come out each time. ML-DSA signatures are random; the ones made
first are kept beside the cases and used again, as is what another zlib may compress otherwise.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.unit.conformance.cases import (
    installing,
    key_sets,
    loading,
    machines,
    readings,
    requests,
    response_texts,
    responses,
    signatures,
    strict_json,
    text_forms,
    texts,
)
from tests.unit.conformance.cases.files import Vector, encode
from tests.unit.conformance.cases.keys import b64

FOLDER = Path(__file__).parents[3] / "docs" / "vectors"

KINDS: list[tuple[str, str, Callable[[], Iterable[Vector]]]] = [
    ("json", "Strict JSON. `input`: base64 of the bytes.", strict_json.vectors),
    ("base64", "Base64 texts; `url_safe_too` as in payload and sig.", texts.base64_vectors),
    ("times", "Times; `seconds` since 1970.", texts.time_vectors),
    ("free-texts", "Free texts.", texts.free_text_vectors),
    ("license-numbers", "License numbers as a person enters them.", texts.license_number_vectors),
    (
        "activation-codes",
        "Activation codes as a person enters them for `number`, and the key that comes of them.",
        texts.activation_code_vectors,
    ),
    (
        "public-keys",
        "Raw public keys in base64: whether they may be read, and their keyid.",
        signatures.public_key_vectors,
    ),
    (
        "signatures",
        "Key, message and signature in base64: whether the signature is valid.",
        signatures.signature_vectors,
    ),
    ("component-hashes", "A component's value as read, and its hash.", machines.hash_vectors),
    (
        "identifiable",
        "The weight of a set, of its hardware, and whether it is enough.",
        machines.identifiable_vectors,
    ),
    ("machine-rule", "Whether two sets are one machine.", machines.rule_vectors),
    ("key-sets", "Key sets. `file`: base64 of keys.json.", key_sets.vectors),
    (
        "requests",
        "Request files in base64, verified with the license's `activation_key`.",
        requests.vectors,
    ),
    (
        "text-forms",
        "Text forms of requests in base64, and the `file` that each unpacks to.",
        text_forms.vectors,
    ),
    (
        "responses",
        "Response files in base64, verified with one of `key_sets`, by name.",
        responses.vectors,
    ),
    (
        "response-texts",
        "Text forms of responses in base64, and the `file` to one of the requests.",
        response_texts.text_form_vectors,
    ),
    (
        "typed-rows",
        "Lines and codes as typed or scanned, and the `text_form` in them.",
        response_texts.typed_vectors,
    ),
    (
        "readings",
        "What Windows and macOS answer, and the components (../components.md).",
        readings.vectors,
    ),
    (
        "install",
        'Response files in base64, installed into a `state` (README.md, "Install and load").',
        installing.vectors,
    ),
    (
        "load",
        'What `load` returns for a `state` (README.md, "Install and load").',
        loading.vectors,
    ),
]


def documents() -> dict[str, bytes]:
    """Every file of vectors by its name, and the index of them all."""
    files, entries = {}, []
    for kind, about, vectors in KINDS:
        listed = list(vectors())
        names = [vector["name"] for vector in listed]
        assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
        good = sum(_is_good(vector) for vector in listed)
        entry = {
            "kind": kind,
            "file": f"{kind}.json",
            "about": about,
            "good": good,
            "bad": len(listed) - good,
        }
        entries.append(entry)
        members: Vector = {"kind": kind, "about": about}
        if kind == "responses":
            sets = key_sets.KEY_SETS.items()
            members["key_sets"] = {name: b64(encode(value)) for name, value in sets}
        files[f"{kind}.json"] = _written(members | {"vectors": listed})
    return files | {"index.json": _written({"format": 1, "files": entries})}


def _is_good(vector: Vector) -> bool:
    expect = vector["expect"]
    return any(expect.get(fact) for fact in ("ok", "valid", "same", "identifiable"))


def _written(document: Vector) -> bytes:
    """JSON with a line for each vector, in ASCII, so that a change shows as a changed line."""
    parts = []
    for name, value in document.items():
        if name in ("vectors", "files"):
            lines = ",\n".join(f"  {json.dumps(entry)}" for entry in value)
            parts.append(f' "{name}": [\n{lines}\n ]')
        else:
            parts.append(f' "{name}": {json.dumps(value)}')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


if __name__ == "__main__":
    for name, data in documents().items():
        (FOLDER / name).write_bytes(data)
        print(f"{len(data):8} {name}")
