"""Answers every request file that arrives (S3 -> SQS -> here), in one transaction each."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.probe_lambda import parse_probe, reply_to_probe
from keyferry_service.adapters.queue_sqs import parse_decision, parse_resign, retry_soon
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.adapters.renewals_lambda import parse_renewals, reply_to_renewals
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.adapters.signers import Signers
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.adapters.uploads_s3 import REQUESTS, uploads_in
from keyferry_service.use_cases.answer_request import AnswerRequest
from keyferry_service.use_cases.publish_response import PublishResponse
from keyferry_service.use_cases.renew import Renew
from keyferry_service.use_cases.resign import Resign
from keyferry_service.worker import BATCH_SIZE, Job, batch_handler

IN_BUCKET = os.environ["IN_BUCKET"]
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
kms = boto3.client("kms", config=CLIENT_CONFIG)
sqs = boto3.client("sqs", config=CLIENT_CONFIG)
s3 = boto3.client("s3", config=CLIENT_CONFIG)
files = Files(s3, IN_BUCKET, os.environ["OUT_BUCKET"])
licenses = Licenses(dynamodb, os.environ["LICENSES_TABLE"])
decisions = Decisions(dynamodb, os.environ["LICENSES_TABLE"])
tickets = Tickets(dynamodb, os.environ["TICKETS_TABLE"])
refusals = Refusals(dynamodb, os.environ["TICKETS_TABLE"])
signing_keys = SigningKeys(dynamodb, os.environ["KEYS_TABLE"], os.environ["LICENSES_TABLE"])
signers = Signers(partial(KmsSigner, kms), Path(os.environ.get("PEM_FOLDER", "")))
responses = PublishResponse(files, signers)
pool = ThreadPoolExecutor(BATCH_SIZE)
answer_request = AnswerRequest(
    files, decisions, tickets, refusals, signing_keys, responses, time, pool
)
resign = Resign(licenses, tickets, signing_keys, responses, time)
renew = Renew(decisions, signing_keys, signers, time, pool)


def jobs_in(record: SQSRecord) -> Iterator[Job]:
    """What a message asks for: files to answer, an answer to sign again, a choice to decide on."""
    ticket_id = parse_resign(record.body)
    if ticket_id is not None:
        yield Job(lambda _: resign.resign(ticket_id), ticket_id)
        return
    chosen = parse_decision(record.body)
    if chosen is not None:
        yield Job(partial(answer_request.answer_chosen, chosen), chosen.ticket_id)
        return
    for upload in uploads_in(record.body, IN_BUCKET, REQUESTS):
        yield Job(partial(answer_request.answer, upload), upload.ticket_id)


answer_messages = batch_handler(jobs_in, retry_soon=partial(retry_soon, sqs))


@CallDeadline(dynamodb, kms, s3, sqs).kept_by
def lambda_handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | dict[str, Any]:
    """Answer a batch of messages; or renew seats, or sign a probe, for the administrator."""
    if (key := parse_probe(event)) is not None:
        return reply_to_probe(signers, key)
    if (order := parse_renewals(event)) is not None:
        return reply_to_renewals(renew.renew(order, context))
    return answer_messages(event, context)
