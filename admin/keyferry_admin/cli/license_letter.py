"""`keyferry-admin license letter`: a letter again, on the screen, in a file, or mailed."""

from pathlib import Path

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.confirm import confirm, yes_option
from keyferry_admin.cli.license import license
from keyferry_admin.cli.output import mark, require_reader
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.errors.licenses import LetterNotMailed
from keyferry_admin.use_cases import change_license, licenses
from keyferry_admin.use_cases.letter import Kind, letter
from keyferry_admin.use_cases.mail_letter import allow_letter, mail_letter, require_contact
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_protocol.activation import show_activation_code, show_license_number
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.email import plain_text
from keyferry_service.views.refusal_text import Vendor

WITH_CODE = [
    "Anyone who reads this letter can take every seat of this license, even one in use.",
    "  The old code stops working now, also in request files that are on their way.",
]


@license.command(name="letter")
@click.argument("number", type=LicenseNumber())
@click.option("--mail", "is_mailed", is_flag=True, help="Send it to the license's contact.")
@click.option(
    "--with-code",
    is_flag=True,
    help="Email a new activation code, too; the old one stops working.",
)
@click.option(
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the letter to a file.",
)
@words_options("letter")
@yes_option
@click.pass_obj
def letter_command(
    settings: Settings,
    number: str,
    is_mailed: bool,
    with_code: bool,
    file: Path | None,
    words: Words,
    yes: bool,
) -> None:
    """Make the letter again, without the code. Example: license letter 015120020093 --mail

    The code is not stored, so the letter cannot say it. --with-code makes a new one, which is
    mailed: anyone who reads that mail can take every seat.
    """
    if with_code and not is_mailed:
        raise click.UsageError(
            "--with-code needs --mail. On paper: keyferry-admin license new-code --letter FILE"
        )
    if is_mailed and file is not None:
        raise click.UsageError("--mail and --output exclude each other")
    stack, store = settings.stack, settings.stack.licenses
    vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))
    page = stack.output("PageUrl")
    words.check()
    before = licenses.find_changeable(store, number)
    if is_mailed:
        _mail(settings, before, vendor, page, words, with_code, yes)
        return
    with words.in_use():
        email = letter(before, "", vendor, page, Kind.AGAIN)
    text = plain_text(email)
    if file is not None:
        with written_whole(file) as output:
            output.write(text)
    settings.output.result(
        text.splitlines() if file is None else [f"{mark('ok')} {file}"],
        {
            "license_number": number,
            "language": email.language,
            "subject": email.subject,
            "text": text,
            "file": None if file is None else str(file.resolve()),
        },
    )


def _mail(
    settings: Settings,
    before: LicenseRecord,
    vendor: Vendor,
    page: str,
    words: Words,
    with_code: bool,
    yes: bool,
) -> None:
    stack = settings.stack
    require_contact(before)
    if with_code:
        changes = [("Activation code", f"a new one, emailed to {before.contact}")]
        confirm(settings.output, before, "email a new code", WITH_CODE, yes, changes)
    require_reader()
    mail_id = allow_letter(stack, before, settings.now)
    code = ""
    if with_code:
        created = change_license.replace_code(stack.licenses, before.number)
        code = show_activation_code(created.activation_code)
    with words.in_use():
        email = letter(before, code, vendor, page, Kind.NEW_CODE if code else Kind.AGAIN)
    try:
        mail_letter(stack, before, email, vendor, mail_id)
    except LetterNotMailed as error:
        if code:
            raise LetterNotMailed(
                str(error),
                f"The license has a new activation code, which is shown only here: {code}."
                f" {error.next_step}",
                license_number=before.number,
                activation_code=code,
            ) from error
        raise
    shown = show_license_number(before.number)
    contents = "with its new activation code" if code else "without the activation code"
    settings.output.result(
        [
            f"{mark('ok')} Emailed to {before.contact}: the letter of license {shown}, {contents}",
            f"  Subject  {email.subject}",
            "  If it comes back, `keyferry-admin mail list` shows that.",
        ],
        {
            "license_number": before.number,
            "to": before.contact,
            "language": email.language,
            "subject": email.subject,
            "with_code": with_code,
        },
    )
