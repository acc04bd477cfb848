"""`keyferry-courier` against the running stack, cut off and run again."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import keyferry
from keyferry_protocol.request import parse_request
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

COMPUTERS = 9


@pytest.fixture
def customer(stack: RunningStack, tmp_path: Path) -> Customer:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    return Customer(stack, table, tmp_path / "rooms", seats=COMPUTERS, valid_until=None)


def courier(stack: RunningStack, stick: Path) -> "subprocess.Popen[str]":
    command = [stack.run / "keyferry-courier", "send", stick, "--page", stack.page, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def tickets(stick: Path) -> dict[str, str]:
    notes = stick / "keyferry-courier.json"
    document: dict[str, Any] = json.loads(notes.read_text()) if notes.exists() else {"tickets": {}}
    by_request: dict[str, str] = document["tickets"]
    return by_request


def test_ten_files_one_of_them_bad_cut_off_and_run_again(
    stack: RunningStack, customer: Customer, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    for computer in range(1, COMPUTERS + 1):
        data = customer.file(computer)
        (stick / f"{parse_request(data).file_stem}.request").write_bytes(data)
    (stick / "damaged.request").write_bytes(customer.file(1)[:-300])

    first = courier(stack, stick)
    deadline = time.monotonic() + 60
    while len(tickets(stick)) < 3 and first.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    known = tickets(stick)
    assert len(known) >= 3

    second = courier(stack, stick)
    out, err = second.communicate(timeout=200)
    assert second.returncode == 3, err
    files = json.loads(out)["files"]
    assert sorted(file["state"] for file in files) == ["ready"] * COMPUTERS + ["unreadable"]
    assert known.items() <= tickets(stick).items(), "no second ticket for a file"

    license = customer.table.get(customer.number)
    assert license is not None
    assert license.seats_used == COMPUTERS
    responses = {file["computer"]: stick / file["response"] for file in files if file["response"]}
    for computer in (1, COMPUTERS):
        place = customer.place(computer)
        data = responses[place["machine"].name].read_bytes()
        keyferry.install_response(data, customer.keys, **place)
        assert keyferry.load(keys=customer.keys, **place).check()
