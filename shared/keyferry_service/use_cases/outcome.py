"""What became of one message: the worker logs it and counts it."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Outcome:
    """Base of all outcomes. The members of each are in its line of the log."""

    event: ClassVar[str]  # the line's message
    metric: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Answered(Outcome):
    """A response was signed and handed out."""

    event = "answered"
    metric = "RequestsAnswered"
    file_name: str
    seat: int


@dataclass(frozen=True, slots=True)
class Refused(Outcome):
    """A refusal was handed out."""

    event = "refused"
    metric = "RequestsRefused"
    code: str


@dataclass(frozen=True, slots=True)
class Dropped(Outcome):
    """The message was discarded: a retry cannot succeed."""

    event = "dropped"
    metric = "MessagesDropped"
    reason: str


@dataclass(frozen=True, slots=True)
class FurtherUpload(Dropped):
    """A pass was used again: another file has its answer on this ticket."""

    metric = "FurtherUploads"
    reason: str = "Another file was answered on this ticket."


@dataclass(frozen=True, slots=True)
class EmailSent(Outcome):
    """SES took the email."""

    event = "mail sent"
    metric = "MailsSent"


@dataclass(frozen=True, slots=True)
class EmailWithheld(Outcome):
    """There were too many emails, or the address wants none."""

    event = "mail withheld"
    metric = "MailsWithheld"


@dataclass(frozen=True, slots=True)
class EmailDelayed(Outcome):
    """An email came back, but the next one may well arrive."""

    event = "mail delayed"
    metric = "MailsDelayed"
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class AddressSuppressed(Outcome):
    """An address gets no more email."""

    event = "address suppressed"
    metric = "AddressesSuppressed"
    ticket: str  # its prefix, as in every line
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class WebhookSent(Outcome):
    """The vendor's server took an event."""

    event = "webhook sent"
    metric = "WebhooksSent"
    id: str
    type: str
