"""The batch loop: which messages come again, what is logged of each, what is counted."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyferry_service.adapters.files_s3 import FileGone
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.use_cases.outcome import Answered, Dropped, EmailSent, Outcome
from keyferry_service.worker import Job, batch_handler
from tests.support.world import Context, an_event

TICKET = "t" * 43


class Broken(Exception):
    """Something that nobody expected."""


def raising(error: Exception) -> Callable[..., Any]:
    def run(_: Any) -> Outcome:
        raise error

    return run


JOBS: dict[str, Callable[..., Outcome | None]] = {
    "answered": lambda _: Answered("x.response", 3),
    "sent": lambda _: EmailSent(),
    "nothing": lambda _: None,
    "dropped": lambda _: Dropped("The ticket has ended."),
    "gone": raising(FileGone("The object is gone.")),
    "busy": raising(OutOfTime("Too late.")),
    "broken": raising(Broken("out of order")),
}


def jobs_in(record: SQSRecord) -> Iterator[Job]:
    for name in record.body.split():
        if name == "stray":
            raise StrayMessage("The message is not JSON.")
        yield Job(JOBS[name], TICKET)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "worker")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Keyferry")
    stream = StringIO()
    logger = Logger()
    logger.registered_handler.setStream(stream)
    return stream


def handle(*bodies: str, **options: Any) -> list[str]:
    """Have one batch of messages handled; the bodies of those that come again."""
    (record,) = an_event("process_request")["Records"]
    records = [record | {"body": body, "messageId": body} for body in bodies]
    reply = batch_handler(jobs_in, **options)({"Records": records}, Context())  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]


def lines(log: StringIO) -> list[tuple[str, str]]:
    """Level and message of each line, which all name the ticket where they can."""
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert all(TICKET not in json.dumps(line) for line in entries)
    return [(line["level"], line["message"]) for line in entries]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("answered", [("INFO", "answered")]),
        ("sent", [("INFO", "mail sent")]),
        ("nothing", []),
        ("dropped", [("WARNING", "dropped")]),
        ("gone", [("WARNING", "dropped")]),
        ("stray", [("WARNING", "dropped")]),
        ("sent sent", [("INFO", "mail sent")] * 2),
    ],
)
def test_a_message_that_is_done_with_never_comes_again(
    log: StringIO, body: str, expected: list[tuple[str, str]]
) -> None:
    assert handle(body) == []
    assert lines(log) == expected


def test_a_line_says_what_became_of_the_job_and_whose_it_is(log: StringIO) -> None:
    handle("answered")
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["file_name"], line["seat"], line["ticket"]) == ("x.response", 3, TICKET[:8])


def test_what_fails_comes_again_alone(log: StringIO) -> None:
    assert handle("sent", "broken", "answered") == ["broken"]
    assert ("ERROR", "failed") in lines(log)
    assert "out of order" in log.getvalue()


def test_out_of_time_is_a_failure_where_no_retry_is_asked_for(log: StringIO) -> None:
    assert handle("busy") == ["busy"]
    assert lines(log) == [("ERROR", "failed")]


def test_out_of_time_comes_again_soon_where_that_is_asked_for(log: StringIO) -> None:
    soon: list[str] = []
    assert handle("busy", retry_soon=lambda record: soon.append(record.body)) == ["busy"]
    assert soon == ["busy"]
    assert lines(log) == [("WARNING", "postponed")]


def test_each_outcome_is_counted(log: StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    handle("answered", "dropped", "broken")
    (metrics,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line
    ]
    counted = {name: sum(metrics[name]) for name in metrics if isinstance(metrics[name], list)}
    assert counted == {
        "Messages": 3,
        "RequestsAnswered": 1,
        "MessagesDropped": 1,
        "MessagesFailed": 1,
    }
    assert not Metrics().metric_set
