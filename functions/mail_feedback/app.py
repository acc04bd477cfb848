"""Records which emails came back or were complained of (SES -> SNS -> SQS -> here)."""

import os
import time
from collections.abc import Iterator

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.feedback_ses import parse_feedback
from keyferry_service.adapters.suppressions_dynamodb import Suppressions
from keyferry_service.use_cases.record_feedback import RecordFeedback
from keyferry_service.worker import Job, batch_handler

TICKETS_TABLE = os.environ["TICKETS_TABLE"]
CONFIGURATION_SET = os.environ["MAIL_CONFIGURATION_SET"]
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
record_feedback = RecordFeedback(
    Emails(dynamodb, TICKETS_TABLE), Suppressions(dynamodb, TICKETS_TABLE), time
)


def jobs_in(record: SQSRecord) -> Iterator[Job]:
    """The notice that a message is; none in the greeting that SES sends once."""
    account = record.event_source_arn.split(":")[4]  # the queue's, so ours
    feedback = parse_feedback(record.body, account, CONFIGURATION_SET)
    if feedback is not None:
        yield Job(lambda _: record_feedback.record(feedback))


lambda_handler = CallDeadline(dynamodb).kept_by(batch_handler(jobs_in))
