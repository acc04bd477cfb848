"""What the terminal prints in every encoding, whatever a sentence holds."""

import os
import subprocess
import sys

import pytest

from keyferry.views.terminal import Terminal
from tests.support.terminal import Screen, Shell

ENCODINGS = ["ascii", "cp437", "cp1252", "latin-1", "utf-8"]
TYPOGRAPHY = "Install License… — “LAB-07” · the vendor’s key → 2×"
IN_ASCII = 'Install License... - "LAB-07" - the vendor\'s key -> 2x'


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", [(), ("dongle",), ("--help",), ("request", "--help")])
def test_help_is_printed_line_by_line(
    shell: Shell, encoding: str, arguments: tuple[str, ...]
) -> None:
    shell.encoding = encoding
    printed = shell(*arguments)
    lines = printed.out.splitlines()
    assert lines[0].startswith("Usage: keyferry")
    assert len(lines) > 10
    assert "\ufffd" not in printed.out
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("arguments", [(), ("dongle",)])
def test_a_group_without_a_command_is_a_usage_error(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    assert shell(*arguments).exit == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_typography_falls_back_to_ascii(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    Terminal(as_json=False).line(TYPOGRAPHY)
    printed = screen.text.removesuffix("\n")
    assert "\ufffd" not in printed
    assert "?" not in printed
    if encoding == "ascii":
        assert printed == IN_ASCII
    if encoding == "utf-8":
        assert printed == TYPOGRAPHY


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="ascii"),
        pytest.param({"LANG": "C", "LC_ALL": "C"}, id="LANG=C"),
        pytest.param(
            {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            id="LANG=C as before UTF-8 mode",
        ),
    ],
)
def test_a_process_prints_its_help_in_any_locale(environment: dict[str, str]) -> None:
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONIOENCODING"}
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "keyferry"]
    done = subprocess.run(command, env={**kept, **paths, **environment}, capture_output=True)
    assert done.returncode == 2
    assert done.stderr == b""
    assert b"?" not in done.stdout
    assert b"\xef\xbf\xbd" not in done.stdout
    assert done.stdout.startswith(b"Usage: keyferry [OPTIONS] COMMAND [ARGS]...")
