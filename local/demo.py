"""`make demo`: the whole journey with no hand on it, against a stack of its own on free ports."""

import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import keyferry
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.keys import KeySet
from local.client import RECORDED
from local.cloud import CannotStart
from local.stack import ROOT, Running, running

FOLDER = ROOT / ".local" / "demo"
EMAIL = "ada@example.com"
PATIENCE_S = 60
T = TypeVar("T")


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="keyferry-demo-") as folder:
        try:
            with running(Path(folder), 0) as stack:
                journey(stack, Path(folder) / "offline")
        except (CannotStart, keyferry.KeyferryError, OSError, AssertionError) as error:
            print(f"FAIL  {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(f"All of it holds. The files: {FOLDER.relative_to(ROOT)}/")
    return 0


def journey(stack: Running, offline: Path) -> None:
    """Carry a request out and a response back, as customer and page do it."""
    tell(stack.took_s, f"The stack is up: {stack.page}/")
    for name in ("keys.json", "license.json"):
        shutil.copy(stack.run / name, FOLDER)
    license = json.loads((FOLDER / "license.json").read_bytes())
    keys = KeySet.from_json((FOLDER / "keys.json").read_bytes())
    place: dict[str, Any] = {
        "product": license["product"],
        "machine": RECORDED,
        "state_dir": offline,
    }

    request = step(
        "The offline computer makes a request",
        lambda: keyferry.make_request(
            license["number"], license["activation_code"], keys=keys, **place
        ),
    )
    stem = keyferry.parse_request(request).file_stem
    (FOLDER / f"{stem}.request").write_bytes(request)

    ticket = step(
        "The page opens a ticket",
        lambda: call(f"{stack.page}/api/requests", {"email": EMAIL, "language": "en"}),
    )
    step("and uploads the file", lambda: upload(ticket["upload"], request))
    ready = step("The service answers", lambda: wait(lambda: settled(stack.page, ticket)))
    assert ready["state"] == "ready", ready
    response = step(
        "The page downloads the response", lambda: fetch(ready["response"]["download_url"])
    )
    (FOLDER / ready["response"]["filename"]).write_bytes(response)

    mail = step("The e-mail arrives", lambda: wait(lambda: first_mail(stack.page)))
    (FOLDER / f"{stem}.eml").write_text(mail["source"])
    link = re.search(r"http://\S+/api/responses/\S+", mail["text"])
    assert link, mail["text"]
    linked = step("and its link gives the same response", lambda: fetch(link[0]))
    assert body(linked) == body(response), "The e-mail's response is another one."

    step(
        "The offline computer installs it",
        lambda: keyferry.install_response(response, keys, **place),
    )
    loaded = step("The application loads its license", lambda: keyferry.load(keys=keys, **place))
    result = step("and checks it", loaded.check)
    assert result.ok, result


def step(title: str, do: Callable[[], T]) -> T:
    began = time.monotonic()
    done = do()
    tell(time.monotonic() - began, title)
    return done


def tell(took_s: float, title: str) -> None:
    print(f"{took_s * 1000:6.0f} ms  {title}", flush=True)


def fetch(url: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
    headers = {"Content-Type": kind} if data is not None else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return bytes(answer.read())


def call(url: str, document: object = None) -> dict[str, Any]:
    data = None if document is None else json.dumps(document).encode()
    found: dict[str, Any] = json.loads(fetch(url, data))
    return found


def upload(post: dict[str, Any], content: bytes) -> None:
    """Send the presigned form as a browser does; the file comes last."""
    boundary = os.urandom(16).hex()
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    lines = [f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items()]
    lines.append(f'{part}"file"; filename="x.request"\r\n\r\n')
    form = "".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    fetch(post["url"], form, f"multipart/form-data; boundary={boundary}")


def settled(page: str, ticket: dict[str, Any]) -> dict[str, Any] | None:
    seen = call(page + ticket["status_url"])
    return seen if seen["state"] in ("ready", "refused") else None


def first_mail(page: str) -> dict[str, Any] | None:
    mails = json.loads(fetch(f"{page}/inbox/messages"))
    return mails[0] if mails else None


def wait(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"Nothing came in {PATIENCE_S} s.")


def body(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


if __name__ == "__main__":
    sys.exit(main())
