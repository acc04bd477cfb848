"""What `make run` prints of a function that failed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.failures import read
from tests.stack.test_dead_letters import eventually, right_taken_away
from tests.support.journeys import open_ticket, upload
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack


def test_a_right_that_someone_took_is_named_with_function_code_and_ticket(
    stack: RunningStack, tmp_path: Path
) -> None:
    offline = OfflineComputer(stack, tmp_path)
    address = "journal@example.com"
    with right_taken_away(stack, "ProcessRequestFunction", "kms:Sign"):
        ticket = open_ticket(stack, address)
        upload(ticket, offline.request()["buffer"])
        line = (
            r"\d\d:\d\d:\d\d  failed  process-request  AccessDeniedException in Sign"
            rf"  ticket {re.escape(ticket['id'][:8])}\n"
        )
        eventually(lambda: re.search(line, stack.output.read_text()) is not None)
    printed = stack.output.read_text()
    assert ticket["id"] not in printed  # who knows it whole can fetch the response
    assert address not in printed


def a_line(exception: str, **more: str) -> str:
    line = {"level": "ERROR", "message": "failed", "exception": f"Traceback\n{exception}"} | more
    return json.dumps(line, separators=(",", ":"))


REFUSED = (
    "An error occurred (AccessDenied) when calling the SendEmail operation: not to a@example.org"
)


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        ("START RequestId: 5 Version: $LATEST", None),
        ('{"level":"INFO","message":"answered","ticket":"Xk3_9aBc"}', None),
        (
            a_line(f"ClientError: {REFUSED}", ticket="Xk3_9aBc"),
            ("AccessDenied in SendEmail", "Xk3_9aBc"),
        ),
        (
            a_line("keyferry_service.adapters.email_ses.MailRefused: SES: Throttling"),
            ("MailRefused: SES: Throttling", None),
        ),
        (a_line("KeyError: 'a@example.org'", exception_name="KeyError"), ("KeyError", None)),
        ("Task timed out after 20.00 seconds", ("Task timed out after 20.00 seconds", None)),
        ("Traceback (most recent call last):", ("Traceback", None)),
        (
            'Task timed out; the last line was {"level":"ERROR",',
            ('Task timed out; the last line was {"level":"ERROR",', None),
        ),
        ('{"level":"ERROR","message":"cut', None),
        ('[{"level":"ERROR"}]', None),
        ('{"level":"INFO","message":{"level":"ERROR"}}', None),
        ('{"level":"ERROR"}', ("an error without a message", None)),
        ('{"level":"ERROR","exception":{"type":"KeyError"},"message":"failed"}', ("failed", None)),
    ],
)
def test_a_line_of_a_log_tells_what_failed_and_names_nobody(message: str, failure: Any) -> None:
    assert read(message) == failure
