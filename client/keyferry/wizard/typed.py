"""The lines and codes in the fields of the wizard, and what is wrong with each of them. Pure."""

from typing import NamedTuple

from keyferry.wizard.answers import Answers
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.typed_response import MAX_LINES, TypedResponse, typed_rows

SCAN = "scan"  # the field for a scanner, in which lines may be pasted too
LINES = tuple(f"line-{number}" for number in range(1, MAX_LINES + 1))
_USUAL = 13  # lines, as long as the first one does not say how many there are


class Typed(NamedTuple):
    """The response so far, and a sentence for each field that is wrong or missing."""

    response: TypedResponse
    faults: dict[str, str]

    @property
    def lines(self) -> int:
        """How many lines to ask for."""
        return min(self.response.length or _USUAL, MAX_LINES)


def read_typed(answers: Answers) -> Typed:
    """Read the fields. The first missing line is reported only if no other field is wrong."""
    response, faults = TypedResponse(), dict[str, str]()
    for row in typed_rows(answers.get(SCAN, "")):
        _add(response, row, None, SCAN, faults)
    for number, field in enumerate(LINES, 1):
        if text := answers.get(field, "").strip():
            _add(response, text, number, field, faults)
    missing = response.missing
    if missing is None or faults:
        return Typed(response, faults)
    if response.codes:
        values = {"n": response.scanned, "of": response.codes}
        return Typed(response, {SCAN: message("errors.wrong-line.codes-missing", **values)})
    return Typed(response, {LINES[missing - 1]: message("errors.wrong-line.missing", n=missing)})


def _add(
    response: TypedResponse, text: str, number: int | None, field: str, faults: dict[str, str]
) -> None:
    try:
        response.add(text, number)
    except KeyferryError as error:
        faults.setdefault(field, str(error))
