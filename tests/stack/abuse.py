"""Strangers who upload again and again on their passes, and how long others wait meanwhile.

Each pass is used twice through the front door. What S3 would say of further uploads is put into the
queue as S3 puts it, since the embedded S3 takes a few hundred uploads a second with all of a small
computer, and the service itself would see too little of the abuse.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keyferry_protocol.encoding import format_time
from tests.stack.crowd import AT_ONCE, Crowd
from tests.support.builders import Computer, a_key, a_request_file
from tests.support.journeys import client, open_ticket, upload
from tests.support.running_stack import RunningStack

UPLOADS_PER_S = 5  # on each pass
TOGETHER = 10  # messages in a call of SQS
STRANGER, GUESS = Computer("STRANGER"), a_key("a guess")


@dataclass(frozen=True)
class Result:
    """What an abuse came to. Times are seconds from an honest upload to its answer."""

    passes: int
    uploads: int  # that the service was told of
    seconds: float
    alone_s: Sequence[float]
    beside_s: Sequence[float]

    @property
    def delay_s(self) -> float:
        return median(self.beside_s) - median(self.alone_s)

    def __str__(self) -> str:
        return (
            f"{self.passes} passes abused, {self.uploads:,} further uploads, "
            f"{self.uploads / self.seconds:,.0f} a second (tried:"
            f" {self.passes * UPLOADS_PER_S:,})\n"
            f"honest requests alone      {_times(self.alone_s)}\n"
            f"honest requests meanwhile  {_times(self.beside_s)}\n"
            f"delay of the median        {self.delay_s:.2f} s"
        )


def _times(seconds: Sequence[float]) -> str:
    return f"median {median(seconds):.2f} s, longest {max(seconds):.2f} s ({len(seconds)})"


def measure(stack: RunningStack, passes: int, seconds: float) -> Result:
    """Measure honest requests alone, then beside strangers who abuse so many passes."""
    crowd = Crowd(stack, seats=1000)
    machines = count()

    def honest(until: float) -> list[float]:
        took = []
        while time.monotonic() < until:
            took.append(_answered_in(stack, crowd.file(next(machines))))
            time.sleep(0.2)
        return took

    honest(time.monotonic() + seconds / 4)  # starts the processes of the functions
    alone_s = honest(time.monotonic() + seconds)
    calls = _calls(stack, _further_uploads(stack, crowd, passes))
    spawn = multiprocessing.get_context("spawn")
    total = spawn.Value("i", 0)
    strangers = spawn.Process(target=_abuse, args=(calls, total), daemon=True)
    strangers.start()
    honest(time.monotonic() + seconds)  # more processes start
    assert strangers.is_alive()
    began, before = time.monotonic(), total.value
    beside_s = honest(began + seconds)
    uploads, took_s = TOGETHER * (total.value - before), time.monotonic() - began
    strangers.terminate()
    strangers.join()
    return Result(passes, uploads, took_s, alone_s, beside_s)


def _answered_in(stack: RunningStack, file: bytes) -> float:
    ticket = open_ticket(stack)
    began = time.monotonic()
    upload(ticket, file)
    while True:
        url = f"{stack.page.rstrip('/')}{ticket['status_url']}"
        document = requests.get(url, timeout=60).json()
        if document["state"] == "ready":
            return time.monotonic() - began
        assert document["state"] in ("awaiting-upload", "processing"), document
        assert time.monotonic() - began < stack.patience_s, document
        time.sleep(0.1)


def _further_uploads(stack: RunningStack, crowd: Crowd, passes: int) -> list[str]:
    """S3's message of a second upload on each of so many answered tickets."""
    file = a_request_file(STRANGER, activation=GUESS, license_number=crowd.number)
    tickets = crowd.send([file] * passes)
    crowd.answers(tickets)
    s3, bucket = client(stack, "s3"), stack.outputs["InBucket"]

    def message(ticket: str) -> str:
        key = f"requests/{ticket}"
        version = s3.put_object(Bucket=bucket, Key=key, Body=file)["VersionId"]
        s3_record = {"bucket": {"name": bucket}, "object": {"key": key, "versionId": version}}
        record = {"eventTime": format_time(int(time.time())), "s3": s3_record}
        return json.dumps({"Records": [record]})

    with ThreadPoolExecutor(AT_ONCE) as together:
        return list(together.map(message, tickets))


def _calls(stack: RunningStack, messages: Sequence[str]) -> list[bytes]:
    """The HTTP requests that put all of these messages into the queue once."""
    return [
        _call(stack, messages[first : first + TOGETHER])
        for first in range(0, len(messages), TOGETHER)
    ]


def _call(stack: RunningStack, messages: Sequence[str]) -> bytes:
    entries = [{"Id": str(n), "MessageBody": message} for n, message in enumerate(messages)]
    document = {"QueueUrl": stack.outputs["RequestsQueue"], "Entries": entries}
    host = urlsplit(stack.endpoint).netloc
    call: Any = AWSRequest(
        "POST",
        f"{stack.endpoint}/",
        data=json.dumps(document).encode(),
        headers={
            "Host": host,
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS.SendMessageBatch",
        },
    )
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(call)
    lines = [f"{name}: {value}" for name, value in call.headers.items()]
    lines = ["POST / HTTP/1.1", *lines, f"Content-Length: {len(call.data)}", "", ""]
    body: bytes = call.data
    return "\r\n".join(lines).encode() + body


def _abuse(calls: Sequence[bytes], total: Any) -> None:
    """Make each call UPLOADS_PER_S times a second, from a process of its own, until it is ended."""

    async def all_together() -> None:
        await asyncio.gather(*(_repeat(call, total) for call in calls))

    asyncio.run(all_together())


async def _repeat(call: bytes, total: Any) -> None:
    host, port = call.split(b"Host: ")[1].split(b"\r\n")[0].decode().split(":")
    clock = asyncio.get_running_loop()
    while True:
        reader, writer = await asyncio.open_connection(host, int(port))
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # closed now and then
            while True:
                due_at = clock.time() + 1 / UPLOADS_PER_S
                writer.write(call)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 200"), head
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                total.value += 1
                await asyncio.sleep(max(0.0, due_at - clock.time()))
        writer.close()
