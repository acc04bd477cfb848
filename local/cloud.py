"""Runs the embedded cloud, ministack, in its own process, and stops it with its children."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


class CannotStart(Exception):
    """The stack cannot start. The message is one line for the user."""


class Cloud:
    """The address of the cloud, and the settings that AWS tools and SDKs need."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self, service: str) -> Any:
        os.environ.update(self.environment)
        connect: Any = boto3.client  # the stubs accept only literal names
        return connect(
            service, config=Config(signature_version="v4", retries={"total_max_attempts": 2})
        )


@contextmanager
def running_cloud(folder: Path) -> Iterator[Cloud]:
    """Run ministack with its state in `folder`. Raises CannotStart."""
    cloud = Cloud(_kept_port(folder / "port"))
    scratch, log_file = folder / "scratch", folder / "ministack.log"
    shutil.rmtree(scratch, ignore_errors=True)  # unpacked functions of the previous run
    scratch.mkdir(parents=True)
    settings = {
        "AUTH": "true",  # enforce roles and policies
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": cloud.endpoint.rpartition(":")[2],
        "IOT_MTLS_ENABLED": "0",  # it would listen on another port
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(scratch),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=kept | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches only us, and we stop things in order
        )
    try:
        while not _is_ready(cloud):
            if process.poll() is not None:
                raise CannotStart(f"ministack did not start; its log: {log_file}")
            time.sleep(0.05)
        yield cloud
    finally:
        process.terminate()  # it saves its state first
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_ready(cloud: Cloud) -> bool:
    try:
        with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/health", timeout=5):
            return True
    except OSError:
        return False


def _kept_port(file: Path) -> int:
    """A free port at the first start, and later the same one, because queue URLs contain it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    port = int(file.read_text()) if file.exists() else 0
    try:
        with socket.create_server(("127.0.0.1", port)) as free:
            port = int(free.getsockname()[1])
    except OSError as error:
        raise CannotStart(f"Port {port} of the stack kept in {file.parent} is in use.") from error
    file.write_text(str(port))
    return port
