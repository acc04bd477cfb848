"""Mails a letter to the contact of its license, and what else goes to a contact."""

import secrets

from botocore.exceptions import BotoCoreError

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.licenses import LetterNotMailed, NoContact
from keyferry_admin.stack import Stack
from keyferry_service.adapters.email_ses import Mailer, MailRefused
from keyferry_service.adapters.emails_dynamodb import MailWithheld
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.api_input import is_email
from keyferry_service.views.email import Email, mime_message
from keyferry_service.views.refusal_text import Vendor


def require_contact(license: LicenseRecord) -> None:
    """Return only if there is an address to mail to. Raises NoContact.

    Before a code is replaced, or a seat renewed, for a mail that nobody could get.
    """
    if not license.contact:
        raise NoContact(
            f"License {license.number} has no contact to email",
            "Nothing was sent. Set one: keyferry-admin license change"
            f" {license.number} --contact ADDRESS",
        )
    if not is_email(license.contact):
        raise NoContact(
            f"The contact of license {license.number} is not an email address",
            "Nothing was sent. Set another one: keyferry-admin license change"
            f" {license.number} --contact ADDRESS",
        )


def allow_letter(stack: Stack, license: LicenseRecord, now: int) -> str:
    """Count and record the mail before anything else happens; returns its id for SES's feedback.

    Raises LetterNotMailed for an address that wants no mail.
    """
    mail_id = secrets.token_hex(16)
    try:
        stack.emails.allow_letter_mail(license.number, license.contact, mail_id, now)
    except MailWithheld as error:
        raise LetterNotMailed(
            f"No email goes to {license.contact} for license {license.number} now",
            f"Nothing was changed. {WITHHELD}",
        ) from error
    return mail_id


WITHHELD = (
    "Emails to this address or for this license bounced, or 20 were sent today."
    " `keyferry-admin mail list` shows which."
)


def mail_letter(
    stack: Stack, license: LicenseRecord, email: Email, vendor: Vendor, mail_id: str
) -> None:
    """Send it as the stack's sender. Raises LetterNotMailed."""
    what = f"The letter of license {license.number}"
    mail_to(stack, license.contact, email, vendor, mail_id, what, LetterNotMailed)


def mail_to(
    stack: Stack,
    recipient: str,
    email: Email,
    vendor: Vendor,
    mail_id: str,
    what: str,
    not_sent: type[AdminError],
) -> None:
    """Send an email as the stack's sender. Raises `not_sent`, which says `what` it was."""
    if not is_email(recipient):
        raise not_sent(
            f"{what} was not mailed: {recipient!r} is not an email address",
            "Set the contact: keyferry-admin license change NUMBER --contact ADDRESS",
        )
    sender = stack.parameter("MailFrom")
    message = mime_message(email, sender, recipient, vendor, secrets.token_hex(16))
    try:
        # The template names its configuration set as the stack.
        Mailer(stack.ses, sender, stack.name).send(recipient, message, mail_id)
    except MailRefused as error:
        raise not_sent(
            f"{what} was not emailed ({error})",
            "If access is denied, your credentials lack ses:SendEmail. Otherwise, keyferry-admin"
            " doctor says what is wrong with email.",
        ) from error
    except (BotoCoreError, KeyboardInterrupt) as error:  # the request may have arrived
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error).rstrip(".")
        raise not_sent(
            f"{what} may not have been emailed ({why})",
            f"Ask whether it arrived at {recipient} before you send it again.",
        ) from error
