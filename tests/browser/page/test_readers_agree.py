"""Client, service, page and docs/vectors/verify.py agree on what a readable request is."""

import json
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable

from keyferry import KeyferryError, parse_request
from keyferry_service.domain.proof import read_request
from keyferry_service.domain.refusals import Refusal
from tests.support import vectors

pytestmark = pytest.mark.conformance

SCRIPT = Path(__file__).with_name("read-requests.mjs")
READABLE = "readable"
# Only arithmetic on the curve shows it, and only a file that was made by hand has such a point.
BEYOND_THE_PAGE = {"BODY: dongle.public: off the curve"}


@pytest.fixture(scope="module")
def page() -> dict[str, str | None]:
    """The problem that the page finds in each request, None if it can be sent."""
    node, _ = compute_driver_executable()
    printed = subprocess.run([node, SCRIPT], capture_output=True, text=True, check=True).stdout
    problems: dict[str, str | None] = json.loads(printed)
    return problems


second_reader = vectors.independent_verifier()


@pytest.mark.parametrize("vector", vectors.cases("requests"))
def test_every_reader_agrees_on_what_is_readable(
    vector: dict[str, Any], page: dict[str, str | None]
) -> None:
    data = b64decode(vector["file"])
    verdicts = {
        "client": _of_client(data),
        "service": _of_service(data),
        "verify.py": _of_second_reader(data, vector["activation_key"]),
    }
    if vector["name"] not in BEYOND_THE_PAGE:
        verdicts["page"] = _of_page(page[vector["name"]])
    assert len(set(verdicts.values())) == 1, verdicts


def _of_client(data: bytes) -> str:
    try:
        parse_request(data)
    except KeyferryError as error:
        return _at_the_service(error.code)
    return READABLE


def _of_service(data: bytes) -> str:
    request = read_request(data)
    return request.code if isinstance(request, Refusal) else READABLE


def _of_second_reader(data: bytes, activation_key: str | None) -> str:
    try:
        second_reader.verify("request", data, activation_key)
    except ValueError as error:
        return READABLE if str(error) == "not-authentic" else _at_the_service(str(error))
    return READABLE


def _of_page(problem: str | None) -> str:
    if problem is None:
        return READABLE
    return problem if problem == "unsupported-version" else "unreadable-request"


def _at_the_service(code: str) -> str:
    return "unreadable-request" if code == "wrong-type" else code
