"""The HTTP API (docs/http-api.md): its routes, and the problem that each error becomes."""

import json
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.adapters.tickets_dynamodb import HOUR_S, TooManyTickets
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.use_cases.edge import Clock
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
from keyferry_service.views.ticket_view import may_change, new_ticket_document, ticket_document

JSON = "application/json"
PROBLEM = "application/problem+json"
NO_STORE = {"Cache-Control": "no-store"}

LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def api_handler(
    opening: OpenTicket,
    tracking: TrackTicket,
    links: FollowLink,
    vendor: Vendor,
    clock: Clock,
    origin_secret: str,
) -> LambdaHandler:
    """A Lambda handler that answers each call of the API.

    Only CloudFront knows `origin_secret`: any other caller is refused before its call is read.
    """
    logger, metrics = Logger(), Metrics()
    app = APIGatewayHttpResolver()

    @app.post("/api/requests")
    def open_ticket() -> Response[str]:
        event = app.current_event
        call = read_call(event.body, event.is_base64_encoded)
        viewer = event.headers.get("cloudfront-viewer-address")
        network = network_of(viewer, event.request_context.http.source_ip)
        email, language = read_email_or_none(call), read_language(call)
        new = opening.open(email, language, network, app.lambda_context)
        return json_response(201, new_ticket_document(new.ticket, new.upload_form))

    @app.get("/api/requests/<ticket_id>")
    def show_ticket(ticket_id: str) -> Response[str]:
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        status, now = tracking.status(ticket_id), int(clock.time())
        document = ticket_document(
            status.ticket, status.uploaded_at, status.download_url, vendor, now
        )
        return json_response(200, document, retry_after_s=1 if may_change(document) else None)

    @app.post("/api/requests/<ticket_id>/mail")
    def send_mail(ticket_id: str) -> Response[str]:
        event = app.current_event
        address = read_email(read_call(event.body, event.is_base64_encoded))
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        return json_response(202, {"email": tracking.send_email(ticket_id, address)})

    @app.route("/api/responses/<token>", method=["GET", "HEAD"])
    def follow_link(token: str) -> Response[str]:
        return Response(303, body="", headers={"Location": links.follow(token), **NO_STORE})

    @app.exception_handler(Exception)  # type: ignore[untyped-decorator]
    def refuse(error: Exception) -> Response[str]:
        problem = problem_of(error, int(clock.time()))
        if problem is None:
            logger.exception("failed", exc_info=error)
            problem = Problem("failed")
        return problem_response(problem, app.current_event.headers.get("accept", ""))

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        metrics.add_metric("Calls", MetricUnit.Count, 1)
        secret = event.get("headers", {}).get("x-origin-secret", "")
        if not compare_digest(secret.encode(), origin_secret.encode()):
            return {
                "statusCode": 403,
                "headers": {"content-type": PROBLEM},
                "body": problem_document(Problem("forbidden")),
            }
        return app.resolve(event, context)

    return lambda_handler


def problem_of(error: Exception, now: int) -> Problem | None:
    """The problem that an error of a call becomes; None for one that nobody expects."""
    match error:
        case Problem():
            return error
        case NotFoundError():  # Powertools: no route has this method and path
            return Problem("no-such-route")
        case NoSuchTicket():
            return Problem("not-found")
        case NotReady():
            return Problem("not-ready")
        case NoSuchLink():
            return Problem("link-not-found")
        case OutOfTime():
            return Problem("busy", 1)
        case TooManyTickets():
            wait_s = HOUR_S - now % HOUR_S
            return Problem("too-many-requests", wait_s, n=-(-wait_s // 60))
    return None


def json_response(
    status: int, document: dict[str, Any], retry_after_s: int | None = None
) -> Response[str]:
    return Response(status, JSON, json.dumps(document), _headers(retry_after_s))


def problem_response(problem: Problem, accept: str) -> Response[str]:
    """A problem document, or for someone who followed a link in a browser a page."""
    headers = _headers(problem.retry_after_s)
    if problem.code == "link-not-found" and "text/html" in accept:
        return Response(problem.status, "text/html; charset=utf-8", problem_page(problem), headers)
    return Response(problem.status, PROBLEM, problem_document(problem), headers)


def _headers(retry_after_s: int | None) -> dict[str, str]:
    return NO_STORE | ({} if retry_after_s is None else {"Retry-After": str(retry_after_s)})
