"""How each refusal comes about, and what is told then: docs/format.md and the page's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keyferry_protocol.encoding import parse_time
from keyferry_service.domain.license import Status
from tests.support.customer import (
    Customer,
    active,
    after,
    allow_move,
    answered_before,
    become,
    by_an_old_application,
    cut_short,
    for_one_user,
    nothing,
    of_a_later_version,
    register_the_dongle,
    release,
    request,
    request_on,
    terms,
    update_by_an_unknown_key,
    update_by_the_load_key_on_a_changed_computer,
    update_of_a_released_seat,
    with_a_dongle,
    with_a_wrong_code,
    with_an_unknown_number,
)

ASK = "licensing@example.com"
OF_OLD = parse_time("2020-01-01T00:00:00Z")


@dataclass(frozen=True)
class Case:
    """One refusal: how it comes about, what is told, what the vendor does about it."""

    code: str
    title: str
    detail: str
    file: Callable[[Customer], bytes]
    sold: Mapping[str, Any] = field(default_factory=dict)
    before: Callable[[Customer], object] = nothing
    lift: Callable[[Customer], object] | None = None  # then the very same file is answered
    seats: tuple[tuple[int, str], ...] | None = None
    moves_left: int | None = None
    has_next_move: bool = False
    mailed: tuple[str, str] | None = None  # where that is not the page's title and detail
    reason: str = ""  # in the mail's subject, where it is not the title


READ_AGAIN = "Copy it again from the offline computer, straight to a USB drive, and choose it here."
UPDATE_APP = "on the offline computer, make a new request file, and choose it here."
APART = "The license number and the activation code do not match"
COMPARE = (
    "Check both against your license email or letter, make a new request file on the offline "
    "computer, and choose it here."
)
DEACTIVATE_ONE = (
    "Deactivate the license on a computer that no longer needs it. If one is lost or broken, make "
    'a new request file, choose "My old computer is lost or broken", and enter its seat number.'
)
MOVED = "This license cannot be moved again until {next_move}"
WAIT = f"Wait until then, or ask {ASK} to allow one more move."
PHYSICAL = f"Make the request on a physical computer, or ask {ASK} to allow it."
WITHDRAWN = f"It cannot be activated again. Ask {ASK} about a replacement."
FEW_PARTS = {"os_id": ["a1b2" * 8], "disk_serial": ["DISK1"]}

CASES = {
    "a file cut short": Case(
        "unreadable-request", "We could not read this file", READ_AGAIN, cut_short
    ),
    "a response": Case(
        "unreadable-request",
        "This is a response file",
        "You already have what you need. Take it to the offline computer and install it there.",
        Customer.activate,
    ),
    "a later version": Case(
        "unsupported-version",
        "This file was made by a version we do not support",
        f"It is newer than this service. Ask {ASK} for help, then choose the same request file "
        "again.",
        of_a_later_version,
    ),
    "a wrong code": Case("not-authentic", APART, COMPARE, with_a_wrong_code),
    "an unknown number": Case("not-authentic", APART, COMPARE, with_an_unknown_number),
    "an unknown key": Case("not-authentic", APART, COMPARE, update_by_an_unknown_key),
    "an old application": Case(
        "keys-too-old",
        "This version of Example Modeler is too old to accept our current signature",
        f"Update Example Modeler {UPDATE_APP}",
        by_an_old_application,
        mailed=(
            "This version of Example Modeler is too old to accept our current signature",
            f"Update Example Modeler {UPDATE_APP.replace('it here', 'it on the page')}",
        ),
    ),
    "an update after the seat was released": Case(
        "not-activated",
        "This license is not active on the offline computer",
        "There is nothing to update or deactivate. To use the license there, make an activation "
        "request.",
        update_of_a_released_seat,
        lift=active(),
    ),
    "a physical computer that shows a disk alone": Case(
        "machine-not-identified",
        "Not enough of the offline computer can be recognized",
        "On that computer, run the check in License Configuration (`keyferry doctor`) to see what "
        f"is missing. Or use a USB dongle, or ask {ASK}.",
        request_on(components=FEW_PARTS),
        lift=terms(environments=("physical", "virtual")),
    ),
    "a user's update on a computer that changed": Case(
        "needs-administrator",
        "The offline computer has changed too much since the license was installed",
        "Make the update on the offline computer as the administrator who installed the license, "
        "and choose that file here.",
        update_by_the_load_key_on_a_changed_computer,
        mailed=(
            "The offline computer has changed too much since the license was installed",
            "Make the update on the offline computer as the administrator who installed the "
            "license, and choose that file on the page.",
        ),
    ),
    "on hold": Case(
        "license-suspended",
        "This license is on hold",
        f"Ask {ASK} to lift the hold. Then choose the same request file again.",
        request(),
        before=become(Status.SUSPENDED),
        lift=become(Status.ACTIVE),
    ),
    "withdrawn": Case(
        "license-revoked",
        "This license has been revoked",
        WITHDRAWN,
        request(),
        before=become(Status.REVOKED),
    ),
    "withdrawn after the answer": Case(
        "license-revoked", "This license has been revoked", WITHDRAWN, answered_before
    ),
    "ended": Case(
        "license-expired",
        "This license ended on 30 November 2020",
        "Renew it with Example. Then choose the same request file again.",
        request(),
        sold={"made_at": OF_OLD, "valid_until": parse_time("2020-11-30T23:59:59Z")},
        lift=terms(valid_until=parse_time("2099-11-30T23:59:59Z")),
    ),
    "another product": Case(
        "product-mismatch",
        "This license is for Example Modeler, but the request came from Example Viewer",
        "Make the request in Example Modeler, or use your license number for Example Viewer.",
        request(product="Example Viewer"),
        mailed=(  # whose name is free text from a file
            "This license is for Example Modeler, but the request came from another product",
            "Make the request in Example Modeler, or use your license number for another product.",
        ),
    ),
    "for one user": Case(
        "protection-not-allowed",
        "This license cannot be used for one user of the computer",
        "Make a new request file for everyone on the computer or a USB dongle.",
        for_one_user,
        sold={"protections": ("machine", "dongle")},
        lift=terms(protections=("personal",)),
    ),
    "a dongle where the computer has a seat": Case(
        "protection-not-allowed",
        "The offline computer already has a seat for everyone on the computer",
        "Deactivate that seat on the computer, then make a new request. Or make a request for "
        "everyone on the computer.",
        with_a_dongle,
        before=active(),
    ),
    "on a virtual machine": Case(
        "environment-not-allowed",
        "This license cannot be used on a virtual machine",
        PHYSICAL,
        request_on(environment="virtual"),
        lift=terms(environments=("virtual",)),
    ),
    "in a container": Case(
        "environment-not-allowed",
        "This license cannot be used in a container",
        PHYSICAL,
        request_on(environment="container"),
        lift=terms(environments=("container",)),
    ),
    "a strange dongle": Case(
        "dongle-not-registered",
        "This dongle is not registered for this license",
        "Use the dongle that came with the license, or ask "
        "licensing@example.com to register this one.",
        with_a_dongle,
        lift=register_the_dongle,
    ),
    "a seat that nobody has": Case(
        "no-such-seat",
        "This license has no seat 2",
        "Its seats in use are listed below. Make a new request file with one of these numbers.",
        request(9, replaces_seat=2),
        sold={"seats": 2},
        before=active(),
        lift=active(2),
        seats=((1, "LAB-01"),),
        moves_left=5,
        mailed=(
            "This license has no seat 2",
            "Choose your request file again on the page, which lists the seats in use. Then make "
            "a new request file with one of these numbers.",
        ),
    ),
    "no seat": Case(
        "no-seats-left",
        "All 2 seats on this license are in use",
        DEACTIVATE_ONE,
        request(9, choose_seat=False),
        sold={"seats": 2},
        before=after(active(1), active(2)),
        lift=terms(seats=3),
        seats=((1, "LAB-01"), (2, "LAB-02")),
        moves_left=4,
        reason="all 2 seats are in use",
        mailed=(
            "All 2 seats on this license are in use",
            "Deactivate the license on a computer that no longer needs it. If one is lost or "
            "broken, choose your request file again on the page, which lists the seat numbers and "
            "says what to do.",
        ),
    ),
    "no seat and no move": Case(
        "no-seats-left",
        "The only seat on this license is in use",
        f"{MOVED}. {WAIT}",
        request(9),
        sold={"moves_per_year": 1},
        before=after(active(1), active(2, replaces_seat=1)),
        lift=release,
        seats=((1, "LAB-02"),),
        moves_left=0,
        reason="its only seat is in use",
        has_next_move=True,
    ),
    "no move": Case(
        "move-limit",
        MOVED,
        WAIT,
        request(9, replaces_seat=1),
        sold={"moves_per_year": 1},
        before=after(active(1), active(2, replaces_seat=1)),
        lift=allow_move,
        has_next_move=True,
    ),
}
