"""SES's notices of bounces and complaints, as its topic puts them into a queue."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keyferry_service.adapters.stray_message import StrayMessage

MAIL_ID = "[0-9a-f]{32}"
MAIL_TAG = "mail"  # SES repeats tags in its notices and not in the email, so no reader sees them
_GREETING = "Successfully validated SNS topic"  # SES sends it once, when the topic is set up
_NO_COMPLAINTS = ("not-spam", "auth-failure")  # RFC 5965 and 6591: reports that blame no email


class Reason(StrEnum):
    """Why an address gets no more mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One bounce or complaint. `detail` is SES's subtype, empty where it gives none."""

    mail_id: str
    reason: Reason
    detail: str
    is_final: bool  # the address takes no email, or wants none; else the next may arrive


def parse_feedback(message: str, account: str, configuration_set: str) -> Feedback | None:
    """The feedback in a message; None for the greeting that SES sends once.

    Raises StrayMessage unless it is SES's notice of an email of this account and set.
    """
    if message.startswith(_GREETING):
        return None
    try:
        notice = json.loads(message)
        mail, tags = notice["mail"], notice["mail"]["tags"]
        origin = (mail["sendingAccountId"], tags["ses:configuration-set"])
        (mail_id,) = tags[MAIL_TAG]
        kind = notice["eventType"]
        report = notice["bounce"] if kind == "Bounce" else notice["complaint"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise StrayMessage("The message is not a notice from SES.") from error
    if origin != (account, [configuration_set]):
        raise StrayMessage("The notice is of another sender's email.")
    if not (
        isinstance(mail_id, str) and re.fullmatch(MAIL_ID, mail_id) and isinstance(report, dict)
    ):
        raise StrayMessage("The notice names no email.")
    if kind == "Bounce":
        is_final = report.get("bounceType") == "Permanent"
        return Feedback(mail_id, Reason.BOUNCE, _subtype(report.get("bounceSubType")), is_final)
    detail = _subtype(report.get("complaintFeedbackType"))
    return Feedback(mail_id, Reason.COMPLAINT, detail, detail not in _NO_COMPLAINTS)


def _subtype(value: Any) -> str:
    """One of SES's subtypes; no free text that a stranger's server wrote is kept."""
    return value if isinstance(value, str) and re.fullmatch("[A-Za-z-]{1,40}", value) else ""
