"""The HTTP API (docs/http-api.md): its routes, and the problem that each error becomes."""

import json
import re
from collections.abc import Callable, Collection
from hmac import compare_digest
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyferry_service.adapters.call_deadline import CallTooLate
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.adapters.tickets_dynamodb import HOUR_S, TooManyTickets
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.use_cases.carry_files import AlreadyUploaded, CarryFiles
from keyferry_service.use_cases.choose_seat import (
    ChooseSeat,
    NoChoice,
    NotOffered,
    TooManyChoices,
)
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.find_ticket import NoSuchTicket, NotReady
from keyferry_service.use_cases.follow_link import CutLink, FollowLink, NoSuchLink
from keyferry_service.use_cases.limit_calls import LimitCalls
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.track_ticket import NoSuchCode, TrackTicket
from keyferry_service.views.api_input import (
    network_of,
    read_call,
    read_email,
    read_email_or_none,
    read_file,
    read_language,
    read_seat,
)
from keyferry_service.views.code_picture import code_svg
from keyferry_service.views.problem_document import Problem, problem_document, problem_page
from keyferry_service.views.refusal_text import Vendor
from keyferry_service.views.ticket_view import may_change, new_ticket_document, ticket_document

JSON = "application/json"
PROBLEM = "application/problem+json"
FILE = "application/octet-stream"
SVG = "image/svg+xml"
NO_STORE = {"Cache-Control": "no-store"}

LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def api_handler(
    opening: OpenTicket,
    tracking: TrackTicket,
    carrying: CarryFiles,
    choosing: ChooseSeat,
    links: FollowLink,
    vendor: Vendor,
    clock: Clock,
    origin_secrets: Collection[str],
) -> LambdaHandler:
    """A Lambda handler that answers each call of the API.

    CloudFront sends one of `origin_secrets`, of which there are two while they are exchanged. Any
    other caller is refused before its call is read.
    """
    logger, metrics, limit = Logger(), Metrics(), LimitCalls(clock)
    app = APIGatewayHttpResolver()
    _add_ticket_routes(app, opening, tracking, choosing, vendor, clock, logger)
    _add_file_routes(app, carrying, tracking, logger)

    @app.route("/api/responses/<token>", method=["GET", "HEAD"])
    def follow_link(token: str) -> Response[str]:
        token = token.rstrip("~")  # such as the full stop of the sentence that a link ended
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
        problem = _refuse_unread(event, origin_secrets, limit)
        if problem is not None:
            headers = {"Content-Type": PROBLEM, **_headers(problem.retry_after_s)}
            body = problem_document(problem)
            return {"statusCode": problem.status, "headers": headers, "body": body}
        # No route of Powertools matches some characters, which no id has.
        path = re.sub(r"[^\w/-]", "~", event["rawPath"], flags=re.ASCII)
        return app.resolve(event | {"rawPath": path}, context)

    return lambda_handler


def _add_ticket_routes(
    app: APIGatewayHttpResolver,
    opening: OpenTicket,
    tracking: TrackTicket,
    choosing: ChooseSeat,
    vendor: Vendor,
    clock: Clock,
    logger: Logger,
) -> None:
    @app.post("/api/requests")
    def open_ticket() -> Response[str]:
        event = app.current_event
        call = read_call(*_body(app))
        viewer = event.headers.get("cloudfront-viewer-address")
        network = network_of(viewer, event.request_context.http.source_ip)
        email, language = read_email_or_none(call), read_language(call)
        new = opening.open(email, language, network, app.lambda_context)
        return json_response(201, new_ticket_document(new.ticket, new.upload_form))

    @app.get("/api/requests/<ticket_id>")
    def show_ticket(ticket_id: str) -> Response[str]:
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        status, now = tracking.status(ticket_id), int(clock.time())
        document = ticket_document(status.ticket, status.uploaded_at, status.response, vendor, now)
        return json_response(200, document, retry_after_s=1 if may_change(document) else None)

    @app.post("/api/requests/<ticket_id>/mail")
    def send_mail(ticket_id: str) -> Response[str]:
        address = read_email(read_call(*_body(app)))
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        return json_response(202, {"email": tracking.send_email(ticket_id, address)})

    @app.post("/api/requests/<ticket_id>/seat")
    def choose_seat(ticket_id: str) -> Response[str]:
        seat = read_seat(read_call(*_body(app)))
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        choosing.choose(ticket_id, seat, app.lambda_context)
        return json_response(202, {"state": "processing"})


