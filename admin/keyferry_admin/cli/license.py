"""`keyferry-admin license`, the part that makes licenses and shows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli.desk_command import DeskGroup, Settings
from keyferry_admin.cli.output import aligned, counted, day, mark
from keyferry_admin.cli.parameters import Feature, LicenseNumber, Moment
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.letter import license_letter
from keyferry_admin.use_cases.letter_file import write_letter
from keyferry_protocol.activation import show_activation_code, show_license_number
from keyferry_protocol.components import ENVIRONMENTS, PROTECTIONS
from keyferry_protocol.encoding import format_time
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.views.refusal_text import Vendor

COSTS = {
    "virtual": "Virtual machines are allowed: copies of one look the same, and nobody counts them.",
    "container": "Containers are allowed: one image started twice looks like one computer.",
}
letter_option = click.option(
    "--letter",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the letter for the customer, with number and code.",
)


@click.group(cls=DeskGroup)
def license() -> None:
    """Make licenses, look at them, change them."""


@license.command()
@click.option(
    "--product", envvar="KEYFERRY_PRODUCT", required=True, help="As the application names itself."
)
@click.option("--licensee", default="", help="Whom it is sold to.")
@click.option("--edition", default="", help="For example Professional.")
@click.option(
    "--feature",
    "features",
    type=Feature(),
    multiple=True,
    help="Granted; N is a limit. Repeatable.",
)
@click.option("--seats", type=int, default=1, show_default=True, help="Computers at a time.")
@click.option("--until", "valid_until", type=Moment(), help="Last day. Without it, it never ends.")
@click.option(
    "--trial",
    "trial_days",
    type=int,
    metavar="DAYS",
    help="Ends so long after its first activation.",
)
@click.option("--maintenance-until", type=Moment(), help="Versions released later do not run.")
@click.option(
    "--lease", "lease_days", type=int, metavar="DAYS", help="Each computer must update so often."
)
@click.option(
    "--grace",
    "grace_days",
    type=int,
    metavar="DAYS",
    default=14,
    show_default=True,
    help="How long it goes on after that.",
)
@click.option(
    "--moves-per-year", type=int, default=4, show_default=True, help="Changes of computer."
)
@click.option(
    "--protection",
    "protections",
    type=click.Choice(PROTECTIONS),
    multiple=True,
    help="Allowed; all three without it. Repeatable.",
)
@click.option(
    "--environment",
    "environments",
    type=click.Choice(ENVIRONMENTS[1:3]),
    multiple=True,
    help="Allowed beside physical computers. Repeatable.",
)
@click.option("--number", type=LicenseNumber(), help="Its number. Without it, a free one is drawn.")
@letter_option
@click.pass_obj
def create(
    settings: Settings,
    /,
    product: str,
    number: str | None,
    letter: Path | None,
    features: tuple[tuple[str, bool | int], ...],
    protections: tuple[str, ...],
    environments: tuple[str, ...],
    **terms: Any,
) -> None:
    """Make a license and print its activation code, once.

    Example: keyferry-admin license create --licensee Acme --seats 2 --letter acme.txt
    """
    terms |= {
        "features": dict(features),
        "protections": tuple(dict.fromkeys(protections)) or PROTECTIONS,
        "environments": ("physical", *dict.fromkeys(environments)),
    }

    def make() -> licenses.Created:
        return licenses.create(settings.stack.licenses, product, settings.now, number, **terms)

    created = with_letter(settings, letter, make)
    costs = [COSTS[name] for name in created.license.environments[1:]]
    say_code(settings, created, letter, costs)


@license.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List all licenses. Example: keyferry-admin license list"""
    found = sorted(settings.stack.licenses.all(), key=lambda each: each.number)
    settings.output.table(
        ["LICENSE", "LICENSEE", "PRODUCT", "EDITION", "SEATS", "ENDS", "STATUS"],
        [
            [
                show_license_number(each.number),
                each.licensee or "-",
                each.product,
                each.edition or "-",
                f"{each.seats_used} of {each.seats}",
                _ends(each, short=True),
                each.status.value,
            ]
            for each in found
        ],
        {"licenses": [as_json(each) for each in found]},
        [
            [
                each.number,
                each.licensee,
                each.product,
                each.edition,
                each.seats_used,
                each.seats,
                _time(each.ends_at),
                each.status.value,
            ]
            for each in found
        ],
        footer="" if found else "No license yet. Make one:  keyferry-admin license create --help",
    )


