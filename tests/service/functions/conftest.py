"""The real handlers on moto inside this process: tables, buckets and queues in one small world."""

import importlib.util
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.ses.models import ses_backends

from keyferry_protocol.keys import KeySet, PinnedKey
from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.adapters.signers import Signers
from keyferry_service.adapters.signing_keys_dynamodb import FRESH_S, SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.upload import Upload
from keyferry_service.use_cases.answer_request import AnswerRequest
from keyferry_service.use_cases.publish_response import PublishResponse
from keyferry_service.use_cases.send_email import SendEmail
from keyferry_service.views.refusal_text import Vendor
from tests.support.builders import NOW, NUMBER, SERVICE_KEY, VENDOR, a_license
from tests.support.http_contract import check_answer

ROOT = Path(__file__).parents[3]
IN, OUT = "keyferry-in-123456789012-eu-central-1", "keyferry-out-123456789012-eu-central-1"
PAGE_ORIGIN, SENDER = "https://activate.example.com", "licensing@example.com"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/keyferry-responses"
KEYS = KeySet((VENDOR.alg,), (PinnedKey(VENDOR.keyid, VENDOR.alg, VENDOR.public, True),))


@dataclass
class Context:
    """Lambda's context; each look at the time that is left takes a tenth of a second."""

    left_ms: int = 20_000
    function_name: str = "keyferry"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:keyferry"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        self.left_ms -= 100
        return self.left_ms


def an_event(function: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "functions" / function / "event.json").read_text())
    return event


