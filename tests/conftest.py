"""One running stack for all tests that want one."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.browser import browser, context, page

__all__ = ["browser", "context", "page"]  # here, so that there is one browser for all folders

ROOT = Path(__file__).parent.parent

# How long one example takes says most of how busy the computer is.
settings.register_profile("keyferry", deadline=None)
settings.load_profile("keyferry")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="How often each race is run.")
    second_s3 = "Also test passes on a second, independent S3: SeaweedFS, of .venv-soak."
    parser.addoption("--second-s3", action="store_true", help=second_s3)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "round_number" in metafunc.fixturenames:
        rounds = range(1, metafunc.config.getoption("rounds") + 1)
        metafunc.parametrize("round_number", rounds, ids="round {}".format)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: while Playwright runs, no handler can start an event loop of its own."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@dataclass(frozen=True)
class RunningStack:
    """What `make run` runs, in a folder of its own on free ports; addresses as in stack.json."""

    run: Path  # keys.json, license.json, vendor.json, stack.json, keyferry, keyferry-admin
    page: str  # ends in /
    api: str
    inbox: str
    endpoint: str
    outputs: dict[str, str]  # of the stack
    output: Path  # what `make run` prints
    patience_s: float = 150  # a message that a killed function held comes again after 120

    @property
    def license(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.run / "license.json").read_bytes())
        return found


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start what `make run` starts, on a free port; its output goes to a file in the folder."""
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "local.run", "--folder", folder, "--port", "0", *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> RunningStack:
    output = folder / "output"
    for _ in range(1200):
        if "Ready in" in output.read_text():
            break
        assert process.poll() is None, output.read_text()
        time.sleep(0.05)
    else:
        pytest.fail(f"The stack did not come up: {output.read_text()}")
    addresses = json.loads((folder / "run" / "stack.json").read_bytes())
    return RunningStack(run=folder / "run", output=output, **addresses)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole stack, for the whole session; `make build TARGET=local` made its artifacts."""
    folder = tmp_path_factory.mktemp("stack")
    process = start(folder)
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], within_s: int = 60) -> None:
    """As Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.wait(timeout=within_s)
