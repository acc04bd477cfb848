"""What `make run` starts, in a folder of its own on a free port."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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
    region: str = "us-east-1"  # release 0.9.0 knows no other
    patience_s: float = 260  # what a killed function held comes again after 120, perhaps twice

    @property
    def license(self) -> dict[str, str]:
        document: dict[str, str] = json.loads((self.run / "license.json").read_bytes())
        return document


def start(folder: Path, *options: str, tree: Path = ROOT) -> subprocess.Popen[bytes]:
    """Start what `make run` starts, on a free port; what it prints goes to files in the folder.

    `tree` holds the code of another release.
    """
    rooms = (tree / room for room in ("client", "shared", "admin"))
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "local.run", "--folder", folder, "--port", "0", *options],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, rooms))},
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )


def wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> RunningStack:
    output, errors = folder / "output", folder / "errors"
    for _ in range(1200):
        if "Ready in" in output.read_text():
            break
        assert process.poll() is None, errors.read_text()
        time.sleep(0.05)
    else:
        pytest.fail(f"The stack did not come up: {errors.read_text()}")
    addresses = json.loads((folder / "run" / "stack.json").read_bytes())
    return RunningStack(run=folder / "run", output=output, **addresses)


def stop(process: subprocess.Popen[bytes], within_s: int = 60) -> None:
    """As Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.wait(timeout=within_s)
