"""AWS calls that each function makes, counted inside it on the running stack, and what they are."""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keyferry
from benchmarks.measure import Row
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.keys import KeySet
from local.demo.offline import RECORDED
from local.demo.page import call, fetch, first_mail, settled, upload, wait
from local.stack import BUILD, Running, running

FUNCTIONS = ("public_api", "process_request", "send_response")
NOBODYS = "999999999999"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name:
        folder = Path(name)
        build = counting_build(folder)
        with running(folder / "stack", 0, build) as stack:
            return Journey(stack, folder).rows()


def counting_build(folder: Path) -> Path:
    """The artifacts of `make build`, with the counting handler before each real one."""
    build = folder / "build"
    (build / "functions").mkdir(parents=True)
    (build / "shared").symlink_to(BUILD / "shared")
    for name in FUNCTIONS:
        code = shutil.copytree(BUILD / "functions" / name, build / "functions" / name)
        (code / "app.py").rename(code / "real_app.py")
        shutil.copy(Path(__file__).with_name("counted_app.py"), code / "app.py")
        (code / "count_into").write_text(str(_file(folder, name)))
        _file(folder, name).touch()
    return build


class Journey:
    """A customer's way through a stack whose functions tell their calls."""

    def __init__(self, stack: Running, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._license = json.loads((stack.run / "license.json").read_bytes())
        self._keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self._place: dict[str, Any] = {
            "product": self._license["product"],
            "machine": RECORDED,
            "state_dir": folder / "offline",
        }

    def rows(self) -> list[Row]:
        self._warm_up()
        ticket = self._open("ada@example.com")
        opened = self._calls("public_api")[-1]
        first = self._process(ticket, self._request(kind="activate"))
        ready = wait(lambda: settled(self._stack.page, ticket))
        response = fetch(ready["response"]["download_url"])
        keyferry.install_response(response, self._keys, **self._place)

        mail = wait(lambda: first_mail(self._stack.page))
        sent = wait(lambda: self._longest("send_response", "SESv2"))
        link = re.search(r"http://\S+/api/responses/\S+", mail["text"])
        assert link
        fetch(link[0])
        clicked = self._calls("public_api")[-1]

        again = self._process(self._open(None), self._request(kind="update"))
        return [
            _row("process a first activation", first, 5),
            _row("process where a seat row must be read", again, 6),
            _row("open a ticket", opened, 1),
            _row("send the e-mail", sent, 4),
            _row("click its link", clicked, 2),
        ]

    def _warm_up(self) -> None:
        """Once through every function, so that none reads the service's keys while it counts."""
        stray = keyferry.make_request(
            NOBODYS, new_activation_code(NOBODYS), keys=self._keys, **self._place
        )
        ticket = self._open(None)
        self._process(ticket, stray)
        wait(lambda: self._calls("send_response") or None)

    def _request(self, kind: str) -> bytes:
        code = self._license["activation_code"] if kind == "activate" else None
        return keyferry.make_request(
            self._license["number"], code, kind=kind, keys=self._keys, **self._place
        )

    def _open(self, email: str | None) -> dict[str, Any]:
        return call(f"{self._stack.page}/api/requests", {"email": email, "language": "en"})

    def _process(self, ticket: dict[str, Any], request: bytes) -> list[str]:
        before = len(self._calls("process_request"))
        upload(ticket["upload"], request)
        return wait(lambda: next(iter(self._calls("process_request")[before:]), None))

    def _longest(self, name: str, service: str) -> list[str] | None:
        """The invocation that called this service."""
        told = [calls for calls in self._calls(name) if any(service in c for c in calls)]
        return told[-1] if told else None

    def _calls(self, name: str) -> list[list[str]]:
        told = _file(self._folder, name).read_text()
        return [json.loads(line) for line in told.splitlines()]


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.calls"


def _row(name: str, calls: list[str], goal: int) -> Row:
    return Row(name, len(calls), "calls", goal, detail=", ".join(calls))
