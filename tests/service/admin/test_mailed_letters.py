"""`keyferry-admin license letter`: a letter again, without the code, or mailed with a new one."""

import builtins
import email
import sys
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_service.adapters.emails_dynamodb import (
    BOUNCES_PER_LICENSE,
    MAILS_PER_LICENSE,
    SentMail,
    hash_address,
)
from keyferry_service.adapters.feedback_ses import MAIL_TAG, Feedback, Reason
from keyferry_service.use_cases.outcome import AddressSuppressed
from keyferry_service.use_cases.record_feedback import RecordFeedback
from tests.service.admin.screens import GOLDEN
from tests.support.samples import DAY, NOW, NUMBER

ANNA = "anna@example.com"
LETTER = f"license letter {NUMBER}"


class Ses:
    """SES: takes each mail, or refuses it with a code."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refuses = ""
        self.fails: BaseException | None = None

    def send_email(self, **mail: Any) -> None:
        if self.fails is not None:
            raise self.fails
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": ANNA}}, "SendEmail")
        self.sent.append(mail)

    @property
    def mail(self) -> EmailMessage:
        (sent,) = self.sent
        message = email.message_from_bytes(sent["Content"]["Raw"]["Data"], policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, kind: str) -> str:
        body = self.mail.get_body((kind,))
        assert body is not None
        return str(body.get_content())


@pytest.fixture
def ses(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Ses:
    ses = Ses()
    monkeypatch.setattr(Stack, "ses", ses)
    return ses


@pytest.fixture
def sold(run: Any, stack: Stack) -> Stack:
    """A license with a contact."""
    run(f"license create --number {NUMBER} --contact {ANNA} --licensee Acme --until 2027-11-30")
    return stack


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the user types."""

    def answers(text: str) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(builtins, "input", lambda: text)

    return answers


def test_a_letter_again_has_everything_but_the_code(run: Any, sold: Stack, tmp_path: Path) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    shown = run(LETTER)
    assert (shown.exit, shown.out) == (0, (GOLDEN / "letter-again.txt").read_text())
    assert run(f"{LETTER} --output {tmp_path / 'again.txt'}").exit == 0
    assert (tmp_path / "again.txt").read_text() == shown.out == run(f"{LETTER} --json").json["text"]
    assert (tmp_path / "again.txt").stat().st_mode & 0o777 == 0o600
    assert licenses.find(sold.licenses, NUMBER) == before


def test_a_mailed_letter_goes_to_the_contact_without_the_code(
    run: Any, sold: Stack, ses: Ses
) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    ran = run(f"{LETTER} --mail")
    assert (ran.exit, ran.out) == (0, (GOLDEN / "letter-mailed.txt").read_text())
    (sent,) = ses.sent
    assert sent["Destination"] == {"ToAddresses": [ANNA]}
    assert (sent["FromEmailAddress"], sent["ConfigurationSetName"]) == (
        "sender@example.com",
        "keyferry",
    )
    assert (ses.mail["To"], ses.mail["Reply-To"]) == (ANNA, "licensing@example.com")
    assert ses.mail["Subject"] == "Your license 015.120.020.093 for Example-Modeler"
    for part in (ses.part("plain"), ses.part("html")):
        assert "015.120.020.093" in part
        assert "30 November 2027" in part
        assert "Activation code" not in part
        assert "this letter does not say the activation code" in " ".join(part.split())
    assert licenses.find(sold.licenses, NUMBER) == before


def test_the_code_stays_where_the_contact_is_no_address(run: Any, sold: Stack, ses: Ses) -> None:
    """As another tool may have written it: known before the old code ends."""
    before = sold.licenses.get(NUMBER)
    assert before is not None
    sold.licenses.change(before, replace(before, contact="Anna", revision=before.revision + 1))
    error = run(f"{LETTER} --mail --with-code --yes --json").json["error"]
    assert (error["code"], error["next_step"][:17]) == ("no-contact", "Nothing was sent.")
    after = sold.licenses.get(NUMBER)
    assert after is not None
    assert after.activation_public == before.activation_public
    assert ses.sent == []


def test_with_code_a_new_one_is_mailed_after_a_warning_and_shown_nowhere_else(
    run: Any, sold: Stack, ses: Ses, typed: Any
) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    typed("no")
    refused = run(f"{LETTER} --mail --with-code")
    assert refused.out == (GOLDEN / "letter-with-code-prompt.txt").read_text()
    assert (refused.exit, ses.sent) == (1, [])
    assert licenses.find(sold.licenses, NUMBER) == before
    typed(NUMBER)
    ran = run(f"{LETTER} --mail --with-code")
    assert ran.exit == 0
    line = next(line for line in ses.part("plain").splitlines() if "Activation code" in line)
    code = line.split()[-1]
    public = activation_key(parse_activation_code(code, NUMBER), NUMBER).public
    assert licenses.find(sold.licenses, NUMBER).activation_public == public
    assert code in ses.part("html")
    assert "Your old code no longer works." in " ".join(ses.part("plain").split())
    assert code not in ran.out + str(ses.mail["Subject"])


