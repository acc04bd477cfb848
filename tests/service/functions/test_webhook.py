"""The real function that posts events, and a server that answers as servers do."""

import importlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from keyferry_service.adapters import webhook_https
from keyferry_service.adapters.webhook_https import Webhook, WebhookFailed
from keyferry_service.adapters.webhook_secretsmanager import BOTH_S, FRESH_S, WebhookSecrets
from keyferry_service.domain.webhook import signed_headers
from tests.service.functions.conftest import _load
from tests.support.world import World, an_event

OLD, NEW = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk", "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
BODY: str = an_event("send_webhook")["Records"][0]["body"]
EVENT: dict[str, Any] = json.loads(BODY)
TOKEN = "a-token-of-the-server"
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"

Send = Callable[..., tuple[list[str], list[int]]]


class Server(HTTPServer):
    """Remembers each request, and answers with the next status."""

    statuses: list[int]
    requests: list[tuple[str, dict[str, str], bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keyferry?token={TOKEN}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        self.server.requests.append((self.path, headers, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.statuses, server.requests = [], []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def send(world: World, server: Server, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Bring a message; what fails of it, and the seconds until it comes again."""
    secret = boto3.client("secretsmanager").create_secret(Name="webhook", SecretString=OLD)
    queue = world.sqs.create_queue(QueueName="keyferry-feedback")["QueueUrl"]
    monkeypatch.setenv("WEBHOOK_URL", server.url)
    monkeypatch.setenv("WEBHOOK_SECRET", secret["ARN"])
    function, waits = _load("send_webhook"), list[int]()

    def note(params: dict[str, Any], **_: Any) -> None:
        waits.append(params["VisibilityTimeout"])

    function.sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", note)

    def send(body: str = BODY, tries: int = 1) -> tuple[list[str], list[int]]:
        world.sqs.send_message(QueueUrl=queue, MessageBody=body)
        (message,) = world.sqs.receive_message(QueueUrl=queue)["Messages"]
        record = deepcopy(an_event("send_webhook")["Records"][0])
        record |= {"body": body, "receiptHandle": message["ReceiptHandle"], "messageId": "1"}
        record["eventSourceARN"] = record["eventSourceARN"].replace("webhook", "feedback")
        record["attributes"]["ApproximateReceiveCount"] = str(tries)
        reply = function.lambda_handler({"Records": [record]}, world.context)
        failed = [each["itemIdentifier"] for each in reply["batchItemFailures"]]
        return failed, [waits.pop() for _ in range(len(waits))]

    return send


def test_an_event_is_posted_as_it_is_and_the_sample_takes_it(
    world: World, send: Send, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(OPERATIONS)
    receiver = importlib.import_module("webhook_receiver")
    assert send() == ([], [])
    ((path, headers, body),) = server.requests
    assert path == f"/keyferry?token={TOKEN}"
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["webhook-id"] == EVENT["id"]
    assert headers["webhook-timestamp"] == str(world.now)
    assert receiver.verify(headers, body, f"whsec_{OLD}", world.now) == EVENT
    assert body.decode() == BODY


def test_whatever_is_not_2xx_is_tried_again_and_no_redirect_is_followed(
    send: Send, server: Server
) -> None:
    statuses = [302, 307, 400, 410, 429, 500]
    server.statuses = list(statuses)
    for _ in statuses:
        assert send() == (["1"], [5])
    assert {path for path, *_ in server.requests} == {f"/keyferry?token={TOKEN}"}
    assert len(server.requests) == len(statuses)


def test_each_wait_is_longer_and_each_try_is_signed_anew(
    world: World, send: Send, server: Server
) -> None:
    server.statuses = [500] * 3
    waits = []
    for tries in (1, 2, 3):
        _, [wait_s] = send(tries=tries)
        waits.append(wait_s)
        world.now += wait_s
    assert waits == [5, 300, 1800]
    times = [int(headers["webhook-timestamp"]) for _, headers, _ in server.requests]
    assert [later - first for first, later in pairwise(times)] == [5, 300]
    assert len({headers["webhook-signature"] for _, headers, _ in server.requests}) == 3
    assert {headers["webhook-id"] for _, headers, _ in server.requests} == {EVENT["id"]}


def test_a_message_that_is_no_event_is_dropped(world: World, send: Send, server: Server) -> None:
    strays = [" ", "no event", "[]", "{}", '{"id": "1"}', "null", "[" * 9999]
    for body in strays:
        assert send(body) == ([], [])
    assert not server.requests
    assert world.log.getvalue().count('"dropped"') == len(strays)


def test_no_log_has_a_secret_a_signature_or_the_path(
    world: World, send: Send, server: Server
) -> None:
    server.statuses = [500]
    send()
    send()
    log = world.log.getvalue()
    assert "answered with 500" in log
    assert EVENT["id"] in log
    signatures = [headers["webhook-signature"][3:] for _, headers, _ in server.requests]
    assert not [secret for secret in (TOKEN, OLD, *signatures) if secret in log]


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("not base64, but a sentence of a person", id="a sentence"),
        pytest.param(" ", id="nothing"),
        pytest.param("whsec_c2hvcnQ=", id="5 bytes, which can be guessed"),
        pytest.param("ключ" * 12, id="other letters"),
    ],
)
def test_a_secret_that_cannot_sign_is_told_and_the_events_wait_for_another(
    world: World, send: Send, server: Server, secret: str
) -> None:
    """As long as they wait for a server that is down."""
    manager = boto3.client("secretsmanager")
    manager.put_secret_value(SecretId="webhook", SecretString=secret)
    assert send() == (["1"], [5])
    assert send(tries=6) == (["1"], [36_000])
    assert server.requests == []
    log = world.log.getvalue()
    assert "The secret of the webhook is not 24 or more bytes in base64" in log
    assert "docs/operations/events.md" in log
    assert not secret.strip() or secret not in log
    # Neither is the one before it used, once another one was put.
    manager.put_secret_value(SecretId="webhook", SecretString=NEW)
    world.now += FRESH_S
    assert send() == ([], [])
    ((_, headers, _),) = server.requests
    assert len(headers["webhook-signature"].split()) == 1


def test_white_space_around_a_secret_is_not_part_of_it() -> None:
    """As a shell puts a line break after it."""
    for secret in (f"{NEW}\n", f" whsec_{NEW}\r\n"):
        assert signed_headers("1", 0, b"", [secret]) == signed_headers("1", 0, b"", [NEW])


@pytest.fixture
def exchanged(world: World) -> Any:
    """A secret that was exchanged for a new one."""
    manager = boto3.client("secretsmanager")
    manager.create_secret(Name="webhook", SecretString=OLD)
    manager.put_secret_value(SecretId="webhook", SecretString=NEW)
    return manager


def test_a_new_secret_signs_beside_the_old_one_for_a_week(exchanged: Any) -> None:
    since = exchanged.get_secret_value(SecretId="webhook")["CreatedDate"].timestamp()

    def secrets_at(now: float) -> tuple[str, ...]:
        return WebhookSecrets(exchanged, "webhook").current(now, 0)

    assert secrets_at(since) == (NEW, OLD)
    assert secrets_at(since + BOTH_S - 1) == (NEW, OLD)
    assert secrets_at(since + BOTH_S) == (NEW,)


def test_a_secret_is_read_once_a_minute(world: World) -> None:
    manager = boto3.client("secretsmanager")
    manager.create_secret(Name="webhook", SecretString=OLD)
    secrets = WebhookSecrets(manager, "webhook")
    assert secrets.current(world.now, 0) == (OLD,)
    manager.put_secret_value(SecretId="webhook", SecretString=NEW)
    assert secrets.current(world.now, FRESH_S - 1) == (OLD,)
    assert secrets.current(world.now, FRESH_S)[0] == NEW


def test_a_server_that_hangs_or_is_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_https, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        url = f"http://127.0.0.1:{hangs.getsockname()[1]}/"
        with pytest.raises(WebhookFailed, match="timed out"):
            Webhook(url).post({}, b"")
    with pytest.raises(WebhookFailed, match="cannot be reached"):
        Webhook(url).post({}, b"")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """Nothing is sent before the server has shown a good one."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.NameAttribute
    subject = x509.Name([name(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.statuses, server.requests = [], []
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(WebhookFailed, match="certificate verify failed"):
            Webhook(f"https://localhost:{server.server_port}/").post({}, b"secret")
        assert server.requests == []
