from collections.abc import Iterator

import pytest

from tests.browser import browser, context, page
from tests.page.fake_service import serve_site

__all__ = ["browser", "context", "page"]


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with serve_site() as address:
        yield address
