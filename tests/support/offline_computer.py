"""The computer that never sees a network, with a license of its own that the vendor just made."""

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload

import keyferry
from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import new_activation_code, show_license_number
from keyferry_protocol.keys import KeySet
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.journeys import a_machine, client
from tests.support.running_stack import RunningStack


class OfflineComputer:
    def __init__(self, stack: RunningStack, folder: Path) -> None:
        table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
        self.product = stack.license["product"]
        now = int(time.time())
        created = licenses.create(table, self.product, now, valid_until=now + 10**7)
        self.number, self.code = created.license.number, created.activation_code
        self.shown_number = show_license_number(self.number)
        self.keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self.folder = folder

    def place(self, machine: int = 7) -> dict[str, Any]:
        folder = self.folder / str(machine)
        return {"product": self.product, "machine": a_machine(machine), "state_dir": folder}

    def request(self, machine: int = 7, code: str | None = None, **more: Any) -> FilePayload:
        """The request file, as a person chooses it on the page."""
        if more.get("kind", "activate") == "activate":
            more["activation_code"] = code or self.code
        data = keyferry.make_request(self.number, keys=self.keys, **self.place(machine), **more)
        stem = keyferry.parse_request(data).file_stem
        return {"name": f"{stem}.request", "mimeType": "application/octet-stream", "buffer": data}

    def request_with_wrong_code(self) -> FilePayload:
        return self.request(code=new_activation_code(self.number))

    def install(self, response: bytes, machine: int = 7) -> None:
        keyferry.install_response(response, self.keys, **self.place(machine))

    def check(self, machine: int = 7) -> keyferry.Result:
        return keyferry.load(keys=self.keys, **self.place(machine)).check()
