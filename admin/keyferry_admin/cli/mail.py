"""`keyferry-admin mail`: which addresses get no more mail, and how one gets it again."""

from typing import Any

import click

from keyferry_admin.cli.desk_command import DeskGroup, Settings
from keyferry_admin.cli.output import day, mark, minute
from keyferry_admin.cli.parameters import Address
from keyferry_admin.use_cases import email as mails
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.suppressions_dynamodb import Suppression


@click.group(cls=DeskGroup)
def mail() -> None:
    """See which addresses get no more mail, and let one have it again."""


@mail.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the addresses whose mail came back or was complained of, the latest first.

    An address is kept as its SHA-256 alone: of the address in small letters.

    Example: keyferry-admin mail list
    """
    found = mails.suppressed(settings.stack, settings.now)
    settings.output.table(
        ["ADDRESS", "REASON", "SINCE (UTC)", "UNTIL", "LICENSE", "TICKET"],
        [
            [
                each.address_sha256[:12],
                _reason(each),
                minute(each.since),
                day(each.expires_at, short=True),
                show_license_number(each.license_number),
                each.ticket,
            ]
            for each in found
        ],
        {"addresses": [_as_json(each) for each in found]},
        [list(_as_json(each).values()) for each in found],
        footer=_footer(len(found)),
    )


@mail.command()
@click.argument("address", type=Address())
@click.pass_obj
def allow(settings: Settings, address: str) -> None:
    """Let mail go to an address again, once its owner says that it works.

    Takes it off the list of this stack and off that of SES. Sends nothing by itself.

    Example: keyferry-admin mail allow anna@example.com
    """
    lifted = mails.allow(settings.stack, address, settings.now)
    held = "in SES alone" if lifted is None else f"since {day(lifted.since)}: {_reason(lifted)}"
    settings.output.say(
        [
            f"{mark('ok')} Mail goes to {address} again. It was held back {held}",
            "  Nothing was sent by this: keyferry-admin request resend mails a link anew",
        ],
        {"address": address, "lifted": None if lifted is None else _as_json(lifted)},
    )


def _reason(suppression: Suppression) -> str:
    return ", ".join(filter(None, [suppression.reason, suppression.detail]))


def _footer(count: int) -> str:
    if count == 0:
        return "Every address gets mail."
    return f"{count} held back. keyferry-admin mail allow ADDRESS lets one have mail again."


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
