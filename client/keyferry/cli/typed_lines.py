"""Asks for the lines of a response, one after the other, and says which is wrong as it is left."""

import click

from keyferry.views.terminal import Terminal
from keyferry.views.typed_question import question
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.typed_response import TypedResponse


def ask_lines(terminal: Terminal) -> TypedResponse:
    """Read lines or scanned codes from the keyboard until none is missing."""
    typed = TypedResponse()
    while typed.missing is not None:
        row: str = click.prompt(question(typed), default="", show_default=False, err=True)
        if not row.strip():
            continue
        try:
            typed.add(row, typed.missing)
        except KeyferryError as error:
            terminal.warn(str(error))
    return typed
