"""Each function under AWS's own runtime client, with the oldest boto3 that a runtime may have.

`pytest tests/soak/lambda_runtime/functions.py`; with `--arm64` also on Lambda's Python and
processor, which qemu emulates. The stack, its queues and its buckets are those of `make run`; what
Lambda does, polling, filtering, handing over and deleting, the test does itself.
"""

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

import keyferry
from keyferry_service.adapters.licenses_dynamodb import Licenses
from local.stack import BUILD
from tests.browser.journeys.test_journey import mails
from tests.service.functions.test_events import as_json, passes
from tests.soak.lambda_runtime.arm64 import arm64_machine
from tests.soak.lambda_runtime.sandbox import Machine, Report, Sandbox
from tests.stack.test_build import FUNCTIONS, logical_name
from tests.stack.test_dead_letters import eventually
from tests.stack.test_events import Server, running_server
from tests.stack.test_mail_feedback import a_notice, publish
from tests.stack.test_template import RESOURCES
from tests.support.customer import Customer
from tests.support.journeys import client, upload
from tests.support.running_stack import ROOT, RunningStack

PROPERTIES = {name: RESOURCES[logical_name(name)]["Properties"] for name in FUNCTIONS}
QUEUES = {
    name: event["Properties"]["Queue"]["GetAtt"].removesuffix(".Arn")
    for name, function in PROPERTIES.items()
    for event in function.get("Events", {}).values()
    if event["Type"] == "SQS"
}
HERE, ARM64 = "this processor", "arm64, emulated"

pytestmark = pytest.mark.timeout(1800)  # an emulated processor is slow


