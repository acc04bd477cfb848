"""The command line of an offline computer, next to the handlers in the same process."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from keyferry.cli.main import main
from keyferry_protocol.components import Machine
from tests.support.samples import BARE_CODE, NUMBER, PRODUCT
from tests.support.terminal import Printed
from tests.support.world import KEYS, World


@dataclass(frozen=True)
class OfflineCommandLine:
    """Runs `keyferry` at the world's time, with keys and a state folder of its own."""

    world: World
    machine: Machine
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Printed:
        keys = self.folder / "keys.json"
        self.folder.mkdir(exist_ok=True)
        keys.write_bytes(KEYS.to_json())
        options = ("--keys", str(keys), "--state-dir", str(self.folder), "--product", PRODUCT)
        self.capsys.readouterr()
        code = main([*arguments, *options], machine=self.machine, now=self.world.now)
        printed = self.capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    def request(self, kind: str = "request") -> bytes:
        """The file that this kind of request writes."""
        code = self.folder.with_suffix(".code")
        code.write_text(BARE_CODE)
        of_kind = ("--activation-code-file", str(code)) if kind == "request" else ()
        result = self.run(kind, NUMBER, "--output", str(self.folder.parent), *of_kind, "--json")
        assert result.exit == 0, result
        return Path(result.json["request"]["path"]).read_bytes()

    def install(self, response: bytes) -> Printed:
        file = self.folder.with_suffix(".response")
        file.write_bytes(response)
        result = self.run("install", str(file))
        assert result.exit == 0, result
        return result

    def carry(self, kind: str = "request") -> Printed:
        """The whole way: request, carry out, have it answered, carry back, install."""
        return self.install(self.world.response(self.world.activate(self.request(kind))))
