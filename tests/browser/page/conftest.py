from collections.abc import Iterator

import pytest

from tests.browser.page.fake_service import serve_site


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with serve_site() as address:
        yield address
