from collections.abc import Iterator

import pytest

from tests.browser.page.fake_service import serve_site
from tests.browser.page.test_checklist import points_of


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with serve_site() as address:
        yield address


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `-k point_07` choose the tests of the checklist's number 7."""
    for item in items:
        item.extra_keyword_matches.update(points_of(item))
