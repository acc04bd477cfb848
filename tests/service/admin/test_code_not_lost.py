"""A code that was made is shown, also where stdout cannot be written; else none is made."""

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

import pytest

from keyferry_admin.cli import main
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key, parse_activation_code
from tests.service.admin.screens import Screen
from tests.support.samples import NUMBER

FULL_DISK = Path("/dev/full")
CREATE, NEW_CODE = f"license create --number {NUMBER}", f"license new-code {NUMBER} --yes"


@pytest.fixture
def run_into(run: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, TextIO | None], Any]:
    """A command whose stdout is this file; returns its exit status and stderr."""

    def command(line: str, out: TextIO | None) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["keyferry-admin", *line.split()])
        err = Screen()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), err.getvalue()

    return command


def a_closed_pipe() -> TextIO:
    """What `| head` leaves when it has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="only Linux has a full disk at hand")
@pytest.mark.parametrize("options", ["", " --json"])
def test_a_code_that_cannot_be_written_goes_to_stderr(
    run: Any, run_into: Any, stack: Stack, options: str
) -> None:
    for line in (CREATE, NEW_CODE):
        with FULL_DISK.open("w") as full:
            code, err = run_into(line + options, full)
        assert code == 1
        assert "No space left on device" in err
        assert "(output-not-written)" in err
        shown = err.split("shown once: ")[1].split()[0]
        public = activation_key(parse_activation_code(shown, NUMBER), NUMBER).public
        assert licenses.find(stack.licenses, NUMBER).activation_public == public


@pytest.mark.skipif(sys.platform == "win32", reason="has no poll")
@pytest.mark.parametrize("out", [a_closed_pipe, lambda: None], ids=["pipe", "closed"])
def test_no_code_is_made_that_no_one_can_read(
    run: Any, run_into: Any, stack: Stack, tmp_path: Path, out: Callable[[], TextIO | None]
) -> None:
    letter = tmp_path / "letter.txt"
    code, err = run_into(f"{CREATE} --letter {letter}", out())
    assert (code, "its reader is gone (output-not-written)" in err) == (1, True)
    assert "Nothing was changed." in err
    assert stack.licenses.get(NUMBER) is None
    assert not letter.exists()
    run(CREATE)
    before = licenses.find(stack.licenses, NUMBER)
    assert run_into(NEW_CODE, out())[0] == 1
    assert licenses.find(stack.licenses, NUMBER) == before
