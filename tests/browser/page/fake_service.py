"""The page on a server of its own, with a fake service behind it."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from playwright.sync_api import Page, Route

from keyferry_admin.use_cases.site import site_files
from keyferry_protocol.activation import activation_key
from keyferry_protocol.components import COMPONENTS, hash_component
from keyferry_protocol.encoding import parse_time
from keyferry_protocol.envelope import REQUEST, RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.request import HashedMachine, Product, RequestBody
from keyferry_protocol.response_text import deflate_response, to_response_text
from keyferry_protocol.typed_response import to_codes, to_lines
from keyferry_service.views.code_picture import code_svg
from tests.support.samples import NUMBER
from tests.support.valid_files import VENDOR, VENDOR_PQ, request_members, response_members

SITE = Path(__file__).parents[3] / "static-site"
UPLOADS = "https://uploads.test"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    f"connect-src 'self' {UPLOADS}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
TICKET = "t" * 43
DEVICE = Ed25519Signer(bytes(range(32)))
LOAD = Ed25519Signer(bytes(range(32, 64)))
STEM = f"{NUMBER}-{DEVICE.keyid[:4]}-18"
HASHES = {name: (hash_component(NUMBER, name, "1"),) for name in COMPONENTS}


SIGNED = b"signed"
# Of another request: the page shows what it is given.
_BODY, _REQUEST_BODY = (
    json.dumps(members, separators=(",", ":")).encode()
    for members in (response_members(), request_members())
)
TEXT_FORM, LONG_TEXT_FORM = (
    to_response_text(
        seal(RESPONSE, _BODY, signers), deflate_response(_BODY, _REQUEST_BODY), "0" * 64
    )
    for signers in ([VENDOR], [VENDOR, VENDOR_PQ])
)
STORAGE_SAYS = {
    201: f"<PostResponse><Key>requests/{TICKET}</Key></PostResponse>",
    403: "<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>",
}


def a_request(created_at: str = "2026-11-24T09:47:00Z", **changes: Any) -> bytes:
    """A request file as the offline computer writes it, with its signatures."""
    body = RequestBody(
        **{
            "id": "7b0e" * 8,
            "kind": "activate",
            "created_at": parse_time(created_at),
            "license_number": NUMBER,
            "product": Product("Example Modeler", "4.2.0"),
            "protection": "machine",
            "device_key": DEVICE.public,
            "load_key": LOAD.public,
            "machine": HashedMachine("LAB-07", "Windows 11 Pro", "physical", HASHES),
            "dongle": None,
            "replaces_seat": None,
            "choose_seat": False,
            "last_serial": 0,
            "trusts": (),
            "client": "keyferry 1.0.0",
            **changes,
        }
    )
    return seal(REQUEST, body.to_bytes(), [DEVICE, activation_key("0" * 30, NUMBER)])


def a_response(seat: int = 3, number: str = NUMBER) -> bytes:
    """A response file as far as the page reads it."""
    body = {"license": {"number": number, "product": "Example Modeler"}, "seat": seat}
    payload = b64encode(json.dumps(body).encode()).decode()
    type_ = "application/vnd.keyferry.response.v1+json"
    return json.dumps({"payloadType": type_, "payload": payload, "signatures": []}).encode()


def a_zip_of_responses() -> bytes:
    """Renewals of two licenses."""
    buffer = BytesIO()
    seats = [(NUMBER, seat) for seat in (1, 2, 3, 10)] + [("015120020094", 1)]
    with ZipFile(buffer, "w") as archive:
        for number, seat in seats:
            archive.writestr(f"{number}-{seat}.response", a_response(seat, number))
    return buffer.getvalue()


def ready(**changes: Any) -> dict[str, Any]:
    """A ticket with its response."""
    response = {
        "filename": f"{STEM}.response",
        "bytes": len(SIGNED),
        "sha256": sha256(SIGNED).hexdigest(),
        "download_url": f"{UPLOADS}/{STEM}.response",
        "expires_at": "2026-11-24T09:51:00Z",
        "seat": 1,
        "machine_name": "LAB-07",
        "product": "Example Modeler",
        "edition": "Professional",
        "valid_until": "2027-11-30T23:59:59Z",
        "previous_valid_until": None,
        "link_expires_at": None,
        "text": None,
    }
    return {
        "state": "ready",
        "kind": "activate",
        "license_number": NUMBER,
        "email": "none",
        **{name: value for name, value in changes.items() if name not in response},
        "response": response | {name: value for name, value in changes.items() if name in response},
    }


def text(text_form: bytes) -> dict[str, Any]:
    """What a ready ticket tells those who can carry no file back."""
    codes = range(1, len(to_codes(text_form)) + 1)
    return {
        "lines": to_lines(text_form) if text_form == TEXT_FORM else None,
        "codes": [f"/api/requests/{TICKET}/codes/{number}" for number in codes],
    }


def nothing_to_install(**changes: Any) -> dict[str, Any]:
    """A ticket whose seat is free, and whose application would reject a receipt."""
    file = ("filename", "bytes", "sha256", "download_url", "expires_at")
    return ready(kind="deactivate", **dict.fromkeys(file), **changes)


def refused(code: str, title: str, detail: str, **facts: Any) -> dict[str, Any]:
    """A refused ticket."""
    email = facts.pop("email", "none")
    refusal = {"code": code, "title": title, "detail": detail, **facts}
    return {"state": "refused", "kind": None, "license_number": None, "email": email} | {
        "refusal": refusal
    }


PROCESSING = {"state": "processing", "kind": None, "license_number": None, "email": "none"}


Answer = Callable[[Route], None]


class FakeService:
    """Answers polls from a list, repeating the last answer, and records every call.

    `between` answers a call in place of the service, `between_storage` in place of the storage.
    """

    def __init__(self, page: Page, *polls: Any) -> None:
        self.polls = list(polls)
        self.calls: list[tuple[str, str, Any]] = []
        self.open_answer: Any = 201
        self.upload_answer: Any = 201
        self.between: Answer | None = None
        self.between_storage: Answer | None = None
        page.route("**/api/**", self._api)
        page.route(f"{UPLOADS}/**", self._store)

    def calls_by(self, method: str) -> list[tuple[str, str, Any]]:
        return [call for call in self.calls if call[0] == method]

    def _api(self, route: Route) -> None:
        request = route.request
        path = request.url.split("/api/")[1]
        is_file = path.endswith("/file")
        sent = request.post_data_buffer if is_file else request.post_data_json
        self.calls.append((request.method, path, sent))
        if self.between is not None:
            self.between(route)
        elif "/codes/" in path:
            number = int(path.rpartition("/")[2])
            is_typed = self.polls[-1]["response"]["text"]["lines"]
            svg = code_svg(to_codes(TEXT_FORM if is_typed else LONG_TEXT_FORM)[number - 1])
            route.fulfill(status=200, content_type="image/svg+xml", body=svg)
        elif is_file and request.method == "PUT":
            route.fulfill(status=202, json={"state": "processing"})
        elif is_file:
            route.fulfill(status=200, content_type="application/octet-stream", body=SIGNED)
        elif request.method == "POST" and path.endswith(("/mail", "/seat")):
            route.fulfill(status=202, json={})
        elif request.method == "POST":
            upload = {"url": f"{UPLOADS}/", "fields": {"key": f"requests/{TICKET}"}}
            ticket = {
                "id": TICKET,
                "upload": upload,
                "status_url": f"/api/requests/{TICKET}",
                "expires_at": "2026-12-01T09:47:00Z",
            }
            _fulfill(route, self.open_answer, ticket)
        else:
            poll = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
            _fulfill(route, 200 if isinstance(poll, dict) else poll, poll)

    def _store(self, route: Route) -> None:
        allow = {"Access-Control-Allow-Origin": "*"}
        if self.between_storage is not None:
            self.calls.append(("STORAGE", route.request.url, None))
            return self.between_storage(route)
        if route.request.method == "POST":
            self.calls.append(("UPLOAD", route.request.url, route.request.post_data_buffer))
            queue = self.upload_answer
            answer = queue.pop(0) if isinstance(queue, list) else queue
            if answer == "lost":
                return route.abort("connectionfailed")
            return route.fulfill(status=answer, headers=allow, body=STORAGE_SAYS.get(answer, ""))
        self.calls.append(("SAVE", route.request.url, None))
        name = f'attachment; filename="{STEM}.response"'
        headers = allow | {"Content-Disposition": name}
        return route.fulfill(status=200, headers=headers, body=SIGNED)


def _fulfill(route: Route, status: Any, document: Any) -> None:
    if isinstance(status, tuple):
        status, document = status
    if status == "lost":
        return route.abort("connectionfailed")
    if status >= 400:
        document = document if isinstance(document, dict) and "code" in document else {}
    kind = "application/problem+json" if "code" in document else "application/json"
    headers = {"Content-Type": kind, "Retry-After": "1"}
    if "retry_after" in document:
        headers["Retry-After"] = str(document["retry_after"])
    return route.fulfill(status=status, headers=headers, body=json.dumps(document))


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve_site() -> Iterator[str]:
    """The page on a free port, under the policy it is deployed with."""
    with TemporaryDirectory() as folder:
        for name, content in site_files(SITE).items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        server.server_close()
