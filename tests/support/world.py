"""The real handlers on moto inside this process: tables, buckets and queues in one small world."""

import json
import re
import secrets
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from moto.ses.models import ses_backends

from keyferry_protocol.keys import KeySet, PinnedKey
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.adapters.signers import Signers
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.upload import Upload
from keyferry_service.use_cases.answer_request import AnswerRequest
from keyferry_service.use_cases.publish_response import PublishResponse
from keyferry_service.use_cases.send_email import SendEmail
from keyferry_service.views.refusal_text import Vendor
from tests.support.builders import VENDOR, a_license
from tests.support.http_contract import check_answer
from tests.support.samples import NOW, NUMBER

ROOT = Path(__file__).parents[2]
IN, OUT = "keyferry-in-123456789012-eu-central-1", "keyferry-out-123456789012-eu-central-1"
PAGE_ORIGIN, SENDER = "https://activate.example.com", "licensing@example.com"
SECOND_ORIGIN_SECRET = "fedcba9876543210fedcba9876543210"
REQUESTS_QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/keyferry-requests"
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
    """What the page, a customer and the vendor can do with the service, and what they see."""

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
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """One call of the HTTP API; a body of bytes is a file."""
        event = an_event("public_api")
        event["rawPath"] = path
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["headers"] |= headers or {}
        event["isBase64Encoded"] = isinstance(body, bytes)
        if isinstance(body, bytes):  # as API Gateway passes on what is no text
            event["headers"] |= {"content-type": "application/octet-stream"} | (headers or {})
            body = b64encode(body).decode()
        event["body"] = body if isinstance(body, str) or body is None else json.dumps(body)
        reply: dict[str, Any] = self.handlers["public_api"](event, self.context)
        check_answer(method, path, reply["statusCode"], reply["headers"], reply["body"])
        return reply

    def open_ticket(self, email: str | None = None) -> str:
        reply = self.call("POST", "/api/requests", {"email": email, "language": "en"})
        assert reply["statusCode"] == 201, reply
        return str(json.loads(reply["body"])["id"])

    def ticket(self, ticket: str) -> dict[str, Any]:
        reply = self.call("GET", f"/api/requests/{ticket}")
        assert reply["statusCode"] == 200, reply
        document: dict[str, Any] = json.loads(reply["body"])
        return document

    def upload(self, ticket: str, data: bytes) -> dict[str, Any]:
        """Put a request file; the message that S3 then sends."""
        upload = self.put(ticket, data)
        return self.notice("process_request", upload.key, upload.version_id)

    def uploaded(self, ticket: str) -> dict[str, Any]:
        """The message that S3 sends of the file that the API has put."""
        key = f"requests/{ticket}"
        version = self.s3.head_object(Bucket=IN, Key=key)["VersionId"]
        return self.notice("process_request", key, version)

    def put(self, ticket: str, data: bytes) -> Upload:
        """Put a request file."""
        key = f"requests/{ticket}"
        version = self.s3.put_object(Bucket=IN, Key=key, Body=data)["VersionId"]
        return Upload(ticket, key, version, self.now)

    def answer_request(self, **adapters: Any) -> AnswerRequest:
        """What another process of the function answers with; some of its adapters may be fakes."""
        parts: dict[str, Any] = {
            "files": Files(self.s3, IN, OUT),
            "decisions": Decisions(self.dynamodb, "Licenses"),
            "tickets": Tickets(self.dynamodb, "Tickets"),
            "refusals": Refusals(self.dynamodb, "Tickets"),
            "signing_keys": SigningKeys(self.dynamodb, "Keys", "Licenses"),
            "clock": time,
            "pool": ThreadPoolExecutor(1),
        } | adapters
        signers = Signers(partial(KmsSigner, self.service["kms"]), self.pem_folder)
        responses = PublishResponse(parts["files"], signers)
        return AnswerRequest(**parts, responses=responses)

    def send_email(self, **adapters: Any) -> SendEmail:
        parts: dict[str, Any] = {
            "tickets": Tickets(self.dynamodb, "Tickets"),
            "emails": Emails(self.dynamodb, "Tickets"),
            "mailer": Mailer(self.ses, SENDER, "keyferry"),
            "sender": SENDER,
            "page_origin": PAGE_ORIGIN,
            "vendor": Vendor("Example", SENDER),
            "clock": time,
            "secrets": secrets,
        } | adapters
        return SendEmail(**parts)

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
        """Have the messages processed; the ids of those that come back."""
        return self.handle("process_request", *messages)

    def handle(self, function: str, *messages: dict[str, Any]) -> list[str]:
        event = {"Records": list(messages)}
        reply = self.handlers[function](event, self.context)
        return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]

    def activate(self, data: bytes, email: str | None = None) -> str:
        """Open a ticket, upload a file and have it processed; the ticket."""
        ticket = self.open_ticket(email)
        assert self.process(self.upload(ticket, data)) == []
        return ticket

    def choose(self, ticket: str, seat: object) -> dict[str, Any]:
        """Say on the page which seat is to be taken; the message that asks to decide anew."""
        reply = self.call("POST", f"/api/requests/{ticket}/seat", {"seat": seat})
        assert reply["statusCode"] == 202, reply
        (message,) = self.sqs.receive_message(QueueUrl=REQUESTS_QUEUE)["Messages"]
        self.sqs.delete_message(QueueUrl=REQUESTS_QUEUE, ReceiptHandle=message["ReceiptHandle"])
        record: dict[str, Any] = deepcopy(an_event("process_request")["Records"][0])
        return record | {"body": message["Body"], "messageId": message["MessageId"]}

    def answers(self, ticket: str) -> dict[str, bytes]:
        """The files in the out bucket for a ticket, by file name."""
        listing = self.s3.list_objects_v2(Bucket=OUT, Prefix=f"responses/{ticket}/")
        keys = [entry["Key"] for entry in listing.get("Contents", [])]
        return {key.rpartition("/")[2]: self.read(key) for key in keys}

    def response(self, ticket: str) -> bytes:
        (data,) = [d for name, d in self.answers(ticket).items() if name.endswith(".response")]
        return data

    def read(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=OUT, Key=key)["Body"].read()
        return data

    def send(self, ticket: str) -> list[str]:
        """Have the email of a ticket sent."""
        (name,) = self.answers(ticket)
        return self.handle(
            "send_response", self.notice("send_response", f"responses/{ticket}/{name}", "1")
        )

    def send_all(self, ticket: str) -> list[str]:
        """As `send`, for a ticket that has a response after a refusal: the notice of each file."""
        keys = [f"responses/{ticket}/{name}" for name in sorted(self.answers(ticket), reverse=True)]
        return self.handle(
            "send_response", *(self.notice("send_response", key, "1") for key in keys)
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.dynamodb.scan(TableName=table)["Items"]
        return items

    def mails(self) -> list[bytes]:
        sent = ses_backends["123456789012"]["eu-central-1"].sent_messages
        return [message.raw_data.encode() for message in sent]


def link_in(mail: bytes) -> str:
    """The path of the one link of a mail."""
    (link,) = set(re.findall(rb"https://activate\.example\.com(/api/responses/[\w-]{43})", mail))
    return str(link.decode())


class Killed(BaseException):
    """As SIGKILL, which no code catches."""


def killed_while_it_publishes(
    world: World, message: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(world.service["s3"], "put_object", die)
        with pytest.raises(Killed):
            world.process(message)
