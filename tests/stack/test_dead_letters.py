"""What is given up after ten tries: an alarm for the vendor, and one command that cures it.

Real are the faults, the ten tries, the queues and their moves, all functions, and the browser. Two
things pass faster than on AWS: a failed try comes again after a second, and for the quarter of an
hour that makes a delay, the deployed API's clock is put forward. And CloudWatch is told what SQS
tells it by itself on AWS.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from keyferry_service.views.ticket_view import DELAYED_S
from tests.support.journeys import client, open_ticket, upload, wait_for_ticket
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.timeout(300)
PATIENCE_S = 120
LATER = "import time\nnow = time.time\ntime.time = lambda: now() + {later_s}\n"


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)


@contextmanager
def tries_each_second(stack: RunningStack, queue: str) -> Iterator[None]:
    """What fails comes again after a second; ten times, as the template has it."""
    sqs, url = client(stack, "sqs"), stack.outputs[queue]
    names = ["VisibilityTimeout"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=kept)


@contextmanager
def signing_key_disabled(stack: RunningStack) -> Iterator[None]:
    kms, key = client(stack, "kms"), stack.outputs["Ed25519KeyArn"]
    kms.disable_key(KeyId=key)
    try:
        yield
    finally:
        kms.enable_key(KeyId=key)


@contextmanager
def right_taken_away(stack: RunningStack, function: str, action: str) -> Iterator[None]:
    """The function's role as someone left it who meant well."""
    iam = client(stack, "iam")
    config = client(stack, "lambda").get_function_configuration(
        FunctionName=stack.outputs[function]
    )
    role = config["Role"].rpartition("/")[2]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = [each for each in policy["Statement"] if action not in each["Action"]]
    assert len(less) < len(policy["Statement"])

    def put(document: Any) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    put(policy | {"Statement": less})
    try:
        yield
    finally:
        put(policy)


@contextmanager
def clock_forward(stack: RunningStack, folder: Path, later_s: int) -> Iterator[None]:
    """The deployed API, as it answers later."""
    functions, name = client(stack, "lambda"), stack.outputs["PublicApiFunction"]
    kept = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    (folder / "sitecustomize.py").write_text(LATER.format(later_s=later_s))

    def configure(variables: dict[str, str]) -> None:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    configure(kept | {"PYTHONPATH": str(folder)})
    try:
        yield
    finally:
        configure(kept)


def waiting_in(stack: RunningStack, queue: str) -> int:
    names = ["ApproximateNumberOfMessages"]
    url = stack.outputs[queue]
    reply = client(stack, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return int(reply["Attributes"][names[0]])


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def alarms_for(stack: RunningStack, queue: str, waiting: int) -> list[dict[str, Any]]:
    """The alarms that go off, and whom they tell, once CloudWatch knows how much lies there."""
    cloudwatch, name = client(stack, "cloudwatch"), stack.outputs[queue].rpartition("/")[2]
    datum = {
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": name}],
        "Value": waiting,
    }
    cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[datum])
    alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    return [alarm for alarm in alarms if alarm["Dimensions"] == datum["Dimensions"]]


def redrive(stack: RunningStack) -> Any:
    command = [str(stack.run / "keyferry-admin"), "request", "redrive", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_a_request_that_was_given_up_is_cured_by_one_command(
    page: Page, stack: RunningStack, offline: OfflineComputer, tmp_path: Path
) -> None:
    with signing_key_disabled(stack), tries_each_second(stack, "RequestsQueue"):
        page.goto(stack.page)
        page.set_input_files("#file", offline.request())
        page.fill("#email", "kim@example.com")
        page.click("text=Process request file")
        eventually(lambda: waiting_in(stack, "RequestsDeadQueue") == 1)
    expect(page.locator("h1")).to_have_text("Processing your request")
    ticket = page.url.partition("#t=")[2]
    (alarm,) = alarms_for(stack, "RequestsDeadQueue", waiting_in(stack, "RequestsDeadQueue"))
    assert alarm["AlarmDescription"].startswith("A request file was given up after ten tries.")
    assert [arn.rpartition(":")[2] for arn in alarm["AlarmActions"]] == ["keyferry-alarms"]

    with clock_forward(stack, tmp_path, DELAYED_S):
        told_late = page.expect_response(
            lambda answer: ticket in answer.url and "delayed" in answer.text(), timeout=60_000
        )
        with told_late as delayed:
            pass
        assert delayed.value.json()["state"] == "processing"
        expect(page.locator("#status")).to_have_text(
            "This is taking longer than usual. You can close this page; "
            "the link will be emailed to kim@example.com."
        )
        with page.expect_download(timeout=60_000) as download:
            report = redrive(stack)
        expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert report["redriven"] == [
        {
            "queue": "requests",
            "ticket": ticket[:8],
            "license_number": offline.number,
            "has_ended": False,
        }
    ]
    assert report["logs"] == ["/aws/lambda/keyferry-process-request"]
    offline.install(download.value.path().read_bytes())
    assert offline.check().ok
    assert redrive(stack) == {"ok": True, "redriven": [], "logs": []}


def test_a_mail_that_was_given_up_is_sent_after_one_command(
    stack: RunningStack, offline: OfflineComputer
) -> None:
    address = "robin@example.com"

    def mails() -> list[Any]:
        inbox = requests.get(f"{stack.inbox}/messages", timeout=60).json()
        return [mail for mail in inbox if address in mail["to"]]

    fault = right_taken_away(stack, "SendResponseFunction", "ses:SendRawEmail")
    with fault, tries_each_second(stack, "ResponsesQueue"):
        ticket = open_ticket(stack, address)
        upload(ticket, offline.request()["buffer"])
        eventually(lambda: waiting_in(stack, "ResponsesDeadQueue") == 1)
    state = requests.get(f"{stack.api}/requests/{ticket['id']}", timeout=60).json()
    assert (state["state"], state["email"]) == ("ready", "pending")
    (alarm,) = alarms_for(stack, "ResponsesDeadQueue", waiting_in(stack, "ResponsesDeadQueue"))
    assert alarm["AlarmDescription"].startswith("A mail was given up after ten tries.")
    (letter,) = redrive(stack)["redriven"]
    assert letter["queue"] == "responses"
    assert (letter["ticket"], letter["license_number"]) == (ticket["id"][:8], offline.number)
    assert wait_for_ticket(stack, ticket)["email"] == "sent"
    assert len(mails()) == 1
