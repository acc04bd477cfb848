"""The command line in a test: one offline room, its keys beside it, and what was printed."""

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keyferry.cli.main import main
from tests.support.offline import Room
from tests.support.published import check_document
from tests.support.samples import CODE


@dataclass(frozen=True)
class Printed:
    """What one command said and how it ended."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


class Screen(io.TextIOWrapper):
    """A stream of an encoding of its own, a terminal or not."""

    def __init__(self, encoding: str = "utf-8", tty: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    @property
    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


class Keyboard(io.TextIOWrapper):
    """A terminal's standard input, at which a person types these rows and then stops."""

    def __init__(self, rows: Sequence[str]) -> None:
        super().__init__(io.BytesIO("".join(f"{row}\n" for row in rows).encode()), "utf-8")

    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs `keyferry` in the room's folder, with its keys and state filled in."""

    room: Room
    patch: pytest.MonkeyPatch
    encoding: str = "utf-8"
    tty: bool = False

    def __call__(self, *arguments: str, stdin: str | bytes | Keyboard = "") -> Printed:
        out, err = Screen(self.encoding, self.tty), Screen(self.encoding, self.tty)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if isinstance(data, bytes):
            data = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
        with self.patch.context() as patched:
            patched.setattr(sys, "stdin", data)
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            code = main(
                list(arguments),
                machine=self.room.machine,
                now=self.room.now,
                dongle=self.room.dongle,
            )
        if "--json" in arguments:
            check_document(arguments, out.text)
        return Printed(code, out.text, err.text)

    def carried(self, name: str, response: str = "answer.response", **changes: Any) -> Path:
        """Answer the request file of this name, as the page would; where the answer lies."""
        file = Path(response)
        file.write_bytes(self.room.answer(Path(name).read_bytes(), **changes))
        return file


@contextmanager
def shell_in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell whose working folder is this one, with a vendor's files beside it."""
    room = Room(folder / "state")
    vendor = folder / "vendor"
    vendor.mkdir(parents=True)
    (vendor / "keys.json").write_bytes(room.keys.to_json())
    (vendor / "vendor.json").write_text(
        json.dumps(
            {
                "id": "example",
                "product": room.product,
                "page_url": "https://activate.example.com",
                "name": "Example Software",
                "support": {"email": "licensing@example.com"},
            }
        )
    )
    for name in [name for name in os.environ if name.startswith("KEYFERRY_")]:
        patch.delenv(name)
    patch.setenv("KEYFERRY_KEYS", str(vendor / "keys.json"))
    patch.setenv("KEYFERRY_STATE_DIR", str(room.state))
    patch.setenv("KEYFERRY_ACTIVATION_CODE", CODE)
    patch.chdir(folder)
    yield Shell(room, patch)
