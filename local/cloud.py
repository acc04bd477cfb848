"""The embedded cloud, ministack: a process of its own, started and stopped with all it starts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"


class CannotStart(Exception):
    """The stack does not come up; the text is one line for the person who started it."""


@dataclass(frozen=True)
class Cloud:
    """Where the embedded cloud listens, and how to talk to it."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What every AWS tool and SDK wants to know."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(signature_version="s3v4" if service == "s3" else None),
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running_cloud(folder: Path, port: int) -> Iterator[Cloud]:
    """Run ministack on `port` of 127.0.0.1, its state below `folder`; stop it and its functions at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    settings = {
        "AUTH": "true",  # roles and policies count
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(temporary),
        "LAMBDA_EXECUTOR": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (folder / "ministack.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=kept | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
        )
        try:
            cloud = Cloud(f"http://127.0.0.1:{port}")
            _wait_until_ready(cloud, process, folder / "ministack.log")
            yield cloud
        finally:
            _stop(process)


def _wait_until_ready(cloud: Cloud, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise CannotStart(f"ministack did not start; its log: {log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask ministack to write its state and end; then end whatever is left of its process group."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # functions' processes that outlived it
    except ProcessLookupError:
        pass
