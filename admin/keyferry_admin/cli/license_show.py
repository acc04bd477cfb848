"""`keyferry-admin license show`."""

import click

from keyferry_admin.cli import license_support
from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license import license
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.use_cases.support import find_support


@license.command()
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def show(settings: Settings, number: str) -> None:
    """Show a license as you need it on the telephone.

    Example: keyferry-admin license show 015120020093

    Its terms, who uses its seats, the moves left, what was refused, its emails, and what to say to
    the customer. --json has all of it.
    """
    support = find_support(settings.stack, number, settings.now)
    settings.output.result(
        license_support.lines(support, settings.now),
        license_support.document(support, settings.now),
    )
