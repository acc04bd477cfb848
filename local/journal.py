"""Prints one line for each request that the stack has answered."""

import json
import threading
import time
from email.message import Message
from typing import Any

from local.edge import Edge

PATIENCE_S = 60


class Journal:
    """Follows tickets through the API, as a page does, until they are answered and mailed."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._open: dict[str, float] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def follow(self, ticket: str) -> None:
        self._open[ticket] = time.monotonic()

    def _run(self) -> None:
        took_ms: dict[str, float] = {}
        while True:
            for ticket, since in list(self._open.items()):
                found = self._edge.answer(
                    "GET", f"/api/requests/{ticket}", Message(), b"", "127.0.0.1:0"
                )
                seen = json.loads(found.body) if found.status == 200 else {"state": "gone"}
                waited_s = time.monotonic() - since
                if seen["state"] in ("ready", "refused"):
                    took_ms.setdefault(ticket, waited_s * 1000)
                    if seen["email"] != "pending" or waited_s > PATIENCE_S:
                        print(_line(seen, took_ms[ticket]), flush=True)
                        del self._open[ticket]
                elif waited_s > PATIENCE_S:
                    del self._open[ticket]
            time.sleep(0.1)


def _line(seen: dict[str, Any], took_ms: float) -> str:
    outcome = f"refused {seen['refusal']['code']}" if "refusal" in seen else seen["state"]
    mail = "no mail" if seen["email"] == "none" else f"mail {seen['email']}"
    what = f"{seen['kind'] or '-'}  {seen['license_number'] or '-'}"
    return f"{time.strftime('%H:%M:%S')}  {what}  {outcome}  {took_ms:.0f} ms  {mail}"
