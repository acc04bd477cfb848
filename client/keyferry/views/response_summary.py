"""Summarizes a response in plain words. It is not verified here."""

from keyferry.times import local_time_with_zone, long_date
from keyferry.views.features import feature_list
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response


def response_lines(response: Response) -> list[str]:
    """The summary, line by line."""
    terms = response.license
    name = "inspect.gives-back" if response.is_receipt else "inspect.grants"
    facts = {
        "number": show_license_number(terms.number),
        "product": terms.product,
        "edition": terms.edition,
        "licensee": terms.licensee,
        "seat": response.seat,
    }
    lines = [
        message("inspect.response", moment=local_time_with_zone(response.issued_at)),
        message(name, **facts),
    ]
    if response.is_receipt:
        return lines
    if terms.features:
        lines.append(message("inspect.features", features=feature_list(terms.features)))
    lines.append(message("inspect.from", date=long_date(terms.valid_from)))
    if terms.valid_until is None:
        lines.append(message("inspect.endless"))
    else:
        lines.append(message("inspect.until", date=long_date(terms.valid_until)))
    protection = message(f"inspect.protection.{response.bound_to.protection}")
    return [*lines, message("inspect.bound", protection=protection)]
