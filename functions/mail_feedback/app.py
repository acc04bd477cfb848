"""Takes in which mails came back or were complained of (SES -> SNS -> SQS -> here)."""

import asyncio
import os
import time
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

from keyferry_service.adapters.feedback_ses import Feedback, feedback_in
from keyferry_service.adapters.retries import ConditionFailed, TransactionConflict
from keyferry_service.adapters.suppressions_dynamodb import Suppressions
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.adapters.uploads_s3 import StrayMessage

CONFIGURATION_SET = os.environ["MAIL_CONFIGURATION_SET"]
config = Config(
    connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
dynamodb = boto3.client("dynamodb", config=config)
tickets = Tickets(dynamodb, os.environ["TICKETS_TABLE"])
suppressions = Suppressions(dynamodb, os.environ["TICKETS_TABLE"])
logger = Logger()
metrics = Metrics()
processor = AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def record_feedback(feedback: Feedback) -> None:
    """Show it on the ticket, then send that address no more. A repeated notice changes nothing."""
    if not feedback.is_final:
        logger.info("mail delayed", reason=feedback.reason, detail=feedback.detail)
        return metrics.add_metric("MailsDelayed", MetricUnit.Count, 1)
    now = int(time.time())
    sent = tickets.get_sent(feedback.mail_id, now)
    if sent is None:
        return drop("The mail is not known, or was told of before.")
    logger.thread_safe_append_keys(ticket=sent.ticket_id[:8])
    tickets.mark_bounced(sent.ticket_id, feedback.mail_id)
    try:
        suppressions.add(feedback, sent, now)
    except TransactionConflict:
        raise
    except ConditionFailed:
        return drop("The same notice was taken in at this moment.")
    logger.info("address suppressed", reason=feedback.reason, detail=feedback.detail)
    metrics.add_metric("AddressesSuppressed", MetricUnit.Count, 1)


def drop(reason: str) -> None:
    """Leave a message for good: brought again it would come to no more."""
    logger.warning("dropped", reason=reason)
    metrics.add_metric("MessagesDropped", MetricUnit.Count, 1)


async def take_in_record(record: SQSRecord) -> None:
    """Take in the notice of one message; what fails is told once and brought again."""
    try:
        account = record.event_source_arn.split(":")[4]  # the queue's, so ours
        feedback = feedback_in(record.body, account, CONFIGURATION_SET)
        if feedback is not None:
            await asyncio.to_thread(record_feedback, feedback)
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
    return async_process_partial_response(event, take_in_record, processor, context)
