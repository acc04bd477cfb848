"""The functions' real handlers, each process with memory of its own, interleaved call by call.

A process is a thread, of which one at a time goes on: from one call of AWS to the next. Which one
is drawn, so that a seed brings the same order again.
"""

import asyncio
import builtins
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import keyferry_admin.use_cases.change_license
import keyferry_admin.use_cases.reissue
import keyferry_service.adapters.queue_sqs
import keyferry_service.adapters.retries
import keyferry_service.adapters.signers
import keyferry_service.use_cases.answer_request
import keyferry_service.use_cases.renew
import keyferry_service.use_cases.resign
import keyferry_service.use_cases.send_email
from tests.service.simulation.cloud import (
    IN,
    MAX_RECEIVES,
    OUT,
    REQUESTS,
    RESPONSES,
    VISIBILITY_S,
    Clients,
    Cloud,
    Killed,
    Message,
    Secrets,
)
from tests.support.inline import InlineExecutor

ROOT = Path(__file__).parents[3]
ACCOUNT = "123456789012"
PROCESSES = 4  # of a function, at the same time
FUNCTION = {REQUESTS: "process_request", RESPONSES: "send_response"}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "LICENSES_TABLE": "Licenses",
    "KEYS_TABLE": "Keys",
    "TICKETS_TABLE": "Tickets",
    "IN_BUCKET": IN,
    "OUT_BUCKET": OUT,
    "PAGE_ORIGIN": "https://activate.example.com",
    "VENDOR_NAME": "Example",
    "SUPPORT_CONTACT": "licensing@example.com",
    "MAIL_FROM": "licensing@example.com",
    "MAIL_CONFIGURATION_SET": "keyferry",
    "POWERTOOLS_SERVICE_NAME": "simulated",  # whose logger is silent, and no other
    "POWERTOOLS_METRICS_NAMESPACE": "Keyferry",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
# What imports the sources that mutations change, in this order.
IMPORTERS = (
    "shared/keyferry_service/adapters/decisions_dynamodb.py",
    *(
        f"shared/keyferry_service/use_cases/{name}.py"
        for name in ("publish_response", "answer_request", "resign", "renew", "send_email")
    ),
)
TURN_S = 20  # longer than any turn takes: a process that waits for something else ends the run


@dataclass
class Context:
    """Lambda's context: every look at the time that is left takes one and a half seconds."""

    left_ms: int = 20_000
    function_name: str = "keyferry"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:keyferry"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        self.left_ms -= 1500
        return self.left_ms


class Turn:
    """One thread's permission to go on until its next call."""

    def __init__(self, run: Callable[["Turn"], None]) -> None:
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.is_over = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._live, args=(run,), daemon=True)
        self._thread.start()

    def _live(self, run: Callable[["Turn"], None]) -> None:
        self._go.acquire()
        try:
            run(self)
        except BaseException as error:
            self.error = error
        self.is_over = True
        self._stopped.release()

    def pause(self) -> None:
        """Let the others go on; called by the thread itself."""
        self._stopped.release()
        self._go.acquire()

    def go_on(self) -> None:
        """Let this one go on until its next call or its end."""
        self._go.release()
        assert self._stopped.acquire(timeout=TURN_S), "a process waits for another for good"


class Process:
    """One warm process of a function: its module, loaded anew, with clients of its own."""

    def __init__(self, lambdas: "Lambdas", function: str) -> None:
        self._lambdas = lambdas
        self.turn: Turn | None = None
        clients = Clients(lambdas.cloud, self._pause)
        outside = {
            "time": lambdas.clock,
            "secrets": Secrets(lambdas.cloud.rng),
            "concurrent.futures": SimpleNamespace(ThreadPoolExecutor=lambda _: InlineExecutor()),
        }
        self.module = _load(function, lambdas.code[function], clients, outside)

    def _pause(self) -> None:
        assert self.turn is not None
        self.turn.pause()

    def handle(self, queue: str, message: Message) -> bool:
        """Whether the message is done with."""
        record = {
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{queue}",
            "awsRegion": "eu-central-1",
        }
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            answer = self.module.lambda_handler({"Records": [record]}, Context())
        finally:
            loop.close()
        return not answer["batchItemFailures"]


