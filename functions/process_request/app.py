"""Answers every request file that arrives (S3 -> SQS -> here), in one transaction each."""

import asyncio
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from threading import Lock
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

from keyferry_protocol.keys import Signer
from keyferry_protocol.request import Request
from keyferry_service.adapters.files_s3 import FileGone, Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import parse_resign, retry_soon
from keyferry_service.adapters.retries import ConditionFailed, attempts
from keyferry_service.adapters.signers import seal_response, signers_of
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets, read_ticket
from keyferry_service.adapters.uploads_s3 import REQUESTS, StrayMessage, Upload, uploads_in
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.ledger import answer_of, read_answer, response_to
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.signing_keys import SigningKey
from keyferry_service.domain.ticket import (
    REFUSAL_FILE,
    Ticket,
    TicketState,
    answered_facts,
    refusal_row,
    refused_facts,
    seat_facts,
)
from keyferry_service.domain.verify_and_decide import read_request, verify_and_decide

IN_BUCKET = os.environ["IN_BUCKET"]
PEM_FOLDER = os.environ.get("PEM_FOLDER", "")
config = Config(
    connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
dynamodb = boto3.client("dynamodb", config=config)
kms = boto3.client("kms", config=config)
sqs = boto3.client("sqs", config=config)
files = Files(boto3.client("s3", config=config), IN_BUCKET, os.environ["OUT_BUCKET"])
licenses = Licenses(dynamodb, os.environ["LICENSES_TABLE"])
signing_keys = SigningKeys(dynamodb, os.environ["LICENSES_TABLE"])
tickets = Tickets(dynamodb, os.environ["TICKETS_TABLE"])
logger = Logger()
metrics = Metrics()
processor = AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
locks: defaultdict[str, Lock] = defaultdict(Lock)  # by license number


class AnswerLost(Exception):
    """An answered ticket whose line of the ledger is gone, as after a restored table."""


def answer(upload: Upload, context: LambdaContext) -> None:
    """Answer one request file. Killed anywhere and run again, it ends in the same BODY."""
    request = read_request(files.read(upload))
    if isinstance(request, Refusal):
        return try_until_done(context, lambda: refuse_unread(request, upload))
    with locks[request.license_number]:  # else the files of one license only disturb each other
        return try_until_done(context, lambda: settle(request, upload))


def try_until_done(context: LambdaContext, attempt: Callable[[], None]) -> None:
    """What was read may change before it is written: then read and decide again."""
    for _ in attempts(context):
        with suppress(ConditionFailed):
            return attempt()
    raise ConditionFailed("Out of time; the queue brings the request again.")


def settle(request: Request, upload: Upload) -> None:
    """Read all that the request names, decide, write all that follows, hand the answer out."""
    now = int(time.time())
    found, item = licenses.look_up(request, tickets.reading(upload.ticket_id))
    ticket = read_ticket(item, now)
    if ticket is None or ticket.is_settled:
        return finish(ticket, upload, found.answer)
    match verify_and_decide(request, found, signing_keys.current(time.monotonic()), now):
        case Refusal() as refusal:
            if refusal.lists_seats:
                refusal = refusal.with_seats(licenses.seats_in_use(request.license_number))
            facts = refused_facts(request, refusal)
            tickets.settle(upload, TicketState.REFUSED, facts, now)
            publish_refusal(upload, refusal)
        case LedgerEntry() as given:  # the same file on another ticket: the same answer
            facts = answered_facts(
                read_answer(given), request.machine.name, given.previous_valid_until
            )
            tickets.settle(upload, TicketState.PROCESSING, facts, now)
            publish_response(upload.ticket_id, facts["file_name"], given)
        case Grant() as grant:
            response = response_to(request, grant, now)
            facts = answered_facts(response, request.machine.name, grant.previous_valid_until)
            facts |= seat_facts(grant.license)
            given = answer_of(response, grant)
            settling = tickets.settling(upload, TicketState.PROCESSING, facts, now)
            licenses.claim(request, grant, given, settling)
            publish_response(upload.ticket_id, facts["file_name"], given)


def refuse_unread(refusal: Refusal, upload: Upload) -> None:
    """Refuse a file that is no request: there is nothing else to read or decide."""
    now = int(time.time())
    ticket = tickets.get(upload.ticket_id, now)
    if ticket is None or ticket.is_settled:
        return finish(ticket, upload, None)
    tickets.settle(upload, TicketState.REFUSED, refused_facts(None, refusal), now)
    publish_refusal(upload, refusal)


def finish(ticket: Ticket | None, upload: Upload, given: LedgerEntry | None) -> None:
    """Hand out again what a ticket was answered; another file on it changes nothing.

    Raises AnswerLost.
    """
    if ticket is None:
        drop("The ticket has ended.")
    elif ticket.version_id != upload.version_id:
        drop("Another file was answered on this ticket.")
    elif ticket.refusal is not None:
        publish_refusal(upload, ticket.refusal)
    elif given is not None:
        publish_response(upload.ticket_id, ticket.file_name, given)
    else:  # never silently: an alarm tells the vendor, and the file may go to another ticket
        raise AnswerLost("The ledger has lost what this ticket was answered.")


def sign_again(ticket_id: str) -> None:
    """Sign anew what the ledger has, for a ticket that the vendor opened on it."""
    ticket = tickets.get(ticket_id, int(time.time()))
    if ticket is None or ticket.license_number is None or ticket.request_sha256 is None:
        return drop("The ticket has ended.")
    signing_keys.as_of(time.monotonic())  # it may be why the vendor asks that a key is gone
    answers = list(licenses.answers(ticket.license_number, ticket.request_sha256))
    if not answers:
        return drop("The ledger has no such answer.")
    for given in answers:
        publish_response(ticket.id, ticket.file_name, given)


def publish_response(ticket_id: str, file_name: str, given: LedgerEntry) -> None:
    """Sign the recorded bytes and hand the file out. The ledger has them: this may be repeated."""
    signers = signers_for(signing_keys.current(time.monotonic()))
    files.publish(ticket_id, file_name, seal_response(given.body, signers))
    logger.info("answered", file_name=file_name, seat=given.seat)
    metrics.add_metric("RequestsAnswered", MetricUnit.Count, 1)


def publish_refusal(upload: Upload, refusal: Refusal) -> None:
    """Hand the refusal out; it is the mail's cause, the page reads the ticket."""
    body = json.dumps(refusal_row(refusal)).encode()
    files.publish(upload.ticket_id, REFUSAL_FILE, body)
    logger.info("refused", code=refusal.code)
    metrics.add_metric("RequestsRefused", MetricUnit.Count, 1)


def drop(reason: str) -> None:
    """Leave a message for good: brought again it would come to no more."""
    logger.warning("dropped", reason=reason)
    metrics.add_metric("MessagesDropped", MetricUnit.Count, 1)


@lru_cache(maxsize=1)
def signers_for(keys: tuple[SigningKey, ...]) -> tuple[Signer, ...]:
    """The signers of these keys; made once as long as the keys stay the same."""
    return signers_of(keys, kms, PEM_FOLDER)


async def answer_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Answer the files that one message tells of; what fails is told once and brought again."""
    try:
        ticket_id = parse_resign(record.body)
        if ticket_id is not None:
            logger.thread_safe_append_keys(ticket=ticket_id[:8])
            return await asyncio.to_thread(sign_again, ticket_id)
        for upload in uploads_in(record.body, IN_BUCKET, REQUESTS):
            logger.thread_safe_append_keys(ticket=upload.ticket)
            await asyncio.to_thread(answer, upload, lambda_context)
    except (StrayMessage, FileGone) as error:
        drop(str(error))
    except ConditionFailed:
        logger.warning("postponed", reason="The license was busy.")
        metrics.add_metric("MessagesPostponed", MetricUnit.Count, 1)
        retry_soon(sqs, record)
        raise
    except Exception:
        logger.exception("failed")
        metrics.add_metric("MessagesFailed", MetricUnit.Count, 1)
        raise


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
    locks.clear()
    return async_process_partial_response(event, answer_record, processor, context)
