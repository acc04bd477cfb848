"""Prints one line for each request that the stack has answered."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime

from local.edge import Edge

PATIENCE_S = 60.0


class Journal:
    """Follows tickets as a page would, through the API, until they are answered and mailed."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._open: dict[str, float] = {}
        self._new = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def follow(self, ticket: str) -> None:
        self._open[ticket] = time.monotonic()
        self._new.set()

    def _run(self) -> None:
        answered: dict[str, float] = {}
        while True:
            if not self._open:
                self._new.wait()
            self._new.clear()
            for ticket, since in list(self._open.items()):
                now = time.monotonic()
                found = self._edge.answer("GET", f"/api/requests/{ticket}", {}, b"", "127.0.0.1:0")
                seen = json.loads(found.body) if found.status == 200 else {"state": "unknown"}
                is_over = seen["state"] in ("ready", "refused")
                if is_over:
                    answered.setdefault(ticket, now)
                if (is_over and seen.get("email") != "pending") or now - since > PATIENCE_S:
                    del self._open[ticket]
                    if is_over:
                        print(_line(seen, answered.pop(ticket) - since), flush=True)
            time.sleep(0.1)


def _line(seen: dict[str, object], took_s: float) -> str:
    refusal = seen.get("refusal")
    outcome = f"refused {refusal['code']}" if isinstance(refusal, dict) else str(seen["state"])
    mail = "no mail" if seen["email"] == "none" else f"mail {seen['email']}"
    what = f"{seen['kind'] or '-'}  {seen['license_number'] or '-'}"
    return f"{datetime.now():%H:%M:%S}  {what}  {outcome}  {took_s * 1000:.0f} ms  {mail}"
