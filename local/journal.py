"""Prints one line for each request that the stack has answered, and for each failure."""

import json
import threading
import time
from contextlib import suppress
from email.message import Message
from http.client import HTTPException
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.edge import Edge
from local.failures import Failure, Failures

PATIENCE_S = 60
READS_LOGS_EACH_S = 2


class Journal:
    """Polls tickets through the API, as the page does, until they are answered and mailed.

    What a function failed in is in its log alone.
    """

    def __init__(self, edge: Edge, failures: Failures) -> None:
        self._edge, self._failures = edge, failures
        self._open: dict[str, float] = {}
        self._took_ms: dict[str, float] = {}
        for run in (self._run, self._tell_failures):
            threading.Thread(target=run, daemon=True).start()

    def follow(self, ticket: str) -> None:
        self._open[ticket] = time.monotonic()

    def _run(self) -> None:
        while True:
            for ticket in list(self._open):
                with suppress(OSError, HTTPException, BotoCoreError):  # the stack may be stopping
                    self._look(ticket)
            time.sleep(0.1)

    def _tell_failures(self) -> None:
        while True:
            time.sleep(READS_LOGS_EACH_S)
            with suppress(BotoCoreError, ClientError):  # the stack may be stopping
                for failure in self._failures.new():
                    print(_failure_line(failure), flush=True)

    def _look(self, ticket: str) -> None:
        path, waited_s = f"/api/requests/{ticket}", time.monotonic() - self._open[ticket]
        reply = self._edge.answer("GET", path, Message(), b"", "127.0.0.1:0")
        status = json.loads(reply.body) if reply.status == 200 else {"state": "gone"}
        if status["state"] in ("ready", "refused"):
            took_ms = self._took_ms.setdefault(ticket, waited_s * 1000)
            if status["email"] == "pending" and waited_s < PATIENCE_S:
                return
            print(_line(status, took_ms), flush=True)
        elif waited_s < PATIENCE_S:
            return
        del self._open[ticket]


def _failure_line(failure: Failure) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(failure.at_ms / 1000))
    ticket = f"  ticket {failure.ticket}" if failure.ticket else ""
    return f"{at}  failed  {failure.function}  {failure.code}{ticket}"


def _line(status: dict[str, Any], took_ms: float) -> str:
    outcome = f"refused {status['refusal']['code']}" if "refusal" in status else status["state"]
    mail = "no mail" if status["email"] == "none" else f"mail {status['email']}"
    what = f"{status['kind'] or '-'}  {status['license_number'] or '-'}"
    return f"{time.strftime('%H:%M:%S')}  {what}  {outcome}  {took_ms:.0f} ms  {mail}"
