"""Addresses and names that would add a header, a recipient or a path.

Tested elsewhere: markup in emails (tests/service/functions/test_texts_in_emails.py); the page's
own rule for addresses is the service's (tests/browser/page/service.test.mjs).
"""

import email
import json
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.use_cases import licenses as desk
from keyferry_protocol.request import Product
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.email import mime_message
from keyferry_service.views.email_texts import response_email
from keyferry_service.views.refusal_text import Vendor
from tests.support.builders import LAB_07, a_license, a_request, a_request_file
from tests.support.samples import NOW
from tests.support.world import IN, OUT, World, link_in

pytestmark = pytest.mark.attack

VICTIM = "victim@example.org"
HOSTILE = {
    "a header after CR LF": f"eve@example.org\r\nBcc: {VICTIM}",
    "a header after LF": f"eve@example.org\nBcc: {VICTIM}",
    "a header after CR": f"eve@example.org\rBcc: {VICTIM}",
    "a folded header": f"eve@example.org\r\n Bcc: {VICTIM}",
    "a line feed at the end": "eve@example.org\n",
    "a NUL": "eve@example.org\0",
    "a line separator": f"eve@example.org\u2028Bcc:{VICTIM}",
    "a next line": f"eve@example.org\x85Bcc:{VICTIM}",
    "two with a comma": f"eve@example.org,{VICTIM}",
    "two with a semicolon": f"eve@example.org;{VICTIM}",
    "two with a space": f"eve@example.org {VICTIM}",
    "a display name": f"Eve <{VICTIM}>",
    "angle brackets": f"<{VICTIM}>",
    "a quoted name": f'"eve,{VICTIM}"@example.org',
    "a comment": "eve(comment)@example.org",
    "a group": f"all:{VICTIM};",
    "a source route": f"@example.org:{VICTIM}",
    "two at signs": "eve@example.org@evil.example",
    "an encoded word": "=?utf-8?q?victim=40example.org?=",
    "a name in two words": "=?utf-8?q?a?= =?utf-8?q?b?=@example.org",
    "an address literal": "eve@[127.0.0.1]",
    "a number for a host": "eve@127.0.0.1",
    "no dot": "eve@localhost",
    "a dot at the end": "eve@example.org.",
    "two dots": "eve..x@example.org",
    "a dot first": ".eve@example.org",
    "a host that begins with a hyphen": "eve@-example.org",
    "letters that look like others": "eve@еxample.org",
    "wide letters": "eve@ｅxample.org",
    "letters that are turned round": "eve@example.org\u202e",
    "no letters at all": "",
    "too long": "a" * 243 + "@example.org",
    "an option of a mailer": "-oQ/tmp/x -X/tmp/y@",
}
PLAIN = ["o'neill+x@example.org", "a!#$%&*/=?^_`{|}~-b@sub.example.co", "a" * 241 + "@example.com"]


