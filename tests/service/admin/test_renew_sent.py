"""`license renew --links` and `--mail`: one link and one zip for each contact of a customer."""

import csv
import email
import re
import zipfile
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from keyferry import verify_response
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys
from keyferry_service.adapters.emails_dynamodb import MAILS_PER_LICENSE
from keyferry_service.adapters.feedback_ses import MAIL_TAG, Feedback, Reason
from keyferry_service.domain.ticket import LIFE_S
from keyferry_service.use_cases.follow_link import FollowLink, NoSuchLink
from keyferry_service.use_cases.record_feedback import RecordFeedback
from tests.service.admin.ctrl_c import CtrlC
from tests.service.admin.functions import Functions
from tests.service.admin.screens import GOLDEN, pem_key
from tests.service.admin.test_mailed_letters import Ses
from tests.service.admin.test_renew import sell
from tests.support.samples import DAY, NOW

ANNA, BO = "anna@acme.example", "bo@borealis.example"
PLANT = "license renew --status active --yes"
LINKS = "https://activate.example.com/api/responses/"


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Ses:
    ses = Ses()
    monkeypatch.setattr(Stack, "ses", ses)
    return ses


@pytest.fixture
def plant(stack: Stack, functions: Functions, ses: Ses, tmp_path: Path) -> Stack:
    """Acme has two licenses with one contact, Borealis has one, and Cygnus nobody to mail to."""
    pem_key(stack, tmp_path / "key.pem")
    where = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket="keyferry-out", CreateBucketConfiguration=where)
    until = NOW + 365 * DAY
    sell(stack, f"{1:012}", "Acme Modéling", 2, contact=ANNA, valid_until=until)
    sell(stack, f"{2:012}", "Acme Modéling", 1, contact=ANNA, valid_until=until)
    sell(stack, f"{3:012}", "Borealis", 1, contact=BO)
    return stack


class Clock:
    now = NOW

    def time(self) -> float:
        return self.now

    monotonic = time


def followed(stack: Stack, link: str, clock: Clock | None = None) -> zipfile.ZipFile:
    """The zip to which a link leads."""
    assert link.startswith(LINKS)
    url = FollowLink(stack.emails, stack.files, clock or Clock()).follow(link[len(LINKS) :])
    key = re.search("renewals/[^?]*", url)
    assert key is not None
    reply = boto3.client("s3").get_object(Bucket="keyferry-out", Key=key[0])
    assert reply["ContentType"] == "application/zip"
    name = key[0].rpartition("/")[2]
    assert f"attachment%3B%20filename%3D%22{name}%22" in url
    return zipfile.ZipFile(BytesIO(reply["Body"].read()))


def mails(ses: Ses) -> dict[str, EmailMessage]:
    """The one mail that each address got."""
    by_address: dict[str, EmailMessage] = {}
    for sent in ses.sent:
        (to,) = sent["Destination"]["ToAddresses"]
        message = email.message_from_bytes(sent["Content"]["Raw"]["Data"], policy=default)
        assert isinstance(message, EmailMessage)
        assert to not in by_address
        by_address[to] = message
    return by_address


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def link_in(message: EmailMessage) -> str:
    url = re.search(rf"{LINKS}\S+", text_of(message))
    assert url is not None
    return url[0]


def test_each_contact_gets_one_mail_with_one_link_to_one_zip(
    run: Any, plant: Stack, ses: Ses
) -> None:
    ran = run(f"{PLANT} --mail")
    assert (ran.exit, ran.out) == (0, (GOLDEN / "license-renew-mail.txt").read_text())
    sent = mails(ses)
    assert sent.keys() == {ANNA, BO}
    assert (
        text_of(sent[ANNA]).replace(link_in(sent[ANNA]), "LINK")
        == (GOLDEN / "mail-renewed.txt").read_text()
    )
    archive = followed(plant, link_in(sent[ANNA]))
    assert "Acme-Modeling-responses.zip" in text_of(sent[ANNA])
    key_set = keys.export(plant.signing_keys, plant.licenses)
    responses = [verify_response(archive.read(name), key_set) for name in archive.namelist()]
    assert {(r.license.number, r.seat, r.kind) for r in responses} == {
        (f"{1:012}", 1, "renewal"),
        (f"{1:012}", 2, "renewal"),
        (f"{2:012}", 1, "renewal"),
    }
    assert [f"{r.file_stem}.response" for r in responses] == archive.namelist()
    assert len(followed(plant, link_in(sent[BO])).namelist()) == 1


