"""How often a person walks, on the real stack: the tests behind docs/trips.md.

Each test ends with the number that its row of the document has.
"""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import FilePayload, Page, expect

import keyferry
from keyferry.cli.main import main
from keyferry_protocol.activation import (
    new_activation_code,
    show_activation_code,
    show_license_number,
)
from keyferry_protocol.errors import WrongActivationCode
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.codes import read_all, read_screen
from tests.support.customer import Customer
from tests.support.journeys import carry, client, download, wait_for_ticket
from tests.support.make_changed_files import folded, quoted
from tests.support.running_stack import RunningStack
from tests.support.walk import LockedRoom, Walk


@pytest.fixture
def walk() -> Walk:
    return Walk()


@pytest.fixture
def room(stack: RunningStack, tmp_path: Path, walk: Walk) -> LockedRoom:
    """Computers that may have the only seat of a license, but for what a test changes."""
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    return LockedRoom(Customer(stack, table, tmp_path / "room"), walk)


def answer(room: LockedRoom, name: str) -> dict[str, Any]:
    """Send a file of the drive from a computer with internet, and save what comes back on it."""
    assert room.walk.is_outside
    (ticket,) = carry(room.customer.stack, [room.walk.drive[name]])
    if ticket["state"] == "ready":
        save(room, ticket)
    return ticket


def save(room: LockedRoom, ticket: dict[str, Any]) -> str:
    name: str = ticket["response"]["filename"]
    room.walk.drive[name] = download(ticket)
    return name


def trip(room: LockedRoom, *names: str) -> list[str]:
    """Walk out with files and back with their responses; the names of those."""
    room.walk.go_out()
    responses = [answer(room, name)["response"]["filename"] for name in names]
    room.walk.come_back()
    return responses


def activate(room: LockedRoom, computer: int = 1) -> None:
    """A computer that was activated before the story begins."""
    room.customer.activate(computer)
    assert room.runs(computer)


def test_activate(room: LockedRoom, walk: Walk) -> None:
    (response,) = trip(room, room.ask())
    room.install(response)
    assert room.runs()
    assert walk.trips == 1


def test_update(room: LockedRoom, walk: Walk) -> None:
    activate(room)
    room.customer.change(edition="Professional")
    (response,) = trip(room, room.ask(kind="update"))
    assert room.runs(), "it keeps working meanwhile"
    room.install(response)
    place = room.customer.place(1)
    assert keyferry.load(keys=room.customer.keys, **place).edition == "Professional"
    assert walk.trips == 1


