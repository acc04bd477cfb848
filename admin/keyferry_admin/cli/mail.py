"""`keyferry-admin mail`: who gets no mail, and how to allow it again."""

from typing import Any

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.output import Column, Listing, day, mark, minute
from keyferry_admin.cli.parameters import Address, LicenseNumber
from keyferry_admin.use_cases import suppressions
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.suppressions_dynamodb import StoppedLicense, Suppression


@cli.group(cls=AdminGroup, modules={"preview": "mail_preview"})
def mail() -> None:
    """List blocked addresses and licenses, or unblock one."""


@mail.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List addresses that bounced or were reported as spam, newest first.

    Only the SHA-256 of the lowercase address is stored. A license with 5 bounces within 30 days
    sends no email until these days are over; it is listed below.

    Example: keyferry-admin mail list
    """
    suppressed = suppressions.newest_first(settings.stack, settings.now)
    stopped = list(settings.stack.suppressions.stopped_licenses(settings.now))
    settings.output.listing(
        ADDRESSES,
        suppressed,
        footer="\n".join([_footer(len(suppressed)), *map(_stopped_line, stopped)]),
        stopped_licenses=[_stopped_as_json(license) for license in stopped],
    )


@mail.command()
@click.argument("address", type=Address())
@click.pass_obj
def allow(settings: Settings, address: str) -> None:
    """Unblock an address, once its owner says that it works.

    Removes it from this stack's list and the SES list. Sends nothing.

    Example: keyferry-admin mail allow anna@example.com
    """
    suppression = suppressions.lift(settings.stack, address, settings.now)
    where = "only in SES"
    if suppression is not None:
        where = f"since {day(suppression.since)}: {_reason(suppression)}"
    settings.output.result(
        [
            f"{mark('ok')} {address} gets email again. It was blocked {where}",
            "  Nothing was sent. To email a link again, run keyferry-admin request resend",
        ],
        {
            "address": address,
            "lifted": None if suppression is None else _as_json(suppression),
        },
    )


@mail.command()
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def allow_license(settings: Settings, number: str) -> None:
    """Unblock the email of a license, once you know why it came back.

    The addresses stay blocked: see `mail allow`. Sends nothing by itself.

    Example: keyferry-admin mail allow-license 015120020093
    """
    settings.stack.suppressions.allow_license(number, settings.now)
    shown = show_license_number(number)
    settings.output.result(
        [f"{mark('ok')} License {shown} sends email again"], {"license_number": number}
    )


def _stopped_line(license: StoppedLicense) -> str:
    number = show_license_number(license.license_number)
    return (
        f"{mark('warning')} License {number} sends no email until {day(license.expires_at)}: "
        f"{license.bounce_count} came back. keyferry-admin mail allow-license"
        f" {license.license_number} unblocks it."
    )


def _stopped_as_json(license: StoppedLicense) -> dict[str, Any]:
    return {
        "license_number": license.license_number,
        "bounces": license.bounce_count,
        "until": format_time(license.expires_at),
    }


def _reason(suppression: Suppression) -> str:
    return ", ".join(filter(None, [suppression.reason, suppression.detail]))


def _footer(count: int) -> str:
    if count == 0:
        return "No address is blocked."
    return f"{count} blocked. keyferry-admin mail allow ADDRESS unblocks one."


def _as_json(suppression: Suppression) -> dict[str, Any]:
    return {
        "address_sha256": suppression.address_sha256,
        "reason": suppression.reason,
        "detail": suppression.detail,
        "since": format_time(suppression.since),
        "until": format_time(suppression.expires_at),
        "license_number": suppression.license_number,
        "ticket": suppression.ticket,
    }


ADDRESSES: Listing[Suppression] = Listing(
    "addresses",
    _as_json,
    (
        Column("ADDRESS", lambda each: each.address_sha256[:12], ("address_sha256",)),
        Column("REASON", _reason, ("reason", "detail")),
        Column("SINCE (UTC)", lambda each: minute(each.since), ("since",)),
        Column("UNTIL", lambda each: day(each.expires_at, short=True), ("until",)),
        Column("LICENSE", lambda e: show_license_number(e.license_number), ("license_number",)),
        Column("TICKET", lambda each: each.ticket),
    ),
)
