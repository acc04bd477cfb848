"""Shows the mail that the embedded cloud's SES has taken; nothing leaves this computer."""

from __future__ import annotations

import html
import json
import urllib.request
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from local.cloud import Cloud

Mail = dict[str, Any]  # as interfaces.md gives it: at, to, subject, text, html, source


class Inbox:
    """All mail, newest first. SES forgets it at a restart, so it is kept in a file as well."""

    def __init__(self, cloud: Cloud, file: Path) -> None:
        self._cloud = cloud
        self._file = file
        self._kept: list[Mail] = json.loads(file.read_bytes()) if file.exists() else []

    def messages(self) -> list[Mail]:
        with urllib.request.urlopen(
            f"{self._cloud.endpoint}/_ministack/ses/messages", timeout=10
        ) as found:
            accounts = json.load(found)["messages"]
        sent = [_mail(record) for records in accounts.values() for record in records]
        return sorted([*self._kept, *sent], key=lambda mail: str(mail["at"]), reverse=True)

    def keep(self) -> None:
        self._file.write_text(json.dumps(self.messages()))


def _mail(record: dict[str, Any]) -> Mail:
    at = datetime.fromtimestamp(record["Timestamp"], UTC)
    message = EmailMessage()
    message["From"] = record["Source"]
    message["To"] = ", ".join(record["To"])
    message["Subject"] = record["Subject"]
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{record['MessageId']}>"
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
