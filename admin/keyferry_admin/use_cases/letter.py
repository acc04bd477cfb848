"""The license letter, on paper or as a file, which gives the customer the activation code."""

from keyferry_admin.use_cases.licenses import LicenseWithCode
from keyferry_protocol.activation import show_activation_code, show_license_number
from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.messages import language_in_use, message
from keyferry_protocol.messages.formats import comma_list, or_list
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.email import Email, Step, plain_text
from keyferry_service.views.refusal_text import Vendor, protection_name, show_date


def license_letter(
    created: LicenseWithCode, vendor: Vendor, page: str, *, is_new_code: bool
) -> str:
    """The letter as plain text in 80 columns. It contains the code, so it must stay secret."""
    license = created.license
    number = show_license_number(license.number)
    facts = {"number": number, "product": license.product, "vendor": vendor.name}
    return plain_text(
        Email(
            language=language_in_use(),
            subject="",
            first=message(
                "letter.your-new-code" if is_new_code else "letter.your-license", **facts
            ),
            after_link=message("letter.secret-new-code" if is_new_code else "letter.secret"),
            facts=(
                (message("letter.license-number"), number),
                (message("letter.activation-code"), show_activation_code(created.activation_code)),
                *_terms(license),
            ),
            steps_title=message("email.what-to-do-now"),
            steps=(
                *([Step(message("letter.plug-in"))] if license.protections == ("dongle",) else []),
                Step(message("letter.install", **facts), request_command(license)),
                Step(message("letter.page"), page),
                Step(
                    message("email.ready.steps", computer=message("email.computer"), **facts),
                    "keyferry install FILE",
                ),
            ),
            last=message("letter.last"),
            support=vendor.support,
        )
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
