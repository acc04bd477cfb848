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
    """The response so far, and a sentence for each field that is wrong."""

    response: TypedResponse
    faults: dict[str, str]

    @property
    def lines(self) -> int:
        """How many lines to ask for."""
        return min(self.response.length or _USUAL, MAX_LINES)

    @property
    def is_complete(self) -> bool:
        return self.response.missing is None

    @property
    def next_field(self) -> str:
        """The field to go on with."""
        if self.response.codes:
            return SCAN
        return LINES[(self.response.missing or 1) - 1]

    @property
    def faults_and_gap(self) -> dict[str, str]:
        """The faults; if there are none, what is missing."""
        if self.faults or self.is_complete:
            return self.faults
        if self.response.codes:
            return {SCAN: self.received}
        return {self.next_field: message("errors.wrong-line.missing", n=self.response.missing)}

    @property
    def received(self) -> str:
        """How much is here."""
        response = self.response
        if response.missing is None:
            return message("wizard.typed.complete")
        if response.codes:
            values = {"n": response.scanned, "of": response.codes}
            return message("errors.wrong-line.codes-missing", **values)
        if response.length is None:
            return message("wizard.typed.correct", n=response.line_count)
        return message("wizard.typed.correct-of", n=response.line_count, of=response.length)


def read_typed(answers: Answers) -> Typed:
    """Read the fields."""
    response, faults = TypedResponse(), dict[str, str]()
    for row in typed_rows(answers.get(SCAN, "")):
        _add(response, row, None, SCAN, faults)
    for number, field in enumerate(LINES, 1):
        if text := answers.get(field, "").strip():
            _add(response, text, number, field, faults)
    return Typed(response, faults)


def _add(
    response: TypedResponse, text: str, number: int | None, field: str, faults: dict[str, str]
) -> None:
    try:
        response.add(text, number)
    except KeyferryError as error:
        faults.setdefault(field, str(error))
