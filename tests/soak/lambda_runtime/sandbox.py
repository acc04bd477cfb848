"""Runs a function as Lambda does: AWS's own client asks for events, and reports their outcomes.

The interface is that of https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

API = "/2018-06-01/runtime"
INIT_S = 600  # 10 on AWS; an emulated processor needs more


@dataclass(frozen=True)
class Machine:
    """What a function runs on: a Python that has AWS's client, and the built artifacts."""

    python: tuple[str, ...]
    build: Path
    runtime: Path | None = None  # the client and boto3, where the Python does not have them
    slowness: int = 1  # a function has so many times its time


@dataclass(frozen=True)
class Report:
    """What became of an event: `kind` is response, error, init/error, exit or timeout."""

    kind: str
    document: Any = None


class Sandbox:
    """One execution environment; an error at its start, an exit or a timeout ends it."""

    def __init__(
        self, machine: Machine, folder: str, function: Mapping[str, Any], log: Path
    ) -> None:
        """`function` is what GetFunctionConfiguration returns; `folder` has its built code."""
        self._timeout_s: int = function["Timeout"] * machine.slowness
        self._server = _Interface(function["FunctionArn"])
        task = machine.build / folder
        packages = [task, machine.build / "shared" / "python", machine.runtime]
        variables = {
            "AWS_LAMBDA_RUNTIME_API": "{}:{}".format(*self._server.server_address),
            "PYTHONPATH": os.pathsep.join(str(path) for path in packages if path),
            **_defined_variables(function, task),
            **function["Environment"]["Variables"],
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*machine.python, "-m", "awslambdaric", function["Handler"]],
                cwd=task,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def invoke(self, event: Mapping[str, Any], within_s: float | None = None) -> Report:
        """Hand over an event and wait for its report, at most as long as the function may take."""
        server, time_s = self._server, within_s or self._timeout_s
        server.deadline = time.monotonic() + INIT_S
        server.events.put((json.dumps(event).encode(), time_s))
        while time.monotonic() < server.deadline:
            has_ended = self._process.poll() is not None
            with suppress(queue.Empty):
                return server.reports.get(timeout=0.02)
            if has_ended:
                return Report("exit", self._process.returncode)
        self.close()
        return Report("timeout")

    def freeze(self) -> None:
        """Let the process do nothing more with the event that it has asked for."""
        assert self._server.has_asked.wait(self._timeout_s)
        self._process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()


class _Interface(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, function_arn: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.function_arn = function_arn
        self.events: queue.Queue[tuple[bytes, float]] = queue.Queue()
        self.reports: queue.Queue[Report] = queue.Queue()
        self.deadline = 0.0
        self.has_asked = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: _Interface
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The next event, once there is one."""
        assert self.path == f"{API}/invocation/next"
        self.server.has_asked.set()
        body, time_s = self.server.events.get()
        self.server.has_asked.clear()
        self.server.deadline = time.monotonic() + time_s
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + time_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
            "Lambda-Runtime-Trace-Id": "Root=1-6743a1d0-0a1b2c3d4e5f60718293a4b5;Sampled=0",
            "Content-Type": "application/json",
        }
        self._reply(200, headers, body)

    def do_POST(self) -> None:
        """What became of the event."""
        kind = self.path.rpartition("/")[2]
        if self.path == f"{API}/init/error":
            kind = "init/error"
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.put(Report(kind, document))
        self._reply(202, {"Content-Type": "application/json"}, b'{"status":"OK"}')

    def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def _defined_variables(function: Mapping[str, Any], task: Path) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    name = function["FunctionName"]
    return {
        "_HANDLER": function["Handler"],
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/11/30/[$LATEST]{uuid.uuid4().hex}",
        "LAMBDA_TASK_ROOT": str(task),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
    }
