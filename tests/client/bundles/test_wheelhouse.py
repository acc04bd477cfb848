"""`make wheelhouse`: the client is installed by pip where there is no network."""

import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from client.bundles import wheelhouse
from tests.support.offline import KEYS
from tests.support.samples import PRODUCT

ROOT = Path(__file__).parents[3]
HERE = f"linux-{platform.machine()}"

pytestmark = pytest.mark.skipif(
    HERE not in wheelhouse.MACHINES or os.geteuid() != 0,
    reason="taking the network away needs Linux, and root",
)


def test_pip_installs_the_client_from_the_wheelhouse_alone(tmp_path: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, str(ROOT / "client/bundles/wheelhouse.py")]
    options = ["--output", str(tmp_path), "--machine", HERE, "--python", version]
    output = subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout
    print(f"\n{output.strip()}")
    with zipfile.ZipFile(tmp_path / "keyferry-wheelhouse.zip") as archive:
        archive.extractall(tmp_path)

    def alone(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["unshare", "--net", *command], cwd=tmp_path, capture_output=True, text=True
        )

    assert alone(sys.executable, "-m", "venv", "venv").returncode == 0
    install = ["-m", "pip", "install", "--no-index", "--find-links", "wheelhouse"]
    installed = alone("venv/bin/python", *install, "keyferry[dongle]")
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "keys.json").write_bytes(KEYS.to_json())
    settings = ["--keys", "keys.json", "--state-dir", "state", "--product", PRODUCT, "--json"]
    listed = alone("venv/bin/keyferry", "list", *settings)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"ok": True, "licenses": []})