@dataclass
class World:
    """What a page, a courier and a vendor can do, and what they find."""

    handlers: dict[str, Any]
    service: dict[str, Any]  # the handlers' own AWS clients, by service; the page's S3 is "page s3"
    dynamodb: Any
    s3: Any
    ses: Any
    sqs: Any
    log: StringIO
    pem_folder: Path
    now: int = NOW
    left_ms: int = 20_000  # of each call's time

    @property
    def context(self) -> Context:
        return Context(self.left_ms)

    @property
    def licenses(self) -> Licenses:
        return Licenses(self.dynamodb, "Licenses")

    def license(self) -> LicenseRecord:
        license = self.licenses.get(NUMBER)
        assert license is not None
        return license

    def sell(self, **terms: Any) -> None:
        self.licenses.create(a_license(**terms))

    def call(
        self, method: str, path: str, said: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """One call of the HTTP API."""
        event = an_event("public_api")
        event["rawPath"] = path
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["headers"] |= headers or {}
        event["body"] = said if isinstance(said, str) or said is None else json.dumps(said)
        answer: dict[str, Any] = self.handlers["public_api"](event, self.context)
        check_answer(method, path, answer["statusCode"], answer["headers"], answer["body"])
        return answer

    def open_ticket(self, email: str | None = None) -> str:
        answer = self.call("POST", "/api/requests", {"email": email, "language": "en"})
        assert answer["statusCode"] == 201, answer
        return str(json.loads(answer["body"])["id"])

    def ticket(self, ticket: str) -> dict[str, Any]:
        answer = self.call("GET", f"/api/requests/{ticket}")
        assert answer["statusCode"] == 200, answer
        said: dict[str, Any] = json.loads(answer["body"])
        return said

    def upload(self, ticket: str, data: bytes) -> dict[str, Any]:
        """Put a request file; the message that S3 then sends."""
        upload = self.put(ticket, data)
        return self.notice("process_request", upload.key, upload.version_id)

    def put(self, ticket: str, data: bytes) -> Upload:
        """Put a request file."""
        key = f"requests/{ticket}"
        version = self.s3.put_object(Bucket=IN, Key=key, Body=data)["VersionId"]
        return Upload(ticket, key, version, self.now)

    def answer_request(self, **adapters: Any) -> AnswerRequest:
        """What another process of the function answers with; some of its adapters may be fakes."""
        made: dict[str, Any] = {
            "files": Files(self.s3, IN, OUT),
            "licenses": self.licenses,
            "tickets": Tickets(self.dynamodb, "Tickets"),
            "signing_keys": SigningKeys(self.dynamodb, "Licenses"),
            "clock": time,
        } | adapters
        signers = Signers(partial(KmsSigner, self.service["kms"]), self.pem_folder)
        responses = PublishResponse(made["files"], made["signing_keys"], signers, made["clock"])
        return AnswerRequest(**made, responses=responses)

    def send_email(self, **adapters: Any) -> SendEmail:
        made: dict[str, Any] = {
            "tickets": Tickets(self.dynamodb, "Tickets"),
            "mailer": Mailer(self.ses, SENDER, "keyferry"),
            "sender": SENDER,
            "page_origin": PAGE_ORIGIN,
            "vendor": Vendor("Example", SENDER),
            "clock": time,
            "secrets": secrets,
        } | adapters
        return SendEmail(**made)

    def notice(self, function: str, key: str, version: str, bucket: str = "") -> dict[str, Any]:
        record: dict[str, Any] = deepcopy(an_event(function)["Records"][0])
        body = json.loads(record["body"])
        body["Records"][0]["s3"]["object"] |= {"key": key, "versionId": version}
        if bucket:
            body["Records"][0]["s3"]["bucket"]["name"] = bucket
        record["body"] = json.dumps(body)
        record["messageId"] = f"message of {key} {version}"
        return record

    def process(self, *messages: dict[str, Any]) -> list[str]:
        """Have the messages processed; those that the queue is to bring again."""
        return self.handle("process_request", *messages)

    def handle(self, function: str, *messages: dict[str, Any]) -> list[str]:
        event = {"Records": list(messages)}
        answer = self.handlers[function](event, self.context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def activate(self, data: bytes, email: str | None = None) -> str:
        """The whole way of one file; its ticket."""
        ticket = self.open_ticket(email)
        assert self.process(self.upload(ticket, data)) == []
        return ticket

    def answers(self, ticket: str) -> dict[str, bytes]:
        """What lies in the out bucket for a ticket, by file name."""
        found = self.s3.list_objects_v2(Bucket=OUT, Prefix=f"responses/{ticket}/")
        keys = [entry["Key"] for entry in found.get("Contents", [])]
        return {key.rpartition("/")[2]: self.read(key) for key in keys}

    def response(self, ticket: str) -> bytes:
        (data,) = [d for name, d in self.answers(ticket).items() if name.endswith(".response")]
        return data

    def read(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=OUT, Key=key)["Body"].read()
        return data

    def send(self, ticket: str) -> list[str]:
        """Have the mail of a ticket's answer sent."""
        (name,) = self.answers(ticket)
        return self.handle(
            "send_response", self.notice("send_response", f"responses/{ticket}/{name}", "1")
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.dynamodb.scan(TableName=table)["Items"]
        return items

    def mails(self) -> list[bytes]:
        sent = ses_backends["123456789012"]["eu-central-1"].sent_messages
        return [message.raw_data.encode() for message in sent]


# Each world begins so many seconds later that the handlers read this world's signing keys anew.
_beginnings = count(0, 2 * FRESH_S)


@dataclass
class Cloud:
    """The handlers and clients, made once a module since that takes longer than most tests."""

    handlers: dict[str, Any]
    service: dict[str, Any]
    clients: dict[str, Any]
    log: StringIO
    pem_folder: Path


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    pem = Ed25519PrivateKey.from_private_bytes(VENDOR.seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    folder = tmp_path_factory.mktemp("pem")
    (folder / "test.pem").write_bytes(pem)
    settings = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "LICENSES_TABLE": "Licenses",
        "TICKETS_TABLE": "Tickets",
        "IN_BUCKET": IN,
        "OUT_BUCKET": OUT,
        "RESPONSES_QUEUE": QUEUE,
        "PAGE_ORIGIN": PAGE_ORIGIN,
        "VENDOR_NAME": "Example",
        "SUPPORT_CONTACT": SENDER,
        "MAIL_FROM": SENDER,
        "MAIL_CONFIGURATION_SET": "keyferry",
        "ORIGIN_SECRET": "0123456789abcdef0123456789abcdef",
        "PEM_FOLDER": str(folder),
        "POWERTOOLS_SERVICE_NAME": "keyferry",
        "POWERTOOLS_METRICS_NAMESPACE": "Keyferry",
    }
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        for name, value in settings.items():
            patched.setenv(name, value)
        patched.delenv("AWS_ENDPOINT_URL", raising=False)
        clients: Any = {name: boto3.client(name) for name in ("dynamodb", "s3", "sqs", "sesv2")}
        log, service = Logger(), _ServiceClients(boto3.client)
        names = ("public_api", "process_request", "send_response", "mail_feedback")
        with patched.context() as loading:
            loading.setattr(boto3, "client", service.client)
            handlers = {name: _load(name).lambda_handler for name in names}
        stream = StringIO()
        log.registered_handler.setStream(stream)
        yield Cloud(handlers, service.made, clients, stream, folder)


@dataclass
class _ServiceClients:
    """Gives all handlers the same clients, so that a test may watch or break any call of AWS."""

    make: Callable[..., Any]
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, name: str, config: Any) -> Any:
        known = "page s3" if config.signature_version else name
        if known not in self.made:
            self.made[known] = self.make(name, config=config)
        return self.made[known]


@pytest.fixture
def world(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> World:
    BackendDict.reset()
    dynamodb, s3, sqs, ses = (cloud.clients[name] for name in ("dynamodb", "s3", "sqs", "sesv2"))
    _make_table(dynamodb, "Licenses", "pk", "sk")
    _make_table(dynamodb, "Tickets", "pk")
    for bucket in (IN, OUT):
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    sqs.create_queue(QueueName="keyferry-requests")
    assert sqs.create_queue(QueueName="keyferry-responses")["QueueUrl"] == QUEUE
    ses.create_email_identity(EmailIdentity="licensing@example.com")
    ses.create_configuration_set(ConfigurationSetName="keyferry")
    SigningKeys(dynamodb, "Licenses").put(SERVICE_KEY)
    cloud.log.seek(0)
    cloud.log.truncate()
    world = World(
        cloud.handlers, cloud.service, dynamodb, s3, ses, sqs, cloud.log, cloud.pem_folder
    )
    later = next(_beginnings)
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + later)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "time", lambda: world.now)
    return world


def _make_table(dynamodb: Any, name: str, *keys: str) -> None:
    kinds = ("HASH", "RANGE")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[
            {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)
        ],
    )


def _load(function: str) -> ModuleType:
    """A handler's module as new, so that its clients are this world's."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def link_in(mail: bytes) -> str:
    """The path of the one link of a mail."""
    (link,) = set(re.findall(rb"https://activate\.example\.com(/api/responses/[\w-]{43})", mail))
    return str(link.decode())
