"""One running stack for all tests that want one."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.browser import browser, context, page
from tests.support.journeys import client
from tests.support.running_stack import RunningStack, start, stop, wait_until_ready

__all__ = ["browser", "context", "page"]  # here, so that there is one browser for all folders

# The AWS settings of whoever runs the tests are not theirs.
os.environ["KEYFERRY_SAMCONFIG"] = os.devnull
for name in ("AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
    os.environ.pop(name, None)

# How long one example takes says most of how busy the computer is.
settings.register_profile("keyferry", deadline=None)
settings.load_profile("keyferry")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="How often each race is run.")
    parser.addoption("--machines", type=int, default=60, help="How many race for one license.")
    second_s3 = "Also test passes on a second, independent S3: SeaweedFS, of .venv-soak."
    parser.addoption("--second-s3", action="store_true", help=second_s3)
    arm64 = "Also run the functions on Lambda's Python and processor, emulated by qemu."
    parser.addoption("--arm64", action="store_true", help=arm64)
    one_by_one = "Break one thing at a time for the doctor, instead of all at once."
    parser.addoption("--one-by-one", action="store_true", help=one_by_one)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "round_number" in metafunc.fixturenames:
        rounds = range(1, metafunc.config.getoption("rounds") + 1)
        metafunc.parametrize("round_number", rounds, ids="round {}".format)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: while Playwright runs, no handler can start an event loop of its own."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole stack, for the whole session; `make build TARGET=local` made its artifacts."""
    folder = tmp_path_factory.mktemp("stack")
    process = start(folder)
    try:
        stack = wait_until_ready(process, folder)
        # What a busy computer leaves undone comes again as soon as its function can run no more.
        attributes = {"VisibilityTimeout": "20"}
        queue = stack.outputs["RequestsQueue"]
        client(stack, "sqs").set_queue_attributes(QueueUrl=queue, Attributes=attributes)
        yield stack
    finally:
        stop(process)
