"""`keyferry-admin mail preview`: a mail or letter in the vendor's words, with made-up facts."""

from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.mail import mail
from keyferry_admin.cli.output import mark
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.use_cases.mail_samples import SAMPLES, sample
from keyferry_admin.use_cases.vendor_json import read_own
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_service.views.email import Email, html_page, mime_message, plain_text
from keyferry_service.views.refusal_text import Vendor

KINDS = (".eml", ".html", ".txt")
_EXAMPLE = {"name": "Example", "product": "Example Modeler"}
_EXAMPLE_ADDRESS = "licensing@example.com"


@mail.command()
@click.argument("name", type=click.Choice(list(SAMPLES)))
@click.option(
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to a file: .eml, .html, or .txt.",
)
@words_options("email or letter")
@click.pass_obj
def preview(settings: Settings, name: str, file: Path | None, words: Words) -> None:
    """Show a mail or a letter in your words, with made-up facts. Sends nothing.

    Example: keyferry-admin mail preview ready --language de --output ready.html
    """
    if file is not None and file.suffix not in KINDS:
        raise click.UsageError(f"--output takes a name that ends in one of {', '.join(KINDS)}")
    own = words.folder / "vendor.json"
    vendor_json = _EXAMPLE | (read_own(own) if own.exists() else {})
    vendor = Vendor(str(vendor_json["name"]), _support(vendor_json))
    page = str(vendor_json.get("page_url") or "https://activate.example.com")
    with words.in_use():
        email = sample(name, vendor, str(vendor_json["product"]), page, settings.now)
    text = plain_text(email)
    if file is not None:
        with written_whole(file) as output:
            output.write(_content(file.suffix, email, vendor))
    lines = [f"Subject: {email.subject}", "", *text.splitlines()]
    settings.output.result(
        lines if file is None else [f"{mark('ok')} {file}"],
        {
            "name": name,
            "language": email.language,
            "subject": email.subject,
            "text": text,
            "html": html_page(email),
            "file": None if file is None else str(file.resolve()),
        },
    )


def _content(suffix: str, email: Email, vendor: Vendor) -> str:
    if suffix == ".html":
        return html_page(email)
    if suffix == ".txt":
        return plain_text(email)
    sender = vendor.support if "@" in vendor.support else _EXAMPLE_ADDRESS
    message = mime_message(email, sender, "anna@example.com", vendor, "sample")
    return message.decode("ascii", "surrogateescape")


def _support(vendor_json: dict[str, Any]) -> str:
    support = vendor_json.get("support")
    known = support if isinstance(support, dict) else {}
    return str(known.get("email") or known.get("url") or _EXAMPLE_ADDRESS)
