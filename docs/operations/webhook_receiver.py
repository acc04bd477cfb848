"""A server that takes Keyferry's events: it checks each signature, and prints each event once.

WEBHOOK_SECRET=whsec_… python3 docs/operations/webhook_receiver.py 9000

Copy `verify` into your own server. It needs nothing but Python.
"""

import base64
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

TOLERANCE_S = 300
MAX_BYTES = 262_144  # of an event on the bus


class NotGenuine(Exception):
    """Somebody else sent it, or it was sent long ago."""


def verify(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Any:
    """The event in `body`, whose bytes must be those that came. Raises NotGenuine.

    The names of headers are in lower case.
    """
    event_id, at = headers.get("webhook-id") or "", headers.get("webhook-timestamp") or ""
    if not (at.isascii() and at.isdigit() and abs(now - int(at)) <= TOLERANCE_S):
        raise NotGenuine("It is too old, or too new.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event_id}.{at}.".encode() + body, "sha256")
    ours = ("v1," + base64.b64encode(digest).decode()).encode()
    theirs = (headers.get("webhook-signature") or "").encode().split()  # two while a secret changes
    if not any(hmac.compare_digest(ours, each) for each in theirs):
        raise NotGenuine("Its signature is not ours.")
    return json.loads(body)


class Handler(BaseHTTPRequestHandler):
    """Answers 204 once an event is safe, 401 to what is not genuine."""

    secret = ""
    handled: ClassVar[set[str]] = (
        set()
    )  # yours belongs into a database, and is forgotten after some weeks

    def do_POST(self) -> None:
        length = self.headers.get("content-length") or ""
        if not (length.isdigit() and int(length) <= MAX_BYTES):
            return self.send_error(413)
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = verify(headers, body, self.secret, time.time())
        except NotGenuine as error:
            return self.send_error(401, str(error))
        if event["id"] not in self.handled:  # an event can come twice
            print(json.dumps(event), flush=True)
            self.handled.add(event["id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Print events alone."""


def main() -> None:
    Handler.secret = os.environ["WEBHOOK_SECRET"]
    with HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
