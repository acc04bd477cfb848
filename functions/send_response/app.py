"""Mails the link to each response, or the refusal, of those who gave an address."""

import asyncio
import os
import secrets
import time
from contextlib import suppress
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.queue_sqs import MailRequest, parse_mail_request
from keyferry_service.adapters.retries import TransactionConflict, attempts
from keyferry_service.adapters.tickets_dynamodb import MailWithheld, Tickets
from keyferry_service.adapters.uploads_s3 import RESPONSES, StrayMessage, uploads_in
from keyferry_service.domain.ticket import LIFE_S, Mail, Ticket
from keyferry_service.views.email import Letter, message_of, refusal_letter, response_letter
from keyferry_service.views.refusal_text import Vendor

OUT_BUCKET = os.environ["OUT_BUCKET"]
PAGE_ORIGIN = os.environ["PAGE_ORIGIN"]
SENDER = os.environ["MAIL_FROM"]
vendor = Vendor(os.environ["VENDOR_NAME"], os.environ["SUPPORT_CONTACT"])
config = Config(
    connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
tickets = Tickets(boto3.client("dynamodb", config=config), os.environ["TICKETS_TABLE"])
mailer = Mailer(boto3.client("sesv2", config=config), SENDER, os.environ["MAIL_CONFIGURATION_SET"])
logger = Logger()
metrics = Metrics()
processor = AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def send(asked: MailRequest, message_id: str, context: LambdaContext) -> None:
    """Mail one answer. Killed after the sending and run again, it is sent again."""
    now = int(time.time())
    ticket = tickets.get(asked.ticket_id, now)
    if ticket is None:
        return drop("The ticket has ended.")
    address = asked.to or ticket.email
    is_new = asked.to is not None or ticket.mail is Mail.PENDING
    if address is None or not is_new or not is_proven(ticket):
        return
    token = None if ticket.refusal else secrets.token_urlsafe(32)
    mail_id = secrets.token_hex(16)
    if not may_send(ticket, address, token, message_id, mail_id, now, context):
        tickets.mark_mail(ticket.id, Mail.WITHHELD)
        logger.info("mail withheld")
        return metrics.add_metric("MailsWithheld", MetricUnit.Count, 1)
    letter = write(ticket, token, now + LIFE_S)
    message = message_of(letter, SENDER, address, vendor, secrets.token_hex(16))
    mailer.send(address, message, mail_id)
    tickets.mark_sent(ticket.id, mail_id, None if token is None else now + LIFE_S)
    logger.info("mail sent")
    metrics.add_metric("MailsSent", MetricUnit.Count, 1)


def drop(reason: str) -> None:
    """Leave a message for good: brought again it would come to no more."""
    logger.warning("dropped", reason=reason)
    metrics.add_metric("MessagesDropped", MetricUnit.Count, 1)


def is_proven(ticket: Ticket) -> bool:
    """Whether its license may be named in a mail."""
    return ticket.license_number is not None


def may_send(
    ticket: Ticket,
    address: str,
    token: str | None,
    message_id: str,
    mail_id: str,
    now: int,
    context: LambdaContext,
) -> bool:
    """Count the mail and make its link, unless there were too many or nobody wants it."""
    for _ in attempts(context):
        with suppress(TransactionConflict):
            try:
                tickets.allow_mail(ticket, address, token, message_id, mail_id, now)
            except MailWithheld:
                return False
            return True
    raise TransactionConflict("Out of time; the queue brings the mail again.")


def write(ticket: Ticket, token: str | None, link_expires_at: int) -> Letter:
    if ticket.refusal is not None:
        return refusal_letter(ticket, ticket.refusal, vendor)
    link = f"{PAGE_ORIGIN}/api/responses/{token}"
    return response_letter(ticket, link, link_expires_at, vendor)


def asked_in(message: str) -> list[MailRequest]:
    """What a message asks for: a new answer's mail, or one more to another address."""
    asked = parse_mail_request(message)
    if asked is not None:
        return [asked]
    uploads = uploads_in(message, OUT_BUCKET, RESPONSES)
    return [MailRequest(upload.ticket_id) for upload in uploads]


async def send_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Send the mails that one message asks for; what fails is told once and brought again."""
    try:
        for asked in asked_in(record.body):
            logger.thread_safe_append_keys(ticket=asked.ticket_id[:8])
            await asyncio.to_thread(send, asked, record.message_id, lambda_context)
    except StrayMessage as error:
        drop(str(error))
    except Exception:
        logger.exception("failed")
        metrics.add_metric("MessagesFailed", MetricUnit.Count, 1)
        raise


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
    return async_process_partial_response(event, send_record, processor, context)
