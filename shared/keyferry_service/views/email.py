"""The emails: what each says, once, and drawn twice (plain and HTML)."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import language_in_use, message, use_language
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.refusal_text import Vendor, say_refusal, show_date

WIDTH = 80
_MOST_NUMBERS = 5  # of licenses that are named
# A computer's name is free text from a file: only one that can carry no message is repeated.
_PLAIN_NAME = re.compile("[A-Za-z0-9_-]{1,24}")
# Inline, for mail programs drop style sheets; logical sides, for some letters run right to left.
_PAGE = "margin:0;background:#f3f5f7;color:#1b2128;font:16px/1.5 system-ui,sans-serif"
_COLUMN = "max-width:36rem;margin:0 auto;padding:24px 16px"
_VENDOR = "margin:0 8px 12px;font-size:20px;font-weight:600;overflow-wrap:anywhere"
_CARD = "background:#fff;border:1px solid #d5dbe1;border-radius:10px;padding:24px"
_FIRST = "margin:0 0 20px;font-size:18px"
_BUTTON = (
    "display:inline-block;background:#0b57a4;color:#fff;padding:12px 20px;border-radius:6px;"
    "font-weight:600;text-decoration:none;overflow-wrap:anywhere"
)
_ADDRESS = "margin:10px 0 0;color:#57616c;font-size:13px;overflow-wrap:anywhere"
_TABLE = "width:100%;margin:20px 0;border-collapse:collapse"
_CELL = "border-top:1px solid #d5dbe1;padding:8px 0;text-align:start;vertical-align:top"
_LABEL = f"{_CELL};padding-inline-end:24px;color:#57616c;font-weight:400;white-space:nowrap"
_VALUE = f"{_CELL};width:99%;overflow-wrap:anywhere"
_TITLE = "margin:20px 0 8px;font-weight:600"
_STEPS = "margin:0;padding-inline-start:24px"
_STEP = "margin:0 0 8px"
_COMMAND = (
    "display:block;margin-top:6px;background:#f3f5f7;padding:8px 10px;border-radius:6px;"
    "font:14px/1.4 ui-monospace,monospace;overflow-wrap:anywhere"
)
_LAST = "margin:16px 8px 0;color:#57616c;font-size:14px;overflow-wrap:anywhere"
# Where a style sheet survives, it turns the inline colors dark.
_DARK = (
    ":root{color-scheme:light dark}@media(prefers-color-scheme:dark){"
    ".k-page,.k-command{background:#14181c!important;color:#e4e8ec!important}"
    ".k-card{background:#1d2227!important;border-color:#39414a!important}"
    ".k-quiet{color:#a5aeb8!important}.k-line{border-color:#39414a!important}"
    ".k-button{background:#8fc1f7!important;color:#0c1a29!important}}"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step; `command` is what may be run instead."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    """What a mail says, from top to bottom."""

    language: str
    subject: str
    first: str
    vendor: str = ""  # on top; a letter names it in its first sentence
    download: str = ""
    link: str = ""
    after_link: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    steps_title: str = ""
    steps: tuple[Step, ...] = ()
    last: str = ""
    support: str = ""


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


def plain_text(email: Email) -> str:
    """The email as text; a link is never broken."""
    width = max((len(label) for label, _ in email.facts), default=0)
    blocks = [
        _wrap(email.vendor),
        [*_wrap(email.first), email.download, email.link, *_wrap(email.after_link)],
        [line for fact in email.facts for line in _plain_fact(fact, width)],
        [*_wrap(email.steps_title), *_plain_steps(email.steps)],
        [*_wrap(email.last), email.support],
    ]
    return "\n\n".join("\n".join(filter(None, block)) for block in blocks if any(block)) + "\n"


def html_page(email: Email) -> str:
    """The same as a page: one column, nothing from elsewhere."""
    link = escape(email.link)
    card = [
        f'<p style="{_FIRST}"><strong>{escape(email.first)}</strong></p>',
        _html_link(escape(email.download), link) if link else "",
        f"<p>{escape(email.after_link)}</p>",
        f'<table style="{_TABLE}">{"".join(map(_html_fact, email.facts))}</table>',
        f'<p style="{_TITLE}">{escape(email.steps_title)}</p>',
        f'<ol style="{_STEPS}">{"".join(map(_html_step, email.steps))}</ol>' if email.steps else "",
    ]
    return (
        f'<!doctype html><html lang="{email.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(email.subject)}</title><style>{_DARK}</style></head>"
        f'<body class="k-page" style="{_PAGE}"><div style="{_COLUMN}">'
        f'<p style="{_VENDOR}">{escape(email.vendor)}</p>'
        f'<div class="k-card" style="{_CARD}">{"".join(card)}</div>'
        f'<p class="k-quiet" style="{_LAST}">'
        f"{escape(email.last)}<br>{escape(email.support)}</p></div></body></html>"
    )


def mime_message(
    email: Email, sender: str, recipient: str, vendor: Vendor, message_id: str
) -> bytes:
    """The email as a MIME message, ready to be sent."""
    mail = EmailMessage(policy=SMTP)
    with use_language(email.language):
        name = message("email.sender", vendor=vendor.name)
    mail["From"] = Address(_header(name), addr_spec=sender)
    mail["To"] = recipient
    if "@" in vendor.support:
        mail["Reply-To"] = vendor.support
    mail["Subject"] = _header(email.subject)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(plain_text(email))
    mail.add_alternative(html_page(email), subtype="html")
    mail["Content-Language"] = email.language  # last: content that is set drops it
    return mail.as_bytes()


def _header(text: str) -> str:
    """The text with no encoded word (RFC 2047): `email` would decode it, line ends and all."""
    return text.replace("=?", "= ?")


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


def _plain_fact(fact: tuple[str, str], width: int) -> list[str]:
    label, value = fact
    lead = f"  {label:<{width}}   "
    # Names may be 64 characters without a space: better broken than beyond the margin.
    return textwrap.wrap(value, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


def _plain_steps(steps: Sequence[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        lead = f"{number}. "
        yield from _wrap(step.text, lead, " " * len(lead))
        if step.command:
            yield " " * len(lead) + step.command


def _html_link(label: str, link: str) -> str:
    """A button, and its address below for those whose mail program shows none."""
    button = f'<a class="k-button" href="{link}" style="{_BUTTON}">{label}</a>'
    return f'{button}<p class="k-quiet" style="{_ADDRESS}">{link}</p>'


def _html_fact(fact: tuple[str, str]) -> str:
    label, value = map(escape, fact)
    return (
        f'<tr><th scope="row" class="k-quiet k-line" style="{_LABEL}">{label}</th>'
        f'<td class="k-line" style="{_VALUE}">{value}</td></tr>'
    )


def _html_step(step: Step) -> str:
    command = ""
    if step.command:
        command = f'<code class="k-command" style="{_COMMAND}">{escape(step.command)}</code>'
    return f'<li style="{_STEP}">{escape(step.text)}{command}</li>'


def _wrap(text: str, lead: str = "", indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
