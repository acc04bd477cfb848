"""Each answer that docs/openapi.yaml names is one that the API gives, and has the form it says."""

import json

import pytest
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from keyferry_service.adapters import tickets_dynamodb
from keyferry_service.domain import ticket as ticket_module
from keyferry_service.domain.refusals import RefusalCode
from keyferry_service.use_cases import limit_calls
from tests.support.builders import LAB_07, LAB_08, a_request_file
from tests.support.http_contract import (
    Outcome,
    check_answer,
    document,
    documented_outcomes,
    resolve,
)
from tests.support.world import World, link_in

OPEN = "/api/requests"
NOBODYS = "A" * 43
A_TICKET = {"email": None, "language": "en"}
AN_ADDRESS = {"email": "anna@example.org"}
A_SEAT = {"seat": 1}


class Caller:
    """Calls the API and notes each answer that it got, as the document names it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outcomes: set[Outcome] = set()

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        answer = self._world.call(method, path, body, named)
        self.outcomes.add(
            check_answer(method, path, answer["statusCode"], answer["headers"], answer["body"])
        )


def test_the_document_is_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_every_documented_answer_is_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Caller(world)
    world.sell()
    ready = world.activate(a_request_file(LAB_07), "anna@example.org")
    assert world.send(ready) == []
    link = link_in(world.mails()[0].replace(b"=\r\n", b""))
    status, mail, file = f"{OPEN}/{ready}", f"{OPEN}/{ready}/mail", f"{OPEN}/{ready}/file"
    code = f"{OPEN}/{ready}/codes/1"
    unknown = (f"{OPEN}/{NOBODYS}", f"{OPEN}/{NOBODYS}/mail", f"/api/responses/{NOBODYS}")

    call("POST", OPEN, A_TICKET)
    call("GET", status)
    call("POST", mail, AN_ADDRESS)
    call("PUT", f"{OPEN}/{world.open_ticket()}/file", b"a file")
    call("GET", file)
    call("GET", code)
    call("GET", link)
    call("HEAD", link)
    full = world.activate(a_request_file(LAB_08, choose_seat=True))
    seat = f"{OPEN}/{full}/seat"
    call("GET", f"{OPEN}/{full}")
    call("POST", seat, {"seat": 2})
    call("POST", seat, A_SEAT)

    for path in (OPEN, mail):
        call("POST", path, "no JSON")
        call("POST", path, {"email": "anna", "language": "en"})
    call("GET", unknown[0])
    call("POST", unknown[1], AN_ADDRESS)
    for method in ("GET", "HEAD"):
        call(method, unknown[2])
        call(method, unknown[2], accept="text/html,application/xhtml+xml")
    for path in (OPEN, mail):
        call("POST", path, {**A_TICKET, **AN_ADDRESS}, content_type="text/plain")
    call("POST", f"{OPEN}/{world.open_ticket()}/mail", AN_ADDRESS)
    call("GET", f"{OPEN}/{world.open_ticket()}/file")
    call("GET", f"{OPEN}/{NOBODYS}/file")
    call("GET", f"{OPEN}/{world.open_ticket()}/codes/1")
    call("GET", f"{OPEN}/{ready}/codes/2")
    for data in (b"a file", b"", bytes(8193)):
        call("PUT", file, data)
    call("PUT", f"{OPEN}/{NOBODYS}/file", b"a file")
    call("PUT", file, b"a file", content_type="text/plain")
    call("POST", seat, "no JSON")
    call("POST", seat, A_SEAT, content_type="text/plain")
    call("POST", f"{status}/seat", A_SEAT)
    call("POST", f"{OPEN}/{NOBODYS}/seat", A_SEAT)
    with monkeypatch.context() as patched:
        patched.setattr(ticket_module, "MAX_CHOICES", 1)
        call("POST", seat, A_SEAT)

    world.left_ms = 0
    call("POST", OPEN, A_TICKET)
    call("GET", f"{OPEN}/{NOBODYS}")
    call("POST", f"{OPEN}/{NOBODYS}/mail", AN_ADDRESS)
    call("POST", f"{OPEN}/{NOBODYS}/seat", A_SEAT)
    call("PUT", f"{OPEN}/{NOBODYS}/file", b"a file")
    call("GET", f"{OPEN}/{NOBODYS}/file")
    call("GET", f"{OPEN}/{NOBODYS}/codes/1")
    for method in ("GET", "HEAD"):
        call(method, f"/api/responses/{NOBODYS}")
    world.left_ms = 20_000
    monkeypatch.setattr(tickets_dynamodb, "TICKETS_PER_NETWORK", 1)
    call("POST", OPEN, A_TICKET)

    a_body = {"POST": {**A_TICKET, **AN_ADDRESS, **A_SEAT}, "PUT": b"a file"}
    routes = [("POST", OPEN), ("GET", status), ("POST", mail), ("GET", link), ("HEAD", link)]
    routes += [("PUT", file), ("GET", file), ("GET", code), ("POST", seat)]
    for method, path in routes:
        call(method, path, a_body.get(method), x_origin_secret="guess")
        call(method, path, a_body.get(method), sec_fetch_site="cross-site")
    with monkeypatch.context() as patched:
        patched.setattr(limit_calls, "CALLS_PER_NETWORK", 0)
        for method, path in routes:
            call(method, path)
    world.dynamodb.delete_table(TableName="Tickets")
    for method, path in routes:
        call(method, path, a_body.get(method))

    assert call.outcomes == set(documented_outcomes())


def test_every_refusal_is_documented() -> None:
    schemas = document()["components"]["schemas"]
    codes = []
    for kind in schemas["Refusal"]["oneOf"]:
        code = resolve(kind)["properties"]["code"]
        codes += code.get("enum", [code.get("const")])
    assert sorted(codes) == sorted(RefusalCode)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": "done"}, id="a state that is not documented"),
        pytest.param({"email": None}, id="a member of another type"),
        pytest.param({"seats": 3}, id="a member that is not documented"),
    ],
)
def test_a_changed_answer_breaks_the_contract(world: World, change: dict[str, object]) -> None:
    path = f"{OPEN}/{world.open_ticket()}"
    answer = world.call("GET", path)
    changed = json.dumps(json.loads(answer["body"]) | change)
    with pytest.raises(ValidationError):
        check_answer("GET", path, 200, answer["headers"], changed)
