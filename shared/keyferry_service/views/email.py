"""An email: its parts from top to bottom, drawn twice (plain and HTML)."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from keyferry_protocol.messages import message, use_language
from keyferry_service.views.refusal_text import Vendor

WIDTH = 80
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
