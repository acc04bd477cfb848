"""The license letter: what the vendor hands to the customer with the activation code."""

import json
from functools import cache
from pathlib import Path

from keyferry_admin.use_cases.licenses import Created
from keyferry_protocol.activation import show_activation_code, show_license_number
from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.words import words
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.email import Letter, Step, plain_text
from keyferry_service.views.refusal_text import Vendor, letter_words, show_date

_LANGUAGE = "en"


def license_letter(created: Created, vendor: Vendor, page: str, *, is_new_code: bool) -> str:
    """The letter as plain text, 80 columns; it holds the code, which opens every seat."""
    license = created.license
    shared, number = letter_words(_LANGUAGE), show_license_number(license.number)
    said = {"number": number, "product": license.product, "vendor": vendor.name}
    secret = _say("secret")
    return plain_text(
        Letter(
            language=_LANGUAGE,
            subject="",
            first=_say("your-new-code" if is_new_code else "your-license", **said),
            after_link=f"{_say('old-code')} {secret}" if is_new_code else secret,
            facts=(
                (_say("license-number"), number),
                (_say("activation-code"), show_activation_code(created.activation_code)),
                *_terms(license),
            ),
            steps_title=shared["what_to_do_now"],
            steps=(
                *([Step(_say("plug-in"))] if license.protections == ("dongle",) else []),
                Step(_say("install", **said), _request(license)),
                Step(_say("page"), page),
                Step(
                    shared["ready"]["steps"].format(computer=shared["computer"], **said),
                    "keyferry install FILE",
                ),
            ),
            last=_say("last"),
            support=vendor.support,
        )
    )


def _request(license: LicenseRecord) -> str:
    command = f"keyferry request {license.number}"
    if "machine" in license.protections:  # which is what the command asks for by itself
        return command
    return f"{command} --protection {license.protections[0]}"


def _terms(license: LicenseRecord) -> list[tuple[str, str]]:
    shared = letter_words(_LANGUAGE)
    protections, either = words(_LANGUAGE)["protection"], shared["or"]
    terms = [
        (_say("licensee"), license.licensee),
        (_say("product"), f"{license.product} {license.edition}".strip()),
        (_say("features"), _features(license)),
        (_say("seats"), str(license.seats)),
        (shared["ends"], _end(license)),
        (_say("updates-until"), _date(license.maintenance_until)),
        (_say("check-in"), _lease(license)),
        (_say("moves"), _say("moves-a-year", n=license.moves_per_year)),
        (
            _say("for"),
            ""
            if set(license.protections) == set(PROTECTIONS)
            else either.join(protections[name] for name in license.protections),
        ),
        (
            _say("runs-on"),
            ", ".join(_say(f"environment.{name}") for name in license.environments),
        ),
    ]
    return [(label, value) for label, value in terms if value]


def _features(license: LicenseRecord) -> str:
    return ", ".join(
        name if value is True else _say("feature", feature=name, n=value)
        for name, value in license.features.items()
    )


def _end(license: LicenseRecord) -> str:
    if license.trial_days is None or license.first_issued_at is not None:
        return _date(license.ends_at) or letter_words(_LANGUAGE)["ends_never"]
    days = _days(license.trial_days)
    if license.valid_until is None:
        return _say("trial", days=days)
    return _say("trial-until", days=days, date=_date(license.valid_until))


def _lease(license: LicenseRecord) -> str:
    if license.lease_days is None:
        return ""
    return _say("lease", lease=_days(license.lease_days), grace=_days(license.grace_days))


def _days(count: int) -> str:
    return _say("day" if count == 1 else "days", n=count)


def _date(seconds: int | None) -> str:
    return "" if seconds is None else show_date(seconds, _LANGUAGE)


def _say(name: str, **facts: object) -> str:
    return _catalogue()[name].format(**facts)


@cache
def _catalogue() -> dict[str, str]:
    path = Path(__file__).parents[1] / "words" / f"{_LANGUAGE}.json"
    catalogue: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return catalogue
