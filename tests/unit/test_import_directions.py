"""Who may import whom: protocol <- service <- functions, protocol <- client, service <- admin."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "keyferry_protocol",
    "keyferry_service",
    "keyferry",
    "keyferry_admin",
    "functions",
    "local",
    "benchmarks",
    "tests",
}
AWS = {"boto3", "botocore", "mypy_boto3"}
NETWORK = {
    "socket",
    "socketserver",
    "ssl",
    "http",
    "urllib.request",
    "asyncio",
    "ftplib",
    "smtplib",
}
TYPES_ALONE = {"_typeshed"}  # there for type checkers, never at run time
HARMLESS = (
    "boto3.dynamodb.types",
    "botocore.exceptions",
)  # they convert and name; they call nobody
HANDS_ON = {"signers.py"}  # gives the client to the signer that it chose
ADAPTERS = ("_dynamodb", "_s3", "_kms", "_ses", "_sqs")


@dataclass(frozen=True)
class Layer:
    """One folder: which of our packages and which packages of others it may import."""

    folder: str
    ours: frozenset[str]
    others: frozenset[str]
    never: frozenset[str] = frozenset()  # of the standard library
    listens: str = ""  # the one file that may, all the same


LAYERS = [
    Layer(
        "shared/keyferry_protocol",
        ours=frozenset({"keyferry_protocol"}),
        others=frozenset({"cryptography"}),
        never=frozenset(NETWORK | {"time", "subprocess"}),
    ),
    Layer(
        "shared/keyferry_service",
        ours=frozenset({"keyferry_protocol", "keyferry_service"}),
        others=frozenset({"cryptography", "aws_lambda_powertools"} | AWS),
    ),
    Layer(
        "functions",
        ours=frozenset({"keyferry_protocol", "keyferry_service"}),
        others=frozenset({"cryptography", "aws_lambda_powertools"} | AWS),
    ),
    Layer(
        "client/keyferry",
        ours=frozenset({"keyferry_protocol", "keyferry"}),
        others=frozenset({"cryptography", "click", "segno", "pkcs11"}),
        never=frozenset(NETWORK),
        listens="wizard/window.py",
    ),
    Layer(
        "admin/keyferry_admin",
        ours=frozenset({"keyferry_protocol", "keyferry_service", "keyferry_admin"}),
        others=frozenset({"cryptography", "click"} | AWS),
    ),
]
PROTOCOL, SERVICE, FUNCTIONS, CLIENT, ADMIN = LAYERS


def imported(source: str) -> Iterator[str]:
    """Every module a source names in an import, wherever it stands; relative ones are its own."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


def package(module: str) -> str:
    top = module.partition(".")[0]
    return "mypy_boto3" if top.startswith("mypy_boto3_") else top


def forbidden(source: str, layer: Layer, beside: set[str]) -> set[str]:
    """What a file of this layer imports and may not; `beside` are the modules of its folder."""
    found = set()
    for module in imported(source):
        top = package(module)
        if top in TYPES_ALONE:
            allowed = True
        elif top in OURS:
            allowed = top in layer.ours
        elif top in sys.stdlib_module_names:
            allowed = not {top, module} & layer.never
        else:
            allowed = top in layer.others or top in beside
        if not allowed:
            found.add(module)
    return found


def files_of(layer: Layer) -> list[Path]:
    return sorted((ROOT / layer.folder).rglob("*.py"))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.folder)
def test_imports_point_one_way(layer: Layer) -> None:
    files = files_of(layer)
    assert files, "a layer without files is checked by nobody"
    wrong = {}
    for file in files:
        beside = {path.stem for path in file.parent.glob("*.py")} if layer is FUNCTIONS else set()
        listens = file == ROOT / layer.folder / layer.listens
        of_file = replace(layer, never=frozenset()) if listens else layer
        if found := forbidden(file.read_text(), of_file, beside):
            wrong[str(file.relative_to(ROOT))] = sorted(found)
    assert not wrong


def clients(source: str) -> list[str]:
    """What a source imports that could call AWS, or the type of such a client."""
    modules = (module for module in imported(source) if package(module) in AWS)
    return sorted(module for module in modules if not module.startswith(HARMLESS))


def test_only_a_file_named_for_its_service_talks_to_it() -> None:
    talks = {
        file.name: names
        for file in files_of(SERVICE)
        if not file.stem.endswith(ADAPTERS) and file.name not in HANDS_ON
        if (names := clients(file.read_text()))
    }
    assert not talks


def test_a_client_in_a_pure_file_is_found() -> None:
    assert clients("import boto3")
    assert clients("def f():\n    from mypy_boto3_s3 import S3Client")
    assert not clients("from botocore.exceptions import ClientError")


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        pytest.param(PROTOCOL, "import keyferry_service.decide", id="protocol from service"),
        pytest.param(
            PROTOCOL, "def f():\n    import boto3", id="boto3 in the protocol, in a function"
        ),
        pytest.param(PROTOCOL, "import time", id="a clock in the protocol"),
        pytest.param(SERVICE, "from keyferry_admin import keys", id="service from admin"),
        pytest.param(FUNCTIONS, "from keyferry import load", id="functions from the client"),
        pytest.param(
            CLIENT, "from keyferry_service.decide import decide", id="client from service"
        ),
        pytest.param(CLIENT, "import botocore.session", id="botocore in the client"),
        pytest.param(CLIENT, "from urllib import request", id="urllib.request, by its parent"),
        pytest.param(CLIENT, "import http.server", id="http in the client"),
        pytest.param(CLIENT, "importlib.import_module('socket')", id="a socket, by its name"),
        pytest.param(CLIENT, "import requests", id="a package nobody installs with it"),
        pytest.param(ADMIN, "import local.run", id="local imported by someone"),
        pytest.param(ADMIN, "from benchmarks import run", id="benchmarks imported by someone"),
    ],
)
def test_a_wrong_import_is_found(layer: Layer, source: str) -> None:
    assert forbidden(source, layer, set())


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        pytest.param(CLIENT, "from urllib.parse import quote", id="urllib.parse opens nothing"),
        pytest.param(CLIENT, "from . import state", id="a relative import"),
        pytest.param(SERVICE, "from mypy_boto3_s3 import S3Client", id="a client's type"),
    ],
)
def test_a_right_import_is_let_through(layer: Layer, source: str) -> None:
    assert not forbidden(source, layer, set())
