"""Emails the link to each response, or the refusal, to those who gave an address."""

import os
import secrets
import time
from collections.abc import Iterator
from functools import partial

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.queue_sqs import mail_requests_in
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.use_cases.send_email import SendEmail
from keyferry_service.views.refusal_text import Vendor
from keyferry_service.worker import Job, batch_handler

OUT_BUCKET = os.environ["OUT_BUCKET"]
SENDER = os.environ["MAIL_FROM"]
TICKETS_TABLE = os.environ["TICKETS_TABLE"]
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
ses = boto3.client("sesv2", config=CLIENT_CONFIG)
send_email = SendEmail(
    tickets=Tickets(dynamodb, TICKETS_TABLE),
    emails=Emails(dynamodb, TICKETS_TABLE),
    mailer=Mailer(ses, SENDER, os.environ["MAIL_CONFIGURATION_SET"]),
    sender=SENDER,
    page_origin=os.environ["PAGE_ORIGIN"],
    vendor=Vendor(os.environ["VENDOR_NAME"], os.environ["SUPPORT_CONTACT"]),
    clock=time,
    secrets=secrets,
)


def jobs_in(record: SQSRecord) -> Iterator[Job]:
    """The emails that a message asks for."""
    for request in mail_requests_in(record.body, OUT_BUCKET):
        yield Job(partial(send_email.send, request, record.message_id), request.ticket_id)


lambda_handler = CallDeadline(dynamodb, ses).kept_by(batch_handler(jobs_in))