def _add_file_routes(
    app: APIGatewayHttpResolver, carrying: CarryFiles, tracking: TrackTicket, logger: Logger
) -> None:
    """The ways of both files that go by the page's own host, and the response's as codes."""

    @app.put("/api/requests/<ticket_id>/file")
    def take_file(ticket_id: str) -> Response[str]:
        data = read_file(*_body(app))
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        carrying.take_request_file(ticket_id, data)
        return json_response(202, {"state": "processing"})

    @app.get("/api/requests/<ticket_id>/file")
    def hand_out_file(ticket_id: str) -> Response[bytes]:
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        name, data = carrying.response_file(ticket_id)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE}
        return Response(200, FILE, data, headers)

    @app.get("/api/requests/<ticket_id>/codes/<number>")
    def show_code(ticket_id: str, number: str) -> Response[bytes]:
        logger.append_keys(ticket=ticket_prefix(ticket_id))
        if not re.fullmatch("[1-9][0-9]?", number):
            raise NoSuchCode("This is no number of a code.")
        return Response(200, SVG, code_svg(tracking.code(ticket_id, int(number))), NO_STORE)


def _body(app: APIGatewayHttpResolver) -> tuple[str, str | None, bool | None]:
    """What was sent: its content type, its text, and whether that is base64."""
    event = app.current_event
    return event.headers.get("content-type", ""), event.body, event.is_base64_encoded


def _refuse_unread(
    event: dict[str, Any], origin_secrets: Collection[str], limit: LimitCalls
) -> Problem | None:
    """The problem of a call that is not even read; None for a call that may be answered."""
    headers = event.get("headers", {})
    sent = headers.get("x-origin-secret", "").encode()
    if not any(compare_digest(sent, secret.encode()) for secret in origin_secrets):
        return Problem("forbidden")
    # Another site's page must not use up what its visitors' network may do here. A click on a link
    # in webmail is welcome.
    is_click = headers.get("sec-fetch-dest") == "document"
    if headers.get("sec-fetch-site") == "cross-site" and not is_click:
        return Problem("cross-site")
    viewer = headers.get("cloudfront-viewer-address")
    wait_s = limit.wait_s(network_of(viewer, event["requestContext"]["http"]["sourceIp"]))
    return _too_many_requests(wait_s) if wait_s else None


def problem_of(error: Exception, now: int) -> Problem | None:
    """The problem that an error of a call becomes; None for one that nobody expects."""
    match error:
        case Problem():
            return error
        case NotFoundError():  # Powertools: no route has this method and path
            return Problem("no-such-route")
        case NoSuchTicket() | NoSuchCode():
            return Problem("not-found")
        case NotReady():
            return Problem("not-ready")
        case AlreadyUploaded():
            return Problem("already-uploaded")
        case NoChoice():
            return Problem("no-choice")
        case TooManyChoices():
            return Problem("too-many-choices")
        case NotOffered():
            return Problem("not-offered")
        case CutLink():
            return Problem("link-not-found", sentence="link-cut")
        case NoSuchLink():
            return Problem("link-not-found")
        case OutOfTime() | CallTooLate():
            return Problem("busy", 1)
        case TooManyTickets():
            return _too_many_requests(HOUR_S - now % HOUR_S)
    return None


def _too_many_requests(wait_s: int) -> Problem:
    return Problem("too-many-requests", wait_s, n=-(-wait_s // 60))


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
