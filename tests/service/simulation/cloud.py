"""AWS as the functions see it: S3, SQS, SES and KMS in memory, and faults at any call."""

import json
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.hooks import HierarchicalEmitter

from keyferry_protocol.encoding import format_time
from keyferry_protocol.keys import Signer
from tests.service.simulation.dynamodb import Tables, failure
from tests.support.builders import VENDOR

IN, OUT = "keyferry-in", "keyferry-out"
REQUESTS, RESPONSES = "keyferry-requests", "keyferry-responses"
MAX_RECEIVES = 10
VISIBILITY_S = {REQUESTS: 120, RESPONSES: 90}
ENDPOINT = "https://sqs.test"

FAULTS = (
    "refused before",  # no connection: nothing happened
    "throttled",
    "failed before",  # 5xx, and nothing happened
    "failed after",  # 5xx, and it happened
    "reply lost",  # it happened, and nobody was told
    "sent twice",  # the reply was lost, and boto3 sent the call again by itself
    "conflict",  # another transaction had these rows
    "killed before",
    "killed after",
    "timed out",  # the function's time was over; it happens when others have gone on
)


class Killed(BaseException):
    """The end of a process, which no `except Exception` sees."""


@dataclass
class Message:
    """One message of a queue."""

    id: str
    body: str
    visible_at: int = 0
    receives: int = 0


@dataclass
class Queue:
    """What is to be done, and what was given up."""

    name: str
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    dead_ever: int = 0


@dataclass
class Sent:
    """A mail."""

    address: str
    raw: bytes


@dataclass(frozen=True)
class Signed:
    """What a key of KMS was asked to sign, and when."""

    message: bytes
    keyid: str
    at: int  # of `Cloud.elapsed`


Faults = Callable[[str], str | None]  # of a call's name: what goes wrong with it, if anything


def no_faults(_: str) -> str | None:
    return None


