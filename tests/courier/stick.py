"""A USB drive with request files, and the courier that sends them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from keyferry_courier.carry import Outcome, carry
from keyferry_courier.cli import main
from keyferry_courier.exchange import exchange
from keyferry_courier.folder import Folder
from keyferry_courier.service import Exchange, Service
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import parse_response
from tests.courier.fake_service import FakeService
from tests.support.offline import LAB_07, Room
from tests.support.samples import CODE, NUMBER

OTHER = "015120099042"
DOCS = Path(__file__).parents[2] / "docs/courier.md"


class Time:
    """A clock that stands still but when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def a_room(stick: Path, computer: int) -> Room:
    parts = {name: [f"{v}{computer}" for v in vs] for name, vs in LAB_07.components.items()}
    machine = replace(LAB_07, name=f"LAB-{computer:02}", components=parts)
    return Room(stick.parent / "rooms" / str(computer), machine)


def put(stick: Path, computer: int = 1, number: str = NUMBER, **options: Any) -> Path:
    """The request file of a computer, on the stick."""
    code = CODE if number == NUMBER else new_activation_code(number)
    data = a_room(stick, computer).request(number=number, code=code, **options)
    file = stick / f"{parse_request(data).file_stem}.request"
    file.write_bytes(data)
    return file


def put_deactivation(stick: Path, computer: int) -> Path:
    room = a_room(stick, computer)
    room.activate()
    data = room.request("deactivate")
    file = stick / f"deactivate-{computer}.request"
    file.write_bytes(data)
    return file


def send(
    service: FakeService,
    stick: Path,
    report: Callable[[Outcome], None] = lambda _: None,
    *,
    clock: Time | None = None,
    pausing: Callable[[float], None] = lambda _: None,
    exchange: Exchange = exchange,
) -> list[Outcome]:
    clock = clock or Time()
    calls = Service(
        service.page,
        "en",
        None,
        exchange=exchange,
        pausing=pausing,
        sleep=clock.sleep,
        clock=clock,
    )
    return carry(Folder(str(stick), service.page), calls, report, sleep=clock.sleep, clock=clock)


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.file.name: outcome.state for outcome in outcomes}


def responses(stick: Path) -> dict[str, str]:
    """The names of the response files by the request that they answer."""
    return {
        parse_response(open_envelope(file.read_bytes(), RESPONSE)).request_sha256: file.name
        for file in stick.glob("*.response")
    }


def assert_answered(stick: Path, *files: Path) -> None:
    answered = responses(stick)
    for file in files:
        request = parse_request(file.read_bytes())
        assert answered[request.sha256].startswith(f"{request.file_stem}-")


def run(service: FakeService, stick: Path, *more: str) -> int:
    return main(["send", str(stick), "--page", service.page, *more])
