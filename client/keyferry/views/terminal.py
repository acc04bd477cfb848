"""Writes to the terminal: text for people or one JSON document for programs, never both."""

import json
import os
import sys
from typing import Any, TextIO

import click

from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message

GOOD, WARNING, BAD = "✓", "!", "X"
_PLAIN = {GOOD: "ok", WARNING: "warn", BAD: "FAIL"}
_COLORS = {GOOD: "green", WARNING: "yellow", BAD: "red"}
USAGE_EXIT = 2


class Terminal:
    """Results go to stdout, problems to stderr; color only on a terminal."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def good(self, sentence: str) -> None:
        self._mark(GOOD, sentence, sys.stdout)

    def line(self, sentence: str) -> None:
        self._write(sentence, sys.stdout)

    def lines(self, text: str) -> None:
        for line in text.splitlines():
            self.line(line)

    def warn(self, sentence: str) -> None:
        self._mark(WARNING, sentence, sys.stderr)

    def bad(self, sentence: str) -> None:
        self._mark(BAD, sentence, sys.stderr)

    def note(self, sentence: str) -> None:
        """A sentence about what is to be typed, which is no result."""
        self._write(sentence, sys.stderr)

    def question(self, sentence: str) -> None:
        """A prompt; the answer is typed on the same line."""
        self._write(message("terminal.question", question=sentence), sys.stdout, ends_line=False)

    def picture(self, lines: list[str]) -> None:
        """Lines of block characters, white on black regardless of the window's colors."""
        for line in lines:
            colored = _is_colored(sys.stdout)
            styled = click.style(line, fg="bright_white", bg="black") if colored else line
            self._write("", sys.stdout, mark=styled)

    def result(self, result: str, sentence: str) -> None:
        """One line of a report: `ok`, `warning` or `problem`. The whole report goes to stdout."""
        marks = {"ok": GOOD, "warning": WARNING, "problem": BAD}
        self._mark(marks[result], sentence, sys.stdout)

    def document(self, members: dict[str, Any]) -> None:
        """Write the document of `--json`; do nothing in text mode."""
        if self.as_json:
            print(json.dumps(members), flush=True)

    def fail(self, error: KeyferryError, **names: str) -> int:
        """Report an error, with the vendor's names filled in, and return the exit code."""
        facts = dict(error.facts)
        error.facts = {name: text for name, text in names.items() if text} | error.facts
        detail = "" if str(error) == error.title else str(error)
        return self.problem(error.code, error.exit, error.title, detail, error.next_step, facts)

    def problem(
        self,
        code: str,
        exit_code: int,
        title: str,
        detail: str,
        next_step: str,
        facts: dict[str, Any] | None = None,
    ) -> int:
        members = {
            "code": code,
            "title": title,
            "detail": detail or title,
            "next_step": next_step,
            "exit": exit_code,
        }
        self.document({"ok": False, "error": members | (facts or {})})
        self._mark(BAD, f"{title} ({code})", sys.stderr)
        for sentence in (detail, next_step):
            if sentence:
                self._write(f"  {sentence}", sys.stderr)
        return exit_code

    def usage(self, error: click.UsageError) -> int:
        command = error.ctx.command_path if error.ctx else "keyferry"
        next_step = message("terminal.usage.next", command=command)
        title = message("terminal.usage.title")
        detail = " ".join(error.format_message().split())  # click wraps some messages
        return self.problem("usage", USAGE_EXIT, title, detail, next_step)

    def _mark(self, mark: str, sentence: str, stream: TextIO) -> None:
        if not can_encode("".join(_PLAIN), stream):
            mark = _PLAIN[mark]
        if _is_colored(stream):
            mark = click.style(mark, fg=_COLORS[_MARKS.get(mark, mark)], bold=True)
        self._write(f" {sentence}", stream, mark=mark)

    def _write(
        self, sentence: str, stream: TextIO, ends_line: bool = True, *, mark: str = ""
    ) -> None:
        """Only `mark` may contain terminal controls: a sentence may name any file on USB."""
        if self.as_json:
            return
        text = f"{mark}{escape_controls(sentence)}"
        click.echo(encodable(text, stream), file=stream, nl=ends_line)


_MARKS = {plain: mark for mark, plain in _PLAIN.items()}


def _is_colored(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


# Typographic characters, and the ASCII that stands in for them in an encoding without them.
_ASCII = str.maketrans(
    {
        **dict.fromkeys("‘’‚‹›", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‐‑‒–—·•", "-"),
        **{"…": "...", "→": "->", "×": "x", "\u00a0": " ", "\u202f": " ", "\ufffd": "?"},
    }
)


def encodable(text: str, stream: TextIO) -> str:
    """The text, with replacements for characters that the stream's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    parts = (c if can_encode(c, stream) else c.translate(_ASCII) for c in text)
    return "".join(parts).encode(encoding, "replace").decode(encoding)


def can_encode(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding can represent the text."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
