"""What each email says, in the language of its ticket or the vendor's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import language_in_use, message, use_language
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.email import Email, Step
from keyferry_service.views.refusal_text import Vendor, say_refusal, show_date

_MOST_NUMBERS = 5  # of licenses that are named
# A computer's name is free text from a file: only one that can carry no message is repeated.
_PLAIN_NAME = re.compile("[A-Za-z0-9_-]{1,24}")


@dataclass(frozen=True, slots=True)
class Renewals:
    """What a zip of renewals is for: the licenses of one contact."""

    file_name: str
    license_numbers: tuple[str, ...]
    products: tuple[str, ...]
    computers: int
    ends: tuple[int | None, ...]  # each end that one of the licenses has


def response_email(
    ticket: Ticket, link: str, link_expires_at: int, vendor: Vendor, page: str
) -> Email:
    """The email that brings the link to a response, or to a receipt; `page` is the page's URL."""
    kind = {"update": "updated", "deactivate": "deactivated"}.get(ticket.kind or "", "ready")
    with use_language(ticket.language):
        names = _names(ticket)
        return Email(
            language=ticket.language,
            vendor=vendor.name,
            subject=_subject(kind, ticket, names),
            first=message(f"email.{kind}.{_first(ticket)}", **names),
            download=message("email.download", file=ticket.file_name),
            link=link,
            after_link=message(
                "email.link-works-until", date=show_date(link_expires_at), page=page
            ),
            facts=_facts(ticket, names),
            steps_title=message("email.what-to-do-now"),
            steps=(
                Step(message("email.save")),
                Step(message("email.copy", file=ticket.file_name)),
                Step(
                    message(f"email.{kind}.steps", **names), f"keyferry install {ticket.file_name}"
                ),
            ),
            last=message(f"email.{kind}.last", **names),
            support=vendor.support,
        )


def deactivation_email(ticket: Ticket, vendor: Vendor) -> Email:
    """The email that tells of a free seat where the application could verify no receipt."""
    with use_language(ticket.language):
        names = _names(ticket)
        return Email(
            language=ticket.language,
            vendor=vendor.name,
            subject=_subject("deactivated", ticket, names),
            first=message(f"email.no-receipt.{_first(ticket)}", **names),
            after_link=message("email.no-receipt.why", **names),
            facts=_facts(ticket, names),
            last=message("email.deactivated.last", **names),
            support=vendor.support,
        )


def refusal_email(ticket: Ticket, refusal: Refusal, vendor: Vendor, page: str) -> Email:
    """The email that brings a refusal of a request that had proved itself.

    It lists no seats: `page` is the page's URL, and where one may be chosen the link leads to the
    ticket there.
    """
    with use_language(ticket.language):
        names = _names(ticket)
        hidden = {
            "requested": message("email.another-product"),
            "until": show_date(ticket.expires_at),
        }
        refused = say_refusal(refusal, ticket.language, vendor, in_mail=True, **hidden)
        return Email(
            language=ticket.language,
            vendor=vendor.name,
            subject=message(
                f"email.refused.subject.{refused.sentence}",
                **refused.facts | {"number": names["number"]},
            ),
            first=message("email.refused.first", title=refused.title),
            download=message("email.refused.choose-link") if refusal.offers_seats else "",
            link=f"{page}/#t={ticket.id}" if refusal.offers_seats else "",
            after_link=refused.next_step,
            facts=(
                (message("email.license"), names["number"]),
                (message("email.computer-label"), names["computer"]),
            ),
            steps_title=message("email.refused.unchanged", page=page),
            last=message("email.refused.last"),
            support=vendor.support,
        )


def replacement_email(ticket: Ticket, vendor: Vendor) -> Email:
    """The email that tells a license's contact that a seat was taken from a computer."""
    old = _computer(ticket.replaced_machine or "", "email.replaced.old-computer")
    new = _computer(ticket.machine_name, "email.replaced.new-computer")
    names = _names(ticket) | {
        "new": message("email.replaced.same-name", old=old) if new == old else new,
        "old": old,
        "support": vendor.support,
    }
    return Email(
        language=language_in_use(),  # not the page's: whoever took the seat chose that
        vendor=vendor.name,
        subject=message("email.replaced.subject", **names),
        first=message("email.replaced.first", **names),
        after_link=message("email.replaced.why", **names),
        facts=(
            (message("email.license"), names["number"]),
            (message("email.seat"), names["n"]),
            (message("email.replaced.old-label"), names["old"]),
            (message("email.replaced.new-label"), names["new"]),
        ),
        steps_title=message("email.replaced.nobody"),
        steps=(
            Step(message("email.replaced.new-code", **names)),
            Step(message("email.replaced.release", **names)),
            Step(message("email.replaced.activate", **names)),
        ),
        last=message("email.replaced.last"),
        support=vendor.support,
    )


