"""Warns of a clock that may be far ahead, when a response is installed unusually late."""

from keyferry.times import long_date
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response

UNUSUAL_DELAY_S = 30 * 86400  # from a response's issue to its install


def clock_warning(response: Response, now: int) -> str:
    """What the clock says if the response is old by it; otherwise ""."""
    if now < response.issued_at + UNUSUAL_DELAY_S:
        return ""
    dates = {"now": long_date(now), "date": long_date(response.issued_at)}
    return message("terminal.clock-ahead", **dates)
