"""The license letter, on paper, as a file, or mailed."""

from dataclasses import replace
from enum import StrEnum

from keyferry_admin.use_cases.licenses import LicenseWithCode
from keyferry_protocol.activation import show_activation_code, show_license_number
from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.messages import language_in_use, message
from keyferry_protocol.messages.formats import comma_list, or_list
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.email import Email, Step, plain_text
from keyferry_service.views.refusal_text import Vendor, protection_name, show_date


class Kind(StrEnum):
    """What a letter brings; the value is its first sentence in the catalog."""

    LICENSE = "your-license"
    NEW_CODE = "your-new-code"
    AGAIN = "your-license-again"  # without the code


_SECRETS = {
    Kind.LICENSE: "letter.secret",
    Kind.NEW_CODE: "letter.secret-new-code",
    Kind.AGAIN: "letter.no-code",
}


def license_letter(
    created: LicenseWithCode, vendor: Vendor, page: str, *, is_new_code: bool
) -> str:
    """The letter as plain text in 80 columns. It contains the code, so it must stay secret."""
    kind = Kind.NEW_CODE if is_new_code else Kind.LICENSE
    code = show_activation_code(created.activation_code)
    return plain_text(replace(letter(created.license, code, vendor, page, kind), vendor=""))


def letter(license: LicenseRecord, code: str, vendor: Vendor, page: str, kind: Kind) -> Email:
    """The letter as it is mailed, in the current language; `code` as people read it, or empty."""
    number = show_license_number(license.number)
    facts = {"number": number, "product": license.product, "vendor": vendor.name}
    return Email(
        language=language_in_use(),
        vendor=vendor.name,
        subject=message("letter.mail.subject-code" if code else "letter.mail.subject", **facts),
        first=message(f"letter.{kind}", **facts),
        after_link=message(_SECRETS[kind]),
        facts=(
            (message("letter.license-number"), number),
            *([(message("letter.activation-code"), code)] if code else []),
            *_terms(license),
        ),
        steps_title=message("email.what-to-do-now"),
        steps=(
            *([Step(message("letter.plug-in"))] if license.protections == ("dongle",) else []),
            Step(message("letter.install", **facts), request_command(license)),
            Step(message("letter.page"), page),
            Step(message("letter.activate", **facts), "keyferry install FILE"),
        ),
        last=message("letter.last" if code else "letter.last-no-code"),
        support=vendor.support,
    )


def request_command(license: LicenseRecord) -> str:
    """The command by which the offline computer asks for the license."""
    command = f"keyferry request {license.number}"
    if "machine" in license.protections:  # the default of `keyferry request`
        return command
    return f"{command} --protection {license.protections[0]}"


def _terms(license: LicenseRecord) -> list[tuple[str, str]]:
    terms = [
        (message("letter.licensee"), license.licensee),
        (message("letter.product"), f"{license.product} {license.edition}".strip()),
        (message("letter.features"), _features(license)),
        (message("letter.seats"), str(license.seats)),
        (message("email.ends"), _end(license)),
        (message("letter.updates-until"), _date(license.maintenance_until)),
        (message("letter.check-in"), _lease(license)),
        (message("letter.moves"), message("letter.moves-a-year", n=license.moves_per_year)),
        (
            message("letter.for"),
            ""
            if set(license.protections) == set(PROTECTIONS)
            else or_list(map(protection_name, license.protections)),
        ),
        (
            message("letter.runs-on"),
            comma_list(message(f"letter.environment.{name}") for name in license.environments),
        ),
    ]
    return [(label, value) for label, value in terms if value]


def _features(license: LicenseRecord) -> str:
    return comma_list(
        name if value is True else message("letter.feature", feature=name, n=value)
        for name, value in license.features.items()
    )


def _end(license: LicenseRecord) -> str:
    if license.trial_days is None or license.first_issued_at is not None:
        return _date(license.ends_at) or message("email.ends-never")
    days = _days(license.trial_days)
    if license.valid_until is None:
        return message("letter.trial", days=days)
    return message("letter.trial-until", days=days, date=_date(license.valid_until))


def _lease(license: LicenseRecord) -> str:
    if license.lease_days is None:
        return ""
    return message("letter.lease", lease=_days(license.lease_days), grace=_days(license.grace_days))


def _days(count: int) -> str:
    return message("letter.days", n=count)


def _date(seconds: int | None) -> str:
    return "" if seconds is None else show_date(seconds)
