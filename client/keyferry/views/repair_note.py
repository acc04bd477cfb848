"""Says what was done to read a file that had been changed on its way."""

from collections.abc import Iterable

from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list


def repair_note(repairs: Iterable[str]) -> str:
    """One sentence; "" if nothing was done. The page says the same."""
    changes = comma_list(message(f"page.repaired.{name}") for name in dict.fromkeys(repairs))
    return message("page.repaired", what=changes) if changes else ""
