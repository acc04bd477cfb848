"""The single file answers by the keys built into it, whatever its environment says."""

import json
import os
import runpy
import sys
from pathlib import Path

import pytest

import keyferry.cli.main
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import Room, key_set
from tests.support.samples import PRODUCT
from tests.support.terminal import Printed, Shell

ENTRY = Path(__file__).parents[3] / "client" / "bundles" / "entry.py"
FORGER = Ed25519Signer(b"f" * 32)


def vendor_folder(folder: Path, room: Room, product: str = PRODUCT) -> Path:
    """A folder with a vendor's two files."""
    folder.mkdir()
    (folder / "keys.json").write_bytes(room.keys.to_json())
    (folder / "vendor.json").write_text(json.dumps({"id": "example", "product": product}))
    return folder


def single_file(shell: Shell, *arguments: str, **environment: str) -> Printed:
    """Run the entry point as the unpacked file does, with the shell's vendor files inside."""
    printed: list[Printed] = []
    with shell.patch.context() as patch:
        patch.setattr(os, "environ", {**os.environ, **environment})
        patch.setattr(sys, "_MEIPASS", "vendor", raising=False)
        patch.setattr(keyferry.cli.main, "run", lambda: printed.append(shell(*arguments)))
        runpy.run_path(str(ENTRY))
    return printed[0]


@pytest.fixture
def forged(shell: Shell, tmp_path: Path) -> dict[str, str]:
    """An environment that names a forger's keys, and the state where their license is installed."""
    room = Room(tmp_path / "forged", keys=key_set(FORGER), signers=(FORGER,))
    room.activate()
    keys = vendor_folder(tmp_path / "forger", room) / "keys.json"
    return {"KEYFERRY_KEYS": str(keys), "KEYFERRY_STATE_DIR": str(room.state)}


def test_the_environment_cannot_replace_the_built_in_keys(
    shell: Shell, forged: dict[str, str]
) -> None:
    refused = single_file(shell, "check", "--json", **forged)
    assert (refused.exit, refused.json["error"]["code"]) == (7, "not-genuine")


def test_the_environment_cannot_name_a_product_that_is_licensed_here(shell: Shell) -> None:
    viewer = Room(shell.room.state, product="Example Viewer")
    viewer.install(viewer.answer(viewer.request(), product="Example Viewer"))
    refused = single_file(shell, "check", "--json", KEYFERRY_PRODUCT="Example Viewer")
    assert (refused.exit, refused.json["error"]["code"]) == (1, "wrong-product")


def test_the_environment_cannot_name_a_module_to_run(shell: Shell) -> None:
    listed = single_file(shell, "dongle", "list", "--json", KEYFERRY_PKCS11_MODULE="/tmp/evil.so")
    assert "/tmp/evil.so" not in listed.out


def test_who_types_the_command_may_name_other_keys(shell: Shell, forged: dict[str, str]) -> None:
    state = forged["KEYFERRY_STATE_DIR"]
    checked = single_file(
        shell, "check", "--keys", forged["KEYFERRY_KEYS"], "--state-dir", state, "--json"
    )
    assert checked.exit == 0
