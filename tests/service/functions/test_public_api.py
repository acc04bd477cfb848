"""The routes of the HTTP API and their problem documents."""

import json
import time
from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_service.adapters import tickets_dynamodb
from keyferry_service.use_cases import limit_calls
from tests.service.functions.test_calls_counted import counting
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import DAY
from tests.support.world import IN, OUT, SECOND_ORIGIN_SECRET, World, an_event

UNKNOWN = "A" * 43


def problem(answer: dict[str, Any]) -> tuple[int, str]:
    """The status and code of a problem document, which has all that RFC 9457 and we ask."""
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(answer["body"])
    assert document["status"] == answer["statusCode"]
    assert document["title"]
    assert document["detail"]
    return document["status"], document["code"]


def test_the_recorded_event_opens_a_ticket(world: World) -> None:
    answer = world.handlers["public_api"](an_event("public_api"), world.context)
    assert answer["statusCode"] == 201
    document = json.loads(answer["body"])
    assert document.keys() == {"id", "upload", "status_url", "expires_at"}
    assert document["status_url"] == f"/api/requests/{document['id']}"
    assert document["expires_at"] == "2026-12-01T09:47:00Z"
    assert document["upload"]["fields"]["key"] == f"requests/{document['id']}"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert world.ticket(document["id"]) == {
        "state": "awaiting-upload",
        "kind": None,
        "license_number": None,
        "email": "pending",
    }


def test_presigned_urls_name_the_buckets_regional_hosts(world: World) -> None:
    world.sell()
    answer = world.call("POST", "/api/requests", {"email": None, "language": "en"})
    host = "s3.eu-central-1.amazonaws.com"  # as the page's Content-Security-Policy has it
    assert json.loads(answer["body"])["upload"]["url"] == f"https://{IN}.{host}/"
    ticket = world.activate(a_request_file(LAB_07))
    url = world.ticket(ticket)["response"]["download_url"]
    assert url.startswith(f"https://{OUT}.{host}/responses/{ticket}/")


def test_the_upload_policy_fixes_key_type_and_size(world: World) -> None:
    answer = world.call("POST", "/api/requests", {"email": None, "language": "en"})
    fields = json.loads(answer["body"])["upload"]["fields"]
    policy = json.loads(b64decode(fields["policy"]))
    conditions = policy["conditions"]
    assert {"bucket": IN} in conditions
    assert {"key": fields["key"]} in conditions
    assert {"Content-Type": "application/octet-stream"} in conditions
    assert {"success_action_status": "201"} in conditions
    assert ["content-length-range", 1, 8192] in conditions
    assert not any("starts-with" in condition for condition in conditions)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("", (400, "bad-request")),
        ("no JSON", (400, "bad-request")),
        ("[]", (400, "bad-request")),
        ('"\ud800"', (400, "bad-request")),
        ("[" * 10_000, (400, "bad-request")),
        (json.dumps({"language": "en"}), (400, "bad-request")),
        (json.dumps({"email": None}), (400, "bad-request")),
        (json.dumps({"email": 1, "language": "en"}), (400, "bad-request")),
        (json.dumps({"email": "anna", "language": "en"}), (400, "bad-email")),
        (json.dumps({"email": "a@b.example,c@d.example", "language": "en"}), (400, "bad-email")),
        (json.dumps({"email": "Anna <a@b.example>", "language": "en"}), (400, "bad-email")),
        (
            json.dumps({"email": "a@b.example\nBcc: c@d.ex", "language": "en"}),
            (400, "bad-email"),
        ),
        (json.dumps({"email": "a" * 250 + "@b.example", "language": "en"}), (400, "bad-email")),
    ],
)
def test_a_call_that_cannot_be_read_opens_nothing(
    world: World, document: str, expected: tuple[int, str]
) -> None:
    assert problem(world.call("POST", "/api/requests", document)) == expected
    assert world.rows("Tickets") == []


def test_a_body_in_base64_is_read_too(world: World) -> None:
    event = an_event("public_api") | {"body": "/w==", "isBase64Encoded": True}
    answer = world.handlers["public_api"](event, world.context)
    assert problem(answer) == (400, "bad-request")


