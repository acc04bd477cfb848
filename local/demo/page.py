"""Calls the HTTP API as the page does, and reads the inbox."""

import json
import os
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

PATIENCE_S = 60
T = TypeVar("T")


def fetch(url: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
    headers = {"Content-Type": kind} if data is not None else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return bytes(answer.read())


def call(url: str, document: object = None) -> dict[str, Any]:
    data = None if document is None else json.dumps(document).encode()
    result: dict[str, Any] = json.loads(fetch(url, data))
    return result


def upload(post: dict[str, Any], content: bytes) -> None:
    """Send the presigned form as a browser does; the file must come last."""
    boundary = os.urandom(16).hex()
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    lines = [f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items()]
    lines.append(f'{part}"file"; filename="x.request"\r\n\r\n')
    form = "".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    fetch(post["url"], form, f"multipart/form-data; boundary={boundary}")


def finished_ticket(page: str, ticket: dict[str, Any]) -> dict[str, Any] | None:
    result = call(page + ticket["status_url"])
    return result if result["state"] in ("ready", "refused") else None


def first_mail(page: str) -> dict[str, Any] | None:
    mails = json.loads(fetch(f"{page}/inbox/messages"))
    return mails[0] if mails else None


def wait(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (result := look()) is not None:
            return result
        time.sleep(0.1)
    raise AssertionError(f"Nothing came in {PATIENCE_S} s.")
