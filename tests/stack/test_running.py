"""`make run`: what it prints and leaves; it stops whole, and answers nothing itself."""

import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import keyferry
from keyferry_protocol.keys import KeySet
from local.server import Server
from tests.support.journeys import a_machine, carry, download
from tests.support.running_stack import ROOT, RunningStack, start, stop, wait_until_ready

FIRST_START = [
    "Deploying template.yaml with its functions.",
    "Creating signing keys and a demonstration license.",
]


def activate(stack: RunningStack, folder: Path) -> bytes:
    """The demonstration license, carried to the service and back."""
    license = stack.license
    request = keyferry.make_request(
        license["number"],
        license["activation_code"],
        keys=KeySet.from_json((stack.run / "keys.json").read_bytes()),
        product=license["product"],
        machine=a_machine(1),
        state_dir=folder / "offline",
    )
    (ticket,) = carry(stack, [request])
    assert ticket["state"] == "ready", ticket
    return download(ticket)


def processes_of(folder: Path) -> list[str]:
    """Command lines of whatever runs with this stack's folder."""
    listed = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder / "cloud") in line]


def listening(process: subprocess.Popen[bytes]) -> set[str]:
    """Addresses on which the process, ministack and the functions wait for calls."""
    listing = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    family = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    pids = {str(process.pid), *family}
    rows = [line.split() for line in listing.splitlines()]
    return {row[3] for row in rows if set(re.findall(r"pid=(\d+)", row[-1])) & pids}


@pytest.mark.timeout(300)
def test_a_stack_stops_whole_keeps_its_state_and_answers_nothing_itself(tmp_path: Path) -> None:
    process = start(tmp_path)
    stack = wait_until_ready(process, tmp_path)
    first = activate(stack, tmp_path)
    code = stack.license["activation_code"]
    ports = {stack.page.split(":")[2].strip("/"), stack.endpoint.split(":")[2]}
    assert listening(process) == {f"127.0.0.1:{port}" for port in ports}
    while "activate  015120020093  ready" not in stack.output.read_text():
        time.sleep(0.1)  # the journal asks each second
    stop(process)
    assert process.returncode == 0
    assert processes_of(tmp_path) == []

    own = tmp_path / "vendor"
    own.mkdir()
    example = (ROOT / "static-site" / "vendor.json").read_text()
    (own / "vendor.json").write_text(example.replace('"Example"', '"Acme Ltd"'))
    process = start(tmp_path, "--vendor", str(own))
    stack = wait_until_ready(process, tmp_path)
    try:
        assert "Acme Ltd" in requests.get(stack.page, timeout=60).text
        assert stack.license["activation_code"] == code
        again = activate(stack, tmp_path)  # the same file, so the same answer from the ledger
        keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        bodies = {keyferry.verify_response(file, keys).envelope.body for file in (first, again)}
        assert len(bodies) == 1

        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=True
        )
        subprocess.run(["kill", "-9", *listed.stdout.decode().split()], check=True)  # ministack
        for path in ("", "inbox/messages", "api/requests/x", "vendor.json"):
            assert requests.get(f"{stack.page}{path}", timeout=60).status_code == 502, path
        reply = requests.post(f"{stack.api}/requests", json={"email": None}, timeout=60)
        assert reply.status_code == 502
    finally:
        stop(process)
    assert processes_of(tmp_path) == []


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_start_that_is_killed_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    process = start(tmp_path)
    while FIRST_START[-1] not in (tmp_path / "errors").read_text():
        time.sleep(0.02)
    process.kill()  # ministack ends by itself, and forgets what it had
    process.wait()

    process = start(tmp_path)
    stack = wait_until_ready(process, tmp_path)
    activate(stack, tmp_path)
    process.kill()  # this time it writes its state first
    process.wait()
    shutil.rmtree(tmp_path / "run")

    process = start(tmp_path)
    stack = wait_until_ready(process, tmp_path)
    try:
        assert FIRST_START[-1] not in (tmp_path / "errors").read_text()
        activate(stack, tmp_path)
    finally:
        stop(process)
    assert process.returncode == 0
    assert processes_of(tmp_path) == []


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "local.run", "--folder", tmp_path, "--port", str(port)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == f"Port {port} is in use. Try: PORT={port + 1} make run\n"


def test_the_screen_is_the_promised_one(stack: RunningStack) -> None:
    client = f"{stack.run}/keyferry"
    printed = stack.output.read_text().splitlines()[:12]
    assert stack.output.with_name("errors").read_text().splitlines() == FIRST_START
    printed[6:11] = [re.sub(r"\S*/run/keyferry", client, line) for line in printed[6:11]]
    assert printed[:11] == [
        "Keyferry is running on this computer. Nothing leaves it. Press Ctrl-C to stop.",
        f"  Page            {stack.page}",
        f"  Inbox           {stack.inbox}",
        "  License number  015.120.020.093",
        f"  Activation code {stack.license['activation_code']}",
        "Try it, in a second terminal:",
        f"  {client} request 015120020093",
        "  choose 015120020093-*.request on the page, then",
        f"  {client} install ~/Downloads/015120020093-*.response",
        "See it as the vendor, who sells and supports:",
        f"  {client}-admin license show 015120020093",
    ]
    ready = (
        r"Ready in \d+\.\d s: (\d+ resources and \d functions from template\.yaml, in ministack\.)"
    )
    printed_line = re.fullmatch(ready, printed[11])
    assert printed_line is not None, printed[11]
    assert re.findall(ready, (ROOT / "README.md").read_text()) == [printed_line[1]]


@pytest.mark.parametrize("path", ["", "js/main.js", "api/requests/x"])
def test_page_and_api_come_with_the_templates_headers(stack: RunningStack, path: str) -> None:
    headers = requests.get(f"{stack.page}{path}", timeout=60).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert f"connect-src 'self' {stack.endpoint};" in policy
    assert policy.endswith("frame-ancestors 'none'; require-trusted-types-for 'script'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Permissions-Policy"] == "camera=(), microphone=(), geolocation=()"


def test_a_browser_that_goes_before_its_answer_leaves_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = Server(0)
    with socket.create_connection(server.server_address[:2]) as browser:
        connection, address = server.get_request()
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        browser.sendall(b"GET /inbox HTTP/1.1\r\n\r\n")
    server.process_request_thread(connection, address)
    server.server_close()
    assert capsys.readouterr().err == ""


def test_local_stays_small() -> None:
    """What imitates nothing can be short: everything in the folder, lines of nothing apart.

    That a run may be killed anywhere costs a hundred lines: cloud_process.py, files.py, locks.
    That errors are kept and replaced as CloudFront does it costs forty: edge.py.
    That ministack asks for the rights that AWS asks for costs seventy: aws_answers.py.
    That rows are read in half the time costs twenty-five: quick_reads.py.
    That a function's failure is told, from any log, costs eighty: failures.py, journal.py.
    That a browser may go before it has its answer costs five: server.py.
    """
    files = [path for path in (ROOT / "local").iterdir() if path.is_file()]
    assert sum(bool(line.strip()) for path in files for line in path.open()) < 965
