"""Messages that the service sends to its own queues, and when a message comes again."""

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
    """A request to email a ticket's response or refusal; `to` replaces the ticket's address."""

    ticket_id: str
    to: str | None = None
    file_name: str | None = None  # whose arrival is the reason, where it is


@dataclass(frozen=True, slots=True)
class ChosenSeat:
    """The seat that was chosen on a ticket for the refused file that came on it."""

    ticket_id: str
    version_id: str
    seat: int
    count: int  # of the choice on its ticket


def retry_soon(sqs: "SQSClient", record: "SQSRecord") -> None:
    """Make a message visible again in seconds, not after its whole visibility timeout."""
    retry_in(sqs, record, random.randint(*SOON_S))


def retry_in(sqs: "SQSClient", record: "SQSRecord", seconds: int) -> None:
    """Make a message visible again after so many seconds, at most 12 hours."""
    account, name = record.event_source_arn.split(":")[4:]
    sqs.change_message_visibility(
        QueueUrl=f"{sqs.meta.endpoint_url}/{account}/{name}",
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=seconds,
    )


def request_resign(sqs: "SQSClient", queue_url: str, ticket_id: str) -> None:
    """Ask process_request to sign the ledger's entry for this ticket again."""
    message = json.dumps({"sign": {"ticket": ticket_id}})
    sqs.send_message(QueueUrl=queue_url, MessageBody=message)


def parse_resign(message: str) -> str | None:
    """The ticket of a message that `request_resign` sent; None for any other message."""
    match _json_in(message):
        case {"sign": {"ticket": str(ticket_id)}} if re.fullmatch(TICKET_ID, ticket_id):
            return ticket_id
    return None


def request_decision(sqs: "SQSClient", queue_url: str, chosen: ChosenSeat) -> None:
    """Ask process_request to decide a refused file anew, for the seat that was chosen."""
    choice = {
        "ticket": chosen.ticket_id,
        "version": chosen.version_id,
        "seat": chosen.seat,
        "count": chosen.count,
    }
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({"choice": choice}))


def parse_decision(message: str) -> ChosenSeat | None:
    """The choice in a message that `request_decision` sent; None for any other message."""
    match _json_in(message):
        case {
            "choice": {
                "ticket": str(ticket_id),
                "version": str(version_id),
                "seat": int(seat),
                "count": int(count),
            }
        } if re.fullmatch(TICKET_ID, ticket_id):
            return ChosenSeat(ticket_id, version_id, seat, count)
    return None


def request_mail(sqs: "SQSClient", queue_url: str, request: MailRequest) -> None:
    """Ask send_response to email a response once more."""
    message = json.dumps({"mail": {"ticket": request.ticket_id, "to": request.to}})
    sqs.send_message(QueueUrl=queue_url, MessageBody=message)


def parse_mail_request(message: str) -> MailRequest | None:
    """The request in a message that `request_mail` sent; None for any other message."""
    match _json_in(message):
        case {"mail": {"ticket": str(ticket_id), "to": str(to)}} if re.fullmatch(
            TICKET_ID, ticket_id
        ):
            return MailRequest(ticket_id, to)
    return None


def mail_requests_in(message: str, bucket: str) -> list[MailRequest]:
    """The emails that a message asks for: S3's notice of new files, or `request_mail`'s own.

    Raises StrayMessage.
    """
    request = parse_mail_request(message)
    if request is not None:
        return [request]
    return [
        MailRequest(upload.ticket_id, file_name=upload.key.rpartition("/")[2])
        for upload in uploads_in(message, bucket, RESPONSES)
    ]


def _json_in(message: str) -> object:
    """The JSON value in a message; None if there is none."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None
