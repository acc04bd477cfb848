"""The email that the embedded cloud's SES accepted, stored here because it forgets at its end."""

import json
import urllib.request
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from local.cloud import Cloud
from local.files import read, write

Mail = dict[str, Any]  # at, to, subject, text, html, source


class Inbox:
    def __init__(self, cloud: Cloud, file: Path) -> None:
        self._url = f"{cloud.endpoint}/_ministack/ses/messages"
        self._file = file
        self._kept: list[Mail] = json.loads(read(file) or "[]")

    def messages(self) -> list[Mail]:
        """All email, newest first."""
        with urllib.request.urlopen(self._url, timeout=10) as reply:
            accounts = json.load(reply)["messages"].values()
        sent = [_mail(record) for account in accounts for record in account]
        return sorted([*sent, *self._kept], key=lambda mail: str(mail["at"]), reverse=True)

    def keep(self) -> None:
        write(self._file, json.dumps(self.messages()))


def _mail(record: dict[str, Any]) -> Mail:
    at = datetime.fromtimestamp(record["Timestamp"], UTC)
    message = EmailMessage()  # rebuilt, because SES stores no headers
    message["From"], message["To"] = record["Source"], ", ".join(record["To"])
    message["Subject"], message["Date"] = record["Subject"], at
    message.set_content(record["BodyText"])
    if record["BodyHtml"]:
        message.add_alternative(record["BodyHtml"], subtype="html")
    return {
        "at": at.isoformat(timespec="milliseconds"),
        "to": record["To"],
        "subject": record["Subject"],
        "text": record["BodyText"],
        "html": record["BodyHtml"] or "",
        "source": message.as_string(),
    }
