"""`keyferry-admin origin-secret`: what only CloudFront and the API know."""

import sys

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.output import mark
from keyferry_admin.use_cases import origin_secret as secret


@cli.group(cls=AdminGroup)
def origin_secret() -> None:
    """Replace the secret by which the API recognizes CloudFront."""


@origin_secret.command()
@click.pass_obj
def rotate(settings: Settings) -> None:
    """Replace the secret in about 15 minutes. No call is refused in the meantime.

    It updates the stack three times and never prints the secret. If interrupted, run it again.

    Example: keyferry-admin origin-secret rotate
    """
    for number, step in enumerate(secret.rotate(settings.stack), 1):
        if settings.output.is_terminal:
            print(f"  {number} of 3: {step}", file=sys.stderr)
    settings.output.result(
        [f"{mark('ok')} CloudFront and the API use a new secret. The old one is refused."], {}
    )
