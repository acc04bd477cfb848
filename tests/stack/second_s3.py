"""SeaweedFS, an S3 that shares no line with the embedded cloud: on free ports, its own user."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.running_stack import ROOT

WEED = ROOT / ".venv-soak" / "bin" / "weed"
USER = {"accessKey": "AKIASECOND", "secretKey": "the second cloud's secret"}
SERVERS = ("master", "volume", "filer", "s3")
PORTS = [f"{server}.port{kind}" for server in SERVERS for kind in ("", ".grpc")]


@contextmanager
def running_seaweedfs(folder: Path) -> Iterator[str]:
    """Its S3's address."""
    assert WEED.exists(), "SeaweedFS is missing. Run `make .venv-soak/installed` first."
    identity = {"name": "keyferry", "credentials": [USER], "actions": ["Admin", "Read", "Write"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    command = [str(WEED), "server", "-s3", f"-s3.config={config}", f"-dir={folder}"]
    command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=100", "-s3.port.iceberg=0"]
    command += ["-master.volumeSizeLimitMB=64", *(f"-{name}={n}" for name, n in ports.items())]
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_ready(process, endpoint, folder / "weed.log")
        yield endpoint
    finally:
        process.kill()  # nothing of it is kept, and asked to end it takes its time
        process.wait()


def second_client(endpoint: str) -> Any:
    """A client as the functions have one: signature version 4."""
    connect: Any = boto3.client
    return connect(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=USER["accessKey"],
        aws_secret_access_key=USER["secretKey"],
        config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}),
    )


def _wait_until_ready(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    s3 = second_client(endpoint)
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            s3.create_bucket(Bucket="ready")
            s3.put_object(Bucket="ready", Key="ready", Body=b"ready")
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    raise AssertionError(f"SeaweedFS did not come up: {log.read_text()}")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [int(one.getsockname()[1]) for one in sockets]
