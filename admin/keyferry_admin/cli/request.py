"""`keyferry-admin request`: responses and refusals, and the redrive of dead letters."""

from typing import Any

import click

from keyferry_admin.cli import cli, refusals
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.license_terms import NEVER, show_features
from keyferry_admin.cli.output import Column, Listing, aligned, count_of, day, mark, minute
from keyferry_admin.cli.parameters import Address, LicenseNumber
from keyferry_admin.errors.licenses import AlreadyRevoked
from keyferry_admin.use_cases import dead_letters, licenses, requests
from keyferry_admin.use_cases.dead_letters import DeadLetter
from keyferry_admin.use_cases.requests import ResendResult
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LicenseRecord, Status

PAGE = 20  # responses, or refusals
LOGS = {
    "requests": "ProcessRequestLog",
    "responses": "SendResponseLog",
    "feedback": "MailFeedbackLog",
    "webhook": "SendWebhookLog",
}


@cli.group(cls=AdminGroup, modules={"explain": "request_explain"})
def request() -> None:
    """See answered and refused requests, resend a response, and retry failed ones."""


@request.command(name="list")
@click.argument("number", type=LicenseNumber(), required=False)
@click.option("--refused", "is_refused", is_flag=True, help="What was refused in the last 90 days.")
@click.option("--all", "is_all", is_flag=True, help=f"Not only the {PAGE} newest.")
@click.pass_context
def list_(ctx: click.Context, number: str | None, is_refused: bool, is_all: bool) -> None:
    """List what a license's requests were answered, the newest first.

    Example: keyferry-admin request list 015120020093

    With --refused, it lists refusals instead, without NUMBER those of all licenses.
    """
    settings: Settings = ctx.obj
    if number is not None:
        licenses.find(settings.stack.licenses, number)
    if is_refused:
        return _list_refused(settings, number, is_all)
    if number is None:
        raise click.UsageError("Missing argument 'NUMBER', or option '--refused'.", ctx)
    responses = requests.newest_first(settings.stack.licenses, number)
    listed = responses if is_all else responses[:PAGE]
    settings.output.listing(
        RESPONSES,
        listed,
        footer=_footer(len(listed), len(responses)),
        license_number=number,
        total=len(responses),
    )


@request.command()
@click.argument("number", type=LicenseNumber())
@click.argument("sha256", metavar="REQUEST")
@click.pass_obj
def show(settings: Settings, number: str, sha256: str) -> None:
    """Show the response to one request; REQUEST is its SHA-256 or its first digits.

    Example: keyferry-admin request show 015120020093 7f3a91
    """
    licenses.find(settings.stack.licenses, number)
    entry = requests.find_entry(settings.stack.licenses, number, sha256.lower())
    response = response_in(entry)
    settings.output.result(
        aligned(_rows(response, entry.previous_valid_until)),
        {"answer": {"file": f"{response.file_stem}.response"} | response.as_json()},
    )


@request.command()
@click.argument("number", type=LicenseNumber())
@click.argument("sha256", metavar="REQUEST")
@click.option(
    "--to",
    "email",
    type=Address(),
    help="Address to email the link to. If omitted, it is only shown.",
)
@click.pass_obj
def resend(settings: Settings, number: str, sha256: str, email: str | None) -> None:
    """Sign a response again and send it once more, for a customer who lost the response.

    It is the same response; seats, moves, and end date do not change.

    Example: keyferry-admin request resend 015120020093 7f3a91 --to anna@example.com
    """
    license = licenses.find(settings.stack.licenses, number)
    if license.status is Status.REVOKED:
        raise AlreadyRevoked(f"The license {number} was revoked for good")
    entry = requests.find_entry(settings.stack.licenses, number, sha256.lower())
    result = requests.resend(settings.stack, entry, email, settings.now)
    ticket, warnings = result.ticket, _resend_warnings(license, result)
    page = f"{settings.stack.output('PageUrl')}/#t={ticket.id}"
    until = day(ticket.expires_at)
    settings.output.result(
        [
            f"{mark('ok')} {ticket.file_name} of {day(entry.issued_at)} is signed again",
            f"  For the customer, until {until}: {page}",
            *([] if email is None else [f"  A link is emailed to {email}"]),
            *(f"{mark('warning')} {warning}" for warning in warnings),
        ],
        {
            "page": page,
            "expires_at": format_time(ticket.expires_at),
            "file": ticket.file_name,
            "email": email,
            "warnings": warnings,
        },
    )


@request.command()
@click.pass_obj
def redrive(settings: Settings) -> None:
    """Retry requests and emails that failed ten times.

    Fix the cause first; the function's log lists it under the ticket. Safe at any time:
    the same file gets the same answer and the same seat.

    Example: keyferry-admin request redrive
    """
    redriven = list(dead_letters.redrive(settings.stack, settings.now))
    logs = {
        queue: settings.stack.output(name)
        for queue, name in LOGS.items()
        if any(dead_letter.queue == queue for dead_letter in redriven)
    }
    settings.output.result(
        _redrive_lines(redriven, logs) if redriven else [f"{mark('ok')} Nothing was given up"],
        {"redriven": [_dead_letter(each) for each in redriven], "logs": list(logs.values())},
    )