def test_a_letter_that_comes_back_is_told_by_mail_list(run: Any, sold: Stack, ses: Ses) -> None:
    run(f"{LETTER} --mail")
    (tag,) = ses.sent[0]["EmailTags"]
    assert tag["Name"] == MAIL_TAG
    clock: Any = type("Clock", (), {"time": staticmethod(lambda: NOW)})
    feedback = Feedback(tag["Value"], Reason.BOUNCE, "General", True)
    recorded = RecordFeedback(sold.emails, sold.suppressions, clock).record(feedback)
    assert isinstance(recorded, AddressSuppressed)
    (address,) = run("mail list --json").json["addresses"]
    assert (address["license_number"], address["ticket"]) == (NUMBER, "")
    assert address["address_sha256"] == hash_address(ANNA)
    again = run(f"{LETTER} --mail")
    assert (again.exit, len(ses.sent)) == (1, 1)
    assert "(letter-not-mailed)" in again.err


def bounces(stack: Stack) -> None:
    """Other mails for this license came back."""
    for each in range(BOUNCES_PER_LICENSE):
        boto3.client("dynamodb").put_item(
            TableName=stack.output("TicketsTable"), Item={"pk": {"S": f"sent#{each:032x}"}}
        )
        sent = SentMail("a" * 43, NUMBER, hash_address(f"{each}@example.org"), NOW + DAY)
        stack.suppressions.add(Feedback(f"{each:032x}", Reason.BOUNCE, "", True), sent, NOW)


def mails_today(stack: Stack) -> None:
    """The license sent as many as it may."""
    for each in range(MAILS_PER_LICENSE):
        stack.emails.allow_letter_mail(NUMBER, f"{each}@example.org", f"{each:032x}", NOW)


@pytest.mark.parametrize("prepare", [bounces, mails_today])
def test_a_mail_that_is_withheld_replaces_no_code(
    run: Any, sold: Stack, ses: Ses, prepare: Any
) -> None:
    prepare(sold)
    before = licenses.find(sold.licenses, NUMBER)
    ran = run(f"{LETTER} --mail --with-code --yes")
    assert (ran.exit, ses.sent) == (1, [])
    assert f"No email goes to {ANNA} for license {NUMBER} now (letter-not-mailed)" in ran.err
    assert "Nothing was changed." in ran.err
    assert licenses.find(sold.licenses, NUMBER) == before


@pytest.mark.parametrize("code", ["AccessDeniedException", "MessageRejected"])
def test_a_refusal_of_ses_loses_no_code(run: Any, sold: Stack, ses: Ses, code: str) -> None:
    ses.refuses = code
    plain = run(f"{LETTER} --mail --json").json["error"]
    assert plain["code"] == "letter-not-mailed"
    assert f"was not emailed (SES: {code})" in plain["title"]
    assert "ses:SendEmail" in plain["next_step"]
    assert "activation_code" not in plain
    lost = run(f"{LETTER} --mail --with-code --yes --json").json["error"]
    public = activation_key(parse_activation_code(lost["activation_code"], NUMBER), NUMBER).public
    assert licenses.find(sold.licenses, NUMBER).activation_public == public
    assert lost["activation_code"] in lost["next_step"]


@pytest.mark.parametrize(
    "failure", [ReadTimeoutError(endpoint_url="https://ses"), KeyboardInterrupt()]
)
def test_a_mail_that_no_one_knows_of_loses_no_code(
    run: Any, sold: Stack, ses: Ses, failure: BaseException
) -> None:
    ses.fails = failure
    lost = run(f"{LETTER} --mail --with-code --yes --json").json["error"]
    assert (lost["code"], "may not have been emailed" in lost["title"]) == (
        "letter-not-mailed",
        True,
    )
    public = activation_key(parse_activation_code(lost["activation_code"], NUMBER), NUMBER).public
    assert licenses.find(sold.licenses, NUMBER).activation_public == public
    assert f"Ask whether it arrived at {ANNA}" in lost["next_step"]


@pytest.mark.parametrize(
    ("line", "exit_code", "sentence"),
    [
        ("license letter 015120020093 --with-code", 2, "--with-code needs --mail"),
        ("license letter 015120020093 --mail --output a.txt", 2, "exclude each other"),
        ("license letter 015120020093 --mail --language fr", 2, "Known: en."),
        ("license letter 015120020093 --output nowhere/a.txt", 1, "cannot be written"),
        ("license letter 015120020094 --mail", 1, "(no-such-license)"),
        ("license letter 015120020093 --mail --with-code", 1, "(not-confirmed)"),
    ],
)
def test_bad_input_sends_nothing_and_changes_nothing(
    run: Any, sold: Stack, ses: Ses, line: str, exit_code: int, sentence: str
) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    ended = run(line)
    assert (ended.exit, ended.out, ses.sent) == (exit_code, "", [])
    assert sentence in ended.err
    assert licenses.find(sold.licenses, NUMBER) == before


def test_without_a_contact_nothing_is_mailed_and_the_code_stays(
    run: Any, sold: Stack, ses: Ses
) -> None:
    run(f"license change {NUMBER} --contact none")
    before = licenses.find(sold.licenses, NUMBER)
    ended = run(f"{LETTER} --mail --with-code")  # told before it asks
    assert (ended.exit, ses.sent) == (1, [])
    assert "(no-contact)" in ended.err
    assert f"keyferry-admin license change {NUMBER} --contact ADDRESS" in ended.err
    assert licenses.find(sold.licenses, NUMBER) == before


def test_a_revoked_license_has_no_letter(run: Any, sold: Stack, ses: Ses) -> None:
    run(f"license revoke {NUMBER} --yes")
    for line in (LETTER, f"{LETTER} --mail"):
        assert "(license-revoked)" in run(line).err
    assert ses.sent == []
