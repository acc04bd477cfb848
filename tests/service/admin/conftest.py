"""A deployed stack as `keyferry-admin` finds it: outputs in CloudFormation, a table in DynamoDB."""

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from keyferry_admin import connection
from keyferry_admin.cli import main
from keyferry_admin.connection import find_connection
from keyferry_admin.stack import Stack
from tests.service.admin.functions import Functions
from tests.service.admin.screens import Ran, Screen
from tests.service.admin.template import TEMPLATE
from tests.support.samples import NOW


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    """Each command opens a session of its own, for which botocore would read them again."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_session_for_these_tests() -> Iterator[None]:
    """No session outlives them, as it keeps the credentials of the first call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        patch.setattr(connection, "new_session", cache(connection.new_session))
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_call_at_a_time() -> Iterator[None]:
    """moto copies a table while another thread may write to it."""
    client: Any = BaseClient
    call, lock = client._make_api_call, RLock()

    def call_alone(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return call(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_make_api_call", call_alone)
        yield


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """The functions of every stack; their PEM files are in this test's folder."""
    functions = Functions(tmp_path)
    monkeypatch.setattr(Stack, "functions", functions)
    return functions


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        boto3.client("cloudformation").create_stack(
            StackName="keyferry", TemplateBody=json.dumps(TEMPLATE)
        )
        yield find_connection("keyferry").open()


@pytest.fixture
def run(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("time.time", lambda: NOW)
    return runner(monkeypatch)


def runner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs commands as their users do."""

    def command(line: str | list[str], out: type[Screen] = Screen) -> Ran:
        words = line.split() if isinstance(line, str) else line
        monkeypatch.setattr(sys, "argv", ["keyferry-admin", *words])
        with (
            redirect_stdout(out()) as stdout,
            redirect_stderr(out()) as stderr,
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return Ran(int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())

    monkeypatch.setenv("KEYFERRY_PRODUCT", "Example-Modeler")
    return command
