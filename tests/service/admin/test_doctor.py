"""What `keyferry-admin doctor` makes of each fact, and how it says so."""

import json
import shutil
import socket
import ssl
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.doctor import alarms, diagnose, mail, page, queues, quotas, tables
from keyferry_admin.use_cases.doctor import keys as signing
from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, UNKNOWN, WARNING, Finding
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.admin.screens import GOLDEN, Pipe
from tests.support.running_stack import ROOT
from tests.support.samples import NOW

PAGE = "https://activate.example.com"
DOMAIN = "d111111abcdef8.cloudfront.net"
SENDER = "licensing@mail.example.com"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/5f2c0b8e"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:keyferry-feedback"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:keyferry-alarms"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
ACCOUNT = mail.MailAccount(True, True, "HEALTHY", 50_000, 14, 12)
FEEDBACK = mail.Feedback("keyferry", "topic", QUEUE, True, frozenset(mail.FEEDBACK), {QUEUE})
KEY = SigningKey("0f3b9c5d2a7e4816", "Ed25519", bytes(32), KeyStatus.ACTIVE, ARN)
FILE = replace(KEY, kms_arn=None, pem="ed25519.pem")
ED25519 = signing.KmsKey("Enabled", "ECC_NIST_EDWARDS25519")
SIGNING = signing.Signing([KEY], {ARN: ED25519}, False, [])
FUNCTION = queues.Function("process_request", None, True, "1a2b", "Enabled")
KEPT = tables.Kept("table of keys", "keys", True, True)
TABLES = tables.Tables([KEPT], "tickets", True)
ISSUED = page.Certificate("ISSUED", ["example.com", "*.example.com"], 300)
FILES = page.Files({"index.html": "1", "page.css": "2"}, {"index.html": "1", "page.css": "2"})
VENDOR = page.Answer(200, b"{}")
API = page.Answer(404, b'{"code": "not-found"}')


def denied(action: str) -> ClientError:
    """A missing right, in the words of AWS."""
    message = (
        f"User: arn:aws:iam::123456789012:user/kim is not authorized to perform: {action} "
        "because no identity-based policy allows it"
    )
    error = {"Code": "AccessDeniedException", "Message": message}
    return ClientError({"Error": error}, action.partition(":")[2])


def account(**changes: Any) -> list[Finding]:
    return mail.judge_account(replace(ACCOUNT, **changes))


def sender(*known: tuple[str, bool, str]) -> list[Finding]:
    return mail.judge_sender(SENDER, [mail.Identity(*each) for each in known])


def feedback(**changes: Any) -> list[Finding]:
    return mail.judge_feedback(replace(FEEDBACK, **changes))


def keys(**changes: Any) -> list[Finding]:
    return signing.judge_keys(replace(SIGNING, **changes))


def functions(**changes: Any) -> list[Finding]:
    return queues.judge_functions([FUNCTION, replace(FUNCTION, **changes)])


def certificate(host: str = "activate.example.com", **changes: Any) -> list[Finding]:
    return page.judge_certificate(f"https://{host}", CERTIFICATE, replace(ISSUED, **changes))


def address(**changes: Any) -> list[Finding]:
    answer = replace(VENDOR, **changes)
    return page.judge_address(PAGE, DOMAIN, answer, page.digest(b"{}"))


def subscribers(*known: tuple[str, bool], parameter: str = "") -> list[Finding]:
    listed = [alarms.Subscriber("email", *each) for each in known]
    return alarms.judge_subscribers(TOPIC, parameter, listed)


def alarm(**facts: Any) -> list[Finding]:
    known = alarms.Alarm("keyferry-RequestsDeadAlarm-1", "OK", "A request was given up.")
    return alarms.judge_alarms([known.name], [replace(known, **facts)])


