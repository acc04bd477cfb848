"""The readers in docs/vectors, which share no code with Keyferry, agree with every vector."""

import ast
from base64 import b64decode
from typing import Any

import pytest

from tests.support import vectors

pytestmark = pytest.mark.conformance

Vector = dict[str, Any]
second = vectors.independent_verifier()
loader = vectors.independent_loader()
reader = vectors.independent_reader()
typist = vectors.independent_typist()
STANDARD = {"json", "base64", "hashlib", "cryptography"}


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("verify.py", STANDARD),
        (
            "readings.py",
            {
                "base64",
                "hashlib",
                "json",
                "plistlib",
                "re",
                "struct",
                "itertools",
                "pathlib",
                "xml",
            },
        ),
        ("typed.py", {"base64", "hashlib", "json", "zlib"}),
        ("loader.py", STANDARD | {"verify", "datetime", "hmac", "os", "pathlib"}),
    ],
)
def test_it_imports_nothing_of_ours(name: str, allowed: set[str]) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse((vectors.FOLDER / name).read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported == allowed


def _verdict(*inputs: Any) -> Any:
    """The BODY, or the code of the error."""
    try:
        return second.verify(*inputs)
    except ValueError as error:
        return {"code": str(error)}


def _agrees(verdict: Any, expect: Vector, *facts: str) -> None:
    if "code" in expect:
        assert verdict == {"code": expect["code"]}
    else:
        assert {name: verdict.get(name) for name in facts} == {name: expect[name] for name in facts}


@pytest.mark.parametrize("vector", vectors.cases("key-sets"))
def test_it_agrees_on_key_sets(vector: Vector) -> None:
    verdict = _verdict("key-set", b64decode(vector["file"]))
    if "code" not in verdict:
        verdict["require"], verdict["revoked"] = (
            sorted({*verdict["require"]}),
            sorted({*verdict["revoked"]}),
        )
    _agrees(verdict, vector["expect"], "require", "revoked")


@pytest.mark.parametrize("vector", vectors.cases("requests"))
def test_it_agrees_on_requests(vector: Vector) -> None:
    verdict = _verdict("request", b64decode(vector["file"]), vector["activation_key"])
    _agrees(verdict, vector["expect"], "kind", "license_number")


@pytest.mark.parametrize("vector", vectors.cases("responses"))
def test_it_agrees_on_responses(vector: Vector) -> None:
    keys = second.verify("key-set", vectors.key_sets()[vector["key_set"]])
    verdict = _verdict("response", b64decode(vector["file"]), keys)
    _agrees(verdict, vector["expect"], "kind", "serial", "seat", "request_sha256")


@pytest.mark.parametrize("vector", vectors.cases("install"))
def test_it_agrees_on_what_an_install_does(vector: Vector) -> None:
    assert loader.install(vector) == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("load"))
def test_it_agrees_on_what_loads(vector: Vector) -> None:
    assert loader.load(vector) == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("readings"))
def test_it_agrees_on_what_a_system_answers(vector: Vector) -> None:
    assert reader.read(vector) == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("typed-rows"))
def test_it_agrees_on_lines_and_codes(vector: Vector) -> None:
    try:
        result = {"ok": True, "text_form": vectors.b64(typist.read_rows(vector["rows"]))}
    except ValueError as error:
        result = {"code": str(error)}
    assert result == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("response-texts"))
def test_it_agrees_on_text_forms_of_responses(vector: Vector) -> None:
    skeleton = (vectors.FOLDER / "dictionary-2.bin").read_bytes()
    bodies = list(map(b64decode, vector["request_bodies"]))
    try:
        file = typist.unpack(b64decode(vector["text_form"]), bodies, skeleton)
        result = {"ok": True, "file": vectors.b64(file)}
    except ValueError as error:
        result = {"code": str(error)}
    assert result == vector["expect"]
