"""`keyferry-admin license show`: one screen for the telephone."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_service.adapters.emails_dynamodb import (
    BOUNCES_PER_LICENSE,
    MAILS_PER_LICENSE,
    bounces_key,
    mail_key,
)
from keyferry_service.adapters.items_dynamodb import to_item
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode, RefusalRecord
from tests.service.admin.screens import GOLDEN
from tests.service.admin.test_explain import Desk, answered, desk, run
from tests.support.builders import LAB_07, LAB_08, Computer, a_license, a_request_file
from tests.support.samples import DAY, NOW, NUMBER

__all__ = ["desk", "run"]  # the fixtures


def mailed(desk: Desk, sent: int, bounced: int) -> None:
    for row in (
        {"pk": mail_key(NUMBER, NOW), "message_ids": {f"m{n}" for n in range(sent)}},
        {"pk": bounces_key(NUMBER, NOW), "bounce_count": bounced},
    ):
        desk.tables.put_item(TableName="Tickets", Item=to_item(row))


def test_one_screen_has_seats_moves_refusals_mails_and_what_to_say(run: Any, desk: Desk) -> None:
    desk.stack.licenses.create(a_license(seats=2, moves_per_year=1, contact="it@example.org"))
    answered(
        a_request_file(LAB_07),
        a_request_file(LAB_08),
        a_request_file(Computer("LAB-09"), replaces_seat=1),
    )(desk.stack)
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 0})
    for n in range(5):
        at = NOW - n * DAY
        desk.stack.refusals.keep(
            RefusalRecord(NUMBER, at, "activate", f"LAB-1{n}", f"ticket-{n}", refusal)
        )
    mailed(desk, 3, 1)
    before = desk.rows()
    shown = run(f"license show {NUMBER}").out
    assert shown == (GOLDEN / "license-show-busy.txt").read_text()
    assert max(map(len, shown.splitlines())) < 80
    assert len(shown.splitlines()) <= 28
    document = run(f"license show {NUMBER} --json").json
    assert [seat["machine_name"] for seat in document["seats"]] == ["LAB-09", "LAB-08"]
    assert (document["moves_left"], document["next_move_at"]) == (0, "2027-11-25T00:00:00Z")
    assert [each["machine_name"] for each in document["refusals"]][4] == "LAB-14"
    assert document["mails"] == {
        "sent_today": 3,
        "most_a_day": 20,
        "bounced": 1,
        "bounces_until": "2026-12-03T00:00:00Z",
        "withheld": False,
    }
    assert document["next_steps"] == [
        "All 2 seats on this license are in use. This license cannot be moved again until "
        "25 November 2027. Wait until then, or ask licensing@example.com to allow one more move."
    ]
    assert desk.rows() == before


@pytest.mark.parametrize(
    ("license", "words"),
    [
        (a_license(), "On the offline computer, open Example Modeler > License Configuration"),
        (a_license(status=Status.SUSPENDED), "This license is on hold. Ask licensing@example.com"),
        (a_license(status=Status.REVOKED), "This license has been revoked. It cannot be"),
        (a_license(valid_until=NOW - DAY), "This license ended on 23 November 2026. Renew it with"),
        (a_license(seats_used=1), "The only seat on this license is in use. Deactivate"),
        (a_license(seats_ever_used=1, moves_per_year=0), "This license has no moves left. Ask"),
    ],
)
def test_what_to_say_follows_the_services_own_rules(
    run: Any, desk: Desk, license: LicenseRecord, words: str
) -> None:
    desk.stack.licenses.create(replace(license))
    first, *_ = run(f"license show {NUMBER} --json").json["next_steps"]
    assert first.startswith(words)


@pytest.mark.parametrize(("moves", "is_said"), [(1, True), (0, False)])
def test_a_lost_computer_can_be_chosen_on_the_page_while_a_move_is_left(
    run: Any, desk: Desk, moves: int, is_said: bool
) -> None:
    desk.stack.licenses.create(a_license(seats_used=1, seats_ever_used=1, moves_per_year=moves))
    steps = run(f"license show {NUMBER} --json").json["next_steps"]
    assert any("choose the computer that is lost or broken" in step for step in steps) is is_said


@pytest.mark.parametrize(
    ("sent", "bounced", "text"),
    [
        (
            MAILS_PER_LICENSE,
            0,
            "0 came back; blocked for the rest of the day (UTC)",
        ),
        (1, BOUNCES_PER_LICENSE, "1 sent today, 5 came back; blocked until 3 Dec 2026"),
    ],
)
def test_withheld_emails_are_told(run: Any, desk: Desk, sent: int, bounced: int, text: str) -> None:
    desk.stack.licenses.create(a_license())
    mailed(desk, sent, bounced)
    assert text in run(f"license show {NUMBER}").out
    assert run(f"license show {NUMBER} --json").json["mails"]["withheld"]
