"""Several request files at a time: a table, one button, and one zip of their responses."""

import io
import zipfile

from playwright.sync_api import Download, FilePayload, Page, expect

from tests.browser.page.fake_room import FakeRoom, of_computer
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