class Lambda:
    """Runs the functions of a stack in the place of the embedded cloud's own Lambda."""

    def __init__(self, server: Server, machine: Machine, folder: Path) -> None:
        self.server, self.stack = server, server.stack
        self._machine, self._folder = machine, folder
        self._sandboxes: dict[str, Sandbox] = {}

    def start(self, name: str, *missing: str, **variables: str) -> Sandbox:
        """A new execution environment, where variables of the template are missing or others."""
        function = client(self.stack, "lambda").get_function_configuration(
            FunctionName=self.stack.outputs[logical_name(name)]
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
        for variable in missing:
            del function["Environment"]["Variables"][variable]
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

    def poll(self, name: str) -> list[dict[str, Any]]:
        """What waits in a function's queue, and is invisible to others from now on."""
        reply = client(self.stack, "sqs").receive_message(
            QueueUrl=self._queue(name), MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        return messages

    def event(self, name: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Messages as an event source mapping hands them over."""
        queue = self._queue(name).rpartition("/")[2]
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for message in messages
        ]
        return {"Records": records}

    def records(self) -> list[dict[str, Any]]:
        """What the streams of both tables bring, where their filters let it through."""
        streams, records = client(self.stack, "dynamodbstreams"), []
        for table in PROPERTIES["publish_events"]["Events"]:
            (stream,) = streams.list_streams(TableName=self.stack.outputs[f"{table}Table"])[
                "Streams"
            ]
            arn = {"StreamArn": stream["StreamArn"]}
            (shard,) = streams.describe_stream(**arn)["StreamDescription"]["Shards"]
            place = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            start = streams.get_shard_iterator(**arn, **place)["ShardIterator"]
            for record in as_json(streams.get_records(ShardIterator=start)["Records"]):
                del record["dynamodb"]["ApproximateCreationDateTime"]  # is no JSON
                if passes(record, table):
                    records.append(record)
        return records

    def work_off(self, name: str) -> int:
        """Have a function do all that is in its queue; how many messages that was."""
        done = 0
        while messages := self.poll(name):
            report = self.invoke(name, self.event(name, messages))
            assert (report.kind, report.document) == ("response", {"batchItemFailures": []})
            for message in messages:
                client(self.stack, "sqs").delete_message(
                    QueueUrl=self._queue(name), ReceiptHandle=message["ReceiptHandle"]
                )
            done += len(messages)
        return done

    def bring_back(self, name: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Let the queue's visibility timeout pass at once."""
        for message in messages:
            client(self.stack, "sqs").change_message_visibility(
                QueueUrl=self._queue(name),
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=0,
            )

    def _queue(self, name: str) -> str:
        return self.stack.outputs[QUEUES[name]]

    def close(self) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()


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
    folder = tmp_path_factory.mktemp("functions")
    with running_server(stack, folder) as server:
        service, mappings = client(stack, "lambda"), []
        for mapping in service.list_event_source_mappings()["EventSourceMappings"]:
            mappings.append(mapping["UUID"])
        for uuid in mappings:
            service.update_event_source_mapping(UUID=uuid, Enabled=False)
        running = Lambda(server, machine, folder)
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
    assert followed["statusCode"] == 303
    linked = requests.get(followed["headers"]["Location"], timeout=60).content
    assert linked == response
    publish(functions.stack, a_notice(functions.stack, ticket["id"]))
    assert functions.work_off("mail_feedback")
    assert json.loads(functions.call("GET", path)["body"])["email"] == "bounced"

    report = functions.invoke("publish_events", {"Records": functions.records()})
    assert (report.kind, report.document) == ("response", {"batchItemFailures": []})
    eventually(lambda: functions.work_off("send_webhook") > 0)
    events = [event["type"] for event in functions.server.events(customer.number)]
    whats = ["email.bounced", "license.changed", "request.answered"]
    assert sorted(events) == [f"keyferry.{what}" for what in whats]

    for name in FUNCTIONS:
        text = functions.log(name).read_text()
        for secret in (address, customer.code, link, ticket["id"]):
            assert secret not in text
        for line in lines_of(functions.log(name)):
            assert line["service"] == "keyferry"
    lines = [line.get("message") for line in lines_of(functions.log("process_request"))]
    assert "answered" in lines, lines


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_missing_setting_is_reported_at_the_start_and_ends_the_environment(
    functions: Lambda, name: str
) -> None:
    setting = next(iter(PROPERTIES[name]["Environment"]["Variables"]))
    sandbox = functions.start(name, setting)
    try:
        report = sandbox.invoke({"Records": []})
        assert report.kind == "init/error", report
        assert report.document["errorMessage"] == repr(setting)
        assert sandbox.invoke({"Records": []}) == Report("exit", 1)
    finally:
        sandbox.close()


@pytest.mark.parametrize("name", [*QUEUES, "publish_events"])
def test_an_event_of_another_shape_is_an_error_and_the_next_one_is_handled(
    functions: Lambda, name: str
) -> None:
    report = functions.invoke(name, {"no": "records"})
    assert (report.kind, report.document["errorType"]) == ("error", "KeyError")
    recorded = (ROOT / "functions" / name / "event.json").read_bytes()  # of another stack
    report = functions.invoke(name, json.loads(recorded))
    assert (report.kind, report.document) == ("response", {"batchItemFailures": []})


@contextmanager
def a_deaf_service(name: str) -> Iterator[dict[str, str]]:
    """The setting for a service that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield {f"AWS_ENDPOINT_URL_{name}": "http://{}:{}".format(*deaf.getsockname())}


def test_a_function_that_runs_out_of_time_is_ended_and_the_next_environment_answers(
    functions: Lambda,
) -> None:
    event = functions.api_event("GET", f"/api/requests/{'a' * 43}")
    sandbox = functions.start("public_api")
    assert sandbox.invoke(event).document["statusCode"] == 404
    sandbox.freeze()  # of itself it ends each call of AWS in time
    assert sandbox.invoke(event, within_s=1) == Report("timeout")
    assert functions.call("GET", event["rawPath"])["statusCode"] == 404


@pytest.mark.parametrize("service", ["DYNAMODB", "KMS"])
def test_a_message_that_a_deaf_service_held_up_alone_comes_again_and_is_answered_once(
    functions: Lambda, customer: Customer, service: str
) -> None:
    opened = functions.call("POST", "/api/requests", {"email": None, "language": "en"})
    ticket = json.loads(opened["body"])
    upload(ticket, customer.file())
    messages = functions.poll("process_request")
    with a_deaf_service(service) as setting:
        sandbox = functions.start("process_request", **setting)
        try:  # it gives up within its time, so this is a report
            report = sandbox.invoke(functions.event("process_request", messages))
        finally:
            sandbox.close()
    (message,) = messages
    failures = [{"itemIdentifier": message["MessageId"]}]
    assert (report.kind, report.document) == ("response", {"batchItemFailures": failures})
    functions.bring_back("process_request", messages)
    assert functions.work_off("process_request") == 1
    answered = json.loads(functions.call("GET", f"/api/requests/{ticket['id']}")["body"])
    assert answered["state"] == "ready"
    record = customer.table.get(customer.number)
    assert record is not None
    assert record.seats_used == 1
