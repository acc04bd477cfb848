"""Starts and stops the whole stack in one folder, with a demonstration license."""

import fcntl
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyferry_admin.stack import Stack, signing_key_output
from keyferry_admin.use_cases import keys, licenses
from keyferry_admin.use_cases.site import site_files
from keyferry_protocol.activation import show_activation_code
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from local.cloud import CannotStart, Cloud, running_cloud
from local.deploy import STACK, deploy, upload_site
from local.edge import Edge
from local.inbox import Inbox
from local.server import Server

ROOT = Path(__file__).parent.parent
BUILD = ROOT / ".local" / "build"
NUMBER = "015120020093"


@dataclass(frozen=True)
class Running:
    """The running stack. The folder `run` has the files that its users need."""

    page: str
    run: Path
    cloud: Cloud
    took_s: float


@contextmanager
def running(folder: Path, port: int, build: Path = BUILD) -> Iterator[Running]:
    """Run all of it: the page on `port` (0: a free one), state in `folder`. Raises CannotStart."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, Server(port) as server:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"It runs already, with its state in {folder}.") from error
        vendor = json.loads((ROOT / "static-site" / "vendor.json").read_bytes())
        vendor["page_url"] = server.origin
        with running_cloud(folder / "cloud") as cloud:
            outputs = _deploy(folder, build, cloud, server.origin, vendor)
            # Start the API's function early; S3's test events have started the two others.
            call = {"FunctionName": outputs["PublicApiFunction"], "InvocationType": "Event"}
            cloud.client("lambda").invoke(**call, Payload="{}")
            upload_site(cloud, outputs["SiteBucket"], _site(vendor))
            _provide(folder, vendor, outputs)
            _describe(folder / "run", cloud, server.origin, outputs)
            inbox = Inbox(cloud, folder / "inbox.json")
            server.open(Edge(cloud, outputs["DistributionId"]), inbox)
            try:
                yield Running(server.origin, folder / "run", cloud, time.monotonic() - began)
            finally:
                inbox.keep()
                server.shutdown()


def _deploy(folder: Path, build: Path, cloud: Cloud, page: str, vendor: Any) -> dict[str, str]:
    secret = folder / "origin-secret"
    if not secret.exists():
        secret.write_text(secrets.token_urlsafe(32))
    parameters = {
        "PageOrigin": page,
        "StorageOrigin": cloud.endpoint,
        "VendorName": vendor["name"],
        "SupportContact": vendor["support"]["email"] or vendor["support"]["url"],
        "MailFrom": "licensing@example.com",
        "OriginSecret": secret.read_text(),
        "MlDsaKey": "pem",
        "PemFolder": str(folder / "pem"),
    }
    return deploy(cloud, (ROOT / "template.yaml").read_text(), build, parameters)


def _site(vendor: Any) -> dict[str, bytes]:
    return site_files(ROOT / "static-site") | {"vendor.json": json.dumps(vendor).encode()}


def _provide(folder: Path, vendor: Any, outputs: dict[str, str]) -> None:
    """Create keys and a license at the first start, and an application's files at every start."""
    stack, run, pem = Stack(STACK), folder / "run", folder / "pem"
    if not (run / "license.json").exists():
        run.mkdir(exist_ok=True)
        pem.mkdir(mode=0o700, exist_ok=True)
        for alg in RESPONSE_ALGORITHMS:
            if arn := outputs.get(signing_key_output(alg)):
                keys.create_in_kms(stack.signing_keys, stack.kms, alg, arn)
            else:  # the embedded cloud's KMS lacks this algorithm
                keys.create_in_pem(stack.signing_keys, alg, pem / f"{alg.lower()}.pem")
        created = licenses.create(
            stack.licenses,
            vendor["product"],
            int(time.time()),
            number=NUMBER,
            licensee="Nordhaven Pilot Plant",
            edition="Professional",
            features={"solver": True, "threads": 16},
            environments=LICENSABLE_ENVIRONMENTS,
            moves_per_year=1000,
        )
        code = show_activation_code(created.activation_code)
        license = {"number": NUMBER, "activation_code": code, "product": vendor["product"]}
        (run / "license.json").write_text(json.dumps(license))
    (run / "keys.json").write_bytes(keys.export(stack.signing_keys, stack.licenses).to_json())
    (run / "vendor.json").write_text(json.dumps(vendor))


def _describe(run: Path, cloud: Cloud, page: str, outputs: dict[str, str]) -> None:
    """Write the addresses of the stack, and the two commands that use it."""
    addresses: dict[str, Any] = {"page": f"{page}/", "api": f"{page}/api", "inbox": f"{page}/inbox"}
    addresses |= {"endpoint": cloud.endpoint, "outputs": outputs}
    (run / "stack.json").write_text(json.dumps(addresses))
    settings = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    for name, command in {
        "keyferry": f'exec "{sys.executable}" -P "{ROOT}/local/demo/offline.py" "{run}" "$@"',
        "keyferry-admin": f'exec env {settings} "{sys.executable}" -m keyferry_admin "$@"',
    }.items():
        (run / name).write_text(f"#!/bin/sh\n{command}\n")
        (run / name).chmod(0o755)