MALFORMED = [
    "short",
    "..%2f..",
    UNKNOWN + "A",
    UNKNOWN + "\n",
    "\x17",
    "\x00",
    "é",
    '"',
    "\\",
    "#?",
]


@pytest.mark.parametrize("ticket", [UNKNOWN, *MALFORMED])
def test_an_unknown_or_malformed_ticket_is_one_problem(world: World, ticket: str) -> None:
    gone = (404, "not-found")
    assert problem(world.call("GET", f"/api/requests/{ticket}")) == gone
    document = {"email": "a@b.example"}
    assert problem(world.call("POST", f"/api/requests/{ticket}/mail", document)) == gone


@pytest.mark.parametrize("token", [UNKNOWN, *MALFORMED])
def test_an_unknown_or_malformed_link_is_one_problem(world: World, token: str) -> None:
    assert problem(world.call("GET", f"/api/responses/{token}")) == (404, "link-not-found")


@pytest.mark.parametrize(
    ("token", "title"),
    [
        pytest.param(UNKNOWN, "This link no longer works", id="whole"),
        pytest.param(f"{UNKNOWN}.", "This link no longer works", id="a full stop after it"),
        pytest.param(f"{UNKNOWN})>", "This link no longer works", id="brackets after it"),
        pytest.param(UNKNOWN[:41], "This link is incomplete", id="two characters lost"),
        pytest.param(f"{UNKNOWN[:20]}=", "This link is incomplete", id="a soft line break in it"),
        pytest.param(f"{UNKNOWN}AA", "This link is incomplete", id="two characters more"),
    ],
)
def test_a_cut_link_is_told_from_one_that_ended(world: World, token: str, title: str) -> None:
    html = {"accept": "text/html"}
    shown = world.call("GET", f"/api/responses/{token}", headers=html)
    assert shown["statusCode"] == 404
    assert f"<h1>{title}</h1>" in shown["body"]


@pytest.mark.parametrize("character", ["\n", "\x00", "é", "%0a"])
def test_no_id_is_read_past_a_character_that_it_cannot_have(world: World, character: str) -> None:
    ticket = world.open_ticket()
    answer = world.call("GET", f"/api/requests/{ticket}{character}")
    assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/"), ("DELETE", "/api/requests"), ("GET", "/api/requests/a/b/c")],
)
def test_another_route_is_a_problem(world: World, method: str, path: str) -> None:
    assert problem(world.call(method, path)) == (404, "no-such-route")


def test_mail_is_for_answers_that_are_there(world: World) -> None:
    document = {"email": "a@b.example"}
    waiting = world.open_ticket()
    assert problem(world.call("POST", f"/api/requests/{waiting}/mail", document)) == (
        409,
        "not-ready",
    )
    refused = world.activate(a_request_file(LAB_07))
    assert problem(world.call("POST", f"/api/requests/{refused}/mail", document)) == (
        409,
        "not-ready",
    )
    world.sell()
    ready = world.activate(a_request_file(LAB_07))
    wrong = world.call("POST", f"/api/requests/{ready}/mail", {"email": "anna"})
    assert problem(wrong) == (400, "bad-email")


def test_a_call_around_cloudfront_is_refused(world: World) -> None:
    for headers in ({"x-origin-secret": "guess"}, {"x-origin-secret": ""}):
        answer = world.call("GET", f"/api/requests/{UNKNOWN}", headers=headers)
        assert problem(answer) == (403, "forbidden")
    event = an_event("public_api")
    del event["headers"]["x-origin-secret"]
    assert world.handlers["public_api"](event, world.context)["statusCode"] == 403


def test_while_the_secret_is_exchanged_both_are_accepted(world: World) -> None:
    for secret in (an_event("public_api")["headers"]["x-origin-secret"], SECOND_ORIGIN_SECRET):
        answer = world.call("GET", f"/api/requests/{UNKNOWN}", headers={"x-origin-secret": secret})
        assert problem(answer) == (404, "not-found")


