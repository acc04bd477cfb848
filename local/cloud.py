"""Runs the embedded cloud, ministack, in its own process, and stops it with its children."""

import fcntl
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
from typing import IO, Any

import boto3
from botocore.config import Config

from local.cloud_process import READY, RUNNING, begin

PROGRAM = Path(__file__).with_name("cloud_process.py")
STOPS_WITHIN_S = 20
REGION = "us-east-1"


class CannotStart(Exception):
    """The stack cannot start. The message is one line for the user."""


class Cloud:
    """The address of the cloud, and the settings that AWS tools and SDKs need."""

    def __init__(self, port: int, region: str = REGION) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.region = region
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "KEYFERRY_SAMCONFIG": os.devnull,  # what is saved there is not for this cloud
        }

    def client(self, service: str) -> Any:
        os.environ.update(self.environment)
        connect: Any = boto3.client  # the stubs accept only literal names
        config = Config(signature_version="v4", retries={"total_max_attempts": 2})
        return connect(service, config=config)


@contextmanager
def running_cloud(folder: Path, program: Path = PROGRAM, region: str = REGION) -> Iterator[Cloud]:
    """Run ministack with its state in `folder`, as one region of AWS. Raises CannotStart.

    Its state is kept only if `keep_state` was called: what a run leaves half done starts anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        _wait_for_previous(lock)
        running = begin(folder)
        cloud = Cloud(_kept_port(running / "port"), region)
        with _process(folder, running, cloud, lock, program) as process:
            while not _is_ready(cloud):
                if process.poll() is not None:
                    log = folder / "ministack.log"
                    raise CannotStart(f"ministack did not start. Read its log: {log}")
                time.sleep(0.05)
            yield cloud


def keep_state(folder: Path) -> None:
    """Keep the state in `folder` when its cloud stops: everything is deployed and provided."""
    (folder / RUNNING / READY).touch()


@contextmanager
def _process(
    folder: Path, running: Path, cloud: Cloud, lock: IO[str], program: Path
) -> Iterator[subprocess.Popen[bytes]]:
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # unpacked functions of the previous run
    scratch.mkdir()
    settings = {
        "AUTH": "true",  # enforce roles and policies
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": cloud.endpoint.rpartition(":")[2],
        "MINISTACK_REGION": cloud.region,
        "IOT_MTLS_ENABLED": "0",  # it would listen on another port
        "PERSIST_STATE": "1",
        "STATE_DIR": str(running / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(running / "s3"),
        "TMPDIR": str(scratch),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (folder / "ministack.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", program],
            env=kept | settings,
            stdin=subprocess.PIPE,  # it ends when we do, even if we are killed
            stdout=log,
            stderr=log,
            pass_fds=(lock.fileno(),),  # locked until its state is written
            start_new_session=True,  # Ctrl-C reaches only us, and we stop things in order
        )
    try:
        lock.truncate(0)
        print(process.pid, file=lock, end="", flush=True)
        yield process
    finally:
        process.terminate()  # it saves its state first
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOPS_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _wait_for_previous(lock: IO[str]) -> None:
    """Wait for the cloud of a run that was killed: it ends by itself, once it wrote its state."""
    deadline = time.monotonic() + STOPS_WITHIN_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > deadline:
                lock.seek(0)
                reason = f"The cloud of an earlier run is still stopping: process {lock.read()}."
                raise CannotStart(f"{reason} End it.") from error
        time.sleep(0.05)


def _is_ready(cloud: Cloud) -> bool:
    try:
        with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/health", timeout=5):
            return True
    except OSError:
        return False


def _kept_port(file: Path) -> int:
    """A free port at the first start, and later the same one, because queue URLs contain it."""
    port = int(file.read_text()) if file.exists() else 0
    try:
        with socket.create_server(("127.0.0.1", port)) as free:
            port = int(free.getsockname()[1])
    except OSError as error:
        raise CannotStart(
            f"Another program uses port {port}, which is in the addresses of this stack's queues. "
            "Stop that program, or start over: make clean"
        ) from error
    file.write_text(str(port))
    return port
