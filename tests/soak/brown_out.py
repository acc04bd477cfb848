"""One service of AWS after the other hangs for three of ten messages, in real time.

`python -m tests.soak.brown_out` takes about 3 minutes. It exits with 1 if a function is killed, if
one of the other seven waits, or if anything is lost once the service answers again. A proxy between
the functions and the embedded cloud plays the faults.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import client, open_ticket, upload
from tests.support.running_stack import RunningStack, start, stop, wait_until_ready

MESSAGES, VICTIMS = 10, (0, 4, 9)
COMES_AGAIN_S = 21  # instead of two minutes, and longer than either function runs
FUNCTIONS = {"ProcessRequest": "Requests", "SendResponse": "Responses"}


@dataclass
class Faults:
    """Which service hangs, for calls that name one of these, until it is over."""

    service: str = ""
    names: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    hung: int = 0

    def hits(self, authorization: str, text: str) -> bool:
        return f"/{self.service}/" in authorization and any(name in text for name in self.names)


@contextmanager
def proxy(endpoint: str, faults: Faults) -> Iterator[str]:
    """Pass calls on to the embedded cloud, signed as they are, but for those that hang."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            text = self.path + body.decode("latin-1")
            if faults.hits(self.headers.get("Authorization", ""), text):
                faults.hung += 1
                faults.over.wait()
                self.close_connection = True
                return
            reply = requests.request(
                *(self.command, endpoint + self.path),
                headers=dict(self.headers),
                data=body,
                timeout=60,
            )
            self.send_response(reply.status_code)
            for name, value in reply.headers.items():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def log_message(self, *_: Any) -> None:
            return

    for method in ("GET", "HEAD", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        faults.over.set()
        server.shutdown()


def route_through(stack: RunningStack, address: str) -> None:
    """Have the functions call the proxy, and what fails come again soon."""
    functions, sqs = client(stack, "lambda"), client(stack, "sqs")
    for function, queue in FUNCTIONS.items():
        name = stack.outputs[f"{function}Function"]
        known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = known | {"AWS_ENDPOINT_URL": address}
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )
        attributes = {"VisibilityTimeout": str(COMES_AGAIN_S)}
        sqs.set_queue_attributes(QueueUrl=stack.outputs[f"{queue}Queue"], Attributes=attributes)


@contextmanager
def in_one_batch(stack: RunningStack) -> Iterator[None]:
    """Let request files wait until all are there."""
    functions = client(stack, "lambda")
    (mapping,) = functions.list_event_source_mappings(
        FunctionName=stack.outputs["ProcessRequestFunction"]
    )["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def killed(stack: RunningStack) -> int:
    """How often a function ran out of its time."""
    logs = client(stack, "logs")
    return sum(
        len(logs.filter_log_events(logGroupName=name, filterPattern='"timed out after"')["events"])
        for name in (stack.outputs[f"{function}Log"] for function in FUNCTIONS)
    )


def wait_for_email(stack: RunningStack, ticket: dict[str, Any]) -> None:
    """Wait until the link was emailed, asking seldom: ten tickets share one network's calls."""
    deadline = time.monotonic() + stack.patience_s
    while time.monotonic() < deadline:
        document = requests.get(f"{stack.api}/requests/{ticket['id']}", timeout=60).json()
        if (document.get("state"), document.get("email")) == ("ready", "sent"):
            return
        time.sleep(0.5)
    raise AssertionError(f"no email in {stack.patience_s} s: {document}")


def hang(stack: RunningStack, customer: Customer, faults: Faults, service: str) -> str:
    """Let one service hang for three of ten requests; a line that says how it went."""
    addresses = [f"user{place}-{customer.number}@example.com" for place in range(MESSAGES)]
    tickets = [open_ticket(stack, address) for address in addresses]
    with in_one_batch(stack):
        for place, ticket in enumerate(tickets):
            upload(ticket, customer.file(place + 1))
        time.sleep(1)
        faults.service, faults.hung, faults.over = service, 0, threading.Event()
        victims = [name for place in VICTIMS for name in (tickets[place]["id"], addresses[place])]
        faults.names = victims if service != "kms" else [""]
    began = time.monotonic()
    if service != "kms":  # whose calls name no ticket
        for place in set(range(MESSAGES)) - set(VICTIMS):
            wait_for_email(stack, tickets[place])
    others_s = time.monotonic() - began
    time.sleep(max(0.0, COMES_AGAIN_S - others_s))  # so that it hangs for a whole run
    assert faults.hung, "nothing went wrong"
    faults.names = []
    faults.over.set()
    for ticket in tickets:
        wait_for_email(stack, ticket)
    assert killed(stack) == 0
    all_s = time.monotonic() - began
    after = f"the others after {others_s:.1f} s, all after {all_s:.0f} s"
    return f"{service}: {faults.hung} tries hung; {after}"


def main() -> int:
    faults = Faults()
    with tempfile.TemporaryDirectory(prefix="keyferry-brown-out-") as name:
        process = start(Path(name))
        try:
            stack = wait_until_ready(process, Path(name))
            table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
            with proxy(stack.endpoint, faults) as address:
                route_through(stack, address)
                for service in ("dynamodb", "s3", "ses", "kms"):
                    folder = Path(name) / service
                    folder.mkdir()
                    customer = Customer(stack, table, folder, seats=MESSAGES)
                    print(hang(stack, customer, faults, service), flush=True)
        finally:
            stop(process, within_s=600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