def test_a_call_around_cloudfront_reads_and_writes_nothing(world: World) -> None:
    with counting(*world.service.values()) as calls:
        for secret in ("guess", ""):
            body, headers = {"email": None, "language": "en"}, {"x-origin-secret": secret}
            assert world.call("POST", "/api/requests", body, headers)["statusCode"] == 403
            answer = world.call("GET", f"/api/requests/{UNKNOWN}", headers=headers)
            assert answer["statusCode"] == 403
    assert calls == []
    assert world.rows("Tickets") == []


def test_an_upload_is_shown_as_processing_and_after_15_minutes_as_delayed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = world.open_ticket()

    def uploaded_at(ago_s: int) -> None:
        head = {"LastModified": datetime.fromtimestamp(world.now - ago_s, UTC)}
        monkeypatch.setattr(world.service["page s3"], "head_object", lambda **_: head)

    uploaded_at(899)
    answer = world.call("GET", f"/api/requests/{ticket}")
    assert answer["headers"]["Retry-After"] == "1"
    assert "delayed" not in json.loads(answer["body"])
    uploaded_at(900)
    document = world.ticket(ticket)
    assert (document["state"], document["delayed"]) == ("processing", True)


def test_there_is_no_retry_after_once_nothing_can_change(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    assert "Retry-After" not in world.call("GET", f"/api/requests/{ticket}")["headers"]


def test_each_poll_mints_a_new_download_url(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    first = world.ticket(ticket)["response"]
    world.now += DAY
    assert world.ticket(ticket)["response"]["expires_at"] > first["expires_at"]


# ---- The second way in and out, for networks that reach the page's own host alone


def put_file(world: World, ticket: str, data: bytes, content_type: str = "") -> dict[str, Any]:
    headers = {"content-type": content_type} if content_type else {}
    return world.call("PUT", f"/api/requests/{ticket}/file", data, headers)


def get_file(world: World, ticket: str) -> dict[str, Any]:
    return world.call("GET", f"/api/requests/{ticket}/file")


def test_a_file_comes_and_goes_through_the_pages_own_host(world: World) -> None:
    world.sell()
    ticket, file = world.open_ticket(), a_request_file(LAB_07)
    answer = put_file(world, ticket, file)
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"]) == {"state": "processing"}
    assert world.ticket(ticket)["state"] == "processing"
    stored = world.s3.get_object(Bucket=IN, Key=f"requests/{ticket}")
    assert (stored["Body"].read(), stored["ContentType"]) == (file, "application/octet-stream")
    assert world.process(world.uploaded(ticket)) == []

    answer = get_file(world, ticket)
    assert answer["statusCode"] == 200
    assert b64decode(answer["body"]) == world.response(ticket)
    response = world.ticket(ticket)["response"]
    assert answer["headers"] == {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{response["filename"]}"',
        "Cache-Control": "no-store",
    }


def test_a_ready_ticket_tells_the_size_and_hash_of_its_response(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    data, response = world.response(ticket), world.ticket(ticket)["response"]
    assert (response["bytes"], response["sha256"]) == (len(data), sha256(data).hexdigest())


@pytest.mark.attack
def test_only_the_first_file_of_a_ticket_counts_whichever_way_it_came(world: World) -> None:
    world.sell()
    taken, first, second = (409, "already-uploaded"), a_request_file(LAB_07), b"another file"
    by_host, by_pass = world.open_ticket(), world.open_ticket()
    put_file(world, by_host, first)
    world.upload(by_pass, first)
    for ticket in (by_host, by_pass):
        assert problem(put_file(world, ticket, second)) == taken
        assert world.s3.get_object(Bucket=IN, Key=f"requests/{ticket}")["Body"].read() == first
        world.process(world.uploaded(ticket))
        assert problem(put_file(world, ticket, second)) == taken
    versions = world.s3.list_object_versions(Bucket=IN)["Versions"]
    assert len(versions) == 2


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        pytest.param(b"", "", (422, "empty-file"), id="nothing"),
        pytest.param(bytes(8193), "", (413, "too-large"), id="a byte too many"),
        pytest.param(b"x", "text/plain", (415, "unsupported-media-type"), id="a form's text"),
        pytest.param(b"{}", "application/json", (415, "unsupported-media-type"), id="JSON"),
        pytest.param(b"", "text/plain", (415, "unsupported-media-type"), id="no file, as text"),
    ],
)
def test_what_is_no_request_file_by_size_or_type_is_not_stored(
    world: World, data: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    ticket = world.open_ticket()
    assert problem(put_file(world, ticket, data, content_type)) == expected
    assert world.ticket(ticket)["state"] == "awaiting-upload"
    assert put_file(world, ticket, bytes(8192))["statusCode"] == 202


def test_a_response_is_handed_out_once_it_is_there(world: World) -> None:
    not_ready = (409, "not-ready")
    ticket = world.open_ticket()
    assert problem(get_file(world, ticket)) == not_ready
    message = world.upload(ticket, a_request_file(LAB_07))
    assert problem(get_file(world, ticket)) == not_ready
    world.process(message)
    assert world.ticket(ticket)["state"] == "refused"
    assert problem(get_file(world, ticket)) == not_ready


@pytest.mark.parametrize("ticket", [UNKNOWN, *MALFORMED])
def test_no_file_goes_to_or_from_a_ticket_that_is_none(world: World, ticket: str) -> None:
    assert problem(put_file(world, ticket, b"a file")) == (404, "not-found")
    assert problem(get_file(world, ticket)) == (404, "not-found")
    assert "Contents" not in world.s3.list_objects_v2(Bucket=IN)


@pytest.mark.attack
def test_another_sites_page_sends_and_fetches_no_file(world: World) -> None:
    ticket = world.open_ticket()
    theirs = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "empty"}
    for method, body in (("PUT", b"a file"), ("GET", None)):
        answer = world.call(method, f"/api/requests/{ticket}/file", body, theirs)
        assert problem(answer) == (400, "cross-site")
    assert world.ticket(ticket)["state"] == "awaiting-upload"


# ---- Abuse


OTHER_SITES_FORM = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]


