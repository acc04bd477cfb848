"""`keyferry-admin mail`: the addresses that get no mail, and how to allow one again."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from keyferry_admin.stack import Stack
from keyferry_service.adapters.emails_dynamodb import BOUNCES_PER_LICENSE, SentMail, hash_address
from keyferry_service.adapters.feedback_ses import Feedback, Reason
from keyferry_service.adapters.suppressions_dynamodb import SUPPRESSED_S
from tests.service.admin.screens import GOLDEN, Pipe
from tests.support.samples import DAY, NOW, NUMBER

ANNA, BEN = "anna@example.com", "ben@example.com"


@pytest.fixture
def ses(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """A SES client that expects the calls for which a test adds responses."""
    client = boto3.client("sesv2")
    monkeypatch.setattr(Stack, "ses", client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def has_it(ses: Stubber, address: str) -> None:
    ses.add_response("delete_suppressed_destination", {}, {"EmailAddress": address})


def has_it_not(ses: Stubber, address: str) -> None:
    ses.add_client_error(
        "delete_suppressed_destination",
        "NotFoundException",
        http_status_code=404,
        expected_params={"EmailAddress": address},
    )


def hold_back(stack: Stack, address: str, reason: Reason, detail: str, at: int) -> None:
    """Write the suppression of an address whose mail bounced, as the service does."""
    mail_id = f"{at:032x}"
    boto3.client("dynamodb").put_item(
        TableName=stack.output("TicketsTable"), Item={"pk": {"S": f"sent#{mail_id}"}}
    )
    sent = SentMail("a" * 43, NUMBER, hash_address(address), at + 30 * DAY)
    stack.suppressions.add(Feedback(mail_id, reason, detail, True), sent, at)


def test_every_address_gets_mail(run: Any, stack: Stack) -> None:
    assert run("mail list").out.endswith("\nNo address is blocked.\n")
    assert run("mail list --json").json == {"ok": True, "stopped_licenses": [], "addresses": []}


def test_the_list_has_reason_and_date_but_no_address(run: Any, stack: Stack) -> None:
    hold_back(stack, ANNA, Reason.BOUNCE, "General", NOW - 2 * DAY)
    hold_back(stack, BEN, Reason.COMPLAINT, "", NOW - DAY)
    hold_back(stack, "old@example.com", Reason.BOUNCE, "General", NOW - SUPPRESSED_S)
    result = run("mail list")
    assert result.out == (GOLDEN / "mail-list.txt").read_text()
    lines = run("mail list", Pipe).out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [hash_address(BEN), hash_address(ANNA)]
    first, second = run("mail list --json").json["addresses"]
    assert first["reason"] == "complaint"
    assert second == {
        "address_sha256": hash_address(ANNA),
        "reason": "bounce",
        "detail": "General",
        "since": "2026-11-22T09:47:00Z",
        "until": "2027-11-22T09:47:00Z",
        "license_number": NUMBER,
        "ticket": "aaaaaaaa",
    }


def test_a_license_whose_mails_come_back_is_named_and_allowed_again(run: Any, stack: Stack) -> None:
    for number in range(BOUNCES_PER_LICENSE):
        assert "sends no email" not in run("mail list").out
        hold_back(stack, f"{number}@nowhere.example", Reason.BOUNCE, "General", NOW - number)
    assert run("mail list").out.splitlines()[-1] == (
        "! License 015.120.020.093 sends no email until 3 December 2026: 5 came back. "
        "keyferry-admin mail allow-license 015120020093 unblocks it."
    )
    assert run("mail list --json").json["stopped_licenses"] == [
        {"license_number": NUMBER, "bounces": 5, "until": "2026-12-03T00:00:00Z"}
    ]
    allowed = run(f"mail allow-license {NUMBER}")
    assert (allowed.exit, allowed.out) == (0, "✓ License 015.120.020.093 sends email again\n")
    assert run("mail list --json").json["stopped_licenses"] == []


@pytest.mark.parametrize(
    ("here", "in_ses", "holders"),
    [
        pytest.param(True, True, "since 22 November 2026: bounce, General", id="in both lists"),
        pytest.param(True, False, "since 22 November 2026: bounce, General", id="in ours alone"),
        pytest.param(False, True, "only in SES", id="in SES's alone"),
    ],
)
def test_an_address_is_taken_off_our_list_and_that_of_ses(
    run: Any, stack: Stack, ses: Stubber, here: bool, in_ses: bool, holders: str
) -> None:
    if here:
        hold_back(stack, ANNA, Reason.BOUNCE, "General", NOW - 2 * DAY)
    hold_back(stack, BEN, Reason.COMPLAINT, "abuse", NOW)
    (has_it if in_ses else has_it_not)(ses, ANNA)
    result = run(f"mail allow {ANNA}")
    assert (result.exit, result.out.splitlines()[0]) == (
        0,
        f"✓ {ANNA} gets email again. It was blocked {holders}",
    )
    assert [each.address_sha256 for each in stack.suppressions.all(NOW)] == [hash_address(BEN)]


def test_capitals_are_the_same_address_here(run: Any, stack: Stack, ses: Stubber) -> None:
    hold_back(stack, ANNA, Reason.BOUNCE, "General", NOW)
    has_it(ses, "Anna@Example.com")
    assert run("mail allow Anna@Example.com --json").json["lifted"]["reason"] == "bounce"


def test_allowing_an_address_that_is_not_suppressed_is_an_error(
    run: Any, stack: Stack, ses: Stubber
) -> None:
    has_it_not(ses, ANNA)
    result = run(f"mail allow {ANNA}")
    assert result.exit == 1
    assert result.err.startswith(f"X {ANNA} is not blocked (not-suppressed)\n")


def test_an_invalid_address_is_refused_before_any_call(
    run: Any, stack: Stack, ses: Stubber
) -> None:
    assert run("mail allow Anna").exit == 2


def test_nothing_changes_if_ses_does_not_answer(run: Any, stack: Stack, ses: Stubber) -> None:
    hold_back(stack, ANNA, Reason.BOUNCE, "General", NOW)
    ses.add_client_error("delete_suppressed_destination", "TooManyRequestsException")
    assert run(f"mail allow {ANNA} --json").json["error"]["code"] == "aws-busy"
    assert len(list(stack.suppressions.all(NOW))) == 1
