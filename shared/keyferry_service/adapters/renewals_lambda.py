"""Renewals that the vendor asks for: process_request is invoked with seats, and replies with files.

docs/decisions/0022-renewals-by-invocation.md says why, and how many seats an invocation is for.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from keyferry_service.domain.renew import RenewalOrder, RenewedSeat, SeatOutcome

SEATS_AT_ONCE = 25
_NUMBER = re.compile("[0-9]{12}")


class RenewalFailed(Exception):
    """The function ended with an error; what it recorded before is signed when it is run again."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def request_renewals(functions: Any, function: str, order: RenewalOrder) -> list[RenewedSeat]:
    """Have process_request renew at most SEATS_AT_ONCE seats; it may lack time for some of them.

    `functions` is a client of Lambda. Raises RenewalFailed.
    """
    event = {
        "renew": {
            "license_number": order.license_number,
            "seats": [[seat, serial] for seat, serial in order.seats.items()],
            "again": order.again,
        }
    }
    reply = functions.invoke(FunctionName=function, Payload=json.dumps(event))
    match json.loads(reply["Payload"].read()):
        case {"renewed": list(seats)}:
            return [_seat_from_json(seat) for seat in seats]
        case {"errorType": str(code), "errorMessage": str(detail)}:
            raise RenewalFailed(code, detail)
        case other:
            raise RenewalFailed("", json.dumps(other))


def parse_renewals(event: object) -> RenewalOrder | None:
    """The order of an event that `request_renewals` made; None for any other event."""
    match event:
        case {
            "renew": {
                "license_number": str(number),
                "seats": list(pairs),
                "again": bool(again),
                **further,
            },
            **others,
        } if not further and not others:
            seats = {pair[0]: pair[1] for pair in pairs if _is_pair(pair)}
            is_whole = len(seats) == len(pairs) and 0 < len(seats) <= SEATS_AT_ONCE
            if is_whole and _NUMBER.fullmatch(number):
                return RenewalOrder(number, seats, again)
    return None


def reply_to_renewals(seats: Iterable[RenewedSeat]) -> dict[str, Any]:
    """The function's reply. A file is JSON in ASCII, so it is a text here."""
    return {
        "renewed": [
            {"seat": s.seat, "outcome": s.outcome, "file": s.file.decode("ascii"), "code": s.code}
            for s in seats
        ]
    }


def _is_pair(pair: object) -> bool:
    """Whether it is a seat's number and a serial, or None in place of that."""
    match pair:
        case [seat, serial] if type(seat) is int and seat > 0:
            return serial is None or (type(serial) is int and serial > 0)
    return False


def _seat_from_json(seat: Any) -> RenewedSeat:
    outcome = SeatOutcome(seat["outcome"])
    return RenewedSeat(seat["seat"], outcome, seat["file"].encode("ascii"), seat["code"])