@pytest.mark.parametrize("content_type", [*OTHER_SITES_FORM, "text/plain; x=application/json"])
def test_a_body_is_read_only_as_json(world: World, content_type: str) -> None:
    """A page of any site can have its visitors' browsers send the others, without being asked."""
    headers = {"content-type": content_type}
    body = {"email": "a@b.example", "language": "en"}
    refused = (415, "unsupported-media-type")
    assert problem(world.call("POST", "/api/requests", body, headers)) == refused
    assert world.rows("Tickets") == []
    ticket = world.open_ticket()
    assert problem(world.call("POST", f"/api/requests/{ticket}/mail", body, headers)) == refused


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON ;"])
def test_json_may_name_its_charset(world: World, content_type: str) -> None:
    body = {"email": None, "language": "en"}
    answer = world.call("POST", "/api/requests", body, {"content-type": content_type})
    assert answer["statusCode"] == 201


@pytest.fixture
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_calls, "CALLS_PER_NETWORK", 2)


def viewed_from(address: str) -> dict[str, str]:
    return {"cloudfront-viewer-address": f"{address}:4000"}


@pytest.mark.usefixtures("few_calls")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", f"/api/requests/{UNKNOWN}", id="polls"),
        pytest.param("GET", f"/api/responses/{UNKNOWN}", id="links"),
        pytest.param("POST", f"/api/requests/{UNKNOWN}/mail", id="mails"),
        pytest.param("PUT", f"/api/requests/{UNKNOWN}/file", id="files in"),
        pytest.param("GET", f"/api/requests/{UNKNOWN}/file", id="files out"),
        pytest.param("GET", "/api/nothing", id="routes that are none"),
    ],
)
def test_a_network_makes_so_many_calls_a_minute(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 10_000_019.0)

    def status(address: str) -> int:
        return int(world.call(method, path, {}, viewed_from(address))["statusCode"])

    counted = [status(f"203.0.113.{host}") for host in (1, 2, 3)]
    assert counted[2] == 429
    assert 429 not in counted[:2]
    assert status("203.0.114.1") != 429
    answer = world.call(method, path, {}, viewed_from("203.0.113.4"))
    assert problem(answer) == (429, "too-many-requests")
    assert answer["headers"]["Retry-After"] == "1"
    assert json.loads(answer["body"])["detail"] == "Try again in a minute."
    monkeypatch.setattr(time, "monotonic", lambda: 10_000_020.0)
    assert status("203.0.113.1") != 429