def test_renewal(room: LockedRoom, walk: Walk, tmp_path: Path) -> None:
    """The vendor sends one zip for the whole room, and nobody leaves it."""
    room.customer.change(seats=2)
    for computer in (1, 2):
        activate(room, computer)
    room.customer.change(edition="Professional")
    desk, folder = str(room.customer.stack.run / "keyferry-admin"), tmp_path / "renewals"
    command = [desk, "license", "renew", room.customer.number, "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = folder.rglob("*.zip")
    walk.deliver(archive=archive.read_bytes())
    for computer in (1, 2):
        assert installs(room, walk.drive["archive"], tmp_path, computer)
        place = room.customer.place(computer)
        license = keyferry.load(keys=room.customer.keys, **place)
        assert license.edition == "Professional"
    assert walk.deliveries == 1
    assert walk.trips == 0


def test_move_to_another_computer(room: LockedRoom, walk: Walk) -> None:
    """Both files go out together: the deactivation is answered first, and frees the seat."""
    activate(room, 1)
    receipt, response = trip(room, room.ask(1, "deactivate"), room.ask(2))
    room.install(receipt, 1)
    room.install(response, 2)
    assert not room.runs(1)
    assert room.runs(2)
    assert walk.trips == 1


def choose_seat(room: LockedRoom, name: str) -> str:
    """Send a file, say which computer is lost, and save the response, all at the same page."""
    ticket = answer(room, name)
    assert ticket["refusal"]["choose_seat"] is True
    oldest = ticket["refusal"]["seats"][0]["seat"]
    path = f"{room.customer.stack.api}/requests/{ticket['id']}/seat"
    assert requests.post(path, json={"seat": oldest}, timeout=60).status_code == 202
    return save(room, wait_for_ticket(room.customer.stack, ticket))


def test_lost_computer(room: LockedRoom, walk: Walk) -> None:
    activate(room, 1)
    name = room.ask(2)
    walk.go_out()
    response = choose_seat(room, name)
    walk.come_back()
    room.install(response, 2)
    assert room.runs(2)
    assert walk.trips == 1


def test_no_seats_left(room: LockedRoom, walk: Walk) -> None:
    room.customer.change(seats=2)
    for computer in (1, 2):
        activate(room, computer)
    name = room.ask(3)
    walk.go_out()
    response = choose_seat(room, name)
    walk.come_back()
    room.install(response, 3)
    assert room.runs(3)
    assert walk.trips == 1


def test_damaged_file(page: Page, room: LockedRoom, walk: Walk, tmp_path: Path) -> None:
    """Both files are changed on their way, and no byte is lost: page and client repair them."""
    name = room.ask()
    walk.drive[name] = quoted(folded(walk.drive[name].decode(), 70)).encode("utf-16")
    walk.go_out()
    page.goto(room.customer.stack.page)
    page.set_input_files("#file", upload_of(name, walk.drive[name]))
    expect(page.locator("#chosen h2")).to_contain_text(show_license_number(room.customer.number))
    with page.expect_download(timeout=60_000) as download_info:
        page.click("text=Process request file")
    response = download_info.value.path().read_bytes()
    walk.drive["response"] = quoted(folded(response.decode(), 70)).encode()
    walk.come_back()
    assert installs(room, walk.drive["response"], tmp_path)
    assert room.runs()
    assert walk.trips == 1


def test_a_file_that_lost_bytes_is_noticed_before_it_is_sent(
    page: Page, room: LockedRoom, walk: Walk
) -> None:
    """It takes the trip again, but the person knows while still at the page."""
    name = room.ask()
    walk.go_out()
    page.goto(room.customer.stack.page)
    page.wait_for_load_state("networkidle")
    called: list[str] = []
    page.on("request", lambda request: called.append(request.url))
    page.set_input_files("#file", upload_of(name, walk.drive[name][:-60]))
    expect(page.locator("#problems")).to_be_focused()
    assert not [url for url in called if "/api/" in url or room.customer.stack.page not in url]
    walk.come_back()
    (response,) = trip(room, name)
    room.install(response)
    assert walk.trips == 2


def upload_of(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def installs(room: LockedRoom, data: bytes, folder: Path, computer: int = 1) -> bool:
    """Install a file or an archive as the command does."""
    file = folder / "carried"
    file.write_bytes(data)
    return command(room, "install", str(file), computer=computer) == 0


def command(room: LockedRoom, *arguments: str, computer: int = 1) -> int:
    """Run `keyferry` on a computer of the room; its exit code."""
    assert not room.walk.is_outside
    keys = room.customer.folder / "keys.json"
    keys.write_bytes(room.customer.keys.to_json())
    place = room.customer.place(computer)
    options = ["--keys", str(keys), "--state-dir", str(place["state_dir"])]
    product = ["--product", place["product"]]
    return main([*arguments, *options, *product], machine=place["machine"])


def test_wrong_activation_code(room: LockedRoom, walk: Walk) -> None:
    """One wrong symbol, or two that are swapped: no request file is made, so nobody walks."""
    code = room.customer.code
    wrong = code[:-2] + ("0" if code[-2] != "0" else "1") + code[-1]
    at = next(n for n in range(len(code) - 1) if code[n] != code[n + 1])
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    another = new_activation_code("000000000000")
    for typed in (wrong, swapped, code[:-1], another):
        with pytest.raises(WrongActivationCode):
            room.ask(activation_code=show_activation_code(typed))
    assert walk.drive == {}
    (response,) = trip(room, room.ask(activation_code=show_activation_code(code)))
    room.install(response)
    assert room.runs()
    assert walk.trips == 1


def test_room_of_ten(room: LockedRoom, walk: Walk, tmp_path: Path) -> None:
    room.customer.change(seats=10)
    computers = {room.ask(computer): computer for computer in range(1, 11)}
    drive = tmp_path / "drive"
    drive.mkdir()
    room.put_on(drive)
    walk.go_out()
    stack = room.customer.stack
    send = [str(stack.run / "keyferry-courier"), "send", str(drive), "--page", stack.page]
    files = json.loads(subprocess.run([*send, "--json"], check=True, capture_output=True).stdout)[
        "files"
    ]
    walk.come_back()
    for file in files:
        walk.drive[file["response"]] = (drive / file["response"]).read_bytes()
        room.install(file["response"], computers[file["file"]])
    assert all(map(room.runs, computers.values()))
    assert walk.trips == 1


def test_no_usb_drive_but_a_phone(
    page: Page,
    room: LockedRoom,
    walk: Walk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The phone's camera takes the request; a handheld scanner reads the response off the phone."""
    page.goto(code_of(room, room.ask(), tmp_path / "code.svg").as_uri())
    link = read_screen(page)
    walk.drive.clear()  # it stays where it is

    walk.go_out()
    page.goto(link)
    with page.expect_download(timeout=60_000):
        page.click("text=Process request file")
    page.click("text=No way to carry a file back?")
    page.wait_for_selector("figure")
    scanned: list[str] = []
    for picture in page.locator("figure img").all():  # the phone keeps them, for the scanner
        picture.scroll_into_view_if_needed()
        picture.evaluate("(one) => one.decode()")
        scanned += read_all(page, picture.screenshot())
    walk.come_back()

    typed = io.TextIOWrapper(io.BytesIO("\n".join(reversed(scanned)).encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", typed)
    assert command(room, "install", "-") == 0
    assert room.runs()
    assert walk.drive == {}
    assert walk.trips == 1


def code_of(room: LockedRoom, name: str, picture: Path) -> Path:
    """The QR code of a request as the client draws it."""
    file = picture.with_name(name)
    file.write_bytes(room.walk.drive[name])
    keys = str(room.customer.stack.run / "keys.json")  # beside vendor.json, which names the page
    assert main(["qr", str(file), "--keys", keys, "--output", str(picture)]) == 0
    return picture