@pytest.mark.parametrize(
    ("findings", "result", "says", "next_step"),
    [
        pytest.param(account(), OK, "12 of 50,000 emails", "", id="email can be sent"),
        pytest.param(account(emails_a_day=-1), OK, "12 of any number", "", id="no limit"),
        pytest.param(
            account(is_in_production=False), PROBLEM, "sandbox", "production access", id="sandbox"
        ),
        pytest.param(account(is_sending=False), PROBLEM, "stopped", "SES console", id="paused"),
        pytest.param(account(enforcement="SHUTDOWN"), PROBLEM, "stopped", "says why", id="shut"),
        pytest.param(account(enforcement="PROBATION"), WARNING, "reviewing", "says", id="review"),
        pytest.param(account(sent=40_000), WARNING, "40,000 of", "Service Quotas", id="80 %"),
        pytest.param(sender(), PROBLEM, "no identity", "identity mail.example.com", id="none"),
        pytest.param(
            sender(("example.com", False, "PENDING")), PROBLEM, "verified", "DNS", id="not verified"
        ),
        pytest.param(
            sender(("example.com", True, "NOT_STARTED")), WARNING, "signed", "spam", id="no DKIM"
        ),
        pytest.param(
            sender((SENDER, True, "NOT_STARTED"), ("example.com", True, "SUCCESS")),
            OK,
            "example.com is verified",
            "",
            id="the domain signs for the address",
        ),
        pytest.param(feedback(), OK, "reach this stack", "", id="bounces arrive"),
        pytest.param(
            feedback(is_sending=None), PROBLEM, "no configuration", "aws sesv2 create", id="no set"
        ),
        pytest.param(
            feedback(is_sending=False), PROBLEM, "turned off", "--sending-enabled", id="set is off"
        ),
        pytest.param(
            feedback(reported=frozenset({"BOUNCE"})), PROBLEM, "report", "both", id="no complaints"
        ),
        pytest.param(
            feedback(subscribed=frozenset()), PROBLEM, "its queue", "Raw", id="no subscription"
        ),
        pytest.param(keys(), OK, "Ed25519 0f3b9c5d2a7e4816 signs", "", id="one key signs"),
        pytest.param(keys(active=[]), PROBLEM, "No key", "keys create", id="no key"),
        pytest.param(
            keys(in_kms={}), PROBLEM, "not in KMS", "recovery.md", id="a key that is gone"
        ),
        pytest.param(
            keys(in_kms={ARN: replace(ED25519, state="Disabled")}),
            PROBLEM,
            "Disabled",
            f"aws kms enable-key --key-id {ARN}",
            id="a disabled key",
        ),
        pytest.param(
            keys(in_kms={ARN: replace(ED25519, state="PendingDeletion")}),
            PROBLEM,
            "PendingDeletion",
            "aws kms cancel-key-deletion",
            id="a key that is about to be deleted",
        ),
        pytest.param(
            keys(in_kms={ARN: replace(ED25519, spec="RSA_2048")}),
            PROBLEM,
            "not ECC_NIST_EDWARDS25519",
            "keys retire",
            id="a key of another kind",
        ),
        pytest.param(keys(active=[FILE], allows_pem=True), OK, "signs", "", id="a key in a file"),
        pytest.param(keys(active=[FILE]), PROBLEM, "no folder", "keys create", id="file on AWS"),
        pytest.param(
            keys(unused=["ML-DSA-65"]), WARNING, "own ML-DSA-65 key", "keys create", id="unused"
        ),
        pytest.param(
            keys(uncopied=[KEY.keyid]), WARNING, "own table yet", "make deploy", id="not copied"
        ),
        pytest.param(
            keys(untrusted=[KEY.keyid]), WARNING, "does not sign", "upgrade.md", id="an old desk's"
        ),
        pytest.param(signing.judge_rights(1, []), OK, "can sign", "", id="rights"),
        pytest.param(
            signing.judge_rights(2, [KEY]),
            PROBLEM,
            "no right to sign",
            "SigningKeyArns",
            id="no right",
        ),
        pytest.param(functions(), OK, "All functions", "", id="functions run"),
        pytest.param(
            functions(mapping_state="Disabled"), PROBLEM, "paused", "--uuid 1a2b", id="paused queue"
        ),
        pytest.param(functions(mapping=""), PROBLEM, "not connected", "trigger", id="no mapping"),
        pytest.param(functions(reserved=0), PROBLEM, "cannot run", "delete-function", id="stopped"),
        pytest.param(
            queues.judge_events([queues.BucketEvents("in", "requests", "requests/", False)]),
            PROBLEM,
            "do not reach",
            "requests/",
            id="a silent bucket",
        ),
        pytest.param(queues.judge_dead_letters({"request": 0}), OK, "No message", "", id="none"),
        pytest.param(
            queues.judge_dead_letters({"request": 2, "email": 0}),
            WARNING,
            "(request: 2)",
            "redrive",
            id="given up",
        ),
        pytest.param(tables.judge_tables(TABLES), OK, "restored", "", id="tables"),
        pytest.param(
            tables.judge_tables(replace(TABLES, kept=[replace(KEPT, has_backups=False)])),
            PROBLEM,
            "no point-in-time recovery",
            "update-continuous-backups --table-name keys",
            id="no backups",
        ),
        pytest.param(
            tables.judge_tables(replace(TABLES, kept=[replace(KEPT, is_protected=False)])),
            PROBLEM,
            "deleted by mistake",
            "--deletion-protection-enabled",
            id="no protection",
        ),
        pytest.param(
            tables.judge_tables(replace(TABLES, forgets=False)),
            WARNING,
            "email addresses",
            "update-time-to-live --table-name tickets",
            id="no expiry",
        ),
        pytest.param(alarm(), OK, "None of 1", "", id="alarms"),
        pytest.param(alarm(state="ALARM"), WARNING, "given up.", "Watch", id="an alarm goes off"),
        pytest.param(alarm(acts=False), WARNING, "Turned off", "enable-alarm", id="silent alarm"),
        pytest.param(alarm(name="other"), WARNING, "Deleted: keyferry", "again", id="no alarm"),
        pytest.param(
            subscribers(("oncall@example.com", True)), OK, "oncall@", "", id="somebody is told"
        ),
        pytest.param(subscribers(), WARNING, "No one", "AlarmTopicEmail", id="nobody is told"),
        pytest.param(
            subscribers(("oncall@example.com", False)), WARNING, "confirmed", "lost", id="pending"
        ),
        pytest.param(
            subscribers(("$(id)@example.com", False)),
            WARNING,
            "confirmed",
            "--notification-endpoint '$(id)@example.com'",
            id="an address that a shell would run",
        ),
        pytest.param(
            subscribers(parameter="oncall@example.com"),
            WARNING,
            "was unsubscribed",
            "aws sns subscribe",
            id="unsubscribed by the link in an alarm",
        ),
        pytest.param(quotas.judge_quotas(40, 1000), OK, "1,000", "", id="quota"),
        pytest.param(
            quotas.judge_quotas(40, 10), WARNING, "10", "Service Quotas", id="new account"
        ),
        pytest.param(page.judge_files(FILES), OK, "All 2 files", "", id="the page"),
        pytest.param(
            page.judge_files(replace(FILES, uploaded={"index.html": "1"})),
            PROBLEM,
            "missing: page.css",
            "upload_page.py",
            id="a missing file",
        ),
        pytest.param(
            page.judge_files(replace(FILES, uploaded={"index.html": "1", "page.css": "old"})),
            PROBLEM,
            "not of this release: page.css",
            "upload_page.py",
            id="a file of another release",
        ),
        pytest.param(
            page.judge_files(page.Files({}, dict.fromkeys("abcde", "1"))),
            PROBLEM,
            "missing: a, b, c and 2 more",
            "upload_page.py",
            id="nothing was uploaded",
        ),
        pytest.param(address(), OK, "shows this stack's page", "", id="the address"),
        pytest.param(
            address(status=0, error="dns"), PROBLEM, "no address", f"CNAME {DOMAIN}", id="no DNS"
        ),
        pytest.param(
            address(status=0, error="tls"), PROBLEM, "do not trust", "CertificateArn", id="no TLS"
        ),
        pytest.param(
            address(status=0, error="timed out"), UNKNOWN, "this computer", "browser", id="blocked"
        ),
        pytest.param(
            address(body=b"parked"), PROBLEM, "not with this", f"CNAME {DOMAIN}", id="elsewhere"
        ),
        pytest.param(
            [page.elsewhere(PAGE)], WARNING, "another stack", "AliasHere=true", id="a second region"
        ),
        pytest.param(page.judge_api(PAGE, API), OK, "answers", "", id="the API"),
        pytest.param(
            page.judge_api(PAGE, page.Answer(429, b'{"code": "too-many-requests"}')),
            OK,
            "answers",
            "",
            id="the API, asked too often",
        ),
        pytest.param(
            page.judge_api(PAGE, page.Answer(429, b"")),
            UNKNOWN,
            "status 429",
            "Wait five minutes",
            id="the API at its throttle, or a web ACL",
        ),
        pytest.param(
            address(status=429), UNKNOWN, "status 429", "Wait five minutes", id="the page, too"
        ),
        pytest.param(
            page.judge_api(PAGE, page.Answer(404, b"<!doctype html>")),
            PROBLEM,
            "origin secret",
            "origin-secret rotate",
            id="another origin secret",
        ),
        pytest.param(
            page.judge_api(PAGE, page.Answer(503, b"<html>")),
            PROBLEM,
            "status 503",
            "public_api",
            id="the API is down",
        ),
        pytest.param(certificate(), OK, "300 days", "", id="a certificate"),
        pytest.param(certificate("example.com"), OK, "300 days", "", id="its first name"),
        pytest.param(
            certificate("a.b.example.com"), PROBLEM, "not for a.b", "Request one", id="two labels"
        ),
        pytest.param(certificate("example.org"), PROBLEM, "example.org", "ACM", id="another host"),
        pytest.param(certificate(days_left=29), WARNING, "29 days", "did not renew", id="it ends"),
        pytest.param(
            certificate(status="PENDING_VALIDATION", days_left=None),
            PROBLEM,
            "not issued",
            "DNS",
            id="not issued",
        ),
        pytest.param(
            certificate(status="EXPIRED"), PROBLEM, "EXPIRED", "another one", id="an expired one"
        ),
        pytest.param(
            page.judge_no_certificate(PAGE, DOMAIN),
            PROBLEM,
            "no certificate for activate.example.com",
            f"omit PageOrigin to use {DOMAIN}",
            id="no certificate",
        ),
        pytest.param(
            page.judge_no_certificate(f"https://{DOMAIN}", DOMAIN),
            OK,
            "CloudFront's own",
            "",
            id="CloudFront's own address",
        ),
    ],
)
def test_a_fact_leads_to_one_finding_with_its_next_step(
    findings: list[Finding], result: str, says: str, next_step: str
) -> None:
    (finding,) = findings
    assert finding.result == result
    assert says in finding.text
    assert next_step in finding.next_step
    assert bool(finding.next_step) is (result != OK)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("CREATE_COMPLETE", OK),
        ("UPDATE_COMPLETE", OK),
        ("IMPORT_COMPLETE", OK),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", WARNING),
        ("UPDATE_ROLLBACK_COMPLETE", WARNING),
        ("ROLLBACK_COMPLETE", PROBLEM),
        ("UPDATE_ROLLBACK_FAILED", PROBLEM),
        ("DELETE_FAILED", PROBLEM),
    ],
)
def test_what_cloudformation_did_last(status: str, result: str) -> None:
    assert diagnose.judge_stack(status).result == result


