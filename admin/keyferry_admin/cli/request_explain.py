"""`keyferry-admin request explain`: what the service answers to a file now, and why."""

import sys
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license_terms import as_json, heading
from keyferry_admin.cli.output import aligned, count_of, mark, minute
from keyferry_admin.cli.request import request
from keyferry_admin.use_cases.explain import (
    Explanation,
    explain_file,
    explain_ticket,
    looks_like_a_ticket,
)
from keyferry_admin.use_cases.remedies import ANSWERED, Remedy
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.request import Request
from keyferry_service.domain.ticket import Ticket, ticket_prefix
from keyferry_service.views.refusal_text import Vendor, say_refusal


@request.command()
@click.argument("source", metavar="FILE|TICKET")
@click.pass_obj
def explain(settings: Settings, source: str) -> None:
    """Say what the service answers to a request file now, and what would change it.

    Example: keyferry-admin request explain 015120020093-7f3a.request

    Instead of a file, give the ticket that it came on in the last 30 days: its first 8
    characters, or the address of the customer's page. - reads a file from stdin. Nothing is
    written: no seat is taken, no move counts.
    """
    file = _read(source)
    if file is None:
        explanation = explain_ticket(settings.stack, source, settings.now)
    else:
        explanation = explain_file(settings.stack, file, settings.now)
    vendor = Vendor(settings.stack.output("VendorName"), settings.stack.output("SupportContact"))
    settings.output.result(_lines(explanation, vendor), _document(explanation, vendor))


def _read(source: str) -> bytes | None:
    """The file; None if the text names a ticket."""
    most = MAX_FILE[REQUEST] + 1
    if source == "-":
        return sys.stdin.buffer.read(most)
    path = Path(source)
    if not path.exists() and looks_like_a_ticket(source):
        return None
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise click.BadParameter(f"{source}: {error.strerror}", param_hint="FILE|TICKET") from error


def _lines(explanation: Explanation, vendor: Vendor) -> list[str]:
    refusal = explanation.refusal
    verdict = "Answered" if refusal is None else "Refused"
    lines = [
        *aligned(facts(explanation)),
        f"{mark('ok' if refusal is None else 'error')} {verdict} now: {explanation.rule}",
        *_wrapped(explanation.why),
    ]
    if explanation.moves_left is not None:
        lines.append(f"  {count_of(explanation.moves_left, 'move')} left after that.")
    if explanation.remedies:
        lines.append("What would change it:")
        for remedy in explanation.remedies:
            lines += _remedy_lines(remedy)
    if refusal is not None:
        words = say_refusal(refusal, "en", vendor)
        lines += ["The customer reads:", *_wrapped(f"{words.title}. {words.next_step}")]
    return lines


def _wrapped(text: str) -> list[str]:
    return wrap(text, 78, initial_indent="  ", subsequent_indent="  ", break_long_words=False)


def _remedy_lines(remedy: Remedy) -> list[str]:
    lines = _wrapped(remedy.text)
    if remedy.command:
        lines.append(f"    {remedy.command}")
    if then := outcome(remedy):
        lines.append(f"    {then}")
    return lines


def outcome(remedy: Remedy) -> str:
    """What becomes of the same file after that; empty if nobody knows."""
    if remedy.then == ANSWERED:
        return "Then the same file is answered."
    return f"Then the same file is refused with {remedy.then}." if remedy.then else ""


def facts(explanation: Explanation) -> list[tuple[str, str]]:
    """What the file is, whose it is, and the ticket that it came on."""
    known = []
    if explanation.ticket is not None:
        known.append(("Ticket", _ticket_text(explanation.ticket)))
    if (request := explanation.request) is not None:
        known.append(("Request", _request_text(request)))
    if explanation.license is not None:
        known.append(("License", heading(explanation.license).removeprefix("License ")))
    elif request is not None:
        known.append(("License", f"{show_license_number(request.license_number)}, not sold"))
    return known or [("File", "not a request")]


def _request_text(request: Request) -> str:
    """`activate by LAB-09 (Windows 11), made 24 Nov 2026 09:46 UTC`."""
    name = request.machine.name or "a computer without a name"
    dongle = " with a dongle" if request.dongle is not None else ""
    date = f"made {minute(request.created_at)} UTC"
    return f"{request.kind} by {name} ({request.machine.os}){dongle}, {date}"


def _ticket_text(ticket: Ticket) -> str:
    """What it was answered when it came."""
    was = "answered" if ticket.refusal is None else f"refused: {ticket.refusal.code}"
    if not ticket.is_complete:
        was = "not answered yet"
    chosen = "" if ticket.choice is None else f"; seat {ticket.choice.seat} was chosen"
    return f"{ticket_prefix(ticket.id)}, {was}{chosen}; email: {ticket.email_status}"


def _document(explanation: Explanation, vendor: Vendor) -> dict[str, Any]:
    refusal, request, ticket = explanation.refusal, explanation.request, explanation.ticket
    license = explanation.license
    words = None if refusal is None else say_refusal(refusal, "en", vendor)
    return {
        "outcome": ANSWERED if refusal is None else "refusal",
        "rule": explanation.rule,
        "why": explanation.why,
        "remedies": [
            {"text": each.text, "command": each.command, "then": each.then}
            for each in explanation.remedies
        ],
        "seat": explanation.seat,
        "moves_left": explanation.moves_left,
        "verifiable": explanation.is_verifiable,
        "page": None if words is None else {"title": words.title, "next_step": words.next_step},
        "request": None if request is None else request.as_json(),
        "license": None if license is None else as_json(license),
        "ticket": None
        if ticket is None
        else {
            "ticket": ticket_prefix(ticket.id),
            "expires_at": format_time(ticket.expires_at),
            "state": ticket.state.value,
            "code": None if ticket.refusal is None else ticket.refusal.code.value,
            "chosen_seat": None if ticket.choice is None else ticket.choice.seat,
            "email": ticket.email_status.value,
        },
    }
