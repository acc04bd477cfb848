"""`make demo`: the whole journey without a user, on its own stack with free ports."""

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import keyferry
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.keys import KeySet
from local.cloud import CannotStart
from local.demo.offline import RECORDED
from local.demo.page import call, fetch, finished_ticket, first_mail, upload, wait
from local.stack import ROOT, Running, running

FOLDER = ROOT / ".local" / "demo"
EMAIL = "ada@example.com"
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
    """Carry a request out and a response back, as a customer and the page do."""
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
    ready = step("The service answers", lambda: wait(lambda: finished_ticket(stack.page, ticket)))
    assert ready["state"] == "ready", ready
    response = step(
        "The page downloads the response", lambda: fetch(ready["response"]["download_url"])
    )
    (FOLDER / ready["response"]["filename"]).write_bytes(response)

    mail = step("The email arrives", lambda: wait(lambda: first_mail(stack.page)))
    (FOLDER / f"{stem}.eml").write_text(mail["source"])
    link = re.search(r"http://\S+/api/responses/\S+", mail["text"])
    assert link, mail["text"]
    linked = step("and its link gives the same response", lambda: fetch(link[0]))
    assert body(linked) == body(response), "The email's response is another one."

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


def body(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


if __name__ == "__main__":
    sys.exit(main())
