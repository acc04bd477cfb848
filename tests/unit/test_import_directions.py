"""Who may import whom: protocol <- service <- functions, protocol <- client, protocol <- courier,
service <- admin.

In the client: store, machine, dongle <- the library <- doctor, files, views <- cli, wizard.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.import_graph import Graph, find_circles, import_graph, room_of

ROOT = Path(__file__).parents[2]
OURS = {
    "keyferry_protocol",
    "keyferry_service",
    "keyferry",
    "keyferry_admin",
    "keyferry_courier",
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
STANDARD = sys.stdlib_module_names | {"_sha2"}  # of Python 3.12
# They convert, configure and name; they make no calls.
HARMLESS = ("boto3.dynamodb.types", "botocore.config", "botocore.exceptions")
ADAPTERS = ("_dynamodb", "_eventbridge", "_https", "_s3", "_secretsmanager", "_kms", "_ses", "_sqs")


@dataclass(frozen=True)
class Layer:
    """One folder: which of our packages and which packages of others it may import."""

    folder: str
    ours: frozenset[str]
    others: frozenset[str]
    never: frozenset[str] = frozenset()  # of the standard library
    listens: str = ""  # the one file that may


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
        others=frozenset({"cryptography", "aws_lambda_powertools", "segno"} | AWS),
    ),
    Layer(
        "functions",
        ours=frozenset({"keyferry_protocol", "keyferry_service"}),
        others=frozenset({"cryptography", "aws_lambda_powertools"} | AWS),
    ),
    Layer(
        "client/keyferry",
        ours=frozenset({"keyferry_protocol", "keyferry"}),
        others=frozenset(
            {"cryptography", "click", "segno", "pkcs11", "pytest"}
        ),  # for keyferry.testing
        never=frozenset(NETWORK),
        listens="wizard/window.py",
    ),
    Layer(
        "admin/keyferry_admin",
        ours=frozenset({"keyferry_protocol", "keyferry_service", "keyferry_admin"}),
        others=frozenset({"cryptography", "click", "pygal", "yaml"} | AWS),
    ),
    Layer(
        "courier/keyferry_courier",
        ours=frozenset({"keyferry_protocol", "keyferry_courier"}),
        others=frozenset({"click"}),
    ),
]
PROTOCOL, SERVICE, FUNCTIONS, CLIENT, ADMIN, COURIER = LAYERS


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
    """What a file of this layer imports but may not; `beside` are the modules of its folder."""
    modules = set()
    for module in imported(source):
        top = package(module)
        if top in TYPES_ALONE:
            allowed = True
        elif top in OURS:
            allowed = top in layer.ours
        elif top in STANDARD:
            allowed = not {top, module} & layer.never
        else:
            allowed = top in layer.others or top in beside
        if not allowed:
            modules.add(module)
    return modules


def files_of(layer: Layer) -> list[Path]:
    """Its files, but not those that PyInstaller runs where it builds an application."""
    files = sorted((ROOT / layer.folder).rglob("*.py"))
    return [path for path in files if "__pyinstaller" not in path.parts]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.folder)
def test_imports_point_one_way(layer: Layer) -> None:
    files = files_of(layer)
    assert files, "a layer without files is checked by nobody"
    wrong = {}
    for file in files:
        beside = {path.stem for path in file.parent.glob("*.py")} if layer is FUNCTIONS else set()
        listens = file == ROOT / layer.folder / layer.listens
        of_file = replace(layer, never=frozenset()) if listens else layer
        if imports := forbidden(file.read_text(), of_file, beside):
            wrong[str(file.relative_to(ROOT))] = sorted(imports)
    assert not wrong


def clients(source: str) -> list[str]:
    """What a source imports that could call AWS, or the type of such a client."""
    modules = (module for module in imported(source) if package(module) in AWS)
    return sorted(module for module in modules if not module.startswith(HARMLESS))


def test_only_a_file_named_for_its_service_talks_to_it() -> None:
    talks = {
        file.name: names
        for file in files_of(SERVICE)
        if not file.stem.endswith(ADAPTERS) and (names := clients(file.read_text()))
    }
    assert not talks


@dataclass(frozen=True)
class Room:
    """One folder of a package: which of its siblings it may import, and which other packages."""

    name: str
    rooms: frozenset[str]
    others: frozenset[str] = frozenset()
    package: str = "keyferry_service"
    ours: frozenset[str] = frozenset({"keyferry_protocol"})


SERVICE_ROOMS = [
    Room("domain", rooms=frozenset({"domain"})),
    Room(
        "adapters",
        rooms=frozenset({"domain", "adapters"}),
        others=frozenset({"cryptography", "aws_lambda_powertools"} | AWS),
    ),
    Room("views", rooms=frozenset({"domain", "views"}), others=frozenset({"segno"})),
    Room("use_cases", rooms=frozenset({"domain", "adapters", "views", "use_cases"})),
]
DOMAIN, ADAPTERS_ROOM, VIEWS, USE_CASES = SERVICE_ROOMS
# How the functions reach the use cases: each in one file, and neither imports the other.
SERVICE_FACES = [
    Room(
        "worker",
        rooms=frozenset({"domain", "adapters", "use_cases"}),
        others=frozenset({"aws_lambda_powertools"}),
    ),
    Room(
        "api",
        rooms=frozenset({"domain", "adapters", "views", "use_cases"}),
        others=frozenset({"aws_lambda_powertools"}),
    ),
]
WORKER, API = SERVICE_FACES
_ADMIN = partial(
    Room, package="keyferry_admin", ours=frozenset({"keyferry_protocol", "keyferry_service"})
)
ADMIN_ROOMS = [
    _ADMIN(
        "use_cases",
        frozenset({"use_cases", "errors", "stack"}),
        frozenset({"cryptography", "pygal", "yaml"} | AWS),
    ),
    _ADMIN(
        "cli",
        frozenset(
            {"cli", "use_cases", "errors", "stack", "connection", "aws_failures", "__version__"}
        ),
        frozenset({"click", "botocore"}),
    ),
    # It says what the commands print, and opens nothing but its own socket.
    _ADMIN(
        "desk",
        frozenset({"desk", "cli", "use_cases", "errors", "stack", "aws_failures"}),
        frozenset({"click", "botocore"}),
    ),
]
ADMIN_USE_CASES, ADMIN_CLI, ADMIN_DESK = ADMIN_ROOMS


def out_of_room(source: str, room: Room) -> set[str]:
    """What a file of this room imports but may not."""
    modules = set()
    for module in imported(source):
        top, _, rest = module.partition(".")
        if module == room.package:  # a name is imported from it, and that name is checked
            allowed = True
        elif top == room.package:
            allowed = rest.partition(".")[0] in room.rooms
        else:
            allowed = (
                top in {*room.ours, *TYPES_ALONE, *sys.stdlib_module_names}
                or package(module) in room.others
            )
        if not allowed:
            modules.add(module)
    return modules


@pytest.mark.parametrize("room", SERVICE_ROOMS, ids=lambda room: room.name)
def test_the_services_rooms_import_one_way(room: Room) -> None:
    files = sorted((ROOT / SERVICE.folder / room.name).rglob("*.py"))
    assert files, "a room without files is checked by nobody"
    wrong = {
        file.name: imports for file in files if (imports := out_of_room(file.read_text(), room))
    }
    assert not wrong


@pytest.mark.parametrize("face", SERVICE_FACES, ids=lambda face: face.name)
def test_the_services_faces_import_rooms_and_not_each_other(face: Room) -> None:
    source = (ROOT / SERVICE.folder / f"{face.name}.py").read_text()
    assert not out_of_room(source, face)


@pytest.mark.parametrize("room", ADMIN_ROOMS, ids=lambda room: room.name)
def test_the_command_line_calls_use_cases_that_do_not_know_it(room: Room) -> None:
    files = sorted((ROOT / ADMIN.folder / room.name).rglob("*.py"))
    assert files, "a room without files is checked by nobody"
    wrong = {
        file.name: imports for file in files if (imports := out_of_room(file.read_text(), room))
    }
    assert not wrong


@pytest.mark.parametrize("package", ["keyferry_protocol", "keyferry_admin"])
def test_no_imports_are_circular(package: str) -> None:
    assert not find_circles(import_graph(package))


def test_a_use_case_of_the_admin_prints_nothing() -> None:
    for file in (ROOT / ADMIN.folder / "use_cases").glob("*.py"):
        names = {
            node.id for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name)
        }
        assert not names & {"print", "input"}, file


def test_every_module_of_the_service_is_in_a_room_or_a_face() -> None:
    folder = ROOT / SERVICE.folder
    faces = {face.name for face in SERVICE_FACES}
    assert {file.stem for file in folder.glob("*.py")} == {"__init__", *faces}
    assert {file.parent.name for file in folder.glob("*/*.py")} == {r.name for r in SERVICE_ROOMS}


@pytest.mark.parametrize(
    ("room", "source"),
    [
        pytest.param(
            DOMAIN, "from keyferry_service.adapters.items_dynamodb import plain", id="row"
        ),
        pytest.param(DOMAIN, "from keyferry_service.views.email import Email", id="sentence"),
        pytest.param(DOMAIN, "import keyferry_service.use_cases.resign", id="its own use case"),
        pytest.param(DOMAIN, "from cryptography import x509", id="cryptography but the protocol's"),
        pytest.param(ADAPTERS_ROOM, "import keyferry_service.use_cases.resign", id="upwards"),
        pytest.param(ADAPTERS_ROOM, "from keyferry_service import worker", id="the worker"),
        pytest.param(USE_CASES, "from keyferry_service import api", id="the API"),
        pytest.param(API, "import keyferry_service.worker", id="the worker, from the API"),
        pytest.param(API, "import boto3", id="a client made by the API"),
        pytest.param(WORKER, "from keyferry_service.views.email import Email", id="a view"),
        pytest.param(VIEWS, "from botocore.exceptions import ClientError", id="AWS in a view"),
        pytest.param(VIEWS, "import keyferry_service.adapters.files_s3", id="a view that reads"),
        pytest.param(USE_CASES, "import boto3", id="a client made by a use case"),
        pytest.param(USE_CASES, "import aws_lambda_powertools", id="a logger in a use case"),
        pytest.param(
            ADMIN_USE_CASES, "from keyferry_admin.cli.output import day", id="the admin's cli"
        ),
        pytest.param(ADMIN_USE_CASES, "import click", id="click in a use case"),
        pytest.param(ADMIN_CLI, "from keyferry_admin import __main__", id="the start of the admin"),
        pytest.param(ADMIN_CLI, "import boto3", id="a client made by a command"),
        pytest.param(ADMIN_CLI, "from keyferry_admin.desk import site", id="the desk in a command"),
        pytest.param(
            ADMIN_DESK, "from keyferry.wizard.html import page_html", id="the client in the desk"
        ),
        pytest.param(ADMIN_DESK, "import keyferry_admin.connection", id="a connection of the desk"),
    ],
)
def test_an_import_from_another_room_is_found(room: Room, source: str) -> None:
    assert out_of_room(source, room)


def test_a_client_in_a_pure_file_is_found() -> None:
    assert clients("import boto3")
    assert clients("def f():\n    from mypy_boto3_s3 import S3Client")
    assert not clients("from botocore.exceptions import ClientError")


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        pytest.param(PROTOCOL, "import keyferry_service.domain.decide", id="protocol from service"),
        pytest.param(
            PROTOCOL, "def f():\n    import boto3", id="boto3 in the protocol, in a function"
        ),
        pytest.param(PROTOCOL, "import time", id="a clock in the protocol"),
        pytest.param(SERVICE, "from keyferry_admin import keys", id="service from admin"),
        pytest.param(FUNCTIONS, "from keyferry import load", id="functions from the client"),
        pytest.param(
            CLIENT, "from keyferry_service.domain.decide import decide", id="client from service"
        ),
        pytest.param(CLIENT, "from keyferry_courier import service", id="client from courier"),
        pytest.param(COURIER, "from keyferry import load", id="courier from the client"),
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
def test_an_allowed_import_is_accepted(layer: Layer, source: str) -> None:
    assert not forbidden(source, layer, set())


# The client's rooms: what each imports besides itself. `keyferry` is the library, in no folder.
BASE = {"keyferry.store", "keyferry.machine", "keyferry.dongle"}
LIBRARY = BASE | {"keyferry"}
SHARED = LIBRARY | {"keyferry.doctor", "keyferry.files", "keyferry.views"}
ROOMS = {
    "keyferry.store": set(),
    "keyferry.machine": set(),
    "keyferry.dongle": set(),
    "keyferry": BASE,
    "keyferry.doctor": LIBRARY,
    "keyferry.files": LIBRARY,
    "keyferry.views": LIBRARY,
    "keyferry.cli": SHARED,
    "keyferry.wizard": SHARED,
    "keyferry.testing": LIBRARY,
}
# What starts a face: the command `keyferry wizard` the wizard, `python -m keyferry` the commands.
STARTS = {"keyferry.cli.wizard": "keyferry.wizard", "keyferry.__main__": "keyferry.cli"}


def wrong_rooms(graph: Graph) -> dict[str, list[str]]:
    """The modules of the client that import what their room may not."""
    wrong = {}
    for module, imported in graph.items():
        room = room_of(module, graph)
        allowed = ROOMS[room] | {room, STARTS.get(module, room)}
        if imports := [other for other in imported if room_of(other, graph) not in allowed]:
            wrong[module] = sorted(imports)
    return wrong


def test_the_clients_rooms_build_on_each_other_and_its_faces_do_not_meet() -> None:
    assert not wrong_rooms(import_graph("keyferry"))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        pytest.param("keyferry.wizard.session", "keyferry.cli.settings", id="cli in the wizard"),
        pytest.param("keyferry.cli.list", "keyferry.wizard.session", id="the wizard in a command"),
        pytest.param(
            "keyferry.cli.main", "keyferry.wizard.session", id="the wizard in all of them"
        ),
        pytest.param("keyferry.install", "keyferry.cli.main", id="a face in the library"),
        pytest.param("keyferry.install", "keyferry.files.kinds", id="a face's part in the library"),
        pytest.param("keyferry.store.folder", "keyferry.times", id="the library in its store"),
        pytest.param("keyferry.dongle.find", "keyferry.store.files", id="one base in another"),
        pytest.param("keyferry.__main__", "keyferry.wizard.window", id="the start of the wizard"),
    ],
)
def test_an_import_of_the_wrong_room_is_found(module: str, imported: str) -> None:
    graph = import_graph("keyferry")
    assert module in graph
    assert imported in graph
    assert wrong_rooms({**graph, module: frozenset({imported})}) == {module: [imported]}


def test_what_runs_imports_only_what_make_run_installs() -> None:
    locked = {
        name: set(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))
        for name in ("run", "dev")
        for lock in [ROOT / f"requirements/{name}.txt"]
    }
    assert locked["run"] < locked["dev"]  # in the versions that are tested
    files = [*(ROOT / "local").rglob("*.py"), *(path for each in LAYERS for path in files_of(each))]
    modules = {package(module) for path in files for module in imported(path.read_text())}
    needed = modules - OURS - TYPES_ALONE - STANDARD - {"app", "bundles"}
    # The layer has Powertools, a dongle and a test need their extras, and mypy_boto3 has types.
    needed -= {"aws_lambda_powertools", "pkcs11", "pytest", "mypy_boto3"}
    needed = {"pyyaml" if each == "yaml" else each for each in needed}  # its name in the registry
    assert needed <= {name for name, _ in locked["run"]}
    assert {"ministack", "cryptography"} <= needed