def test_without_the_folder_of_the_page_there_is_nothing_to_compare(
    stack: Stack, tmp_path: Path
) -> None:
    (finding,) = page.check_files(Deployment(stack, tmp_path / "site", NOW))
    assert finding.result == UNKNOWN
    assert "--site" in finding.next_step


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"id": "Example"}'])
def test_a_broken_vendor_json_is_named(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    shutil.copytree(ROOT / "static-site", tmp_path / "static-site")
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/vendor.json").write_text(content)
    monkeypatch.setattr(diagnose, "CHECKS", {"page": page.check_files})
    _, unknown = diagnose.diagnose(Deployment(stack, tmp_path / "static-site", NOW))
    assert unknown.result == UNKNOWN
    assert "vendor/vendor.json" in unknown.text


def test_a_stack_of_an_older_release_is_deployed_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnose, "CHECKS", {"given-up": queues.check_dead_letters})
    _, unknown = diagnose.diagnose(Deployment(stack, Path("static-site"), NOW))
    assert (unknown.result, "make deploy" in unknown.next_step) == (UNKNOWN, True)


def test_a_sender_may_be_verified_by_each_domain_above_it() -> None:
    assert mail.identities_for(SENDER) == [SENDER, "mail.example.com", "example.com"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            denied("ses:GetAccount"),
            "Could not check: the right ses:GetAccount is missing",
            id="a right is missing",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "ListX"),
            "Could not check: the right ListX is missing",
            id="a right is missing, and AWS does not name it",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate"}}, "GetX"),
            "Could not check: AWS is busy",
            id="throttled",
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://email.eu-central-1.amazonaws.com/"),
            "Could not check: Could not connect to the endpoint URL",
            id="no network",
        ),
    ],
)
def test_a_check_that_cannot_run_says_why_and_stops_no_other(
    error: Exception, text: str, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Deployment) -> list[Finding]:
        raise error

    fine = Finding("quotas", OK, "Enough")
    monkeypatch.setattr(diagnose, "CHECKS", {"email": fail, "quotas": lambda _: [fine]})
    _, unknown, after = diagnose.diagnose(Deployment(stack, Path("static-site"), NOW))
    assert (unknown.name, unknown.result) == ("email", UNKNOWN)
    assert unknown.text.startswith(text)
    assert unknown.next_step
    assert after == fine


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), "dns"),
        (urllib.error.URLError(ssl.SSLCertVerificationError("self-signed")), "tls"),
        (urllib.error.URLError(TimeoutError("timed out")), "timed out"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
    ],
)
def test_why_nothing_came_back(
    raised: OSError, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr("urllib.request.OpenerDirector.open", fail)
    assert page.fetch(PAGE) == page.Answer(error=error)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: {here}secret\r\nContent-Length: 0\r\n\r\n",
            page.Answer(302),
            id="a redirect",
        ),
        pytest.param(b"\x1b]0;owned\x07\r\n\r\n", page.Answer(error="BadStatusLine"), id="no HTTP"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3 * page.MOST),
            page.Answer(200, bytes(page.MOST)),
            id="without end",
        ),
        pytest.param(
            b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J",
            page.Answer(error="IncompleteRead"),
            id="half an error",
        ),
    ],
)
def test_whoever_has_the_host_now_leads_it_nowhere_and_writes_nothing_to_the_terminal(
    sent: bytes, answer: page.Answer
) -> None:
    calls: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):  # of a reader that has enough
            while True:
                connection, _ = listener.accept()
                with connection:
                    calls.append(connection.recv(4096).split(b"\r\n")[0])
                    connection.sendall(sent.replace(b"{here}", here.encode()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.settimeout(5)
        Thread(target=serve, args=[listener], daemon=True).start()
        assert page.fetch(f"{here}vendor.json") == answer
        assert calls == [b"GET /vendor.json HTTP/1.1"]


class OnAws(Deployment):
    """A stack on AWS, whose answers a test writes down as its documentation shows them."""

    def client(self, service: str, region: str | None = None) -> Any:
        return self.played[service]

    played: dict[str, Any]


@pytest.fixture
def on_aws(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OnAws]:
    def play(service: str, operation: str, reply: dict[str, Any], **parameters: str) -> OnAws:
        client: Any = boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]
        stubber = Stubber(client)
        stubber.add_response(operation, reply)
        stubber.activate()
        deployment = OnAws(stack, Path("static-site"), NOW)
        object.__setattr__(deployment, "played", {service: client})
        names = {"PageUrl": PAGE, "DistributionDomain": DOMAIN}
        monkeypatch.setattr(Stack, "output", lambda _, name: names[name])
        monkeypatch.setattr(Stack, "parameter", lambda _, name: parameters.get(name, ""))
        object.__setattr__(deployment, "resources", {"AlarmTopic": TOPIC})
        return deployment

    return play


def test_a_certificate_as_acm_describes_it(on_aws: Callable[..., OnAws]) -> None:
    ends = datetime.fromtimestamp(NOW + 10 * 86400, UTC)
    known = {"Status": "ISSUED", "DomainName": "activate.example.com", "NotAfter": ends}
    deployment = on_aws(
        "acm", "describe_certificate", {"Certificate": known}, CertificateArn=CERTIFICATE
    )
    (finding,) = page.check_certificate(deployment)
    assert (finding.result, finding.facts["days_left"]) == (WARNING, 10)


def test_a_subscriber_who_has_not_confirmed_as_sns_lists_it(on_aws: Callable[..., OnAws]) -> None:
    pending = {
        "SubscriptionArn": "PendingConfirmation",
        "Owner": "123456789012",
        "Protocol": "email",
        "Endpoint": "oncall@example.com",
        "TopicArn": TOPIC,
    }
    deployment = on_aws("sns", "list_subscriptions_by_topic", {"Subscriptions": [pending]})
    (finding,) = alarms.check_subscribers(deployment)
    assert finding.text.startswith("oncall@example.com has not confirmed")


SITE = dict.fromkeys("abcdefghijklmn", "1")
NEW_ON_AWS = [  # as on the first day
    *page.judge_files(page.Files(SITE, SITE)),
    *certificate(),
    *address(status=0, error="dns"),
    *keys(),
    *signing.judge_rights(1, []),
    diagnose.could_not_check("events", denied("s3:GetBucketNotification")),
    *account(is_in_production=False),
    *sender(("mail.example.com", True, "SUCCESS")),
    *subscribers(),
]


def test_the_report_of_a_new_deployment(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CHECKS", {"all": lambda _: NEW_ON_AWS})
    ran = run("doctor")
    assert ran.exit == 3
    assert ran.out == (GOLDEN / "doctor.txt").read_text()
    assert ran.out in (ROOT / "docs/operations/doctor.md").read_text()
    assert run("doctor", Pipe).out == ran.out


def test_the_report_as_a_document(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CHECKS", {"all": lambda _: NEW_ON_AWS})
    document = run("doctor --json").json
    counts = {name: document[name] for name in ("ok", "ready", "problems", "warnings", "unknown")}
    assert counts == {"ok": True, "ready": False, "problems": 2, "warnings": 1, "unknown": 1}
    results = [check["result"] for check in document["checks"]]
    assert results == sorted(results, key=["problem", "unknown", "warning", "ok"].index)
    assert document["checks"][0] == {
        "name": "address",
        "result": "problem",
        "status": 0,
        "text": "activate.example.com has no address in the DNS",
        "next_step": "Point it at this stack in your DNS: activate.example.com "
        f"CNAME {DOMAIN} (or an alias record).",
    }


@pytest.mark.parametrize(
    ("result", "code", "says"),
    [
        (OK, 0, "Ready."),
        (WARNING, 0, "Ready: 1 warning."),
        (UNKNOWN, 4, "Incomplete: 1 check could not run."),
        (PROBLEM, 3, "Not ready: 1 problem."),
    ],
)
def test_the_exit_code_says_whether_it_is_ready(
    run: Any, monkeypatch: pytest.MonkeyPatch, result: Any, code: int, says: str
) -> None:
    finding = Finding("email", result, "x", "Do y." if result != OK else "")
    monkeypatch.setattr(diagnose, "CHECKS", {"email": lambda _: [finding]})
    ran = run("doctor")
    assert (ran.exit, ran.out.splitlines()[-1]) == (code, says)
    assert json.loads(run("doctor --json").out)["ready"] is {0: True, 3: False, 4: None}[code]


def test_a_stack_that_is_not_there_is_an_error(run: Any) -> None:
    ran = run("doctor --stack other --json")
    assert (ran.exit, ran.json["error"]["code"]) == (1, "no-such-stack")