def test_a_mail_is_counted_and_shown_where_it_came_back(run: Any, plant: Stack, ses: Ses) -> None:
    assert run(f"{PLANT} --mail").exit == 0
    assert plant.emails.mail_counts(f"{1:012}", NOW).sent_today == 1
    assert plant.emails.mail_counts(f"{2:012}", NOW).sent_today == 0, "one mail, counted once"
    to_anna = next(s for s in ses.sent if s["Destination"]["ToAddresses"] == [ANNA])
    (tag,) = to_anna["EmailTags"]
    assert tag["Name"] == MAIL_TAG
    feedback = Feedback(tag["Value"], Reason.BOUNCE, "General", is_final=True)
    RecordFeedback(plant.emails, plant.suppressions, Clock()).record(feedback)
    assert "1 came back" in run(f"license show {1:012}").out
    assert f"{1:012}" in str(run("mail list --json").json)
    ses.sent.clear()
    again = run(f"{PLANT} --mail --json").json["error"]
    assert (again["code"], [each["contact"] for each in again["not_sent"]]) == (
        "some-failed",
        [ANNA],
    )
    assert (again["not_sent"][0]["code"], ses.sent) == ("mail-not-sent", [])


def test_a_second_run_mails_nobody_twice_until_its_terms_change(
    run: Any, plant: Stack, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(f"{PLANT} --mail")
    again = run(f"{PLANT} --mail --json").json
    assert (len(ses.sent), again["mailed"], len(again["mailed_before"])) == (2, [], 2)
    run(f"license extend {3:012} --until 2030-01-01 --yes")
    third = run(f"{PLANT} --mail --json").json
    assert [each["contact"] for each in third["mailed"]] == [BO]
    monkeypatch.setattr("time.time", lambda: NOW + LIFE_S)
    last = run(f"{PLANT} --mail --json").json
    assert len(last["mailed"]) == 2, "the links of the first run have ended"


def test_each_contact_gets_a_line_in_the_file_of_links(
    run: Any, plant: Stack, ses: Ses, tmp_path: Path
) -> None:
    sell(plant, f"{4:012}", '=HYPERLINK("http://evil.example")', 1)
    file = tmp_path / "links.csv"
    ran = run([*PLANT.split(), "--links", str(file)])
    assert (ran.exit, ses.sent) == (0, [])
    assert file.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert list(rows[0]) == ["licensee", "contact", "licenses", "computers", "link", "ends"]
    assert [(row["contact"], row["licenses"], row["computers"]) for row in rows] == [
        ("", f"{4:012}", "1"),
        (ANNA, f"{1:012} {2:012}", "3"),
        (BO, f"{3:012}", "1"),
    ]
    assert rows[0]["licensee"].startswith("'=HYPERLINK")
    for row in rows:
        assert row["ends"] == "2026-12-01T09:47:00Z"
        assert len(followed(plant, row["link"]).namelist()) == int(row["computers"])
    ended = Clock()
    ended.now += LIFE_S
    with pytest.raises(NoSuchLink):
        followed(plant, rows[1]["link"], ended)


def test_a_link_is_stored_as_a_hash_and_its_row_ends_it(
    run: Any, plant: Stack, tmp_path: Path
) -> None:
    run(f"{PLANT} --links {tmp_path / 'links.csv'}")
    (row, *_) = csv.DictReader((tmp_path / "links.csv").read_text().splitlines())
    dynamodb, table = boto3.client("dynamodb"), plant.output("TicketsTable")
    items = dynamodb.scan(TableName=table)["Items"]
    token = row["link"].rpartition("/")[2]
    assert len(token) == 43
    assert token not in str(items)
    for item in items:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"]})
    with pytest.raises(NoSuchLink):
        followed(plant, row["link"])


def test_all_three_ways_in_one_run(run: Any, plant: Stack, ses: Ses, tmp_path: Path) -> None:
    out, links = tmp_path / "out", tmp_path / "links.csv"
    document = run(f"{PLANT} --folder {out} --links {links} --mail --json").json
    assert [len(document[name]) for name in ("renewed", "zips", "mailed")] == [4, 2, 2]
    assert document["links"] == {"file": str(links), "count": 2}
    assert len(ses.sent) == 2


def test_the_language_is_that_of_the_email(run: Any) -> None:
    assert "Language of the email, such as de." in run("license renew --help").out
    assert "Language of the email or letter, such as de." in run("mail preview --help").out
    assert "Language of the letter, such as de." in run("license letter --help").out


def test_a_new_link_is_no_mail(run: Any, plant: Stack, ses: Ses, tmp_path: Path) -> None:
    command = f"{PLANT} --links {tmp_path / 'links.csv'} --mail"
    run(command)
    ran = run(command)
    assert "links.csv: 2 links\n  Mailed to 0 contacts\n" in ran.out
    assert "Already mailed, so not mailed again: 2\n" in ran.out
    assert "bounces" not in ran.out
    document = run(f"{command} --json").json
    assert (document["mailed"], len(document["mailed_before"])) == ([], 2)
    assert len(ses.sent) == 2


def test_a_license_without_a_contact_stops_no_other(
    run: Any, plant: Stack, ses: Ses, tmp_path: Path
) -> None:
    sell(plant, f"{4:012}", "Cygnus", 1)
    error = run(f"{PLANT} --mail --json").json["error"]
    assert (error["code"], error["no_contact"]) == ("some-failed", [f"{4:012}"])
    assert "license change" in error["next_step"]
    assert mails(ses).keys() == {ANNA, BO}
    assert f"{4:012}" not in {each["license_number"] for each in error["renewed"]}
    one = run(f"license renew {4:012} --mail --json").json["error"]
    assert one["code"] == "no-contact"
    filed = run(f"license renew {4:012} --mail --folder {tmp_path / 'out'} --json").json["error"]
    assert [each["license_number"] for each in filed["renewed"]] == [f"{4:012}"]


def test_two_contacts_of_one_customer_get_their_own_computers_alone(
    run: Any, plant: Stack, ses: Ses
) -> None:
    sell(plant, f"{4:012}", "Acme Modéling", 1, contact="cy@acme.example")
    run(f"{PLANT} --mail")
    names = followed(plant, link_in(mails(ses)["cy@acme.example"])).namelist()
    assert [name[:12] for name in names] == [f"{4:012}"]


def test_a_mail_that_fails_stops_no_other_and_goes_out_next_time(
    run: Any, plant: Stack, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ses.send_email

    def fail_for_anna(**mail: Any) -> None:
        if mail["Destination"]["ToAddresses"] == [ANNA]:
            raise ReadTimeoutError(endpoint_url="https://ses.test")
        send(**mail)

    monkeypatch.setattr(ses, "send_email", fail_for_anna)
    error = run(f"{PLANT} --mail --json").json["error"]
    assert (error["code"], mails(ses).keys()) == ("some-failed", {BO})
    assert "Ask whether it arrived" in error["next_step"]
    monkeypatch.setattr(ses, "send_email", send)
    again = run(f"{PLANT} --mail --json").json
    assert [each["contact"] for each in again["mailed"]] == [ANNA]
    assert plant.emails.mail_counts(f"{1:012}", NOW).sent_today == 1, "sent again, counted once"


def test_a_contact_that_is_no_address_stops_no_other(run: Any, plant: Stack, ses: Ses) -> None:
    sell(plant, f"{4:012}", "Cygnus", 1, contact="a\r\nBcc: all@evil.example")
    error = run(f"{PLANT} --mail --json").json["error"]
    assert mails(ses).keys() == {ANNA, BO}
    (failed,) = error["not_sent"]
    assert (failed["licensee"], failed["code"]) == ("Cygnus", "mail-not-sent")
    assert "is not an email address" in failed["title"]
    assert "license change NUMBER --contact" in error["next_step"]


def test_a_license_at_its_cap_gets_no_mail(run: Any, plant: Stack, ses: Ses) -> None:
    for count in range(MAILS_PER_LICENSE):
        plant.emails.allow_letter_mail(f"{1:012}", ANNA, f"{count:032}", NOW)
    error = run(f"{PLANT} --mail --json").json["error"]
    assert [each["contact"] for each in error["not_sent"]] == [ANNA]
    assert mails(ses).keys() == {BO}


def test_a_run_that_ctrl_c_ended_says_who_has_nothing_yet_and_goes_on(
    run: Any, plant: Stack, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10, 20):
        sell(plant, f"{number:012}", f"Customer {number}", 1, contact=f"{number}@c.example")
    send, ctrl_c = ses.send_email, CtrlC(at=3)

    def interrupt(**mail: Any) -> None:
        send(**mail)
        ctrl_c.count()

    monkeypatch.setattr(ses, "send_email", interrupt)
    error = run(f"{PLANT} --mail --json").json["error"]
    assert (error["code"], error["exit"]) == ("interrupted", 130)
    assert len(error["mailed"]) + len(error["not_sent"]) == 12
    assert len(error["mailed"]) in (3, 4), "two are sent at the same time"
    rest = run(f"{PLANT} --mail --json").json
    assert len(rest["mailed_before"]) == len(error["mailed"])
    assert mails(ses).keys() >= {ANNA, BO, "19@c.example"}


def test_a_ctrl_c_after_the_last_seat_had_begun_mails_nobody_and_says_so(
    run: Any, plant: Stack, ses: Ses, functions: Functions
) -> None:
    ctrl_c = CtrlC(at=3)
    functions.before_each = lambda event: ctrl_c.count()
    error = run(f"{PLANT} --mail --json").json["error"]
    assert (error["code"], len(error["renewed"]), error["not_tried"]) == ("interrupted", 4, [])
    assert ([each["contact"] for each in error["not_sent"]], ses.sent) == ([ANNA, BO], [])
    assert len(run(f"{PLANT} --mail --json").json["mailed"]) == 2


def test_a_customer_whose_seats_are_not_all_done_gets_nothing_yet(
    run: Any, plant: Stack, ses: Ses, functions: Functions
) -> None:
    def fail(event: Any) -> None:
        if event["renew"]["license_number"] == f"{2:012}":
            raise ReadTimeoutError(endpoint_url="https://lambda.test")

    functions.before_each = fail
    assert run(f"{PLANT} --mail").exit == 1
    assert mails(ses).keys() == {BO}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="no way"),
        pytest.param("--links /nowhere/links.csv", id="no such folder"),
        pytest.param("--links {}", id="a folder in place of a file"),
        pytest.param("--mail --language tlh", id="no such language"),
    ],
)
def test_what_is_said_wrong_changes_nothing(
    run: Any, plant: Stack, ses: Ses, tmp_path: Path, line: str
) -> None:
    before = plant.licenses.get(f"{1:012}")
    ran = run(f"{PLANT} {line.format(tmp_path)}")
    assert ran.exit in (1, 2)
    assert "Traceback" not in ran.err
    assert (plant.licenses.get(f"{1:012}"), ses.sent) == (before, [])


