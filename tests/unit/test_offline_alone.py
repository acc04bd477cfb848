"""The offline machine's library starts no process and opens no connection, in any task."""

import subprocess
import sys
from pathlib import Path

import pytest

# Every way Python has to start a process or to reach a network raises one of these events first.
GUARD = """
import sys

def refuse(event, arguments):
    if event.startswith(("subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn",
                         "os.system", "socket.", "http.", "urllib.")):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
"""
JOURNEY = """
from keyferry import KeySet, Machine, install_response, load
from keyferry import make_request, parse_request, this_machine
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer, PinnedKey
from keyferry_protocol.response import BoundTo, LicenseTerms, ResponseBody

this_machine()
number, vendor = "015120020093", Ed25519Signer.generate()
keys = KeySet((vendor.alg,), (PinnedKey(vendor.keyid, vendor.alg, vendor.public, True),))
machine = Machine("LAB-07", "Debian", "physical", {"smbios_uuid": ["4c4c4544"], "mac": ["b4c04f"]})
place = {"product": "Example", "machine": machine, "state_dir": sys.argv[1]}
request = parse_request(make_request(number, new_activation_code(number), keys=keys, **place))
terms = LicenseTerms(
    number, "", "Example", "", {"solver": True}, ("physical",), False, request.created_at, None,
    None)
bound_to = BoundTo(
    "machine", request.device_key, request.load_key, request.machine.components, None)
response = ResponseBody(
    request.sha256, "activate", 1, 1, request.created_at, terms, bound_to, None, 14)
install_response(seal(RESPONSE, response.to_bytes(), [vendor]), keys, **place)
assert load(keys=keys, **place).check("solver").ok
"""


def run(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", GUARD + code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


def test_request_install_load_and_check_start_no_process_and_open_no_connection(
    tmp_path: Path,
) -> None:
    ran = run(JOURNEY, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "program",
    [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork() or os._exit(0)",
        "import socket; socket.socket()",
        "import socket; socket.gethostname()",
    ],
)
def test_the_guard_ends_a_program_that_is_not_alone(tmp_path: Path, program: str) -> None:
    assert run(program, tmp_path).returncode == 1


# What the client's modules import, with and without the wizard's window. The module for dongles
# is left out: a package that python-pkcs11 needs imports two functions of `socket`. So are hooks of
# PyInstaller, which run where an application is built, and what is for tests, with pytest.
IMPORTS = """
import pkgutil, importlib, keyferry
sys.modules["keyferry.testing"] = None
for module in pkgutil.walk_packages(keyferry.__path__, "keyferry."):
    elsewhere = module.name.startswith(("keyferry.__pyinstaller.", "keyferry.testing"))
    calls = ("__main__", "_calls", "dongle.pkcs11", LEFT_OUT)
    if not elsewhere and not module.name.endswith(calls):
        importlib.import_module(module.name)
print(sorted({"socket", "ssl", "http", "urllib.request", "asyncio"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("left_out", "output"),
    [("wizard.window", "[]\n"), ("nothing", "['http', 'socket', 'ssl']\n")],
    ids=["all but the window: no network code", "the window: what listens on 127.0.0.1"],
)
def test_only_the_wizards_window_imports_network_code(left_out: str, output: str) -> None:
    code = f"import sys\nLEFT_OUT = {left_out!r}\n" + IMPORTS
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stderr, ran.stdout) == ("", output)
