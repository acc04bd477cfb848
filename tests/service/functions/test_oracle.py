"""What a stranger could learn from answers: whether a license number exists, and how it stands."""

import json
import time
from statistics import median
from typing import Any

import pytest

from keyferry_protocol.algorithms import is_valid_signature
from keyferry_service.domain.license import Status
from tests.service.functions.test_calls_counted import counting
from tests.support.builders import ACTIVATION, LAB_07, LAB_08, Computer, a_key, a_request_file
from tests.support.samples import DAY, NOW
from tests.support.world import World

pytestmark = pytest.mark.attack

UNKNOWN = "999999999999"
THIEF = Computer("THIEF", dongle=a_key("the thief's dongle"))
WRONG_CODE = a_key("a wrong activation code")

# Each as a stranger makes it for any number; `file(license_number=...)`.
UNPROVEN_REQUESTS: list[Any] = [
    pytest.param({"activation": WRONG_CODE}, id="activate with a wrong code"),
    pytest.param(
        {"activation": WRONG_CODE, "replaces_seat": 1}, id="with a wrong code, for seat 1"
    ),
    pytest.param(
        {"activation": WRONG_CODE, "computer": THIEF}, id="with a wrong code and a dongle"
    ),
    pytest.param(
        {"activation": WRONG_CODE, "protection": "personal"}, id="with a wrong code, personal"
    ),
    pytest.param(
        {"activation": WRONG_CODE, "computer": LAB_07.reinstalled()},
        id="with a wrong code and the parts of a computer that has a seat",
    ),
    pytest.param(
        {"activation": WRONG_CODE, "computer": LAB_07, "replaces_seat": 1},
        id="with a wrong code, that computer's parts and key, for its seat",
    ),
    pytest.param(
        {"kind": "update", "computer": LAB_07, "signers": (WRONG_CODE,)},
        id="update with the key of a computer that has a seat, unsigned",
    ),
    pytest.param({"signers": (LAB_08.device,)}, id="without any proof of a code"),
    pytest.param({"signers": ()}, id="without any signature"),
    pytest.param(
        {"activation": WRONG_CODE, "device_key": ACTIVATION.public}, id="with another's key"
    ),
    pytest.param({"kind": "update"}, id="update by a new key"),
    pytest.param({"kind": "deactivate"}, id="deactivate by a new key"),
    pytest.param({"kind": "update", "computer": THIEF}, id="update by a new dongle"),
]


def a_file(options: dict[str, Any], **changes: Any) -> bytes:
    return a_request_file(**{"computer": LAB_08, "kind": "activate", **options, **changes})


class Watched:
    """All that can be seen of one file's way, from the outside and from the inside."""

    def __init__(self, world: World, file: bytes, patch: pytest.MonkeyPatch) -> None:
        # Whatever comes, the service's keys are read once a minute.
        world.activate(a_request_file(LAB_07, activation=a_key("nobody's")))
        self.verified: list[tuple[str, bool]] = []

        def note(alg: str, public: bytes, message: bytes, signature: bytes) -> bool:
            holds = is_valid_signature(alg, public, message, signature)
            self.verified.append((alg, holds))
            return holds

        self.ticket = world.open_ticket("eve@example.org")
        message = world.upload(self.ticket, file)
        before = len(world.log.getvalue())
        clients = world.service
        watched = (clients["dynamodb"], clients["s3"])
        with patch.context() as patched, counting(*watched) as self.calls:
            patched.setattr("keyferry_protocol.envelope.is_valid_signature", note)
            assert world.process(message) == []
        self.log = [json.loads(line) for line in world.log.getvalue()[before:].splitlines()]
        for line in self.log:
            del line["ticket"], line["timestamp"]
        self.answer = world.call("GET", f"/api/requests/{self.ticket}")
        self.files = world.answers(self.ticket)
        world.send(self.ticket)
        self.mail = world.call("GET", f"/api/requests/{self.ticket}")

    def outcome(self) -> tuple[Any, ...]:
        return self.answer, self.files, self.mail, self.calls, self.verified, self.log


@pytest.mark.parametrize("options", UNPROVEN_REQUESTS)
def test_an_unknown_number_and_a_wrong_code_differ_in_no_byte_call_or_signature(
    world: World, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell(seats=2)
    world.activate(a_request_file(LAB_07))
    known = Watched(world, a_file(options), monkeypatch)
    unknown = Watched(world, a_file(options, license_number=UNKNOWN), monkeypatch)
    assert known.outcome() == unknown.outcome()
    assert [line["code"] for line in known.log] == ["not-authentic"]
    assert world.mails() == []


LICENSES: list[Any] = [
    pytest.param({"status": Status.SUSPENDED}, id="suspended"),
    pytest.param({"status": Status.REVOKED}, id="revoked"),
    pytest.param({"valid_until": NOW - DAY}, id="expired"),
    pytest.param({"seats": 1, "seats_used": 1}, id="full"),
    pytest.param({"product": "Another product"}, id="another product"),
    pytest.param({"protections": ("dongle",)}, id="for dongles"),
]


@pytest.mark.parametrize("terms", LICENSES)
def test_a_stranger_learns_nothing_of_how_a_license_stands(
    world: World, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell(**terms)
    options: dict[str, Any] = {"activation": WRONG_CODE}
    known = Watched(world, a_file(options), monkeypatch)
    unknown = Watched(world, a_file(options, license_number=UNKNOWN), monkeypatch)
    assert known.outcome() == unknown.outcome()


def test_a_ticket_tells_no_number_before_the_proof_holds(world: World) -> None:
    world.sell()
    ticket = world.activate(a_file({"activation": WRONG_CODE}))
    ticket_state = world.ticket(ticket)
    assert (ticket_state["license_number"], ticket_state["kind"]) == (None, None)
    (row,) = [row for row in world.rows("Tickets") if row["pk"]["S"] == f"ticket#{ticket}"]
    assert "license_number" not in row


def timed(world: World, file: bytes) -> float:
    """The processor's time that answering takes."""
    message = world.upload(world.open_ticket(), file)
    start = time.process_time()
    world.process(message)
    return time.process_time() - start


def test_an_unknown_number_and_a_wrong_code_take_the_same_time(world: World) -> None:
    """Coarse, by the processor's time: what is finer drowns in a queue and two networks."""
    world.sell()
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    files = {
        "known": a_file({"activation": WRONG_CODE}),
        "unknown": a_file({"activation": WRONG_CODE}, license_number=UNKNOWN),
    }
    for _ in range(15):
        for name, file in files.items():
            took[name].append(timed(world, file))
    known, unknown = median(took["known"]), median(took["unknown"])
    assert 0.6 < known / unknown < 1.6