def test_a_dry_run_says_who_would_get_a_mail(run: Any, plant: Stack, ses: Ses) -> None:
    sell(plant, f"{4:012}", "Cygnus", 1)
    ran = run("license renew --status active --mail --dry-run")
    assert "No contact, so not mailed: 1 license." in ran.out
    assert ANNA in ran.out
    assert ses.sent == []


def test_the_words_are_the_vendors(
    run: Any, plant: Stack, ses: Ses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "vendor" / "languages" / "de"
    own.mkdir(parents=True)
    (own / "email.json").write_text('{"renewed.subject": "Lizenzen für {n} Computer"}')
    run(f"{PLANT} --mail --vendor {tmp_path / 'vendor'} --language de")
    assert mails(ses)[ANNA]["Subject"] == "Lizenzen für 3 Computer"


def test_licenses_are_extended_and_their_computers_mailed_in_one_go(
    run: Any, plant: Stack, ses: Ses
) -> None:
    ran = run("license extend --status active --until 2030-01-01 --renew --mail --yes --json")
    assert (ran.exit, len(ran.json["renewals"]["mailed"])) == (0, 2)
    assert "1 January 2030" in text_of(mails(ses)[ANNA])
    assert run(f"license extend {1:012} --until 2031-01-01 --mail --yes").exit == 2
    assert run(f"license extend {1:012} --until 2031-01-01 --renew --yes").exit == 2
