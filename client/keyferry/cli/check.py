"""`keyferry check`: run the check that the application runs."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.license import License
from keyferry.load_license import load_license
from keyferry.times import long_date, seconds
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.messages import message


@click.command("check", cls=KeyferryCommand)
@click.argument("feature", required=False)
@click.pass_obj
def command(settings: Settings, feature: str | None) -> None:
    """Say whether the product, or one feature of it, may be used here now."""
    license = load_license(settings.installation())
    license.require(feature)
    result = license.check(feature)
    expires = None if result.expires is None else seconds(result.expires)
    if feature is None:
        settings.terminal.good(_allows(license, expires))
    else:
        value = message("terminal.yes") if result.value is True else result.value
        settings.terminal.good(message("terminal.feature", feature=feature, value=value))
    if license.check_in_by is not None and license.is_in_grace:
        date = long_date(seconds(license.check_in_by))
        sentence = message(
            "terminal.grace", date=date, product=license.product, n=license.days_left
        )
        settings.terminal.warn(sentence)
    elif license.ends_soon:
        settings.terminal.warn(message("terminal.ends-soon", n=license.days_left))
    settings.terminal.document(
        {
            "ok": result.ok,
            "code": result.code,
            "reason": result.reason,
            "license_number": license.number,
            "feature": feature,
            "value": result.value,
            "expires": None if expires is None else format_time(expires),
            "key_set_sha256": settings.key_set_sha256,
        }
    )


def _allows(license: License, expires: int | None) -> str:
    facts = {"number": show_license_number(license.number), "product": license.product}
    if expires is None:
        return message("terminal.allows", **facts)
    return message("terminal.allows-until", date=long_date(expires), **facts)
