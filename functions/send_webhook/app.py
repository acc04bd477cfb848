"""Sends each event to the vendor's server, signed (bus -> rule -> SQS -> here)."""

import os
import time
from collections.abc import Iterator

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.adapters.queue_sqs import retry_in
from keyferry_service.adapters.webhook_https import Webhook, WebhookFailed
from keyferry_service.adapters.webhook_secretsmanager import WebhookSecrets
from keyferry_service.domain.webhook import UnusableSecret, wait_s
from keyferry_service.use_cases.outcome import WebhookSent
from keyferry_service.use_cases.send_webhook import SendWebhook
from keyferry_service.worker import Job, batch_handler

sqs = boto3.client("sqs", config=CLIENT_CONFIG)
secretsmanager = boto3.client("secretsmanager", config=CLIENT_CONFIG)
send_webhook = SendWebhook(
    Webhook(os.environ["WEBHOOK_URL"]),
    WebhookSecrets(secretsmanager, os.environ["WEBHOOK_SECRET"]),
    time,
)


def send(record: SQSRecord) -> WebhookSent:
    """Send the event of a message; one that fails comes again after a wait that grows."""
    try:
        return send_webhook.send(record.body)
    except (WebhookFailed, UnusableSecret):
        tries = int(record.attributes.approximate_receive_count)
        retry_in(sqs, record, wait_s(tries))
        raise


def jobs_in(record: SQSRecord) -> Iterator[Job]:
    """A message is one event."""
    yield Job(lambda _: send(record))


lambda_handler = CallDeadline(sqs, secretsmanager).kept_by(batch_handler(jobs_in))
