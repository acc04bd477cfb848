"""Finds in the functions' logs what went wrong, for the journal."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.cloud import Cloud
from local.deploy import STACK

LOGS = f"/aws/lambda/{STACK}-"
ENDED = ("Traceback (most recent call last)", "Task timed out")  # what Lambda itself writes
WRITTEN_WITHIN_MS = 1000  # what was logged earlier than this is all there


@dataclass(frozen=True)
class Failure:
    """What a function failed in. AWS's own text is left out, as it may name an address."""

    at_ms: int
    function: str
    code: str  # such as "AccessDeniedException in Sign"
    ticket: str | None  # the beginning of its id


class Failures:
    """Reads each log once, a second late."""

    def __init__(self, cloud: Cloud) -> None:
        self._logs, self._since_ms = cloud.client("logs"), _now_ms()
        groups = self._logs.describe_log_groups(logGroupNamePrefix=LOGS)["logGroups"]
        self._names = [group["logGroupName"] for group in groups]

    def new(self) -> Iterator[Failure]:
        """What went wrong since the last call."""
        since_ms, self._since_ms = self._since_ms, _now_ms() - WRITTEN_WITHIN_MS
        for name in self._names:
            reply = self._logs.filter_log_events(
                logGroupName=name,
                startTime=since_ms,
                endTime=self._since_ms - 1,
            )
            for event in reply["events"]:
                line = read(event["message"])
                if line is not None:
                    function = name.removeprefix(LOGS)
                    yield Failure(event["timestamp"], function, *line)


def read(message: str) -> tuple[str, str | None] | None:
    """The code and the ticket in a line of a log; None where it tells of nothing that failed."""
    line = _logged_error(message)
    if line is None:
        is_end = any(message.startswith(sign) for sign in ENDED)
        return (message.partition(" (")[0], None) if is_end else None
    error = str(line.get("exception", "")).rpartition("\n")[2]
    if aws := re.search(r"An error occurred \((\w+)\) when calling the (\w+) operation", error):
        code = f"{aws[1]} in {aws[2]}"
    elif ours := re.fullmatch(r"keyferry_service\.(?:\w+\.)*(.+)", error):
        code = ours[1]
    else:
        code = str(line.get("exception_name") or line.get("message", "an error without a message"))
    return code, line.get("ticket")


def _logged_error(message: str) -> dict[str, Any] | None:
    """The document of an error that a function logged; None for what others wrote."""
    if '"level":"ERROR"' not in message:
        return None
    try:
        line = json.loads(message)
    except ValueError:  # such as a line that was cut, or one that quotes another
        return None
    return line if isinstance(line, dict) and line.get("level") == "ERROR" else None


def _now_ms() -> int:
    return int(time.time() * 1000)