def renewal_email(renewals: Renewals, link: str, link_expires_at: int, vendor: Vendor) -> Email:
    """The email that brings a contact the link to a zip of renewals, in the current language."""
    names: dict[str, object] = {
        "file": renewals.file_name,
        "n": renewals.computers,
        "number": ", ".join(map(show_license_number, renewals.license_numbers[:_MOST_NUMBERS])),
    }
    if len(renewals.products) == 1:
        names["product"] = renewals.products[0]
    more = len(renewals.license_numbers) - _MOST_NUMBERS
    if more > 0:
        names["number"] = message("email.renewed.more", number=names["number"], more=more)
    facts = [
        (message("email.license"), str(names["number"])),
        (message("email.renewed.computers-label"), str(renewals.computers)),
    ]
    if len(renewals.ends) == 1:
        ends = _date(renewals.ends[0]) or message("email.ends-never")
        facts.append((message("email.ends"), ends))
    return Email(
        language=language_in_use(),
        vendor=vendor.name,
        subject=message("email.renewed.subject", **names),
        first=message("email.renewed.first", **names),
        download=message("email.download", file=renewals.file_name),
        link=link,
        after_link=message("email.renewed.link-works-until", date=show_date(link_expires_at)),
        facts=tuple(facts),
        steps_title=message("email.what-to-do-now"),
        steps=(
            Step(message("email.save")),
            Step(message("email.copy", file=renewals.file_name)),
            Step(message("email.renewed.steps", **names), f"keyferry install {renewals.file_name}"),
        ),
        last=message("email.renewed.last", **names),
        support=vendor.support,
    )


def _subject(kind: str, ticket: Ticket, names: Mapping[str, str]) -> str:
    subject = "subject-computer" if _is_plain(ticket.machine_name) else "subject"
    return message(f"email.{kind}.{subject}", **names)


def _first(ticket: Ticket) -> str:
    """Which first sentence of its email fits an answer."""
    if ticket.kind == "update" and ticket.valid_until is None:
        return "first-endless" if ticket.previous_valid_until is None else "first-no-longer-ends"
    if ticket.kind == "deactivate" and ticket.seats is None:
        return "first-again"
    return "first"


def _facts(ticket: Ticket, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    product = f"{ticket.product} {ticket.edition}".strip()
    facts = [
        (
            message("email.license"),
            message("email.license-value", number=names["number"], product=product),
        ),
        (message("email.seat"), names["n"]),
    ]
    if _is_plain(ticket.machine_name):
        facts.insert(1, (message("email.computer-label"), ticket.machine_name))
    if ticket.kind != "deactivate":  # a receipt ends as it is issued: that would say nothing
        facts.append((message("email.ends"), names["ends"]))
    return tuple(facts)


def _end(ticket: Ticket) -> str:
    date = _date(ticket.valid_until) or message("email.ends-never")
    before = _date(ticket.previous_valid_until)
    if ticket.kind != "update" or before in ("", date):
        return date
    return message("email.ends-changed", date=date, before=before)


def _date(seconds: int | None) -> str:
    return "" if seconds is None else show_date(seconds)


def _names(ticket: Ticket) -> dict[str, str]:
    return {
        "number": show_license_number(ticket.license_number or ""),
        "product": ticket.product,
        "computer": _computer_of(ticket),
        "n": str(ticket.seat),
        "ends": _end(ticket),
        "before": _date(ticket.previous_valid_until),
        "used": str(ticket.seats_used),
        "seats": str(ticket.seats),
    }


def _computer_of(ticket: Ticket) -> str:
    """The computer's name, else its seat, which a refused request does not have."""
    if _is_plain(ticket.machine_name):
        return ticket.machine_name
    if ticket.seat is None:
        return message("email.computer")
    return message("email.computer-seat", n=ticket.seat)


def _computer(name: str, otherwise: str) -> str:
    """A computer's name if it can carry no message, else a phrase of the catalog."""
    return name if _is_plain(name) else message(otherwise)


def _is_plain(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name) is not None
