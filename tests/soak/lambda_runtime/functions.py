"""Each function under AWS's own runtime client, with the oldest boto3 that a runtime may have.

`pytest tests/soak/lambda_runtime/functions.py`; with `--arm64` also on Lambda's Python and
processor, which qemu emulates. The stack, its queues and its buckets are those of `make run`; what
Lambda does, polling, handing over and deleting, the test does itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

import keyferry
from keyferry_service.adapters.licenses_dynamodb import Licenses
from local.stack import BUILD
from tests.browser.journeys.test_journey import mails
from tests.soak.lambda_runtime.arm64 import arm64_machine
from tests.soak.lambda_runtime.sandbox import Machine, Report, Sandbox
from tests.stack.test_mail_feedback import a_notice, publish
from tests.support.customer import Customer
from tests.support.journeys import client, upload
from tests.support.running_stack import ROOT, RunningStack

OLDEST_BOTO3 = "1.34.145"
QUEUES = {
    "process_request": "RequestsQueue",
    "send_response": "ResponsesQueue",
    "mail_feedback": "FeedbackQueue",
}
HERE, ARM64 = "this processor", "arm64, emulated"

pytestmark = pytest.mark.timeout(900)


class Lambda:
    """Runs the functions of a stack in the place of the embedded cloud's own Lambda."""

    def __init__(self, stack: RunningStack, machine: Machine, folder: Path) -> None:
        self.stack, self._machine, self._folder = stack, machine, folder
        self._sandboxes: dict[str, Sandbox] = {}

    def start(self, name: str, **variables: str) -> Sandbox:
        """A new execution environment; `variables` replace what the template says."""
        output = "".join(part.capitalize() for part in name.split("_")) + "Function"
        function = client(self.stack, "lambda").get_function_configuration(
            FunctionName=self.stack.outputs[output]
        )
        role = client(self.stack, "sts").assume_role(
            RoleArn=function["Role"], RoleSessionName=function["FunctionName"]
        )["Credentials"]
        function["Environment"]["Variables"] |= {
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            "AWS_ENDPOINT_URL": self.stack.endpoint,
            **variables,
        }
        return Sandbox(self._machine, f"functions/{name}", function, self.log(name))

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def invoke(self, name: str, event: Mapping[str, Any]) -> Report:
        if name not in self._sandboxes:
            self._sandboxes[name] = self.start(name)
        return self._sandboxes[name].invoke(event)

    def call(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        """The answer of the API, called as API Gateway calls it."""
        report = self.invoke("public_api", self.api_event(method, path, document))
        assert report.kind == "response", report
        answer: dict[str, Any] = report.document
        return answer

    def api_event(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        recorded = ROOT / "functions" / "public_api" / "event.json"
        event: dict[str, Any] = json.loads(recorded.read_bytes())
        distribution = client(self.stack, "cloudfront").get_distribution_config(
            Id=self.stack.outputs["DistributionId"]
        )["DistributionConfig"]
        for origin in distribution["Origins"]["Items"]:
            for header in origin.get("CustomHeaders", {}).get("Items", []):
                event["headers"][header["HeaderName"].lower()] = header["HeaderValue"]
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        event["pathParameters"] = {"proxy": path.removeprefix("/api/")}
        event["body"] = json.dumps(document)
        if document is None:
            del event["body"], event["headers"]["content-type"]
        return event

    def work_off(self, name: str) -> list[Report]:
        """Poll a function's queue until it is empty; what failed stays there."""
        sqs, url = client(self.stack, "sqs"), self.stack.outputs[QUEUES[name]]
        reports = []
        wanted = {"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
        while messages := sqs.receive_message(**wanted).get("Messages"):
            report = self.invoke(name, {"Records": [_record(url, each) for each in messages]})
            assert report.kind == "response", report
            failed = {item["itemIdentifier"] for item in report.document["batchItemFailures"]}
            for each in messages:
                if each["MessageId"] not in failed:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            reports.append(report)
        return reports

    def close(self) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()


def _record(queue_url: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as an event source mapping hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue_url.rpartition('/')[2]}",
        "awsRegion": "us-east-1",
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "functions" in metafunc.fixturenames:
        machines = [HERE, ARM64] if metafunc.config.getoption("--arm64") else [HERE]
        metafunc.parametrize("functions", machines, indirect=True, scope="module")


@pytest.fixture(scope="module")
def functions(
    request: pytest.FixtureRequest,
    stack: RunningStack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lambda]:
    if request.param == ARM64:
        machine = arm64_machine()
    else:
        machine = Machine((str(ROOT / ".venv-lambda" / "bin" / "python"), "-s"), BUILD)
    service, mappings = client(stack, "lambda"), []
    for mapping in service.list_event_source_mappings()["EventSourceMappings"]:
        mappings.append(mapping["UUID"])
    for uuid in mappings:
        service.update_event_source_mapping(UUID=uuid, Enabled=False)
    running = Lambda(stack, machine, tmp_path_factory.mktemp("functions"))
    try:
        yield running
    finally:
        running.close()
        for uuid in mappings:
            service.update_event_source_mapping(UUID=uuid, Enabled=True)


@pytest.fixture
def customer(stack: RunningStack, tmp_path: Path) -> Customer:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    return Customer(stack, table, tmp_path, seats=2)


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Each line of a log is a JSON document."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_whole_journey_runs_and_says_so_in_its_logs(
    functions: Lambda, customer: Customer
) -> None:
    address = f"{customer.number}@example.com"
    opened = functions.call("POST", "/api/requests", {"email": address, "language": "en"})
    assert opened["statusCode"] == 201
    ticket = json.loads(opened["body"])
    upload(ticket, customer.file())
    assert functions.work_off("process_request")
    assert functions.work_off("send_response")

    path = f"/api/requests/{ticket['id']}"
    ready = json.loads(functions.call("GET", path)["body"])
    assert (ready["state"], ready["email"]) == ("ready", "sent")
    response = requests.get(ready["response"]["download_url"], timeout=60).content
    place = customer.place(1)
    keyferry.install_response(response, customer.keys, **place)
    assert keyferry.load(keys=customer.keys, **place).seat == 1

    (mail,) = mails(functions.stack, address)
    (link,) = set(re.findall(r"/api/responses/[\w-]{43}", mail["text"]))
    followed = functions.call("GET", link)
    assert followed["statusCode"] == 302
    linked = requests.get(followed["headers"]["Location"], timeout=60).content
    assert linked == response
    publish(functions.stack, a_notice(functions.stack, ticket["id"]))
    assert functions.work_off("mail_feedback")
    assert json.loads(functions.call("GET", path)["body"])["email"] == "bounced"

    for name in ("public_api", *QUEUES):
        text = functions.log(name).read_text()
        for secret in (address, customer.code, link, ticket["id"]):
            assert secret not in text
        for line in lines_of(functions.log(name)):
            assert line["service"] == "keyferry"
    events = [line.get("message") for line in lines_of(functions.log("process_request"))]
    assert "answered" in events, events