def _list_refused(settings: Settings, number: str | None, is_all: bool) -> None:
    table = settings.stack.refusals
    refused = table.all(settings.now) if number is None else table.of_license(number, settings.now)
    listed = refused if is_all else refused[:PAGE]
    settings.output.listing(
        refusals.REFUSALS,
        listed,
        footer=refusals.footer(len(listed), len(refused)),
        license_number=number,
        total=len(refused),
    )


def _footer(shown: int, total: int) -> str:
    if total == 0:
        return "No request was answered yet."
    rest = "" if shown == total else " All of them: --all."
    return f"{shown} of {count_of(total, 'answer')}.{rest} keyferry-admin request show tells one."


def _summary(response: ResponseBody) -> dict[str, Any]:
    return {
        "issued_at": format_time(response.issued_at),
        "kind": response.kind,
        "seat": response.seat,
        "serial": response.serial,
        "file": f"{response.file_stem}.response",
        "request_sha256": response.request_sha256,
    }


def _rows(response: ResponseBody, previous_valid_until: int | None) -> list[tuple[str, str]]:
    terms = response.license
    lease = "-"
    if response.check_in_by is not None:
        grace = count_of(response.grace_days, "day")
        lease = f"{day(response.check_in_by)}, then {grace} of grace"
    ends = NEVER if terms.valid_until is None else day(terms.valid_until)
    before = "" if previous_valid_until is None else f" (before: {day(previous_valid_until)})"
    return [
        ("License", show_license_number(terms.number)),
        ("Request", response.request_sha256),
        ("Kind", response.kind),
        ("Answered", f"{minute(response.issued_at)} UTC"),
        ("File", f"{response.file_stem}.response"),
        ("Seat", str(response.seat)),
        ("Serial", str(response.serial)),
        ("Licensee", terms.licensee or "-"),
        ("Product", f"{terms.product} {terms.edition}".strip()),
        ("Features", show_features(terms.features)),
        ("Ends", ends + before),
        ("Updates until", day(terms.maintenance_until)),
        ("Check in by", lease),
        ("Protection", response.bound_to.protection),
    ]


def _redrive_lines(redriven: list[DeadLetter], logs: dict[str, str]) -> list[str]:
    rows = [
        (
            f"  {each.queue}",
            each.ticket or "-",
            show_license_number(each.license_number) if each.license_number else "-",
            "has ended" if each.has_ended else "",
        )
        for each in redriven
    ]
    ended = sum(each.has_ended for each in redriven)
    lines = [f"{mark('ok')} Brought back: {count_of(len(redriven), 'message')}", *aligned(rows)]
    if ended:
        whose = count_of(ended, "customer")
        lines.append(
            f"{mark('warning')} Too late for {whose}: the same file has to be chosen again."
        )
    return [
        *lines,
        "  What fails again returns after ten tries, in about 20 minutes. Reasons:",
        *(f"  log {log}" for log in logs.values()),
    ]


def _resend_warnings(license: LicenseRecord, result: ResendResult) -> list[str]:
    """Warnings for the vendor before the customer gets the response."""
    warnings = []
    if license.status is Status.SUSPENDED:
        warnings.append("The license is suspended; this answer is handed out all the same.")
    seat = result.seat
    if seat is not None and not seat.taken:
        warnings.append(
            f"Seat {seat.number} is no longer in use, but this response may still install."
        )
    elif seat is not None and not result.is_latest:
        last = f"{seat.serial}, {day(seat.last_file_at)}"
        warnings.append(f"Seat {seat.number} has had a newer answer ({last}); where that is")
        warnings[-1] += " installed this one is refused."
    if result.ended_keys:
        ended = ", ".join(result.ended_keys)
        warnings.append(
            f"It is signed with today's keys: an application that trusts only {ended} rejects it"
            " as not genuine until it is updated."
        )
    return warnings


def _dead_letter(dead_letter: DeadLetter) -> dict[str, Any]:
    return {
        "queue": dead_letter.queue,
        "ticket": dead_letter.ticket,
        "license_number": dead_letter.license_number,
        "has_ended": dead_letter.has_ended,
    }


RESPONSES: Listing[ResponseBody] = Listing(
    "answers",
    _summary,
    (
        Column("ANSWERED (UTC)", lambda each: minute(each.issued_at), ("issued_at",)),
        Column("KIND", lambda each: each.kind),
        Column("SEAT", lambda each: str(each.seat)),
        Column("SERIAL", lambda each: str(each.serial)),
        Column("FILE", lambda each: f"{each.file_stem}.response"),
        Column("REQUEST", lambda each: each.request_sha256[:12], ("request_sha256",)),
    ),
)
