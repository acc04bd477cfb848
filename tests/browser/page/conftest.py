from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route

from tests.browser.page.fake_service import serve_site


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with serve_site() as address:
        yield address


@pytest.fixture
def site_in_two(page: Page, site: str) -> str:
    """The page with a second language on offer, whose file is that of English."""

    def offer(route: Route) -> None:
        answer = route.fetch()
        option = '<option value="de">Deutsch</option></select>'
        route.fulfill(response=answer, body=answer.text().replace("</select>", option))

    def translate(route: Route) -> None:
        route.fulfill(response=route.fetch(url=f"{site}languages/en.json"))

    page.route(lambda url: url.split("?")[0] == site, offer)
    page.route("**/languages/de.json", translate)
    return site
