"""A fake service that answers each of several request files by the name of its computer."""

import json
import re
from base64 import b64decode
from hashlib import sha256
from typing import Any

from playwright.sync_api import FilePayload, Page, Route

from keyferry_protocol.request import HashedMachine
from tests.browser.page.fake_service import HASHES, UPLOADS, a_request, ready
from tests.support.samples import NUMBER

_ALLOW = {"Access-Control-Allow-Origin": "*"}


class FakeRoom:
    """Answers `ready` with the computer's name as its response, or as `answers` says.

    Each of `openings` answers the opening of a ticket in the service's place, in their order.
    """

    def __init__(self, page: Page) -> None:
        self.answers: dict[str, dict[str, Any]] = {}  # by computer
        self.openings: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.arrived: list[str] = []  # computers, in the order of their files
        self.polled: list[str] = []
        self._requests: dict[str, tuple[str, str]] = {}  # computer and kind by ticket
        page.route("**/api/**", self._api)
        page.route(f"{UPLOADS}/**", self._store)

    def ticket(self, computer: str) -> str:
        """The newest ticket of a computer's file."""
        return next(t for t, (name, _) in reversed(self._requests.items()) if name == computer)

    def _api(self, route: Route) -> None:
        if route.request.method == "POST":
            return self._open(route)
        ticket = route.request.url.rsplit("/", 1)[1]
        computer, kind = self._requests[ticket]
        self.polled.append(computer)
        name = f"{NUMBER}-{computer.lower()}-1.response"
        data = computer.encode()
        facts = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
        url = f"{UPLOADS}/{computer}"
        answer = ready(kind=kind, filename=name, download_url=url, **facts)
        return route.fulfill(json=self.answers.get(computer, answer))

    def _open(self, route: Route) -> None:
        assert route.request.post_data_json["email"] is None
        if self.openings:
            status, document, headers = self.openings.pop(0)
            return route.fulfill(
                status=status,
                headers={"Content-Type": "application/problem+json", **headers},
                body=json.dumps(document),
            )
        ticket = f"{len(self._requests):043}"
        self._requests[ticket] = ("", "")
        upload = {"url": f"{UPLOADS}/", "fields": {"key": f"requests/{ticket}"}}
        return route.fulfill(status=201, json={"id": ticket, "upload": upload})

    def _store(self, route: Route) -> None:
        if route.request.method == "GET":
            computer = route.request.url.rsplit("/", 1)[1]
            return route.fulfill(headers=_ALLOW, body=computer.encode())
        form = route.request.post_data_buffer or b""
        ticket = re.findall(rb"requests/(\d{43})", form)[0].decode()
        [envelope] = re.findall(rb'\{"payloadType".*\}', form)
        body = json.loads(b64decode(json.loads(envelope)["payload"]))
        computer = body["machine"]["name"]
        self.arrived.append(computer)
        self._requests[ticket] = (computer, body["kind"])
        return route.fulfill(status=201, headers=_ALLOW, body="<PostResponse></PostResponse>")


def of_computer(name: str, **changes: Any) -> FilePayload:
    """A computer's request file."""
    machine = HashedMachine(name, "Windows 11 Pro", "physical", HASHES)
    data = a_request(machine=machine, **changes)
    return {"name": f"{name}.request", "mimeType": "", "buffer": data}