@license.command()
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def show(settings: Settings, number: str) -> None:
    """Show all that is known of a license. Example: keyferry-admin license show 015120020093"""
    found = licenses.find(settings.stack.licenses, number)
    features = ", ".join(
        name if value is True else f"{name}={value}" for name, value in found.features.items()
    )
    rows = [
        ("License", show_license_number(found.number)),
        ("Status", found.status.value),
        ("Licensee", found.licensee or "-"),
        ("Product", f"{found.product} {found.edition}".strip()),
        ("Features", features or "-"),
        ("Seats", f"{found.seats_used} of {found.seats} in use"),
        ("Moves", moves(found, settings.now)),
        ("Ends", _ends(found)),
        ("Updates until", day(found.maintenance_until)),
        ("Check in", _lease(found)),
        ("Protection", ", ".join(found.protections)),
        ("Environment", ", ".join(found.environments)),
        ("First issued", day(found.first_issued_at)),
        ("Revision", str(found.revision)),
    ]
    settings.output.say(aligned(rows), {"license": as_json(found)})


def moves(license: LicenseRecord, now: int) -> str:
    """`0 of 4 in the last 365 days`."""
    made = sum(license.recent_moves(now).values())
    return f"{made} of {license.moves_per_year} in the last 365 days"


def as_json(license: LicenseRecord) -> dict[str, Any]:
    """All facts of a license that are no secret of its holder."""
    return {
        "license_number": license.number,
        "status": license.status.value,
        "licensee": license.licensee,
        "product": license.product,
        "edition": license.edition,
        "features": dict(license.features),
        "trial_days": license.trial_days,
        "valid_from": format_time(license.valid_from),
        "valid_until": _time(license.ends_at),
        "maintenance_until": _time(license.maintenance_until),
        "lease_days": license.lease_days,
        "grace_days": license.grace_days,
        "protections": list(license.protections),
        "environments": list(license.environments),
        "seats": license.seats,
        "seats_used": license.seats_used,
        "opened": license.seats_ever_used,
        "moves_per_year": license.moves_per_year,
        "moves": dict(license.moves),
        "first_issued_at": _time(license.first_issued_at),
        "revision": license.revision,
    }


def summary(license: LicenseRecord) -> str:
    """`License 015.120.020.093: 2 seats, ends 30 November 2027`, and its status if not active."""
    ends = "does not end" if _ends(license) == "-" else f"ends {_ends(license)}"
    status = "" if license.status is Status.ACTIVE else f", {license.status.value}"
    number = show_license_number(license.number)
    return f"License {number}: {counted(license.seats, 'seat')}, {ends}{status}"


def with_letter(
    settings: Settings,
    letter: Path | None,
    make: Callable[[], licenses.Created],
    *,
    is_new_code: bool = False,
) -> licenses.Created:
    """Make a code and, if one is asked for, its letter."""
    if letter is None:
        return make()
    stack = settings.stack
    vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))
    page = stack.output("PageUrl")
    return write_letter(
        letter, make, lambda made: license_letter(made, vendor, page, is_new_code=is_new_code)
    )


def say_code(
    settings: Settings, created: licenses.Created, letter: Path | None, warnings: list[str]
) -> None:
    """Show an activation code, for the first and the last time."""
    made, code = created.license, show_activation_code(created.activation_code)
    place = None if letter is None else str(letter.resolve())
    lines = [
        f"{mark('ok')} {summary(made)}",
        f"  Activation code  {code}",
        f"  Shown once, not stored. New one: keyferry-admin license new-code {made.number}",
    ]
    if place is not None:
        lines.append(f"  Letter           {place}")
        lines.append("  It holds the code: whoever reads it can take every seat.")
    lines += [f"{mark('warning')} {warning}" for warning in warnings]
    document = {"activation_code": code, "license": as_json(made), "letter": place}
    settings.output.say(lines, document | {"warnings": warnings})


def _ends(license: LicenseRecord, *, short: bool = False) -> str:
    if license.trial_days is None or license.first_issued_at is not None:
        return day(license.ends_at, short=short)
    term = counted(license.trial_days, "day")
    return f"in {term}" if short else f"{term} after its first activation"


def _lease(license: LicenseRecord) -> str:
    if license.lease_days is None:
        return "-"
    grace = counted(license.grace_days, "day")
    return f"every {counted(license.lease_days, 'day')}, then {grace} of grace"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
