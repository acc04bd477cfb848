"""What the functions ask of their queues beyond what Lambda does by itself."""

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyferry_service.adapters.uploads_s3 import RESPONSES, uploads_in
from keyferry_service.domain.ticket import TICKET_ID

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from mypy_boto3_sqs import SQSClient

SOON_S = (1, 5)


@dataclass(frozen=True, slots=True)
class MailRequest:
    """A mail that is to be sent of a ticket's answer; `to` another address than the ticket's."""

    ticket_id: str
    to: str | None = None


def retry_soon(sqs: "SQSClient", record: "SQSRecord") -> None:
    """Let the queue bring a message in seconds, not after its whole visibility timeout."""
    account, name = record.event_source_arn.split(":")[4:]
    sqs.change_message_visibility(
        QueueUrl=f"{sqs.meta.endpoint_url}/{account}/{name}",
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=random.randint(*SOON_S),
    )


def request_resign(sqs: "SQSClient", queue_url: str, ticket_id: str) -> None:
    """Have process_request sign anew what the ledger has for an answered ticket."""
    message = json.dumps({"sign": {"ticket": ticket_id}})
    sqs.send_message(QueueUrl=queue_url, MessageBody=message)


def parse_resign(message: str) -> str | None:
    """The ticket that `request_resign` asked for; None for any other message."""
    try:
        match json.loads(message):
            case {"sign": {"ticket": str(ticket_id)}}:
                return ticket_id if re.fullmatch(TICKET_ID, ticket_id) else None
    except (ValueError, RecursionError):
        pass
    return None


def request_mail(sqs: "SQSClient", queue_url: str, asked: MailRequest) -> None:
    """Have send_response mail an answer once more."""
    message = json.dumps({"mail": {"ticket": asked.ticket_id, "to": asked.to}})
    sqs.send_message(QueueUrl=queue_url, MessageBody=message)


def parse_mail_request(message: str) -> MailRequest | None:
    """What `request_mail` asked for; None for any other message."""
    try:
        match json.loads(message):
            case {"mail": {"ticket": str(ticket_id), "to": str(to)}}:
                return MailRequest(ticket_id, to) if re.fullmatch(TICKET_ID, ticket_id) else None
    except (ValueError, RecursionError):
        pass
    return None


def mail_requests_in(message: str, bucket: str) -> list[MailRequest]:
    """The e-mails that a message asks for: of new answers in the bucket, or one more of an old one.

    Raises StrayMessage.
    """
    request = parse_mail_request(message)
    if request is not None:
        return [request]
    return [MailRequest(upload.ticket_id) for upload in uploads_in(message, bucket, RESPONSES)]