def test_no_hostile_address_is_taken_by_either_call(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    rows = world.rows("Tickets")
    answers = {}
    for name, address in HOSTILE.items():
        body = {"email": address, "language": "en"}
        for path in ("/api/requests", f"/api/requests/{ticket}/mail"):
            answer = world.call("POST", path, body)
            answers[name, path] = (answer["statusCode"], json.loads(answer["body"])["code"])
    assert {how: got for how, got in answers.items() if got != (400, "bad-email")} == {}
    assert world.rows("Tickets") == rows


def read(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


HEADERS = ["From", "To", "Reply-To", "Subject", "Message-ID", "Auto-Submitted"]
HEADERS += ["X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Language"]


@pytest.mark.parametrize("address", PLAIN)
def test_an_odd_but_plain_address_is_the_one_recipient(world: World, address: str) -> None:
    world.sell()
    world.send(world.activate(a_request_file(LAB_07), address))
    mail = read(world.mails()[-1])
    assert [one.addr_spec for one in mail["To"].addresses] == [address]
    assert sorted(mail.keys()) == sorted(HEADERS)


INJECTED = [
    "=?utf-8?q?a=0d=0aBcc:_victim=40example.org?=",
    "=?utf-8?b?DQpCY2M6IHZpY3RpbUBleGFtcGxlLm9yZw0K?=",
    "x, victim@example.org",
    "x <victim@example.org>",
    '"x" <victim@example.org>, y',
    "Ünïcode, \u2014 \U0001f512",
    "a" * 64,
    "=?=?=?",
    "(comment \\",
]


@pytest.mark.parametrize("text", INJECTED)
def test_no_name_of_a_product_or_vendor_adds_a_header_or_a_recipient(text: str) -> None:
    ticket = Ticket(
        "t" * 43,
        NOW,
        kind="activate",
        license_number="015120020093",
        product=text,
        edition=text,
        machine_name=text,
        seat=1,
        file_name="015120020093-7f3a-18.response",
    )
    vendor = Vendor(text, "licensing@example.com")
    content = response_email(ticket, "https://a.example/r", NOW, vendor, "https://a.example")
    raw = mime_message(content, "licensing@example.com", "anna@example.org", vendor, "0" * 32)
    mail = read(raw)
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert [one.addr_spec for one in mail["To"].addresses] == ["anna@example.org"]
    assert [one.addr_spec for one in mail["From"].addresses] == ["licensing@example.com"]
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    assert not re.search(r"(?im)^(bcc|cc):", head)
    again = email.message_from_bytes(raw, policy=SMTP)  # as the next mail server reads it
    assert sorted(again.keys()) == sorted(HEADERS)


@pytest.mark.parametrize("text", ["a\r\nBcc: x", "a\nb", "a\rb", "a\u2028b", "a\x85b"])
def test_no_product_with_a_line_break_is_ever_licensed_or_asked_for(
    world: World, text: str
) -> None:
    with pytest.raises(BadTerms):
        desk.create(world.licenses, text, NOW)
    world.sell()
    ticket = world.activate(a_request_file(LAB_07, product=Product(text, "1")), VICTIM)
    assert world.ticket(ticket)["refusal"]["code"] == "unreadable-request"


ELSEWHERE = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    "forwarded": "host=evil.example",
    "origin": "https://evil.example",
    "referer": "https://evil.example/",
}


def test_no_header_of_a_call_changes_where_a_file_goes_or_a_link_leads(world: World) -> None:
    """Every address is the deployment's own, and none that somebody names is ever fetched."""
    world.sell()
    body = {"email": "anna@example.org", "language": "en"}
    opened = json.loads(world.call("POST", "/api/requests", body, ELSEWHERE)["body"])
    assert opened["upload"]["url"] == f"https://{IN}.s3.eu-central-1.amazonaws.com/"
    ticket = opened["id"]
    assert world.process(world.upload(ticket, a_request_file(LAB_07))) == []
    shown = world.call("GET", f"/api/requests/{ticket}", headers=ELSEWHERE)
    world.send(ticket)
    link = link_in(world.mails()[-1].replace(b"=\r\n", b""))
    followed = world.call("GET", link, headers=ELSEWHERE)["headers"]["Location"]
    for url in (json.loads(shown["body"])["response"]["download_url"], followed):
        assert url.startswith(f"https://{OUT}.s3.eu-central-1.amazonaws.com/responses/{ticket}/")
    assert "evil" not in str([opened, shown, world.mails(), world.rows("Tickets")])


# Names of files: made of a number and a key's id alone

TRICKS = ["../../index.html", 'x"; filename=evil.exe', "a/b", "..", "%2e%2e%2f", "${filename}"]


@pytest.mark.parametrize("text", TRICKS)
def test_a_responses_name_and_key_hold_nothing_that_a_request_says(world: World, text: str) -> None:
    world.licenses.create(a_license(product=text, edition=text, licensee=text))
    machine = replace(a_request().machine, name=text, os=text)
    file = a_request_file(LAB_07, product=Product(text, text), machine=machine, client=text)
    ticket = world.activate(file)
    response = world.ticket(ticket)["response"]
    assert re.fullmatch(r"015120020093-[0-9a-f]{4}-\d+\.response", response["filename"])
    (key,) = [entry["Key"] for entry in world.s3.list_objects_v2(Bucket=OUT)["Contents"]]
    assert key == f"responses/{ticket}/{response['filename']}"
    url = urlsplit(response["download_url"])
    (disposition,) = parse_qs(url.query)["response-content-disposition"]
    assert disposition == f'attachment; filename="{response["filename"]}"'


@pytest.mark.parametrize("text", ["en\r\nSet-Cookie: a=b", "../../etc/passwd", "e", "EN", "<b>"])
def test_no_call_adds_a_header_to_its_answer(world: World, text: str) -> None:
    body: Any = {"email": None, "language": text}
    answer = world.call("POST", "/api/requests", body, {"accept": text, "x-note": text})
    assert answer["statusCode"] == 201
    assert set(answer["headers"]) == {"Cache-Control", "Content-Type"}
    assert set(answer["headers"].values()) == {"no-store", "application/json"}
    (row,) = [row for row in world.rows("Tickets") if row["pk"]["S"].startswith("ticket#")]
    assert row["language"] == {"S": "en"}
