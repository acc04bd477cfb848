"""`keyferry-admin license create`, and how a code reaches its reader."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from keyferry_admin.cli import term_options
from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_terms import as_json, licensee_warnings, summary
from keyferry_admin.cli.new_product import new_product_option, require_known_product
from keyferry_admin.cli.output import discard_stdout, mark, require_reader
from keyferry_admin.cli.parameters import (
    Feature,
    LicenseNumber,
)
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.errors.commands import OutputNotWritten
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.licenses import LicenseWithCode
from keyferry_admin.use_cases.terms import DATES, date_of
from keyferry_protocol.activation import show_activation_code
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS, PROTECTIONS

_F = TypeVar("_F", bound=Callable[..., Any])

# Warnings for a vendor who allows an environment.
ENVIRONMENT_WARNINGS = {
    "virtual": "Virtual machines are allowed: copies look the same and cannot be counted.",
    "container": "Containers are allowed: one image started twice looks like one computer.",
}
letter_option = click.option(
    "--letter",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the letter for the customer, with number and code.",
)


@license.command()
@term_options.product(envvar="KEYFERRY_PRODUCT", required=True)
@term_options.licensee(default="")
@term_options.contact(
    default="none", help="Is emailed when a seat in use goes to another computer."
)
@term_options.vendor_facts
@term_options.edition(default="")
@term_options.feature(type=Feature(), help="Granted; N is a limit. Repeatable.")
@term_options.seats(default=1, show_default=True)
@term_options.until(help="Last day. If omitted, the license never ends.")
@term_options.trial
@term_options.maintenance
@term_options.lease(help="Days within which each computer must update.")
@term_options.grace(help="Days it keeps working after that. [default: 14]")
@term_options.moves(default=4, show_default=True)
@term_options.protection(help="Protection to allow. Default: all three. Repeatable.")
@term_options.environment(
    type=click.Choice(LICENSABLE_ENVIRONMENTS[1:]),
    help="Also allow, besides physical computers. Repeatable.",
)
@click.option(
    "--number", type=LicenseNumber(), help="License number. If omitted, a free one is chosen."
)
@letter_option
@words_options("letter")
@new_product_option
@click.pass_obj
def create(
    settings: Settings,
    /,
    product: str,
    number: str | None,
    letter: Path | None,
    words: Words,
    new_product: bool,
    protections: tuple[str, ...],
    environments: tuple[str, ...],
    reference: str | None,
    note: str | None,
    labels: tuple[str, ...] | None,
    **terms: Any,
) -> None:
    """Make a license and print its activation code, once.

    Example: keyferry-admin license create --licensee Acme --seats 2 --letter acme.txt
    """
    require_known_product(settings, product, new_product)
    terms = {name: value for name, value in terms.items() if value is not None}
    for name in DATES:
        terms[name] = date_of(terms.get(name), None, settings.now)
    terms |= {
        "protections": tuple(dict.fromkeys(protections)) or PROTECTIONS,
        "environments": ("physical", *dict.fromkeys(environments)),
        "reference": reference or "",
        "note": note or "",
        "labels": labels or (),
    }

    def create_license() -> LicenseWithCode:
        return licenses.create(settings.stack.licenses, product, settings.now, number, **terms)

    created = with_letter(settings, letter, words, create_license)
    warnings = [ENVIRONMENT_WARNINGS[name] for name in created.license.environments[1:]]
    warnings += licensee_warnings(created.license)
    print_code(settings, created, letter, warnings)


def with_letter(
    settings: Settings,
    letter: Path | None,
    words: Words,
    create: Callable[[], LicenseWithCode],
    *,
    is_new_code: bool = False,
) -> LicenseWithCode:
    """Create a code and, if the user wants one, its letter. Raises OutputNotWritten before."""
    require_reader()
    if letter is None:
        return create()
    from keyferry_admin.use_cases.letter import license_letter
    from keyferry_admin.use_cases.letter_file import write_letter
    from keyferry_service.views.refusal_text import Vendor

    stack = settings.stack
    vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))
    page = stack.output("PageUrl")
    words.check()

    def text(created: LicenseWithCode) -> str:
        with words.in_use():
            return license_letter(created, vendor, page, is_new_code=is_new_code)

    return write_letter(letter, create, text)


def print_code(
    settings: Settings, created: LicenseWithCode, letter: Path | None, warnings: list[str]
) -> None:
    """Print an activation code, for the first and last time."""
    license, code = created.license, show_activation_code(created.activation_code)
    path = None if letter is None else str(letter.resolve())
    lines = [
        f"{mark('ok')} {summary(license)}",
        f"  Activation code  {code}",
        f"  Shown once, not stored. New one: keyferry-admin license new-code {license.number}",
    ]
    if path is not None:
        lines.append(f"  Letter           {path}")
        lines.append(
            "  It contains the code: anyone who reads it can take every seat, even one in use."
        )
    lines += [f"{mark('warning')} {warning}" for warning in warnings]
    document = {"activation_code": code, "license": as_json(license), "letter": path}
    try:
        settings.output.result(lines, document | {"warnings": warnings})
        sys.stdout.flush()
    except OSError as error:  # such as a full disk
        discard_stdout()
        raise OutputNotWritten(
            f"The output cannot be written: {error.strerror}. License {license.number} has a new"
            " code",
            f"Its activation code, shown once: {code}",
        ) from error