@pytest.mark.usefixtures("few_calls")
def test_another_sites_page_cannot_use_up_what_its_visitors_network_may_do(world: World) -> None:
    ticket = world.open_ticket()
    image = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}
    visitor = viewed_from("203.0.113.1")
    for _ in range(10):
        answer = world.call("GET", f"/api/requests/{ticket}", headers={**visitor, **image})
        assert problem(answer) == (400, "cross-site")
    own = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"}
    answer = world.call("GET", f"/api/requests/{ticket}", headers={**visitor, **own})
    assert answer["statusCode"] == 200


def test_a_click_on_a_link_in_webmail_comes_from_another_site(world: World) -> None:
    click = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    answer = world.call("GET", f"/api/responses/{UNKNOWN}", headers=click)
    assert problem(answer) == (404, "link-not-found")


def test_a_network_opens_so_many_tickets_an_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets_dynamodb, "TICKETS_PER_NETWORK", 2)
    document = {"email": None, "language": "en"}

    def status(viewer: str) -> int:
        headers = {"cloudfront-viewer-address": viewer}
        return int(world.call("POST", "/api/requests", document, headers)["statusCode"])

    assert [status(f"198.51.100.{host}:4000") for host in (1, 2, 3)] == [201, 201, 429]
    assert status("198.51.101.1:4000") == 201
    assert [status(f"2001:db8:0:{n}::1:4000") for n in (1, 2, 3)] == [201, 201, 429]
    answer = world.call("POST", "/api/requests", document)
    assert problem(answer) == (429, "too-many-requests")
    assert answer["headers"]["Retry-After"] == str(13 * 60)  # until 10:00
    assert json.loads(answer["body"])["detail"] == "Try again in 13 minutes."
    world.now += 12 * 60 + 1
    answer = world.call("POST", "/api/requests", document)
    assert json.loads(answer["body"])["detail"] == "Try again in a minute."
    world.now += 59
    assert status("198.51.100.1:4000") == 201


def test_the_thousandth_ticket_of_an_hour_is_the_last_of_its_network(world: World) -> None:
    def status() -> int:
        body = {"email": None, "language": "en"}
        return int(world.call("POST", "/api/requests", body)["statusCode"])

    assert status() == 201
    (counter,) = [row for row in world.rows("Tickets") if row["pk"]["S"].startswith("network#")]
    opened = counter | {"ticket_count": {"N": "999"}}
    world.dynamodb.put_item(TableName="Tickets", Item=opened)
    assert [status(), status()] == [201, 429]


def test_a_ticket_waits_for_a_version_that_still_counts_in_transactions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the minutes of an upgrade, in which both versions run."""
    client = world.service["dynamodb"]
    real, calls = client.update_item, []

    def conflicting_once(**call: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            error: Any = {"Error": {"Code": "TransactionConflictException"}}
            raise ClientError(error, "UpdateItem")
        return real(**call)

    monkeypatch.setattr(client, "update_item", conflicting_once)
    world.open_ticket()
    assert len(calls) == 2
    world.left_ms = 0
    answer = world.call("POST", "/api/requests", {"email": None, "language": "en"})
    assert problem(answer) == (503, "busy")


def test_a_ticket_that_is_not_put_is_counted_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many: the next call of the page opens one, and a network may open a thousand."""

    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")

    with monkeypatch.context() as failing:
        failing.setattr(world.service["dynamodb"], "put_item", fail)
        answer = world.call("POST", "/api/requests", {"email": None, "language": "en"})
    assert problem(answer) == (500, "failed")
    world.open_ticket()
    (count,) = [row["ticket_count"] for row in world.rows("Tickets") if "ticket_count" in row]
    assert count == {"N": "2"}


def test_a_failure_is_logged_and_its_details_are_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "GetItem")

    monkeypatch.setattr(world.service["dynamodb"], "get_item", fail)
    answer = world.call("GET", f"/api/requests/{UNKNOWN}")
    assert problem(answer) == (500, "failed")
    assert "GetItem" not in answer["body"]
    assert "InternalServerError" in world.log.getvalue()
