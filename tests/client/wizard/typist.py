"""A person at the terminal who types line after line; the output is kept."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from click import termui

from keyferry.cli.main import main
from tests.support.desk import Desk
from tests.support.terminal import Printed, Screen

Line = str | Callable[[], object]


class Keyboard(io.TextIOBase):
    """Gives one line at a time, and shows it, as a terminal does.

    A callable is called first, and then Enter is typed.
    """

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def readline(self, *_: object) -> str:
        if not self.lines:
            return ""
        line = self.lines.pop(0)
        if not isinstance(line, str):
            line()
            line = ""
        sys.stdout.write(f"{line}\n")
        return f"{line}\n"

    def unseen(self, prompt: str) -> str:
        sys.stdout.write(f"{prompt}\n")
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        assert isinstance(line, str)
        return line


def interrupt() -> None:
    """Ctrl-C, pressed while the program waits for a line."""
    raise KeyboardInterrupt


@dataclass(frozen=True)
class Typist:
    """Runs `keyferry wizard --text` at a desk, and types these lines until it ends."""

    desk: Desk
    patch: pytest.MonkeyPatch

    def __call__(self, *lines: Line, options: tuple[str, ...] = ("--text",)) -> Printed:
        out, err, keyboard = Screen(), Screen(), Keyboard(list(lines))
        with self.patch.context() as patched:
            patched.setattr(sys, "stdin", keyboard)
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            # A hidden answer would be read from the terminal that runs the tests.
            patched.setattr(termui, "hidden_prompt_func", keyboard.unseen)
            room = self.desk.room
            arguments = ["wizard", *options, *self.desk.options]
            code = main(arguments, machine=room.machine, now=room.now, dongle=room.dongle)
        assert not keyboard.lines, f"It ended before {keyboard.lines} were typed: {out.text}"
        return Printed(code, out.text, err.text)