class Lambdas:
    """What SQS does with its messages: brings them to processes, and again, and gives them up."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.code = {name: _compile(name) for name in FUNCTION.values()}
        self.clock = SimpleNamespace(
            time=lambda: cloud.now, monotonic=lambda: cloud.elapsed, sleep=lambda _: None
        )
        self.replies: list[dict[str, Any]] = []
        self._warm: dict[str, list[Process]] = {name: [] for name in FUNCTION.values()}

    def bring(
        self,
        queue_name: str,
        most: int,
        beside: Sequence[Callable[[Clients], None]] = (),
        invoke: Sequence[dict[str, Any]] = (),
    ) -> int:
        """Have up to so many visible messages handled at the same time; how many there were.

        `beside` are others at work then, each of whom is given clients of their own. The function
        is also invoked with these events; their replies go to `replies`.
        """
        queue, cloud = self.cloud.queues[queue_name], self.cloud
        while cloud.late:
            with suppress(ClientError):  # nobody is there any more to be told
                cloud.late.pop(0)()
        visible = [m for m in queue.waiting if m.visible_at <= cloud.now]
        chosen = cloud.rng.sample(visible, min(most, PROCESSES, len(visible)))
        done: list[Message] = []
        turns = [Turn(self._one(queue_name, message, done)) for message in chosen]
        turns += [Turn(self._work(work)) for work in beside]
        turns += [Turn(self._invoke(queue_name, event)) for event in invoke]
        self.interleave(turns)
        queue.waiting = [m for m in queue.waiting if not any(m is d for d in done)]
        for message in chosen:
            given_up = message.receives >= MAX_RECEIVES
            if given_up and any(m is message for m in queue.waiting):
                queue.waiting = [m for m in queue.waiting if m is not message]
                queue.dead.append(message)
                queue.dead_ever += 1
        return len(chosen)

    def _one(self, queue: str, message: Message, done: list[Message]) -> Callable[[Turn], None]:
        name = FUNCTION[queue]

        def run(turn: Turn) -> None:
            message.receives += 1
            message.visible_at = self.cloud.now + VISIBILITY_S[queue]
            process = self._warm[name].pop() if self._warm[name] else Process(self, name)
            process.turn = turn
            if process.handle(queue, message):
                done.append(message)
            self._warm[name].append(process)  # a killed one never comes here

        return run

    def _work(self, work: Callable[[Clients], None]) -> Callable[[Turn], None]:
        return lambda turn: work(Clients(self.cloud, turn.pause))

    def _invoke(self, queue: str, event: dict[str, Any]) -> Callable[[Turn], None]:
        name = FUNCTION[queue]

        def run(turn: Turn) -> None:
            process = self._warm[name].pop() if self._warm[name] else Process(self, name)
            process.turn = turn
            with suppress(ClientError, BotoCoreError):  # an error is a reply to who invokes
                self.replies.append(process.module.lambda_handler(event, Context()))
            self._warm[name].append(process)

        return run

    def interleave(self, turns: list[Turn]) -> None:
        """Let all of them go on to their ends, one call of one at a time, in a drawn order."""
        running = list(turns)
        while running:
            turn = self.cloud.rng.choice(running)
            turn.go_on()
            if turn.is_over:
                running.remove(turn)
        for turn in turns:
            if turn.error is not None and not isinstance(turn.error, Killed):
                raise turn.error


def _compile(function: str) -> CodeType:
    path = ROOT / "functions" / function / "app.py"
    return compile(_changed(path.read_text(), f"functions/{function}/app.py"), path, "exec")


def _load(function: str, code: CodeType, clients: Clients, outside: dict[str, Any]) -> ModuleType:
    """The function's module, whose own imports find what is `outside` in place of Python's."""

    def import_(name: str, *arguments: Any) -> Any:
        return outside[name] if name in outside else builtins.__import__(name, *arguments)

    module = types.ModuleType(f"simulated_{function}")
    module.__dict__["__builtins__"] = vars(builtins) | {"__import__": import_}
    with mock.patch.object(boto3, "client", clients.client):
        exec(code, module.__dict__)
    return module


# What a mutation changes in our own files while it is tried: path -> (old, new).
_changes: dict[str, list[tuple[str, str]]] = {}


def _changed(text: str, path: str) -> str:
    for old, new in _changes.get(path, []):
        assert text.count(old) == 1, f"{old!r} is not once in {path}; the mutation must follow it"
        text = text.replace(old, new)
    return text


@contextmanager
def changed(edits: list[tuple[str, str, str]]) -> Iterator[None]:
    """Run with these edits of (path, old, new) in the sources of the service."""
    for path, old, new in edits:
        _changes.setdefault(path, []).append((old, new))
    kept: dict[str, ModuleType] = {}
    try:
        for path in dict.fromkeys([*_changes, *IMPORTERS]):
            name = path.removeprefix("shared/").removesuffix(".py").replace("/", ".")
            kept[name] = sys.modules[name]
            module = types.ModuleType(name)
            sys.modules[name] = module
            exec(compile(_changed((ROOT / path).read_text(), path), path, "exec"), module.__dict__)
        yield
    finally:
        sys.modules |= kept
        _changes.clear()


@contextmanager
def simulated(cloud: Cloud) -> Iterator[Lambdas]:
    """The functions on this cloud, at its time."""
    lambdas = Lambdas(cloud)
    with (
        mock.patch.dict("os.environ", ENVIRONMENT),
        redirect_stdout(StringIO()),  # where metrics go
        warnings.catch_warnings(action="ignore"),  # processes share Powertools' metrics
        mock.patch.object(keyferry_admin.use_cases.change_license, "time", lambdas.clock),
        mock.patch.object(keyferry_admin.use_cases.change_license, "random", cloud.rng),
        mock.patch.object(keyferry_admin.use_cases.reissue, "time", lambdas.clock),
        mock.patch.object(keyferry_admin.use_cases.reissue, "secrets", Secrets(cloud.rng)),
        mock.patch.object(keyferry_service.adapters.retries, "time", lambdas.clock),
        mock.patch.object(keyferry_service.adapters.retries, "random", cloud.rng),
        mock.patch.object(keyferry_service.adapters.signers, "_pool", InlineExecutor()),
        mock.patch.object(keyferry_service.adapters.queue_sqs, "random", cloud.rng),
    ):
        yield lambdas
