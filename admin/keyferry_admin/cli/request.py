"""`keyferry-admin request`: what was answered, and how what was given up goes on."""

from typing import Any

import click

from keyferry_admin.cli.desk_command import DeskGroup, Settings
from keyferry_admin.cli.output import aligned, counted, day, mark, minute
from keyferry_admin.cli.parameters import Address, LicenseNumber
from keyferry_admin.errors import Withdrawn
from keyferry_admin.use_cases import dead_letters, licenses, requests
from keyferry_admin.use_cases.dead_letters import DeadLetter
from keyferry_admin.use_cases.requests import Resent
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LicenseRecord, Status

PAGE = 20  # answers
LOGS = {
    "requests": "ProcessRequestLog",
    "responses": "SendResponseLog",
    "feedback": "MailFeedbackLog",
}


@click.group(cls=DeskGroup)
def request() -> None:
    """See what requests were answered, hand an answer out again, bring back what was given up."""


@request.command(name="list")
@click.argument("number", type=LicenseNumber())
@click.option("--all", "is_all", is_flag=True, help=f"Not only the {PAGE} newest.")
@click.pass_obj
def list_(settings: Settings, number: str, is_all: bool) -> None:
    """List what a license's requests were answered, the newest first.

    Example: keyferry-admin request list 015120020093
    """
    licenses.find(settings.stack.licenses, number)
    found = requests.answers(settings.stack.licenses, number)
    shown = found if is_all else found[:PAGE]
    settings.output.table(
        ["ANSWERED (UTC)", "KIND", "SEAT", "SERIAL", "FILE", "REQUEST"],
        [
            [
                minute(each.issued_at),
                each.kind,
                str(each.seat),
                str(each.serial),
                f"{each.file_stem}.response",
                each.request_sha256[:12],
            ]
            for each in shown
        ],
        {
            "license_number": number,
            "total": len(found),
            "answers": [_summary(each) for each in shown],
        },
        [list(_summary(each).values()) for each in shown],
        footer=_footer(len(shown), len(found)),
    )


@request.command()
@click.argument("number", type=LicenseNumber())
@click.argument("sha256", metavar="REQUEST")
@click.pass_obj
def show(settings: Settings, number: str, sha256: str) -> None:
    """Show what one request was answered; REQUEST is its SHA-256, or how that begins.

    Example: keyferry-admin request show 015120020093 7f3a91
    """
    licenses.find(settings.stack.licenses, number)
    answer = requests.find(settings.stack.licenses, number, sha256.lower())
    response = response_in(answer)
    settings.output.say(
        aligned(_rows(response, answer.previous_valid_until)),
        {"answer": {"file": f"{response.file_stem}.response"} | response.as_json()},
    )


@request.command()
@click.argument("number", type=LicenseNumber())
@click.argument("sha256", metavar="REQUEST")
@click.option("--to", "email", type=Address(), help="Mail the link too. Without it, only say it.")
@click.pass_obj
def resend(settings: Settings, number: str, sha256: str, email: str | None) -> None:
    """Sign an answer anew and hand it out again, for a customer who lost the response.

    It is the same answer: no seat, no move and no end changes.

    Example: keyferry-admin request resend 015120020093 7f3a91 --to anna@example.com
    """
    license = licenses.find(settings.stack.licenses, number)
    if license.status is Status.REVOKED:
        raise Withdrawn(f"The license {number} was revoked for good")
    answer = requests.find(settings.stack.licenses, number, sha256.lower())
    resent = requests.resend(settings.stack, answer, email, settings.now)
    ticket, warnings = resent.ticket, _doubts(license, resent)
    page = f"{settings.stack.output('PageUrl')}/#t={ticket.id}"
    until = day(ticket.expires_at)
    settings.output.say(
        [
            f"{mark('ok')} {ticket.file_name} of {day(answer.issued_at)} is signed anew",
            f"  For the customer, until {until}: {page}",
            *([] if email is None else [f"  A link is mailed to {email}"]),
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
    """Bring back the requests and mails that were given up after ten tries.

    Mend the cause first; the log of the function tells it under the ticket. Safe at any time:
    the same file gets the same answer and the same seat.

    Example: keyferry-admin request redrive
    """
    found = list(dead_letters.redrive(settings.stack, settings.now))
    logs = {
        queue: settings.stack.output(name)
        for queue, name in LOGS.items()
        if any(letter.queue == queue for letter in found)
    }
    settings.output.say(
        _told(found, logs) if found else [f"{mark('ok')} Nothing was given up"],
        {"redriven": [_letter(each) for each in found], "logs": list(logs.values())},
    )


def _footer(shown: int, total: int) -> str:
    if total == 0:
        return "No request was answered yet."
    rest = "" if shown == total else " All of them: --all."
    return f"{shown} of {counted(total, 'answer')}.{rest} keyferry-admin request show tells one."


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
    features = ", ".join(
        name if value is True else f"{name}={value}" for name, value in terms.features.items()
    )
    lease = "-"
    if response.check_in_by is not None:
        grace = counted(response.grace_days, "day")
        lease = f"{day(response.check_in_by)}, then {grace} of grace"
    ends = "it does not end" if terms.valid_until is None else day(terms.valid_until)
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
        ("Features", features or "-"),
        ("Ends", ends + before),
        ("Updates until", day(terms.maintenance_until)),
        ("Check in by", lease),
        ("Protection", response.bound_to.protection),
    ]


def _told(found: list[DeadLetter], logs: dict[str, str]) -> list[str]:
    rows = [
        (
            f"  {each.queue}",
            each.ticket or "-",
            show_license_number(each.license_number) if each.license_number else "-",
            "has ended" if each.has_ended else "",
        )
        for each in found
    ]
    ended = sum(each.has_ended for each in found)
    lines = [f"{mark('ok')} Brought back: {counted(len(found), 'message')}", *aligned(rows)]
    if ended:
        whose = counted(ended, "customer")
        lines.append(
            f"{mark('warning')} Too late for {whose}: the same file has to be chosen again."
        )
    return [
        *lines,
        "  What fails again is here again after ten tries, in about 20 minutes. Why it fails:",
        *(f"  log {log}" for log in logs.values()),
    ]


def _doubts(license: LicenseRecord, resent: Resent) -> list[str]:
    """What the vendor may not have thought of."""
    doubts = []
    if license.status is Status.SUSPENDED:
        doubts.append("The license is suspended; this answer is handed out all the same.")
    seat = resent.seat
    if seat is not None and not seat.taken:
        doubts.append(f"Nobody has seat {seat.number} any more; this answer may still install.")
    elif seat is not None and not resent.is_latest:
        last = f"{seat.serial}, {day(seat.last_response_at)}"
        doubts.append(f"Seat {seat.number} has had a newer answer ({last}); where that is")
        doubts[-1] += " installed this one is refused."
    return doubts


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "queue": letter.queue,
        "ticket": letter.ticket,
        "license_number": letter.license_number,
        "has_ended": letter.has_ended,
    }
