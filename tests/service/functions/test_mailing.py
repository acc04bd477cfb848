"""The letters, and the links in them."""

import email
import json
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default

import pytest
import requests

from keyferry_protocol.request import HashedMachine
from keyferry_service.adapters.emails_dynamodb import hash_address
from tests.support.builders import LAB_07, LAB_08, a_request, a_request_file
from tests.support.samples import DAY, NOW
from tests.support.world import QUEUE, World, link_in

ANNA = "anna@example.org"


def the_mail(world: World) -> EmailMessage:
    mail = email.message_from_bytes(world.mails()[-1], policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_the_emailed_link_leads_to_the_same_bytes_as_the_download(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    assert world.ticket(ticket)["email"] == "pending"
    assert world.send(ticket) == []
    document = world.ticket(ticket)
    assert (document["email"], document["response"]["link_expires_at"]) == (
        "sent",
        "2026-12-01T09:47:00Z",
    )
    path = link_in(text_of(the_mail(world)).encode())
    for _ in range(20):  # scanners open links too
        answer = world.call("GET", path)
        assert answer["statusCode"] == 303
    location = answer["headers"]["Location"]
    (name,) = world.answers(ticket)
    assert f"/responses/{ticket}/{name}?" in location
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in location
    assert "X-Amz-Expires=60" in location
    assert f"attachment%3B%20filename%3D%22{name}%22" in location
    assert fetch(location) == world.response(ticket)


def fetch(url: str) -> bytes:
    """What a browser gets there, from moto."""
    return requests.get(url, timeout=5).content


def test_the_email_for_a_response(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    world.send(ticket)
    mail = the_mail(world)
    link = "https://activate.example.com" + link_in(text_of(mail).encode())
    (name,) = world.answers(ticket)
    assert (
        text_of(mail)
        == f"""\
Example

Your response file is ready:
Download {name}
{link}
The link works until 1 December 2026. You can use it as often as you like, or
forward it. After that, choose the request file again at
https://activate.example.com to get the same response.

  License    015.120.020.093, Example Modeler Professional
  Computer   LAB-07
  Seat       1
  Ends       24 November 2027

What to do now
1. Open the link and save the file.
2. Copy {name} to a USB drive.
3. On LAB-07, open Example Modeler > License Configuration, choose
   015.120.020.093, then Activate. Or run:
   keyferry install {name}

The file works only on LAB-07. If you did not ask for this, ignore it or tell
us:
licensing@example.com
"""
    )
    assert {header: mail[header] for header in HEADERS} == HEADERS
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


HEADERS = {
    "From": "Example Licensing <licensing@example.com>",
    "To": ANNA,
    "Reply-To": "licensing@example.com",
    "Subject": "Response file for license 015.120.020.093 (LAB-07)",
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "All",
    "Content-Language": "en",
}


def test_html_says_the_same_with_one_link_and_nothing_from_elsewhere(world: World) -> None:
    world.sell()
    world.send(world.activate(a_request_file(LAB_07), ANNA))
    mail = the_mail(world)
    html = text_of(mail, "html")
    assert len(html.encode()) <= 6 * 1024
    assert html.count("<a ") == 1
    assert "<img" not in html
    assert html.count("https://") == 3  # the link's address and its text, and the page's address
    for word in text_of(mail).split():
        assert word.rstrip(":,") in html or word in ("1.", "2.", "3.", ">")


def test_after_seven_days_the_link_is_gone_and_a_browser_gets_a_page(world: World) -> None:
    world.sell()
    world.send(world.activate(a_request_file(LAB_07), ANNA))
    path = link_in(world.mails()[0].replace(b"=\r\n", b""))
    world.now += 7 * DAY
    answer = world.call("GET", path)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "link-not-found")
    page = world.call("GET", path, headers={"accept": "text/html,application/xhtml+xml"})
    assert page["statusCode"] == 404
    assert page["headers"]["Content-Type"].startswith("text/html")
    assert "<h1>This link no longer works</h1>" in page["body"]


def test_a_refusal_is_mailed_without_a_link_and_without_names(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    ticket = world.activate(a_request_file(LAB_08), ANNA)
    world.send(ticket)
    mail = the_mail(world)
    # A subject that is folded before its first word keeps a space there when it is read.
    assert mail["Subject"].strip() == (
        "Request for license 015.120.020.093 was not granted: its only seat is in use"
    )
    text = text_of(mail)
    assert "/api/responses/" not in text
    assert "<a " not in text_of(mail, "html")
    assert "choose your request file again on the page" in " ".join(text.split())
    assert "go to https://activate.example.com" in " ".join(text.split())
    assert "LAB-07" not in text
    assert "Your request file is unchanged." in text
    assert world.ticket(ticket)["email"] == "sent"


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [("", False), ("LAB 07", False), ("Click evil.example", False), ("A-1_b", True)],
)
def test_only_a_plain_computer_name_appears_in_an_email(
    world: World, name: str, is_shown: bool
) -> None:
    world.sell()
    file = a_request_file(LAB_07, machine=_named(name))
    world.send(world.activate(file, ANNA))
    mail = the_mail(world)
    assert mail["Subject"].endswith(f"020.093 ({name})" if is_shown else "020.093 (seat 1)")
    assert ("On the computer with seat 1, open" in text_of(mail)) is not is_shown
    if name:
        assert (name in text_of(mail)) is is_shown


def _named(name: str) -> HashedMachine:
    return replace(a_request(LAB_07).machine, name=name)


def test_an_update_and_a_receipt_have_their_own_emails(world: World) -> None:
    world.sell(seats=2)
    world.activate(a_request_file(LAB_07))
    world.send(world.activate(a_request_file(LAB_07, "update", last_serial=1), ANNA))
    assert the_mail(world)["Subject"] == "Updated license 015.120.020.093 (LAB-07)"
    assert text_of(the_mail(world)).startswith(
        "Example\n\nYour updated license is ready. Ends: 24 November 2027. The license keeps"
    )
    assert "  Ends       24 November 2027\n" in text_of(the_mail(world))
    world.activate(a_request_file(LAB_08))
    receipt = a_request_file(LAB_07, "deactivate", last_serial=2)
    ticket = world.activate(receipt, ANNA)
    world.send(ticket)
    mail = the_mail(world)
    assert mail["Subject"] == "License 015.120.020.093: the seat is free again (was on LAB-07)"
    assert "Ends" not in text_of(mail)
    first = " ".join(text_of(mail).split("https://")[0].split())
    assert first == (
        "Example The seat is free: 1 of 2 in use. Keep this message as proof. "
        "Install the receipt on LAB-07 to finish there: "
        f"Download {next(iter(world.answers(ticket)))}"
    )
    assert link_in(text_of(mail).encode())
    world.send(world.activate(receipt, ANNA))  # by then others may have the seat
    assert text_of(the_mail(world)).startswith(
        "Example\n\nThe seat was freed. Keep this message as"
    )


@pytest.mark.parametrize(
    ("before", "after", "first", "fact"),
    [
        (
            NOW + 6 * DAY,
            NOW + 371 * DAY,
            "Ends: 30 November 2027 (was 30 November 2026). The license keeps working",
            "Ends       30 November 2027 (was 30 November 2026)",
        ),
        (
            NOW + 6 * DAY,
            None,
            "No end date (was 30 November 2026). The license keeps working",
            "Ends       No end date (was 30 November 2026)",
        ),
        (None, None, "No end date. The license keeps working", "Ends       No end date"),
        (
            None,
            NOW + 371 * DAY,
            "Ends: 30 November 2027. The license keeps working",
            "Ends       30 November 2027",
        ),
    ],
)
def test_an_update_says_first_when_the_license_ends(
    world: World, before: int | None, after: int | None, first: str, fact: str
) -> None:
    world.sell(valid_until=before)
    world.activate(a_request_file(LAB_07))
    license = world.license()
    world.licenses.change(license, replace(license, valid_until=after, revision=2))
    world.send(world.activate(a_request_file(LAB_07, "update", last_serial=1), ANNA))
    text = text_of(the_mail(world))
    assert " ".join(text.split()).startswith(
        f"Example Your updated license is ready. {first} in the meantime."
        " Response file: Download 015120020093-"
    )
    assert f"  {fact}\n" in text


# ---- How many, and to whom


def test_without_an_address_nothing_is_sent(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    assert world.send(ticket) == []
    assert (world.mails(), world.ticket(ticket)["email"]) == ([], "none")


def test_an_email_is_sent_once_even_if_the_message_comes_twice(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    world.send(ticket)
    world.send(ticket)
    assert len(world.mails()) == 1


def test_a_request_is_mailed_to_three_addresses_at_most(world: World) -> None:
    world.sell()
    states = []
    for number in (1, 2, 3, 3, 4):
        ticket = world.activate(a_request_file(LAB_07), f"{number}@example.org")
        world.send(ticket)
        states.append(world.ticket(ticket)["email"])
    assert states == ["sent", "sent", "sent", "sent", "withheld"]


def test_a_license_sends_twenty_mails_a_day_at_most(world: World) -> None:
    world.sell()
    for number in range(20):
        world.send(world.activate(a_request_file(LAB_07, id=f"{number:032x}"), ANNA))
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    world.send(ticket)
    assert world.ticket(ticket)["email"] == "withheld"
    world.now += DAY
    again = world.activate(a_request_file(LAB_07), ANNA)
    world.send(again)
    assert world.ticket(again)["email"] == "sent"


def test_failed_attempts_count_as_one_email(world: World) -> None:
    world.sell()
    sender = {"EmailIdentity": "licensing@example.com"}
    world.ses.delete_email_identity(**sender)  # nothing can be sent
    tickets = [world.activate(a_request_file(LAB_07), ANNA) for _ in range(2)]
    for ticket in 10 * tickets:  # each is given up after ten tries
        assert len(world.send(ticket)) == 1
    world.ses.create_email_identity(**sender)
    for ticket in tickets:
        assert world.send(ticket) == []
    assert [world.ticket(ticket)["email"] for ticket in tickets] == ["sent"] * 2


def test_an_address_that_bounced_gets_no_mail(world: World) -> None:
    world.sell()
    key = {"pk": {"S": f"suppressed#{hash_address('ANNA@example.org')}"}}
    world.dynamodb.put_item(TableName="Tickets", Item=key)
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    world.send(ticket)
    assert (world.mails(), world.ticket(ticket)["email"]) == ([], "withheld")


def test_the_page_can_have_the_mail_sent_to_another_address(world: World) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07))
    answer = world.call("POST", f"/api/requests/{ticket}/mail", {"email": "bert@example.org"})
    assert answer["statusCode"] == 202
    assert world.ticket(ticket)["email"] == "pending"
    (message,) = world.sqs.receive_message(QueueUrl=QUEUE)["Messages"]
    record = world.notice("send_response", "", "") | {"body": message["Body"]}
    assert world.handle("send_response", record) == []
    assert the_mail(world)["To"] == "bert@example.org"
    assert world.ticket(ticket)["email"] == "sent"
