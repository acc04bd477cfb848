"""Networks that answer in place of the service: sign-in pages, filters, blocked storage."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.page.fake_service import PROCESSING, SIGNED, STEM, TICKET, FakeService, ready
from tests.browser.page.states import REQUEST, choose, process
from tests.browser.page.test_accessibility import violations

Between = Callable[[Route], None]
TITLE = "This network answered instead of us"
SENTENCE = (
    "Something between this computer and us answered instead. "
    "Sign in to the network, then try again."
)
SIGN_IN = "<!doctype html><title>Guest Wi-Fi</title><form>Sign in</form>"


def says(status: int, body: str = "", content_type: str = "text/html", **headers: str) -> Between:
    """An answer that every site may read, as a proxy gives it."""
    allow = {"Access-Control-Allow-Origin": "*", "Content-Type": content_type, **headers}
    return lambda route: route.fulfill(status=status, headers=allow, body=body)


def lost(route: Route) -> None:
    route.abort("connectionfailed")


def bad_certificate(route: Route) -> None:
    route.abort("failed")


# ---- In place of the service


ANSWERS = [
    pytest.param(says(200, SIGN_IN), id="a sign-in page"),
    pytest.param(says(302, Location="https://portal.test/login"), id="a redirect to one"),
    pytest.param(says(307, Location="/login"), id="a redirect within the host"),
    pytest.param(says(511, SIGN_IN), id="511, which is made for this"),
    pytest.param(says(200, "success", "text/plain"), id="plain text"),
    pytest.param(says(200, '{"portal": "login"}', "application/json"), id="other JSON"),
    pytest.param(says(200, "null", "application/json"), id="JSON of nothing"),
    pytest.param(says(403, "Blocked by policy"), id="a filter"),
    pytest.param(says(404, "Not found"), id="a filter that hides"),
    pytest.param(says(204), id="nothing"),
]


@pytest.mark.parametrize("between", ANSWERS)
def test_an_answer_that_is_not_ours_is_told_and_the_same_file_sent_after_the_sign_in(
    page: Page, site: str, between: Between
) -> None:
    service = FakeService(page, ready())
    service.between = between
    process(page, site, "kim@example.com")
    expect(page.locator("h1")).to_have_text(TITLE)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#view")).to_contain_text(SENTENCE)
    expect(page.locator("#view")).to_contain_text("Your request file is unchanged.")
    assert service.calls_by("UPLOAD") == []
    service.between = None
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    ((_, _, form),) = service.calls_by("UPLOAD")
    assert REQUEST in form


def test_a_sign_in_page_during_the_wait_keeps_the_ticket(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING, ready())
    page.goto(f"{site}#t={TICKET}")
    expect(page.locator(".bar")).to_be_visible()
    service.between = says(200, SIGN_IN)
    expect(page.locator("h1")).to_have_text(TITLE)
    service.between = None
    page.click("#retry")
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_a_portal_with_a_certificate_of_its_own_is_named_as_one_reason(
    page: Page, site: str
) -> None:
    service = FakeService(page, ready())
    service.between = bad_certificate
    process(page, site)
    expect(page.locator("h1")).to_have_text("The service is not working right now")
    expect(page.locator("#view")).to_contain_text(
        "If this network asks you to sign in, sign in first."
    )
    service.between = None
    page.click("#retry")
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_no_email_is_promised_before_the_service_has_the_file(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING)
    service.between = lambda route: None  # answers nothing
    page.clock.install()
    process(page, site, "kim@example.com")
    page.clock.fast_forward(10_000)
    expect(page.locator("#status")).to_have_text("Still working.")
    page.clock.fast_forward(9_000)
    expect(page.locator("#view")).not_to_contain_text("kim@example.com")
    assert service.calls_by("UPLOAD") == []


# ---- In place of the storage


BLOCKED = [
    pytest.param(says(200, SIGN_IN), id="a sign-in page"),
    pytest.param(says(201, SIGN_IN), id="a page that says created"),
    pytest.param(says(204), id="no content"),
    pytest.param(says(302, Location="https://portal.test/login"), id="a redirect"),
    pytest.param(says(403, "Blocked by policy"), id="a filter"),
    pytest.param(lost, id="nothing at all"),
    pytest.param(
        says(412, "<Error><Code>PreconditionFailed</Code></Error>", "application/xml"),
        id="an error that no retry repairs",
    ),
]


@pytest.mark.parametrize("between", BLOCKED)
def test_where_the_storage_is_blocked_the_pages_own_host_carries_both_files(
    page: Page, site: str, between: Between
) -> None:
    service = FakeService(page, ready())
    service.between_storage = between
    with page.expect_download() as download:
        process(page, site)
    assert download.value.path().read_bytes() == SIGNED
    assert download.value.suggested_filename == f"{STEM}.response"
    assert service.calls_by("PUT") == [("PUT", f"requests/{TICKET}/file", REQUEST)]
    assert ("GET", f"requests/{TICKET}/file", None) in service.calls
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_a_firewall_that_drops_the_storages_packets_costs_20_seconds(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    service.between_storage = lambda route: None  # answers nothing
    page.clock.install()
    process(page, site)
    expect(page.locator(".bar")).to_be_visible()
    page.wait_for_timeout(500)
    page.clock.fast_forward(20_000)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert service.calls_by("PUT") == [("PUT", f"requests/{TICKET}/file", REQUEST)]


DOWNLOADS = [
    pytest.param(says(200, SIGN_IN), id="a sign-in page"),
    pytest.param(says(200, "signe", "application/octet-stream"), id="a file cut short"),
    pytest.param(says(200, "signeD", "application/octet-stream"), id="another file"),
    pytest.param(
        says(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml"),
        id="an error of the storage",
    ),
]


@pytest.mark.parametrize("between", DOWNLOADS)
def test_only_the_file_itself_is_saved(page: Page, site: str, between: Between) -> None:
    service = FakeService(page, ready())
    page.route("https://uploads.test/*.response", between)
    page.route(f"**/api/requests/{TICKET}/file", between)
    saved: list[object] = []
    page.on("download", lambda download: saved.append(download))
    process(page, site)
    problem = page.locator("#saving")
    expect(problem).to_have_text(
        "Something between this computer and us answered instead of the file. "
        "Sign in to the network, then use the button."
    )
    expect(page.locator("#status")).to_have_text(problem.text_content() or "")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert saved == []
    expect(page.locator(".panel.good")).to_have_count(0)
    assert violations(page) == []
    page.unroute("https://uploads.test/*.response")
    page.unroute(f"**/api/requests/{TICKET}/file")
    with page.expect_download() as download:
        page.click("#again")
    assert download.value.path().read_bytes() == SIGNED
    expect(problem).to_contain_text("is being saved")
    expect(page.locator(".panel.good #again")).to_be_visible()
    assert len(service.calls_by("POST")) == 1


def test_a_download_that_nothing_answers_says_so_beside_the_button(page: Page, site: str) -> None:
    FakeService(page, ready())
    page.route("https://uploads.test/*.response", lost)
    page.route(f"**/api/requests/{TICKET}/file", lost)
    process(page, site)
    expect(page.locator("#saving")).to_have_text(
        "The file could not be downloaded. Check the internet connection, then use the button."
    )
    page.reload()
    expect(page.locator("#saving")).to_contain_text("could not be downloaded")


def test_a_blocked_network_is_accessible(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    service.between = says(200, SIGN_IN)
    page.goto(site)
    choose(page)
    page.click("form button.primary")
    expect(page.locator("h1")).to_have_text(TITLE)
    assert violations(page) == []
