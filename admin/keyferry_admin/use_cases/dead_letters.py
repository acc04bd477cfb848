"""Moves messages that failed ten times from the dead-letter queues back to their queues."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keyferry_admin.stack import Stack
from keyferry_protocol.request import Request
from keyferry_service.adapters.files_s3 import FileGone
from keyferry_service.adapters.queue_sqs import mail_requests_in, parse_decision, parse_resign
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.adapters.uploads_s3 import REQUESTS, uploads_in
from keyferry_service.domain.proof import read_request
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.domain.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message from a dead-letter queue. If its ticket is unknown, the rest is None."""

    queue: str
    ticket: str | None = None
    license_number: str | None = None  # from the file, if no ticket confirms it
    has_ended: bool = False  # too late: the customer must choose the file again


def redrive(stack: Stack, now: int) -> Iterator[DeadLetter]:
    """Move every dead letter back to its queue, and yield each one after it moved.

    It is safe to repeat: the same file gets the same response.
    """
    dead, queue = stack.output("RequestsDeadQueue"), stack.output("RequestsQueue")
    for message in _move_back(stack.sqs, dead, queue):
        yield _dead_request(stack, message, now)
    dead, queue = stack.output("ResponsesDeadQueue"), stack.output("ResponsesQueue")
    for message in _move_back(stack.sqs, dead, queue):
        yield _dead_email(stack, message, now)
    dead, queue = stack.output("FeedbackDeadQueue"), stack.output("FeedbackQueue")
    for _ in _move_back(stack.sqs, dead, queue):
        yield DeadLetter("feedback")
    if stack.has_output("WebhookDeadQueue"):
        dead, queue = stack.output("WebhookDeadQueue"), stack.output("WebhookQueue")
        for message in _move_back(stack.sqs, dead, queue):
            yield _dead_webhook(message)


def _move_back(sqs: "SQSClient", dead: str, queue: str) -> Iterator[str]:
    """Send each message again, then delete it, then yield its text."""
    while messages := sqs.receive_message(
        QueueUrl=dead,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        WaitTimeSeconds=1,  # long polling, so SQS queries all of its servers
    ).get("Messages"):
        for message in messages:
            sqs.send_message(
                QueueUrl=queue,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
            )
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
            yield message["Body"]


def _dead_request(stack: Stack, message: str, now: int) -> DeadLetter:
    if (ticket_id := parse_resign(message)) is not None:
        return _of_ticket(stack, "requests", ticket_id, now)
    if (chosen := parse_decision(message)) is not None:
        return _of_ticket(stack, "requests", chosen.ticket_id, now)
    with suppress(StrayMessage):
        for upload in uploads_in(message, stack.output("InBucket"), REQUESTS):
            dead_letter = _of_ticket(stack, "requests", upload.ticket_id, now)
            number = dead_letter.license_number or _number_in_file(stack, upload)
            return replace(dead_letter, license_number=number)
    return DeadLetter("requests")


def _dead_email(stack: Stack, message: str, now: int) -> DeadLetter:
    with suppress(StrayMessage):
        for request in mail_requests_in(message, stack.output("OutBucket")):
            return _of_ticket(stack, "responses", request.ticket_id, now)
    return DeadLetter("responses")


def _dead_webhook(message: str) -> DeadLetter:
    with suppress(ValueError, RecursionError):
        match json.loads(message):
            case {"subject": str(number)}:
                return DeadLetter("webhook", license_number=number)
    return DeadLetter("webhook")


def _of_ticket(stack: Stack, queue: str, ticket_id: str, now: int) -> DeadLetter:
    ticket = stack.tickets.get(ticket_id, now)
    number = ticket.license_number if ticket else None
    return DeadLetter(queue, ticket_prefix(ticket_id), number, has_ended=ticket is None)


def _number_in_file(stack: Stack, upload: Upload) -> str | None:
    with suppress(FileGone):
        request = read_request(stack.files.read(upload.ticket_id, upload.version_id))
        if isinstance(request, Request):
            return request.license_number
    return None