@dataclass
class Cloud:
    """All that is stored, and who waits; clients of it are made for each process."""

    rng: random.Random
    now: int
    tables: Tables = field(default_factory=Tables)
    objects: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    put_at: dict[tuple[str, str], int] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    mails: list[Sent] = field(default_factory=list)
    signers: dict[str, Signer] = field(default_factory=lambda: {"arn": VENDOR})  # by ARN, in KMS
    signed: list[Signed] = field(default_factory=list)
    elapsed: int = 0  # seconds, which no clock that is set back makes fewer
    calls: list[str] = field(default_factory=list)
    late: list[Callable[[], Any]] = field(default_factory=list)  # what is still on its way
    faults: Faults = no_faults

    def __post_init__(self) -> None:
        self.queues = {name: Queue(name) for name in (REQUESTS, RESPONSES)}

    def pass_time(self, seconds: int) -> None:
        """Let time pass; fewer than none set the clock back."""
        self.now += seconds
        self.elapsed += max(0, seconds)

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store a version, and let S3 tell the queue of it."""
        versions = self.objects.setdefault((bucket, key), [])
        versions.append(data)
        self.put_at[bucket, key] = self.now
        record = {
            "eventTime": format_time(self.now),
            "s3": {
                "bucket": {"name": bucket},
                "object": {"key": key, "versionId": str(len(versions))},
            },
        }
        queue = REQUESTS if bucket == IN else RESPONSES
        self.send(queue, json.dumps({"Records": [record]}))

    def send(self, queue: str, body: str) -> None:
        message = Message(f"{self.rng.getrandbits(64):016x}", body, self.now)
        self.queues[queue].waiting.append(message)

    def duplicate(self, message: Message, queue: str) -> None:
        """SQS brings a message at least once."""
        self.queues[queue].waiting.append(replace(message))

    def redrive(self) -> None:
        """What `request redrive` does: each dead letter is sent anew."""
        for queue in self.queues.values():
            for message in queue.dead:
                self.send(queue.name, message.body)
            queue.dead.clear()


@dataclass(frozen=True)
class _OnePage:
    """A paginator of answers that are never long."""

    call: Callable[..., Any]

    def paginate(self, **arguments: Any) -> list[Any]:
        arguments.pop("PaginationConfig", None)
        return [self.call(**arguments)]


@dataclass
class Clients:
    """One process's clients. `pause` lets the others go on, at each call."""

    cloud: Cloud
    pause: Callable[[], None]

    def client(self, service: str, **_: Any) -> Any:
        names = {
            "dynamodb": [
                "get_item",
                "transact_get_items",
                "query",
                "put_item",
                "update_item",
                "delete_item",
                "transact_write_items",
            ],
            "s3": ["get_object", "put_object", "head_object"],
            "sqs": ["send_message", "change_message_visibility"],
            "sesv2": ["send_email"],
            "kms": ["sign"],
        }[service]
        does: Any = self.cloud.tables if service == "dynamodb" else self
        client = SimpleNamespace(
            **{name: self._call(name, getattr(does, name)) for name in names},
            meta=SimpleNamespace(endpoint_url=ENDPOINT, events=HierarchicalEmitter()),
            exceptions=SimpleNamespace(ConditionalCheckFailedException=()),
            generate_presigned_post=lambda *_, **__: {},
            generate_presigned_url=lambda *_, **__: "",
        )
        client.get_paginator = lambda name: _OnePage(getattr(client, name))
        if service == "dynamodb":
            client.batch_get_item = self._one_by_one(client.get_item)
        return client

    def _one_by_one(self, get_item: Callable[..., Any]) -> Callable[..., Any]:
        """BatchGetItem is no snapshot: each row is read at its own moment, in any order."""

        def batch_get_item(**call: Any) -> dict[str, Any]:
            keys = [(t, key) for t, of in call["RequestItems"].items() for key in of["Keys"]]
            self.cloud.rng.shuffle(keys)
            rows: dict[str, list[Any]] = {table: [] for table, _ in keys}
            for table, key in keys:
                if row := get_item(TableName=table, Key=key):
                    rows[table].append(row["Item"])
            return {"Responses": rows, "UnprocessedKeys": {}}

        return batch_get_item

    def _in_two_steps(self, **transaction: Any) -> None:
        """A transaction holds its rows while others go on, then it ends."""
        with self.cloud.tables.hold_rows(**transaction):
            self.pause()
        self.cloud.tables.transact_write_items(**transaction)

    def _call(self, name: str, do_it: Callable[..., Any]) -> Callable[..., Any]:
        is_transaction = name.startswith("transact")

        def call(**arguments: Any) -> Any:
            do = self._in_two_steps if name == "transact_write_items" else do_it
            self.pause()
            self.cloud.calls.append(name)
            fault = self.cloud.faults(name)
            if name == "transact_write_items":  # as boto3 does
                arguments["ClientRequestToken"] = str(len(self.cloud.calls))
            match fault:
                case None:
                    return do(**arguments)
                case "refused before":
                    raise EndpointConnectionError(endpoint_url=ENDPOINT)
                case "throttled":
                    raise failure("ThrottlingException", name)
                case "failed before":
                    raise failure("InternalServerError", name)
                case "conflict" if is_transaction:
                    reasons = [{"Code": "TransactionConflict"}]
                    code = "TransactionCanceledException"
                    raise failure(code, name, CancellationReasons=reasons)
                case "conflict" if name in ("update_item", "put_item", "delete_item"):
                    raise failure("TransactionConflictException", name)
                case "conflict":
                    return do(**arguments)
                case "killed before":
                    raise Killed
                case "timed out":
                    if name != "sign":  # a signature that comes late reaches nobody
                        self.cloud.late.append(partial(do_it, **arguments))
                    raise Killed
            do(**arguments)
            match fault:
                case "failed after":
                    raise failure("InternalServerError", name)
                case "reply lost":
                    raise ReadTimeoutError(endpoint_url=ENDPOINT)
                case "sent twice":
                    return do(**arguments)
            raise Killed  # "killed after"

        return call

    def get_object(self, **call: Any) -> dict[str, Any]:
        versions = self.cloud.objects.get((call["Bucket"], call["Key"]), [])
        version = int(call.get("VersionId", len(versions)))
        if not 1 <= version <= len(versions):
            raise failure("NoSuchVersion", "GetObject")
        return {"Body": BytesIO(versions[version - 1]), "Metadata": {}}

    def head_object(self, **call: Any) -> dict[str, Any]:
        if (call["Bucket"], call["Key"]) not in self.cloud.objects:
            raise failure("404", "HeadObject")
        return {}

    def put_object(self, **call: Any) -> None:
        assert call["IfNoneMatch"] == "*"
        if (call["Bucket"], call["Key"]) in self.cloud.objects:
            raise failure("PreconditionFailed", "PutObject")
        self.cloud.put(call["Bucket"], call["Key"], call["Body"])

    def send_message(self, **call: Any) -> None:
        self.cloud.send(call["QueueUrl"].rpartition("/")[2], call["MessageBody"])

    def change_message_visibility(self, **call: Any) -> None:
        queue = self.cloud.queues[call["QueueUrl"].rpartition("/")[2]]
        for message in queue.waiting:
            if message.id == call["ReceiptHandle"]:
                message.visible_at = self.cloud.now + call["VisibilityTimeout"]

    def send_email(self, **call: Any) -> None:
        (address,) = call["Destination"]["ToAddresses"]
        self.cloud.mails.append(Sent(address, call["Content"]["Raw"]["Data"]))

    def sign(self, **call: Any) -> dict[str, bytes]:
        signer, message = self.cloud.signers[call["KeyId"]], call["Message"]
        self.cloud.signed.append(Signed(message, signer.keyid, self.cloud.elapsed))
        return {"Signature": signer.sign(message)}


@dataclass(frozen=True)
class Secrets:
    """The module `secrets`, of a seed."""

    rng: random.Random

    def token_urlsafe(self, size: int) -> str:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return "".join(self.rng.choices(alphabet, k=-(-size * 4 // 3)))

    def token_bytes(self, size: int) -> bytes:
        return self.rng.randbytes(size)

    def token_hex(self, size: int) -> str:
        return self.rng.randbytes(size).hex()


assert len(Secrets(random.Random(0)).token_urlsafe(32)) == len(secrets.token_urlsafe(32))
