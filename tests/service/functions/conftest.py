"""The real handlers, loaded once a module, and a new world of tables, buckets and queues a test."""

import concurrent.futures
import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import count
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber

from keyferry_service.adapters.signing_keys_dynamodb import FRESH_S, SigningKeys
from tests.support.builders import SERVICE_KEY, VENDOR
from tests.support.inline import InlineExecutor
from tests.support.tables import KEYS_TABLE, LICENSES_TABLE
from tests.support.world import (
    IN,
    OUT,
    PAGE_ORIGIN,
    QUEUE,
    REQUESTS_QUEUE,
    ROOT,
    SECOND_ORIGIN_SECRET,
    SENDER,
    World,
)

# Each world begins so long after the last one, with a minute of its own, that the handlers read
# this world's signing keys anew.
_beginnings = count(0, 3 * FRESH_S)


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
        "KEYS_TABLE": "Keys",
        "TICKETS_TABLE": "Tickets",
        "IN_BUCKET": IN,
        "OUT_BUCKET": OUT,
        "REQUESTS_QUEUE": REQUESTS_QUEUE,
        "RESPONSES_QUEUE": QUEUE,
        "PAGE_ORIGIN": PAGE_ORIGIN,
        "VENDOR_NAME": "Example",
        "SUPPORT_CONTACT": SENDER,
        "MAIL_FROM": SENDER,
        "MAIL_CONFIGURATION_SET": "keyferry",
        "ORIGIN_SECRET": f"0123456789abcdef0123456789abcdef {SECOND_ORIGIN_SECRET}",
        "PEM_FOLDER": str(folder),
        "EVENT_BUS": "keyferry",
        "STACK": "keyferry",
        "WEBHOOK_URL": "https://crm.example.com/keyferry?token=of-the-path",
        "WEBHOOK_SECRET": "keyferry-webhook",
        "POWERTOOLS_SERVICE_NAME": "keyferry",
        "POWERTOOLS_METRICS_NAMESPACE": "Keyferry",
    }
    one_at_a_time, answer = Lock(), BotocoreStubber.process_request

    def answer_alone(stubber: BotocoreStubber, request: Any) -> Any:
        with one_at_a_time:  # the messages of a batch have threads, and moto was not made for them
            return answer(stubber, request)

    with pytest.MonkeyPatch.context() as patched, mock_aws():
        patched.setattr(BotocoreStubber, "process_request", answer_alone)
        for name, value in settings.items():
            patched.setenv(name, value)
        patched.delenv("AWS_ENDPOINT_URL", raising=False)
        clients: Any = {name: boto3.client(name) for name in ("dynamodb", "s3", "sqs", "sesv2")}
        log, service = Logger(), _ServiceClients(boto3.client)
        names = ("public_api", "process_request", "send_response", "mail_feedback")
        names += ("publish_events", "send_webhook")
        with patched.context() as loading:
            loading.setattr(boto3, "client", service.client)
            # Calls follow each other, so that a test may tell their order.
            loading.setattr(concurrent.futures, "ThreadPoolExecutor", lambda _: InlineExecutor())
            handlers = {name: _load(name).lambda_handler for name in names}
        stream = StringIO()
        log.registered_handler.setStream(stream)
        yield Cloud(handlers, service.by_name, clients, stream, folder)


@dataclass
class _ServiceClients:
    """Gives all handlers the same clients, so that a test may watch or break any call of AWS."""

    make: Callable[..., Any]
    by_name: dict[str, Any] = field(default_factory=dict)

    def client(self, name: str, config: Any) -> Any:
        known = "page s3" if config.signature_version else name
        if known not in self.by_name:
            self.by_name[known] = self.make(name, config=config)
        return self.by_name[known]


@pytest.fixture
def world(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> World:
    BackendDict.reset()
    dynamodb, s3, sqs, ses = (cloud.clients[name] for name in ("dynamodb", "s3", "sqs", "sesv2"))
    dynamodb.create_table(TableName="Licenses", **LICENSES_TABLE)
    dynamodb.create_table(TableName="Keys", **KEYS_TABLE)
    dynamodb.create_table(
        TableName="Tickets",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    for bucket in (IN, OUT):
        where = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert sqs.create_queue(QueueName="keyferry-requests")["QueueUrl"] == REQUESTS_QUEUE
    assert sqs.create_queue(QueueName="keyferry-responses")["QueueUrl"] == QUEUE
    ses.create_email_identity(EmailIdentity="licensing@example.com")
    ses.create_configuration_set(ConfigurationSetName="keyferry")
    SigningKeys(dynamodb, "Keys", "Licenses").add(SERVICE_KEY)
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


def _load(function: str) -> ModuleType:
    """A handler's module as new, so that its clients are this world's."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
