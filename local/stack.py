"""Starts and stops the whole stack in one folder, with a demonstration license."""

import fcntl
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.site import site_files, upload_site
from keyferry_admin.use_cases.vendor_json import vendor_file
from local.cloud import REGION, CannotStart, Cloud, keep_state, running_cloud
from local.cloud_process import KEPT
from local.demo.provide import provide
from local.deploy import STACK, deploy
from local.edge import Edge
from local.failures import Failures
from local.files import read, write
from local.inbox import Inbox
from local.journal import Journal
from local.server import Server

ROOT = Path(__file__).parent.parent
BUILD = ROOT / ".local" / "build"
SITE = ROOT / "static-site"


@dataclass(frozen=True)
class Running:
    """The running stack. The folder `run` has the files that its users need."""

    page: str
    run: Path
    cloud: Cloud
    took_s: float


@contextmanager
def running(
    folder: Path,
    port: int,
    build: Path = BUILD,
    own: Path | None = None,
    region: str = REGION,
    webhook: str = "",
) -> Iterator[Running]:
    """Run all of it: the page on `port` (0: a free one), state in `folder`. Raises CannotStart.

    `own` is the folder with the vendor's own vendor.json; without it, the vendor is an example.
    `webhook` is where events are posted; without it, there are none.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, Server(port) as server:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"It runs already, with its state in {folder}.") from error
        vendor = json.loads(vendor_file(SITE, own).read_bytes())
        vendor["page_url"] = server.origin
        with running_cloud(folder / "cloud", region=region) as cloud:
            first = not (folder / "cloud" / KEPT).exists()
            _say(first, "Deploying template.yaml with its functions.")
            outputs = _deploy(folder, build, cloud, server.origin, vendor, webhook)
            # Start the API's function early; S3's test events have started the two others.
            call = {"FunctionName": outputs["PublicApiFunction"], "InvocationType": "Event"}
            cloud.client("lambda").invoke(**call, Payload="{}")
            files = site_files(SITE, own) | {"vendor.json": json.dumps(vendor).encode()}
            upload_site(cloud.client("s3"), outputs["SiteBucket"], files)
            _say(first, "Creating signing keys and a demonstration license.")
            provide(Stack(STACK), folder, vendor, outputs)
            _describe(folder / "run", cloud, server.origin, outputs)
            keep_state(folder / "cloud")
            inbox = Inbox(cloud, folder / "inbox.json")
            edge = Edge(cloud, outputs["DistributionId"])
            server.open(edge, inbox, Journal(edge, Failures(cloud)))
            try:
                yield Running(server.origin, folder / "run", cloud, time.monotonic() - began)
            finally:
                with suppress(OSError):  # the cloud was killed
                    inbox.keep()
                server.shutdown()


def _say(first: bool, step: str) -> None:
    """Say what a first start is doing, which takes a while; later ones are quick."""
    if first:
        print(step, file=sys.stderr, flush=True)


def _deploy(
    folder: Path, build: Path, cloud: Cloud, page: str, vendor: Any, webhook: str
) -> dict[str, str]:
    secret = read(folder / "origin-secret") or secrets.token_urlsafe(32)
    write(folder / "origin-secret", secret)
    parameters = {
        "PageOrigin": page,
        "StorageOrigin": cloud.endpoint,
        "VendorName": vendor["name"],
        "SupportContact": vendor["support"].get("email") or vendor["support"]["url"],
        "MailFrom": "licensing@example.com",
        "OriginSecret": secret,
        "MlDsaKey": "pem",
        "PemFolder": str(folder / "pem"),
    }
    if webhook:
        parameters |= {"Events": "on", "WebhookUrl": webhook}
    return deploy(cloud, (ROOT / "template.yaml").read_text(), build, parameters)


def _describe(run: Path, cloud: Cloud, page: str, outputs: dict[str, str]) -> None:
    """Write the addresses of the stack, and the commands that use it."""
    addresses: dict[str, Any] = {"page": f"{page}/", "api": f"{page}/api", "inbox": f"{page}/inbox"}
    addresses |= {"endpoint": cloud.endpoint, "region": cloud.region, "outputs": outputs}
    write(run / "stack.json", json.dumps(addresses))
    settings = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    courier = f'PYTHONPATH="{ROOT}/courier:{ROOT}/shared"'
    for name, command in {
        "keyferry": f'exec "{sys.executable}" -P "{ROOT}/local/demo/offline.py" "{run}" "$@"',
        "python": f'exec env {settings} "{sys.executable}" "$@"',
        "keyferry-courier": f'exec env {courier} "{sys.executable}" -m keyferry_courier "$@"',
        "keyferry-admin": f'exec env {settings} "{sys.executable}" -m keyferry_admin "$@"',
    }.items():
        write(run / name, f"#!/bin/sh\n{command}\n", 0o755)
