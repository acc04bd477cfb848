"""Brings the whole stack up in one folder, with a demonstration license, and down again."""

import fcntl
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyferry_admin import keys, licenses
from keyferry_admin.stack import Stack as AdminStack
from keyferry_protocol.keys import ED25519, ML_DSA_65
from keyferry_protocol.machine import ENVIRONMENTS, PROTECTIONS

from local.cloud import CannotStart, Cloud, free_port, is_free, running_cloud
from local.deploy import STACK, Stack, deploy, upload_site
from local.edge import Edge
from local.inbox import Inbox
from local.journal import Journal
from local.server import Server

ROOT = Path(__file__).parent.parent
NUMBER = "015120020093"


@dataclass(frozen=True)
class Running:
    """The stack while it runs; `run` is the folder with what its users need."""

    page: str
    run: Path
    cloud: Cloud
    stack: Stack
    activation_code: str
    took_s: float


@contextmanager
def running(folder: Path, port: int) -> Iterator[Running]:
    """Run everything: the page on `port` (0: a free one), all state in `folder`. Raises CannotStart."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, Server(port) as server:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"It runs already, with its state in {folder}.") from error
        with running_cloud(folder / "cloud", _kept_port(folder / "cloud-port")) as cloud:
            os.environ.update(cloud.environment)  # keyferry_admin asks what every AWS tool asks
            vendor = json.loads((ROOT / "static-site" / "vendor.json").read_bytes())
            vendor["page_url"] = server.origin
            pem = folder / "pem"
            stack = deploy(
                cloud,
                (ROOT / "template.yaml").read_text(),
                ROOT / ".local" / "build",
                {
                    "PageOrigin": server.origin,
                    "StorageOrigin": cloud.endpoint,
                    "VendorName": vendor["name"],
                    "SupportContact": vendor["support"]["email"] or vendor["support"]["url"],
                    "MailFrom": "licensing@example.com",
                    "OriginSecret": _kept_secret(folder / "origin-secret"),
                    "MlDsaKey": "pem",
                    "PemFolder": str(pem),
                },
            )
            upload_site(cloud, stack.outputs["SiteBucket"], _site(vendor))
            inbox = Inbox(cloud, folder / "inbox.json")
            edge = Edge(cloud, stack.outputs["DistributionId"])
            server.open(edge, inbox, Journal(edge).follow)
            run = folder / "run"
            code = _provide(run, pem, vendor, server.origin, cloud, stack.outputs)
            try:
                yield Running(server.origin, run, cloud, stack, code, time.monotonic() - began)
            finally:
                inbox.keep()
                server.shutdown()


def _site(vendor: dict[str, object]) -> dict[str, bytes]:
    folder = ROOT / "static-site"
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return files | {"vendor.json": json.dumps(vendor).encode()}


def _provide(
    run: Path,
    pem: Path,
    vendor: dict[str, object],
    page: str,
    cloud: Cloud,
    outputs: dict[str, str],
) -> str:
    """Signing keys and a license at the first start, and in `run` what interfaces.md lists."""
    admin = AdminStack(STACK)
    run.mkdir(exist_ok=True)
    pem.mkdir(mode=0o700, exist_ok=True)
    license_file = run / "license.json"
    if not license_file.exists():
        keys.create_in_kms(admin.signing_keys, admin.kms, ED25519, admin.output("SigningKeyArn"))
        keys.create_in_pem(admin.signing_keys, ML_DSA_65, pem / "ml-dsa-65.pem")
        made = licenses.create(
            admin.licenses,
            str(vendor["product"]),
            int(time.time()),
            number=NUMBER,
            licensee="Nordhaven Pilot Plant",
            edition="Professional",
            features={"solver": True, "threads": 16},
            protections=PROTECTIONS,
            environments=ENVIRONMENTS,
            moves_per_year=1000,
        )
        license = {
            "number": NUMBER,
            "activation_code": made.activation_code,
            "product": vendor["product"],
        }
        license_file.write_text(json.dumps(license))
    (run / "keys.json").write_bytes(keys.export(admin.signing_keys, admin.licenses).to_json())
    (run / "vendor.json").write_text(json.dumps(vendor))
    addresses = {
        "page": f"{page}/",
        "api": f"{page}/api",
        "inbox": f"{page}/inbox",
        "endpoint": cloud.endpoint,
        "outputs": outputs,
    }
    (run / "stack.json").write_text(json.dumps(addresses))
    python = shutil.which(sys.executable)
    _script(run / "keyferry", f'exec "{python}" -P "{ROOT}/local/client.py" "{run}" "$@"')
    settings = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    _script(run / "keyferry-admin", f'export {settings}\nexec "{python}" -m keyferry_admin "$@"')
    return str(json.loads(license_file.read_bytes())["activation_code"])


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def _kept_port(file: Path) -> int:
    """The embedded cloud's port: the one of last time if it is free, since stored addresses hold it."""
    port = int(file.read_text()) if file.exists() else 0
    if not port or not is_free(port):
        port = free_port()
        file.write_text(str(port))
    return port


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.write_text(secrets.token_urlsafe(32))
        file.chmod(0o600)
    return file.read_text()
