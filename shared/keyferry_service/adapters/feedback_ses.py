"""SES's notices of mails that came back or were complained of, as they lie in a queue."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keyferry_service.adapters.stray_message import StrayMessage

MAIL_ID = "[0-9a-f]{32}"
MAIL_TAG = "mail"  # tags are in SES's notices and not in the mail, so no reader sees them
_GREETING = "Successfully validated SNS topic"  # what SES sends when it learns of the topic
_NO_COMPLAINTS = ("not-spam", "auth-failure")  # RFC 5965 and 6591: these reports blame no mail


class Reason(StrEnum):
    """Why an address gets no more mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of one mail; `detail` is SES's word for it, empty where it has none."""

    mail_id: str
    reason: Reason
    detail: str
    is_final: bool  # the address takes no mail, or wants none; else the next may well arrive


def parse_feedback(message: str, account: str, configuration_set: str) -> Feedback | None:
    """What a message tells of a mail; None for the greeting that SES sends once.

    Raises StrayMessage for anything but SES's notice of a mail of this account and set.
    """
    if message.startswith(_GREETING):
        return None
    try:
        notice = json.loads(message)
        mail, tags = notice["mail"], notice["mail"]["tags"]
        origin = (mail["sendingAccountId"], tags["ses:configuration-set"])
        (mail_id,) = tags[MAIL_TAG]
        kind = notice["eventType"]
        told = notice["bounce"] if kind == "Bounce" else notice["complaint"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise StrayMessage("The message is not a notice of SES.") from error
    if origin != (account, [configuration_set]):
        raise StrayMessage("The notice is of another sender's mail.")
    if not (isinstance(mail_id, str) and re.fullmatch(MAIL_ID, mail_id) and isinstance(told, dict)):
        raise StrayMessage("The notice names no mail.")
    if kind == "Bounce":
        is_final = told.get("bounceType") == "Permanent"
        return Feedback(mail_id, Reason.BOUNCE, _word(told.get("bounceSubType")), is_final)
    detail = _word(told.get("complaintFeedbackType"))
    return Feedback(mail_id, Reason.COMPLAINT, detail, detail not in _NO_COMPLAINTS)


def _word(said: Any) -> str:
    """A word of SES's closed lists; nothing else is kept of what a stranger's server said."""
    return said if isinstance(said, str) and re.fullmatch("[A-Za-z-]{1,40}", said) else ""
