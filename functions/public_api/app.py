"""The HTTP API: opens tickets, says how they stand, hands out responses."""

import json
import os
import secrets
import time
from functools import partial
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
from keyferry_service.adapters.queue_sqs import request_mail
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.adapters.tickets_dynamodb import HOUR_S, Tickets, TooManyTickets
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.use_cases.follow_link import FollowLink, NoSuchLink
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.track_ticket import NoSuchTicket, NotReady, TrackTicket
from keyferry_service.views.api_input import (
    network_of,
    read_call,
    read_email,
    read_email_or_none,
    read_language,
)
from keyferry_service.views.problem_document import Problem, problem_document, problem_page
from keyferry_service.views.refusal_text import Vendor
from keyferry_service.views.ticket_view import may_change, ticket_document

ORIGIN_SECRET = os.environ["ORIGIN_SECRET"]
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
sqs = boto3.client("sqs", config=config)
s3 = boto3.client("s3", config=s3_config)
tickets = Tickets(boto3.client("dynamodb", config=config), os.environ["TICKETS_TABLE"])
files = Files(s3, os.environ["IN_BUCKET"], os.environ["OUT_BUCKET"])
opening = OpenTicket(tickets, time, secrets)
tracking = TrackTicket(
    tickets, files, partial(request_mail, sqs, os.environ["RESPONSES_QUEUE"]), time
)
links = FollowLink(tickets, files, time)
logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()
JSON = "application/json"
PROBLEM = "application/problem+json"
CODES: dict[type[Exception], str] = {
    NoSuchTicket: "not-found",
    NotReady: "not-ready",
    NoSuchLink: "link-not-found",
}
NO_STORE = {"Cache-Control": "no-store"}


@app.post("/api/requests")
def open_ticket() -> Response[str]:
    event = app.current_event
    call = read_call(event.body, event.is_base64_encoded)
    viewer = event.headers.get("cloudfront-viewer-address")
    network = network_of(viewer, event.request_context.http.source_ip)
    email, language = read_email_or_none(call), read_language(call)
    ticket = opening.open(email, language, network, app.lambda_context)
    document = {
        "id": ticket.id,
        "upload": files.presign_upload(ticket.id),
        "status_url": f"/api/requests/{ticket.id}",
        "expires_at": format_time(ticket.expires_at),
    }
    return json_response(201, document)


@app.get("/api/requests/<ticket_id>")
def show_ticket(ticket_id: str) -> Response[str]:
    logger.append_keys(ticket=ticket_prefix(ticket_id))
    tracked = tracking.status(ticket_id)
    document = ticket_document(
        tracked.ticket, tracked.uploaded_at, tracked.download_url, vendor, int(time.time())
    )
    headers = {"Retry-After": "1"} if may_change(document) else {}
    return json_response(200, document, headers)


@app.post("/api/requests/<ticket_id>/mail")
def send_mail(ticket_id: str) -> Response[str]:
    event = app.current_event
    address = read_email(read_call(event.body, event.is_base64_encoded))
    logger.append_keys(ticket=ticket_prefix(ticket_id))
    return json_response(202, {"email": tracking.send_email(ticket_id, address)})


@app.route("/api/responses/<token>", method=["GET", "HEAD"])
def follow_link(token: str) -> Response[str]:
    return Response(303, body="", headers={"Location": links.follow(token), **NO_STORE})


def json_response(
    status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> Response[str]:
    return Response(status, JSON, json.dumps(document), {**NO_STORE, **(headers or {})})


@app.exception_handler([Problem, *CODES])  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    return problem_response(error if isinstance(error, Problem) else Problem(CODES[type(error)]))


@app.exception_handler(OutOfTime)  # type: ignore[untyped-decorator]
def refuse_when_busy(_: OutOfTime) -> Response[str]:
    return problem_response(Problem("busy", 1))


@app.exception_handler(TooManyTickets)  # type: ignore[untyped-decorator]
def refuse_until_the_next_hour(_: TooManyTickets) -> Response[str]:
    wait_s = HOUR_S - int(time.time()) % HOUR_S
    return problem_response(Problem("too-many-requests", wait_s, n=-(-wait_s // 60)))


def problem_response(problem: Problem) -> Response[str]:
    """A problem document, or for someone who followed a link in a browser a page."""
    headers = dict(NO_STORE)
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    accept = app.current_event.headers.get("accept", "")
    if problem.code == "link-not-found" and "text/html" in accept:
        return Response(problem.status, "text/html; charset=utf-8", problem_page(problem), headers)
    return Response(problem.status, PROBLEM, problem_document(problem), headers)


@app.not_found
def no_such_route(_: Exception) -> Response[str]:
    return problem_response(Problem("no-such-route"))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def fail(error: Exception) -> Response[str]:
    logger.exception("failed", exc_info=error)
    return problem_response(Problem("failed"))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Calls", MetricUnit.Count, 1)
    secret = event.get("headers", {}).get("x-origin-secret", "")
    if not compare_digest(secret.encode(), ORIGIN_SECRET.encode()):
        return {
            "statusCode": 403,
            "headers": {"content-type": PROBLEM},
            "body": problem_document(Problem("forbidden")),
        }
    return app.resolve(event, context)
