"""The HTTP API: opens tickets, tells how they stand, hands out responses."""

import json
import os
import re
import secrets
import time
from contextlib import suppress
from hmac import compare_digest
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.queue_sqs import MailRequest, ask_for_mail
from keyferry_service.adapters.retries import TransactionConflict, attempts
from keyferry_service.adapters.tickets_dynamodb import HOUR_S, Tickets, TooManyTickets
from keyferry_service.adapters.uploads_s3 import TICKET_ID
from keyferry_service.domain.ticket import LIFE_S, Mail, Ticket, TicketState
from keyferry_service.views.api_input import (
    network_of,
    read_call,
    read_email,
    read_email_or_none,
    read_language,
)
from keyferry_service.views.problem_document import Problem, problem_document, problem_page
from keyferry_service.views.refusal_text import Vendor
from keyferry_service.views.ticket_view import describe, has_news_coming

ORIGIN_SECRET = os.environ["ORIGIN_SECRET"]
RESPONSES_QUEUE = os.environ["RESPONSES_QUEUE"]
vendor = Vendor(os.environ["VENDOR_NAME"], os.environ["SUPPORT_CONTACT"])
config = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)
# Passes name the bucket's host in its region: the page's Content-Security-Policy knows no other.
s3_config = config.merge(
    Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )
)
tickets = Tickets(boto3.client("dynamodb", config=config), os.environ["TICKETS_TABLE"])
files = Files(
    boto3.client("s3", config=s3_config), os.environ["IN_BUCKET"], os.environ["OUT_BUCKET"]
)
sqs = boto3.client("sqs", config=config)
Answer = Response[str]
logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()
JSON = "application/json"
PROBLEM = "application/problem+json"
NO_STORE = {"Cache-Control": "no-store"}


@app.post("/api/requests")
def open_ticket() -> Answer:
    event = app.current_event
    call = read_call(event.body, event.is_base64_encoded)
    email, now = read_email_or_none(call), int(time.time())
    ticket = Ticket(
        id=secrets.token_urlsafe(32),
        expires_at=now + LIFE_S,
        email=email,
        language=read_language(call),
        mail=Mail.NONE if email is None else Mail.PENDING,
    )
    viewer = event.headers.get("cloudfront-viewer-address")
    put_ticket(ticket, network_of(viewer, event.request_context.http.source_ip), now)
    opened = {
        "id": ticket.id,
        "upload": files.presign_upload(ticket.id),
        "status_url": f"/api/requests/{ticket.id}",
        "expires_at": format_time(ticket.expires_at),
    }
    return answer(201, opened)


def put_ticket(ticket: Ticket, network: str, now: int) -> None:
    """Open it, however many the same network opens at this moment, up to its limit."""
    try:
        for _ in attempts(app.lambda_context):
            with suppress(TransactionConflict):
                return tickets.open(ticket, network, now)
    except TooManyTickets as error:
        wait_s = HOUR_S - now % HOUR_S
        raise Problem("too-many-requests", wait_s, n=-(-wait_s // 60)) from error
    raise Problem("busy", 1)


@app.get("/api/requests/<ticket_id>")
def tell_ticket(ticket_id: str) -> Answer:
    now = int(time.time())
    ticket = read_ticket(ticket_id, now)
    uploaded_at, download_url = ticket.uploaded_at, None
    if ticket.state is TicketState.AWAITING_UPLOAD:
        uploaded_at = files.uploaded_at(ticket.id)
    elif is_ready(ticket):
        download_url = files.presign_download(ticket.id, ticket.file_name)
    said = describe(ticket, uploaded_at, download_url, vendor, now)
    return answer(200, said, {"Retry-After": "1"} if has_news_coming(said) else {})


@app.post("/api/requests/<ticket_id>/mail")
def send_mail(ticket_id: str) -> Answer:
    event = app.current_event
    email = read_email(read_call(event.body, event.is_base64_encoded))
    ticket = read_ticket(ticket_id, int(time.time()))
    if ticket.state is not TicketState.PROCESSING or not files.is_published(
        ticket.id, ticket.file_name
    ):
        raise Problem("not-ready")
    tickets.mark_mail(ticket.id, Mail.PENDING)
    ask_for_mail(sqs, RESPONSES_QUEUE, MailRequest(ticket.id, email))
    return answer(202, {"email": Mail.PENDING})


@app.route("/api/responses/<token>", method=["GET", "HEAD"])
def follow_link(token: str) -> Answer:
    link = tickets.get_link(token, int(time.time())) if re.fullmatch(TICKET_ID, token) else None
    if link is None or not files.is_published(link.ticket_id, link.file_name):
        raise Problem("link-not-found")
    url = files.presign_download(link.ticket_id, link.file_name)
    return Response(303, body="", headers={"Location": url, **NO_STORE})


def read_ticket(ticket_id: str, now: int) -> Ticket:
    """The ticket that a path names. An unknown, ended or malformed id is one problem."""
    logger.append_keys(ticket=ticket_id[:8])
    ticket = tickets.get(ticket_id, now) if re.fullmatch(TICKET_ID, ticket_id) else None
    if ticket is None:
        raise Problem("not-found")
    return ticket


def is_ready(ticket: Ticket) -> bool:
    """Whether its response lies there: that alone makes it ready."""
    answered = ticket.state is TicketState.PROCESSING
    return answered and files.is_published(ticket.id, ticket.file_name)


def answer(status: int, said: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return Response(status, JSON, json.dumps(said), {**NO_STORE, **(headers or {})})


@app.exception_handler(Problem)  # type: ignore[untyped-decorator]
def tell_problem(problem: Problem) -> Answer:
    return problem_response(problem)


def problem_response(problem: Problem) -> Answer:
    """A problem document, or for someone who followed a link in a browser a page."""
    headers = dict(NO_STORE)
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    accept = app.current_event.headers.get("accept", "")
    if problem.code == "link-not-found" and "text/html" in accept:
        return Response(problem.status, "text/html; charset=utf-8", problem_page(problem), headers)
    return Response(problem.status, PROBLEM, problem_document(problem), headers)


@app.not_found
def tell_no_such_route(_: Exception) -> Answer:
    return problem_response(Problem("no-such-route"))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def tell_failure(error: Exception) -> Answer:
    logger.exception("failed", exc_info=error)
    return problem_response(Problem("failed"))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Calls", MetricUnit.Count, 1)
    given = event.get("headers", {}).get("x-origin-secret", "")
    if not compare_digest(given.encode(), ORIGIN_SECRET.encode()):
        return {
            "statusCode": 403,
            "headers": {"content-type": PROBLEM},
            "body": problem_document(Problem("forbidden")),
        }
    return app.resolve(event, context)
