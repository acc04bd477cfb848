"""Several request files at a time: a table, one button, and one zip of their responses."""

import io
import zipfile

import pytest
from playwright.sync_api import Download, FilePayload, Page, expect

from tests.browser.page.fake_room import FakeRoom, of_computer
from tests.browser.page.fake_service import PROCESSING, refused
from tests.browser.page.states import NOT_LOADED, SEATS
from tests.support.samples import NUMBER

DAMAGED: FilePayload = {"name": "LAB-9.request", "mimeType": "", "buffer": b'{"payload": "cut'}


def choose_all(page: Page, site: str, *files: FilePayload) -> None:
    page.goto(site)
    page.set_input_files("#file", list(files))
    expect(page.locator("caption")).to_have_text(f"{len(files)} request files")


def responses(download: Download) -> dict[str, bytes]:
    """The files of the saved zip, by name."""
    assert download.suggested_filename == "keyferry-responses.zip"
    with zipfile.ZipFile(io.BytesIO(download.path().read_bytes())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes], cut: int = 0) -> FilePayload:
    """A zip of these files as the client makes it; `cut` bytes of its end are missing."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    data = buffer.getvalue()
    return {"name": "requests.zip", "mimeType": "", "buffer": data[: len(data) - cut]}


def statuses(page: Page) -> dict[str, str]:
    """What each row says, by its computer or file."""
    rows = page.locator("table.room tbody tr")
    return {
        row.locator("th").inner_text().splitlines()[0]: row.locator(".state").inner_text()
        for row in rows.all()
    }


def test_five_files_one_of_them_bad_give_four_responses_and_one_sentence(
    page: Page, site: str
) -> None:
    service = FakeRoom(page)
    files = [of_computer(f"LAB-{n}") for n in range(1, 4)]
    choose_all(page, site, *files, of_computer("OLD-1", kind="deactivate"), DAMAGED)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator(".fault")).to_have_text("1 file cannot be sent. Its row says what to do.")
    damaged = "The file was damaged after it was saved, for example by a text editor."
    assert statuses(page)["LAB-9.request"].startswith(damaged)
    assert service.arrived == []
    with page.expect_download() as saved:
        page.click("text=Process 4 request files")
    expect(page.locator("h1")).to_have_text("4 of 5 responses are ready")
    expect(page.locator("h1")).to_be_focused()
    assert responses(saved.value) == {
        f"{NUMBER}-{name.lower()}-1.response": name.encode()
        for name in ("LAB-1", "LAB-2", "LAB-3", "OLD-1")
    }
    assert service.arrived[0] == "OLD-1"
    assert statuses(page) | {"LAB-9.request": ""} == {
        "LAB-9.request": "",
        **dict.fromkeys(("LAB-1", "LAB-2", "LAB-3"), "Response ready"),
        "OLD-1": "The seat is free again",
    }


def test_two_hundred_files_become_one_zip_and_more_have_a_sentence(page: Page, site: str) -> None:
    service = FakeRoom(page)
    files = [of_computer(f"PC-{n:03}") for n in range(201)]
    page.goto(site)
    page.set_input_files("#file", files)
    expect(page.locator("#problems a")).to_have_text("Choose up to 200 files at a time.")
    page.set_input_files("#file", files[:200])
    with page.expect_download(timeout=60_000) as saved:  # 200 journeys, on a computer that is busy
        page.click("text=Process 200 request files")
    assert len(responses(saved.value)) == 200
    assert len(service.arrived) == 200
    expect(page.locator("h1")).to_have_text("Your response files are ready")


def test_a_zip_of_requests_is_taken_as_it_is_and_each_request_once(page: Page, site: str) -> None:
    FakeRoom(page)
    files = [of_computer(f"LAB-{n}") for n in range(1, 4)]
    archive = zipped(
        {
            **{f"room 4/{file['name']}": file["buffer"] for file in files},
            "a copy.request": files[0]["buffer"],
            "__MACOSX/room 4/._LAB-1.request": b"\0\5\26\7",
            "notes.txt": b"Take these to the office.",
            "old.response": files[0]["buffer"].replace(b".request.v1", b".response.v1"),
        }
    )
    page.goto(site)
    page.set_input_files("#file", [archive, files[0]])
    expect(page.locator("caption")).to_have_text("3 request files")
    with page.expect_download() as saved:
        page.click("text=Process 3 request files")
    assert len(responses(saved.value)) == 3


def test_one_request_in_a_zip_is_as_if_it_had_been_chosen_alone(page: Page, site: str) -> None:
    page.goto(site)
    file = of_computer("LAB-1")
    page.set_input_files("#file", zipped({"mine.request": file["buffer"]}))
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate")
    expect(page.locator("#file-name")).to_have_text("mine.request")


FOLDER = """(files) => {
    const entryOf = ([name, text]) => ({
        name, isDirectory: false, isFile: true, file: (resolve) => resolve(new File([text], name)),
    });
    const folderOf = (name, entries) => ({
        name, isDirectory: true, isFile: false,
        createReader: () => ({ readEntries: (resolve) => resolve(entries.splice(0, 2)) }),
    });
    const inside = folderOf('room 4', Object.entries(files).map(entryOf));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([''], 'a folder'));
    // Only a person can drop a folder; this item looks like one.
    DataTransferItem.prototype.webkitGetAsEntry = () => folderOf('USB', [inside]);
    document.body.dispatchEvent(
        new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}"""


def test_a_dropped_folder_is_searched_for_request_files(page: Page, site: str) -> None:
    page.goto(site)
    files = {f"LAB-{n}.request": of_computer(f"LAB-{n}")["buffer"].decode() for n in (1, 2, 3)}
    page.evaluate(FOLDER, {**files, "readme.txt": "Hello", ".DS_Store": "x"})
    expect(page.locator("caption")).to_have_text("3 request files")


def test_a_folder_without_a_request_file_has_its_sentence(page: Page, site: str) -> None:
    page.goto(site)
    page.evaluate(FOLDER, {"readme.txt": "Hello"})
    expect(page.locator("#problems a")).to_have_text(
        "There is no request file in this zip archive or folder. Choose the request files "
        "themselves."
    )


def test_a_zip_without_a_request_file_says_so(page: Page, site: str) -> None:
    page.goto(site)
    page.set_input_files("#file", zipped({"cut": b""}))
    expect(page.locator("#problems a")).to_contain_text("no request file")
    page.set_input_files("#file", zipped({"x": b"x"}, cut=40))
    expect(page.locator("#problems a")).to_contain_text("This zip archive is damaged.")


def test_a_reload_returns_to_the_table_and_continues(page: Page, site: str) -> None:
    service = FakeRoom(page)
    service.answers["LAB-2"] = PROCESSING
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"), DAMAGED)
    assert page.url.endswith("#room")
    page.reload()
    expect(page.locator("caption")).to_have_text("3 request files")
    page.click("text=Process 2 request files")
    expect(page.locator("#progress")).to_have_text("1 of 2 done")
    page.reload()
    expect(page.locator("h1")).to_have_text("Processing your request files")
    assert statuses(page)["LAB-1"] == "Response ready"
    del service.answers["LAB-2"]
    with page.expect_download() as saved:
        expect(page.locator("h1")).to_have_text("2 of 3 responses are ready")
    assert len(responses(saved.value)) == 2
    assert service.arrived == ["LAB-1", "LAB-2"]
    page.reload()
    expect(page.locator("#saving")).to_contain_text("was already saved to this device's downloads")
    with page.expect_download() as again:
        page.click("text=Download again")
    assert responses(again.value) == responses(saved.value)


def test_what_is_ready_can_be_saved_while_others_wait(page: Page, site: str) -> None:
    service = FakeRoom(page)
    service.answers["LAB-2"] = PROCESSING | {"delayed": True}
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    page.click("text=Process 2 request files")
    with page.expect_download() as saved:
        page.click("text=Save the responses that are ready")
    assert len(responses(saved.value)) == 1
    assert "The service will try again" in statuses(page)["LAB-2"]


def test_a_refused_row_leads_to_the_choice_of_a_seat_and_back(page: Page, site: str) -> None:
    service = FakeRoom(page)
    detail = "Run `keyferry deactivate` where it is not needed."
    choice = {"choose_seat": True, "seats": SEATS}
    service.answers["LAB-2"] = refused("no-seats-left", "All seats are in use", detail, **choice)
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    with page.expect_download():
        page.click("text=Process 2 request files")
    expect(page.locator("ol.steps li").last).to_contain_text("Or run: keyferry install")
    expect(page.locator("ol.steps li")).to_have_count(2)
    row = statuses(page)["LAB-2"].splitlines()
    assert row[0] == "All seats are in use"
    assert "Run keyferry deactivate where it is not needed." in row
    page.click("text=Choose the computer that was lost or broken")
    expect(page.locator("h1")).to_have_text("All seats are in use")
    assert page.url.endswith(f"#t={service.ticket('LAB-2')}")
    del service.answers["LAB-2"]
    with page.expect_download() as saved:
        page.go_back()
        expect(page.locator("h1")).to_have_text("Your response files are ready")
    assert len(responses(saved.value)) == 2


@pytest.mark.parametrize("failures", [0, 1])
def test_a_retry_is_the_main_button_only_where_it_may_help(
    page: Page, site: str, failures: int
) -> None:
    service = FakeRoom(page)
    for name in ("LAB-1", "LAB-2"):
        service.answers[name] = refused("license-revoked", "Revoked", "Ask.")
    service.openings += [(404, {"code": "not-found"}, {})] * failures
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    page.click("text=Process 2 request files")
    retry = page.get_by_role("button", name="Try the files without a response again")
    expect(retry).to_have_class("primary" if failures else "")


def test_a_limit_of_the_network_is_told_and_waited_out(page: Page, site: str) -> None:
    service = FakeRoom(page)
    service.openings.append((429, {"code": "too-many-requests", "n": 1}, {"Retry-After": "1"}))
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    with page.expect_download() as saved:
        page.click("text=Process 2 request files")
        expect(page.locator("#status")).to_contain_text("Sending will continue in 1 minute.")
    assert len(responses(saved.value)) == 2


def test_choosing_other_files_forgets_these(page: Page, site: str) -> None:
    FakeRoom(page)
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    with page.expect_download():
        page.click("text=Process 2 request files")
    page.click("text=Choose other files")
    expect(page.locator("h1")).to_have_text("Get your response file")
    assert "#" not in page.url
    kept = page.evaluate("Object.entries({ ...sessionStorage, ...localStorage }).join()")
    assert "0000" not in kept
    page.goto(f"{site}#room")
    expect(page.locator("h1")).to_have_text("Get your response file")


def test_without_its_own_part_the_page_says_what_to_do(page: Page, site: str) -> None:
    page.goto(site)
    page.wait_for_load_state("networkidle")
    page.route("**/js/room-view.js", lambda route: route.abort())
    page.set_input_files("#file", [of_computer("LAB-1"), of_computer("LAB-2")])
    expect(page.locator("#problems a")).to_have_text(NOT_LOADED)


def test_a_room_with_the_keyboard_alone(page: Page, site: str) -> None:
    FakeRoom(page)
    choose_all(page, site, of_computer("LAB-1"), of_computer("LAB-2"))
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Tab")
    with page.expect_download():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#again")).to_be_focused()
